"""What the package says of itself: its description, its requirements, how it is installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import hstamp
from tests.minimum import lowest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def description() -> str:
    """The wheel's description, as the build makes it."""
    pytest.importorskip("hatchling", reason="the build needs hatchling")
    pytest.importorskip("hatch_fancy_pypi_readme", reason="the build needs hatch-fancy-pypi-readme")
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    metadata = ProjectMetadata(str(ROOT), PluginManager())
    text: str = metadata.core.readme
    assert metadata.core.readme_content_type == "text/markdown"
    return text


def test_description_leads_to_nothing_that_is_not_there(description: str) -> None:
    for target in re.findall(r"\]\(([^)]*)\)", description):
        assert target.startswith(("https://", "#"))
    assert "![" not in description
    assert "<!--" not in description
    assert "(`docs/convert.md`)" in description


def test_description_is_rendered_as_the_index_does(description: str) -> None:
    renderer = pytest.importorskip("readme_renderer.markdown", reason="needs readme_renderer[md]")
    html = renderer.render(description)
    assert html is not None
    assert "<table>" in html
    for target in re.findall(r'(?:href|src)="([^"]*)"', html):
        assert target.startswith(("https://", "#"))


def test_description_ends_with_the_changes(description: str) -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## .*$", changes, re.M)
    assert newest
    assert newest[0] == f"## {hstamp.__version__}"
    assert newest[0] in description
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "CHANGELOG.md" in wheel["force-include"]


def test_no_page_installs_from_an_index_that_does_not_have_it() -> None:
    folders = ("codec", "docs", "reference_model", "schemas", "spec")
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    files += [
        p for f in folders for suffix in ("md", "py") for p in (ROOT / f).rglob(f"*.{suffix}")
    ]
    told = [
        path.name
        for path in files
        if re.search(r"pip install\s+(-\S+\s+)*['\"]?hstamp", path.read_text(encoding="utf-8"))
    ]
    assert not told


def test_lowest_versions_are_those_declared() -> None:
    project = {
        "name": "p",
        "dependencies": ["a>=1.2", "b >= 3"],
        "optional-dependencies": {
            "x": ["a>=1.10; python_version < '4'", "c.d[e]==5.0"],
            "test": ["p[x]", "t>=7"],
        },
    }
    assert list(lowest(project, False).values()) == ["a==1.2", "b==3", "t==7"]
    assert list(lowest(project, True).values()) == [
        "a==1.10; python_version < '4'", "b==3", "c.d[e]==5.0", "t==7",
    ]  # fmt: skip


def test_everything_that_is_tested_declares_a_minimum() -> None:
    names = set(lowest(PROJECT["project"], True))
    assert {"numpy", "astropy", "fastavro", "matplotlib", "onnxruntime", "pyarrow"} <= names


def test_onnxruntime_can_read_the_weights() -> None:
    """IR version of the file (field 1 of the protobuf) against onnxruntime's table of releases."""
    weights = (ROOT / "reference_model" / "weights" / "host.onnx").read_bytes()
    assert weights[0] == 0x08  # field 1, varint
    first = {9: (1, 16), 10: (1, 18), 11: (1, 22)}[weights[1]]
    line = lowest(PROJECT["project"], True)["onnxruntime"]
    assert tuple(map(int, line.partition("==")[2].split(".")))[:2] >= first
