"""Stamps of any origin with what the network makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from hstamp.hosts.runtime import Candidates, HostFinder, noise_of, read_calibration, to_sky
from reference_model.figures.style import figure, save

Floats = NDArray[np.float32]

#: Alert fields that show no host.
DIFFERENCE = "difference"
#: Panels on one sheet.
PER_SHEET, COLUMNS = 48, 8
#: Levels the weights were trained for.
MOST_LEVELS = 6


@dataclass(frozen=True)
class Finding:
    """One stamp and its answer.

    Attributes
    ----------
    name : str
    mosaic : ndarray, float32
        In units of the noise.
    found : Candidates
        Of this stamp alone.
    scale : float
        Arcsec per base pixel; NaN without a WCS.
    ra, dec : float
        Of the best candidate, deg; NaN without a WCS.
    """

    name: str
    mosaic: Floats
    found: Candidates
    scale: float
    ra: float
    dec: float


def sky_of(levels: Floats) -> float:
    """Sky level of a stamp that is not sky-subtracted: median of its outermost level."""
    finite = levels[-1][np.isfinite(levels[-1])]
    return float(np.median(finite)) if finite.size else 0.0


def find_hosts(finder: HostFinder, path: Path, subtract_sky: bool) -> list[Finding]:
    """The hosts of every stamp of a file, difference stamps left out.

    Parameters
    ----------
    finder : HostFinder
    path : Path
        Anything `hstamp.read_stamps` reads.
    subtract_sky : bool
        For images that still carry their sky.
    """
    import hstamp

    out = []
    for item in hstamp.read_stamps(path):
        record, stamp = item.stamp.record, item.stamp
        name = record.id or f"{path.stem} {item.record}"
        if name.endswith(DIFFERENCE):
            continue
        levels = np.asarray(stamp.levels)[None, :MOST_LEVELS]
        if subtract_sky:
            levels = levels - np.float32(sky_of(levels[0]))
        variance = stamp.variance
        noise = noise_of(levels, None if variance is None else variance[None, :MOST_LEVELS])
        if not noise[0] > 0:
            continue
        found = finder.find(
            levels, np.array([record.dx]), np.array([record.dy]), noise, average=True
        )
        scale = ra = dec = float("nan")
        if record.wcs is not None:
            w = record.wcs
            cd = np.array([[[w.cd1_1, w.cd1_2], [w.cd2_1, w.cd2_2]]])
            scale = 3600.0 * float(np.sqrt(abs(np.linalg.det(cd[0]))))
            sky = to_sky(found.mean[:, 0], np.array([w.ra]), np.array([w.dec]), cd)
            ra, dec = float(sky[0][0]), float(sky[1][0])
        sky_level = sky_of(np.asarray(stamp.levels)) if subtract_sky else 0.0
        mosaic = (np.asarray(stamp.mosaic()) - sky_level) / noise[0]
        out.append(Finding(name, mosaic, found, scale, ra, dec))
    return out


def draw_sheet(path: Path, findings: list[Finding]) -> None:
    """One sheet of stamps: the transient (cross), candidates (2-sigma ellipses)."""
    rows = -(-len(findings) // COLUMNS)
    fig, axes = figure(COLUMNS, rows, 1.35, 1.5)
    for ax, item in zip(axes, findings, strict=False):
        _draw_one(ax, item)
    for ax in axes:
        ax.set_axis_off()
    save(fig, path, dpi=80)


def _draw_one(ax: Any, item: Finding) -> None:
    side = item.mosaic.shape[0]
    levels = int(np.log2(side / 15)) + 1
    origin = -7
    for k in range(levels - 1):
        origin += (k % 2) * 2**k - 2 ** (k + 3)
    low = origin
    shown = np.arcsinh(item.mosaic / 2.0)
    top = np.nanpercentile(shown, 99.5) if np.isfinite(shown).any() else 1.0
    ax.imshow(shown, origin="lower", cmap="gray", vmin=-1.0, vmax=max(float(top), 2.0),
              extent=(low, low + side, low, low + side))  # fmt: skip
    ax.plot(0, 0, "+", color="#56B4E9", ms=6)
    for k in range(item.found.weight.shape[1]):
        weight = float(item.found.weight[0, k])
        if weight < 0.05:
            continue
        value, vector = np.linalg.eigh(item.found.covariance[0, k].astype(float))
        size = 4.0 * np.sqrt(np.maximum(value, 0.05))
        angle = float(np.degrees(np.arctan2(vector[1, 1], vector[0, 1])))
        centre = (float(item.found.mean[0, k, 0]), float(item.found.mean[0, k, 1]))
        ax.add_patch(Ellipse(centre, size[1], size[0], angle=angle, fill=False,
                             color="#D55E00", lw=0.6 + 1.2 * weight))  # fmt: skip
    ax.set_xlim(low, low + side)
    ax.set_ylim(low, low + side)
    ax.set_title(f"{item.name[-16:]}\nnone {float(item.found.none[0]):.2f}", fontsize=4.5, pad=1)


def load_finder(model: Path) -> HostFinder:
    """An exported network with the calibration stored beside it."""
    note = json.loads(model.with_suffix(".json").read_text())
    return HostFinder(model, read_calibration(note))


def draw_sheets(output: Path, findings: list[Finding]) -> list[Path]:
    """As many sheets as it takes; those after the first get a number."""
    names = []
    for i in range(0, len(findings), PER_SHEET):
        number = i // PER_SHEET
        name = output if number == 0 else output.with_name(f"{output.stem}-{number + 1}.png")
        draw_sheet(name, findings[i : i + PER_SHEET])
        names.append(name)
    return names


def measured_offsets(findings: list[Finding], host: Sequence[float]) -> NDArray[np.float64]:
    """Arcsec between each best candidate and a known host (ICRS, degrees)."""
    from astropy.coordinates import SkyCoord

    known = SkyCoord(*host, unit="deg")
    found = SkyCoord([f.ra for f in findings], [f.dec for f in findings], unit="deg")
    return np.asarray(found.separation(known).arcsec)


def summary(findings: list[Finding]) -> list[str]:
    """A Markdown table: the best candidate of each stamp."""
    lines = [
        "| stamp | P(none) | best candidate: probability | from the transient (pixels) |",
        "|---|---|---|---|",
    ]
    for item in findings:
        off = float(np.hypot(*item.found.mean[0, 0]))
        lines.append(
            f"| {item.name} | {float(item.found.none[0]):.2f} | "
            f"{float(item.found.weight[0, 0]):.2f} | {off:.1f} |"
        )
    return lines


def write_gallery(
    model: Path, files: list[Path], output: Path, subtract_sky: bool, host: list[float] | None
) -> list[str]:
    """Draw the sheets of stamp files and describe them.

    Parameters
    ----------
    model : Path
        ONNX file.
    files : list of Path
    output : Path
        PNG; further sheets get a number.
    subtract_sky : bool
    host : [ra, dec] in degrees, optional
        The known host of all stamps: its distance from the answers is measured.

    Returns
    -------
    list of str
        Lines of a report.
    """
    finder = load_finder(model)
    findings = [f for path in files for f in find_hosts(finder, path, subtract_sky)]
    draw_sheets(output, findings)
    none = np.array([float(f.found.none[0]) for f in findings])
    lines = [f"{len(findings)} stamps; P(none) above one half in {int((none > 0.5).sum())}"]
    if host is not None:
        off = measured_offsets(findings, host)
        lines.append(
            f"distance to the known host: median {np.median(off):.2f} arcsec, "
            f"within 1 arcsec {int((off < 1).sum())}, within 3 arcsec {int((off < 3).sum())} "
            f"of {off.size}"
        )
    return lines
