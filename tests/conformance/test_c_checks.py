"""The C decoder under sanitizers, on every vector and on mutations; its reader model-checked."""

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from generator.vector import Lcg

import hstamp
from hstamp.conformance import LongLivedHarness, load_suite, run_vectors

C = Path(__file__).resolve().parent / "decoders" / "c"
SUITE = load_suite()
BLOBS = [v for v in SUITE.select("full") if not v.data().startswith(b"Obj\x01")]
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
MUTATIONS = 4000


def sanitized(folder, *sources):
    """Program of some sources under the sanitizers; skips where they are not to be had."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    words = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", *SANITIZERS]
    probe, program = folder / "probe.c", folder / "program"
    probe.write_text("int main(void) { return 0; }\n")
    if subprocess.run([*words, "-o", program, probe], capture_output=True).returncode:
        pytest.skip("cc has no address and undefined-behaviour sanitizers")
    subprocess.run([*words, "-o", program, *(C / name for name in sources)], check=True)
    return program


def test_whole_suite_under_sanitizers(tmp_path):
    program = sanitized(tmp_path, "hstamp.c", "main.c")
    reports = run_vectors(
        lambda: LongLivedHarness([str(program)]), SUITE.select("full"), profile="full", timeout=60
    )
    assert [(r.id, r.outcome.value, r.stderr[-500:]) for r in reports if r.failed] == []


def mutated(rng, data, other):
    """One blob with a few bytes changed, cut out, put in or taken from another blob."""
    out = bytearray(data)
    for _ in range(rng.between(1, 4)):
        # Most of a blob is values: half of the changes go to the fields at its beginning.
        at = rng.below(min(len(out), 80) if rng.below(2) else len(out)) if out else 0
        kind = rng.below(5)
        if kind == 0 and out:
            out[at] = rng.below(256)
        elif kind == 1 and out:
            out[at] ^= 1 << rng.below(8)
        elif kind == 2:
            del out[at : at + rng.between(1, 8)]
        elif kind == 3:
            out[at:at] = bytes(rng.many(rng.between(1, 8), 0, 255))
        else:
            del out[at:]
            out += other[at:]
    return bytes(out)


def verdict(data):
    try:
        hstamp.Stamp.from_bytes(data)
    except hstamp.FormatError as error:
        return error.code
    return "OK"


def statuses(program, inputs):
    told = b"".join(struct.pack("<I", len(data)) + data for data in inputs)
    done = subprocess.run([str(program)], input=told, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return done.stdout.decode().split()


def test_mutations_under_sanitizers(tmp_path):
    """Memory is respected whatever comes, and the verdict is that of the Python decoder."""
    program = sanitized(tmp_path, "checks/exact.c", "hstamp.c")
    rng = Lcg(77)
    seeds = [v.data() for v in BLOBS if len(v.data()) < 8000]
    inputs = [b"", *seeds]
    for _ in range(MUTATIONS):
        data, other = seeds[rng.below(len(seeds))], seeds[rng.below(len(seeds))]
        inputs.append(mutated(rng, data, other))
    got = statuses(program, inputs)
    want = [verdict(data) for data in inputs]
    wrong = [(i, a, b) for i, (a, b) in enumerate(zip(want, got, strict=True)) if a != b]
    assert wrong == []
    assert len(set(got)) >= 14


def test_the_sanitizers_see_a_read_beyond_the_input(tmp_path):
    """A check that could not fail would check nothing: the reader is given one byte too many."""
    source = (C / "hstamp.c").read_text(encoding="utf-8")
    bent = source.replace("size - sizeof head}", "size - sizeof head + 1}")
    assert bent != source
    for name in ("hstamp.h", "checks/exact.c"):
        target = tmp_path / "c" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(C / name, target)
    (tmp_path / "c" / "hstamp.c").write_text(bent, encoding="utf-8")
    program = sanitized(
        tmp_path, tmp_path / "c" / "checks" / "exact.c", tmp_path / "c" / "hstamp.c"
    )
    data = next(v for v in BLOBS if v.id == "truncated-by-one").data()
    done = subprocess.run(
        [str(program)], input=struct.pack("<I", len(data)) + data, capture_output=True
    )
    assert done.returncode != 0
    assert b"heap-buffer-overflow" in done.stderr


def make(folder, proof):
    words = ["make", "-s", f"prove-{proof}"]
    where = folder / "c" / "checks"
    return subprocess.run(words, cwd=where, env=os.environ, capture_output=True, text=True)


def needs_cbmc():
    tools = ("cbmc", "goto-cc", "goto-instrument", "make")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} is not installed (Debian package cbmc)")


QUICK = ("fixed", "int", "union", "bytes", "optional")
"""Proofs of seconds; `make cbmc` in decoders/c/checks makes the others too."""


@pytest.mark.parametrize("proof", QUICK)
def test_reader_is_proved(tmp_path, proof):
    needs_cbmc()
    shutil.copytree(C, tmp_path / "c")
    done = make(tmp_path, proof)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.match(r"(\d+) properties", done.stdout)[1]) > 20


def test_a_reader_without_its_bound_is_not_proved(tmp_path):
    needs_cbmc()
    shutil.copytree(C, tmp_path / "c")
    source = (C / "hstamp.c").read_text(encoding="utf-8")
    bent = source.replace("    if (n > in->n)\n", "    if (n > in->n + 1)\n")
    assert bent != source
    (tmp_path / "c" / "hstamp.c").write_text(bent, encoding="utf-8")
    done = make(tmp_path, "fixed")
    assert done.returncode != 0
    assert "FAILURE" in done.stdout
