"""Stamps in the alerts that Prompt Processing sends: a subclass of its packager.

``DiaPipelineTask`` holds its ``PackageAlertsTask`` (lsst.ap.association) in a ConfigurableField,
so that the subclass made here takes its place by configuration::

    from lsst.ap.association import PackageAlertsTask
    from hstamp.rubin.package import with_stamps
    config.alertPackager.retarget(with_stamps(PackageAlertsTask))

All sources of a detector are encoded at once before alerts are made. Whatever goes wrong with
that, alerts are packaged as if this subclass were not there. Needs ``lsst-pex-config``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import numpy as np
from lsst.pex.config import ConfigField

from ..alerts.fields import STAMP_FIELDS
from ..errors import as_hstamp_error
from ..stamp import Stamp
from .config import StampConfig
from .images import stamp_columns

__all__ = ["with_stamps"]

Number = TypeVar("Number", int, float)

_CATALOG: Final = ("diaSourceCat",)
_IMAGES: Final = {
    "difference": ("diffIm",),
    "science": ("calexp", "visitImage", "science"),
    "template": ("template",),
}
"""Names that the packager's ``run`` gives its catalogue and images, from release to release."""
_IDS: Final = ("diaSourceId", "alertId")


def with_stamps(packager: Any) -> Any:
    """Make a packager that adds three stamps to each alert.

    Parameters
    ----------
    packager : type
        ``lsst.ap.association.PackageAlertsTask`` or a subclass.

    Returns
    -------
    type
        Its subclass, with a configuration field ``stamps``. Alerts get the fields
        ``hstampDifference``, ``hstampScience`` and ``hstampTemplate``: records of the stamp
        schema, or None. They are sent where ``schemaFile`` has these fields (`hstamp schema`
        derives it from LSST's).
    """

    class StampConfiguration(packager.ConfigClass):  # type: ignore[misc]
        """Configuration of the packager, and of its stamps."""

        stamps = ConfigField(doc="How hierarchical stamps are made.", dtype=StampConfig)

    class PackageAlertsWithStamps(packager):  # type: ignore[misc]
        """Packager whose alerts carry hierarchical stamps."""

        ConfigClass = StampConfiguration
        _DefaultName = getattr(packager, "_DefaultName", "packageAlerts")
        _stamps: Mapping[int, Mapping[str, bytes | None]] = {}

        def run(self, *args: Any, **kwargs: Any) -> Any:
            """Encode stamps of all sources, then package alerts."""
            self._stamps = {}
            try:
                given = inspect.signature(super().run).bind(*args, **kwargs).arguments
                self._stamps = _stamps_by_id(given, self.config.stamps.options(), self.log)
            except Exception as exc:  # alerts go out without stamps
                self.log.warning("No stamps: %s", as_hstamp_error(exc).reason)
            try:
                return super().run(*args, **kwargs)
            finally:
                self._stamps = {}

        def makeAlertDict(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802
            """Make an alert and add its stamps."""
            alert = super().makeAlertDict(*args, **kwargs)
            try:
                _add(alert, self._stamps)
            except Exception as exc:  # the alert goes out without stamps
                self.log.warning("No stamps in an alert: %s", as_hstamp_error(exc).reason)
            return alert

    PackageAlertsWithStamps.__doc__ = f"{packager.__name__} whose alerts carry stamps."
    return PackageAlertsWithStamps


def _stamps_by_id(
    given: Mapping[str, Any], options: Any, log: Any
) -> dict[int, dict[str, bytes | None]]:
    catalog = next(given[name] for name in _CATALOG if name in given)
    images = {
        kind: next((given[name] for name in names if name in given), None)
        for kind, names in _IMAGES.items()
    }
    ids = [_or_none(int, each) for each in catalog["diaSourceId"]]
    x, y = (np.array([_or_none(float, each) for each in catalog[name]], "f8") for name in "xy")
    columns = stamp_columns(images, x, y, ids, options, log)
    return {
        each: {name: blobs[row] for name, blobs in columns.items()}
        for row, each in enumerate(ids)
        if each is not None
    }


def _or_none(kind: Callable[[Any], Number], value: Any) -> Number | None:
    """Number in a cell of a catalogue, or None, which is NaN in an array."""
    try:
        return kind(value)
    except Exception:  # what a cell may hold is not known
        return None


def _add(alert: Any, stamps: Mapping[int, Mapping[str, bytes | None]]) -> None:
    """Put stamps, as records, beside the cutouts of an alert."""
    alert.update(dict.fromkeys(STAMP_FIELDS.values()))
    number = next(alert[name] for name in _IDS if name in alert)
    for name, blob in stamps.get(int(number), {}).items():
        alert[name] = None if blob is None else Stamp.from_bytes(blob).to_dict()
