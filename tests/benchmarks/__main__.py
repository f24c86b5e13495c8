"""One command for all measurements: JSON, tables, plots and the docs page.

python -m tests.benchmarks            everything (some minutes)
python -m tests.benchmarks --quick    the same with few samples
python -m tests.benchmarks --page     tables and plots again, from the stored JSON
python -m tests.benchmarks --only decode encode
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from . import decode, encode, growth, page, quality, sizes
from .timing import machine

PARTS = ("decode", "encode", "bytes", "quality", "growth")


def main() -> int:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="few samples, small numbers")
    parser.add_argument("--page", action="store_true", help="write the page from the stored JSON")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path, default=root / "docs/figures/performance/results.json")
    options = parser.parse_args()
    logging.getLogger("astropy").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    results: dict[str, Any] = json.loads(options.json.read_text()) if options.json.is_file() else {}
    if not options.page:
        quick = options.quick
        rounds = 3 if quick else 9
        work = {
            "decode": lambda: decode.run(40 if quick else 200, rounds),
            "encode": lambda: encode.run(rounds, 500 if quick else 10_000),
            "bytes": lambda: sizes.run(8 if quick else 60),
            "quality": lambda: quality.run(10 if quick else 60),
            "growth": lambda: growth.run(3 if quick else 5, 10_000 if quick else 1_000_000),
        }
        for name in options.only:
            start = time.perf_counter()
            results[name] = work[name]()
            results.setdefault("machine", {})[name] = machine()
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    page.write(results, root / "docs/performance.md", root / "docs/figures/performance")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
