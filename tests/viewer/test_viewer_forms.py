"""Files of every form that the converter reads, in the page: as they are, or made for it."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import replace

import fastavro
import numpy as np
import pytest
from astropy.io import fits
from chromium import SAMPLE, until
from convert_samples import LSST_SCHEMA, ZTF_SCHEMA, lsst_alert, wire, write_ocf, ztf_alert

import hstamp
from hstamp.convert.image import Position
from hstamp.convert.job import run
from hstamp.convert.plan import Job
from hstamp.convert.report import Report
from hstamp.convert.stamps import Options
from hstamp.viewer.opening import fingerprint, reads_itself
from hstamp.viewer.pieces import FIELDS, Pieces, Spool

KINDS = ["science", "template", "difference"]


def pieces_of(path, said=None, options=None):
    spool = Spool()
    say = (said if said is not None else []).append
    made = Pieces(path, replace(options or Options(), fields=FIELDS), spool, say)
    found = []
    while (data := made.piece(len(found))) is not None:
        found.append(data)
    assert [made.piece(number) for number in range(len(found))] == found
    spool.close()
    return found


def told(data):
    return [json.loads(record["viewed"]) for record in fastavro.reader(io.BytesIO(data))]


@pytest.fixture
def lsst(tmp_path):
    return write_ocf(tmp_path / "lsst.avro", LSST_SCHEMA, [lsst_alert(n) for n in range(20)])


# ---------------------------------------------------------------- what the server makes


def test_alerts_of_today_become_the_stamps_that_a_conversion_writes(lsst, tmp_path):
    run(Job(inputs=(lsst,), out=tmp_path / "with.avro"), Report())
    wanted = [item.stamp.to_bytes() for item in hstamp.read_stamps(tmp_path / "with.avro")]
    pieces = pieces_of(lsst)
    assert len(pieces) > 1  # the first alerts come before the last are made
    found = [i.stamp.to_bytes() for p in pieces for i in hstamp.read_stamps(io.BytesIO(p))]
    assert len(found) == 60
    assert found == wanted


def test_what_is_said_of_an_alert(lsst):
    first, *_ = told(pieces_of(lsst)[0])
    assert (first["record"], first["id"], first["converted"]) == (0, "170000", True)
    # Identifiers have more digits than JavaScript's numbers hold.
    source = {"diaSourceId": "170000", "ra": 150.0, "dec": 2.0, "band": "r"}
    assert source.items() <= first["values"]["diaSource"].items()
    assert first["faults"] == []
    assert first["error"] is None


def test_of_a_cutout_the_first_image_is_kept(lsst):
    record = next(iter(fastavro.reader(io.BytesIO(pieces_of(lsst)[0]))))
    whole = lsst_alert(0)["cutoutScience"]
    # A header and 30x30 float32, in records of 2,880 bytes: one and two.
    assert record["cutoutScience"] == whole[: 3 * 2880]
    with fits.open(io.BytesIO(record["cutoutScience"])) as hdus:
        assert [hdu.shape for hdu in hdus] == [(30, 30)]


def test_equal_files_give_equal_pieces(lsst):
    assert pieces_of(lsst) == pieces_of(lsst)


def test_one_bad_cutout_costs_its_image_and_is_said(tmp_path):
    alerts = [lsst_alert(0), lsst_alert(1, {"cutoutScience": b"no FITS"})]
    path = write_ocf(tmp_path / "bad.avro", LSST_SCHEMA, alerts)
    said = []
    (data,) = pieces_of(path, said)
    assert len(list(hstamp.read_stamps(io.BytesIO(data)))) == 5
    (line,) = said
    assert line.startswith(f"{path}, record 1, cutoutScience: E_INPUT: ")
    (fault,) = told(data)[1]["faults"]
    assert (fault["field"], fault["kind"], fault["code"]) == ("cutoutScience", "science", "E_INPUT")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty", b"", "E_MAGIC"),
        ("words.txt", b"these are words", "E_MAGIC"),
        ("zip.zip", b"PK\x03\x04" + bytes(100), "E_MAGIC"),
        ("image.fits", fits.PrimaryHDU(np.ones((90, 90), "f4")), "E_INPUT"),
        ("none.json", b'{"a": 1}', "E_SCHEMA"),
    ],
)
def test_what_holds_no_alerts_says_so(tmp_path, name, content, code):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.writeto(path)
    said = []
    assert not reads_itself(path)
    (data,) = pieces_of(path, said)
    (row,) = told(data)
    assert [fault["code"] for fault in [row["error"], *row["faults"]] if fault] == [code]
    assert len(said) == 1
    assert said[0].startswith(str(path))
    assert f": {code}: " in said[0]


def test_a_file_that_is_not_there_says_so(tmp_path):
    said = []
    (data,) = pieces_of(tmp_path / "none.avro", said)
    assert "no such file" in told(data)[0]["error"]["message"].lower()
    assert "none.avro: E_INPUT: no such file" in said[0].replace("No", "no")


def test_what_the_page_reads_by_itself(tmp_path, lsst):
    assert reads_itself(SAMPLE)
    stamps = [item.stamp for item in hstamp.read_stamps(SAMPLE)]
    (tmp_path / "one.hstamp").write_bytes(stamps[0].to_bytes())
    assert reads_itself(tmp_path / "one.hstamp")
    for codec, alone in [("null", True), ("deflate", True), ("bzip2", False), ("xz", False)]:
        hstamp.write_stamps(tmp_path / codec, stamps[:3], codec=codec)
        assert reads_itself(tmp_path / codec) is alone
    assert not reads_itself(lsst)
    (tmp_path / "labels.json").write_text('{"format": "hstamp-labels", "version": 1}')
    (tmp_path / "table.csv").write_text("alert_id,p_sn\n")
    assert reads_itself(tmp_path / "labels.json")
    assert reads_itself(tmp_path / "table.csv")


def test_fingerprints_are_of_the_file_as_it_lies_on_the_disk(tmp_path):
    data = bytes(range(251)) * 1000
    (tmp_path / "long").write_bytes(data)
    text = b"251000\n" + data[: 64 * 1024] + data[-64 * 1024 :]
    assert fingerprint(tmp_path / "long") == hashlib.sha256(text).hexdigest()


# ---------------------------------------------------------------- what the page shows


def shown(page):
    """Alerts as the page has them: file, record, identifier, its images, member of an archive."""
    return page.evaluate(
        "window.hstampViewer.library.alerts.map((a) => [a.file.name, a.record, a.id,"
        " a.parts.map((p) => p.kind), a.member])"
    )


def forms(folder):
    """Files of every form that holds one alert, whose identifier is 170001, or 1."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    alert = lsst_alert(1)
    one = write_ocf(folder / "one.avro", LSST_SCHEMA, [alert])
    (folder / "one.avro.gz").write_bytes(gzip.compress(one.read_bytes()))
    write_ocf(folder / "bzip2.avro", LSST_SCHEMA, [alert], codec="bzip2")
    (folder / "wire.bin").write_bytes(wire(1101, LSST_SCHEMA, alert))
    columns = {name: [value] for name, value in alert.items()}
    pq.write_table(pa.table(columns), folder / "table.parquet")
    write_ocf(folder / "ztf.avro", ZTF_SCHEMA, [ztf_alert(1)])
    with tarfile.open(folder / "night.tar.gz", "w:gz") as archive:
        archive.add(one, "n/1.avro")
    return {
        "one.avro": None, "one.avro.gz": None, "bzip2.avro": None, "table.parquet": None,
        "ztf.avro": None, "night.tar.gz": "n/1.avro, record 0",
    }  # fmt: skip


def test_every_form_is_shown_with_its_cutout(served, tmp_path):
    wanted = forms(tmp_path)
    schema = tmp_path / "v11.avsc"
    schema.write_text(json.dumps(LSST_SCHEMA))
    paths = [tmp_path / name for name in (*wanted, "wire.bin")]
    page, said = served(*paths, options=Options(schema_file=schema))
    assert said == []
    rows = {name: (record, id, kinds, member) for name, record, id, kinds, member in shown(page)}
    for name, member in {**wanted, "wire.bin": None}.items():
        identifier = "1" if name == "ztf.avro" else "170001"
        assert rows[name] == (0, identifier, ["difference", "science", "template"], member), name
    marks = page.evaluate("window.hstampViewer.library.files.map((f) => f.fingerprint)")
    assert marks == [fingerprint(path) for path in paths]
    for number, name in enumerate((*wanted, "wire.bin")):
        page.evaluate(f"window.hstampViewer.choose(window.hstampViewer.library.alerts[{number}])")
        side = 63 if name == "ztf.avro" else 30
        size = "window.hstampViewer.current().loaded.cutouts.science?.columns"
        until(page, f"window.hstampViewer.current().alert.file.name === '{name}'")
        until(page, f"{size} === {side}")
    until(page, "document.getElementById('facts').innerText.includes('holds no stamps')")


def test_zstd_containers_are_shown(served, tmp_path):
    pytest.importorskip("cramjam")
    stamps = [item.stamp for item in hstamp.read_stamps(SAMPLE)]
    hstamp.write_stamps(tmp_path / "z.avro", stamps, codec="zstandard")
    page, said = served(tmp_path / "z.avro")
    assert said == []
    assert len(shown(page)) == 10
    # Stamps are the same, whichever way they came.
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[3])")
    until(page, "window.hstampViewer.current().loaded.parts[0]?.record >= 9")
    blob = page.evaluate("[...window.hstampViewer.current().loaded.parts[0].blob]")
    assert bytes(blob) == next(s for s in stamps[9:12] if s.id.endswith("science")).to_bytes()


def test_images_are_cut_where_the_options_say(served, tmp_path):
    fits.PrimaryHDU(np.ones((90, 90), "f4")).writeto(tmp_path / "image.fits")
    options = Options(positions=(Position(None, None, 44.0, 44.0, "here"),))
    page, said = served(tmp_path / "image.fits", options=options)
    assert said == []
    ((name, record, identifier, kinds, _),) = shown(page)
    assert (name, record, identifier, kinds) == ("image.fits", 0, "here", ["stamp"])


def test_faults_are_in_the_page_and_in_the_terminal(served, tmp_path):
    alerts = [lsst_alert(0), lsst_alert(1, {"cutoutScience": b"no FITS"}), lsst_alert(2)]
    write_ocf(tmp_path / "today.avro", LSST_SCHEMA, alerts)
    records = [item.stamp.to_dict() for item in hstamp.read_stamps(SAMPLE)][:6]
    records[2]["dx"] = 0.75
    from hstamp.container.schema import STAMP_SCHEMA

    write_ocf(tmp_path / "six.avro", STAMP_SCHEMA, records)
    (tmp_path / "words").write_bytes(b"words")
    names = ["today.avro", "six.avro", "words"]
    page, said = served(*(tmp_path / name for name in names))
    assert [row[:2] for row in shown(page)][:3] == [["today.avro", number] for number in range(3)]
    until(page, "document.querySelectorAll('#files > li').length === 3")
    rows = page.eval_on_selector_all("#files > li", "nodes => nodes.map((n) => n.textContent)")
    assert "E_INPUT" in rows[0]
    assert "(record 1, cutoutScience)" in rows[0]
    assert "E_OFFSET" in rows[1]
    assert "(record 2)" in rows[1]
    assert "E_MAGIC" in rows[2]
    # What the page found by itself is said in the terminal too, after it has told.
    until(page, "true")
    page.wait_for_timeout(500)
    assert [line.rpartition("/")[2].split(": ")[:2] for line in sorted(said)] == [
        ["today.avro, record 1, cutoutScience", "E_INPUT"],
        ["words", "E_MAGIC"],
        ["six.avro, record 2", "E_OFFSET"],
    ]
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[1])")
    until(page, "document.querySelector('.rejected')?.innerText.includes('E_INPUT')")


# ---------------------------------------------------------------- the page alone


def test_gzip_is_unpacked_by_the_page_itself(browser, tmp_path):
    (tmp_path / "sample.avro.gz").write_bytes(gzip.compress(SAMPLE.read_bytes()))
    stamp = next(iter(hstamp.read_stamps(SAMPLE))).stamp
    (tmp_path / "one.hstamp.gz").write_bytes(gzip.compress(stamp.to_bytes()))
    page = browser.open()
    browser.drop(tmp_path / "sample.avro.gz", tmp_path / "one.hstamp.gz")
    browser.settled()
    until(page, "!window.hstampViewer.busy()")
    assert [row[:2] for row in shown(page)] == [
        *(["sample.avro.gz", number] for number in range(10)), ["one.hstamp.gz", 0],
    ]  # fmt: skip
    marks = page.evaluate("window.hstampViewer.library.files.map((f) => f.fingerprint)")
    assert marks[0] == fingerprint(tmp_path / "sample.avro.gz")


def test_the_page_alone_says_which_command_opens_a_file(browser, tmp_path):
    forms(tmp_path)
    stamps = [item.stamp for item in hstamp.read_stamps(SAMPLE)]
    hstamp.write_stamps(tmp_path / "b.avro", stamps[:1], codec="bzip2")
    (tmp_path / "bad.gz").write_bytes(gzip.compress(SAMPLE.read_bytes())[:-9])
    (tmp_path / "it's a.tar").write_bytes(tarfile_bytes(tmp_path / "one.avro"))
    wanted = {
        "table.parquet": ("E_MAGIC", "a Parquet file", "hstamp view table.parquet"),
        "wire.bin": ("E_LIMIT", "wire format", "hstamp view wire.bin"),
        "one.avro": ("E_SCHEMA", "alerts of today", "hstamp view one.avro"),
        "b.avro": ("E_CODEC", "null, deflate and snappy", "hstamp view b.avro"),
        "bad.gz": ("E_MAGIC", "gzip is damaged", ""),
        "it's a.tar": ("E_LIMIT", "a tar archive", r"hstamp view 'it'\''s a.tar'"),
    }
    page = browser.open()
    browser.drop(*(tmp_path / name for name in wanted))
    until(page, f"document.querySelectorAll('#files > li').length === {len(wanted)}")
    rows = page.eval_on_selector_all("#files > li", "nodes => nodes.map((n) => n.textContent)")
    for row, (name, words) in zip(rows, wanted.items(), strict=True):
        assert row.startswith(name)
        assert all(word in row for word in words), row


def tarfile_bytes(path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(path, "n/1.avro")
    return out.getvalue()
