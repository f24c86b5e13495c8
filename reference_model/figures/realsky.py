"""The real-sky page: the shipped weights, unchanged, on public images.

Everything on the page follows from the folder of real data and the weights;
none of these images was seen in training.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_model.figures.gallery import (
    Finding,
    draw_sheets,
    find_hosts,
    measured_offsets,
    summary,
)

FOLDER = "figures/reference_model"

#: SN 2010H (ICRS, degrees): the centre of its image.
SN2010H = (121.6015, 1.0359)
#: Where UGC 1333's nucleus is looked for (ICRS, degrees), and how near, arcsec.
UGC1333, NUCLEUS_WITHIN = (27.952, 0.2635), 4.0
#: Transients placed around it: distances (arcsec) and position angles (degrees).
RINGS, ANGLES = (5, 10, 15, 20, 25), range(0, 360, 45)
#: Random positions in the HSC image, their seed, and how far from its edges (pixels).
HSC_COUNT, HSC_SEED, HSC_MARGIN = 24, 2010, 62


@dataclass(frozen=True)
class Sheet:
    """One set of stamps on the page.

    Attributes
    ----------
    title, text : str
    picture : str
        Stem of the picture.
    findings : list of Finding
    lines : list of str
        Measured, as Markdown list items.
    """

    title: str
    text: str
    picture: str
    findings: list[Finding]
    lines: list[str]


def nucleus(path: Path) -> tuple[float, float]:
    """ICRS position of the brightest pixel near UGC 1333's centre."""
    from astropy.coordinates import SkyCoord
    from astropy.io import fits
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_scales

    with fits.open(path) as hdus:
        image, wcs = np.asarray(hdus[0].data, dtype=float), WCS(hdus[0].header)
    start = wcs.world_to_pixel(SkyCoord(*UGC1333, unit="deg"))
    reach = NUCLEUS_WITHIN / (3600.0 * float(proj_plane_pixel_scales(wcs).mean()))
    y, x = np.indices(image.shape)
    near = np.hypot(x - start[0], y - start[1]) < reach
    row, column = np.unravel_index(np.nanargmax(np.where(near, image, -np.inf)), image.shape)
    sky = wcs.pixel_to_world(column, row).icrs
    return float(sky.ra.deg), float(sky.dec.deg)


def _write_catalogue(path: Path, columns: str, rows: list[tuple[str, float, float]]) -> Path:
    lines = [f"id,{columns}", *(f"{name},{a:.7f},{b:.7f}" for name, a, b in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def around(centre: tuple[float, float]) -> list[tuple[str, float, float]]:
    """Positions on rings about a centre."""
    out = []
    for radius in RINGS:
        for angle in ANGLES:
            east, north = (radius * f(np.deg2rad(angle)) for f in (np.cos, np.sin))
            ra = centre[0] + east / 3600.0 / np.cos(np.deg2rad(centre[1]))
            out.append((f"r{radius}a{angle}", float(ra), float(centre[1] + north / 3600.0)))
    return out


def _convert(*arguments: str | Path) -> Path:
    """Run ``hstamp convert`` quietly; the last argument is the output."""
    from hstamp.cli import main

    *given, output = (str(a) for a in arguments)
    # What cannot be converted is reported on standard error and left out, as for anyone.
    main(["convert", "-q", *given, "-o", output])
    if not Path(output).exists():
        raise FileNotFoundError(f"hstamp convert made nothing of {given[0]}")
    return Path(output)


def sheets(shared: Path, model: Path, scratch: Path) -> list[Sheet]:
    """Make the stamps and ask the network.

    Parameters
    ----------
    shared : Path
        Folder that holds ``sky``, ``ztf`` and ``lsst``.
    model : Path
        ONNX file.
    scratch : Path
        For stamp files.
    """
    found = []
    for survey, pixel in (("DES", 0.263), ("PS1", 0.25)):
        image = shared / "sky" / f"UGC1333_{survey}_r.fits"
        centre = nucleus(image)
        table = _write_catalogue(scratch / f"{survey}.csv", "ra,dec", around(centre))
        stamps = _convert(image, "--catalog", table, "--levels", "5", scratch / f"{survey}.avro")
        findings = find_hosts(model, stamps, False)
        off = measured_offsets(findings, centre)
        found.append(
            Sheet(
                f"Transients placed on UGC 1333, {survey} r",
                f'{len(findings)} positions {RINGS[0]} to {RINGS[-1]}" from the nucleus of a '
                f'spiral about 60" across, in pixels of {pixel}"; n=5, so that the outer levels '
                "leave the image. They share one host: they say how the network takes another "
                "pixel size, parity and point-spread function, and nothing about crowded or "
                "faint cases.",
                f"real_ugc1333_{survey.lower()}", findings,
                [f'distance to the brightest pixel of the nucleus: median {np.median(off):.2f}", '
                 f'within 1" {int((off < 1).sum())}, within 3" {int((off < 3).sum())} of '
                 f"{off.size}"],
            )
        )  # fmt: skip
    sdss = _convert(shared / "sky" / "SN2010H_SDSS_r.fits", "--ra", f"{SN2010H[0]}",
                    f"--dec={SN2010H[1]}", "--id", "SN2010H", scratch / "sn.avro")  # fmt: skip
    rng = np.random.default_rng(HSC_SEED)
    at = rng.uniform(HSC_MARGIN, 200 - HSC_MARGIN, (HSC_COUNT, 2))
    table = _write_catalogue(scratch / "hsc.csv", "x,y", [(f"h{i}", *p) for i, p in enumerate(at)])
    hsc = _convert(shared / "sky" / "HSC-0908120-056-small.fits", "--catalog", table,
                   "--levels", "4", scratch / "hsc.avro")  # fmt: skip
    found.append(
        Sheet(
            "SN 2010H in SDSS, and random positions in an HSC field",
            'The first panel is SN 2010H, on its edge-on host in 0.396" pixels. The others are '
            f'{HSC_COUNT} random positions (seed {HSC_SEED}) in an HSC exposure of 0.168" pixels, '
            "n=4: no host is known for them.",
            "real_sdss_hsc",
            find_hosts(model, sdss, False) + find_hosts(model, hsc, False), [],
        )
    )  # fmt: skip
    ztf = _convert(shared / "ztf", "--as", "stamps", scratch / "ztf.avro")
    found.append(
        Sheet(
            'ZTF alerts (n=3, 1" pixels)',
            "Science and template of every alert. Their sky is not subtracted, so that of "
            'the widest level is taken off. A host 1" across is a point here.',
            "real_ztf", find_hosts(model, ztf, True), [],
        )
    )  # fmt: skip
    lsst = [
        _convert(shared / "lsst" / name, "--as", "stamps", scratch / f"{name}.avro")
        for name in ("v9_ocf", "v10_parquet")
    ]
    found.append(
        Sheet(
            "LSSTCam alerts (n=2)",
            'Science and template of alerts of two samples, most 30x30 pixels: 6" of sky. They '
            "can show a host under or beside the source, and none that lies farther out; P(none) "
            'then means "none within 3 arcsec". Without vetted hosts there is no accuracy to '
            "state here.",
            "real_lsst", [f for path in lsst for f in find_hosts(model, path, False)], [],
        )
    )  # fmt: skip
    return found


def _shares(findings: list[Finding]) -> str:
    none: NDArray[np.float64] = np.array([f.none for f in findings])
    return (
        f"{none.size} stamps; P(none) above 0.9 in {int((none > 0.9).sum())}, 0.5 to 0.9 in "
        f"{int(((none > 0.5) & (none <= 0.9)).sum())}, below 0.5 in {int((none <= 0.5).sum())}"
    )


def write_realsky(docs: Path, shared: Path, model: Path) -> Path:
    """Write ``reference_model_realsky.md`` and its pictures.

    Raises
    ------
    FileNotFoundError
        If the real data are not there; names what is missing.
    """
    for name in ("sky", "ztf", "lsst"):
        if not (shared / name).is_dir():
            raise FileNotFoundError(f"no folder {name} in {shared}")
    with tempfile.TemporaryDirectory() as scratch:
        every = sheets(shared, model, Path(scratch))
    lines = [
        "# The reference model on the real sky",
        "",
        "The shipped weights, unchanged, on public images. None of them was seen in training, "
        "which used simulated images in one band only. How often the host that people chose is "
        "found is on [a page of its own](reference_model_realhosts.md). Each panel is a stamp's "
        "mosaic (asinh scale): the cross is the transient, ellipses are candidates (two sigma, "
        'line width by weight), "none" is the probability that no host is in the stamp. Every '
        "stamp is shown, failures too. Made by",
        "",
        "    python -m reference_model realsky --shared DATA",
        "",
        "where `DATA` holds the folders `sky`, `ztf` and `lsst`.",
        "",
    ]
    for sheet in every:
        pictures = draw_sheets(docs / FOLDER / f"{sheet.picture}.png", sheet.findings)
        lines += [f"## {sheet.title}", "", sheet.text, "", f"- {_shares(sheet.findings)}"]
        lines += [f"- {line}" for line in sheet.lines]
        if len(sheet.findings) < 30:
            lines += ["", *summary(sheet.findings)]
        for picture in pictures:
            lines += ["", f"![{sheet.title}]({FOLDER}/{picture.name})"]
        lines.append("")
    path = docs / "reference_model_realsky.md"
    path.write_text("\n".join(lines))
    return path
