"""Labelling in the page: what is clicked is what is kept, and it is still there afterwards."""

import csv
import hashlib
import json
from datetime import datetime

import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs.utils import pixel_to_skycoord
from chromium import SAMPLE, until

import hstamp
from hstamp.export.wcs import grid_position, mosaic_wcs


@pytest.fixture(scope="module")
def science():
    return [i.stamp for i in hstamp.read_stamps(SAMPLE) if i.field == "hstampScience"]


def shown(page, record):
    until(page, f"window.hstampViewer.current().alert?.record === {record}")
    until(page, f"window.hstampViewer.current().loaded.parts[0]?.record === {record}")


def start(browser, name="ada", *, onward=True):
    page = browser.open()
    browser.drop(SAMPLE)
    browser.settled()
    shown(page, 0)
    page.check("#labelling")
    page.fill("#labeller", name)
    page.locator("#labeller").blur()
    if not onward:
        page.uncheck("#onward")
    return page


def click(page, right, down):
    """Click in the science image at shares of its width and height."""
    page.wait_for_timeout(200)
    canvas = page.locator("figure[data-kind=science] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] * right, box["y"] + box["height"] * down)


def saved(page, button, tmp_path):
    with page.expect_download() as download:
        page.click(button)
    download.value.save_as(tmp_path / "saved")
    return (tmp_path / "saved").read_text("utf-8")


def labels(page, tmp_path):
    content = json.loads(saved(page, "#save-json", tmp_path))
    assert (content["format"], content["version"]) == ("hstamp-labels", 1)
    return content["labels"]


def test_a_click_is_kept_where_it_was_made(browser, tmp_path, science):
    page = start(browser)
    page.uncheck("#north")
    click(page, 0.75, 0.25)
    shown(page, 1)
    page.keyboard.press("n")
    shown(page, 2)
    page.keyboard.press("u")
    shown(page, 3)
    page.keyboard.press("2")
    shown(page, 4)
    host, none, unsure, kind = labels(page, tmp_path)
    # Three quarters of 240 base pixels to the right, and three quarters up.
    x, y = grid_position(science[0], None)
    assert host["x"] == pytest.approx(179.5 - x, abs=0.7)
    assert host["y"] == pytest.approx(179.5 - y, abs=0.7)
    place = pixel_to_skycoord(host["x"] + x, host["y"] + y, mosaic_wcs(science[0]))
    assert SkyCoord(host["ra"], host["dec"], unit="deg").separation(place).arcsec < 1e-4
    assert host["stamp_sha256"] == hashlib.sha256(science[0].to_bytes()).hexdigest()
    assert host["file_sha256"] == fingerprint(SAMPLE.read_bytes())
    assert (host["alert_id"], host["object_id"]) == ("170000000000000000", "170000000000010000")
    assert (host["label"], host["image"], host["placed"]) == ("host", "science", "clicked")
    assert (host["labeller"], host["pass"], host["file"]) == ("ada", 1, "sample.avro")
    assert abs(datetime.fromisoformat(host["time"]).timestamp() - datetime.now().timestamp()) < 3600
    assert [(v["record"], v["label"], v["class"]) for v in (none, unsure, kind)] == [
        (1, "none", None), (2, "unsure", None), (3, "class", "SN"),
    ]  # fmt: skip
    assert none["x"] is none["ra"] is None
    rows = list(csv.DictReader(saved(page, "#save-csv", tmp_path).splitlines()))
    assert [row["label"] for row in rows] == ["host", "none", "unsure", "class"]
    assert float(rows[0]["ra"]) == host["ra"]
    assert rows[0]["alert_id"] == "170000000000000000"


def fingerprint(data):
    text = f"{len(data)}\n".encode()
    return hashlib.sha256(text + data[:65536] + data[max(0, len(data) - 65536) :]).hexdigest()


def test_labels_survive_a_reload_and_the_closing_of_the_browser(browser, tmp_path):
    page = start(browser)
    click(page, 0.6, 0.4)
    shown(page, 1)
    page.keyboard.press("n")
    shown(page, 2)
    before = labels(page, tmp_path)
    browser.close()
    page = browser.open()
    browser.drop(SAMPLE)
    browser.settled()
    page.check("#labelling")
    assert page.input_value("#labeller") == "ada"
    until(page, "document.getElementById('label-now').textContent === 'now: host'")
    assert labels(page, tmp_path) == before
    page.keyboard.press("z")
    shown(page, 1)
    page.reload()
    browser.drop(SAMPLE)
    browser.settled()
    page.check("#labelling")
    until(page, "!document.getElementById('save-json').disabled")
    assert labels(page, tmp_path) == before[:1]


def test_the_keyboard_alone_suffices(browser, tmp_path, science):
    page = start(browser)
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    shown(page, 1)
    page.keyboard.press("j")
    shown(page, 2)
    page.keyboard.press("k")
    shown(page, 1)
    (label,) = labels(page, tmp_path)
    assert label["placed"] == "placed by keys"
    # North is up: three steps to the north and a fine one to the east.
    source = SkyCoord(label["source_ra"], label["source_dec"], unit="deg")
    east, north = source.spherical_offsets_to(SkyCoord(label["ra"], label["dec"], unit="deg"))
    scale = science[0].wcs.pixel_scale
    assert east.arcsec == pytest.approx(0.2 * scale, rel=0.01)
    assert north.arcsec > 3 * scale
    assert (label["source_ra"], label["source_dec"]) == (science[0].wcs.ra, science[0].wcs.dec)


def test_passes_are_blind_to_each_other_and_compared_by_kappa(browser, tmp_path):
    page = start(browser, "ada")
    for key in "nnuu":
        record = page.evaluate("window.hstampViewer.current().alert.record")
        page.keyboard.press(key)
        shown(page, record + 1)
    page.select_option("#pass", "2")
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[0])")
    shown(page, 0)
    assert page.inner_text("#label-now") == "not labelled"
    assert page.locator(".row .mark").count() == 0
    for key in "nuuu":
        record = page.evaluate("window.hstampViewer.current().alert.record")
        page.keyboard.press(key)
        shown(page, record + 1)
    page.click("#compare")
    until(page, "document.getElementById('comparison').open")
    # 3 of 4 agree; by chance (2/4 * 1/4 + 2/4 * 3/4) = 1/2 would: (3/4 - 1/2) / (1 - 1/2).
    assert page.inner_text("#kappa") == "Cohen\u2019s kappa 0.500"
    assert page.locator("#agreement li").count() == 1
    page.click("#agreement li button")
    shown(page, 1)
    # The labels of someone else come as a file, and undo leaves them alone.
    other = [label | {"labeller": "=cmd()", "pass": 1} for label in labels(page, tmp_path)[:4]]
    (tmp_path / "other.json").write_text(
        json.dumps({"format": "hstamp-labels", "version": 1, "labels": other})
    )
    browser.drop(tmp_path / "other.json")
    until(page, "document.getElementById('status').textContent.includes('4 labels added')")
    page.click("#compare")
    until(page, "document.querySelectorAll('#first-set option').length === 3")
    until(page, "document.getElementById('comparison').open")
    page.keyboard.press("Escape")
    # A spreadsheet would take the name for a formula.
    rows = list(csv.DictReader(saved(page, "#save-csv", tmp_path).splitlines()))
    assert sorted({row["labeller"] for row in rows}) == ["'=cmd()", "ada"]
