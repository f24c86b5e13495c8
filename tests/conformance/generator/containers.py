"""Object container files, family by family."""

from __future__ import annotations

from collections.abc import Iterator

from .containers_alerts import alerts
from .containers_budget import budgets
from .containers_form import form_files
from .containers_invalid import invalid_files
from .containers_schema import schemas
from .containers_valid import later_minor, valid_files
from .vector import Vector

FAMILIES = (valid_files, later_minor, alerts, invalid_files, form_files, schemas, budgets)


def vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()
