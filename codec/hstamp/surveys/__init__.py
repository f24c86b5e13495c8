"""Surveys whose alerts become stamps, one module each.

A survey of its own is one module that fills in `Survey`, and one line in `SURVEYS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..errors import InputError
from .lsst import Lsst
from .protocol import Measured, Place, Record, Survey
from .ztf import Ztf

__all__ = [
    "SURVEYS", "Lsst", "Measured", "Place", "Survey", "Ztf", "fields_of", "survey_of",
    "with_survey",
]  # fmt: skip

SURVEYS: Final[tuple[Survey, ...]] = (
    Lsst(),
    Ztf(),
)
"""The registry, in the order in which a record is tried."""


def survey_of(
    record: Record, schema_name: str | None = None, surveys: Sequence[Survey] = SURVEYS
) -> Survey:
    """Find the survey that an alert comes from.

    Parameters
    ----------
    record : mapping
    schema_name : str, optional
        Full name of the record in its writer's schema.
    surveys : sequence of Survey

    Raises
    ------
    InputError
        If it is none of them; the reason says why for each.
    """
    reasons = []
    for survey in surveys:
        reason = survey.mismatch(record, schema_name)
        if reason is None:
            return survey
        reasons.append(f"{survey.name}: {reason}")
    raise InputError(f"not an alert of a survey that is known ({'; '.join(reasons)})")


def fields_of(surveys: Iterable[Survey] = SURVEYS) -> tuple[str, ...]:
    """Paths of the fields that these surveys look at, each once."""
    return tuple(dict.fromkeys(field for survey in surveys for field in survey.fields))


def with_survey(survey: Survey) -> tuple[Survey, ...]:
    """Registry in which `survey` stands for the one of its name, or comes last."""
    if all(one.name != survey.name for one in SURVEYS):
        return (*SURVEYS, survey)
    return tuple(survey if one.name == survey.name else one for one in SURVEYS)
