"""A phone: fingers instead of a mouse, 360 pixels."""

import pytest
from chromium import SAMPLE, Browser, until

import hstamp
from hstamp.export.wcs import grid_position


@pytest.fixture
def phone(playwright, tmp_path):
    size = {"width": 360, "height": 740}
    made = Browser(
        playwright, tmp_path / "user", viewport=size, has_touch=True, is_mobile=True,
        device_scale_factor=2,
    )  # fmt: skip
    page = made.open()
    made.drop(SAMPLE)
    made.settled()
    until(page, "document.querySelector('figure[data-kind=science] canvas').width > 300")
    yield made
    made.close()
    assert made.errors == []


class Fingers:
    """Touches of a page, as a screen sends them."""

    def __init__(self, browser):
        self.page = browser.page
        self.devtools = browser.context.new_cdp_session(self.page)

    def send(self, kind, *points):
        places = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        self.devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def gesture(self, *steps):
        """Put fingers down, move them, take them away."""
        self.send("touchStart", *steps[0])
        for points in steps[1:]:
            self.send("touchMove", *points)
        self.send("touchEnd")


def box(page, kind="science"):
    canvas = page.locator(f"figure[data-kind={kind}] canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    return canvas.bounding_box()


def at(place, right, down):
    return place["x"] + right * place["width"], place["y"] + down * place["height"]


def view(page):
    return page.evaluate("(({ zoom, u, v }) => [zoom, u, v])(window.hstampViewer.state)")


def start_labelling(page):
    page.tap("#labelling")
    page.fill("#labeller", "ada")
    page.locator("#labeller").blur()


def test_a_tap_labels_the_host(phone):
    page = phone.page
    start_labelling(page)
    page.uncheck("#north")
    place = box(page)
    page.touchscreen.tap(*at(place, 0.75, 0.25))
    until(page, "window.hstampViewer.labelling.labels.all.length === 1")
    (label,) = page.evaluate("window.hstampViewer.labelling.labels.all")
    assert (label["label"], label["image"], label["placed"]) == ("host", "science", "clicked")
    # Three quarters of 240 base pixels to the right, and three quarters up.
    (stamp,) = [
        item.stamp for item in hstamp.read_stamps(SAMPLE)
        if (item.record, item.field) == (0, "hstampScience")
    ]  # fmt: skip
    x, y = grid_position(stamp, None)
    assert [label["x"], label["y"]] == pytest.approx([179.5 - x, 179.5 - y], abs=1)
    # The next alert has come; the buttons are where they were, at the bottom of the screen.
    until(page, "window.hstampViewer.current().alert.record === 1")
    bar = page.locator("#none").bounding_box()
    assert 0 < bar["y"] < 740 - bar["height"]
    assert bar["height"] >= 40
    page.tap("#none")
    until(page, "window.hstampViewer.labelling.labels.all.length === 2")


def test_a_tap_on_another_image_labels_there(phone):
    page = phone.page
    start_labelling(page)
    page.touchscreen.tap(*at(box(page, "template"), 0.5, 0.5))
    until(page, "window.hstampViewer.labelling.labels.all.length === 1")
    assert page.evaluate("window.hstampViewer.labelling.labels.all[0].image") == "template"


def test_two_fingers_magnify_about_their_middle_and_label_nothing(phone):
    page, fingers = phone.page, Fingers(phone)
    start_labelling(page)
    place = box(page)
    one, two = at(place, 0.4, 0.5), at(place, 0.6, 0.5)
    steps = [
        [(one[0] - step * 6, one[1]), (two[0] + step * 6, two[1])] for step in range(9)
    ]  # fmt: skip
    fingers.gesture(*steps)
    page.wait_for_timeout(200)
    zoom, u, v = view(page)
    apart = [b[0] - a[0] for a, b in (steps[0], steps[-1])]
    assert zoom == pytest.approx(apart[1] / apart[0], rel=0.1)
    # The middle of the fingers was that of the picture, and stays there.
    assert [u, v] == pytest.approx([0, 0], abs=3)
    assert page.evaluate("window.hstampViewer.labelling.labels.all.length") == 0
    # One more tap of two fingers that do not move is no label either.
    fingers.gesture([one, two])
    page.wait_for_timeout(200)
    assert page.evaluate("window.hstampViewer.labelling.labels.all.length") == 0


def test_a_finger_moves_a_magnified_picture_and_else_the_page(phone):
    page, fingers = phone.page, Fingers(phone)
    start_labelling(page)
    canvas = "document.querySelector('figure[data-kind=science] canvas')"
    touch = f"getComputedStyle({canvas}).touchAction"
    assert page.evaluate(touch) == "pan-y"
    page.tap("#closer")
    page.tap("#closer")
    until(page, f"{touch} === 'none'")
    place = box(page)
    zoom, u, v = view(page)
    start = at(place, 0.5, 0.5)
    fingers.gesture(*[[(start[0] + 8 * step, start[1] + 5 * step)] for step in range(11)])
    page.wait_for_timeout(200)
    # 80 pixels of the page to the right and 50 down; the widest side of the picture is `width`.
    _, moved_u, moved_v = view(page)
    scale = 240 / place["width"] / zoom
    assert page.evaluate(f"{canvas}.width") == round(2 * place["width"])
    assert moved_u - u < -0.6 * 80 * scale
    assert moved_v - v > 0.6 * 50 * scale
    assert (moved_v - v) / (u - moved_u) == pytest.approx(50 / 80, rel=0.15)
    assert page.evaluate("window.hstampViewer.labelling.labels.all.length") == 0


def test_nothing_is_wider_than_a_phone(phone):
    page = phone.page
    for action in ["#labelling", "#show-keys"]:
        page.tap(action)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
