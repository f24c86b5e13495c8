"""Put the viewer's page together: ``python docs/viewer/build.py`` writes ``index.html``.

A page that is opened from a disk cannot load ES modules from files beside it, so the modules become
one script in the page. Each is a function that is called once and gives what it exports.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DECODER = HERE.parents[1] / "tests/conformance/decoders/javascript"
_IMPORT = re.compile(r'^import (?:\{([^}]*)\}|\* as (\w+)) from "\./(\w+)\.mjs";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (const|class|async function\*?|function\*?) ?(\*? ?)([\w$]+)", re.MULTILINE
)
_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)


def module_path(name: str) -> Path:
    """File of a module: the page's own, or one of the decoder that the conformance suite judges."""
    own = HERE / "src" / f"{name}.mjs"
    return own if own.exists() else DECODER / f"{name}.mjs"


def in_order(name: str, done: list[str]) -> list[str]:
    """Append a module and those that it needs to a list, each once and after those it needs."""
    if name not in done:
        for found in _IMPORT.findall(module_path(name).read_text("utf-8")):
            in_order(found[2], done)
        if name in done:
            raise SystemExit(f"{name}.mjs needs itself")
        done.append(name)
    return done


def as_function(name: str) -> str:
    """Return a module as a constant that holds what it exports."""
    text = module_path(name).read_text("utf-8")
    exported = [found[2] for found in _EXPORT.findall(text)]
    for names in _LIST.findall(text):
        exported += [word.strip() for word in names.split(",") if word.strip()]
    text = _LIST.sub("", text)
    text = _IMPORT.sub(_as_constant, text)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    if re.search(r"^(import|export)\b", text, re.MULTILINE):
        raise SystemExit(f"{name}.mjs: an import or export of a form that is not known here")
    return f"const ${name} = (() => {{\n{text}return {{ {', '.join(exported)} }};\n}})();\n"


def _as_constant(found: re.Match[str]) -> str:
    names, whole, module = found.groups()
    target = whole or "{" + names.replace(" as ", ": ") + "}"
    return f"const {target} = ${module};\n"


def page() -> str:
    """Return the page."""
    script = "\n" + "".join(as_function(name) for name in in_order("main", []))
    if "</script" in script or "<!--" in script:
        raise SystemExit("a script in a page must hold neither </script nor <!--")
    style = "\n" + (HERE / "style.css").read_text("utf-8")
    parts = {
        "script": script,
        "style": style,
        "script-hash": _hash(script),
        "style-hash": _hash(style),
        "sample": base64.b64encode((HERE / "sample.avro").read_bytes()).decode("ascii"),
    }
    text = (HERE / "page.html").read_text("utf-8")
    return re.sub(r"\{([a-z-]+)\}", lambda found: parts[found[1]], text)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def main() -> None:
    """Write ``index.html``."""
    target = HERE / "index.html"
    target.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
