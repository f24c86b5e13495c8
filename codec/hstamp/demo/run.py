"""The demonstration from beginning to end."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fastavro.write import Writer

from ..alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from ..alerts.lsst import newest_version, schema_for_version
from ..alerts.schema import plain_schema
from ..container.ocf import BadRecord, Container
from ..layout import reference_corner
from ..outputs import atomic_text, atomic_writer
from ..stamp import Stamp
from .packets import packet, today
from .pictures import cutout_svg, mosaic_svg, png_uri, stamp_png
from .report import Card, Row, page
from .sky import PIXEL, Scene, scene

__all__ = ["run_demo"]

SEED = 15


@dataclass(frozen=True)
class _Made:
    """What the report says of a simulated alert, without its images."""

    band: str
    offset: float
    angle: float
    host: tuple[float, float]
    wide: int
    today: int
    science_today: int
    cutout: str


def run_demo(
    out: Path,
    count: int = 30,
    *,
    seed: int = SEED,
    commands: Callable[[list[str]], int],
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[int, list[str]]:
    """Make alerts, convert them, validate them and write ``report.html``.

    Parameters
    ----------
    out : Path
        Folder to write into.
    count : int
        Number of alerts.
    seed : int
        Seed of the simulated skies.
    commands : callable
        The command line, from its arguments to its exit status.
    progress : callable
        Called with the number of steps done, of 2 * `count`.

    Returns
    -------
    status : int
        Exit status.
    summary : list of str
        The commands and what they printed.
    """
    out.mkdir(parents=True, exist_ok=True)
    alerts, stamped = out / "alerts.avro", out / "alerts-with-stamps.avro"
    made = _make_alerts(alerts, count, seed, progress)
    status, summary = _run_commands(
        commands,
        ["convert", str(alerts), "--out", str(stamped), "--drop-cutouts", "--force"],
        ["validate", str(stamped)],
    )
    if status:
        return status, summary

    rows: list[Row] = []
    cards: list[Card] = []
    hero: Stamp | None = None
    with stamped.open("rb") as stream:
        for facts, item in zip(made, Container(stream).records(["diaSourceId"]), strict=True):
            if isinstance(item, BadRecord):
                raise item.error
            record, fields = item.record, dict(item.stamps)
            stamps = {kind: Stamp(fields[STAMP_FIELDS[kind]]) for kind in KINDS}
            rows.append(_row(record, facts, stamps))
            cards.append(_card(record, facts, stamps["science"]))
            if hero is None and 8.0 < facts.offset < 18.0:
                hero = stamps["science"]
            progress(count + len(rows))
    picture = stamp_png(hero or stamps["science"])
    atomic_text(out / "report.html", page(rows, cards, picture, summary))
    return 0, [*_sizes(rows), "", *summary]


def _sizes(rows: list[Row]) -> list[str]:
    count = 3 * len(rows)
    now, stamps, wide = (
        sum(sizes) / count
        for sizes in zip(*((r.today, r.stamps, r.parents) for r in rows), strict=True)
    )
    return [
        f"today's 6 arcsec cutout, as sent   {now:>9,.0f} bytes",
        f"a stamp of 48 arcsec, with mask    {stamps:>9,.0f} bytes: {now / stamps:.1f} times fewer",
        f"FITS of the whole sky simulated    {wide:>9,.0f} bytes",
    ]


def _make_alerts(path: Path, count: int, seed: int, progress: Callable[[int], None]) -> list[_Made]:
    schema = schema_for_version(newest_version())
    made = []
    with atomic_writer(path) as stream:
        writer = Writer(stream, plain_schema(schema), sync_marker=bytes(16))
        for number in range(count):
            drawn = scene(seed, number)
            record = packet(drawn, number, schema)
            writer.write(record)
            made.append(_facts(drawn, record))
            progress(number + 1)
        writer.flush()
    return made


def _facts(drawn: Scene, record: dict[str, Any]) -> _Made:
    sizes = [len(today(drawn, getattr(drawn, kind))) for kind in KINDS]
    i0, j0 = reference_corner(drawn.x, drawn.y)
    pixels = drawn.science.pixels[j0 - 15 : j0 + 15, i0 - 15 : i0 + 15]
    uri = png_uri(pixels, _noise(drawn.science.variance))
    return _Made(
        band=drawn.band,
        offset=drawn.offset,
        angle=drawn.angle,
        host=(drawn.host[0] - drawn.x, drawn.host[1] - drawn.y),
        wide=sum(len(record[CUTOUT_FIELDS[kind]]) for kind in KINDS),
        today=sum(sizes),
        science_today=sizes[KINDS.index("science")],
        cutout=cutout_svg(uri, 30, PIXEL, "today's cutout"),
    )


def _run_commands(commands: Callable[[list[str]], int], *lines: list[str]) -> tuple[int, list[str]]:
    summary: list[str] = []
    for arguments in lines:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = commands(arguments)
        shown = [word if word.startswith("-") else Path(word).name for word in arguments]
        summary += [f"$ hstamp {' '.join(shown)}", *said.getvalue().splitlines(), ""]
        if status:
            return status, summary
    return 0, summary


def _row(record: dict[str, Any], facts: _Made, stamps: dict[str, Stamp]) -> Row:
    return Row(
        str(record["diaSourceId"]),
        facts.band,
        facts.offset,
        facts.today,
        sum(len(stamp.to_bytes()) for stamp in stamps.values()),
        facts.wide,
    )


def _card(record: dict[str, Any], facts: _Made, stamp: Stamp) -> Card:
    noise = _noise(stamp.variance[0]) if stamp.variance is not None else 1.0
    uri = png_uri(stamp.mosaic(), noise)
    return Card(
        str(record["diaSourceId"]),
        facts.band,
        facts.offset,
        facts.cutout,
        mosaic_svg(stamp, uri, facts.angle, facts.host),
        facts.science_today,
        len(stamp.to_bytes()),
    )


def _noise(variance: Any) -> float:
    return float(np.sqrt(np.nanmedian(variance)))
