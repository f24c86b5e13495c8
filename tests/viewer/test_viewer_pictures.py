"""What the page shows is what Python shows: pictures, values, places, files."""

import base64
import io

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from astropy.io import fits
from astropy.visualization import ZScaleInterval
from astropy.wcs.utils import pixel_to_skycoord
from chromium import SAMPLE, until
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import hstamp
from hstamp.draw import Orientation, panel
from hstamp.export.wcs import grid_position, mosaic_wcs

KINDS = {"hstampScience": 0, "hstampTemplate": 1, "hstampDifference": 2}
MISSING = {(0x6A, 0x4C, 0x75), (0xD8, 0xB8, 0xE2)}
BEYOND = (0x17, 0x21, 0x2E)


@pytest.fixture(scope="module")
def stamps():
    return [(item.record, KINDS[item.field], item.stamp) for item in hstamp.read_stamps(SAMPLE)]


def picture(page, record, part, stretch="asinh", north=False):
    """Pixels of the mosaic as the page draws it, one for each base pixel, shape (side, side, 3)."""
    data = page.evaluate(
        """async ([record, part, stretch, north]) => {
          const { library, plainPicture } = window.hstampViewer;
          const { parts } = await library.load(library.alerts[record]);
          const canvas = plainPicture(parts[part].stamp, stretch, north), side = canvas.width;
          const { data } = canvas.getContext("2d").getImageData(0, 0, side, side);
          let text = "";
          for (let i = 0; i < data.length; i += 4096)
            text += String.fromCharCode(...data.subarray(i, i + 4096));
          return btoa(text);
        }""",
        [record, part, stretch, north],
    )
    pixels = np.frombuffer(base64.b64decode(data), np.uint8)
    side = int(np.sqrt(pixels.size / 4))
    return pixels.reshape(side, side, 4)[..., :3].astype(int)


def rendered(stamp, turn=None):
    """Pixels of the mosaic as `hstamp.draw` renders it, one for each base pixel."""
    side = stamp.layout.side
    figure = Figure(figsize=(side / 100, side / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    options = {} if turn is None else {"turn": turn}
    panel(figure.add_axes((0, 0, 1, 1)), stamp, outlines=False, marks=False, **options)
    for spine in figure.axes[0].spines.values():
        spine.set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def test_pictures_are_those_of_python_within_one_grey_level(shared_browser, stamps):
    for record, part, stamp in stamps:
        ours, theirs = picture(shared_browser.page, record, part), rendered(stamp)
        known = np.isfinite(stamp.mosaic())[::-1]
        assert ours.shape == theirs.shape == (240, 240, 3)
        assert np.abs(ours - theirs)[known].max() <= 1
        assert {tuple(p) for p in ours[~known]} <= MISSING


def test_some_pixels_of_the_sample_are_missing(stamps):
    assert any(np.isnan(stamp.mosaic()).any() for _, _, stamp in stamps)


def test_pictures_are_turned_as_python_turns_them(shared_browser, stamps):
    for record, part, stamp in stamps[::4]:
        ours = picture(shared_browser.page, record, part, north=True)
        theirs = rendered(stamp, Orientation.north_up(stamp))
        if np.isnan(stamp.mosaic()).any():
            continue
        # A pixel whose centre lies on the border of two may go to either.
        assert (np.abs(ours - theirs).max(axis=-1) <= 1).mean() > 0.98
        assert tuple(ours[0, 0]) == BEYOND


def test_limits_of_zscale_are_those_of_astropy(shared_browser, stamps):
    for record, part, stamp in stamps[::3]:
        values = stamp.values[np.isfinite(stamp.values)]
        low, high = ZScaleInterval(n_samples=values.size).get_limits(values.astype(float))
        mosaic = stamp.mosaic()
        known = np.isfinite(mosaic)
        with np.errstate(invalid="ignore"):
            wanted = np.clip(np.floor(256 * (mosaic.astype(float) - low) / (high - low)), 0, 255)
        ours = picture(shared_browser.page, record, part, "zscale")[::-1, :, 0]
        assert np.abs(ours - wanted)[known].max() <= 1


def test_a_linear_stretch_has_the_limits_of_the_asinh_one(shared_browser, stamps):
    from hstamp.draw import Stretch

    record, part, stamp = stamps[4]
    stretch, mosaic = Stretch.of(stamp), stamp.mosaic().astype(float)
    scaled = (mosaic - stretch.low) / (stretch.high - stretch.low)
    ours = picture(shared_browser.page, record, part, "linear")[::-1, :, 0]
    assert np.abs(ours - np.clip(np.floor(256 * scaled), 0, 255)).max() <= 1


def test_fits_files_are_those_of_the_export(shared_browser, stamps):
    for record, part, stamp in [stamps[0], stamps[7 * 3 + 1]]:
        data = shared_browser.page.evaluate(
            """async ([record, part]) => {
              const { library, fitsOf } = window.hstampViewer;
              const { parts } = await library.load(library.alerts[record]);
              let text = "";
              for (const byte of fitsOf(parts[part].stamp)) text += String.fromCharCode(byte);
              return btoa(text);
            }""",
            [record, part],
        )
        with fits.open(io.BytesIO(base64.b64decode(data))) as ours:
            ours.verify("exception")
            theirs = stamp.to_hdulist()
            assert [hdu.name for hdu in ours] == [hdu.name for hdu in theirs]
            for mine, other in zip(ours, theirs, strict=True):
                assert np.array_equal(mine.data, other.data, equal_nan=mine.data.dtype.kind == "f")
                for card in other.header.cards:
                    if card.keyword.startswith(("HS", "C", "MP_", "FILTER", "RADESYS", "WCSNAME")):
                        if card.keyword == "COMMENT" or card.keyword.startswith("CHECKSUM"):
                            continue
                        if isinstance(card.value, float):
                            assert mine.header[card.keyword] == pytest.approx(card.value, rel=1e-12)
                        elif len(card.keyword) <= 8:
                            assert mine.header[card.keyword] == card.value


def test_places_and_values_under_the_pointer(shared_browser, stamps):
    page = shared_browser.page
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[3])")
    until(page, "window.hstampViewer.current().alert === window.hstampViewer.library.alerts[3]")
    (stamp,) = (s for record, part, s in stamps if (record, part) == (3, 0))
    page.keyboard.press("Escape")
    if page.is_checked("#north"):
        page.uncheck("#north")
    page.wait_for_timeout(300)
    canvas = page.locator("figure[data-kind=science] canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.2)
    words = page.inner_text("#readout").split(" \u00b7 ")
    # 0.7 and 0.8 of the 240 base pixels, from the lower left corner.
    column, row = 168, 192
    assert words[0] == "science"
    assert float(words[1].split()[0]) == pytest.approx(stamp.mosaic()[row, column], rel=1e-4)
    assert words[3] == "level 4"
    x, y = grid_position(stamp, None)
    offsets = [float(v.replace("\u2212", "-")) for v in words[4].split()[1:4:2]]
    assert offsets == pytest.approx([column - 0.5 - x, row - 0.5 - y], abs=0.5)
    place = pixel_to_skycoord(column - 0.5, row - 0.5, mosaic_wcs(stamp))
    _, ra, _, dec = words[5].split()
    assert float(ra) == pytest.approx(place.ra.deg, abs=5e-5)
    assert float(dec.replace("\u2212", "-")) == pytest.approx(place.dec.deg, abs=3e-5)
    page.check("#north")


def test_a_levels_own_pixels_are_shown_in_its_picture(shared_browser, stamps):
    page = shared_browser.page
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[3])")
    page.select_option("#mode", "levels")
    page.uncheck("#north")
    until(page, "document.querySelectorAll('figure[data-kind=science] canvas').length === 5")
    page.wait_for_timeout(300)
    (stamp,) = (s for record, part, s in stamps if (record, part) == (3, 0))
    for level in (0, 3):
        box = page.locator("figure[data-kind=science] canvas").nth(level).bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.5)
        value = float(page.inner_text("#readout").split(" \u00b7 ")[1].split()[0])
        assert value == pytest.approx(stamp.levels[level][7, 1], rel=1e-4)
    page.select_option("#mode", "mosaic")
    page.check("#north")


def test_todays_cutout_lies_where_it_was_cut(shared_browser, stamps):
    page = shared_browser.page
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[5])")
    until(page, "window.hstampViewer.current().alert.record === 5")
    until(page, "window.hstampViewer.current().loaded.parts[0]?.record === 5")
    (stamp,) = (s for record, part, s in stamps if (record, part) == (5, 0))
    found = page.evaluate(
        "(({ columns, rows, dx, dy }) => [columns, rows, dx, dy])"
        "(window.hstampViewer.current().loaded.cutouts.science)"
    )
    # Thirty pixels about the reference corner, from which the stamp counts the source.
    wanted = [30, 30, 15 + float(stamp.dx), 15 + float(stamp.dy)]
    assert found == pytest.approx(wanted, abs=1e-6)
    # What is drawn follows what is loaded, in the page's own time.
    today = "document.querySelector('figure[data-kind=today]').innerText"
    until(page, f"{today}.includes('as sent: 30\u00d730 px')")
