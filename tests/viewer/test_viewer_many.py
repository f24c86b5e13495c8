"""Ten thousand alerts: time of the processor, memory, and how long the page does not answer.

``python -m pytest tests/viewer/test_viewer_many.py -s`` prints what docs/viewing.md states. Bounds
are three times what was measured, no more: time of the processor and resident memory, which other
work on the machine hardly changes. How long the page is busy at a stretch is measured in that time
too, by the browser's own trace.
"""

import os
import time
from pathlib import Path

import pytest
from chromium import until, write_alerts

MANY = 10_000
CPU = 38.0
"""Processor time to open them all and look through them, in all processes of the browser [s]."""
OPENED = 18.0
"""That of the page's process until all are open [s]."""
MEMORY = 700e6
"""Resident memory of the page's process [byte]."""
HEAP = 54e6
"""Objects of the page [byte]."""
LONGEST = 120.0
"""The longest piece of work in which the page does not answer [ms of processor time]."""


class Processes:
    """Processes of a browser; what is shown of them comes from /proc."""

    def __init__(self, folder):
        self.mark = f"--user-data-dir={folder}"
        if not Path("/proc/self/stat").exists():
            pytest.skip("there is no /proc to measure with")

    def __iter__(self):
        """Iterate over whether a process shows a page, its number, ticks and pages."""
        parents, words = {}, {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                words[entry.name] = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            parents[entry.name] = stat[1]
            stat_ticks = int(stat[11]) + int(stat[12])
            pages = int(stat[21])
            parents[entry.name, "told"] = (stat_ticks, pages)
        for number in words:
            at = number
            while at in parents:
                if self.mark in words[at]:
                    yield "--type=renderer" in words[number], int(number), *parents[number, "told"]
                    break
                at = parents[at]

    def seconds(self, pages_only=False):
        """Processor time so far: of all processes, or of the busiest that shows a page."""
        unit = os.sysconf("SC_CLK_TCK")
        spent = [ticks / unit for shows, _, ticks, _ in self if shows or not pages_only]
        return max(spent) if pages_only else sum(spent)

    def busiest(self):
        """Number of the process that shows a page and has worked most."""
        return max((ticks, number) for shows, number, ticks, _ in self if shows)[1]

    def memory(self):
        """Resident memory of the largest process that shows a page [byte]."""
        return os.sysconf("SC_PAGE_SIZE") * max(pages for shows, _, _, pages in self if shows)


@pytest.fixture
def many(tmp_path):
    path = write_alerts(tmp_path / "many.avro", MANY)
    yield path
    path.unlink()


class Tasks:
    """The longest task of each process's main thread, in processor time, by the browser's trace."""

    def __init__(self, browser):
        self.page, self.longest, self.ended = browser.page, {}, False
        self.devtools = browser.context.new_cdp_session(browser.page)
        self.devtools.on("Tracing.dataCollected", self._collect)
        self.devtools.on("Tracing.tracingComplete", self._end)
        config = {"includedCategories": ["toplevel"]}
        self.devtools.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})

    def _collect(self, message):
        for event in message["value"]:
            if event["name"] == "ThreadControllerImpl::RunTask" and event["pid"] == event["tid"]:
                at = event["pid"]
                self.longest[at] = max(self.longest.get(at, 0), event.get("tdur", 0) / 1000)

    def _end(self, message):
        self.ended = True

    def end(self):
        """End the trace; return milliseconds by the number of the process."""
        self.devtools.send("Tracing.end")
        while not self.ended:
            self.page.wait_for_timeout(100)
        return self.longest


SCROLL = """async () => {
  const list = document.getElementById("list"), frames = [];
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const whole = list.scrollHeight - list.clientHeight;
  let last = performance.now();
  for (let step = 0; step <= 150; step++) {
    list.scrollTop = (whole * step) / 150;
    await frame();
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return Math.max(...frames);
}"""


def test_ten_thousand_alerts(browser, many):
    page = browser.open()
    processes = Processes(browser.folder)
    tasks = Tasks(browser)
    began, started, own = time.monotonic(), processes.seconds(), processes.seconds(True)
    browser.drop(many)
    until(page, "window.hstampViewer.current().loaded.parts.length === 3")
    # The first alert is there while the others are still being read.
    soon = page.evaluate("window.hstampViewer.library.files[0].open")
    browser.settled()
    opened, took = processes.seconds(True) - own, time.monotonic() - began
    until(page, f"document.getElementById('which-one').textContent === '1 of {MANY}'")
    file = (
        "(({ stamps, faultCount }) => [stamps, faultCount])(window.hstampViewer.library.files[0])"
    )
    assert page.evaluate(file) == [3 * MANY, 0]
    # Only rows in sight exist, wherever the list is, and only they have a thumbnail.
    frame = page.evaluate(SCROLL)
    page.evaluate("document.getElementById('list').scrollTop = 64 * 7777")
    until(page, "[...document.querySelectorAll('.row b')].some((n) => n.textContent === '8780')")
    assert page.locator(".row").count() < 60
    page.evaluate("window.hstampViewer.choose(window.hstampViewer.library.alerts[9999])")
    until(page, "window.hstampViewer.current().loaded.parts[0]?.blob.length > 0")
    spent, memory = processes.seconds() - started, processes.memory()
    longest = tasks.end()[processes.busiest()]
    page.evaluate("gc()")
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    print(
        f"\n{MANY} alerts, {many.stat().st_size / 1e6:.0f} MB: open after {took:.1f} s"
        f" ({opened:.1f} s of processor time in the page), looked through with {spent:.1f} s in all"
        f" processes; the page takes {memory / 1e6:.0f} MB, its objects {heap / 1e6:.0f} MB;"
        f" the longest piece of work takes {longest:.0f} ms; longest frame while scrolling"
        f" {frame:.0f} ms of the clock, load of the machine {os.getloadavg()[0]:.1f}"
    )
    assert soon
    assert spent < CPU
    assert opened < OPENED
    assert memory < MEMORY
    assert heap < HEAP
    assert longest < LONGEST
