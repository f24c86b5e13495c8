"""Pictures with north up, and what a notebook shows."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hstamp

pytest.importorskip("matplotlib", reason="drawing needs matplotlib")

from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from matplotlib.figure import Figure
from matplotlib.image import imread

from hstamp import draw
from hstamp.cli import main
from hstamp.draw.orient import Orientation
from hstamp.draw.stretch import Stretch

PIXEL = 0.2 / 3600
SIDE, X, Y = 140, 70.25, 69.5


def tangent(angle: float, parity: int) -> WCS:
    """Astropy's WCS with north `angle` degrees from +y towards +x; parity 1 has east left of it."""
    t = np.radians(angle)
    north = np.array([np.sin(t), np.cos(t)])
    east = parity * np.array([-np.cos(t), np.sin(t)])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.0, -40.0
    wcs.wcs.crpix = X + 1, Y + 1
    # The rows of CD are the gradients of (east, north): the inverse of orthogonal columns.
    wcs.wcs.cd = PIXEL * np.array([east, north])
    return wcs


def with_beacon(angle: float, parity: int, dx: int, dy: int) -> tuple[hstamp.Stamp, float, float]:
    """A stamp with one bright block, and where that lies east and north of the source [arcsec]."""
    wcs = tangent(angle, parity)
    image = np.zeros((SIDE, SIDE))
    column, row = 70 + dx, 69 + dy
    image[row : row + 4, column : column + 4] = 1000.0
    stamp = hstamp.encode(image, X, Y, levels=4, encoding="f4", wcs=wcs)
    source, beacon = (
        SkyCoord(*wcs.wcs_pix2world([[x, y]], 0)[0], unit="deg")
        for x, y in ((X, Y), (column + 1.5, row + 1.5))
    )
    east, north = source.spherical_offsets_to(beacon)
    return stamp, east.arcsec, north.arcsec


@pytest.mark.parametrize("parity", [1, -1])
@pytest.mark.parametrize("angle", [0.0, 90.0, 180.0, 33.0, -120.0])
@pytest.mark.parametrize("level", [None, 3])
def test_north_is_up_and_east_to_the_left(
    angle: float, parity: int, level: int | None, tmp_path: Path
) -> None:
    stamp, east, north = with_beacon(angle, parity, 20, 9)
    figure = Figure(figsize=(4, 4), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    draw.panel(
        ax, stamp, level, outlines=False, marks=False, stretch=Stretch(0.0, 100.0, 0.0, 10.0),
        turn=Orientation.north_up(stamp),
    )  # fmt: skip
    figure.savefig(tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")[..., :3]
    rows, columns = np.nonzero((pixels > 0.95).all(axis=-1))
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = left + (columns.mean() + 0.5) / 400 * (right - left)
    y = high - (rows.mean() + 0.5) / 400 * (high - low)
    # Half a pixel of level 3, 8 base pixels, is what the drawing may be off where it is coarse.
    assert 0.2 * x == pytest.approx(-east, abs=0.8)
    assert 0.2 * y == pytest.approx(north, abs=0.8)


@pytest.mark.parametrize("parity", [1, -1])
def test_compass_and_outlines_turn_with_the_picture(parity: int) -> None:
    stamp, _, _ = with_beacon(33.0, parity, 20, 9)
    figure = draw.show(stamp, north_up=True)
    mosaic = next(ax for ax in figure.axes if ax.get_label() == "mosaic")
    for letter, direction in (("N", (0, 1)), ("E", (-1, 0))):
        (arrow,) = mosaic.findobj(lambda a, gid=f"arrow-{letter}": a.get_gid() == gid)
        vector = np.subtract(arrow.xy, arrow.xyann)
        # The stored CD matrix is float32.
        assert vector / np.hypot(*vector) == pytest.approx(direction, abs=1e-6)
    # One step along +x of the image, from the source, for everything that is drawn.
    step = np.array([[0.0, 0.0], [1.0, 0.0]])
    (image,) = mosaic.images
    (box,) = mosaic.findobj(lambda a: a.get_gid() == "level-0")
    # North lies 33 degrees from +y towards +x, so +x lies 33 degrees above the horizontal.
    angle = np.radians(33.0)
    expected = (parity * np.cos(angle), np.sin(angle))
    drawn = image.get_transform(), box.get_data_transform()
    for transform in drawn:
        places = mosaic.transData.inverted().transform(transform.transform(step))
        np.testing.assert_allclose(places, [(0.0, 0.0), expected], atol=1e-6)
    # The window holds the whole turned stamp: 120 base pixels at 33 degrees.
    width = np.ptp(mosaic.get_xlim())
    expected = 120 * (np.cos(np.radians(33)) + np.sin(np.radians(33)))
    assert width == pytest.approx(expected, rel=1e-5)


def test_values_stay_those_of_the_stamp() -> None:
    stamp, _, _ = with_beacon(33.0, 1, 20, 9)
    figure = draw.show(stamp, north_up=True)
    mosaic = next(ax for ax in figure.axes if ax.get_label() == "mosaic")
    np.testing.assert_array_equal(mosaic.images[0].get_array(), stamp.mosaic())


def test_sheared_axes_stay_at_right_angles() -> None:
    stamp = hstamp.encode(
        np.zeros((60, 60)), 30.2, 30.2, wcs=hstamp.Wcs(10.0, 5.0, -4e-5, 1e-5, 2e-5, 5e-5)
    )
    turn = Orientation.north_up(stamp)
    np.testing.assert_allclose(turn.matrix @ turn.matrix.T, np.eye(2), atol=1e-12)
    north = np.linalg.solve([[-4e-5, 1e-5], [2e-5, 5e-5]], [0.0, 1.0])
    assert turn.apply(*north / np.hypot(*north)) == pytest.approx((0.0, 1.0), abs=1e-6)


def test_without_wcs_north_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stamp = hstamp.encode(np.zeros((60, 60)), 30.2, 30.2)
    with pytest.raises(hstamp.InputError, match="no WCS"):
        draw.show(stamp, north_up=True)
    (tmp_path / "a.hstamp").write_bytes(stamp.to_bytes())
    out = str(tmp_path / "a.png")
    assert main(["show", str(tmp_path / "a.hstamp"), "--north-up", "-o", out]) == 1
    assert "no WCS" in capsys.readouterr().err


def test_command_turns_the_picture(tmp_path: Path) -> None:
    stamp, _, _ = with_beacon(33.0, -1, 20, 9)
    (tmp_path / "a.hstamp").write_bytes(stamp.to_bytes())
    for name, options in (("a.png", []), ("b.png", ["--north-up"])):
        out = str(tmp_path / name)
        assert main(["show", str(tmp_path / "a.hstamp"), "-o", out, *options]) == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("low", "high", "background", "softening"),
    [
        (-30.0, 600.0, 0.0, 12.0), (-20.0, 1000.0, 1.0, 10.0), (-5.0, 1e6, 0.0, 1e4),
        (-1e-7, 3e-5, 0.0, 4e-7), (99.5, 101.0, 100.0, 0.3), (-900.0, -3.0, -400.0, 20.0),
        (0.0, 1.0, 0.0, 1.0),
    ],
)  # fmt: skip
def test_ticks_are_round_and_far_enough_apart(
    low: float, high: float, background: float, softening: float
) -> None:
    stretch = Stretch(low, high, background, softening)
    ticks = stretch.ticks()
    assert len(ticks) >= 2
    # By matplotlib's own norm, which draws the bar.
    places = np.asarray(stretch.norm()(np.array(ticks)))
    assert (np.diff(places) > 0.069).all()
    assert places.min() > -1e-9
    assert places.max() < 1 + 1e-9
    if low < 0 < high:
        assert 0.0 in ticks


def shown(**options: Any) -> hstamp.Stamp:
    return hstamp.encode(
        np.random.default_rng(2).normal(0, 1, (80, 80)), 40.2, 40.1, levels=3,
        variance=np.ones((80, 80)), **({"id": "<b>x</b>", "band": "r"} | options),
    )  # fmt: skip


def test_notebook_shows_table_and_picture() -> None:
    stamp = shown(mask=np.zeros((80, 80), int), mask_planes=["A&B"])
    text = stamp._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "A&amp;B" in text
    assert "<b>x" not in text
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert base64.b64decode(data) == stamp._repr_png_()
    picture = stamp._repr_png_()
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000
    assert f"{len(stamp.to_bytes()):,}" in text


@pytest.mark.parametrize("values", [np.nan, 0.0, 3e38])
def test_notebook_shows_any_stamp(values: float) -> None:
    stamp = hstamp.encode(np.full((60, 60), values), 30.0, 30.0, levels=2, encoding="f4")
    assert "<table>" in stamp._repr_html_()


def test_notebook_without_matplotlib_shows_the_table() -> None:
    code = (
        "import sys, numpy\n"
        "sys.modules['matplotlib'] = None\n"
        "import hstamp\n"
        "stamp = hstamp.encode(numpy.eye(60), 30, 30)\n"
        "assert stamp._repr_png_() is None\n"
        "text = stamp._repr_html_()\n"
        "assert '<table>' in text and '<img' not in text\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_pictures_need_no_home() -> None:
    """Containers run as users whom no password file knows."""
    code = (
        "import pathlib, sys, numpy\n"
        "def home(*_):\n"
        "    raise RuntimeError('Could not determine home directory.')\n"
        "pathlib.Path.home = pathlib.Path.expanduser = home\n"
        "import hstamp\n"
        "stamp = hstamp.encode(numpy.eye(60), 30, 30, wcs=hstamp.Wcs(1, 2, -5e-5, 0, 0, 5e-5))\n"
        "assert '<table>' in stamp._repr_html_()\n"
        "try:\n"
        "    import matplotlib.figure\n"
        "except RuntimeError:\n"
        "    sys.exit()  # old versions of matplotlib cannot do without a home at all\n"
        "assert stamp._repr_png_() is not None\n"
        "assert '<img' in stamp._repr_html_()\n"
        "stamp.plot(north_up=True)\n"
        "assert 'astropy' not in sys.modules\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("MPLCONFIGDIR", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
