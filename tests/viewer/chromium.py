"""The page in a real browser: Chromium without a display, with nothing of a user's in it."""

import os
import shutil
import time
from pathlib import Path

import fastavro

PAGE = Path(__file__).resolve().parents[2] / "docs" / "viewer" / "index.html"
SAMPLE = PAGE.with_name("sample.avro")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--js-flags=--expose-gc", "--enable-precise-memory-info",
]  # fmt: skip
PATIENCE = 1000 * int(os.environ.get("HSTAMP_PATIENCE", "90"))
"""Milliseconds after which a step has failed: machines that run tests are busy."""


def chromium():
    """Path of the browser; None without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return found or shutil.which("google-chrome")


def until(page, expression):
    """Wait until an expression holds; the page's policy lets nothing be evaluated inside it."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.05)


def write_alerts(path, count):
    """A file of many alerts with three stamps each, 12.6 kB an alert."""
    with SAMPLE.open("rb") as stream:
        reader = fastavro.reader(stream)
        schema, records = reader.writer_schema, list(reader)
    for record in records:
        record["cutoutScience"] = None

    def repeated():
        for number in range(count):
            record = records[number % len(records)]
            yield record | {"diaSource": record["diaSource"] | {"diaSourceId": 1000 + number}}

    with path.open("wb") as stream:
        fastavro.writer(stream, schema, repeated())
    return path


class Browser:
    """A browser whose user's folder outlives it, so that it can be closed and opened again."""

    def __init__(self, playwright, folder, **options):
        self.playwright, self.folder, self.options = playwright, folder, options
        self.errors, self.requests = [], []

    def open(self, address=None, *, sample=False):
        self.context = self.playwright.chromium.launch_persistent_context(
            self.folder, executable_path=chromium(), headless=True, args=ARGUMENTS, **self.options
        )
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address or PAGE.as_uri())
        if sample:
            self.page.click("#sample-2")
            self.settled()
        return self.page

    def drop(self, *paths):
        """Open files with the button at the top."""
        self.page.set_input_files("#open", [str(path) for path in paths])

    def settled(self):
        """Wait until files are read and a stamp is shown."""
        until(
            self.page,
            "(({ library, current, busy }) => library.files.length > 0 && !busy()"
            " && current().loaded.parts.length > 0)(window.hstampViewer)",
        )

    def close(self):
        self.context.close()
