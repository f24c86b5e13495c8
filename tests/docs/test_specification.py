"""The specification's list of contents and figures are those of its text and of the layout."""

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec" / "hstamp-1.0.md"
TEXT = SPEC.read_text(encoding="utf-8")


def drawing():
    path = ROOT / "docs" / "figures" / "geometry.py"
    spec = importlib.util.spec_from_file_location("geometry_figures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FIGURES = drawing()


def anchor(heading):
    """The fragment that repositories and most renderers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_contents_list_every_section():
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert headings[0] == "Contents"
    listed = re.findall(r"^- \[(.+)\]\(#(.+)\)$", TEXT, re.MULTILINE)
    assert [title for title, _ in listed] == headings[1:]
    assert [target for _, target in listed] == [anchor(heading) for heading in headings[1:]]


def test_every_figure_is_shown():
    shown = re.findall(r"^!\[.+\]\((.+)\)$", TEXT, re.MULTILINE)
    assert [Path(name).name for name in shown] == list(FIGURES.FIGURES)
    assert all((SPEC.parent / name).is_file() for name in shown)


@pytest.mark.parametrize("name", FIGURES.FIGURES)
def test_figures_are_those_of_the_layout(name, tmp_path):
    FIGURES.main(tmp_path)
    committed = (FIGURES.FOLDER / name).read_text(encoding="utf-8")
    assert (tmp_path / name).read_text(encoding="utf-8") == committed
    assert ElementTree.fromstring(committed).tag.endswith("svg")


def test_figures_show_what_section_4_says():
    """By hand: positions and counts of the text, not of the code that draws."""
    order = FIGURES.order()
    assert all(f">{position}</text>" in order for position in (0, 13, 14, 195, 196, 210, 371))
    assert ">372</text>" not in order
    holes = FIGURES.holes()
    assert holes.count(f'fill="{FIGURES.GREY}"') == 3 * 49
    for k, c in ((0, 0), (1, 1), (2, 0)):
        assert f"level {k}, c = {c}<" in holes
    levels = FIGURES.levels()
    for k, origin in enumerate((-7, -15, -29, -61)):
        assert f"pixels of {2**k}, o = {origin}<" in levels
