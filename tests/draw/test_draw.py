"""Pictures: what is drawn, where, and that it can be seen; nothing here needs a display."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hstamp

pytest.importorskip("matplotlib", reason="drawing needs matplotlib")

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from hstamp import draw
from hstamp.draw.marks import bar_length, level_box
from hstamp.draw.orient import sky_direction
from hstamp.draw.style import HATCH, LEVEL_COLOURS, MISSING

# Table of [GE-3], copied from the specification and not from the code under test.
ORIGINS = (-7, -15, -29, -61, -117, -245, -469, -981)


def make(levels: int = 4, **changes: Any) -> hstamp.Stamp:
    rng = np.random.default_rng(5)
    side = 15 * 2 ** (levels - 1) + 20
    rows, columns = np.indices((side, side)) - side // 2
    image = rng.normal(0, 10, (side, side)) + 2000 * np.exp(-np.hypot(rows, columns + 9) / 5)
    mask = ((rows == 3) * 1 + (columns > side // 4) * 2).astype(np.uint16)
    rows, columns = np.indices((21, 21)) - 10
    options: dict[str, Any] = {
        "levels": levels,
        "variance": np.full((side, side), 100.0),
        "mask": mask,
        "mask_planes": ["_SAT$", "CR", "EDGE"],
        "psf": np.exp(-(rows**2 + columns**2) / 8),
        "wcs": hstamp.Wcs(10.0, -45.0, 0.0, 5e-5, 5e-5, 0.0),
        "band": "g",
        "id": "A $1_b^c$ \\frac",
    }
    return hstamp.encode(image, side // 2 + 0.25, side // 2 - 0.5, **(options | changes))


def by_label(figure: Figure) -> dict[str, Axes]:
    return {ax.get_label(): ax for ax in figure.axes}


def by_gid(ax: Axes, gid: str) -> list[Any]:
    return ax.findobj(lambda artist: artist.get_gid() == gid)


@pytest.mark.parametrize("levels", [2, 5, 8])
def test_figure_has_every_level_the_mosaic_and_every_plane(levels: int) -> None:
    stamp = make(levels)
    axes = by_label(draw.show(stamp))
    assert set(axes) == {
        *(f"level {k}" for k in range(levels)), "mosaic", "colour bar", "noise", "mask", "psf",
    }  # fmt: skip
    for k in range(levels):
        (image,) = axes[f"level {k}"].images
        np.testing.assert_array_equal(image.get_array().filled(np.nan), stamp.levels[k])
        assert image.origin == "lower"
    (image,) = axes["mosaic"].images
    np.testing.assert_array_equal(image.get_array().filled(np.nan), stamp.mosaic())


def test_absent_planes_have_no_panel() -> None:
    stamp = make(2, variance=None, mask=None, mask_planes=None, psf=None, wcs=None)
    figure = draw.show(stamp)
    axes = by_label(figure)
    assert set(axes) == {"level 0", "level 1", "mosaic", "colour bar"}
    assert not by_gid(axes["mosaic"], "arrow-N")
    assert any(text.get_text() == "5 px" for text in axes["mosaic"].texts)


def test_all_levels_share_one_stretch() -> None:
    stamp = make(4)
    axes = by_label(draw.show(stamp))
    limits = {ax.images[0].get_clim() for name, ax in axes.items() if name.startswith("level")}
    assert limits == {axes["mosaic"].images[0].get_clim()}


@pytest.mark.parametrize("levels", [2, 5, 8])
def test_outlines_lie_on_the_levels(levels: int) -> None:
    stamp = make(levels)
    mosaic = by_label(draw.show(stamp))["mosaic"]
    for k in range(levels - 1):
        (box,) = by_gid(mosaic, f"level-{k}")
        assert box.get_x() == pytest.approx(ORIGINS[k] - stamp.dx)
        assert box.get_y() == pytest.approx(ORIGINS[k] - stamp.dy)
        assert box.get_width() == box.get_height() == 15 * 2**k
    # The axes end with the widest level, and a level's own panel ends with that level.
    low = ORIGINS[levels - 1] - stamp.dx
    assert mosaic.get_xlim() == pytest.approx((low, low + 15 * 2 ** (levels - 1)))
    assert not by_gid(mosaic, f"level-{levels - 1}")


def test_pixels_and_outlines_have_the_same_coordinates() -> None:
    """One bright pixel must be drawn where its offset from the source says."""
    image = np.zeros((260, 260))
    image[130 + 3, 130 - 5] = 1000.0
    stamp = hstamp.encode(image, 130.2, 129.6, levels=3, encoding="f4")
    for level in (0, None):
        ax = Figure().subplots()
        drawn = draw.panel(ax, stamp, level)
        row, column = np.unravel_index(np.argmax(drawn.get_array()), drawn.get_array().shape)
        left, right, bottom, top = drawn.get_extent()
        side = drawn.get_array().shape[0]
        x = left + (column + 0.5) * (right - left) / side
        y = bottom + (row + 0.5) * (top - bottom) / side
        assert (x, y) == pytest.approx((125 - 130.2, 133 - 129.6), abs=1e-5)


def test_source_marks_point_at_the_source() -> None:
    for ax in (by_label(draw.show(make()))[name] for name in ("mosaic", "level 2")):
        across, up = by_gid(ax, "source")
        assert set(across.get_ydata()) == {0.0}
        assert set(up.get_xdata()) == {0.0}
        assert min(across.get_xdata()) > 0
        assert min(up.get_ydata()) > 0


def test_compass_follows_the_wcs() -> None:
    # make() has north along +x and east along +y.
    assert sky_direction(make(), 0.0, 1.0) == pytest.approx((1.0, 0.0))
    assert sky_direction(make(), 1.0, 0.0) == pytest.approx((0.0, 1.0))
    mosaic = by_label(draw.show(make()))["mosaic"]
    (north,), (east,) = by_gid(mosaic, "arrow-N"), by_gid(mosaic, "arrow-E")
    for arrow, direction in ((north, (1.0, 0.0)), (east, (0.0, 1.0))):
        vector = np.subtract(arrow.xy, arrow.xyann)
        assert vector / np.hypot(*vector) == pytest.approx(direction, abs=1e-6)
    # Against astropy: a step along the arrow must raise the declination, or the right ascension.
    stamp = make(wcs=hstamp.Wcs(10.0, -45.0, -4e-5, 3e-5, 3e-5, 4e-5))
    wcs = hstamp.Stamp.to_ccddata(stamp).wcs
    x0, y0 = wcs.wcs.crpix - 1
    for direction, moved, kept in (((0.0, 1.0), 1, 0), ((1.0, 0.0), 0, 1)):
        x, y = sky_direction(stamp, *direction)
        before, after = wcs.all_pix2world([[x0, y0], [x0 + x, y0 + y]], 0)
        step = after - before
        assert step[moved] > 1e-5
        assert abs(step[kept]) < 1e-9


def test_scale_bar_has_the_length_it_says() -> None:
    stamp = make()
    ax = Figure().subplots()
    draw.panel(ax, stamp)
    (bar,) = by_gid(ax, "scale-bar")
    pixels = np.ptp(bar.get_xdata())
    (label,) = (text.get_text() for text in ax.texts if "\N{DOUBLE PRIME}" in text.get_text())
    assert float(label.rstrip("\N{DOUBLE PRIME}")) == pytest.approx(pixels * 5e-5 * 3600)
    assert 0.1 * 120 < pixels < 0.34 * 120


@pytest.mark.parametrize(
    ("longest", "bar"), [(1.0, 1.0), (1.9, 1.0), (4.99, 2.0), (30, 20.0), (99, 50.0), (0.07, 0.05)]
)
def test_scale_bars_are_round(longest: float, bar: float) -> None:
    assert bar_length(longest) == pytest.approx(bar)


def test_missing_pixels_look_like_nothing_else(tmp_path: Path) -> None:
    image = np.random.default_rng(1).normal(0, 1, (200, 200))
    image[:, 110:] = np.nan
    stamp = hstamp.encode(image, 100.3, 100.3, levels=3)
    figure = Figure(figsize=(3, 3), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    draw.panel(ax, stamp, outlines=False, marks=False)
    figure.savefig(tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")[..., :3]
    grey = np.ptp(pixels, axis=2) < 0.02
    hue = np.abs(pixels - to_rgb(MISSING)).max(axis=2) < 0.02
    hatch = np.abs(pixels - to_rgb(HATCH)).max(axis=2) < 0.15
    # Column 110 is the missing ones' first; level 2 (4 pixels wide) covers 72 .. 131.
    edge = int(300 * (110 - 72) / 60)
    assert grey[4:-4, 4 : edge - 8].all()
    assert not grey[4:-4, edge + 30 : -4].any()
    assert hue[4:-4, edge + 30 : -4].mean() > 0.3
    assert hatch[4:-4, edge + 30 : -4].mean() > 0.05


def test_stamp_with_nothing_in_it_can_be_drawn(tmp_path: Path) -> None:
    empty = hstamp.encode(
        np.full((60, 60), np.nan), 30.0, 30.0, levels=2, variance=np.ones((60, 60))
    )
    flat = hstamp.encode(np.zeros((60, 60)), 30.0, 30.0, levels=2)
    draw.show(empty, tmp_path / "empty.png")
    draw.show(flat, tmp_path / "flat.png")
    title = by_label(draw.show(empty))["mosaic"].get_title()
    assert title == "mosaic: 30 px across from 372 values, 372 missing"


def test_stretch_is_robust_and_keeps_faint_and_bright_apart() -> None:
    rng = np.random.default_rng(9)
    values = rng.normal(50, 3, 900)
    values[:2] = 1e6, -1e6
    values[10:14] = np.nan
    stretch = draw.Stretch.of_values(values)
    assert stretch.background == pytest.approx(50, abs=0.5)
    assert -100 < stretch.low < 45
    assert 55 < stretch.high < 200
    norm = stretch.norm()
    shown = norm(np.array([stretch.low, 50.0, 53.0, stretch.high]))
    assert (np.diff(shown) > 0.05).all()
    assert shown[0] == pytest.approx(0)
    assert shown[-1] == pytest.approx(1)
    np.testing.assert_allclose(norm.inverse(shown), [stretch.low, 50, 53, stretch.high])


def test_noise_is_never_cut_at_the_limits() -> None:
    """Flat noise from -1 to 1 has no value 3 sigma out, but the scale leaves room for one."""
    stretch = draw.Stretch.of_values(np.linspace(-1, 1, 2001))
    sigma = 1.4826 * 0.5
    assert stretch.low == pytest.approx(-3 * sigma, rel=1e-2)
    assert stretch.high == pytest.approx(3 * sigma, rel=1e-2)


def test_mask_panel_names_the_planes_that_occur() -> None:
    ax = by_label(draw.show(make()))["mask"]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["_SAT$", "CR"]
    clear = make(mask=np.zeros((140, 140), dtype=np.uint16))
    ax = by_label(draw.show(clear))["mask"]
    assert ax.get_title() == "mask: all clear"
    assert ax.get_legend() is None


def test_text_of_a_stamp_is_not_mathematics(tmp_path: Path) -> None:
    figure = draw.show(make(flux_unit="$nJy_"), tmp_path / "a.png")
    assert figure.get_suptitle().startswith("A $1_b^c$ \\frac")
    assert draw.show(make(), title="Mine").get_suptitle() == "Mine"


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_formats(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"stamp.{suffix}"
    make(3).plot(path=path)
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[suffix]
    assert path.read_bytes().startswith(start)


def test_suffix_of_no_picture_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(hstamp.InputError, match=r"a picture is .*png.*, not fits"):
        make(3).plot(path=tmp_path / "stamp.fits")
    assert not list(tmp_path.iterdir())


def test_gallery_of_mosaics(tmp_path: Path) -> None:
    stamps = [make(n) for n in (2, 3, 4, 2, 3)]
    figure = draw.gallery(iter(stamps), tmp_path / "g.png", columns=3, titles=list("abcde"))
    assert [ax.get_title() for ax in figure.axes] == list("abcde")
    for ax, stamp in zip(figure.axes, stamps, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), stamp.mosaic())
    assert (tmp_path / "g.png").stat().st_size > 10_000


def test_gallery_of_levels() -> None:
    figure = draw.gallery([make(4), make(2)], levels=True)
    shapes = [ax.images[0].get_array().shape for ax in figure.axes]
    assert shapes == [(15, 15)] * 4 + [(120, 120)] + [(15, 15)] * 2 + [(30, 30)]


def test_gallery_can_share_a_stretch() -> None:
    stamps = [make(2), make(3)]
    figure = draw.gallery(stamps, stretch=draw.Stretch.of(*stamps))
    assert len({ax.images[0].get_clim() for ax in figure.axes}) == 1


@pytest.mark.parametrize(
    "options", [{"stamps": []}, {"titles": ["one", "two"]}, {"columns": 0}, {"stamps": 401}]
)
def test_impossible_galleries(options: dict[str, Any]) -> None:
    stamps = options.pop("stamps", 1)
    chosen = [make(2)] * stamps if isinstance(stamps, int) else stamps
    with pytest.raises(hstamp.InputError):
        draw.gallery(chosen, **options)


def test_neighbouring_levels_differ_in_colour_and_lightness() -> None:
    def lightness(colour: str) -> float:
        return float(np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)))

    assert len(set(LEVEL_COLOURS)) == 8
    assert min(lightness(colour) for colour in LEVEL_COLOURS) > 0.3


def test_boxes_of_levels_nest() -> None:
    stamp = make(5)
    for k in range(4):
        (x, y, side), (wide_x, wide_y, wide) = level_box(stamp, k), level_box(stamp, k + 1)
        assert wide_x < x
        assert wide_y < y
        assert x + side < wide_x + wide
        assert y + side < wide_y + wide


def test_drawing_leaves_pyplot_alone() -> None:
    """No display is opened and nothing is kept: pyplot, which does both, is not even imported."""
    code = (
        "import sys, numpy, hstamp, hstamp.draw\n"
        "hstamp.draw.show(hstamp.encode(numpy.eye(60), 30, 30))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment(DISPLAY=":99"))


def test_missing_matplotlib_is_explained() -> None:
    code = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "import hstamp\n"
        "try:\n"
        "    import hstamp.draw\n"
        "except ImportError as error:\n"
        "    assert 'pip install matplotlib' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())


def _environment(**extra: str) -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | extra
