"""A browser for each test, or one for those that leave nothing behind."""

import contextlib
import sys
import threading
from pathlib import Path

import pytest
from chromium import Browser, chromium, until

from hstamp.viewer import ViewerServer

# Alerts as surveys send them are made by the samples of the converter's tests.
sys.path.append(str(Path(__file__).resolve().parents[1] / "convert"))


@pytest.fixture(scope="session")
def playwright():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as started:
        yield started


@pytest.fixture
def browser(playwright, tmp_path):
    made = Browser(playwright, tmp_path / "user", viewport={"width": 1400, "height": 900})
    yield made
    made.close()
    assert made.errors == []


@pytest.fixture(scope="module")
def shared_browser(playwright, tmp_path_factory):
    """One browser for tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("user")
    made = Browser(playwright, folder, viewport={"width": 1400, "height": 900})
    made.open(sample=True)
    yield made
    made.close()
    assert made.errors == []


@pytest.fixture
def served(browser):
    """Open files as ``hstamp view`` does; returns the page and what the terminal says."""
    with contextlib.ExitStack() as stack:

        def go(*paths, **options):
            said = []
            server = stack.enter_context(ViewerServer(paths, 0, say=said.append, **options))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            page = browser.open(server.url)
            until(page, f"window.hstampViewer.library.files.length === {len(paths)}")
            until(page, "!window.hstampViewer.busy()")
            return page, said

        yield go
