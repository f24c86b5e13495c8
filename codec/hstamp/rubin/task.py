"""The pipeline task that makes stamps of a detector's sources. Needs the extra ``rubin``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lsst.pex.config import ChoiceField, ConfigField, Field, RangeField
from lsst.pipe.base import (
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
)
from lsst.pipe.base import connectionTypes as cT

from ..alerts.fields import KINDS, STAMP_FIELDS
from ..errors import as_hstamp_error
from .alerts import alert_schema, alerts_of
from .boxes import read_boxes
from .config import StampConfig
from .images import stamp_columns

__all__ = [
    "MakeHierarchicalStampsConfig",
    "MakeHierarchicalStampsConnections",
    "MakeHierarchicalStampsTask",
]

Float = npt.NDArray[np.float64]

_DIMENSIONS: Final = ("instrument", "visit", "detector")


class MakeHierarchicalStampsConnections(  # type: ignore[call-arg]
    PipelineTaskConnections,  # type: ignore[misc]
    dimensions=_DIMENSIONS,
):
    """Three images and a table in, a table out."""

    science = cT.Input(
        doc="Calibrated image of the visit.",
        name="visit_image", storageClass="VisitImage", dimensions=_DIMENSIONS, deferLoad=True,
    )  # fmt: skip
    template = cT.Input(
        doc="Template, on the pixels of the science image.",
        name="template_detector", storageClass="VisitImage", dimensions=_DIMENSIONS, deferLoad=True,
    )  # fmt: skip
    difference = cT.Input(
        doc="Science image minus template.",
        name="difference_image", storageClass="VisitImage", dimensions=_DIMENSIONS, deferLoad=True,
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

    alerts = cT.Output(
        doc="An alert of each source, with its stamps, in the derived schema.",
        name="dia_source_stamp_alerts", storageClass="HierarchicalStampAlerts",
        dimensions=_DIMENSIONS,
    )  # fmt: skip

    def __init__(self, *, config: Any = None) -> None:
        super().__init__(config=config)
        for name in KINDS:
            image = getattr(self, name)
            setattr(self, name, dataclasses.replace(image, storageClass=config.image_storage_class))
        if not config.do_write_alerts:
            del self.alerts


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
    boxes_up_to = RangeField(
        doc="Up to how many sources of a detector the pixels of their stamps are read, and not the "
        "whole images. Stamps are the same. 0: always the whole; images of lsst.afw always are.",
        dtype=int, default=24, min=0,
    )  # fmt: skip
    id_column = Field(
        doc="Column of identifiers, kept in the output.", dtype=str, default="diaSourceId"
    )
    x_column = Field(doc="Column of x [pixel of the detector].", dtype=str, default="x")
    y_column = Field(doc="Column of y [pixel of the detector].", dtype=str, default="y")
    do_write_alerts = Field(
        doc="Write alerts, too? They hold a source as far as its table's columns tell, and its "
        "stamps. The repository must know their storage class; see "
        "resource://hstamp.rubin/configs/butler.yaml.",
        dtype=bool, default=False,
    )  # fmt: skip
    alert_schema_file = Field(
        doc="Schema of these alerts, a .avsc file; stamp fields that it lacks are added. None: the "
        "newest schema of the installed lsst-alert-packet.",
        dtype=str, default=None, optional=True,
    )  # fmt: skip


class MakeHierarchicalStampsTask(PipelineTask):  # type: ignore[misc]
    """Encode a hierarchical stamp of each source in each of three images."""

    ConfigClass = MakeHierarchicalStampsConfig
    _DefaultName = "makeHierarchicalStamps"

    def runQuantum(self, butlerQC: Any, inputRefs: Any, outputRefs: Any) -> None:  # noqa: N802, N803
        """Read a detector, in part where that takes less time, and write what `run` makes."""
        given = butlerQC.get(inputRefs)
        sources = given["sources"]
        images = {kind: self._read(given[kind], sources) for kind in KINDS}
        where = dict(butlerQC.quantum.dataId.mapping)
        butlerQC.put(self.run(sources=sources, where=where, **images), outputRefs)

    def run(
        self,
        science: Any,
        template: Any,
        difference: Any,
        sources: pa.Table,
        where: Mapping[str, Any] | None = None,
    ) -> Struct:
        """Make the stamps of one detector.

        Parameters
        ----------
        science, template, difference : lsst.images.VisitImage or lsst.afw.image.ExposureF or Parent
        sources : pyarrow.Table
            With the columns that the configuration names.
        where : mapping of str to value, optional
            The data ID, for fields of alerts that the table lacks: ``visit``, ``detector``.

        Returns
        -------
        lsst.pipe.base.Struct
            ``stamps``: pyarrow.Table of the identifiers and three columns of blobs; ``alerts``,
            where the configuration asks for them: Alerts.
        """
        config = self.config
        ids = sources.column(config.id_column)
        columns = stamp_columns(
            {"science": science, "template": template, "difference": difference},
            *self._positions(sources), ids.to_pylist(), config.stamps.options(), self.log,
        )  # fmt: skip
        blobs = {name: pa.array(columns[name], pa.binary()) for name in STAMP_FIELDS.values()}
        for name, column in blobs.items():
            self.metadata[f"{name}Missing"] = column.null_count
        made = Struct(stamps=pa.table({config.id_column: ids, **blobs}))
        if config.do_write_alerts:
            schema = alert_schema(config.alert_schema_file)
            made.alerts = alerts_of(sources, ids.to_pylist(), columns, schema, where or {})
        return made

    def _positions(self, sources: pa.Table) -> tuple[Float, Float]:
        x, y = (
            sources.column(name).to_numpy().astype("f8")
            for name in (self.config.x_column, self.config.y_column)
        )
        return x, y

    def _read(self, dataset: Any, sources: pa.Table) -> Any:
        """Read an image whole, or the boxes of a few sources."""
        config = self.config
        if config.image_storage_class == "VisitImage" and len(sources) <= config.boxes_up_to:
            try:
                return read_boxes(dataset, *self._positions(sources), config.stamps.levels)
            except Exception as exc:  # the whole may be readable all the same
                self.log.warning("Not readable in parts: %s", as_hstamp_error(exc).reason)
        return dataset.get()
