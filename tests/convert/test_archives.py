"""Tar archives of alerts: a night is read as a stream, and a bad member costs itself."""

import gzip
import io
import json
import subprocess
import sys
import tarfile

import fastavro
import numpy as np
import pytest
from convert_samples import (
    LSST_SCHEMA,
    ZTF_SCHEMA,
    lsst_alert,
    read_ocf,
    wire,
    write_ocf,
    ztf_alert,
)

import hstamp
from hstamp.container import tarball
from hstamp.container.detect import Kind, detect
from hstamp.container.gunzip import ratio_ceiling
from hstamp.errors import FormatError
from hstamp.files import Fault, read_stamps


def ocf(schema, *records):
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records)
    return out.getvalue()


def pack(path, members, mode="w", **options):
    """Write an archive with the standard library; a member is (name, bytes) or a TarInfo."""
    with tarfile.open(path, mode, **options) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def link(name, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.fixture(scope="module")
def night():
    return [(f"night/{n}.avro", ocf(ZTF_SCHEMA, ztf_alert(n))) for n in (11, 12, 13)]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_night_becomes_one_file_equal_to_that_of_its_members(
    tmp_path, night, convert, mode, form
):
    archive = pack(tmp_path / "night", night, mode, format=form)
    assert detect(archive) == (Kind.TAR, mode == "w:gz")
    report = convert(archive, tmp_path / "out.avro")
    assert report.ok
    assert (report.alerts_in, report.alerts_out) == (3, 3)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in night:
        (folder / name.split("/")[1]).write_bytes(data)
    assert convert(folder, tmp_path / "same.avro").ok
    assert (tmp_path / "out.avro").read_bytes() == (tmp_path / "same.avro").read_bytes()
    assert [r["candidate"]["candid"] for r in read_ocf(tmp_path / "out.avro")] == [11, 12, 13]


def test_only_files_of_alerts_are_read_and_all_others_are_told(tmp_path, night, convert):
    outside = tmp_path / "outside.avro"
    members = [
        tarfile.TarInfo("night/"),
        link("night/passwd.avro", tarfile.SYMTYPE),
        link("night/hard.avro", tarfile.LNKTYPE),
        ("night/_SUCCESS", b""),
        ("night/.1.avro.crc", b"crc"),
        ("night/README", b"text"),
        night[0],
        ("/etc/absolute.avro", b"Obj\x01 damaged"),
        (f"../{outside.name}", night[1][1]),
        ("night/zipped.avro.gz", gzip.compress(night[2][1])),
        ("night/stars.avro", ocf({"type": "record", "name": "star", "fields": []}, {})),
        ("night/inner.tar", pack(tmp_path / "inner", night).read_bytes()),
    ]
    members[0].type = tarfile.DIRTYPE
    archive = pack(tmp_path / "night.tar", members)
    before = sorted(tmp_path.iterdir())
    report = convert(archive, tmp_path / "out.avro")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "out.avro"])
    assert [r["candidate"]["candid"] for r in read_ocf(tmp_path / "out.avro")] == [11, 12, 13]
    assert report.passed_over == 5
    assert [(p.file.split(", ")[1], p.record, p.code) for p in report.problems] == [
        ("night/README", None, "E_MAGIC"),
        ("/etc/absolute.avro", None, "E_AVRO"),
        ("night/stars.avro", None, "E_SCHEMA"),
        ("night/inner.tar", None, "E_MAGIC"),
    ]


def test_places_name_the_member_and_the_record_in_it(tmp_path, convert):
    bad = lsst_alert(2, {"cutoutScience": b"no FITS"})
    data = ocf(LSST_SCHEMA, lsst_alert(1), bad)
    archive = pack(tmp_path / "n.tar.gz", [("a.avro", data), ("123.avro", data)], "w:gz")
    report = convert(archive, tmp_path / "out.avro")
    assert str(report.problems[1]).startswith(
        f"{archive}, 123.avro, record 1, cutoutScience: E_INPUT: not a FITS cutout"
    )
    blobs = convert(archive, tmp_path / "blobs", form="blobs", into_folder=True)
    assert blobs.alerts_out == 4
    names = sorted(p.name for p in (tmp_path / "blobs").rglob("*.hstamp"))
    assert len(names) == 10
    assert names[-1] == "000003-template.hstamp"


def test_long_names_and_binary_sizes_of_every_form(tmp_path, night, convert):
    long = "d" * 90 + "/" + "e" * 90 + "/" + "f" * 60 + ".avro"
    for number, form in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        archive = tmp_path / f"{number}.tar"
        pack(archive, [(long, b"damaged"), night[0]], format=form)
        report = convert(archive, tmp_path / f"{number}.avro")
        assert long[:200] in report.problems[0].file
        assert report.alerts_out == 1
    # Base 256, as GNU tar writes what octal digits cannot hold.
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + bytes(9) + b"\x01\x00"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    piece = next(tarball.pieces(io.BytesIO(bytes(header) + bytes(512))))
    assert (piece.name, len(piece.data)) == ("x", 256)


def test_pax_sizes_count(tmp_path):
    info = tarfile.TarInfo("x")
    info.pax_headers = {"size": "3"}
    body = info.tobuf(tarfile.PAX_FORMAT)
    (piece,) = tarball.pieces(io.BytesIO(body + b"abc" + bytes(509) + bytes(1024)))
    assert piece.data == b"abc"


@pytest.mark.parametrize("cut", [100, 700, 5000])
def test_an_archive_that_ends_early_keeps_what_came_before(tmp_path, night, convert, cut):
    whole = pack(tmp_path / "whole", night[:1]).read_bytes()
    first = whole[: 512 + -(-len(night[0][1]) // 512) * 512]
    (tmp_path / "cut").write_bytes(first + whole[:cut])
    report = convert(tmp_path / "cut", tmp_path / "out.avro")
    assert report.alerts_out == 1
    assert [p.code for p in report.problems] == ["E_AVRO"]
    assert "ends early" in report.problems[0].reason


def test_a_damaged_header_ends_the_archive(tmp_path, night, convert):
    data = pack(tmp_path / "whole", night[:1]).read_bytes()
    stored = 512 + -(-len(night[0][1]) // 512) * 512
    (tmp_path / "x").write_bytes(data[:stored] + b"rubbish" * 200)
    report = convert(tmp_path / "x", tmp_path / "out.avro")
    assert report.alerts_out == 1
    assert f"damaged after {stored + 512} bytes" in report.problems[0].reason


def claim(size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo("x.avro")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (claim(2**40), "E_AVRO"),
        (claim(2**40, tarfile.XHDTYPE), "E_LIMIT"),
        (claim(2**40, tarfile.GNUTYPE_LONGNAME), "E_LIMIT"),
        (claim(2**40, tarfile.XGLTYPE), "E_AVRO"),
        (claim(0, tarfile.GNUTYPE_SPARSE), "E_AVRO"),
    ],
)
def test_claims_of_headers_allocate_nothing(head, code):
    (piece,) = tarball.pieces(io.BytesIO(head + bytes(600)))
    assert piece.error.code == code


def test_members_beyond_the_bound_are_passed_by(monkeypatch, tmp_path, night, convert):
    monkeypatch.setattr(tarball, "MAX_MEMBER", len(night[0][1]))
    archive = pack(tmp_path / "x", [("big.avro", bytes(10**6)), night[0]])
    report = convert(archive, tmp_path / "out.avro")
    assert report.alerts_out == 1
    assert [(p.file.split(", ")[1], p.code) for p in report.problems] == [("big.avro", "E_LIMIT")]


def test_a_gzip_bomb_ends_at_the_ratio(monkeypatch):
    assert ratio_ceiling(1000) == 256 * 2**20 + 256 * 1000
    monkeypatch.setattr(tarball, "ratio_ceiling", lambda size: 2**20 + 16 * size)
    bomb = gzip.compress(claim(2**23) + bytes(2**23))
    (piece,) = tarball.pieces(io.BytesIO(bomb), gzipped=True)
    assert piece.error.code == "E_LIMIT"


@pytest.mark.parametrize("pax", [b"9 path=x\n", b"-3 path=x\n", b"path", b"99999999999 path=x\n"])
def test_damaged_pax_headers_end_the_archive(pax):
    head = tarfile.TarInfo("h")
    head.type, head.size = tarfile.XHDTYPE, len(pax)
    data = head.tobuf(tarfile.USTAR_FORMAT) + pax.ljust(512, b"\0")
    found = list(tarball.pieces(io.BytesIO(data + claim(0) + bytes(1024))))
    if pax == b"9 path=x\n":
        assert [(p.name, p.error) for p in found] == [("x", None)]
    else:
        assert [p.error.code for p in found] == ["E_AVRO"]


def test_a_name_that_looks_like_another_file_does_not_hide_an_archive(tmp_path, night, convert):
    archive = pack(tmp_path / "x", [("PAR1", night[0][1])])
    assert convert(archive, tmp_path / "out.avro").alerts_out == 1
    # Nor do the bytes 'ustar' make one.
    other = bytearray(b"SIMPLE  =                    T".ljust(512))
    other[257:262] = b"ustar"
    (tmp_path / "y").write_bytes(other)
    assert detect(tmp_path / "y") == (Kind.FITS, False)


def test_schemas_that_do_not_go_together_are_told_record_by_record(tmp_path, night, convert):
    lsst = ("l.avro", ocf(LSST_SCHEMA, lsst_alert(1), lsst_alert(2)))
    archive = pack(tmp_path / "x", [night[0], lsst, night[1]])
    report = convert(archive, tmp_path / "out.avro")
    assert report.alerts_out == 2
    assert [(p.file.split(", ")[1], p.record, p.code) for p in report.problems] == [
        ("l.avro", 0, "E_SCHEMA"),
        ("l.avro", 1, "E_SCHEMA"),
    ]
    stamps = convert(archive, tmp_path / "stamps.avro", form="stamps")
    assert stamps.ok
    assert len(read_ocf(tmp_path / "stamps.avro")) == 12


def test_wire_messages_in_an_archive(tmp_path, convert):
    avsc = tmp_path / "lsst.avsc"
    avsc.write_text(json.dumps(LSST_SCHEMA))
    members = [(f"{n}", wire(1101, LSST_SCHEMA, lsst_alert(n))) for n in (1, 2)]
    members.append(("cut", members[0][1][:-5]))
    archive = pack(tmp_path / "x.tar", members)
    report = convert(archive, tmp_path / "out.avro", schema_file=avsc)
    assert (report.alerts_out, [p.file[-3:] for p in report.problems]) == (2, ["cut"])


@pytest.fixture
def stamped(tmp_path, night, convert):
    """An archive of alerts with stamps, of a blob and of rubbish."""
    members = []
    for name, data in night[:2]:
        (tmp_path / "in").write_bytes(data)
        convert(tmp_path / "in", tmp_path / "made.avro", force=True)
        members.append((name, (tmp_path / "made.avro").read_bytes()))
    blob = hstamp.encode(np.ones((40, 40), np.float32), 20, 20, id="alone").to_bytes()
    return pack(tmp_path / "s.tgz", [*members, ("b", blob), ("r", b"rubbish")], "w:gz")


def test_stamps_of_an_archive(stamped):
    found = list(read_stamps(stamped, errors="collect"))
    assert [item.record for item in found] == [0, 0, 0, 1, 1, 1, 2, 3]
    assert found[4].place == f"{stamped}, night/12.avro, record 0, hstampScience"
    assert found[6].stamp.id == "alone"
    assert found[7].place == f"{stamped}, r, record 0"
    assert isinstance(found[7], Fault)
    with stamped.open("rb") as stream:
        assert len(list(read_stamps(stream, errors="collect"))) == 8
    with pytest.raises(FormatError, match=r"s\.tgz, r, record 0: "):
        list(read_stamps(stamped))


def test_commands_take_archives(stamped, tmp_path, night):
    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "hstamp.cli", *map(str, arguments)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    status, out, err = run("validate", stamped)
    assert (status, out) == (1, "1 file: 7 valid stamps, 1 fault\n")
    assert err.startswith(f"{stamped}, r, record 0: E_MAGIC")
    status, out, _ = run("info", stamped)
    assert status == 1
    assert "record 1 (night/12.avro) hstampScience: 12/science" in out
    assert "tar archive, gzipped" in out
    plain = pack(tmp_path / "plain.tar", night)
    status, out, _ = run("info", "--json", plain)
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["member"] for line in lines[::3]] == [name for name, _ in night]


def test_hosts_reads_archives(stamped):
    from hstamp.inference.alerts import Options, read_alerts

    alerts = list(read_alerts([stamped], Options(), (("template", "science"),)))
    assert [a.id for a in alerts] == ["11", "12", "alone", None]
    assert alerts[3].place == f"{stamped}, r"
    assert alerts[3].faults[0].code == "E_MAGIC"


def test_a_folder_gets_one_output_for_an_archive(tmp_path, night, convert):
    pack(tmp_path / "night.tar.gz", night, "w:gz")
    write_ocf(tmp_path / "one.avro", ZTF_SCHEMA, [ztf_alert(1)])
    inputs = [tmp_path / "night.tar.gz", tmp_path / "one.avro"]
    report = convert(inputs, tmp_path / "out", into_folder=True)
    assert report.ok
    assert len(read_ocf(tmp_path / "out" / "night.avro")) == 3
    again = convert(inputs, tmp_path / "out", into_folder=True)
    assert sum(again.skipped.values()) == 2
