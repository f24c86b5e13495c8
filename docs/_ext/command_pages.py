"""The directive `hstamp-help`: what a command says of itself, asked when the site is built."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive

from hstamp.cli import build_parser

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def help_of(command: str) -> str:
    """Text of ``hstamp COMMAND --help``, 88 columns wide."""
    out, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            build_parser().parse_args([*command.split(), "--help"])
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    if not out.getvalue().startswith("usage: "):
        raise ValueError(f"hstamp {command}: no such command")
    return out.getvalue()


class CommandHelp(Directive):
    """Show the help of a command."""

    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Give a literal block."""
        text = help_of(self.arguments[0] if self.arguments else "")
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("hstamp-help", CommandHelp)
    return {"parallel_read_safe": True}
