"""A Butler repository on embedded SQLite with a simulated visit. Needs ``lsst-daf-butler``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from .alerts import Alerts
from .simulate import BAND, FILTER, INSTRUMENT, VISIT, Exposure

__all__ = ["CONFIGURATION", "INPUTS", "alerts_of_run", "fill", "stamps_of_run"]

CONFIGURATION: Final = "resource://hstamp.rubin/configs/butler.yaml"
"""What a repository must know to hold alerts."""
INPUTS: Final = "inputs"
"""Run of the simulated images."""
_DAY: Final = 20251201
_MJD: Final = 61010.25
"""Middle of the exposure, International Atomic Time [d]."""
_IMAGES: Final = {
    "visit_image": "science", "template_detector": "template", "difference_image": "difference",
}  # fmt: skip
"""Dataset type to the image of an exposure."""


def fill(root: Path, exposures: list[Exposure]) -> None:
    """Make a repository and put images and tables of sources into it.

    Parameters
    ----------
    root : Path
        A folder that does not exist.
    exposures : list of Exposure
    """
    from lsst.daf.butler import Butler, Config, DatasetType
    from lsst.resources import ResourcePath

    made = Butler.makeRepo(str(root), config=Config(ResourcePath(CONFIGURATION)))
    with Butler.from_config(made, run=INPUTS) as butler:
        _dimensions(butler, exposures)
        dimensions = butler.dimensions.conform(["instrument", "visit", "detector"])
        for name in _IMAGES:
            butler.registry.registerDatasetType(DatasetType(name, dimensions, "VisitImage"))
        butler.registry.registerDatasetType(
            DatasetType("dia_source_detector", dimensions, "ArrowTable")
        )
        for one in exposures:
            where = {"instrument": INSTRUMENT, "visit": VISIT, "detector": one.detector}
            for name, kind in _IMAGES.items():
                butler.put(getattr(one, kind), name, where)
            butler.put(_table(one), "dia_source_detector", where)


def stamps_of_run(root: Path, collection: str) -> dict[int, pa.Table]:
    """Tables of stamps of a collection, by detector."""
    return _of_run(root, collection, "dia_source_stamps")


def alerts_of_run(root: Path, collection: str) -> dict[int, Alerts]:
    """Alerts of a collection, by detector."""
    return _of_run(root, collection, "dia_source_stamp_alerts")


def _of_run(root: Path, collection: str, name: str) -> dict[int, Any]:
    from lsst.daf.butler import Butler

    with Butler.from_config(str(root), collections=collection) as butler:
        found = butler.query_datasets(name, explain=False)
        return {ref.dataId["detector"]: butler.get(ref) for ref in found}


def _table(one: Exposure) -> pa.Table:
    """Table of sources, with some of the columns of Rubin's."""
    sky = one.science.sky_projection.pixel_to_sky(x=one.x, y=one.y)
    columns = {"diaSourceId": one.ids, "x": one.x, "y": one.y, "ra": sky.ra.deg, "dec": sky.dec.deg}
    return pa.table(columns | {"midpointMjdTai": np.full(len(one.ids), _MJD)})


def _dimensions(butler: Any, exposures: list[Exposure]) -> None:
    """Records of what the images are of; a graph needs the regions of visit and detectors."""
    from lsst.sphgeom import ConvexPolygon

    corners = {one.detector: _corners(one.science) for one in exposures}
    insert, base = butler.registry.insertDimensionData, {"instrument": INSTRUMENT}
    insert(
        "instrument",
        {
            "name": INSTRUMENT, "visit_max": 10**16, "exposure_max": 10**16, "detector_max": 256,
            "class_name": "lsst.pipe.base.Instrument",
        },
    )  # fmt: skip
    insert("physical_filter", base | {"name": FILTER, "band": BAND})
    insert("day_obs", base | {"id": _DAY})
    for one in exposures:
        insert(
            "detector",
            base | {"id": one.detector, "full_name": f"S{one.detector:02}", "purpose": "SCIENCE"},
        )
    every = [corner for part in corners.values() for corner in part]
    insert(
        "visit",
        base
        | {
            "id": VISIT, "name": str(VISIT), "physical_filter": FILTER, "day_obs": _DAY,
            "region": ConvexPolygon.convexHull(every),
        },
    )  # fmt: skip
    for detector, part in corners.items():
        insert(
            "visit_detector_region",
            base | {"visit": VISIT, "detector": detector, "region": ConvexPolygon(part)},
        )


def _corners(image: Any) -> list[Any]:
    """Corners of an image as unit vectors."""
    from lsst.sphgeom import LonLat, UnitVector3d

    x, y = image.bbox.x, image.bbox.y
    sky = image.sky_projection.pixel_to_sky(
        x=[x.start - 0.5, x.stop - 0.5, x.stop - 0.5, x.start - 0.5],
        y=[y.start - 0.5, y.start - 0.5, y.stop - 0.5, y.stop - 0.5],
    )
    return [
        UnitVector3d(LonLat.fromDegrees(ra, dec))
        for ra, dec in zip(sky.ra.deg, sky.dec.deg, strict=True)
    ]
