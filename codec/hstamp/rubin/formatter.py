"""Alerts as a dataset of a Butler repository. Needs ``lsst-daf-butler``.

A repository knows the storage class and this formatter by its configuration, which ships as
``resource://hstamp.rubin/configs/butler.yaml``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from lsst.daf.butler import FormatterV2

from .alerts import Alerts

__all__ = ["AlertsFormatter"]


class AlertsFormatter(FormatterV2):  # type: ignore[misc]
    """Avro container files of alerts, each with its schema."""

    default_extension: ClassVar[str] = ".avro"
    can_read_from_local_file: ClassVar[bool] = True

    def read_from_local_file(
        self, path: str, component: str | None = None, expected_size: int = -1
    ) -> Alerts:
        """Read a file."""
        return Alerts.from_bytes(Path(path).read_bytes())

    def to_bytes(self, in_memory_dataset: Any) -> bytes:
        """Make the bytes of a file."""
        data: bytes = in_memory_dataset.to_bytes()
        return data
