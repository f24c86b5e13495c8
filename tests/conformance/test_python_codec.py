"""The Python codec under the suite, in-process and as a program."""

import sys

from hstamp.conformance import (
    CallableHarness,
    LongLivedHarness,
    Outcome,
    ProcessHarness,
    load_suite,
    run_vectors,
)
from hstamp.conformance.python_codec import decode

SUITE = load_suite()
COMMAND = [sys.executable, "-m", "hstamp.conformance.python_codec", "decode"]


def test_every_vector_in_process():
    vectors = SUITE.select("container")
    reports = list(run_vectors(lambda: CallableHarness(decode), vectors, profile="container"))
    assert len(reports) == len(SUITE.vectors)
    assert [(r.id, r.outcome.value, r.detail) for r in reports if r.failed] == []


def test_every_vector_in_long_lived_mode():
    vectors = SUITE.select("container")
    reports = list(
        run_vectors(lambda: LongLivedHarness(COMMAND), vectors, profile="container", timeout=60)
    )
    assert [(r.id, r.outcome.value, r.detail) for r in reports if r.failed] == []


def test_a_few_vectors_with_a_process_each():
    vectors = SUITE.select("container", ["b?-*", "alerts-none", "empty-input"])
    reports = list(
        run_vectors(lambda: ProcessHarness(COMMAND), vectors, profile="container", timeout=60)
    )
    assert {r.outcome for r in reports} == {Outcome.PASS}
