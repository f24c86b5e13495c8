"""The page of real hosts: finders against the hosts that people chose."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hstamp.tangent import gnomonic
from reference_model.evaluation.goals import REAL_SHARE
from reference_model.evaluation.real import (
    LOOKS,
    WHOLE,
    Found,
    Row,
    rows_of,
    share_text,
    table_lines,
)
from reference_model.evaluation.real_alerts import RealAlert
from reference_model.figures.card import put
from reference_model.figures.gallery import Finding, draw_sheet, findings_of
from reference_model.figures.realsky import FOLDER

COLUMNS, DPI = 9, 90
#: The page that shows them to users, and what its numbers stand between.
HOSTS_PAGE = "hosts.md"
BEGIN = "<!-- real hosts: python -m reference_model real --docs -->"
END = "<!-- end of the real hosts -->"


def pictured(alerts: Sequence[RealAlert], found: Found, model: Path) -> list[Finding]:
    """One stamp of every object with a host, by the offset of the host, widest first."""
    first: dict[str, int] = {}
    for row, alert in enumerate(alerts):
        if alert.host is not None:
            first.setdefault(alert.object_id, row)
    order = sorted(first.values(), key=lambda row: -found.score.offset[row])
    chosen = [alerts[row] for row in order]
    out = []
    for row, item in zip(
        order,
        findings_of(model, [a.stamp(WHOLE) for a in chosen], [a.object_id for a in chosen], True),
        strict=True,
    ):
        alert = alerts[row]
        assert alert.host is not None
        plane = np.array(gnomonic(*alert.host, alert.wcs.ra, alert.wcs.dec))
        x, y = np.linalg.solve(alert.wcs.cd, plane)
        note = f', {found.score.error[row]:.1f}" off'
        out.append(replace(item, known=(float(x), float(y)), note=note))
    return out


def looks() -> list[str]:
    """How often the test part was looked at, as a table."""
    if not LOOKS.exists():
        return []
    with LOOKS.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows[1:]), ""]


def summary_line(rows: Sequence[Row]) -> str:
    """How many hosts are found, by the network and beside it."""
    shares = {row.name: row.every.within_pixels for row in rows}
    first = shares[f"net{WHOLE}"]
    beside = [
        f"{who} for {shares[name].value * shares[name].n:.0f}"
        for name, who in (("nearest", "SExtractor's nearest ellipse"), ("dlr", "SExtractor's DLR"),
                          ("gradient", "gradient ascent"), ("delight", "DELIGHT's answer"))
        if name in shares
    ]  # fmt: skip
    return (
        "The best one is within two pixels of the chosen host for "
        f"{first.value * first.n:.0f} of {first.n} objects, {', '.join(beside)}."
    )


def write_real(
    docs: Path, alerts: Sequence[RealAlert], found: Sequence[Found], model: Path
) -> Path:
    """Write ``reference_model_realhosts.md`` and its picture."""
    (shown,) = [one for one in found if one.name == f"net{WHOLE}"]
    picture = docs / FOLDER / "real_hosts.png"
    draw_sheet(picture, pictured(alerts, shown, model), COLUMNS, DPI)
    rows = rows_of(alerts, found)
    (own,) = [row for row in rows if row.name == shown.name]
    note = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    verdict = "reached" if own.every.within_pixels.value >= REAL_SHARE else "missed"
    lines = [
        "# Hosts that people chose, found in real ZTF alerts",
        "",
        f"{own.every.hosts} supernovae in public ZTF alerts, whose hosts were chosen at ALeRCE for "
        f"reports to TNS; {own.far.hosts} hosts are more than 3\" away. Every finder gets the "
        "template cutout of 63x63 pixels of 1.01\", the network its hierarchical stamp in the "
        f"default encoding. At n={WHOLE}, the whole of what a cutout holds, the host is within "
        f"two pixels for **{share_text(own.every.within_pixels)}**; the goal of 95 % is "
        f"{verdict}. No real image was seen in training ({note.get('data', 'simulated')}). Made by",
        "",
        "    python -m reference_model real --data DATA --part both --why REASON --docs docs",
        "",
        "where `DATA` holds `alerts.avro`, `labels.csv` and `hosts.csv`.",
        "",
        *table_lines(rows),
        "Objects count once, as the mean of their alerts; brackets are Wilson's 95 % intervals. "
        "Orientation is the nominal one, which errs by up to 3.7 degrees times tan(dec): at high "
        "declinations a part of a far host's error is the camera's. SExtractor keeps its stars, "
        "since nothing says how wide one is in a template. Without a host are asteroids, which "
        "are met at random places, and variable stars, which are themselves what the template "
        "shows; hosts outside a stamp count as none in it. The constant is the best one, the "
        "share of objects without a host.",
        "",
        f"![Real hosts]({FOLDER}/real_hosts.png)",
        "",
        "Every object, hosts farthest away first: the blue cross is the transient, the green "
        "square the host that was chosen, ellipses are candidates (two sigma, line width by "
        "weight).",
        "",
        "## How often this was looked at",
        "",
        "Objects are split in two by the SHA-256 of their names. Everything is chosen on one half, "
        "which may be looked at freely. Looks at the other are written down by the command, with "
        "the first digits of the weights' SHA-256:",
        "",
        *looks(),
    ]  # fmt: skip
    if (docs / HOSTS_PAGE).exists():
        put(docs / HOSTS_PAGE, BEGIN, END, [summary_line(rows)])
    path = docs / "reference_model_realhosts.md"
    path.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")
    return path
