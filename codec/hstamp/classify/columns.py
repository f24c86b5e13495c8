"""The table of classes: its columns, their units and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..inference.alerts import Alert
from ..inference.columns import IDENTITY, Column, Sheet, identity_of
from .table import CLASSES, ClassTable

__all__ = ["COLUMNS", "SHEET", "columns_of"]

COLUMNS: Final = (
    *IDENTITY,
    Column("band", None, "meta.id;instr.filter", "filter band"),
    Column("levels", None, None, "levels of the stamps that were used"),
    Column("ra", "deg", "pos.eq.ra;meta.main", "source, ICRS"),
    Column("dec", "deg", "pos.eq.dec;meta.main", "source, ICRS"),
    Column("class", None, "meta.code.class", "most probable class"),
    Column("probability", None, "stat.probability", "probability of this class"),
    *(
        Column(f"p_{name.lower()}", None, "stat.probability", f"probability of {name}")
        for name in CLASSES
    ),
)

SHEET: Final = Sheet(
    "classes",
    COLUMNS,
    "Classes by the hstamp reference model, trained on simulated alerts and some real ones of"
    " ZTF; probabilities are for the shares of the classes that were asked for, equal ones by"
    " default.",
)


def columns_of(alerts: Sequence[Alert], classes: ClassTable) -> dict[str, NDArray[Any]]:
    """Columns of alerts that all have their stamps."""
    planes = [
        next((stamp.wcs for stamp in alert.stamps.values() if stamp.wcs is not None), None)
        for alert in alerts
    ]
    identity = identity_of(alerts)
    del identity["image"]
    return {
        **identity,
        "levels": classes.levels.astype(np.int16),
        "ra": np.array([np.nan if wcs is None else wcs.ra for wcs in planes]),
        "dec": np.array([np.nan if wcs is None else wcs.dec for wcs in planes]),
        "class": classes.names.astype(object),
        "probability": classes.best.astype(np.float32),
        **{
            f"p_{name.lower()}": classes.probabilities[:, i].astype(np.float32)
            for i, name in enumerate(CLASSES)
        },
    }
