"""Labelling as it goes: several pages at once, by keys alone, interrupted, handed on."""

import csv

import pytest
from chromium import SAMPLE, Browser, until

from hstamp.hosts.labels import read_labels

COUNT = "window.hstampViewer.labelling.labels.all.length"


def labelled(page, count):
    until(page, f"{COUNT} === {count}")


def shown(page, record):
    until(page, f"window.hstampViewer.current().alert?.record === {record}")
    until(page, f"window.hstampViewer.current().loaded.parts[0]?.record === {record}")


def start(page, name="ada"):
    """By keys alone: who it is is asked for first."""
    shown(page, 0)
    page.keyboard.press("e")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def saved(page, button, path):
    with page.expect_download() as download:
        page.click(button)
    download.value.save_as(path)
    return path


def test_two_pages_of_one_file_lose_no_label(served, browser):
    one, _ = served(SAMPLE)
    start(one)
    two = browser.context.new_page()
    two.goto(one.url)
    until(two, "window.hstampViewer.library.files.length === 1 && !window.hstampViewer.busy()")
    shown(two, 0)
    two.keyboard.press("e")
    one.keyboard.press("n")
    labelled(one, 1)
    labelled(two, 1)
    for key in "ju":
        two.keyboard.press(key)
    labelled(two, 2)
    labelled(one, 2)
    # What one page took back is gone from the other.
    one.keyboard.press("z")
    labelled(one, 1)
    labelled(two, 1)
    assert one.evaluate("window.hstampViewer.labelling.labels.all[0].label") == "none"
    # Both at the same time, and everything is there afterwards.
    for page in (one, two):
        page.evaluate(
            """() => {
              const { library, labelling } = window.hstampViewer;
              window.given = Promise.all(Array(20).fill(0).map(() => labelling.give("unsure")));
            }"""
        )
    for page in (one, two):
        page.evaluate("window.given")
        labelled(page, 41)
    two.close()
    one.reload()
    labelled(one, 41)


def test_keys_after_a_choice_are_the_pages_again(browser):
    page = browser.open(sample=True)
    start(page)
    page.select_option("#pass", "2")
    page.focus("#pass")
    page.keyboard.press("n")
    labelled(page, 1)
    label = page.evaluate("window.hstampViewer.labelling.labels.all[0]")
    assert (label["labeller"], label["pass"], label["label"]) == ("ada", 2, "none")
    # In a field for words they are letters.
    page.fill("#classes", "")
    page.keyboard.type("nu")
    assert page.input_value("#classes") == "nu"
    assert page.evaluate(COUNT) == 1


def test_one_can_go_on_where_one_stopped(browser):
    page = browser.open(sample=True)
    start(page)
    for record in range(3):
        shown(page, record)
        page.keyboard.press("n")
        # The count is told when the browser has kept the label.
        count = "document.getElementById('label-count').textContent"
        until(page, f"{count}.startsWith('{record + 1} of')")
    page.reload()
    page.click("#sample-2")
    browser.settled()
    shown(page, 0)
    page.keyboard.press("e")
    labelled(page, 3)
    page.keyboard.press("x")
    shown(page, 3)
    # The last alert says that it was the last.
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[9])")
    shown(page, 9)
    page.keyboard.press("n")
    until(page, "document.getElementById('status').textContent.startsWith('that was the last: 4')")


def test_labels_are_handed_on_as_a_table(playwright, browser, tmp_path):
    page = browser.open(sample=True)
    start(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    labelled(page, 1)
    shown(page, 1)
    page.keyboard.press("n")
    labelled(page, 2)
    path = saved(page, "#save-csv", tmp_path / "labels.csv")
    host, none = read_labels(path)
    assert (host.label, none.label) == ("host", "none")
    # Someone else's browser, which knows nothing of them.
    other = Browser(playwright, tmp_path / "other", viewport={"width": 1400, "height": 900})
    try:
        there = other.open(sample=True)
        other.drop(path)
        labelled(there, 2)
        # The same table once more adds nothing.
        other.drop(path)
        until(there, "document.getElementById('status').textContent.includes(': 0 labels added')")
        there.check("#labelling")
        again = saved(there, "#save-csv", tmp_path / "again.csv")
        with path.open() as first, again.open() as second:
            assert list(csv.reader(first)) == list(csv.reader(second))
        assert read_labels(again)[0].ra == pytest.approx(host.ra, abs=1e-12)
    finally:
        other.close()
