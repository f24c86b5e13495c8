"""Finders on real ZTF templates, judged by hosts that people chose."""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts import nearby_of, predict
from hstamp.hosts.load import load_finder
from hstamp.hosts.nearby import read_odds
from hstamp.hosts.score import Answers, Score, Share, Summary, answers_of, score, summarise
from hstamp.inference.weights import note_of
from reference_model.evaluation.real_alerts import (
    Image,
    Part,
    RealAlert,
    read_real,
    truth_of,
)
from reference_model.methods.common import NO_MATCH, SOURCE, Match, own_position
from reference_model.methods.delight import PIXEL, resample
from reference_model.methods.dlr import nearest_by_dlr
from reference_model.methods.gradient import host_by_gradient
from reference_model.methods.nearest import nearest_by_ellipse
from reference_model.methods.peer import Peer
from reference_model.methods.sources import detect

#: How the finders are called; the order of the tables.
TITLES = {
    "own": "the transient's own position",
    "nearest": "SExtractor source, nearest ellipse",
    "dlr": "SExtractor source, DLR",
    "gradient": "gradient ascent",
    "delight": "DELIGHT, its own weights",
    "net2": "network, n=2 (372 values)",
    "net3": "network, n=3 (548 values)",
    "net4": "network, n=4, the outermost ring missing",
    "net3_average": "network, n=3, eight-fold average",
    "net3_magnitude": "network, n=3, told the transient's magnitude, band and age",
}
#: Levels that hold what a whole cutout holds.
WHOLE = 3
#: Those that never say that there is no host.
SILENT = ("own", "delight")
#: Hosts beyond this, arcsec, are given apart.
FAR = 3.0
#: Where every look at the test part is written down.
LOOKS = Path(__file__).resolve().parents[1] / "looks.csv"


@dataclass(frozen=True)
class Found:
    """What one finder made of the alerts."""

    name: str
    answers: Answers
    score: Score


def run_finders(
    alerts: Sequence[RealAlert],
    model: Path,
    levels: Sequence[int] = (2, 3, 4),
    peer: Peer | None = None,
    nearby: float | None = None,
) -> list[Found]:
    """Every finder on every alert.

    Parameters
    ----------
    alerts : sequence of RealAlert
    model : Path
        ONNX file of the network.
    levels : sequence of int
        Levels of the stamps it is shown.
    peer : Peer, optional
        DELIGHT, if its environment is there.
    nearby : float, optional
        The share of nearby hosts that the network is told.
    """
    made: dict[str, Answers] = classical(alerts)
    if peer is not None:
        made["delight"] = ask_delight(alerts, peer)
    for n in levels:
        stamps = [alert.stamp(n) for alert in alerts]
        made[f"net{n}"] = answers_of(predict(stamps, weights=model, nearby=nearby))
    stamps = [alert.stamp(WHOLE) for alert in alerts]
    found = predict(stamps, weights=model, nearby=nearby, average=True)
    made[f"net{WHOLE}_average"] = answers_of(found)
    if read_odds(note_of(model)) is not None:
        chance = nearby_of(
            [alert.measured.brightness for alert in alerts],
            [alert.measured.band for alert in alerts],
            [alert.measured.age for alert in alerts],
            weights=model,
        )
        made[f"net{WHOLE}_magnitude"] = answers_of(predict(stamps, weights=model, nearby=chance))
    truth = truth_of(list(alerts))
    return [Found(name, made[name], score(made[name], truth)) for name in TITLES if name in made]


def flattened(image: Image) -> tuple[Image, float]:
    """A cutout without its sky, and the noise of the sky: median and scatter, clipped at 3 sigma.

    Median absolute deviations, which take little notice of sources, times 1.4826.
    """
    rest = image[np.isfinite(image)].astype(np.float64)
    middle, sigma = float(np.median(rest)), 0.0
    for _ in range(8):
        sigma = 1.4826 * float(np.median(np.abs(rest - middle)))
        rest = rest[np.abs(rest - middle) <= 3.0 * sigma]
        middle = float(np.median(rest))
    return np.asarray(image - np.float32(middle)), sigma


def classical(alerts: Sequence[RealAlert]) -> dict[str, Answers]:
    """The study's classical finders on the whole cutouts, stars included among the sources."""
    matches: dict[str, list[Match]] = {n: [] for n in ("own", "nearest", "dlr", "gradient")}
    for alert in alerts:
        image, sigma = flattened(alert.image)
        scale = alert.wcs.pixel_scale
        try:
            sources = detect(image, sigma, alert.x, alert.y, scale)
        except RuntimeError:  # counted as "no host found": part of the method
            sources = np.zeros(0, SOURCE)
        some = sources.size > 0
        matches["own"].append(own_position())
        matches["nearest"].append(nearest_by_ellipse(sources) if some else NO_MATCH)
        matches["dlr"].append(nearest_by_dlr(sources) if some else NO_MATCH)
        matches["gradient"].append(host_by_gradient(image, alert.x, alert.y, sigma, sources, scale))
    return {
        name: _answers(alerts, np.array([(m.dx, m.dy) for m in found]))
        for name, found in matches.items()
    }


def ask_delight(alerts: Sequence[RealAlert], peer: Peer) -> Answers:
    """DELIGHT on the cutouts with a host, as it always names one.

    What they lack of its 2 arcmin is missing.
    """
    places = np.full((len(alerts), 2), np.nan)
    rows = [row for row, alert in enumerate(alerts) if alert.host is not None]
    for first in range(0, len(rows), 32):
        part = rows[first : first + 32]
        images = [
            resample(flattened(a.image)[0], a.x, a.y, a.wcs.pixel_scale)
            for a in (alerts[row] for row in part)
        ]
        places[part] = peer.ask(np.stack(images))[:, :2] * PIXEL
    return _answers(alerts, places)


def _answers(alerts: Sequence[RealAlert], places: NDArray[np.float64]) -> Answers:
    """Answers of a finder that names one place, arcsec along the pixel axes, or none (NaN)."""
    wcs = [alert.wcs for alert in alerts]
    pixel = np.array([w.pixel_scale for w in wcs])
    places = places.reshape(-1, 2)
    cd = np.array([w.cd for w in wcs]).reshape(-1, 2, 2)
    plane = 3600.0 * np.einsum("bij,bj->bi", cd, places / pixel[:, None])
    answered = np.isfinite(plane[:, 0])
    # A finder that gives no covariance claims a pixel.
    covariance = np.eye(2) * pixel[:, None, None] ** 2
    return Answers(
        ra=np.array([w.ra for w in wcs]),
        dec=np.array([w.dec for w in wcs]),
        pixel=pixel,
        levels=np.full(len(alerts), 3),
        none=np.where(answered, 0.0, 1.0),
        weight=answered[:, None].astype(np.float64),
        east=plane[:, :1],
        north=plane[:, 1:],
        covariance=covariance[:, None],
    )


@dataclass(frozen=True)
class Row:
    """One finder in numbers.

    Attributes
    ----------
    every, far : Summary
        Of all hosts, and of those beyond `FAR`.
    none : dict
        Mean P(none) of each kind of alert, every object once.
    brier, brier_constant : float
        Of P(none) over hosts, asteroids and variable stars.
    """

    name: str
    every: Summary
    far: Summary
    none: dict[str, float]
    brier: float
    brier_constant: float


def rows_of(alerts: Sequence[RealAlert], found: Sequence[Found]) -> list[Row]:
    """Numbers of every finder."""
    kinds = np.array([alert.kind for alert in alerts])
    names = np.array([alert.object_id for alert in alerts])
    rows = []
    for one in found:
        with_host = kinds == "host"
        far = with_host & (one.score.offset > FAR)
        hosts = summarise(one.score.of(with_host), names[with_host])
        whole = summarise(one.score, names)
        rows.append(
            Row(
                one.name, hosts, summarise(one.score.of(far), names[far]),
                {kind: _mean(one.score.none[kinds == kind], names[kinds == kind])
                 for kind in ("host", "asteroid", "variable star")},
                whole.brier, whole.brier_constant,
            )
        )  # fmt: skip
    return rows


def _mean(values: NDArray[np.float64], names: NDArray[Any]) -> float:
    if not values.size:
        return float("nan")
    _, index = np.unique(names, return_inverse=True)
    return float((np.bincount(index, values) / np.bincount(index)).mean())


#: Share of hosts that a floor under the covariances is to bring into the 68 % regions.
HELD = 0.68
#: Floors that are tried, pixels.
FLOORS = np.arange(0.0, 1.01, 0.05)


def fit_floor(alerts: Sequence[RealAlert], model: Path) -> float:
    """The least floor under covariances with which the 68 % regions hold 68 % of the hosts.

    Parameters
    ----------
    alerts : sequence of RealAlert
        Of the part that things are chosen on; those with a host count.
    model : Path
        Whose floor of today is left out.

    Returns
    -------
    float
        Pixels; the greatest that is tried where none is enough.
    """
    some = [alert for alert in alerts if alert.host is not None]
    names = np.array([alert.object_id for alert in some])
    answers = answers_of(predict([alert.stamp(WHOLE) for alert in some], weights=model))
    before = float(note_of(model).get("floor", 0.0))
    square = (answers.pixel**2)[:, None, None, None] * np.eye(2)
    for floor in FLOORS:
        covariance = answers.covariance + (floor**2 - before**2) * square
        found = summarise(score(replace(answers, covariance=covariance), truth_of(some)), names)
        if found.regions[0].value >= HELD:
            return round(float(floor), 2)
    return round(float(FLOORS[-1]), 2)


def write_floor(alerts: Sequence[RealAlert], model: Path) -> float:
    """Fit the floor, and keep it beside the weights."""
    floor, path = fit_floor(alerts, model), model.with_suffix(".json")
    text = path.read_text(encoding="utf-8")
    note = {**json.loads(text), "floor": floor}
    path.write_text(json.dumps(note, indent=1) + ("\n" if text.endswith("\n") else ""),
                    encoding="utf-8")  # fmt: skip
    load_finder.cache_clear()
    return floor


def log_look(part: str, model: Path, why: str, looks: Path = LOOKS) -> None:
    """Write down that a part was looked at, with which weights and what for."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest()[:12]
    fresh = not looks.exists()
    with looks.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if fresh:
            writer.writerow(["date", "part", "weights", "why"])
        writer.writerow([datetime.datetime.now(datetime.UTC).date().isoformat(), part, digest, why])


def write_json(
    path: Path, part: str, alerts: Sequence[RealAlert], found: Sequence[Found], model: Path
) -> None:
    """Results in numbers, and of the alerts with a host one by one."""
    told = {
        "part": part,
        "weights": hashlib.sha256(model.read_bytes()).hexdigest(),
        "finders": [_plain(asdict(row)) for row in rows_of(alerts, found)],
        "alerts": [
            {
                "object": alert.object_id,
                "candid": alert.candid,
                "kind": alert.kind,
                "offset": _number(found[0].score.offset[i]),
                "error": {one.name: _number(one.score.error[i]) for one in found},
                "none": {one.name: _number(one.score.none[i]) for one in found},
            }
            for i, alert in enumerate(alerts)
            if alert.host is not None
        ],
    }
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return _number(value) if isinstance(value, float) else value


def share_text(share: Share) -> str:
    """A share as counts of objects and in per cent with its interval."""
    if not share.n:
        return "-"
    count = f"{share.value * share.n:.1f}".removesuffix(".0")
    return f"{count} of {share.n}, {share}"


def table_lines(rows: Sequence[Row]) -> list[str]:
    """The rows as a table in Markdown."""
    head = ["finder", "within 2 pixels", 'within one pixel (1")', 'median error (")',
            f'hosts beyond {FAR:g}": within 2 pixels', "68 % regions hold", "95 % regions hold",
            "P(none) at hosts", "at asteroids", "at variable stars",
            "Brier of P(none)", "of a constant"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        regions = [share_text(r) for r in row.every.regions]
        cells = [
            TITLES[row.name], share_text(row.every.within_pixels),
            share_text(row.every.within_arcsec), f"{row.every.median:.2f}",
            share_text(row.far.within_pixels),
            *(regions if row.name.startswith("net") else ["-", "-"]),
        ]  # fmt: skip
        if row.name in SILENT:
            cells += ["-"] * 5
        else:
            cells += [f"{row.none[k]:.2f}" for k in ("host", "asteroid", "variable star")]
            cells += [f"{row.brier:.3f}", f"{row.brier_constant:.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def run_real(options: argparse.Namespace) -> list[str]:
    """Carry out ``python -m reference_model real``; returns the lines of a report.

    Raises
    ------
    FileNotFoundError
        If data are missing; names them.
    ValueError
        If the test part is to be looked at without a reason.
    """
    from hstamp.hosts import weights_path

    if options.part != "dev" and not options.why:
        raise ValueError("say with --why what the look at the test part is for")
    parts: list[Part] = ["dev", "test"] if options.part == "both" else [options.part]
    alerts = [alert for part in parts for alert in read_real(options.labelled, part)]
    model = weights_path(options.model)
    if options.fit_floor:
        if options.part != "dev":
            raise ValueError("a floor is chosen on the part dev alone")
        return [f"floor of {write_floor(alerts, model)} pixels in {model.with_suffix('.json')}"]
    if "test" in parts:
        log_look(options.part, model, options.why)
    peer = None
    if options.python is not None:
        peer = Peer(options.python, options.output.with_suffix(".delight.log"), options.workers)
    try:
        found = run_finders(alerts, model, peer=peer, nearby=options.nearby)
    finally:
        if peer is not None:
            peer.close()
    write_json(options.output, options.part, alerts, found, model)
    lines = table_lines(rows_of(alerts, found))
    if options.docs is not None:
        from reference_model.figures.headline import REAL_HOSTS
        from reference_model.figures.real import write_real

        (options.docs / REAL_HOSTS).parent.mkdir(parents=True, exist_ok=True)
        write_json(options.docs / REAL_HOSTS, options.part, alerts, found, model)
        lines.append(str(write_real(options.docs, alerts, found, model)))
    return lines
