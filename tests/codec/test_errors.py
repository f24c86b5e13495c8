"""Section 11: every code for its cause, in the order of the table."""

import re
import struct
from pathlib import Path

import brute
import pytest
import samples

import hstamp
from hstamp.errors import CODES

BASE = samples.stamp(2, encoding="i2", variance="f4").to_dict()
NAN, INF = float("nan"), float("inf")


def changed(**parts):
    """Record with some fields replaced; dictionaries change fields of a plane."""
    out = dict(BASE)
    for name, value in parts.items():
        out[name] = BASE[name] | value if isinstance(value, dict) else value
    return out


def f4_image(values):
    return {"encoding": "f4", "zero": [], "scale": [], "data": struct.pack("<372f", *values)}


RECORDS = [
    ("E_VERSION", changed(version=99), "99"),
    ("E_VERSION", changed(version=200), "200"),
    ("E_VERSION", changed(version=-(2**31)), "version"),
    ("E_LEVELS", changed(levels=1), "1"),
    ("E_LEVELS", changed(levels=9), "9"),
    ("E_TEXT", changed(id="x" * 129), "id"),
    ("E_TEXT", changed(id="tab\t"), "id"),
    ("E_TEXT", changed(band="r" * 33), "band"),
    ("E_TEXT", changed(band="\x7f"), "band"),
    ("E_TEXT", changed(fluxUnit=""), "fluxUnit"),
    ("E_TEXT", changed(fluxUnit=b"\xc2\xb5Jy"), "fluxUnit"),
    ("E_OFFSET", changed(dx=0.50001), "0.5"),
    ("E_OFFSET", changed(dy=NAN), "nan"),
    ("E_WCS", changed(wcs={"ra": 360.0}), "360"),
    ("E_WCS", changed(wcs={"ra": -1e-9}), "-1e-09"),
    ("E_WCS", changed(wcs={"dec": 90.5}), "90.5"),
    ("E_WCS", changed(wcs={"dec": NAN}), "nan"),
    ("E_WCS", changed(wcs={"cd1_1": 0.0, "cd2_1": 0.0}), "singular"),
    ("E_WCS", changed(wcs={"cd2_2": INF}), "CD"),
    ("E_ENCODING", changed(image={"encoding": "i4"}), "i4"),
    ("E_ENCODING", changed(variance={"encoding": "F4"}), "F4"),
    ("E_ENCODING", changed(mask={"encoding": ""}), "mask"),
    ("E_ENCODING", changed(psf={"encoding": "f4"}), "f4"),
    ("E_LENGTH", changed(image={"data": bytes(743)}), "744"),
    ("E_LENGTH", changed(image={"data": b""}), "744"),
    ("E_LENGTH", changed(variance={"data": bytes(4 * 372 + 4)}), "1488"),
    ("E_LENGTH", changed(mask={"data": bytes(371)}), "372"),
    ("E_LENGTH", changed(psf={"data": bytes(2 * 49 - 2)}), "98"),
    ("E_SCALE", changed(image={"zero": [0.0]}), "zero"),
    ("E_SCALE", changed(image={"scale": [1.0] * 3}), "scale"),
    ("E_SCALE", changed(image={"scale": [1.0, 0.0]}), "level 1"),
    ("E_SCALE", changed(image={"scale": [-1.0, 1.0]}), "level 0"),
    ("E_SCALE", changed(image={"scale": [1.0, NAN]}), "level 1"),
    ("E_SCALE", changed(image={"zero": [INF, 0.0]}), "level 0"),
    ("E_SCALE", changed(image={"zero": [NAN, 0.0]}), "level 0"),
    ("E_SCALE", changed(image={"zero": [3e38, 0.0], "scale": [2e34, 1.0]}), "level 0"),
    ("E_SCALE", changed(image=f4_image([0.0] * 372) | {"zero": [0.0, 0.0]}), "f4"),
    ("E_VALUE", changed(image=f4_image([0.0] * 371 + [INF])), "infinite"),
    ("E_VALUE", changed(image=f4_image([-INF] + [0.0] * 371)), "infinite"),
    ("E_VALUE", changed(variance={"data": struct.pack("<372f", *[1.0] * 371, -1e-45)}), "negative"),
    ("E_VALUE", changed(variance={"data": struct.pack("<372f", *[INF] * 372)}), "infinite"),
    ("E_SCALE", changed(variance={"encoding": "log8", "unit": 0.0, "data": bytes(372)}), "unit"),
    ("E_SCALE", changed(variance={"encoding": "log8", "unit": -1.0, "data": bytes(372)}), "unit"),
    ("E_SCALE", changed(variance={"encoding": "log8", "unit": NAN, "data": bytes(372)}), "unit"),
    ("E_SCALE", changed(variance={"encoding": "log8", "unit": 1e34, "data": bytes(372)}), "unit"),
    ("E_MASK", changed(mask={"planes": []}), "planes"),
    ("E_MASK", changed(mask={"planes": list("ABCDEFGHI")}), "9"),
    ("E_MASK", changed(mask={"encoding": "u2", "planes": list("ABCDEFGHIJKLMNOPQ")}), "17"),
    ("E_MASK", changed(mask={"planes": ["A", "B", "A"]}), "distinct"),
    ("E_MASK", changed(mask={"planes": ["A", "", "C"]}), "names"),
    ("E_MASK", changed(mask={"planes": ["A", "B C", "D"]}), "names"),
    ("E_MASK", changed(mask={"planes": ["A", "B" * 33, "D"]}), "names"),
    ("E_MASK", changed(mask={"data": bytes(371) + b"\x08"}), "bit"),
    ("E_PSF", changed(psf={"size": 6, "data": bytes(72)}), "6"),
    ("E_PSF", changed(psf={"size": -7}), "-7"),
    ("E_PSF", changed(psf={"size": 129, "data": b""}), "129"),
    ("E_PSF", changed(psf={"data": bytes(98)}), "sum"),
    ("E_PSF", changed(psf={"data": struct.pack("<49h", *[1] * 48, -32768)}), "-32768"),
]  # fmt: skip
# Both faults at once: the one of the earlier check is reported [LI-1], [LI-2].
ORDER = [
    ("E_VERSION", changed(version=99, levels=1)),
    ("E_LEVELS", changed(levels=1, id="\x00")),
    ("E_TEXT", changed(fluxUnit="", dx=9.0)),
    ("E_OFFSET", changed(dy=9.0, wcs={"ra": 400.0})),
    ("E_WCS", changed(wcs={"ra": 400.0}, image={"encoding": "x"})),
    ("E_ENCODING", changed(image={"encoding": "x", "data": b""})),
    ("E_LENGTH", changed(image={"data": b"", "scale": []})),
    ("E_SCALE", changed(image=f4_image([INF] * 372) | {"scale": [1.0]})),
    ("E_VALUE", changed(image=f4_image([INF] * 372), variance={"encoding": "x"})),
    ("E_LENGTH", changed(variance={"data": b""}, mask={"encoding": "x"})),
    ("E_MASK", changed(mask={"planes": [], "data": b"1"}, psf={"size": 2})),
    ("E_LENGTH", changed(mask={"data": b"\xff"}, psf={"encoding": "x"})),
    ("E_MASK", changed(mask={"data": b"\xff" * 372}, psf={"encoding": "x"})),
    ("E_ENCODING", changed(psf={"encoding": "x", "size": 2})),
    ("E_PSF", changed(psf={"size": 2, "data": b""})),
]
HEAD = samples.HEADER
VALID = samples.blob(BASE)
TEN = b"\x80" * 9
BYTES = [
    ("E_LIMIT", VALID + bytes(65_537 - len(VALID))),
    ("E_LIMIT", bytes(65_537)),
    ("E_MAGIC", b""),
    ("E_MAGIC", b"\xc3"),
    ("E_MAGIC", b"\xc3\x02" + VALID[2:]),
    ("E_MAGIC", b"SIMPLE  ="),
    ("E_AVRO", HEAD[:9]),
    ("E_FINGERPRINT", HEAD[:9] + b"\x00"),
    ("E_FINGERPRINT", HEAD[:2] + HEAD[:1:-1] + VALID[10:]),
    ("E_AVRO", HEAD),
    ("E_AVRO", HEAD + TEN + b"\x80\x00"),  # eleven bytes
    ("E_AVRO", HEAD + TEN + b"\x02"),  # 65 bits
    ("E_AVRO", HEAD + samples.long(2**31) + VALID[12:]),
    ("E_AVRO", HEAD + samples.long(-(2**31) - 1) + VALID[12:]),
    ("E_AVRO", HEAD + b"\xc8\x01\x04\x04"),  # third branch
    ("E_AVRO", HEAD + b"\xc8\x01\x04\x01"),  # branch -1
    ("E_AVRO", HEAD + b"\xc8\x01\x04\x02\x01"),  # length -1
    ("E_AVRO", HEAD + b"\xc8\x01\x04\x02" + TEN + b"\x01" + bytes(50)),
    ("E_AVRO", HEAD + bytes.fromhex("C801040000066E4A79") + bytes(8) + b"\x00\x046632"
     + samples.long(2**40) + bytes(40)),
    ("E_AVRO", HEAD + bytes.fromhex("C801040000066E4A79") + bytes(8) + b"\x00\x046632"
     + samples.long(-2) + samples.long(7) + bytes(40)),
    ("E_AVRO", HEAD + bytes.fromhex("C801040000066E4A79") + bytes(8) + b"\x00\x046632"
     + samples.long(-(2**63)) + samples.long(8) + bytes(40)),
    ("E_TRAILING", VALID + b"\x00"),
    ("E_TRAILING", VALID * 2),
    ("E_TRAILING", samples.blob(changed(version=1)) + b"!"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "fields", "says"), RECORDS)
def test_records(code, fields, says):
    with pytest.raises(hstamp.FormatError) as caught:
        hstamp.Stamp.from_bytes(samples.blob(fields))
    assert caught.value.code == code
    assert says in caught.value.reason
    assert str(caught.value) == f"{code}: {caught.value.reason}"
    if not isinstance(fields["fluxUnit"], bytes):
        with pytest.raises(hstamp.FormatError) as caught:
            hstamp.Stamp.from_dict(fields)
        assert caught.value.code == code


@pytest.mark.parametrize(("code", "fields"), ORDER)
def test_first_fault_is_reported(code, fields):
    with pytest.raises(hstamp.FormatError) as caught:
        hstamp.Stamp.from_bytes(samples.blob(fields))
    assert caught.value.code == code


@pytest.mark.parametrize(("code", "blob"), BYTES)
def test_bytes(code, blob):
    with pytest.raises(hstamp.FormatError) as caught:
        hstamp.Stamp.from_bytes(blob)
    assert caught.value.code == code
    assert len(caught.value.reason) > 10


def test_every_decoder_code_has_a_cause_here():
    container = {"E_SCHEMA", "E_CODEC"}
    causes = {c for c, *_ in RECORDS} | {c for c, _ in BYTES} | container
    assert causes == set(CODES) - {"E_INPUT", "E_OUTPUT"}


def test_codes_are_those_of_the_specification():
    spec = Path(__file__).resolve().parents[2] / "spec" / "hstamp-1.0.md"
    text = spec.read_text(encoding="utf-8")
    section = text[text.index("## 11. Limits") : text.index("## 12. Versioning")]
    table = re.findall(r"^\| \d+ \| (E_[A-Z]+) \|", section, re.MULTILINE)
    beyond = re.findall(r"report(?: in addition)? `(E_[A-Z]+)`", section)
    assert list(CODES) == [*dict.fromkeys(table), *beyond]


@pytest.mark.parametrize("version", [100, 101, 199])
def test_every_minor_version_is_read(version):
    stamp = hstamp.Stamp.from_bytes(samples.blob(changed(version=version)))
    assert stamp.version == version


@pytest.mark.parametrize("fields", [
    changed(id=""), changed(id="x" * 128), changed(band=" ~"), changed(fluxUnit="u" * 32),
    changed(dx=0.5, dy=-0.5), changed(wcs={"ra": 0.0, "dec": -90.0}), changed(wcs=None),
    changed(image={"zero": [brute.FLT_MAX, 0.0], "scale": [1.0, 2.0**-149]}),
    changed(variance={"unit": NAN}), changed(variance={"data": struct.pack("<372f", *[-0.0] * 372)}),  # noqa: E501
    changed(mask={"data": b""}), changed(mask={"planes": list("ABCDEFGH"), "data": b"\xff" * 372}),
    changed(mask={"encoding": "u2", "planes": list("ABCDEFGHIJKLMNOP"), "data": b"\xff" * 744}),
    changed(psf={"size": 1, "data": b"\x01\x00"}),
    changed(psf={"size": 127, "data": b"\x01\x00" * 127**2}),
])  # fmt: skip
def test_limits_are_inclusive(fields):
    blob = samples.blob(fields)
    assert hstamp.Stamp.from_bytes(blob).to_bytes() == blob


@pytest.mark.parametrize("fields", [
    changed(image={"encoding": "e" * 50_000}), changed(mask={"planes": ["n" * 3000] * 8}),
    changed(id="\x00" * 50_000), changed(fluxUnit="m" * 50_000),
])  # fmt: skip
def test_messages_do_not_carry_the_input(fields):
    with pytest.raises(hstamp.FormatError) as caught:
        hstamp.Stamp.from_bytes(samples.blob(fields))
    assert len(str(caught.value)) < 500
