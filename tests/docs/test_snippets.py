"""Code that the documents show runs, and gives what the package gives."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import fastavro
import numpy as np
import pytest

import hstamp

ROOT = Path(__file__).resolve().parents[2]


def block(page: str, name: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(rf"<!-- test: {name} -->\n```python\n(.*?)```", text, re.S)
    assert found, f"{page} has no block {name}"
    return found[1]


@pytest.fixture
def parent() -> np.ndarray:
    rng = np.random.default_rng(20261122)
    image = rng.normal(0.0, 10.0, (260, 260)).astype(np.float32)
    image[100:104, 90:99] = np.nan
    return image


@pytest.mark.parametrize(("n", "encoding"), [(2, "f4"), (4, "i2"), (5, "i2"), (5, "f4")])
def test_thirty_lines_decode_what_the_package_does(
    n: int, encoding: str, parent: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    names: dict = {}
    exec(block("docs/decode.md", "decode"), names)
    stamp = hstamp.encode(parent, 130.2, 129.6, levels=n, encoding=encoding)
    record = names["record_of"](stamp.to_bytes())
    shown = names["mosaic"](names["stored_values"](record), n)
    np.testing.assert_array_equal(shown, stamp.mosaic(conserve=False))


def test_package_snippet_runs(
    parent: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    stamp = hstamp.encode(parent, 130.2, 129.6, levels=5)
    hstamp.write_stamps(tmp_path / "alerts.avro", [stamp, stamp.cut(3)])
    monkeypatch.chdir(tmp_path)
    exec(block("docs/decode.md", "package"), {"blob": stamp.to_bytes()})
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_messages_snippet_runs(parent: np.ndarray, capsys: pytest.CaptureFixture) -> None:
    stamp = hstamp.encode(parent, 130.2, 129.6, levels=5)
    field = {"name": "hstampScience", "type": ["null", hstamp.STAMP_SCHEMA]}
    schema = {"type": "record", "name": "alert", "fields": [field]}
    out = io.BytesIO()
    fastavro.schemaless_writer(
        out, fastavro.parse_schema(schema), {"hstampScience": stamp.to_dict()}
    )
    names: dict = {"hstamp": hstamp, "message": out.getvalue(), "schema": schema}
    exec(block("docs/decode.md", "messages"), names)
    assert names["stamps"] == {"hstampScience": stamp}
    assert capsys.readouterr().out.count("[[") == 2


def test_the_first_snippet_runs_and_its_sizes_hold(parent: np.ndarray) -> None:
    names: dict = {
        "image": parent,
        "x": 130.2,
        "y": 129.6,
        "variance": np.full(parent.shape, 100.0),
    }
    exec(block("docs/use.md", "use"), names)
    assert len(names["blob"]) < 3000
    assert names["stamp"].levels.shape == (5, 15, 15)
    assert names["small"].n == 3


def test_encode_snippet_runs(parent: np.ndarray) -> None:
    names: dict = {
        "image": parent, "xs": [130.2, 7.0], "ys": [129.6, 250.0],
        "variance": np.full(parent.shape, 100.0), "psf": np.ones((3, 3)),
    }  # fmt: skip
    exec(block("docs/encode.md", "encode"), names)
    assert [hstamp.Stamp.from_bytes(blob).n for blob in names["blobs"]] == [5, 5]
    assert hstamp.Stamp.from_bytes(names["batch"][0]).n == 3
    assert names["batch"][1] is None
    assert str(names["batch"].errors[1]).endswith("(90.0, nan) is not a pixel position")


def test_compressed_sizes_are_the_measured_ones() -> None:
    stored = ROOT / "docs" / "figures" / "performance" / "results.json"
    rows = json.loads(stored.read_text(encoding="utf-8"))["bytes"]["rows"]
    page = (ROOT / "docs" / "for-alert-designers.md").read_text(encoding="utf-8")
    for line, name in (
        ("30×30 cutouts as built", "LSST FITS"),
        ("five-level stamps of the same", "hstamp n=5 complete, i2"),
        ("with 8 mask planes, which", "hstamp n=5 complete with 8-plane mask, i2"),
    ):
        (told,) = re.findall(rf"^\| {line}[^|]*\|(.*)\|$", page, re.M)
        shown = [int(cell.replace(",", "")) for cell in told.split("|")]
        # Three images, each rounded to a byte.
        measured = [3 * rows[name][key] for key in ("bytes", "snappy", "zstd")]
        assert shown == pytest.approx(measured, abs=2)


def test_the_first_screen_for_designers_is_that_of_the_results() -> None:
    stored = ROOT / "docs" / "figures" / "performance" / "results.json"
    found = json.loads(stored.read_text(encoding="utf-8"))["bytes"]
    alerts = {name: row["bytes"] for name, row in found["alerts"]["rows"].items()}
    today = alerts["v11 today (three 30x30 cutouts)"]
    more = alerts["v11 with three new stamps beside"] - today
    less = today - alerts["v11, new stamps instead"]
    page = (ROOT / "docs" / "for-alert-designers.md").read_text(encoding="utf-8")
    assert f"| {more:,} bytes, {100 * more / today:.0f} % |" in page
    assert f"| {100 * less / today:.0f} % of the packet; on the wire" in page
    rows = found["rows"]
    assert round(rows["LSST FITS"]["snappy"] / rows["hstamp n=5 complete, i2"]["snappy"]) == 4
    rubin = (ROOT / "docs" / "rubin.md").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"^\| a visit: .*? \| (\S+) s \|", rubin, re.M)
    assert f"[{seconds} s of one core a visit]" in page


def test_notes_and_papers_are_linked() -> None:
    page = (ROOT / "docs" / "for-alert-designers.md").read_text(encoding="utf-8")
    for name, address in (
        ("DMTN-248", "https://dmtn-248.lsst.io"),
        ("LSE-163", "https://lse-163.lsst.io"),
        ("DEBASS", "https://doi.org/"),
        ("Lasair", "https://doi.org/"),
    ):
        assert page.count(name) == page.count(f"[{name}]({address}") > 0


def test_links_between_documents_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not missing
