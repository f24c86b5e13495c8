"""A browser for each test, or one for those that leave nothing behind."""

import pytest
from chromium import Browser, chromium


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
