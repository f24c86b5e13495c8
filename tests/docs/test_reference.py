"""Every public name has its place in the reference, and says what it is."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[2] / "docs" / "api"
MODULES = (
    "hstamp", "hstamp.arrow", "hstamp.classify", "hstamp.conformance", "hstamp.draw",
    "hstamp.errors", "hstamp.export", "hstamp.fast", "hstamp.hosts", "hstamp.rubin",
    "hstamp.surveys", "hstamp.viewer",
)  # fmt: skip


def described() -> set[str]:
    """Full names that the pages describe; ``hstamp.errors.*`` for all of a module."""
    names = set()
    for page in PAGES.glob("*.md"):
        module = ""
        lines = page.read_text(encoding="utf-8").splitlines()
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            found = re.match(r"\.\. (currentmodule|auto\w+|py:data):: (\S+)", line)
            if found is None:
                continue
            kind, name = found.groups()
            if kind == "currentmodule":
                module = name
            elif kind == "automodule":
                names |= {f"{name}.*"} if following.strip() == ":members:" else set()
            else:
                names.add(name if kind == "py:data" else f"{module}.{name}")
    return names


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_described(name: str) -> None:
    if name == "hstamp.draw":
        pytest.importorskip("matplotlib")
    if name == "hstamp.arrow":
        pytest.importorskip("pyarrow")
    module = importlib.import_module(name)
    pages = described()
    assert module.__doc__
    for member in module.__all__:
        thing = getattr(module, member)
        places = {f"{name}.{member}", f"{name}.*"}
        if getattr(thing, "__module__", None) == "hstamp.errors":
            places.add("hstamp.errors.*")
        assert places & pages, f"{name}.{member} is on no page"
        if not (inspect.isroutine(thing) or inspect.isclass(thing)):
            continue
        # A dataclass without a docstring of its own gets its signature for one.
        assert thing.__doc__, f"{name}.{member} has no docstring"
        assert not thing.__doc__.startswith(f"{member}("), f"{name}.{member} has no docstring"
        for attribute, value in vars(thing).items() if inspect.isclass(thing) else ():
            code = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if not attribute.startswith("_") and inspect.isfunction(code):
                assert code.__doc__, f"{name}.{member}.{attribute} has no docstring"


def test_pages_describe_no_module_that_is_not_public() -> None:
    assert {name[:-2] for name in described() if name.endswith(".*")} <= set(MODULES)
