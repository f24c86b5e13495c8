"""Make the viewer's sample: ``python docs/viewer/sample.py`` writes ``sample.avro``.

Alerts of a few fields around simulated skies of ``hstamp demo``, each with its three stamps and
today's science cutout (image alone).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import fastavro
from astropy.io import fits

import hstamp
from hstamp.alerts.fields import KINDS, STAMP_FIELDS
from hstamp.container.schema import STAMP_SCHEMA
from hstamp.demo.packets import today
from hstamp.demo.sky import MASK_BITS, Scene, scene

SEED = 15
COUNT = 10
LEVELS = 5
PSF_SIZE = 15
_SYNC = b"hstamp-sample-15"


def bare(schema: Any) -> Any:
    """Schema without its documentation."""
    if isinstance(schema, dict):
        return {key: bare(value) for key, value in schema.items() if key != "doc"}
    return [bare(part) for part in schema] if isinstance(schema, list) else schema


def schema() -> dict[str, Any]:
    """Schema of an alert with the fields that the viewer shows, as LSST names them."""
    source = [("diaSourceId", "long"), ("diaObjectId", "long"), ("ra", "double"), ("dec", "double")]
    source += [("midpointMjdTai", "double"), ("psfFlux", "float"), ("psfFluxErr", "float")]
    record = {"type": "record", "name": "diaSource"}
    fields: list[dict[str, Any]] = [
        {
            "name": "diaSource",
            "type": record | {"fields": [{"name": n, "type": t} for n, t in source]},
        },
        {"name": "cutoutScience", "type": ["null", "bytes"]},
    ]
    for number, name in enumerate(STAMP_FIELDS.values()):
        stamp = (
            STAMP_SCHEMA["namespace"] + "." + STAMP_SCHEMA["name"] if number else bare(STAMP_SCHEMA)
        )
        fields.append({"name": name, "type": ["null", stamp], "default": None})
    return {"type": "record", "name": "alert", "namespace": "hstamp.sample", "fields": fields}


def image_alone(cutout: bytes) -> bytes:
    """First HDU of a cutout."""
    with fits.open(io.BytesIO(cutout)) as hdus:
        out = io.BytesIO()
        fits.PrimaryHDU(hdus[0].data, hdus[0].header).writeto(out)
    return out.getvalue()


def alert(number: int, drawn: Scene) -> dict[str, Any]:
    """Record of a scene."""
    from hstamp.demo.packets import _cd

    wcs = hstamp.Wcs(drawn.ra, drawn.dec, *_cd(drawn.angle))
    identifier = 170_000_000_000_000_000 + number
    source = {
        "diaSourceId": identifier,
        "diaObjectId": identifier + 10_000,
        "ra": drawn.ra,
        "dec": drawn.dec,
        "midpointMjdTai": 61_131.2 + number / 1000,
        "psfFlux": drawn.flux,
        "psfFluxErr": drawn.flux / 40,
    }
    cutout = image_alone(today(drawn, drawn.science))
    record: dict[str, Any] = {"diaSource": source, "cutoutScience": cutout}
    for kind in KINDS:
        image = getattr(drawn, kind)
        record[STAMP_FIELDS[kind]] = hstamp.encode(
            image.pixels,
            drawn.x,
            drawn.y,
            levels=LEVELS,
            variance=image.variance,
            mask=image.mask,
            mask_planes=tuple(MASK_BITS),
            psf=image.psf,
            psf_size=PSF_SIZE,
            wcs=wcs,
            band=drawn.band,
            id=f"{identifier}/{kind}",
        ).to_dict()
    return record


def main() -> None:
    """Write ``sample.avro``."""
    target = Path(__file__).with_name("sample.avro")
    records = [alert(number, scene(SEED, number)) for number in range(COUNT)]
    with target.open("wb") as stream:
        parsed = fastavro.parse_schema(schema())
        fastavro.writer(stream, parsed, records, codec="deflate", sync_marker=_SYNC)
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
