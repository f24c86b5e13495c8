"""The pipeline task that makes stamps of a detector's sources. Needs the extra ``rubin``."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import pyarrow as pa
from lsst.pex.config import ChoiceField, ConfigField, Field
from lsst.pipe.base import (
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
)
from lsst.pipe.base import connectionTypes as cT

from ..alerts.fields import KINDS, STAMP_FIELDS
from .config import StampConfig
from .images import stamp_columns

__all__ = [
    "MakeHierarchicalStampsConfig",
    "MakeHierarchicalStampsConnections",
    "MakeHierarchicalStampsTask",
]

_DIMENSIONS: Final = ("instrument", "visit", "detector")


class MakeHierarchicalStampsConnections(  # type: ignore[call-arg]
    PipelineTaskConnections,  # type: ignore[misc]
    dimensions=_DIMENSIONS,
):
    """Three images and a table in, a table out."""

    science = cT.Input(
        doc="Calibrated image of the visit.",
        name="visit_image", storageClass="VisitImage", dimensions=_DIMENSIONS,
    )  # fmt: skip
    template = cT.Input(
        doc="Template, on the pixels of the science image.",
        name="template_detector", storageClass="VisitImage", dimensions=_DIMENSIONS,
    )  # fmt: skip
    difference = cT.Input(
        doc="Science image minus template.",
        name="difference_image", storageClass="VisitImage", dimensions=_DIMENSIONS,
    )  # fmt: skip
    sources = cT.Input(
        doc="Sources of the difference image.",
        name="dia_source_detector", storageClass="ArrowTable", dimensions=_DIMENSIONS,
    )  # fmt: skip
    # Not ArrowAstropy: a byte string of numpy loses the zeros at its end.
    stamps = cT.Output(
        doc="A row for each source: its identifier and three stamps, null where there is none.",
        name="dia_source_stamps", storageClass="ArrowTable", dimensions=_DIMENSIONS,
    )  # fmt: skip

    def __init__(self, *, config: Any = None) -> None:
        super().__init__(config=config)
        for name in KINDS:
            image = getattr(self, name)
            setattr(self, name, dataclasses.replace(image, storageClass=config.image_storage_class))


class MakeHierarchicalStampsConfig(  # type: ignore[call-arg]
    PipelineTaskConfig,  # type: ignore[misc]
    pipelineConnections=MakeHierarchicalStampsConnections,
):
    """Configuration of `MakeHierarchicalStampsTask`."""

    stamps = ConfigField(doc="How stamps are made.", dtype=StampConfig)
    image_storage_class = ChoiceField(
        doc="Storage class in which the three images are read.", dtype=str, default="VisitImage",
        allowed={"VisitImage": "lsst.images", "ExposureF": "lsst.afw"},
    )  # fmt: skip
    id_column = Field(
        doc="Column of identifiers, kept in the output.", dtype=str, default="diaSourceId"
    )
    x_column = Field(doc="Column of x [pixel of the detector].", dtype=str, default="x")
    y_column = Field(doc="Column of y [pixel of the detector].", dtype=str, default="y")


class MakeHierarchicalStampsTask(PipelineTask):  # type: ignore[misc]
    """Encode a hierarchical stamp of each source in each of three images."""

    ConfigClass = MakeHierarchicalStampsConfig
    _DefaultName = "makeHierarchicalStamps"

    def run(self, science: Any, template: Any, difference: Any, sources: pa.Table) -> Struct:
        """Make the stamps of one detector.

        Parameters
        ----------
        science, template, difference : lsst.images.VisitImage or lsst.afw.image.ExposureF
        sources : pyarrow.Table
            With the columns that the configuration names.

        Returns
        -------
        lsst.pipe.base.Struct
            ``stamps``: pyarrow.Table of the identifiers and three columns of blobs.
        """
        config = self.config
        ids = sources.column(config.id_column)
        x, y = (
            sources.column(name).to_numpy().astype("f8")
            for name in (config.x_column, config.y_column)
        )
        columns = stamp_columns(
            {"science": science, "template": template, "difference": difference},
            x, y, ids.to_pylist(), config.stamps.options(), self.log,
        )  # fmt: skip
        blobs = {name: pa.array(columns[name], pa.binary()) for name in STAMP_FIELDS.values()}
        for name, column in blobs.items():
            self.metadata[f"{name}Missing"] = column.null_count
        return Struct(stamps=pa.table({config.id_column: ids, **blobs}))
