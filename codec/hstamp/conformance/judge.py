"""Comparing a decoder's answer with what the suite expects of one vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .answers import METADATA, Answer
from .outcomes import Difference, Outcome, Report
from .patterns import pattern_of
from .vectors import Profile, Vector


def judge(vector: Vector, answer: Answer, profile: Profile) -> Report:
    """Outcome of one answer.

    Parameters
    ----------
    vector : Vector
        The input that was given.
    answer : Answer
        What the decoder made of it.
    profile : {"core", "full", "container"}
        A `core` run compares metadata and the image plane alone.
    """
    common: dict[str, Any] = {
        "id": vector.id,
        "expected_code": vector.error,
        "got_code": answer.code,
        "optional": vector.optional,
    }
    if answer.status == "unsupported" or (
        vector.optional and answer.status == "rejected" and answer.code == "E_CODEC"
    ):
        return Report(outcome=Outcome.UNSUPPORTED, detail="not supported", **common)
    if vector.error is not None:
        return _judge_invalid(vector, answer, common)
    if answer.status == "rejected":
        detail = f"valid input rejected with {answer.code}"
        return Report(outcome=Outcome.REJECTED_VALID, detail=detail, **common)
    difference = compare(vector.expected(), answer.stamps, profile)
    if difference is None:
        return Report(outcome=Outcome.PASS, **common)
    return Report(
        outcome=Outcome.WRONG_VALUE,
        detail=str(difference),
        difference=difference,
        stamps=tuple(answer.stamps),
        **common,
    )


def _judge_invalid(vector: Vector, answer: Answer, common: dict[str, Any]) -> Report:
    if answer.status == "decoded":
        detail = f"decoded; expected {vector.error} ({vector.reason})"
        return Report(outcome=Outcome.ACCEPTED_INVALID, detail=detail, **common)
    if answer.code != vector.error:
        detail = f"expected {vector.error}, got {answer.code} ({vector.reason})"
        return Report(outcome=Outcome.WRONG_ERROR_CODE, detail=detail, **common)
    return Report(outcome=Outcome.PASS, **common)


def compare(
    expected: list[Mapping[str, Any]], got: tuple[Mapping[str, Any], ...], profile: Profile
) -> Difference | None:
    """First difference between two lists of stamps, or None."""
    if len(expected) != len(got):
        return Difference("number of stamps", 0, str(len(expected)), str(len(got)))
    for index, (want, have) in enumerate(zip(expected, got, strict=True)):
        difference = _compare_stamp(want, have, index, profile)
        if difference is not None:
            return difference
    return None


def _compare_stamp(
    want: Mapping[str, Any], have: Mapping[str, Any], index: int, profile: Profile
) -> Difference | None:
    for name in (*METADATA, "wcs"):
        difference = _compare_metadata(name, want[name], have[name], index)
        if difference is not None:
            return difference
    planes = ("image",) if profile == "core" else ("image", "variance", "mask", "psf")
    for name in planes:
        a, b = want[name], have[name]
        if (a is None) != (b is None):
            words = ("absent" if a is None else "present", "absent" if b is None else "present")
            return Difference(name, index, *words)
        if a is None:
            continue
        if name in ("mask", "psf"):
            key = "planes" if name == "mask" else "size"
            if a[key] != b[key]:
                return Difference(f"{name}.{key}", index, repr(a[key]), repr(b[key]))
            a, b = a["data"], b["data"]
        difference = compare_plane(name, a, b, index)
        if difference is not None:
            return difference
    return None


def _compare_metadata(name: str, want: Any, have: Any, index: int) -> Difference | None:
    # Numbers are compared as numbers: 100 and 100.0, 0 and -0.0 are the same in most JSON writers.
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        for key in ("ra", "dec"):
            if want[key] != have[key]:
                return Difference(f"{name}.{key}", index, repr(want[key]), repr(have[key]))
        want, have, name = list(want["cd"]), list(have["cd"]), "wcs.cd"
    same = want == have and isinstance(want, str) == isinstance(have, str)
    return None if same else Difference(name, index, repr(want), repr(have))


def compare_plane(
    name: str, want: np.ndarray[Any, Any], have: np.ndarray[Any, Any], index: int = 0
) -> Difference | None:
    """First value whose bits differ, NaN being equal to any NaN."""
    if want.dtype.kind == "f":
        bits = want.astype("<f4").view("<u4") != have.astype("<f4").view("<u4")
        wrong = bits & ~(np.isnan(want) & np.isnan(have))
    else:
        wrong = want != have
    count = int(wrong.sum())
    if count == 0:
        return None
    where = tuple(int(axis[0]) for axis in np.nonzero(wrong))
    level, row, column = where if len(where) == 3 else (None, *where)
    return Difference(
        name,
        index,
        expected=decimal(want[where]),
        got=decimal(have[where]),
        level=level,
        row=row,
        column=column,
        expected_hex=bits_of(want[where]),
        got_hex=bits_of(have[where]),
        count=count,
        total=wrong.size,
        pattern=pattern_of(name, want, have),
    )


def decimal(value: Any) -> str:
    """Shortest decimal that identifies the value."""
    return str(value)


def bits_of(value: Any) -> str:
    """Bits of a float32 or uint16 as hexadecimal digits, most significant first."""
    if isinstance(value, np.floating):
        return f"{int(np.float32(value).view(np.uint32)):08X}"
    return f"{int(value):04X}"
