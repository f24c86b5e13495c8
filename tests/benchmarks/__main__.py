"""One command for all measurements: JSON, tables, plots and the docs page.

python -m tests.benchmarks            everything (some minutes)
python -m tests.benchmarks --quick    the same with few samples, into a new folder of its own
python -m tests.benchmarks --page     tables and plots again, from the stored JSON
python -m tests.benchmarks --only decode encode
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from .compressors import missing

PARTS = ("decode", "encode", "bytes", "quality", "growth", "archives")


def main(argv: list[str] | None = None) -> int:
    docs = Path(__file__).resolve().parents[2] / "docs"
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="few samples, small numbers")
    parser.add_argument("--page", action="store_true", help="write the page from the stored JSON")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--baseline", type=Path, metavar="PATH", help="checkout of an earlier version (archives)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="folder of performance.md and its figures (default docs; a new one with --quick)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if lacking := missing():
        parser.exit(2, f"{parser.prog} needs {', '.join(lacking)}: pip install '.[bench]'\n")
    from . import archives, decode, encode, growth, page, quality, sizes
    from .timing import machine

    logging.getLogger("astropy").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    out = options.out
    if out is None:
        out = Path(tempfile.mkdtemp(prefix="hstamp-benchmarks-")) if options.quick else docs
    figures = out / "figures" / "performance"
    figures.mkdir(parents=True, exist_ok=True)
    if not (out / "performance.md").exists():
        shutil.copy(docs / "performance.md", out)
    stored = figures / "results.json"
    if options.quick and stored.exists():
        parser.error(f"{stored} exists, and --quick overwrites nothing")
    results: dict[str, Any] = json.loads(stored.read_text()) if stored.is_file() else {}
    if not options.page:
        quick = options.quick
        rounds = 3 if quick else 9
        work = {
            "decode": lambda: decode.run(40 if quick else 200, rounds),
            "encode": lambda: encode.run(rounds, 500 if quick else 10_000),
            "bytes": lambda: sizes.run(8 if quick else 60),
            "quality": lambda: quality.run(10 if quick else 60),
            "archives": lambda: archives.run(options.baseline, rounds),
            "growth": lambda: growth.run(3 if quick else 5, 10_000 if quick else 1_000_000),
        }
        for name in options.only:
            start = time.perf_counter()
            results[name] = work[name]()
            results.setdefault("machine", {})[name] = machine()
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
            stored.write_text(json.dumps(results, indent=1) + "\n")
    page.write(results, out / "performance.md", figures)
    print(out / "performance.md", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
