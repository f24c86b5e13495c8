"""Command lines and code that pages show and no other test runs."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import hstamp
from hstamp.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "roles").glob("*.md")),
]


CALL = re.compile(r"\s*(?:\$ )?hstamp (?!conformance suite )([a-z].*)")
"""``hstamp conformance suite`` is how a report begins, not a call."""


def shown() -> list[tuple[str, str]]:
    """Lines of code blocks, fenced or indented, that call the command; ``\\`` joins lines."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        fenced = False
        for line in text.splitlines():
            if line.lstrip().startswith("```"):
                fenced = not fenced
            code = fenced or line.startswith("    ")
            if code and (call := CALL.match(line)):
                found.append((page.name, re.sub(r"\s+#.*", "", call[1])))
    return found


def test_enough_lines_are_found() -> None:
    assert len(shown()) > 60


@pytest.mark.parametrize(("page", "line"), shown(), ids=lambda value: str(value)[:50])
def test_a_shown_command_is_one(page: str, line: str) -> None:
    words = shlex.split(line.partition(" > ")[0].partition(" | ")[0])
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            build_parser().parse_args(words)
    except SystemExit as ended:
        pytest.fail(f"{page}: hstamp {line}: {told.getvalue() or ended}")


def python(page: str, begins: str) -> str:
    """Give the one Python block of a page in which a line begins so."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", text, re.S | re.M)
    (found,) = [block for block in blocks if re.search(rf"^ *{re.escape(begins)}", block, re.M)]
    return found


@pytest.fixture(scope="module")
def stamps() -> list[hstamp.Stamp]:
    """Three images of one alert of the viewer's sample."""
    found = hstamp.read_stamps(ROOT / "docs" / "viewer" / "sample.avro")
    return [item.stamp for item, _ in zip(found, range(3), strict=False)]


def test_hosts_in_python(
    stamps: list[hstamp.Stamp], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    hstamp.write_stamps("stamps.avro", stamps)
    names: dict = {}
    exec(python("hosts.md", "from hstamp.hosts import predict"), names)
    hosts = names["hosts"]
    for found in (hosts.none, hosts.best.ra, hosts.best.x, hosts.pixel):
        assert found.shape == (3,)
    assert hosts.best.covariance.shape == (3, 2, 2)
    assert hosts.candidates.ra.shape == (3, 5)


def test_classes_in_python(stamps: list[hstamp.Stamp]) -> None:
    pytest.importorskip("onnxruntime")
    kinds = [stamp.id.partition("/")[2] for stamp in stamps]
    names: dict = {"blobs": {k: s.to_bytes() for k, s in zip(kinds, stamps, strict=True)}}
    exec(python("classify.md", "from hstamp.classify import CLASSES, predict"), names)
    found = names["found"]
    assert found.names.shape == (1,)
    assert found.probabilities.shape == (1, 5)
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0, rtol=1e-5)


def test_a_program_around_a_decoder(
    stamps: list[hstamp.Stamp], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    """The program of the page on conformance, around a decoder that knows the core profile."""
    import sys
    import types

    from hstamp.conformance import CallableHarness, load_suite, run_vectors

    class BadStamp(Exception):
        code = "E_LENGTH"

    def decode(blob: bytes) -> types.SimpleNamespace:
        stamp = hstamp.Stamp.from_bytes(blob)
        wcs = stamp.wcs and types.SimpleNamespace(
            ra=stamp.wcs.ra, dec=stamp.wcs.dec, cd=np.ravel(stamp.wcs.cd).tolist()
        )
        return types.SimpleNamespace(
            version=100, levels=stamp.n, id=stamp.id, band=stamp.band, flux_unit=stamp.flux_unit,
            dx=stamp.dx, dy=stamp.dy, wcs=wcs, image=stamp.levels,
        )  # fmt: skip

    module = types.ModuleType("mydecoder")
    module.BadStamp, module.decode = BadStamp, decode  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mydecoder", module)
    code = compile(python("conformance.md", "from mydecoder import"), "conformance.md", "exec")

    def answer(blob: bytes) -> object:
        import json

        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(blob)))
        exec(code, {})
        return json.loads(capsys.readouterr().out)

    suite = load_suite()
    vectors = [v for v in suite.select("core") if v.id in ("b1-f4-n2", "b2-i2-n2")]
    assert len(vectors) == 2
    reports = run_vectors(lambda: CallableHarness(answer), vectors, profile="core")
    assert [report.outcome for report in reports] == ["pass", "pass"]
