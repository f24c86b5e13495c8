"""``hstamp info``: what files hold."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HstampError
from ..stamp import Stamp
from .options import command, existing_files

__all__ = ["describe", "register"]

_DESCRIPTION = """\
List the stamps of files: blobs, files of stamps, alerts with stamps. For other files that
'hstamp convert' reads it says what they are."""

_EXAMPLES = """\
  hstamp info stamps.avro
  hstamp info --json alert.avro | jq .levels
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "info", "list the stamps of files", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("inputs", nargs="+", metavar="FILE", help="files, or folders of files")
    parser.add_argument("--json", action="store_true", help="one JSON object for each stamp")
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    parser.add_argument(
        "-n", "--limit", type=int, default=20, metavar="N",
        help="lines for each file (default 20; 0 for all); --json always gives all",
    )  # fmt: skip
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..container.detect import Kind, detect
    from .stamps import iter_stamps

    status = 0
    for path in existing_files(args.inputs):
        kind, gzipped = detect(path)
        if not args.json:
            packed = ", gzipped" if gzipped else ""
            print(f"{path}: {kind.value}{packed}, {path.stat().st_size:,} bytes")
        if kind in (Kind.FITS, Kind.UNKNOWN, Kind.EMPTY):
            status |= kind is not Kind.FITS
            continue
        shown = 0
        try:
            for item in iter_stamps(path, args.schema):
                shown += 1
                if args.limit and shown > args.limit and not args.json:
                    status |= isinstance(item.result, HstampError)
                    continue
                if isinstance(item.result, HstampError):
                    status = 1
                    facts = {"record": item.record, "field": item.field, "error": str(item.result)}
                    print(json.dumps({"file": str(path), **facts}) if args.json else _fault(facts))
                    continue
                facts = {"record": item.record, "field": item.field, **describe(item.result)}
                if args.json:
                    print(json.dumps({"file": str(path), **facts}))
                else:
                    print(_line(facts))
            if args.limit and shown > args.limit and not args.json:
                print(f"  ... and {shown - args.limit} more (--limit 0 lists all)")
        except HstampError as exc:
            # An alert without stamps is no fault here: the question was what it is.
            status |= getattr(exc, "code", "") != "E_SCHEMA"
            if args.json:
                print(json.dumps({"file": str(path), "error": str(exc)}))
            else:
                print(f"  {exc}")
    return int(status)


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


def _fault(facts: dict[str, Any]) -> str:
    field = f" {facts['field']}" if facts["field"] else ""
    return f"  record {facts['record']}{field}: {facts['error']}"


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
    return (
        f"  record {facts['record']}{field}: {facts['id'] or 'no id'}{band}, n={facts['levels']}, "
        f"{view}; {', '.join(planes)} [{facts['fluxUnit']}]{missing}; {facts['bytes']:,} bytes"
    )
