"""Every clause of the specification is cited where the package carries it out."""

import re
from pathlib import Path

import pytest

import hstamp

PACKAGE = Path(hstamp.__file__).parent
IDENTIFIER = re.compile(r"\[([A-Z]{2}-[0-9]+)\]")
BINDS_OTHERS = {
    "VE-1": "those who write a later version",
    "PR-1": "programs under test, which state their profile",
    "TP-1": "programs under test",
    "TP-2": "programs under test",
    "TP-3": "programs under test",
    "TP-4": "programs under test",
    "TP-5": "programs under test",
}


@pytest.fixture(scope="module")
def clauses(repository):
    text = (repository / "spec" / "hstamp-1.0.md").read_text(encoding="utf-8")
    found = re.findall(r"\*\*\[([A-Z]{2}-[0-9]+)\]\*\*", text)
    assert len(set(found)) == len(found) > 60
    return set(found)


@pytest.fixture(scope="module")
def cited():
    """Clauses in the sources, without those of the suite that judges other programs."""
    sources = [p for p in PACKAGE.rglob("*.py") if "conformance" not in p.parts]
    return {name for path in sources for name in IDENTIFIER.findall(path.read_text("utf-8"))}


def test_every_clause_is_cited(clauses, cited):
    assert clauses - cited - set(BINDS_OTHERS) == set()


def test_no_clause_is_cited_that_is_not_there(clauses, cited):
    assert cited <= clauses


def test_every_section_of_the_table_names_modules_that_exist():
    modules = re.findall(r"`hstamp\.([a-z_.]+)`", hstamp.__doc__)
    assert len(modules) > 15
    for name in modules:
        path = PACKAGE.joinpath(*name.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name
