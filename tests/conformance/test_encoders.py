# ruff: noqa: E501 - one expectation a line
"""The encoder judge: right stamps pass, each damaged one is caught by its clause."""

import json
import struct
import sys
from pathlib import Path

import pytest

from hstamp import InputError
from hstamp.conformance import Outcome, load_suite
from hstamp.conformance.encode_judge import judge_blob
from hstamp.conformance.encoders import judge_case, request_of, run_encoder
from hstamp.conformance.python_codec import encode_request
from hstamp.conformance.violations import Violation
from hstamp.conformance.walk import walk

BAD = Path(__file__).resolve().parent / "bad_encoders"
SUITE = load_suite()
CASES = {case.id: case for case in SUITE.encode}


def encoded(name):
    content = CASES[name].content()
    return encode_request(request_of(content)), content


def damaged(blob, field, change):
    """The blob with the bytes of one field changed."""
    place = next(f for f in walk(blob).fields if f.name == field)
    return blob[: place.start] + change(blob[place.start : place.end]) + blob[place.end :]


def flip(position, value=None):
    def change(raw):
        at = position if position >= 0 else len(raw) + position
        return raw[:at] + bytes([raw[at] ^ 1 if value is None else value]) + raw[at + 1 :]

    return change


def nan_of(pattern):
    """Replace the first stored NaN by another."""

    def change(raw):
        at = raw.index(struct.pack("<I", 0x7FC00000))
        return raw[:at] + struct.pack("<I", pattern) + raw[at + 4 :]

    return change


def step_q(by):
    """Move the last i2 value by so many steps."""

    def change(raw):
        (q,) = struct.unpack("<h", raw[-2:])
        return raw[:-2] + struct.pack("<h", q + by)

    return change


DAMAGE = {
    "dx": ("encode-place-tenth", "dx", flip(0), "EC-1"),
    "levels": ("encode-f4-n3", "levels", lambda raw: b"\x04", "EC-1"),
    "id": ("encode-metadata", "id", flip(-1), "EN-10"),
    "wcs": ("encode-metadata", "wcs.cd1_2", flip(0), "PL-7"),
    "f4-bit": ("encode-f4-n2", "image.data", flip(100), "EC-2"),
    "f4-missing-appears": ("encode-f4-n2", "image.data", lambda raw: raw[:-4] + struct.pack("<I", 0x7FC00000), "EC-1"),
    "f4-missing-goes": ("encode-f4-missing", "image.data", nan_of(0x3F800000), "EC-1"),
    "f4-nan-payload": ("encode-f4-missing", "image.data", nan_of(0x7FC00001), "EC-8"),
    "i2-two-steps": ("encode-n5-covered", "image.data", step_q(2), "EC-3"),
    "i2-missing": ("encode-n5-covered", "image.data", lambda raw: raw[:-2] + b"\x00\x80", "EC-1"),
    "i2-scale": ("encode-n5-covered", "image.scale", lambda raw: raw[:1] + struct.pack("<f", 0.0) + raw[5:], "EN-3"),
    "variance-f4-bit": ("encode-variance-f4-plain", "variance.data", flip(100), "EC-2"),
    "log8-code": ("encode-variance-log8-plain", "variance.data", lambda raw: raw[:2] + bytes([raw[2] + 1]) + raw[3:], "EC-5"),
    "log8-zero": ("encode-variance-log8-zero", "variance.data", lambda raw: raw[:200] + b"\x01" + raw[201:], "EC-5"),
    "log8-missing": ("encode-variance-log8-plain", "variance.data", flip(100, 255), "EC-1"),
    "mask-bit": ("encode-mask-8-planes", "mask.data", flip(20), "EC-1"),
    "mask-name": ("encode-mask-8-planes", "mask.planes", flip(3), "EN-7"),
    "mask-zeros": ("encode-mask-zero", "mask.data", lambda raw: b"\xc8\x08" + bytes(548), "EC-8"),
    "psf-value": ("encode-psf-5", "psf.data", flip(-23, 127), "EC-6"),
    "long-padded": ("encode-f4-n2", "version", lambda raw: b"\xc8\x81\x00", "EC-8"),
    "array-block-with-size": ("encode-i2-n2", "image.zero", lambda raw: b"\x03\x10" + raw[1:], "EC-8"),
    "array-two-blocks": ("encode-i2-n2", "image.zero", lambda raw: b"\x02" + raw[1:5] + b"\x02" + raw[5:], "EC-8"),
    "trailing": ("encode-f4-n2", "psf union", lambda raw: raw + b"\x00", "CO-1"),
    "psf-absent": ("encode-psf-1", "fingerprint", flip(0), "CO-2"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_caught_by_its_clause(name):
    case, field, change, clause = DAMAGE[name]
    blob, content = encoded(case)
    judge_blob(blob, content["request"], content["true"])
    broken = damaged(blob, field, change)
    assert broken != blob
    with pytest.raises(Violation) as caught:
        judge_blob(broken, content["request"], content["true"])
    assert caught.value.clause == clause


def test_python_encoder_passes_in_process():
    def answer(case):
        try:
            return 0, encode_request(request_of(case.content()))
        except InputError as error:
            return 1, json.dumps({"error": error.code}).encode()

    reports = [judge_case(case, *answer(case)) for case in SUITE.encode]
    assert [(r.id, r.outcome.value, r.detail) for r in reports if r.failed] == []


def test_python_encoder_as_a_program():
    command = [sys.executable, "-m", "hstamp.conformance.python_codec", "encode"]
    only = ["encode-everything", "encode-reject-id-newline", "encode-f4-missing"]
    run = run_encoder(command, SUITE, only=only, timeout=60)
    assert [r.outcome for r in run.reports] == [Outcome.PASS] * 3


# What each encoder must be told about a few cases: "pass", or the clause that it breaks.
CLAUSES = {
    "right": {"encode-i2-n3": "pass", "encode-i2-fill": "pass", "encode-i2-constant": "pass", "encode-i2-offset": "pass", "encode-i2-missing": "pass", "encode-i2-float-max": "pass"},
    "huge_scale": {"encode-i2-n3": "EC-3", "encode-i2-zero": "EC-3"},
    "coarse": {"encode-i2-n3": "EC-3", "encode-n5-covered": "EC-3"},
    "off_centre": {"encode-i2-bright": "EC-3", "encode-i2-n3": "pass"},
    "blurred_constant": {"encode-i2-constant": "EC-3", "encode-i2-n3": "pass"},
    "always_f4": {"encode-f4-n3": "pass", "encode-i2-n3": "EC-9", "encode-i2-fill": "pass", "encode-i2-all-missing": "EC-9"},
}  # fmt: skip


def test_every_bad_encoder_is_listed():
    assert {path.stem for path in BAD.glob("*.py")} - {"common"} == set(CLAUSES)


@pytest.mark.parametrize("name", CLAUSES)
def test_bad_encoders_are_caught_by_their_clause(name):
    only = list(CLAUSES[name])
    run = run_encoder([sys.executable, str(BAD / f"{name}.py")], SUITE, only=only, timeout=60)
    found = {
        r.id: "pass" if r.outcome is Outcome.PASS else r.detail.split("]")[0].lstrip("[")
        for r in run.reports
    }
    assert found == CLAUSES[name]


@pytest.mark.parametrize(
    ("status", "output", "outcome"),
    [
        (0, b"", Outcome.WRONG_VALUE),
        (0, b"\xc3\x01", Outcome.WRONG_VALUE),
        (1, b'{"error": "E_INPUT"}', Outcome.REJECTED_VALID),
        (1, b"{", Outcome.BAD_OUTPUT),
        (2, b"", Outcome.UNSUPPORTED),
    ],
)
def test_other_answers(status, output, outcome):
    assert judge_case(CASES["encode-f4-n2"], status, output).outcome is outcome


def test_invalid_requests():
    case = CASES["encode-reject-levels-9"]
    assert judge_case(case, 0, b"x").outcome is Outcome.ACCEPTED_INVALID
    assert judge_case(case, 1, b'{"error": "E_AVRO"}').outcome is Outcome.WRONG_ERROR_CODE
    assert judge_case(case, 1, b'{"error": "E_INPUT"}').outcome is Outcome.PASS
