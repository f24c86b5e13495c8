"""The WCS of a FITS header, read from the cards that matter to two axes of the sky.

Real headers have more than an image's plane needs (spectral and polarisation axes, dates that
are none, coefficients of two conventions at once), and hostile ones state sizes that a general
reader would believe. So the cards are chosen first, and everything that grows with a number in
them is bounded before the header reaches astropy.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from ..errors import InputError, as_hstamp_error

__all__ = ["HeaderWcs", "has_wcs", "header_wcs", "is_wcs_card", "read_header_wcs"]

_AXIS: Final = re.compile(r"(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA)([1-9]\d*)")
_MATRIX: Final = re.compile(r"(PC|CD)([1-9]\d*)_([1-9]\d*)|PC(\d{3})(\d{3})")
_PARAMETER: Final = re.compile(r"(PV|PS|WAT)([1-9]\d*)_(\d{1,3})")
_DISTORTION: Final = re.compile(
    r"(CPDIS|CQDIS|CPERR|CQERR|D2IMDIS|D2IMERR)[12]|(DP|DQ|D2IM)[12](\..*)?|AXISCORR"
)
_SIP: Final = re.compile(r"(A|B|AP|BP)_(ORDER|DMAX|\d_\d)")
_WHOLE: Final = re.compile(
    r"LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH|PROJP\d"
    # The plate solution of the Digitized Sky Survey.
    r"|PLTRA[HMS]|PLTDEC(SN|[DMS])|PLATEID|[XY]PIXELSZ|CNPIX[12]|PPO\d|AMD[XY]\d{1,2}"
)
_SIGNS: Final = tuple(f"{key}{axis}" for key in ("CRVAL", "CTYPE") for axis in (1, 2, 3, 4))
_TEXT: Final = {"CTYPE", "CUNIT", "RADESYS", "RADECSYS", "PS", "WAT", "PLTDECSN", "PLATEID"}
_OPTIONAL: Final = {
    "RADESYS", "RADECSYS", "EQUINOX", "EPOCH", "LONPOLE", "LATPOLE", "CUNIT1", "CUNIT2", "PLATEID",
}  # fmt: skip
"""Cards that mean the same without a value as when they are not there."""
_NAMES: Final = {"CTYPE", "RADESYS", "RADECSYS"}
_MAX_ORDER: Final = 9
"""Highest order of a SIP polynomial: its coefficients are named with one digit for each power
(Shupe et al. 2005, ASPC 347, 491)."""
_MAX_CARDS: Final = 2000
"""Cards of the longest description of two axes; astropy needs the square of their number."""
_MAX_TABLE: Final = 2**22
"""Values of the largest look-up table of a distortion; cameras use up to 4096 by 64."""
_TABLES: Final = {"WCSDVARR": r"CPDIS", "D2IMARR": r"D2IMDIS|AXISCORR"}
"""Names of HDUs with look-up tables, and the cards that ask for them."""
_MAX_TERMS: Final = 100
"""Terms, parameters and variables of the largest polynomial of a distortion."""
_SURFACE: Final = re.compile(r"(?:lng|lat)cor\s*=\s*\"?\s*\S+\s+(\S+)\s+(\S+)")
"""Kind and orders of a polynomial of IRAF's TNX and ZPX."""
_YEAR: Final = re.compile(r"[JB]?(\d{4}(?:\.\d*)?)")


@dataclass(frozen=True)
class HeaderWcs:
    """What a header says about the sky.

    Attributes
    ----------
    wcs : WCS or None
        Two axes; None where the header has no WCS, or one that is not usable.
    fault : str or None
        Why there is none although the header has cards for one.
    """

    wcs: WCS | None = None
    fault: str | None = None


def has_wcs(header: Any) -> bool:
    """Whether a header has cards of a WCS."""
    return any(key in header for key in _SIGNS)


def header_wcs(header: fits.Header, hdus: Sequence[Any] | None = None) -> WCS | None:
    """WCS of an image's two axes.

    Parameters
    ----------
    header : Header
        The image's. Of more than two axes, those longer than one pixel are the image's.
    hdus : HDUList, optional
        The file it stands in, which holds the look-up tables of its distortions.

    Returns
    -------
    WCS or None
        None when the header has none.

    Raises
    ------
    InputError
        If it has one that cannot be read, or whose axes are not the image's.
    """
    if not has_wcs(header):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            cards = _plane_cards(header)
            tables = _tables(cards, hdus)
            return WCS(cards, fobj=tables)
    except InputError as exc:
        raise InputError(f"the WCS is not readable: {exc.reason}") from exc
    except Exception as exc:  # wcslib and astropy raise many kinds on damaged headers
        reason = as_hstamp_error(exc).reason
        raise InputError(f"the WCS is not readable: {reason}") from exc


@lru_cache(maxsize=1024)
def is_wcs_card(keyword: str) -> bool:
    """Whether a card bears on the sky."""
    patterns = (_AXIS, _MATRIX, _PARAMETER, _DISTORTION, _SIP, _WHOLE)
    return any(pattern.fullmatch(keyword.upper()) for pattern in patterns)


def read_header_wcs(header: fits.Header, hdus: Sequence[Any] | None = None) -> HeaderWcs:
    """As `header_wcs`, for an image that may do without: the fault is told, not raised."""
    try:
        return HeaderWcs(header_wcs(header, hdus))
    except InputError as exc:
        return HeaderWcs(fault=exc.reason)


def _plane_cards(header: fits.Header) -> fits.Header:
    """Cards of the image's two axes, which become axes 1 and 2."""
    axes = _image_axes(header)
    new = {axis: place + 1 for place, axis in enumerate(axes)}
    chosen: dict[str, Any] = {}
    for card in header.cards:
        keyword = str(card.keyword).upper()
        renamed = _renamed(keyword, card, new)
        if renamed is None:
            continue
        value = _value(keyword, card)
        if value is None:
            continue
        # A card that needs no change keeps all digits that its file gives; of two, the last holds.
        same = renamed == card.keyword and value is card.value
        chosen[renamed] = card if same else (renamed, value)
        if len(chosen) > _MAX_CARDS:
            raise InputError(f"more than {_MAX_CARDS} cards describe it")
    cards = fits.Header(list(chosen.values()))
    matrix = [cards[key] for key in cards if key.startswith("CD") and key[2:3].isdigit()]
    if matrix and not any(matrix):
        # wcslib would take pixels of one degree.
        raise InputError("its CD matrix is zero")
    if cards.get("A_ORDER", 0) > 1:
        # astropy applies the coefficients whether or not CTYPE names them, and says so aloud.
        for key in ("CTYPE1", "CTYPE2"):
            if key in cards and not cards[key].endswith("-SIP"):
                cards[key] += "-SIP"
        # SCAMP's polynomial beside SIP's is the same distortion once more.
        if str(cards.get("CTYPE1", ""))[4:] == str(cards.get("CTYPE2", ""))[4:] == "-TAN-SIP":
            for key in [key for key in cards if key.startswith("PV")]:
                del cards[key]
    if any(str(cards.get(key, "")).rstrip().endswith("TAB") for key in ("CTYPE1", "CTYPE2")):
        raise InputError("its coordinates are in a table (-TAB)")
    _check_polynomials(cards)
    if axes != (1, 2) and any(_SIP.fullmatch(key) or _DISTORTION.fullmatch(key) for key in cards):
        raise InputError(f"distortions of axes 1 and 2, but the image has axes {axes}")
    return cards


def _image_axes(header: fits.Header) -> tuple[int, int]:
    """Of more than two axes, the two that are longer than one pixel."""
    count = header.get("NAXIS", 0)
    if not isinstance(count, int) or not 2 < count <= 999:
        return 1, 2
    long = [axis for axis in range(1, count + 1) if header.get(f"NAXIS{axis}") != 1]
    if len(long) > 2:
        raise InputError(f"its image has {len(long)} axes longer than one pixel")
    while len(long) < 2:
        long.append(1 if 1 not in long else 2)
    return min(long), max(long)


def _renamed(keyword: str, card: fits.Card, new: dict[int, int]) -> str | None:
    """Name of a card in the plane's header; None for one that it does not need."""
    if _WHOLE.fullmatch(keyword) or _DISTORTION.fullmatch(keyword):
        return keyword
    if (found := _SIP.fullmatch(keyword)) is not None:
        if found[2] == "ORDER" and not 0 <= _value(keyword, card) <= _MAX_ORDER:
            raise InputError(f"{keyword} is {card.value}; SIP goes to order {_MAX_ORDER}")
        return keyword
    if (found := _AXIS.fullmatch(keyword) or _PARAMETER.fullmatch(keyword)) is not None:
        axis = new.get(int(found[2]))
        if axis is None:
            return None
        return f"{found[1]}{axis}" + (f"_{found[3]}" if found.lastindex == 3 else "")
    if (found := _MATRIX.fullmatch(keyword)) is not None:
        row, column = (int(text) for text in found.groups()[1:] if text is not None)
        if row in new and column in new:
            name = found[1] or "PC"
            return f"{name}{new[row]}_{new[column]}"
        if (row in new or column in new) and row != column and _value(keyword, card) != 0:
            raise InputError(f"{keyword} mixes the image's axes with others")
    return None


def _value(keyword: str, card: fits.Card) -> Any:
    """Value of a card, checked to be what its keyword takes; None where it may be left out."""
    try:
        value = card.value
    except fits.VerifyError as exc:
        raise InputError(f"the card {keyword} is not readable") from exc
    if keyword in _OPTIONAL and (
        value is None or isinstance(value, fits.card.Undefined) or value == ""
    ):
        return None
    kind = keyword.rstrip("0123456789_")
    if kind in _TEXT:
        if not isinstance(value, str):
            raise InputError(f"{keyword} is {value!r}, not text")
        return value.upper() if kind in _NAMES and value != value.upper() else value
    if keyword in ("EQUINOX", "EPOCH") and isinstance(value, str):
        found = _YEAR.fullmatch(value.strip().upper())
        if found is None and keyword == "EPOCH":
            return None  # often a date of observation, and never needed beside EQUINOX
        value = value if found is None else found[1]
    if isinstance(value, str) and not _DISTORTION.fullmatch(keyword):
        # Some archives write numbers as text; wcslib would pass over them.
        try:
            value = float(value)
        except ValueError:
            raise InputError(f"{keyword} is {value[:32]!r}, not a number") from None
    if (
        isinstance(value, (bool, complex))
        or value is None
        or isinstance(value, fits.card.Undefined)
    ):
        raise InputError(f"{keyword} has no number")
    if isinstance(value, (int, float)) and not np.isfinite(float(value)):
        raise InputError(f"{keyword} is not finite")
    if keyword.endswith("_ORDER"):
        if value != int(value):
            raise InputError(f"{keyword} is {value}, not a whole number")
        return int(value)
    return value


def _check_polynomials(cards: fits.Header) -> None:
    """Refuse polynomials that astropy would leave out, and those of absurd order.

    wcslib takes memory for the orders that a header states before it looks for coefficients.
    """
    for key in cards:
        if key.startswith(("CPDIS", "D2IMDIS")) and str(cards[key]).strip().upper() != "LOOKUP":
            raise InputError(f"{key} is {str(cards[key])[:32]!r}, which astropy does not apply")
        if key.endswith((".NAXES", ".NKPARM", ".NTERMS")) and not 0 <= cards[key] <= _MAX_TERMS:
            raise InputError(f"{key} is {cards[key]}")
    for axis in (1, 2):
        parts = [str(cards[key]) for key in cards if key.startswith(f"WAT{axis}_")]
        if (found := _SURFACE.search("".join(parts))) is None:
            continue
        for text in found.groups():
            if not re.fullmatch(r"\d{1,2}\.?0*", text) or float(text) > _MAX_ORDER + 1:
                raise InputError(f"WAT{axis} has a polynomial of order {text[:16]!r}")


def _tables(cards: fits.Header, hdus: Sequence[Any] | None) -> Any:
    """The file's HDUs where a distortion needs a look-up table from them."""
    needed = {name for name, key in _TABLES.items() if any(re.match(key, card) for card in cards)}
    if not needed:
        return None
    there = {str(hdu.name) for hdu in hdus or ()}
    if not needed <= there or hdus is None:
        raise InputError(f"its look-up table {min(needed - there)} is not in the file")
    for hdu in hdus:
        if hdu.name in needed and np.prod([int(n) for n in hdu.shape], dtype=object) > _MAX_TABLE:
            raise InputError(f"the look-up table {hdu.name} has shape {hdu.shape}: more than 2^22")
    return hdus
