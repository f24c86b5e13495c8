"""The mutation check stays applicable, and a few mutations are tried each time.

`python tests/conformance/mutate.py` tries all.
"""

import mutate
import pytest


def distance(a, b):
    """Number of characters inserted, deleted or replaced."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


@pytest.mark.parametrize("mutation", mutate.MUTATIONS, ids=str)
def test_applies_and_changes_one_character(mutation):
    source = (mutate.PACKAGE / mutation.file).read_text(encoding="utf-8")
    assert mutation.apply(source) != source
    assert distance(mutation.before, mutation.after) == 1


def test_enough():
    assert sum(not mutation.equivalent for mutation in mutate.MUTATIONS) >= 30
    assert len({(m.file, m.after) for m in mutate.MUTATIONS}) == len(mutate.MUTATIONS)


@pytest.mark.parametrize("mutation", mutate.MUTATIONS[3::24], ids=str)
def test_is_caught(mutation):
    result = mutate.run(mutation)
    assert (result == "survived") == bool(mutation.equivalent), result


def test_the_decoder_as_it_is_survives():
    assert mutate.run(None) == "survived"
