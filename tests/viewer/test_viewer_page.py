"""The page as a file: up to date, whole, and without an address that it would ask for by itself."""

import importlib.util
import re
from pathlib import Path

import hstamp

VIEWER = Path(__file__).resolve().parents[2] / "docs" / "viewer"


def build():
    spec = importlib.util.spec_from_file_location("viewer_build", VIEWER / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_that_of_its_parts():
    assert (VIEWER / "index.html").read_text("utf-8") == build().page(), (
        "run: python docs/viewer/build.py"
    )


def test_every_module_is_used():
    names = {path.stem for path in (VIEWER / "src").glob("*.mjs")}
    assert names <= set(build().in_order("main", []))


def test_nothing_is_loaded_from_anywhere():
    text = (VIEWER / "index.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(
        r"<(?:script|img|iframe|object|embed)[^>]*\ssrc=|<link\b|url\(|@import", text
    )
    assert "XMLHttpRequest" not in text
    assert "WebSocket" not in text
    # The only requests are for files of the local server, by names that the server puts in, and
    # what is at fault in them for its terminal.
    asked = re.findall(r"\bfetch\(([^)]*)\)", text)
    assert [words.split(", body:")[0] for words in asked] == [
        "url, { headers: { Range: `bytes=${start}-${end - 1}` } }",
        '"faults", { method: "POST"',
        "`${url}/${number}`",
        "served.content",
    ]


def test_the_sample_holds_three_stamps_for_each_alert():
    found = list(hstamp.read_stamps(VIEWER / "sample.avro"))
    assert len(found) == 30
    assert [item.field for item in found[:3]] == [
        "hstampDifference",
        "hstampScience",
        "hstampTemplate",
    ]
    assert all(item.stamp.n == 5 and item.stamp.mask is not None for item in found)
    assert (VIEWER / "sample.avro").stat().st_size < 200_000
