"""The error tree; its codes are those of Section 11 of the specification."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CODES",
    "FormatError",
    "HstampError",
    "InputError",
    "MissingExtraError",
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
)
"""Error codes in the order in which a decoder checks them; ``E_INPUT`` is the encoder's."""


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

    def __reduce__(self) -> tuple[type[HstampError], tuple[str, str]]:
        return type(self), (self.code, self.reason)


class FormatError(HstampError, ValueError):
    """The bytes are not a stamp; raised by decoders with a code of [LI-1]."""


class InputError(HstampError, ValueError):
    """The parent, position or options cannot be encoded (``E_INPUT``)."""

    def __init__(self, reason: str, code: str = "E_INPUT") -> None:
        super().__init__(code, reason)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        return type(self), (self.reason, self.code)


class MissingExtraError(ImportError):
    """A feature needs an optional dependency that is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of hstamp that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}: pip install 'hstamp[{extra}]'")
        self.package = package
        self.extra = extra
