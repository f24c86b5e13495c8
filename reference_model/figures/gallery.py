"""Stamps of any origin with what the network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

import hstamp
from hstamp.hosts import predict
from hstamp.hosts.background import noise_of, sky_of
from hstamp.hosts.table import Positions
from hstamp.layout import layout_of
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
    found : Positions
        Its candidates, best first.
    none : float
        Probability that no host is in the stamp.
    known : (float, float), optional
        The known host, base pixels from the source.
    note : str
        A line more under the name.
    """

    name: str
    mosaic: Floats
    found: Positions
    none: float
    known: tuple[float, float] | None = None
    note: str = ""


def findings_of(
    model: Path, stamps: Sequence[hstamp.Stamp], names: Sequence[str], subtract_sky: bool
) -> list[Finding]:
    """The hosts of stamps; those that show nothing are left out.

    Parameters
    ----------
    model : Path
        ONNX file.
    stamps : sequence of Stamp
    names : sequence of str
    subtract_sky : bool
        For images that still carry their sky.
    """
    hosts = predict(stamps, weights=model, sky="subtract" if subtract_sky else "keep", average=True)
    out = []
    for row, (stamp, name) in enumerate(zip(stamps, names, strict=True)):
        if np.isnan(hosts.none[row]):
            continue
        levels = np.asarray(stamp.levels)[None, :MOST_LEVELS]
        variance = stamp.variance
        noise = noise_of(levels, None if variance is None else variance[None, :MOST_LEVELS])[0]
        sky = sky_of(levels)[0] if subtract_sky else np.float32(0.0)
        mosaic = (np.asarray(stamp.mosaic()) - sky) / noise
        found = Positions(**{k: v[row] for k, v in vars(hosts.candidates).items()})
        out.append(Finding(name, mosaic, found, float(hosts.none[row])))
    return out


def find_hosts(model: Path, path: Path, subtract_sky: bool) -> list[Finding]:
    """The hosts of every stamp of a file that `hstamp.read_stamps` reads, but of differences."""
    stamps, names = [], []
    for item in hstamp.read_stamps(path):
        name = item.stamp.record.id or f"{path.stem} {item.record}"
        if not name.endswith(DIFFERENCE):
            stamps.append(item.stamp)
            names.append(name)
    return findings_of(model, stamps, names, subtract_sky)


def draw_sheet(path: Path, findings: list[Finding], columns: int = COLUMNS, dpi: int = 80) -> None:
    """One sheet of stamps: the transient (cross), candidates (2-sigma ellipses)."""
    rows = -(-len(findings) // columns)
    fig, axes = figure(columns, rows, 1.35, 1.5)
    for ax, item in zip(axes, findings, strict=False):
        _draw_one(ax, item)
    for ax in axes:
        ax.set_axis_off()
    save(fig, path, dpi=dpi)


def _draw_one(ax: Any, item: Finding) -> None:
    side = item.mosaic.shape[0]
    low = layout_of(int(np.log2(side / 15)) + 1).origins[-1]
    shown = np.arcsinh(item.mosaic / 2.0)
    top = np.nanpercentile(shown, 99.5) if np.isfinite(shown).any() else 1.0
    ax.imshow(shown, origin="lower", cmap="gray", vmin=-1.0, vmax=max(float(top), 2.0),
              extent=(low, low + side, low, low + side))  # fmt: skip
    ax.plot(0, 0, "+", color="#56B4E9", ms=6)
    if item.known is not None:
        ax.plot(*item.known, "s", color="#009E73", mfc="none", ms=7)
    for k, weight in enumerate(item.found.weight):
        if weight < 0.05:
            continue
        value, vector = np.linalg.eigh(item.found.covariance_pixels[k])
        size = 4.0 * np.sqrt(np.maximum(value, 0.05))
        angle = float(np.degrees(np.arctan2(vector[1, 1], vector[0, 1])))
        centre = (float(item.found.x[k]), float(item.found.y[k]))
        ax.add_patch(Ellipse(centre, size[1], size[0], angle=angle, fill=False,
                             color="#D55E00", lw=0.6 + 1.2 * weight))  # fmt: skip
    ax.set_xlim(low, low + side)
    ax.set_ylim(low, low + side)
    title = f"{item.name[-16:]}\nnone {item.none:.2f}{item.note}"
    ax.set_title(title, fontsize=4.5, pad=1, parse_math=False)


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
    found = SkyCoord(
        [f.found.ra[0] for f in findings], [f.found.dec[0] for f in findings], unit="deg"
    )
    return np.asarray(found.separation(known).arcsec)


def summary(findings: list[Finding]) -> list[str]:
    """A Markdown table: the best candidate of each stamp."""
    lines = [
        "| stamp | P(none) | best candidate: probability | from the transient (pixels) |",
        "|---|---|---|---|",
    ]
    for item in findings:
        off = float(np.hypot(item.found.x[0], item.found.y[0]))
        lines.append(
            f"| {item.name} | {item.none:.2f} | {float(item.found.weight[0]):.2f} | {off:.1f} |"
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
    findings = [f for path in files for f in find_hosts(model, path, subtract_sky)]
    draw_sheets(output, findings)
    none = np.array([f.none for f in findings])
    lines = [f"{len(findings)} stamps; P(none) above one half in {int((none > 0.5).sum())}"]
    if host is not None:
        off = measured_offsets(findings, host)
        lines.append(
            f"distance to the known host: median {np.median(off):.2f} arcsec, "
            f"within 1 arcsec {int((off < 1).sum())}, within 3 arcsec {int((off < 3).sum())} "
            f"of {off.size}"
        )
    return lines
