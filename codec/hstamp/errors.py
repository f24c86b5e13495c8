"""The error tree; its codes are those of Section 11 of the specification."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Final

__all__ = [
    "CODES",
    "FormatError",
    "HstampError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "PsfError",
    "as_hstamp_error",
    "output_error",
    "shown",
]

CODES: Final[tuple[str, ...]] = (
    "E_LIMIT",
    "E_MAGIC",
    "E_FINGERPRINT",
    "E_SCHEMA",
    "E_CODEC",
    "E_AVRO",
    "E_TRAILING",
    "E_VERSION",
    "E_LEVELS",
    "E_TEXT",
    "E_OFFSET",
    "E_WCS",
    "E_ENCODING",
    "E_MASK",
    "E_PSF",
    "E_LENGTH",
    "E_SCALE",
    "E_VALUE",
    "E_INPUT",
    "E_OUTPUT",
)
"""Codes in the order in which a decoder checks them; the last two are no verdict of a decoder."""

_SHOWN: Final = 300
"""Longest part of a foreign exception's text that a message repeats."""

_SHORT: Final = 80
"""Longest part of a caller's value that a message repeats."""


class HstampError(Exception):
    """Base of everything hstamp raises on purpose.

    Attributes
    ----------
    code : str
        One of `CODES`.
    reason : str
        What was found and what was expected.
    """

    def __init__(self, code: str, reason: str) -> None:
        if code not in CODES:
            raise AssertionError(f"{code} is not a code of the specification")
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason

    def __reduce__(self) -> tuple[type[HstampError], tuple[Any, ...]]:
        return type(self), (self.code, self.reason)


class FormatError(HstampError, ValueError):
    """The bytes are not a stamp; raised by decoders with a code of [LI-1]."""


class InputError(HstampError, ValueError):
    """The parent, position or options cannot be encoded (``E_INPUT``)."""

    def __init__(self, reason: str, code: str = "E_INPUT") -> None:
        super().__init__(code, reason)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        return type(self), (self.reason, self.code)


class PsfError(InputError):
    """A PSF cannot be stored (``E_INPUT``); without it the parent may well be encoded."""


class MissingExtraError(HstampError, ImportError):
    """A feature needs an optional dependency that is not installed (``E_INPUT``).

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of hstamp that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        # Not the extra: that would be looked for on an index that may not have this package.
        reason = f"this needs the package {package!r} (extra {extra!r}): pip install {package}"
        super().__init__("E_INPUT", reason)
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.package, self.extra)


class OutputError(HstampError, OSError):
    """An output cannot be written (``E_OUTPUT``): the disk is full, a folder is another user's.

    A run over many inputs goes on after any other error, and stops at this one.

    Parameters
    ----------
    path : str
        The output.
    reason : str
        What the system said.
    errno : int, optional
        Its number for that.
    """

    def __init__(self, path: str, reason: str, errno: int | None = None) -> None:
        OSError.__init__(self, errno, reason, path)
        self.code = "E_OUTPUT"
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: cannot be written: {self.reason}"

    def __reduce__(self) -> tuple[type[OutputError], tuple[Any, ...]]:
        return type(self), (self.path, self.reason, self.errno)


class _NowhereError(OutputError, FileNotFoundError):
    """There is no folder for the output."""


class _ForbiddenError(OutputError, PermissionError):
    """The user may not write there."""


_KINDS: Final[dict[int | None, type[OutputError]]] = {
    errno.ENOENT: _NowhereError,
    errno.EACCES: _ForbiddenError,
    errno.EPERM: _ForbiddenError,
}


def output_error(path: Path | str, exc: OSError) -> OutputError:
    """Say of a system error which output it was about; Python's own kinds of it stay."""
    kind = _KINDS.get(exc.errno, OutputError)
    return kind(str(path), exc.strerror or str(exc) or type(exc).__name__, exc.errno)


def shown(value: object) -> str:
    """Short text of a value that a caller gave, for messages."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an int of more digits than Python prints, or an object's own fault
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHORT else f"{text[:_SHORT]} ..."


def as_hstamp_error(error: Exception) -> HstampError:
    """Give any exception its place in the tree, so that one record's fault costs that record.

    Parameters
    ----------
    error : Exception
        Whatever a library raised while one record or file was read or converted.

    Returns
    -------
    HstampError
        `error` itself where it is one; otherwise an `InputError` that names its type and text,
        cut to what a log line holds.
    """
    if isinstance(error, HstampError):
        return error
    try:
        text = " ".join(str(error).split())[:_SHOWN]
    except Exception:  # an exception's own fault must not become ours
        text = ""
    return InputError(f"{type(error).__name__}: {text}" if text else type(error).__name__)
