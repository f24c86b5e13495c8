"""Alerts, images and tables to fuzz converters with: made by the project, then changed."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import fastavro
import numpy as np
from astropy.io import fits

SAMPLES = Path(__file__).resolve().parents[1] / "convert"
if str(SAMPLES) not in sys.path:
    sys.path.insert(0, str(SAMPLES))

import convert_samples as samples  # noqa: E402

CARD, BLOCK = 80, 2880
NUMBERS = ("0", "1", "-1", "2", "3", "7", "63", "64", "999", "32768", "-2147483649", "1E30",
           "1E308", "-1E-320", "1000000000", "9223372036854775808", "'text'", "T", "F", "", "NaN",
           "1D5", "(1, 2)", "'RA---TAN'", "'DEC--TAN'", "'GLON-TAN'", "''")  # fmt: skip
KEYS = ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT", "TFIELDS", "GROUPS",
        "EXTEND", "SIMPLE", "BSCALE", "BZERO", "BLANK", "EXTNAME", "EXTVER", "EXTLEVEL", "EXTTYPE",
        "INHERIT", "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1",
        "TFORM1", "TTYPE1", "THEAP", "CTYPE1", "CTYPE2", "CTYPE3", "CRPIX1", "CRPIX2", "CRVAL1",
        "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "PC1_1", "PC2_2", "CDELT1", "CDELT2",
        "CROTA2", "CUNIT1", "EQUINOX", "RADESYS", "LONPOLE", "LATPOLE", "WCSAXES", "WCSNAME",
        "A_ORDER", "B_ORDER", "AP_ORDER", "A_2_0", "PV1_0", "PV1_1", "PV2_99", "CPDIS1", "DP1",
        "D2IMDIS1", "BUNIT", "UTYPE", "FILTER", "BAND", "MP_SAT", "MP_BAD", "MSKN0000", "MSKM0000",
        "ROTPA", "CUTMINX", "XPOS", "DATE-OBS", "MJD-OBS", "END", "CONTINUE", "HIERARCH", "HISTORY",
        "D001WHTT", "TELESCOP", "INSTRUME")  # fmt: skip
TYPES = ("int", "long", "float", "double", "string", "bytes", "boolean", ["null", "double"],
         {"type": "array", "items": "double"}, {"type": "map", "values": "bytes"},
         {"type": "fixed", "name": "fixed9", "size": 9},
         {"type": "long", "logicalType": "timestamp-micros"},
         {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 3},
         {"type": "enum", "name": "letters", "symbols": ["A", "B"]})  # fmt: skip


def card(key: str, value: str) -> bytes:
    """Card of a header as careless programs write it."""
    sign = "" if key in ("END", "CONTINUE", "HISTORY") else "= "
    return f"{key:<8}{sign}{value:>20}".encode("latin-1")[:CARD].ljust(CARD)


@cache
def images() -> tuple[bytes, ...]:
    """FITS files of several forms: plain, with planes, compressed, integer, several images."""
    rng = np.random.default_rng(5)
    plain = samples.lsst_cutout(samples.noise(40), 19.3, 20.4, ctype=True,
                                mask=(np.ones((40, 40)), ["BAD", "SAT"]))  # fmt: skip
    head = fits.open(io.BytesIO(plain))[0].header
    pixels = rng.normal(100, 5, (48, 40)).astype("f4")
    packed = fits.CompImageHDU(pixels, header=head, name="SCI", tile_shape=(8, 40))
    whole = fits.ImageHDU(pixels.astype("u2"), header=head, name="SCI")
    whole.header["BLANK"] = 7
    pairs = [fits.PrimaryHDU()]
    for version in (1, 2):
        for name in ("SCI", "ERR", "DQ"):
            hdu = fits.ImageHDU(pixels.astype("i2" if name == "DQ" else "f4"), head, name=name)
            hdu.ver = version
            pairs.append(hdu)
    cube = fits.PrimaryHDU(pixels[None, None], header=None)
    files = ([packed], [fits.PrimaryHDU(), whole], pairs, [cube])
    made = [plain]
    for hdus in files:
        first = hdus if isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU(), *hdus]
        made.append(samples.fits_bytes(first))
    return tuple(made)


def changed_fits(data: bytes, rng: random.Random) -> bytes:
    """Change cards, blocks or bytes of a FITS file."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        cards = [at for at in range(0, len(out), CARD) if out[at : at + 8].strip().isalnum()]
        kind = rng.randrange(9)
        if kind < 3 and cards:
            at = rng.choice(cards[:200])
            key = out[at : at + 8].decode("latin-1").strip()
            out[at : at + CARD] = card(key, rng.choice(NUMBERS))
        elif kind < 5 and cards:
            at = rng.choice(cards[:200])
            out[at : at + CARD] = card(rng.choice(KEYS), rng.choice(NUMBERS))
        elif kind == 5:
            at = rng.randrange(len(out) + 1)
            del out[at : at + rng.choice((1, CARD, BLOCK))]
        elif kind == 6:
            at = rng.randrange(0, len(out) + 1, BLOCK)
            out[at:at] = out[at : at + BLOCK * rng.choice((1, 2))]
        elif kind == 7 and out:
            for _ in range(rng.choice((1, 8, 64))):
                out[rng.randrange(len(out))] = rng.randrange(256)
        else:
            out = out[: rng.randrange(len(out) + 1)]
    return bytes(out)


def image(rng: random.Random) -> bytes:
    """FITS image, now and then gzipped."""
    data = changed_fits(rng.choice(images()), rng)
    return gzip.compress(data, 1) if rng.random() < 0.1 else data


def container(schema: object, records: list[object], codec: str = "null") -> bytes:
    """Object container file."""
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(copy.deepcopy(schema)), records, codec=codec)
    return out.getvalue()


def alert(rng: random.Random) -> bytes:
    """LSST or ZTF alerts whose cutouts, fields, schema or bytes are changed."""
    lsst = rng.random() < 0.5
    schema = samples.LSST_SCHEMA if lsst else samples.ZTF_SCHEMA
    make = samples.lsst_alert if lsst else samples.ztf_alert
    records = [make(number) for number in range(1, 3)]
    kind = rng.randrange(5)
    if kind < 2:
        field = f"cutout{rng.choice(samples.KINDS)}"
        record = rng.choice(records)
        if lsst:
            record[field] = changed_fits(record[field], rng)
        else:
            inner = changed_fits(gzip.decompress(record[field]["stampData"]), rng)
            packed = gzip.compress(inner, 1)
            if rng.random() < 0.3:
                packed = changed_bytes(packed, rng)
            record[field] = {**record[field], "stampData": packed}
    elif kind == 2:
        part = records[0]["diaSource" if lsst else "candidate"]
        name = rng.choice([k for k, v in part.items() if isinstance(v, float)])
        values = (float("nan"), float("inf"), -1e308, 400.0, -91.0, 0.0, 1e18)
        part[name] = rng.choice(values)
    data = container(schema, records, rng.choice(("null", "deflate")))
    if kind == 3:
        return other_schema(data, rng)
    return changed_bytes(data, rng) if kind == 4 else data


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, drop or repeat bytes anywhere."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif kind == 1:
            del out[at : at + rng.choice((1, 2, 16, 300))]
        elif kind == 2:
            out[at:at] = out[at : at + rng.choice((1, 8, 200))]
        else:
            out[at:at] = rng.choice((b"\xff" * 9 + b"\x01", b"\x00" * 30, b"\xfe\xff\xff\xff\x0f"))
    return bytes(out)


def other_schema(data: bytes, rng: random.Random) -> bytes:
    """Give a container's records a schema that they do not have."""
    reader = fastavro.reader(io.BytesIO(data))
    schema = json.loads(reader.metadata["avro.schema"])
    fields = schema["fields"]
    part = rng.choice(
        [fields, *(f["type"]["fields"] for f in fields if isinstance(f["type"], dict))]
    )
    kind = rng.randrange(4)
    if kind == 0:
        rng.choice(part)["type"] = rng.choice(TYPES)
    elif kind == 1:
        part.insert(rng.randrange(len(part) + 1), {"name": "extra", "type": rng.choice(TYPES)})
    elif kind == 2:
        part.remove(rng.choice(part))
    else:
        rng.choice(part)["name"] = rng.choice(("", "a-b", "ra", "diaSource", "\x1b[2J", "x" * 5000))
    text = json.dumps(schema).encode()
    out, old = io.BytesIO(), reader.metadata["avro.schema"].encode()
    at = data.index(old)
    size = io.BytesIO()
    fastavro.schemaless_writer(size, "long", len(old))
    before = data[: at - len(size.getvalue())]
    fastavro.schemaless_writer(out, "bytes", text)
    return before + out.getvalue() + data[at + len(old) :]


def table(rng: random.Random) -> bytes:
    """Parquet of alerts with columns of odd types and values, or damaged bytes."""
    import pyarrow as pa
    import pyarrow.parquet

    rows = [samples.lsst_alert(number) for number in range(1, 4)]
    columns: dict[str, object] = {
        "diaSourceId": [row["diaSourceId"] for row in rows],
        "diaSource": [row["diaSource"] for row in rows],
        **{f"cutout{kind}": [row[f"cutout{kind}"] for row in rows] for kind in samples.KINDS},
    }
    odd = (
        pa.array([1, None, 2**62], pa.timestamp("ns")), pa.array([None] * 3, pa.null()),
        pa.array(["a", "b", "a"]).dictionary_encode(), pa.array([[1], [], None]),
        pa.array([b"x", None, b""], pa.large_binary()), pa.array([True, None, False]),
        pa.array([{"a": 1}, None, {"a": 3}]), pa.array([1.5, float("nan"), None], pa.float64()),
    )  # fmt: skip
    kind = rng.randrange(4)
    if kind == 0:
        columns["extra"] = rng.choice(odd)
    elif kind == 1:
        columns[rng.choice(list(columns))] = rng.choice(odd)
    elif kind == 2:
        field = f"cutout{rng.choice(samples.KINDS)}"
        columns[field] = [changed_fits(rows[0][field], rng), None, b""]
    out = io.BytesIO()
    pyarrow.parquet.write_table(
        pa.table(columns), out, compression=rng.choice(("snappy", "none", "zstd"))
    )
    return changed_bytes(out.getvalue(), rng) if kind == 3 else out.getvalue()


MUTATORS: dict[str, Callable[[random.Random], bytes]] = {
    "image": image,
    "alert": alert,
    "table": table,
}
"""What is fuzzed, by name: a changed input from a source of random numbers."""
