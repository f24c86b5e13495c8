# ruff: noqa: E501 - one mutation a line
"""Mutation check: does the suite notice a single wrong character in the Python decoder?

    python tests/conformance/mutate.py [--jobs N] [PATTERN ...]

Each mutation is made in a copy of the package, and the vectors of profile `full` are run on it
in-process until one fails. The exit status is 0 when every mutation is caught but those that are
proven to change nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "codec" / "hstamp"

CHILD = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import hstamp
assert Path(hstamp.__file__).is_relative_to(sys.argv[2]), hstamp.__file__
from hstamp.conformance import CallableHarness, load_suite
from hstamp.conformance.python_codec import decode
harness = CallableHarness(decode)
for vector in load_suite(Path(sys.argv[1])).select("full"):
    report = harness.run(vector, "full", 0)
    if report.failed:
        print(report.id, report.outcome.value)
        break
else:
    print("survived")
"""


@dataclass(frozen=True)
class Mutation:
    """One character inserted, deleted or replaced in one file.

    `equivalent` proves that no input can tell the mutated decoder from the right one.
    """

    file: str
    before: str
    after: str
    equivalent: str = ""

    def apply(self, source: str) -> str:
        if source.count(self.before) != 1:
            raise ValueError(
                f"{self.file}: {self.before!r} occurs {source.count(self.before)} times"
            )
        return source.replace(self.before, self.after)

    def __str__(self) -> str:
        return f"{self.file}: {self.before.strip()} -> {self.after.strip()}"


V, D, L, A, B = "values.py", "decoder.py", "layout.py", "container/avro.py", "container/blob.py"
R, N = "limits.py", "container/skipping.py"
I, S, K, P = (f"encodings/{name}.py" for name in ("image", "variance", "mask", "psf"))  # noqa: E741

MUTATIONS = tuple(
    Mutation(*mutation)
    for mutation in (
        (V, "total = 0.0 + children[0]", "total = 0.0 - children[0]"),
        (V, "total = 0.0 + children[0]", "total = -0.0 + children[0]"),
        (V, "for child in children[1:]", "for child in children[2:]"),
        (V, "            total += child\n", "            total -= child\n"),
        (V, "(16.0 if squared", "(15.0 if squared"),
        (V, "else 4.0)).astype", "else 5.0)).astype"),
        (V, "count * count if squared", "count + count if squared"),
        (V, "top = level[..., 0::2, 0::2] |", "top = level[..., 0::2, 0::2] &"),
        (V, "merged: U2 = top | bottom", "merged: U2 = top ^ bottom"),
        (V, "bottom = level[..., 1::2, 0::2]", "bottom = level[..., 0::2, 0::2]"),
        (V, "gaps = ~np.isfinite(total)", "gaps = np.isfinite(total)"),
        (V, "count += finite", "count -= finite"),
        (R, "MIN_VERSION: Final = 100", "MIN_VERSION: Final = 101"),
        (R, "MAX_VERSION: Final = 199", "MAX_VERSION: Final = 198"),
        (R, "ID_LIMIT: Final = 128", "ID_LIMIT: Final = 129"),
        (R, "TEXT_LIMIT: Final = 32", "TEXT_LIMIT: Final = 31"),
        (D, "record.flux_unit, 1,", "record.flux_unit, 0,"),
        (R, "abs(offset) <= 0.5", "abs(offset) < 0.5"),
        (R, "abs(offset) <= 0.5", "abs(offset) <= 0.6"),
        (R, "(ra < 360.0)", "(ra <= 360.0)"),
        (R, "(ra >= 0.0)", "(ra > 0.0)"),
        (R, "abs(dec) <= 90.0", "abs(dec) <= 91.0"),
        (R, "abs(dec) <= 90.0", "abs(dec) < 90.0"),
        (R, "cd2_2 - cd1_2", "cd2_2 + cd1_2"),
        (R, "(2.0 - 2.0**-23)", "(2.0 - 2.0**-22)"),
        (V, "start = child_start(k - 1)", "start = child_start(k - 0)"),
        (V, "np.arange(GRID) // 2", "np.arange(GRID) // 3"),
        (L, "return k % 2", "return k % 3"),
        (L, "MAX_LEVELS: Final = 8", "MAX_LEVELS: Final = 7"),
        (L, "MAX_LEVELS: Final = 8", "MAX_LEVELS: Final = 9"),
        (L, "MIN_LEVELS: Final = 2", "MIN_LEVELS: Final = 1"),
        (L, "(n - 1) *", "(n - 2) *"),
        (R, "Q_MISSING: Final = -32768", "Q_MISSING: Final = -32767"),
        (R, "Q_MAX: Final = 32767", "Q_MAX: Final = 32768"),
        (R, "Q_MAX: Final = 32767", "Q_MAX: Final = 32766"),
        (R, "(scale > 0.0)", "(scale >= 0.0)"),
        (R, "scale <= FLT_MAX", "scale < FLT_MAX"),
        (I, "zero[:, k, None] + scale", "zero[:, k, None] - scale"),
        (I, '== "i2" else 0', '== "i2" else 1'),
        (S, "34219", "34218"),
        (S, "62757", "62758"),
        (S, "exponent - 15", "exponent - 14"),
        (S, "-2 * np.arange(MAX_LEVELS)", "-1 * np.arange(MAX_LEVELS)"),
        (S, "divmod(code - 1, 16)", "divmod(code - 2, 16)"),
        (S, "MISSING_LOG8: Final = 255", "MISSING_LOG8: Final = 254"),
        (R, "(unit > 0.0)", "(unit >= 0.0)"),
        (R, "TOP_MANTISSA: Final = 57549", "TOP_MANTISSA: Final = 47549"),
        (R, "TOP_MANTISSA: Final = 57549", "TOP_MANTISSA: Final = 67549"),
        (
            R,
            "unit * TOP_MANTISSA <= FLT_MAX",
            "unit * TOP_MANTISSA < FLT_MAX",
            "unit * 57549 = FLT_MAX has no solution: 57549 = 3 * 19183 does not divide 2^24 - 1 = 3^2 * 5 * 7 * 13 * 17 * 241 times a power of two",
        ),
        (S, "(values < 0)", "(values <= 0)"),
        (K, "1 <= len(names) <= most", "0 <= len(names) <= most"),
        (K, "_fault_of(names, 8 * width)", "_fault_of(names, 9 * width)"),
        (K, "(axis=-1) < 1 << count", "(axis=-1) <= 1 << count"),
        (R, "NAME_LIMIT: Final = 32", "NAME_LIMIT: Final = 33"),
        (K, '"\\x21" <= c', '"\\x20" <= c'),
        (K, 'c <= "\\x7e"', 'c <= "\\x7f"'),
        (P, "plane.size % 2 == 0 or", "plane.size % 2 == 1 or"),
        (R, "MAX_PSF_SIZE: Final = 127", "MAX_PSF_SIZE: Final = 129"),
        (R, "(lowest > Q_MISSING)", "(lowest >= Q_MISSING)"),
        (R, "(total > 0)", "(total >= 0)"),
        (P, "(codes / total", "(codes * total"),
        (A, "^ -(byte & 1)", "^ (byte & 1)"),
        (N, "while shift < 70", "while shift < 77"),
        (
            N,
            "if value >= 1 << 64",
            "if value >= 1 << 65",
            "in a blob: Python's integers do not wrap, and as int, index, length or count such a value is E_AVRO at the next check",
        ),
        (A, "<= value < 1 << 31", "<= value < 1 << 32"),
        (A, "if not -(1 << 31)", "if not -(1 << 32)"),
        (A, "branch not in (0, 1)", "branch not in (0, 2)"),
        (A, "count <= self.end - start", "count <= self.end + start"),
        (A, "count = -count", "count = count"),
        (A, "stop = self.position + size", "stop = self.position - size"),
        (
            A,
            "if count > self.end - self.position",
            "if count >= self.end - self.position",
            "as many items as bytes remain leave no byte for the end marker: E_AVRO either way",
        ),
        (B, "MAX_BLOB: Final = 65_536", "MAX_BLOB: Final = 65_537"),
        (B, "blob[:2] != MARKER", "blob[:1] != MARKER"),
        (B, "blob[2:10] != FINGERPRINT", "blob[2:11] != FINGERPRINT"),
    )
)


def run(mutation: Mutation | None) -> str:
    """First vector that fails on a mutated copy, with its outcome, or "survived"."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "hstamp"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        schemas = PACKAGE.parents[1] / "schemas"
        if not (copy / "schemas").exists():
            shutil.copytree(schemas, copy / "schemas")
        if mutation is not None:
            path = copy / mutation.file
            path.write_text(mutation.apply(path.read_text(encoding="utf-8")), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(HERE / "vectors"), str(Path(folder).resolve())],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        return f"does not start: {last[0]}"
    return done.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", help="files, as 'encodings/*'; all by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    chosen = [
        m for m in MUTATIONS if not args.patterns or any(fnmatch(m.file, p) for p in args.patterns)
    ]
    baseline = run(None)
    if baseline != "survived":
        print(f"the decoder fails without any mutation: {baseline}")
        return 1
    escaped = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for mutation, result in zip(chosen, pool.map(run, chosen), strict=True):
            wanted = "survived" if mutation.equivalent else "caught"
            found = "survived" if result == "survived" else "caught"
            escaped += wanted != found
            mark = "" if wanted == found else "   <-- expected: " + wanted
            print(f"{result:50} {mutation}{mark}", flush=True)
            if mutation.equivalent:
                print(f"{'':50}   equivalent: {mutation.equivalent}")
    real = [m for m in chosen if not m.equivalent]
    print(
        f"{len(chosen)} mutations, {len(chosen) - len(real)} of them equivalent, {escaped} not as expected"
    )
    return int(escaped > 0)


if __name__ == "__main__":
    raise SystemExit(main())
