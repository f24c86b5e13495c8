"""Stamps made again from their source, and compared with those that were written, byte for byte."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..alerts.fields import CUTOUT_FIELDS, STAMP_FIELDS
from ..alerts.schema import add_stamp_fields
from ..container.detect import Kind
from ..errors import InputError
from ..stamp import Stamp
from .history import History
from .manifest import files_of
from .plan import Job, look_at, outputs_of, size_of
from .schemas import schema_of
from .stamps import Entry, Options, entries

__all__ = ["Difference", "Outcome", "difference", "verify"]

_KIND_OF: Final = {
    name: kind for fields in (CUTOUT_FIELDS, STAMP_FIELDS) for kind, name in fields.items()
}


@dataclass(frozen=True)
class Difference:
    """The first thing that is not as its source gives it.

    Attributes
    ----------
    place : str
        File, record and field of the source.
    reason : str
        What differs.
    """

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass
class Outcome:
    """What was compared.

    Attributes
    ----------
    alerts, stamps : int
        Alerts that were made again, and their stamps that are equal.
    difference : Difference or None
    """

    alerts: int = 0
    stamps: int = 0
    difference: Difference | None = None


class _FoundError(Exception):
    """Carries a difference out."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.difference = Difference(place, reason)


def verify(
    inputs: Sequence[Path],
    converted: Path,
    options: Options,
    *,
    roots: Sequence[Path] = (),
    sample: int | None = None,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Compare converted alerts with what their source gives now.

    Alerts are gone through in the order of the source, one at a time, so that memory does not
    grow with their number.

    Parameters
    ----------
    inputs : sequence of Path
        Files of alerts, in the order of the conversion.
    converted : Path
        What ``hstamp convert`` made of them: a file of alerts or stamps, or a folder.
    options : Options
        Those of the conversion.
    roots : sequence of Path
        Folders that the inputs were found in.
    sample : int, optional
        How many alerts are made again, chosen at random; by default all.
    seed : int
        Of that choice.
    progress : callable
        Called with the bytes of input done so far.

    Raises
    ------
    InputError
        If `converted` holds nothing of an input.
    """
    pairs = _pairs(inputs, converted, roots)
    chosen = None
    if sample is not None:
        total = sum(1 for _, paths in pairs for path in paths for _ in _alerts(path, options))
        chosen = set(random.Random(seed).sample(range(total), min(sample, total)))  # noqa: S311
    outcome, number, done = Outcome(), 0, 0
    with tempfile.TemporaryDirectory(prefix="hstamp-") as folder:
        try:
            for made, paths in pairs:
                reading = _reading(made, paths, options, Path(folder))
                written = [_Written(path, reading) for path in made]
                for path in paths:
                    for entry in _alerts(path, options):
                        found = _taken(entry, written)
                        if chosen is None or number in chosen:
                            outcome.stamps += _compare(entry, found)
                            outcome.alerts += 1
                        number += 1
                        progress(done + entry.done)
                    done += size_of(path)
                for rest in written:
                    rest.finish()
        except _FoundError as error:
            outcome.difference = error.difference
    return outcome


def difference(ours: Stamp, theirs: Stamp) -> str | None:
    """Say in which field two stamps differ; None where their blobs are equal."""
    if ours.to_bytes() == theirs.to_bytes():
        return None
    return _differing(ours.to_dict(), theirs.to_dict(), "") or "the bytes of the stamp"


def _differing(ours: Any, theirs: Any, name: str) -> str | None:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in ours:
            found = _differing(ours[key], theirs.get(key), f"{name}.{key}" if name else key)
            if found is not None:
                return found
        return None
    if isinstance(ours, bytes) and isinstance(theirs, bytes) and len(ours) == len(theirs):
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b), None)
        return None if at is None else f"{name} at byte {at}"
    # NaN is written as it was: texts tell it, where numbers do not.
    return None if repr(ours) == repr(theirs) else name


class _Written:
    """The alerts of an output, one after the other; `alone` where it holds their stamps only."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self._entries = self._all(options)
        self._held = next(self._entries, None)
        self.alone = self._held is not None and self._held.alone

    def take(self, id: str | None) -> dict[str, Callable[[], Stamp]] | None:
        """Stamps of the next alert by kind; None where it is another."""
        if self._held is None:
            return {} if self.alone else None
        if not self.alone:
            if self._held.id != id:
                return None
            return self._images(self._advance())
        found: dict[str, Callable[[], Stamp]] = {}
        while self._held is not None and self._held.images:
            stamp = self._held.images[0].make()
            own, _, kind = (stamp.id or "").rpartition("/")
            if own != (id or "") or kind in found:
                break
            found[kind] = self._advance().images[0].make
        return found

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._held is not None:
            place = f"{self.path}, record {self._held.record}"
            raise _FoundError(place, "its source is not among the inputs, or not in this order")

    def _advance(self) -> Entry:
        entry = self._held
        assert entry is not None
        self._held = next(self._entries, None)
        return entry

    def _all(self, options: Options) -> Iterator[Entry]:
        paths = sorted(self.path.glob("*.hstamp")) if self.path.is_dir() else [self.path]
        for path in paths:
            for entry in entries(path, options):
                if entry.error is not None:
                    raise _FoundError(f"{path}, record {entry.record}", str(entry.error))
                yield entry

    @staticmethod
    def _images(entry: Entry) -> dict[str, Callable[[], Stamp]]:
        return {
            image.kind: image.make
            for image in entry.images
            if image.kind is not None and not image.converted
        }


def _taken(entry: Entry, written: Sequence[_Written]) -> dict[str, Callable[[], Stamp]]:
    alone = False
    for one in written:
        if (found := one.take(entry.id)) is not None:
            if found or not one.alone:
                return found
            alone = True
    if alone:
        # Files of stamps have nothing of an alert that gave none.
        return {}
    raise _FoundError(_place(entry), f"alert {entry.id} is not where it should be in the output")


def _compare(entry: Entry, found: dict[str, Callable[[], Stamp]]) -> int:
    """Make the stamps of an alert again; return how many are equal."""
    equal, kinds = 0, set()
    for image in entry.images:
        kind = image.kind or _KIND_OF.get(image.field or "", "")
        kinds.add(kind)
        place = f"{_place(entry)}, {image.field}"
        try:
            ours = image.make()
        except Exception as exc:  # then the conversion had no stamp of it either
            if kind in found:
                raise _FoundError(place, f"there is a stamp, and the source gives: {exc}") from exc
            continue
        if kind not in found:
            raise _FoundError(place, "its stamp is missing")
        try:
            theirs = found[kind]()
        except Exception as exc:
            raise _FoundError(place, f"its stamp cannot be read: {exc}") from exc
        if (what := difference(ours, theirs)) is not None:
            raise _FoundError(place, f"{what} differs")
        equal += 1
    if others := found.keys() - kinds:
        raise _FoundError(_place(entry), f"the source has no {', '.join(sorted(others))} image")
    return equal


def _place(entry: Entry) -> str:
    where = f"record {entry.record}" if entry.member is None else entry.member.place
    return f"{entry.path}, {where}"


def _alerts(path: Path, options: Options) -> Iterator[Entry]:
    """Entries that a conversion writes; what cannot be read it cannot have written."""
    return (entry for entry in entries(path, options) if entry.error is None)


def _reading(
    made: Sequence[Path], sources: Sequence[Path], options: Options, folder: Path
) -> Options:
    """Options to read outputs with: messages have the schema of their source, and stamp fields."""
    if not any(_is_wire(path) for path in made):
        return options
    for path in sources:
        if (schema := schema_of(path, options.schema_file, options.surveys)) is not None:
            file = folder / "derived.avsc"
            file.write_text(json.dumps(add_stamp_fields(schema)), encoding="utf-8")
            return replace(options, schema_file=file)
    return options


def _is_wire(path: Path) -> bool:
    try:
        return look_at(path)[0] is Kind.WIRE
    except InputError:
        return False


def _pairs(
    inputs: Sequence[Path], converted: Path, roots: Sequence[Path]
) -> list[tuple[list[Path], tuple[Path, ...]]]:
    """What was made, each with the inputs that it was made of."""
    if not converted.is_dir():
        return [([converted], tuple(inputs))]
    found: dict[Path, Path] = {}
    if (files := files_of(converted)) is not None:
        return [(files, tuple(inputs))]
    for form in ("alerts", "stamps", "blobs", "wire"):
        job = Job(tuple(inputs), converted, into_folder=True, form=form, roots=tuple(roots))
        for output in outputs_of(job):
            if output.path.exists():
                found.setdefault(output.inputs[0], output.path)
    if missing := [path for path in inputs if path not in found]:
        raise InputError(f"{converted} holds no output of {missing[0]}")
    history, taken = History(converted, {}), set(found.values())
    pairs: list[tuple[list[Path], tuple[Path, ...]]] = []
    for path in inputs:
        main = found[path]
        made = history.files_of(main)
        if made is None:
            # Of an earlier version, or moved here.
            beside = sorted(main.parent.glob(f"{main.stem}.*.avro")) if main.is_file() else []
            made = [main, *(other for other in beside if other not in taken)]
        pairs.append((made, (path,)))
    return pairs
