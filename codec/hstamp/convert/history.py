"""What earlier runs made in an output folder, so that a later run goes on and forgets no failure.

A file of JSON lines in the folder, ``.hstamp-convert.jsonl``, holds for each output that it was
begun and how it ended. It is only added to, one line at a time, so that a run may be killed
between any two bytes: a line that is not whole says nothing, and an output that was begun and
not ended is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from ..errors import InputError, output_error
from .image import Position
from .parent import EncodeOptions
from .plan import Job, Output

__all__ = ["History", "difference", "options_of"]

_NOT_OPTIONS: Final = ("inputs", "roots", "out", "into_folder", "force", "options")
_SHOWN: Final = 30
_WRITTEN: Final = 200


@dataclass(frozen=True)
class _Entry:
    """The last that is known of an output; `made` is None while it is in the making.

    `beside` are the files of other schemas that belong to it, and their sizes.
    """

    source: str
    size: int
    changed: int
    options: str
    failed: int = 0
    made: tuple[int, int] | None = None
    beside: Mapping[str, int] = field(default_factory=dict)


class History:
    """The log of an output folder.

    Parameters
    ----------
    folder : Path
    options : mapping
        What decides how outputs are made, where it is not the default; see `options_of`.
    command : str
        Command that makes the outputs.
    """

    def __init__(
        self, folder: Path, options: Mapping[str, str], *, command: str = "convert"
    ) -> None:
        self._folder, self._command, self._options = folder, command, dict(options)
        self._path = folder / f".hstamp-{command}.jsonl"
        self._digest = hashlib.sha256(json.dumps(self._options).encode()).hexdigest()[:16]
        self._runs: dict[str, dict[str, str]] = {}
        self._entries: dict[str, _Entry] = {}
        self._said = False
        for line in self._lines():
            self._learn(line)

    def settle(self, outputs: Iterable[Output]) -> dict[Path, InputError | None]:
        """Find the outputs that are not to be made.

        Returns
        -------
        dict
            None for an output that is complete, and what forbids to replace another.

        Raises
        ------
        InputError
            If a complete output was made with other options than this run's: a folder whose
            outputs were made in two ways would be of no use.
        """
        settled: dict[Path, InputError | None] = {}
        for output in outputs:
            try:
                complete = self.is_complete(output)
            except InputError as exc:
                settled[output.path] = exc
                continue
            if complete:
                self._check_options(output)
                settled[output.path] = None
        return settled

    def _check_options(self, output: Output) -> None:
        entry = self._entries[self._key(output)]
        if entry.options != self._digest:
            then = self._runs.get(entry.options, {})
            raise InputError(
                f"{output.path} was made with other options"
                f" ({difference(then, self._options)}): choose another folder, or --force"
                " to make it again"
            )

    def is_complete(self, output: Output) -> bool:
        """Whether an output was made from its input as it is now, and nothing failed.

        Raises
        ------
        InputError
            If there is an output that is not known to come from this input.
        """
        made = _measure(output.path)
        if made is None:
            return False
        entry = self._entries.get(self._key(output))
        if entry is None or entry.made not in (None, made):
            raise InputError(
                f"{output.path} exists already and 'hstamp {self._command}' did not make it"
                " as it is (--force replaces it)"
            )
        now = _identity(output)
        if entry.made is None or entry.failed or now != (entry.size, entry.changed):
            if entry.source != _source(output) and now != (entry.size, entry.changed):
                raise InputError(
                    f"{output.path} exists already and was made from {entry.source}"
                    " (--force replaces it)"
                )
            return False
        for name, size in entry.beside.items():
            other = _measure(self._folder / name)
            if other is None:
                return False
            if other != (1, size):
                raise InputError(
                    f"{self._folder / name} is not as 'hstamp {self._command}' made it"
                    " (--force replaces it)"
                )
        return True

    def with_beside(self, output: Output) -> Output:
        """The output, and the files beside it that an earlier run made and that are as it did."""
        return replace(output, beside=tuple(self._beside(self._key(output))))

    def files_of(self, output: Path) -> list[Path] | None:
        """Files that belong to an output, itself first; None where nothing is known of it."""
        entry = self._entries.get(output.relative_to(self._folder).as_posix())
        if entry is None or entry.made is None:
            return None
        return [output, *(self._folder / name for name in sorted(entry.beside))]

    def _beside(self, key: str) -> list[Path]:
        known = self._entries[key].beside if key in self._entries else {}
        return [
            self._folder / name
            for name, size in known.items()
            if _measure(self._folder / name) == (1, size)
        ]

    def left_failed(self, outputs: Iterable[Output]) -> int:
        """Count the outputs in the folder that failed or were cut short, but for `outputs`."""
        known = {self._key(output) for output in outputs}
        return sum(
            key not in known
            and (entry.made is None or bool(entry.failed))
            and _measure(self._folder / key) is not None
            for key, entry in self._entries.items()
        )

    def begin(self, output: Output) -> None:
        """Note that an output is in the making."""
        if not self._said:
            from .. import __version__

            self._append({"run": self._digest, "version": __version__, "options": self._options})
            self._said = True
        known = self._entries.get(self._key(output))
        # What is there stays known as ours while the output is in the making.
        beside = {"beside": dict(known.beside)} if known is not None and known.beside else {}
        self._append({**self._line(output), **beside})

    def end(self, output: Output, failed: int, beside: Iterable[str] = ()) -> None:
        """Note that an output is done, and how many failures it had.

        Parameters
        ----------
        output : Output
        failed : int
        beside : iterable of str
            Files of other schemas that were made beside it. Those that an earlier run made there
            and this one did not are removed.
        """
        sizes = {
            Path(name).relative_to(self._folder).as_posix(): Path(name).stat().st_size
            for name in beside
        }
        for old in self._beside(self._key(output)):
            if old.relative_to(self._folder).as_posix() not in sizes:
                old.unlink(missing_ok=True)
        line = {**self._line(output), "failed": failed, "made": _measure(output.path)}
        self._append({**line, "beside": sizes} if sizes else line)

    def close(self) -> None:
        """Remove the log where there is no output that it tells about."""
        if self._said and not any(_measure(self._folder / key) for key in self._entries):
            self._path.unlink(missing_ok=True)

    def _line(self, output: Output) -> dict[str, Any]:
        size, changed = _identity(output)
        return {
            "output": self._key(output),
            "source": _source(output),
            "size": size,
            "changed": changed,
            "options": self._digest,
        }

    def _key(self, output: Output) -> str:
        return output.path.relative_to(self._folder).as_posix()

    def _learn(self, line: Mapping[str, Any]) -> None:
        if isinstance(line.get("run"), str) and isinstance(line.get("options"), dict):
            self._runs[line["run"]] = {str(k): str(v) for k, v in line["options"].items()}
        elif isinstance(key := line.get("output"), str):
            made = line.get("made")
            self._entries[key] = _Entry(
                source=str(line.get("source")),
                size=line.get("size", -1),
                changed=line.get("changed", -1),
                options=str(line.get("options")),
                failed=line.get("failed", 0),
                made=tuple(made) if isinstance(made, list | tuple) else None,
                beside=_names(line.get("beside")),
            )

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as exc:
            raise output_error(self._path, exc) from exc
        for line in data.splitlines():
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found

    def _append(self, line: Mapping[str, Any]) -> None:
        self._learn(line)
        # The line break comes first: what a killed run left of a line spoils no other.
        data = b"\n" + json.dumps(line, sort_keys=True).encode()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            handle = os.open(self._path, flags, 0o666)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)
        except OSError as exc:
            raise output_error(self._path, exc) from exc


def _names(found: Any) -> dict[str, int]:
    """Files that a line names; what would lead out of the folder is none of ours."""
    if not isinstance(found, dict):
        return {}
    return {
        name: size
        for name, size in found.items()
        if not Path(name).is_absolute() and ".." not in Path(name).parts
    }


def options_of(job: Job) -> dict[str, str]:
    """Options of a job that decide what comes out, where they are not the default ones."""
    plain = EncodeOptions()
    found = {
        f.name: repr(getattr(job.options, f.name))
        for f in fields(EncodeOptions)
        if getattr(job.options, f.name) != getattr(plain, f.name)
    }
    for f in fields(Job):
        value = getattr(job, f.name)
        if f.name not in _NOT_OPTIONS and value not in (f.default, (Position(),)):
            found[f.name] = repr(value)
    return {
        name: text if len(text) <= _WRITTEN else hashlib.sha256(text.encode()).hexdigest()
        for name, text in sorted(found.items())
    }


def difference(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which options differ."""
    said = []
    for name in sorted(then.keys() | now.keys()):
        before, after = then.get(name, "the default"), now.get(name, "the default")
        if before != after:
            short = max(len(before), len(after)) <= _SHOWN
            said.append(f"{name} was {before}, is {after}" if short else name)
    return ", ".join(said)


def _source(output: Output) -> str:
    return os.path.realpath(output.inputs[0])


def _identity(output: Output) -> tuple[int, int]:
    """Size and time of change of an output's input; (-1, -1) where it cannot be looked at."""
    try:
        found = output.inputs[0].stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _measure(path: Path) -> tuple[int, int] | None:
    """What tells whether an output is as it was made; None where there is no output.

    Its size, or the number and size of the blobs in a folder. Times do not count: a copy of the
    outputs is as good.
    """
    try:
        if path.is_dir():
            sizes = [p.stat().st_size for p in path.glob("*.hstamp")]
            return len(sizes), sum(sizes)
        return 1, path.lstat().st_size
    except OSError:
        return None
