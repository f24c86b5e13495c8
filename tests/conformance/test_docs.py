"""Numbers in docs/conformance.md are those of the suite."""

import re
from pathlib import Path

from test_runner import EXPECTED

from hstamp.conformance import Outcome, load_suite

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
SUITE = load_suite()


def test_numbers_of_vectors():
    for profile in ("core", "full", "container"):
        (number,) = re.findall(rf"^\| `{profile}`.*\| (\d+) \|$", PAGE, re.MULTILINE)
        assert int(number) == len(SUITE.select(profile))
    assert f"by {len(SUITE.vectors)} inputs" in PAGE
    assert f"gives {len(SUITE.encode)} parent images" in PAGE
    refused = sum(case.error is not None for case in SUITE.encode)
    assert f"refuse {refused} of the requests" in PAGE
    total = len(SUITE.select("full"))
    assert f"{total} of {total}" in PAGE


def test_every_outcome_is_explained():
    table = PAGE[PAGE.index("| outcome |") :]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [
        outcome.value for outcome in (
            Outcome.PASS, Outcome.WRONG_VALUE, Outcome.ACCEPTED_INVALID, Outcome.REJECTED_VALID,
            Outcome.WRONG_ERROR_CODE, Outcome.BAD_OUTPUT, Outcome.UNSUPPORTED, Outcome.CRASH,
            Outcome.TIME_OUT,
        )
    ]  # fmt: skip


def test_number_of_bad_decoders():
    right = {"right", "noisy"}
    faulty = (set(EXPECTED) | {"endless"}) - right
    assert f"by {len(faulty)} programs with known faults" in PAGE
