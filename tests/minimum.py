"""Print the lowest versions that pyproject.toml allows, for ``make test-minimum``.

python tests/minimum.py core    what hstamp cannot do without, and the tools that test it
python tests/minimum.py all     every optional package that the tests use, too
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

__all__ = ["lowest"]

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?\s*(?:[>=]=\s*([0-9.]+))?\s*(;.*)?")


def lowest(project: dict[str, Any], everything: bool) -> dict[str, str]:
    """Requirement of each package, with exact versions.

    Parameters
    ----------
    project : dict
        The table ``project`` of pyproject.toml.
    everything : bool
        Follow the extras that the extra ``test`` names.

    Returns
    -------
    dict
        Package name to a line for pip, with its marker. Where a package is required twice, the
        higher version.
    """
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    waiting = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    while waiting:
        text = waiting.pop()
        match = _REQUIREMENT.fullmatch(text.strip())
        if match is None:
            raise SystemExit(f"pyproject.toml: {text!r} is not understood")
        name, extras, version, marker = match.groups()
        if name == project["name"]:
            if everything:
                for extra in extras.split(","):
                    waiting += project["optional-dependencies"][extra.strip()]
            continue
        if version is None:
            raise SystemExit(f"pyproject.toml: {text!r} declares no minimum")
        key = tuple(map(int, version.split(".")))
        line = f"{name}{f'[{extras}]' if extras else ''}=={version}{marker or ''}"
        if name not in found or found[name][0] < key:
            found[name] = key, line
    return {name: line for name, (_, line) in sorted(found.items())}


def main() -> None:
    which = sys.argv[1:]
    if which not in (["core"], ["all"]):
        raise SystemExit(__doc__)
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    print("\n".join(lowest(tomllib.loads(text)["project"], which == ["all"]).values()))


if __name__ == "__main__":
    main()
