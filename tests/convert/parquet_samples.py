"""Tables of alerts made for the tests, by pyarrow alone."""

import pyarrow as pa
import pyarrow.parquet as pq
from convert_samples import KINDS, lsst_alert, ztf_alert

CUTOUTS = [f"cutout{kind}" for kind in KINDS]


def lsst_table(count=3, alerts=None, **columns):
    rows = alerts or [lsst_alert(i) for i in range(count)]
    return pa.table({
        "diaSourceId": [r["diaSourceId"] for r in rows],
        "diaSource": [r["diaSource"] for r in rows],
        **{name: pa.array([r[name] for r in rows], pa.binary()) for name in CUTOUTS},
        **columns,
    })  # fmt: skip


def ztf_table(count=2, cutouts=None, **columns):
    """The nested form in which Fink keeps ZTF's alerts."""
    kind = pa.struct(
        [("fileName", pa.string()), ("stampData", pa.binary()), ("stampId", pa.int32())]
    )
    rows = [ztf_alert(i) for i in range(count)]
    for row in rows:
        row.update(cutouts or {})
    return pa.table({
        "candid": [r["candidate"]["candid"] for r in rows],
        "objectId": [f"ZTF18aaaaaa{chr(97 + i)}" for i in range(count)],
        "publisher": ["Fink"] * count,
        "candidate": [r["candidate"] for r in rows],
        **{name: pa.array([r[name] for r in rows], kind) for name in CUTOUTS},
        **columns,
    })  # fmt: skip


def chunk_bytes(path):
    """Row groups of column path to codec and raw bytes, by what pyarrow says of the file."""
    data, meta = path.read_bytes(), pq.ParquetFile(path).metadata
    groups = []
    for g in range(meta.num_row_groups):
        chunks = {}
        for c in range(meta.num_columns):
            chunk = meta.row_group(g).column(c)
            start = chunk.data_page_offset
            if chunk.dictionary_page_offset:
                start = min(start, chunk.dictionary_page_offset)
            pages = data[start : start + chunk.total_compressed_size]
            chunks[chunk.path_in_schema] = (chunk.compression, pages)
        groups.append(chunks)
    return groups
