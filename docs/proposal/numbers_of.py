"""The numbers of the proposal: read from stored results and from facts with their sources.

None is typed into the text. What a command measured is read from what that command wrote: the
results of the benchmarks, and the tables of the pages that commands write.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

import hstamp
from hstamp.layout import Layout

DOCS: Final = Path(__file__).resolve().parents[1]
IMAGES: Final = 3
"""Images of an alert: difference, science and template."""
VERDICTS: Final = ("reached", "missed", "undefined", "not run")
_ESTIMATE: Final = re.compile(
    r"\s*([-+]?[0-9.]+)\s*(?:\(([-+]?[0-9.]+)\s*(?:-|to)\s*([-+]?[0-9.]+)\))?"
)
_NUMBER: Final = re.compile(r"-?[0-9][0-9,]*(\.[0-9]+)?")


class Numbers:
    """Where the text takes its numbers from, and a list of those taken.

    Parameters
    ----------
    docs : Path
        Folder of the pages.

    Attributes
    ----------
    taken : dict
        Value and source of every fact that was asked for.
    """

    def __init__(self, docs: Path = DOCS) -> None:
        self.docs = docs
        here = docs / "proposal"
        self._facts = json.loads((here / "facts.json").read_text(encoding="utf-8"))
        figures = docs / "figures" / "performance" / "results.json"
        self._results = json.loads(figures.read_text(encoding="utf-8"))
        self.taken: dict[str, tuple[Any, str]] = {}

    def fact(self, name: str) -> Any:
        """Give a fact that others published, or that was read off real data."""
        entry = self._facts[name]
        self.taken[name] = (entry["value"], entry["source"])
        return entry["value"]

    def sources(self) -> list[tuple[Any, str]]:
        """Value and source of the facts that were asked for, in the order of the file."""
        return [self.taken[name] for name in self._facts if name in self.taken]

    def result(self, *path: str) -> Any:
        """Give a value of the benchmarks by its path in ``results.json``."""
        value = self._results
        for key in path:
            value = value[key]
        return value["median"] if isinstance(value, dict) and "median" in value else value

    def cell(
        self,
        page: str,
        row: str,
        column: str | int = 1,
        *,
        table: str | None = None,
        after: str | None = None,
    ) -> str:
        """Text of a cell of a table in a page.

        Parameters
        ----------
        page : str
            Name of the page, below ``docs``.
        row : str
            Beginning of the first cell of the row.
        column : str or int
            Beginning of the column's heading, or its number.
        table : str, optional
            Beginning of one of the table's headings, where several have the row.
        after : str, optional
            Text that the table stands after.

        Raises
        ------
        KeyError
            If no table has that row and column.
        """
        text = (self.docs / page).read_text(encoding="utf-8")
        if after is not None and after not in text:
            raise KeyError(f"{page} does not say {after!r}")
        text = text[text.index(after) :] if after else text
        for header, rows in _tables(text):
            if table is not None and not any(name.startswith(table) for name in header):
                continue
            found = [i for i, name in enumerate(header) if name.startswith(str(column))]
            at = column if isinstance(column, int) else (found[0] if found else None)
            for cells in rows:
                if at is not None and cells[0].startswith(row) and at < len(cells):
                    return cells[at]
        raise KeyError(f"{page} has no table with a row {row!r} and a column {column!r}")

    def number(self, page: str, row: str, column: str | int = 1, **options: Any) -> float:
        """Give the first number of a cell."""
        text = self.cell(page, row, column, **options)
        found = _NUMBER.search(text)
        if found is None:
            raise KeyError(f"{page}: no number in {text!r}")
        return float(found[0].replace(",", ""))

    def table(self, page: str, heading: str) -> list[dict[str, str]]:
        """Give the rows of the first table of a page one of whose headings begins so.

        Raises
        ------
        KeyError
            If there is no such table.
        """
        for header, rows in _tables((self.docs / page).read_text(encoding="utf-8")):
            if any(name.startswith(heading) for name in header):
                return [dict(zip(header, cells, strict=False)) for cells in rows]
        raise KeyError(f"{page} has no table with a column {heading!r}")

    def goals(self, verdict: str | None = None) -> list[dict[str, str]]:
        """Give the goals of the reference model's study, all or those with a verdict."""
        rows = self.table("reference_model_results.md", "goal")
        for row in rows:
            row["verdict"] = row.pop("")
            if row["verdict"] not in VERDICTS:
                raise KeyError(f"reference_model_results.md: {row['verdict']!r} is no verdict")
        return [row for row in rows if verdict is None or row["verdict"] == verdict]

    def bytes_of(self, name: str, codec: str = "bytes") -> float:
        """Bytes of one way to hold a stamp, by its name in the benchmarks."""
        return float(self.result("bytes", "rows", name, codec))

    def alert(self, name: str) -> float:
        """Bytes of a whole alert, by its name in the benchmarks."""
        return float(self.result("bytes", "alerts", "rows", name, "bytes"))

    def night(self, name: str) -> float:
        """Terabytes of a night of such alerts."""
        return self.alert(name) * self.fact("alerts_night") / 1e12

    def year(self, name: str) -> float:
        """Terabytes of a year of such alerts."""
        return self.night(name) * float(self.result("bytes", "alerts", "nights"))

    def images(self, name: str, codec: str = "bytes", alerts: float = 1.0) -> float:
        """Bytes of the images of so many alerts, each image compressed by itself."""
        return IMAGES * self.bytes_of(name, codec) * alerts

    def mixed(self, share: float, wide: str, narrow: float) -> float:
        """Bytes of a stamp on average, if a share of alerts has a wide one."""
        return share * self.bytes_of(wide) + (1.0 - share) * narrow

    def kpc(self, arcsec: float, redshift: float) -> float:
        """Proper length of an angle at a redshift [kpc]: flat, H0 = 70 km/s/Mpc, Omega_m = 0.3."""
        z = redshift * (np.arange(1000) + 0.5) / 1000
        distance = 299_792.458 / 70.0 * redshift * np.mean((0.3 * (1.0 + z) ** 3 + 0.7) ** -0.5)
        return float(distance * 1000.0 / (1.0 + redshift) * np.radians(arcsec / 3600.0))

    def overhead(self) -> int:
        """Bytes of a complete five-level stamp that are neither pixels nor PSF."""
        image = np.random.default_rng(1).normal(0.0, 1.0, (300, 300))
        stamp = hstamp.encode(
            image, 150.0, 150.0, variance=np.ones_like(image), psf=np.full((21, 21), 1 / 441),
            wcs=hstamp.Wcs(150.1, 2.2, -5.6e-5, 0.0, 0.0, 5.6e-5), band="r",
            id="170000000000000001/science",
        )  # fmt: skip
        fields = stamp.to_dict()
        held = sum(len(fields[plane]["data"]) for plane in ("image", "variance", "psf"))
        return len(stamp.to_bytes()) - held

    def layout(self, n: int = 5) -> Layout:
        """Give the geometry of an n-level stamp."""
        return Layout(levels=n)

    @property
    def version(self) -> str:
        """Version of the package."""
        return hstamp.__version__

    @property
    def format(self) -> str:
        """Version of the format, as text."""
        return f"{hstamp.FORMAT_VERSION / 100:.1f}"

    @property
    def rubin(self) -> str:
        """Release of Rubin's packages that the extra asks for."""
        text = (DOCS.parent / "pyproject.toml").read_text(encoding="utf-8")
        extras = tomllib.loads(text)["project"]["optional-dependencies"]["rubin"]
        (found,) = [line for line in extras if line.startswith("lsst-pipe-base==")]
        return found.partition("==")[2].partition(";")[0].strip()

    @property
    def languages(self) -> int:
        """Languages that have a decoder: Python, and those of the suite's decoders."""
        folder = DOCS.parent / "tests" / "conformance" / "decoders"
        return 1 + sum(1 for place in folder.iterdir() if place.is_dir())

    def lines(self, page: str, name: str) -> int:
        """Lines of code of a block of a page, without those that are empty."""
        text = (self.docs / page).read_text(encoding="utf-8")
        found = re.search(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", text, re.S)
        if found is None:
            raise KeyError(f"{page} has no block {name!r}")
        return sum(1 for line in found[1].splitlines() if line.strip())

    @property
    def vectors(self) -> int:
        """Vectors of the conformance suite."""
        root = DOCS.parent / "tests" / "conformance" / "vectors"
        index = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
        return len(index["vectors"])


def _tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Tables of a page: their headings and rows."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if i and re.fullmatch(r"\|?[\s|:-]+\|[\s|:-]*", line) and "-" in line:
            rows = []
            for later in lines[i + 1 :]:
                if not later.startswith("|"):
                    break
                rows.append(_cells(later))
            yield _cells(lines[i - 1]), rows


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().strip("*") for cell in inner.split("|")]


def estimate(text: str) -> tuple[float, float, float]:
    """Value and interval of text like ``7.3 (6.6-7.9)``; without an interval, the value thrice."""
    found = re.match(
        r"\s*([-+]?[0-9.]+)\s*(?:\(([-+]?[0-9.]+)\s*(?:-|to)\s*([-+]?[0-9.]+)\))?", text
    )
    if found is None:
        raise KeyError(f"no estimate in {text!r}")
    value = float(found[1])
    return value, float(found[2] or value), float(found[3] or value)
