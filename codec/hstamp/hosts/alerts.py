"""One stamp for each alert, out of files of every kind; existing alerts are converted in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from ..alerts.fields import KINDS
from ..container.tarball import Member
from ..convert.parent import EncodeOptions
from ..convert.stamps import Entry, Image, Options, entries
from ..errors import HstampError, InputError, as_hstamp_error
from ..stamp import Stamp

__all__ = ["FIELDS", "Alert", "Which", "read_alerts"]

Which = Literal["template", "science", "difference"]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "template": ("template", "science"),
    "science": ("science",),
    "difference": ("difference",),
}
"""Choice of image to the images that may serve, best first."""

_IMAGE_LEVELS: Final = 5
"""Levels cut from FITS images: 48 arcsec at 0.2 arcsec per pixel."""

# Exact values, and nothing that the network does not look at.
_ENCODE: Final = EncodeOptions(
    encoding="f4", variance_encoding="f4", psf_size=0, mask_planes=()
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """The stamp of an alert, or why there is none.

    Attributes
    ----------
    path : Path
    record : int
        Number of the record (for FITS images: of the position), from 0.
    stamp : Stamp or None
    id : str or None
        ``diaSourceId``, ``candid``, or the stamp's identifier without the kind of image.
    object_id : str or None
        ``diaObjectId``, ``ssObjectId`` or ZTF's ``objectId``.
    kind : str or None
        Image that the stamp shows; None where nothing says.
    faults : tuple of HstampError
        What could not be read on the way.
    done : int
        Bytes of the file that had been read.
    member : Member or None
        Where the record lies in an archive.
    pixel : float or None
        The survey's nominal pixel [arcsec].
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
    pixel: float | None = None

    @property
    def place(self) -> str:
        """File and record, and the member of an archive."""
        where = f"record {self.record}" if self.member is None else self.member.place
        return f"{self.path}, {where}"


def read_alerts(
    paths: Iterable[Path], options: Options, which: Which = "template"
) -> Iterator[Alert]:
    """Read files; stamps of one alert that follow each other as records or blobs are one alert.

    Parameters
    ----------
    paths : iterable of Path
        Alerts with or without stamps (Avro, wire format, Parquet), files of stamps, blobs, FITS
        images.
    options : Options
        How they are read; how stamps are made is decided here.
    which : {"template", "science", "difference"}
        The image of an alert that is looked at.

    Yields
    ------
    Alert
        Files, records and stamps that cannot be read come as alerts without a stamp.
    """
    reading = replace(options, encode=_ENCODE, image_levels=_IMAGE_LEVELS)
    waiting: list[Alert] = []
    for path in paths:
        for entry in entries(path, reading):
            alert = _alert(entry, which)
            loose = alert.kind is not None and alert.object_id is None and alert.id is not None
            if waiting and not (loose and _belongs(alert, waiting)):
                yield _choose(waiting, which)
                waiting = []
            if loose:
                waiting.append(alert)
            else:
                yield alert
    if waiting:
        yield _choose(waiting, which)


def _alert(entry: Entry, which: Which) -> Alert:
    found = Alert(
        entry.path, entry.record or 0, None, entry.id, entry.object_id, done=entry.done,
        member=entry.member, pixel=entry.pixel,
    )  # fmt: skip
    if entry.error is not None:
        return replace(found, faults=(entry.error,))
    faults: list[HstampError] = []
    for image in _looked_at(entry, which):
        try:
            stamp = image.make()
        except Exception as exc:  # whatever it is, it costs this image
            faults.append(as_hstamp_error(exc))
            continue
        found = replace(found, stamp=stamp, kind=image.kind)
        break
    if found.stamp is None and not faults:
        faults.append(_absent(which))
    return _named(replace(found, faults=tuple(faults)), entry)


def _looked_at(entry: Entry, which: Which) -> list[Image]:
    """Images that may serve, best first; what a field of another name shows is not known."""
    known = {image.kind: image for image in entry.images if image.kind is not None}
    others = [image for image in entry.images if image.kind is None]
    return [*(known[kind] for kind in FIELDS[which] if kind in known), *others]


def _named(alert: Alert, entry: Entry) -> Alert:
    if alert.stamp is None:
        return alert
    own = alert.stamp.id
    if entry.alone:
        base, _, kind = (own or "").rpartition("/")
        if base and kind in KINDS:
            return replace(alert, id=base, kind=kind)
        return replace(alert, id=own)
    if alert.id is None and own is not None:
        return replace(alert, id=own.removesuffix(f"/{alert.kind}") or None)
    return alert


def _belongs(alert: Alert, waiting: list[Alert]) -> bool:
    # The same kind again is another alert, or the same alert once more: each has its row.
    return alert.id == waiting[0].id and all(alert.kind != other.kind for other in waiting)


def _choose(waiting: list[Alert], which: Which) -> Alert:
    for kind in FIELDS[which]:
        for alert in waiting:
            if alert.kind == kind:
                return alert
    return replace(waiting[0], stamp=None, kind=None, faults=(_absent(which),))


def _absent(which: Which) -> InputError:
    return InputError(f"the alert has no {' or '.join(FIELDS[which])} image")
