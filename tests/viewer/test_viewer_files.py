"""Files of every kind in the page: the suite's vectors, big ones, tables, those that are served."""

import json
import threading

import fastavro
import pytest
from chromium import SAMPLE, Browser, until, write_alerts

import hstamp
from hstamp.conformance import load_suite
from hstamp.viewer import ViewerServer

SUITE = load_suite()


def verdicts(page):
    """What the page says of each file: name, first error code or None, stamps."""
    return page.evaluate(
        "window.hstampViewer.library.files"
        ".map((f) => [f.name, f.faults[0]?.code ?? null, f.stamps])"
    )


def test_the_whole_suite_gets_the_codes_of_the_specification(browser):
    page = browser.open()
    vectors = SUITE.select("container")
    assert len(vectors) > 400
    browser.drop(*(vector.path for vector in vectors))
    until(page, f"window.hstampViewer.library.files.length === {len(vectors)}")
    until(page, "!window.hstampViewer.busy()")
    wrong = []
    for vector, (name, code, stamps) in zip(vectors, verdicts(page), strict=True):
        assert name == vector.path.name
        if vector.optional is not None and code == "E_CODEC":
            continue
        if code != vector.error or (code is None and stamps != len(vector.expected())):
            wrong.append((vector.id, vector.error, code, stamps))
    assert wrong == []
    # The faults are on the page, not only in its memory.
    rows = page.eval_on_selector_all("#files > li", "nodes => nodes.map((n) => n.dataset.code)")
    assert rows == [code or "" for _, code, _ in verdicts(page)]


def test_a_stamp_that_is_not_valid_costs_itself_alone(browser, tmp_path):
    records = [item.stamp.to_dict() for item in hstamp.read_stamps(SAMPLE)][:6]
    for number, record in enumerate(records):
        record["id"] = f"stamp {number}"
    records[2]["dx"] = 0.75
    schema = fastavro.parse_schema(json.loads(hstamp_schema()))
    with (tmp_path / "six.avro").open("wb") as stream:
        fastavro.writer(stream, schema, records)
    page = browser.open()
    browser.drop(tmp_path / "six.avro")
    browser.settled()
    assert verdicts(page) == [["six.avro", "E_OFFSET", 5]]
    page.select_option("#which", "faults")
    until(page, "document.querySelectorAll('.row').length === 1")
    assert "E_OFFSET" in page.inner_text(".row")
    page.click(".row")
    until(page, "document.querySelector('.rejected')?.innerText.includes('E_OFFSET')")


def hstamp_schema():
    from hstamp.container.schema import schema_path

    return schema_path().read_text("utf-8")


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy"])
def test_codecs_and_stamps_without_alerts(browser, tmp_path, codec):
    stamps = [item.stamp for item in hstamp.read_stamps(SAMPLE)]
    if codec == "snappy":
        pytest.importorskip("cramjam")
    hstamp.write_stamps(tmp_path / "stamps.avro", stamps, codec=codec)
    (tmp_path / "one.hstamp").write_bytes(stamps[4].to_bytes())
    page = browser.open()
    browser.drop(tmp_path / "stamps.avro", tmp_path / "one.hstamp")
    browser.settled()
    assert verdicts(page) == [["stamps.avro", None, 30], ["one.hstamp", None, 1]]
    # Three stamps that follow each other, named as the converter names them, are one alert.
    kinds = page.evaluate(
        "window.hstampViewer.library.alerts.map((a) => a.parts.map((p) => p.kind))"
    )
    assert kinds == [["difference", "science", "template"]] * 10 + [["science"]]
    ids = page.evaluate("window.hstampViewer.library.alerts.map((a) => a.id)")
    assert ids[0] == "170000000000000000"
    assert ids[-1] == stamps[4].id.removesuffix("/science")


def test_files_that_are_served_are_read_in_ranges(browser, tmp_path):
    some = write_alerts(tmp_path / "some.avro", 300)
    with ViewerServer([some, SAMPLE], 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            page = browser.open(server.url)
            browser.settled()
            assert verdicts(page) == [["some.avro", None, 900], ["sample.avro", None, 30]]
            assert all(url.startswith(server.url) for url in browser.requests)
        finally:
            server.shutdown()
            thread.join()


def test_the_page_alone_asks_for_nothing(browser):
    page = browser.open(sample=True)
    for key in ["j", "m", "p", "p", "p", "p", "s", "o", "t", "e", "g"]:
        page.keyboard.press(key)
    assert [
        url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))
    ] == []
    links = page.eval_on_selector_all(
        "#facts a", "nodes => nodes.map((n) => [n.rel, n.target, n.href])"
    )
    assert len(links) == 6
    assert all(rel == "noreferrer noopener" and target == "_blank" for rel, target, _ in links)
    assert all(href.startswith("https://") for _, _, href in links)


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_screen(playwright, tmp_path, width):
    made = Browser(playwright, tmp_path / "user", viewport={"width": width, "height": 740})
    try:
        page = made.open(sample=True)
        page.keyboard.press("e")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, select, input, canvas[role]')].filter((n) =>"
            " !(n.getAttribute('aria-label') || n.textContent.trim() || n.labels?.length))"
            ".map((n) => n.id)"
        )
        assert unnamed == []
    finally:
        made.close()
