"""What can come of one vector, kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Outcome of one vector; only `PASS` is a success."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    WRONG_VALUE = "wrong-value"
    ACCEPTED_INVALID = "accepted-invalid"
    REJECTED_VALID = "rejected-valid"
    WRONG_ERROR_CODE = "wrong-error-code"
    UNSUPPORTED = "unsupported"
    BAD_OUTPUT = "bad-output"
    CRASH = "crash"
    TIME_OUT = "time-out"


MEANING = {
    Outcome.PASS: "the result, or the error code, is the expected one",
    Outcome.WRONG_VALUE: "a valid input was decoded to something else",
    Outcome.ACCEPTED_INVALID: "an invalid input was decoded",
    Outcome.REJECTED_VALID: "a valid input was rejected",
    Outcome.WRONG_ERROR_CODE: "an invalid input was rejected with another code",
    Outcome.UNSUPPORTED: "the decoder says that it does not support the input",
    Outcome.BAD_OUTPUT: "the answer is not what Appendix C of the specification asks for",
    Outcome.CRASH: "the exit status was none of 0, 1 and 2, or a signal ended the process",
    Outcome.TIME_OUT: "no answer within the time limit",
}


@dataclass(frozen=True)
class Difference:
    """First place where a decoded stamp differs from the expected one.

    Attributes
    ----------
    what : str
        "image", "variance", "mask", "psf", or the name of a metadata field.
    stamp : int
        Position of the stamp in the answer.
    level, row, column : int or None
        Place in a plane; None for metadata, and `level` is None for the PSF.
    expected, got : str
        Decimal values.
    expected_hex, got_hex : str or None
        Bits as hexadecimal digits, most significant first; None for metadata.
    count, total : int
        Number of values of this plane that differ, and of all its values.
    pattern : str
        What kind of fault the plane as a whole shows; empty for metadata.
    """

    what: str
    stamp: int
    expected: str
    got: str
    level: int | None = None
    row: int | None = None
    column: int | None = None
    expected_hex: str | None = None
    got_hex: str | None = None
    count: int = 1
    total: int = 1
    pattern: str = ""

    def __str__(self) -> str:
        place = f"stamp {self.stamp}: {self.what}" if self.stamp else self.what
        if self.row is None:
            return f"{place}: expected {self.expected}, got {self.got}"
        if self.level is not None:
            place += f" level {self.level}"
        return (
            f"{place} row {self.row} column {self.column}: expected {self.expected} "
            f"({self.expected_hex} hex), got {self.got} ({self.got_hex} hex); "
            f"{self.count} of {self.total} values differ"
        )


@dataclass(frozen=True)
class Report:
    """Outcome of one vector.

    Attributes
    ----------
    id : str
        The vector.
    outcome : Outcome
        What came of it.
    detail : str
        One line for people; empty on a pass.
    difference : Difference or None
        Set when the outcome is `WRONG_VALUE`.
    expected_code, got_code : str or None
        Error codes, where one was expected or given.
    exit_status : int or None
        Exit status of the process; None in-process, in long-lived mode and after a time-out.
    stderr : str
        End of what the decoder wrote to standard error; never judged.
    seconds : float
        Wall-clock time.
    optional : str or None
        Feature that readers may lack; `UNSUPPORTED` is then no failure.
    stamps : tuple of mapping
        What was decoded, where that is wrong.
    """

    id: str
    outcome: Outcome
    detail: str = ""
    difference: Difference | None = None
    expected_code: str | None = None
    got_code: str | None = None
    exit_status: int | None = None
    stderr: str = ""
    seconds: float = 0.0
    optional: str | None = None
    stamps: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """Whether this outcome counts against the decoder."""
        if self.outcome is Outcome.UNSUPPORTED and self.optional:
            return False
        return self.outcome is not Outcome.PASS
