"""Inputs that a fuzzer found worth keeping, replayed without it; memory stays below its bounds."""

import pytest

from . import memory, mutator, targets
from .__main__ import CORPUS, ROOM, SUFFIXES, corpus_of

LARGEST = 500_000


@pytest.mark.parametrize("target", SUFFIXES)
def test_targets_keep_their_promises(target):
    judge, kept = targets.TARGETS[target], corpus_of(target)
    assert kept
    for path in kept:
        try:
            judge(path.read_bytes())
        except Exception as error:
            error.add_note(f"input: {target}/{path.name}")
            raise


def test_corpus_reaches_both_ends():
    """Stamps and many codes of rejection; a corpus of nothing but noise would pass the others."""
    found = {path: targets.found_in(path.read_bytes()) for t in SUFFIXES for path in corpus_of(t)}
    codes = {what for what in found.values() if isinstance(what, str)}
    assert any(what and not isinstance(what, str) for what in found.values())
    assert {"E_AVRO", "E_SCHEMA", "E_MAGIC", "E_LENGTH", "E_TEXT"} <= codes


def test_corpus_is_small_and_named_after_its_bytes():
    sizes = [path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()]
    assert sum(sizes) < LARGEST
    assert all(len(list((CORPUS / target).iterdir())) for target in SUFFIXES)
    assert len(SUFFIXES) * ROOM < LARGEST


@pytest.mark.parametrize("target", SUFFIXES)
def test_targets_notice_a_broken_promise(target, monkeypatch):
    """A decoder that takes one value for another is caught by every target."""
    wrong = targets.Stamp.levels.func

    def shifted(self):
        levels = wrong(self).copy()
        levels[0, 0, 0] += 1.0 + len(seen)
        seen.append(1)
        return levels

    seen = []
    monkeypatch.setattr(targets.Stamp, "levels", property(shifted))
    name = "container-version-101.avro" if target == "files" else "b1-f4-n2.bin"
    data = (mutator.VECTORS / "valid" / name).read_bytes()
    with pytest.raises(AssertionError):
        targets.TARGETS[target](b"\0" + data if target == "batch" else data)


def test_mutations_know_the_structure():
    """Many of them are still whole: they reach the checks behind the Avro form."""
    import random

    data = (mutator.VECTORS / "valid" / "b3-full-n2.bin").read_bytes()
    found = {targets.outcome(mutator.mutate_blob(data, random.Random(i))) for i in range(400)}
    codes = {one for one in found if isinstance(one, str)}
    assert len(codes) >= 6
    assert any(isinstance(one, targets.Stamp) for one in found)


def test_mutations_of_files_know_the_structure():
    """Their schemas and records are changed behind headers that are whole."""
    import random

    data = (mutator.VECTORS / "valid" / "container-promoted.avro").read_bytes()
    found = set()
    for seed in range(150):
        made = mutator.mutate_file(data, random.Random(seed), lambda body, limit: body, 10**6)
        targets.files(made)
        outcome = targets.found_in(made)
        found.add(outcome if isinstance(outcome, str) else "stamps")
    assert {"stamps", "E_SCHEMA", "E_AVRO", "E_CODEC"} <= found


@pytest.fixture(scope="module")
def table():
    with targets.fast.numpy_only():
        return list(memory.rows(large=False))


def test_memory_of_blobs_vectors_and_corpus(table):
    assert [row for row in table if row.peak > row.bound] == []
    # Nothing is measured if nothing is decoded.
    assert max(row.peak for row in table if row.bound == memory.BLOB_BOUND) > 20_000


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in memory.greedy_files()
        if "+ 1" in name or "," in name or " a schema" in f" {name}"
    ],
)
def test_memory_of_files_that_expand(name):
    memory.warm_up()
    assert memory.peak_of(memory.decode_file, memory.greedy_files()[name]()) < memory.FILE_BOUND
