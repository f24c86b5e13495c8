"""Hosts that people chose in the viewer, as the truth that a run is judged by."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import InputError
from ..inference.alerts import Alert
from ..tangent import gnomonic
from .score import Answers, Score, Summary, Truth, answers_of, score, summarise
from .table import HostTable

__all__ = ["Judge", "Label", "Verdict", "read_labels", "verdicts"]

_LONGEST: Final = 256 * 2**20
"""Longest file of labels that is read [byte]."""
SAME: Final = 1.0
"""Two people who clicked within this distance chose the same host [arcsec]."""


@dataclass(frozen=True)
class Label:
    """What one labeller said of one alert in one pass.

    Attributes
    ----------
    alert_id : str
    label : {"host", "none", "unsure", "class"}
    ra, dec : float
        The host as it was clicked, ICRS [deg]; NaN where none was chosen.
    labeller : str
    number : int
        Pass.
    """

    alert_id: str
    label: str
    ra: float
    dec: float
    labeller: str
    number: int


@dataclass(frozen=True)
class Verdict:
    """What labellers agree on: the mean of their places, or that no host can be seen (NaN)."""

    ra: float
    dec: float


def read_labels(path: Path) -> list[Label]:
    """Read labels that the viewer saved, as CSV or JSON.

    Raises
    ------
    InputError
        If the file is neither; its message names the row at fault.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as stream:
        data = stream.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise InputError(f"{path}: longer than {_LONGEST} bytes")
    text = data.decode("utf-8-sig", "replace")
    rows = _json_rows(text, path) if text.lstrip().startswith("{") else _csv_rows(text, path)
    labels = []
    for number, row in enumerate(rows, start=1):
        try:
            labels.append(_label(row))
        except (KeyError, TypeError, ValueError) as exc:
            raise InputError(f"{path}: label {number} is not valid: {exc}") from exc
    return labels


def verdicts(labels: Iterable[Label]) -> tuple[dict[str, Verdict], int]:
    """What can be held against answers, by alert.

    Each labeller's last word in each pass counts; "unsure" and classes do not.

    Returns
    -------
    agreed : dict of str to Verdict
    differing : int
        Alerts left out because labels differ: a host and none, or hosts more than `SAME` apart.
    """
    said: dict[str, dict[tuple[str, int], Label]] = defaultdict(dict)
    for label in labels:
        said[label.alert_id][label.labeller, label.number] = label
    agreed, differing = {}, 0
    for alert, each in said.items():
        used = [label for label in each.values() if _is_used(label)]
        if not used:
            continue
        verdict = _agreed(used)
        if verdict is None:
            differing += 1
        else:
            agreed[alert] = verdict
    return agreed, differing


class Judge:
    """Collects the answers for alerts that were labelled.

    Parameters
    ----------
    labels : iterable of Label
    """

    def __init__(self, labels: Iterable[Label]) -> None:
        self.agreed, self.differing = verdicts(labels)
        self._scores: list[Score] = []
        self._objects: list[str] = []

    def add(self, alerts: Sequence[Alert], hosts: HostTable) -> None:
        """Judge the answers of alerts that were looked at."""
        rows = [i for i, alert in enumerate(alerts) if alert.id in self.agreed]
        if not rows:
            return
        held = [self.agreed[str(alerts[i].id)] for i in rows]
        ra = np.array([verdict.ra for verdict in held])
        truth = Truth(ra, np.array([verdict.dec for verdict in held]), np.isnan(ra))
        answers = answers_of(hosts)
        some = Answers(**{f.name: getattr(answers, f.name)[rows] for f in fields(Answers)})
        self._scores.append(score(some, truth))
        self._objects += [str(alerts[i].object_id or alerts[i].id) for i in rows]

    def summary(self) -> Summary | None:
        """Return the score of all that was added; None for nothing."""
        if not self._scores:
            return None
        whole = {
            f.name: np.concatenate([getattr(part, f.name) for part in self._scores])
            for f in fields(Score)
        }
        return summarise(Score(**whole), np.array(self._objects))

    def lines(self) -> Iterator[str]:
        """What to tell the user."""
        found = self.summary()
        left = f"; {self.differing} left out, on which they differ" if self.differing else ""
        if found is None:
            yield f"labels: none of {len(self.agreed)} alerts that were labelled is here{left}"
            return
        yield f"labels: {found.hosts} hosts and {found.hostless} without, by eye{left}"
        if found.hosts:
            yield f"  within 2 pixels of the label   {found.within_pixels}"
            yield f"  within 1 arcsec or one pixel   {found.within_arcsec}"
            yield f"  median distance                {found.median:.2f} arcsec"
            yield (
                "  label in the region of 68 %    {}\n  label in the region of 95 %    {}".format(
                    *found.regions
                )
            )
        if math.isfinite(found.brier):
            yield (
                f"  Brier score of P(none)         {found.brier:.3f}"
                f" (a constant: {found.brier_constant:.3f})"
            )


def _csv_rows(text: str, path: Path) -> Iterator[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    wanted = {f.name for f in fields(Label)} - {"number"} | {"pass"}
    try:
        missing = wanted - set(reader.fieldnames or ())
        if missing:
            raise InputError(f"{path}: no labels: it has no column {', '.join(sorted(missing))}")
        yield from reader
    except csv.Error as exc:
        raise InputError(f"{path}: {exc}") from exc


def _json_rows(text: str, path: Path) -> Sequence[Mapping[str, Any]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{path}: not JSON: {exc}") from exc
    rows = content.get("labels")
    if content.get("format") != "hstamp-labels" or not isinstance(rows, list):
        raise InputError(f"{path}: not labels of the viewer")
    return rows


def _label(row: Mapping[str, Any]) -> Label:
    kind = str(row["label"])
    if kind not in ("host", "none", "unsure", "class"):
        raise ValueError(f"{kind!r} is no label")
    ra, dec = (
        math.nan if value in (None, "") else float(value) for value in (row["ra"], row["dec"])
    )
    if kind == "host" and not (math.isnan(ra) or (0 <= ra <= 360 and -90 <= dec <= 90)):
        raise ValueError(f"({ra}, {dec}) is not on the sky")
    return Label(str(row["alert_id"]), kind, ra, dec, str(row["labeller"]), int(row["pass"]))


def _is_used(label: Label) -> bool:
    return label.label == "none" or (label.label == "host" and math.isfinite(label.ra + label.dec))


def _agreed(labels: Sequence[Label]) -> Verdict | None:
    if all(label.label == "none" for label in labels):
        return Verdict(math.nan, math.nan)
    if any(label.label == "none" for label in labels):
        return None
    first = labels[0]
    ra, dec = (np.array([getattr(each, name) for each in labels]) for name in ("ra", "dec"))
    xi, eta = (3600.0 * part for part in gnomonic(ra, dec, first.ra, first.dec))
    apart = np.hypot(xi[:, None] - xi, eta[:, None] - eta)
    if not bool(np.all(apart <= SAME)):
        return None
    # Within an arcsecond the mean of angles is that of positions, but across 0h and at the poles.
    turn = np.remainder(ra - first.ra + 180.0, 360.0) - 180.0
    return Verdict(float((first.ra + turn.mean()) % 360.0), float(dec.mean()))
