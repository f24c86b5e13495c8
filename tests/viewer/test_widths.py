"""Pages fit a phone and a desk: at 360 and at 1,400 pixels nothing sticks out at the right.

Pages of the site are those that `make docs` built last; without them that test is skipped.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from chromium import ARGUMENTS, PATIENCE, chromium

from hstamp.cli import main

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "_build" / "html"
WIDTHS = (360, 1400)
STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth;
  const kinds = ["auto", "scroll", "hidden", "clip"];
  const scrolls = (e) => kinds.includes(getComputedStyle(e).overflowX);
  const inside = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (scrolls(p)) return true;
    return false;
  };
  return [...document.body.querySelectorAll("*")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.left < width && box.right > width + 1 && !inside(e);
  }).map((e) => `${e.tagName} ${e.className} ${(e.textContent || "").trim().slice(0, 40)}`);
}"""
"""What a reader would have to move the page for: tables and code may scroll by themselves."""


@pytest.fixture(scope="module")
def page(playwright):
    browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
    made = browser.new_page()
    made.set_default_timeout(PATIENCE)
    yield made
    browser.close()


def misfits(page, paths, width):
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for path in paths:
        page.goto(path.as_uri(), wait_until="load")
        told = page.evaluate(STICKING_OUT)
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        if told or wide > width:
            found[path.name] = (wide, told[:3])
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_of_the_site(page, width):
    pages = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts]
    if not pages:
        pytest.skip("make docs has not built the site")
    assert misfits(page, pages, width) == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_proposal(page, width, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "proposal"))
    for name in ("build", "numbers_of", "figures"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    build = __import__("build")
    paths = [tmp_path / f"{name}.html" for name in build.DOCUMENTS]
    for path in paths:
        path.write_text(build.render(path.stem, build.context("2026-01-01")), encoding="utf-8")
    assert misfits(page, paths, width) == {}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("demo") / "out"
    assert main(["demo", str(folder), "--alerts", "4"]) == 0
    return folder / "report.html"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_of_the_demo(page, report, width):
    assert misfits(page, [report], width) == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_viewer(page, width):
    assert misfits(page, [ROOT / "docs" / "viewer" / "index.html"], width) == {}


def test_what_sticks_out_is_found(page, tmp_path):
    wide = "<div style='width:900px'>wide</div>"
    head = "<meta name='viewport' content='width=device-width'><body>"
    (tmp_path / "out.html").write_text(head + wide)
    (tmp_path / "in.html").write_text(f"{head}<div style='overflow-x:auto'>{wide}</div>")
    assert list(misfits(page, sorted(tmp_path.glob("*.html")), 360)) == ["out.html"]
