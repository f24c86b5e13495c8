"""Changed alerts, images and tables through the command line: a status, a code, valid outputs."""

import random

import pytest

from .converters import COMMANDS, judge
from .convertible import MUTATORS

INPUTS = 40


@pytest.mark.parametrize("target", MUTATORS)
def test_converters_keep_their_promises(target, tmp_path):
    if target == "table":
        pytest.importorskip("pyarrow")
    statuses = []
    for number in range(INPUTS):
        data = MUTATORS[target](random.Random(f"{target} test {number}"))
        folder = tmp_path / str(number)
        folder.mkdir()
        status, broken = judge(COMMANDS[number % 2], data, folder)
        assert broken is None, f"{target} test {number}: {broken}"
        statuses.append(status)
    # Nothing but refusals, or nothing but successes, would say that the inputs are not changed
    # where it matters.
    assert {0, 1} <= set(statuses)


def test_a_broken_promise_is_noticed(tmp_path, monkeypatch):
    data = MUTATORS["image"](random.Random("image"))
    for wrong in (lambda words: 1 / 0, lambda words: 3, lambda words: 1):
        monkeypatch.setattr("tests.fuzz.converters.command_line", wrong)
        assert judge("info", data, tmp_path)[1]
