"""Pieces that several commands share."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..outputs import atomic_writer, is_special
from .images import add_source, check_source, positions
from .streams import STDIN, input_path, output_path
from .terminal import Progress

__all__ = [
    "Progress",
    "add_images",
    "add_inputs",
    "add_selection",
    "command",
    "existing_files",
    "input_path",
    "is_folder",
    "outgoing",
    "output_path",
    "reading",
    "say",
    "selected",
    "target",
]


def command(
    subparsers: Any, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Add a subcommand with its help text."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def add_inputs(parser: argparse.ArgumentParser, metavar: str) -> None:
    """Add the files that a command reads."""
    parser.add_argument(
        "inputs", nargs="+", metavar=metavar, help="files, or folders of files, or '-'"
    )


def is_folder(out: str) -> bool:
    """Whether an output argument means a folder: it is one, or ends with a separator."""
    if out == STDIN:
        return False
    return out.endswith(("/", os.sep)) or Path(out).is_dir()


def existing_files(paths: list[str]) -> list[Path]:
    """Files of the arguments; folders stand for the files in them, ``-`` for standard input.

    A file that does not exist is among them: reading it says why, and the others are read.

    Raises
    ------
    InputError
        If there are no files.
    """
    from ..convert.plan import find_inputs

    files = list(find_inputs([input_path(path) for path in paths]).files)
    if not files:
        raise InputError(f"no files in {', '.join(paths)}")
    return files


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how alerts and images of today are read."""
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    group = parser.add_argument_group("images (FITS files: where the source is)")
    add_source(group)


def reading(args: argparse.Namespace) -> Any:
    """Options of `hstamp.convert.stamps.stamps_of` that `add_images` asks for."""
    from ..convert.stamps import Options

    # Here --id chooses among stamps, and may do so among those of a catalogue.
    source = argparse.Namespace(**{"id": None, **vars(args)})
    check_source(argparse.Namespace(**{**vars(source), "id": None}))
    return Options(schema_file=args.schema, positions=positions(source), hdu=args.hdu)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose stamps of a file."""
    group = parser.add_argument_group("which stamps (by default the first)")
    group.add_argument("--record", type=int, metavar="N", help="stamps of record N, from 0")
    group.add_argument(
        "--field",
        metavar="NAME",
        help="alert field, for example hstampTemplate, or just 'template'",
    )
    group.add_argument("--id", metavar="ID", help="the stamp with this identifier")
    group.add_argument(
        "--all", action="store_true", help="all stamps that match; OUT is then a folder"
    )


@contextmanager
def outgoing(path: Path, suffix: str) -> Iterator[Path]:
    """File to write for an output; what stands for standard output is sent there at the end."""
    if str(path) != STDIN:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="hstamp-") as folder:
        file = Path(folder, f"out{suffix}")
        yield file
        with atomic_writer(output_path(STDIN)) as stream:
            stream.write(file.read_bytes())


def say(line: str) -> None:
    """Write a line to standard error."""
    print(line, file=sys.stderr)


def selected(args: argparse.Namespace, path: Path, say: Callable[[str], None]) -> Iterator[Any]:
    """Stamps of a file that the options of `add_selection` choose; alerts of today are converted.

    With ``--all`` a fault is reported and the rest goes on; else the first stamp is given, and a
    fault on the way to it ends the search unless ``--id`` says that another is looked for.

    Raises
    ------
    HstampError
        At a fault as said above, at the end if there were any, and if no stamp matches.
    """
    from ..convert.stamps import stamps_of
    from ..files import Fault

    found = faults = 0
    for item in stamps_of(path, reading(args), lambda *image: _matches(args, *image)):
        if isinstance(item, Fault):
            if not args.all and (args.id is None or item.record is None):
                raise item.placed()
            faults += 1
            say(f"{item.place}: {item.error}")
        elif args.id is None or item.stamp.id == args.id:
            found += 1
            yield item
            if not args.all:
                return
    if faults:
        raise InputError(f"{path}: {faults} of its stamps or records could not be read")
    if not found:
        raise InputError(f"{path}: no stamp matches")


def _matches(args: argparse.Namespace, entry: Any, image: Any) -> bool:
    if args.record is not None and entry.record != args.record:
        return False
    if args.field is None:
        return True
    wanted = args.field.lower()
    return wanted in ((image.field or "").lower(), image.kind)


def target(args: argparse.Namespace, item: Any, suffix: str) -> Path:
    """Output path of a stamp: OUT, or a name of its own in the folder OUT.

    Raises
    ------
    InputError
        If something is there that only ``--force`` replaces.
    """
    path = _named(args, item, suffix)
    if args.out != STDIN and path.exists() and not (args.force or is_special(path)):
        raise InputError(f"{path} exists already (--force replaces it)")
    return path


def _named(args: argparse.Namespace, item: Any, suffix: str) -> Path:
    stem = "stdin" if args.file == STDIN else Path(args.file).name.removesuffix(".gz")
    stem = stem.rsplit(".", 1)[0] or stem
    own = stem
    if args.all:
        own += f"-{item.record:06d}" + (f"-{item.field}" if item.field else "")
    if args.out is None:
        return Path(own + suffix)
    if args.all and args.out == STDIN:
        args.parser.error("--all writes into a folder, not to standard output")
    if not (args.all or is_folder(args.out)):
        return Path(args.out)
    folder = Path(args.out)
    if folder.is_file():
        args.parser.error(f"--all writes into a folder, and {args.out} is a file")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (own + suffix)
