"""``hstamp info``: what files hold."""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..alerts.fields import CUTOUT_FIELDS
from ..container.detect import Kind
from ..errors import HstampError, InputError
from ..files import Fault
from ..stamp import Stamp
from ..text import counted
from .options import add_images, add_inputs, command, existing_files, reading, say

if TYPE_CHECKING:
    from ..convert.stamps import Entry, Image, Options

__all__ = ["describe", "register"]

_DESCRIPTION = """\
List the stamps of files: blobs, files of stamps, alerts. Alerts without stamps are converted
first, and so are FITS images where options say where the source is. Counts of all stamps that
were looked at follow at the end. '-' is standard input."""

_EXAMPLES = """\
  hstamp info stamps.avro
  hstamp info --json alert.avro | jq .levels
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "info", "list the stamps of files", _DESCRIPTION, _EXAMPLES)
    add_inputs(parser, "FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object for each stamp")
    parser.add_argument(
        "-n", "--limit", type=int, default=20, metavar="N",
        help="lines for each file (default 20; 0 for all), and no more images are converted;"
        " --json always gives all",
    )  # fmt: skip
    add_images(parser)
    parser.set_defaults(func=run, parser=parser)


@dataclass
class _Counts:
    """What has been found so far."""

    files: int = 0
    bytes: int = 0
    faults: int = 0
    left: int = 0
    levels: Counter[int] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)

    def add(self, stamp: Stamp, size: int) -> None:
        """Count a stamp of so many bytes as a blob."""
        record = stamp.record
        self.bytes += size
        self.levels[stamp.n] += 1
        self.encodings[record.image.encoding] += 1
        if record.variance is not None:
            self.encodings[f"variance {record.variance.encoding}"] += 1
        for name in ("mask", "psf", "wcs"):
            self.encodings[name] += getattr(record, name) is not None

    def lines(self) -> Iterator[str]:
        """Return the summary as a person reads it."""
        total = sum(self.levels.values())
        yield (
            f"{counted(self.files, 'file')}: {counted(total, 'stamp')},"
            f" {counted(self.faults, 'fault')}"
        )
        if self.left:
            yield f"  {self.left} more images are no stamps yet and beyond --limit: not converted"
        if total:
            by_n = ", ".join(f"{count} with n={n}" for n, count in sorted(self.levels.items()))
            found = ", ".join(f"{count} {name}" for name, count in self.encodings.items() if count)
            yield f"  {by_n}; {found}"
            yield f"  {self.bytes:,} bytes as blobs, {self.bytes / total:,.0f} each"


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    options, counts = reading(args), _Counts()
    for path in existing_files(args.inputs):
        counts.files += 1
        try:
            kind, heading, unplaced = _heading(args, path)
        except (HstampError, OSError) as exc:
            error = InputError(str(exc)) if isinstance(exc, OSError) else exc
            _fault(args, counts, Fault(None, None, error, path))
            continue
        if not args.json:
            print(heading)
        if unplaced:
            continue
        _list(args, path, kind, options, counts)
    if not args.json:
        print("\n".join(counts.lines()))
    return 1 if counts.faults else 0


def _heading(args: argparse.Namespace, path: Path) -> tuple[Kind, str, bool]:
    """Kind of a file, a line about it, and whether it is an image of which nothing says where."""
    from ..convert.packets import open_packets
    from ..convert.plan import look_at

    kind, gzipped = look_at(path)
    packed = ", gzipped" if gzipped else ""
    unplaced = (
        kind is Kind.FITS
        and not _says_where(args)
        and open_packets(path, kind, gzipped=gzipped) is None
    )
    return kind, f"{path}: {kind.value}{packed}, {path.stat().st_size:,} bytes", unplaced


def _says_where(args: argparse.Namespace) -> bool:
    return any(getattr(args, name) is not None for name in ("ra", "x", "catalog"))


def _list(
    args: argparse.Namespace, path: Path, kind: Kind, options: Options, counts: _Counts
) -> None:
    from ..convert.stamps import stamps_of

    shown = left = faults = 0
    limit = 0 if args.json else args.limit

    def wanted(_: Entry, image: Image) -> bool:
        """Whether an image costs no conversion, or is to be shown."""
        nonlocal left
        if not limit or shown < limit or not (kind is Kind.FITS or image.converted):
            return True
        left += 1
        return False

    for item in stamps_of(path, options, wanted):
        shown += 1
        hidden = bool(limit) and shown > limit
        if isinstance(item, Fault):
            # What is wrong is told however much was listed before it.
            faults += 1
            _fault(args, counts, item, hidden=bool(limit) and faults > limit)
            continue
        size = len(item.stamp.to_bytes())
        counts.add(item.stamp, size)
        if hidden:
            continue
        facts = {"record": item.record, "field": item.field, **describe(item.stamp)}
        if item.member is not None:
            facts["member"] = item.member.name
        facts["converted"] = kind is Kind.FITS or item.field in CUTOUT_FIELDS.values()
        if args.json:
            print(json.dumps({"file": str(path), **facts}))
        else:
            print(_line(facts))
    counts.left += left
    if limit and (more := max(shown - limit, 0) + left):
        print(f"  ... and {more} more (--limit 0 lists all)")


def _fault(args: argparse.Namespace, counts: _Counts, item: Fault, *, hidden: bool = False) -> None:
    counts.faults += 1
    if args.json:
        facts = {"record": item.record, "field": item.field, "error": str(item.error)}
        if item.member is not None:
            facts["member"] = item.member.name
        known = {key: value for key, value in facts.items() if value is not None}
        print(json.dumps({"file": str(item.path), **known}))
    elif not hidden:
        place = " ".join(str(p) for p in (item.record, item.field) if p is not None)
        if item.member is not None:
            print(f"  {', '.join(filter(None, (item.member.place, item.field)))}: {item.error}")
        elif place:
            print(f"  record {place}: {item.error}")
        else:
            say(f"{item.path}: {item.error}")


def describe(stamp: Stamp) -> dict[str, Any]:
    """Facts about a stamp as JSON can hold them."""
    record, wcs = stamp.record, stamp.wcs
    missing = int(np.isnan(stamp.values).sum())
    facts: dict[str, Any] = {
        "id": stamp.id,
        "version": f"{stamp.version // 100}.{stamp.version % 100}",
        "levels": stamp.n,
        "values": stamp.layout.size,
        "missing": missing,
        "side": stamp.layout.side,
        "band": stamp.band,
        "fluxUnit": stamp.flux_unit,
        "dx": float(stamp.dx),
        "dy": float(stamp.dy),
        "bytes": len(stamp.to_bytes()),
        "image": record.image.encoding,
        "variance": record.variance and record.variance.encoding,
        "mask": list(record.mask.planes) if record.mask else None,
        "psf": record.psf and record.psf.size,
        "wcs": None,
    }
    if wcs is not None:
        facts["wcs"] = {
            "ra": wcs.ra,
            "dec": wcs.dec,
            "pixel": wcs.pixel_scale,
            # Position angle of +y, east of north, and handedness: true when east is left of north.
            "angle": math.degrees(math.atan2(wcs.cd1_2, wcs.cd2_2)),
            "sky": bool(np.linalg.det(wcs.cd) < 0),
        }
    return facts


def _line(facts: dict[str, Any]) -> str:
    field = f" {facts['field']}" if facts["field"] else ""
    planes = [f"image {facts['image']}"]
    if facts["variance"]:
        planes.append(f"variance {facts['variance']}")
    if facts["mask"]:
        planes.append(f"mask of {len(facts['mask'])}")
    if facts["psf"]:
        planes.append(f"psf {facts['psf']}x{facts['psf']}")
    wcs, side = facts["wcs"], facts["side"]
    view = f"{side} pixels"
    if wcs:
        view = (
            f"{side * wcs['pixel']:.1f} arcsec at ({wcs['ra']:.6f}, {wcs['dec']:+.6f})"
            f", {wcs['pixel']:.3f} arcsec/pixel"
        )
    missing = f", {facts['missing']} of {facts['values']} missing" if facts["missing"] else ""
    band = f" {facts['band']}" if facts["band"] else ""
    made = " (converted)" if facts["converted"] else ""
    member = f" ({facts['member']})" if "member" in facts else ""
    return (
        f"  record {facts['record']}{member}{field}{made}: {facts['id'] or 'no id'}{band},"
        f" n={facts['levels']}, {view}; {', '.join(planes)} [{facts['fluxUnit']}]{missing};"
        f" {facts['bytes']:,} bytes"
    )
