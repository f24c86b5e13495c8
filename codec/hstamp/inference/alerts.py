"""The stamps of each alert, out of files of every kind; existing alerts are converted in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ..alerts.fields import KINDS
from ..container.tarball import Member
from ..convert.parent import EncodeOptions
from ..convert.stamps import Entry, Image, Options, entries
from ..errors import HstampError, InputError, as_hstamp_error
from ..stamp import Stamp
from ..surveys import Measured

__all__ = ["Alert", "Wanted", "read_alerts"]

Wanted = tuple[tuple[str, ...], ...]
"""Images that are looked at: for each the kinds that may serve, best first."""

_IMAGE_LEVELS: Final = 5
"""Levels cut from FITS images: 48 arcsec at 0.2 arcsec per pixel."""

# Exact values, and nothing that the network does not look at.
_ENCODE: Final = EncodeOptions(
    encoding="f4", variance_encoding="f4", psf_size=21, mask_planes=()
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """The stamps of an alert, or why there are none.

    Attributes
    ----------
    path : Path
    record : int
        Number of the record (for FITS images: of the position), from 0.
    stamp : Stamp or None
        The first of the stamps that were asked for; None where one of them is missing.
    id : str or None
        ``diaSourceId``, ``candid``, or the stamp's identifier without the kind of image.
    object_id : str or None
        ``diaObjectId``, ``ssObjectId`` or ZTF's ``objectId``.
    kind : str or None
        Image that `stamp` shows; None where nothing says.
    faults : tuple of HstampError
        What could not be read on the way.
    done : int
        Bytes of the file that had been read.
    member : Member or None
        Where the record lies in an archive.
    stamps : mapping of str to Stamp
        All that were asked for, by the image that they show.
    pixel : float or None
        The survey's nominal pixel [arcsec].
    measured : Measured or None
        What the packet says of the detection.
    """

    path: Path
    record: int
    stamp: Stamp | None
    id: str | None = None
    object_id: str | None = None
    kind: str | None = None
    faults: tuple[HstampError, ...] = ()
    done: int = 0
    member: Member | None = None
    stamps: Mapping[str | None, Stamp] = field(default_factory=dict)
    pixel: float | None = None
    measured: Measured | None = None

    @property
    def place(self) -> str:
        """File and record, and the member of an archive."""
        where = f"record {self.record}" if self.member is None else self.member.place
        return f"{self.path}, {where}"


def read_alerts(paths: Iterable[Path], options: Options, wanted: Wanted) -> Iterator[Alert]:
    """Read files; stamps of one alert that follow each other as records or blobs are one alert.

    Parameters
    ----------
    paths : iterable of Path
        Alerts with or without stamps (Avro, wire format, Parquet), files of stamps, blobs, FITS
        images.
    options : Options
        How they are read; how stamps are made is decided here.
    wanted : tuple of tuple of str
        The images of an alert that are looked at; where it is one, an image that nothing names
        may serve too.

    Yields
    ------
    Alert
        Files, records and stamps that cannot be read come as alerts without a stamp.
    """
    reading = replace(options, encode=_ENCODE, image_levels=_IMAGE_LEVELS)
    waiting: list[Alert] = []
    for path in paths:
        for entry in entries(path, reading):
            alert = _alert(entry, wanted)
            loose = alert.kind is not None and alert.object_id is None and alert.id is not None
            if waiting and not (loose and _belongs(alert, waiting)):
                yield _together(waiting, wanted)
                waiting = []
            if loose:
                waiting.append(alert)
            else:
                yield _complete(alert, wanted)
    if waiting:
        yield _together(waiting, wanted)


def _alert(entry: Entry, wanted: Wanted) -> Alert:
    found = Alert(
        entry.path, entry.record or 0, None, entry.id, entry.object_id, done=entry.done,
        member=entry.member, pixel=entry.pixel, measured=entry.measured,
    )  # fmt: skip
    if entry.error is not None:
        return replace(found, faults=(entry.error,))
    faults: list[HstampError] = []
    stamps: dict[str | None, Stamp] = {}
    for kinds in wanted[:1] if entry.alone else wanted:
        for image in _looked_at(entry, kinds, len(wanted) == 1 or entry.alone):
            try:
                stamps[image.kind] = image.make()
            except Exception as exc:  # whatever it is, it costs this image
                faults.append(as_hstamp_error(exc))
                continue
            break
    found = replace(found, stamps=stamps, faults=tuple(faults))
    return _named(found, entry)


def _looked_at(entry: Entry, kinds: tuple[str, ...], unnamed: bool) -> list[Image]:
    """Images that may serve, best first; what a field of another name shows is not known."""
    known = {image.kind: image for image in entry.images if image.kind is not None}
    others = [image for image in entry.images if image.kind is None] if unnamed else []
    return [*(known[kind] for kind in kinds if kind in known), *others]


def _named(alert: Alert, entry: Entry) -> Alert:
    if not alert.stamps:
        return alert
    first = next(iter(alert.stamps))
    own = alert.stamps[first].id
    if entry.alone:
        base, _, kind = (own or "").rpartition("/")
        if base and kind in KINDS:
            return replace(alert, id=base, kind=kind, stamps={kind: alert.stamps[first]})
        return replace(alert, id=own)
    if alert.id is None and own is not None:
        return replace(alert, id=own.removesuffix(f"/{first}") or None)
    return alert


def _belongs(alert: Alert, waiting: list[Alert]) -> bool:
    # The same kind again is another alert, or the same alert once more: each has its row.
    return alert.id == waiting[0].id and all(alert.kind != other.kind for other in waiting)


def _together(waiting: list[Alert], wanted: Wanted) -> Alert:
    """Loose stamps of one alert; it has the place of the first stamp that is looked at."""
    stamps = {kind: stamp for alert in waiting for kind, stamp in alert.stamps.items()}
    for kind in wanted[0]:
        for alert in waiting:
            if alert.kind == kind:
                return _complete(replace(alert, stamps=stamps), wanted)
    return _complete(replace(waiting[0], stamps=stamps), wanted)


def _complete(alert: Alert, wanted: Wanted) -> Alert:
    """The alert with the stamps that are looked at, or none where one is missing."""
    chosen: dict[str | None, Stamp] = {}
    missing = []
    for kinds in wanted:
        named = (*kinds, None) if len(wanted) == 1 else kinds
        kind = next((kind for kind in named if kind in alert.stamps), "")
        if kind == "":
            missing.append(" or ".join(kinds))
        else:
            chosen[kind] = alert.stamps[kind]
    if missing:
        faults = alert.faults or (InputError(f"the alert has no {' and no '.join(missing)} image"),)
        return replace(alert, stamp=None, kind=None, stamps={}, faults=faults)
    kind = next(iter(chosen))
    return replace(alert, stamp=chosen[kind], kind=kind, stamps=chosen)
