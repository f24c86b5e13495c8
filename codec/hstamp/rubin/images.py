"""Stamps of the three images of a detector; nothing that goes wrong here is raised.

The caller sends alerts. An exception would keep those of a whole detector back, so a failure
becomes a null and a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..alerts.fields import KINDS, STAMP_FIELDS
from ..errors import as_hstamp_error
from .parent import parent_of
from .stamps import StampOptions, stamps_of

__all__ = ["stamp_columns"]

_SHOWN: Final = 3
"""Reasons that are logged for one image."""


def stamp_columns(
    images: Mapping[str, Any],
    x: Any,
    y: Any,
    ids: Sequence[Any],
    options: StampOptions,
    log: Any = None,
) -> dict[str, list[bytes | None]]:
    """Encode sources in the difference, science and template image of one detector.

    Parameters
    ----------
    images : mapping of str to image
        Kind ('difference', 'science', 'template') to what `parent_of` takes; a kind may be
        missing or None.
    x, y : array_like, shape (B,)
        Positions [pixel of the detector].
    ids : sequence, length B
        Identifiers, stored as text; None where there is none.
    options : StampOptions
    log : logging.Logger, optional
        Told how many stamps are missing, and why.

    Returns
    -------
    dict of str to list of (bytes or None)
        Blobs under the names of the alert's stamp fields.
    """
    log = logging.getLogger(__name__) if log is None else log
    columns: dict[str, list[bytes | None]] = {}
    for kind in KINDS:
        blobs: list[bytes | None] = [None] * len(ids)
        if (image := images.get(kind)) is not None:
            try:
                names = [None if each is None else str(each) for each in ids]
                done = stamps_of(parent_of(image), x, y, names, options)
                for fault in list(done.errors.values())[:_SHOWN]:
                    log.info("No %s stamp: %s", kind, fault.reason)
                if done.errors:
                    log.warning("%d of %d %s stamps missing", len(done.errors), len(ids), kind)
                blobs = list(done)
            except Exception as exc:  # see above
                log.warning("No %s stamps: %s", kind, as_hstamp_error(exc).reason)
        columns[STAMP_FIELDS[kind]] = blobs
    return columns
