"""`hstamp conformance explain`: one vector, its bytes field by field, what is expected, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError
from ..outputs import atomic_writer
from .vectors import EncodeCase, Suite, Vector
from .walk import walk

SHADES = " .:-=+*#%@"


def find(suite: Suite, identifier: str) -> Vector | EncodeCase:
    """The vector or encoder case of that name.

    Raises
    ------
    hstamp.errors.InputError
        There is none; the message names the nearest.
    """
    from difflib import get_close_matches

    entries: dict[str, Vector | EncodeCase] = {vector.id: vector for vector in suite.vectors}
    entries |= {case.id: case for case in suite.encode}
    if identifier in entries:
        return entries[identifier]
    near = get_close_matches(identifier, entries, 3)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise InputError(f"no vector {identifier!r}{hint}")


def explain(entry: Vector | EncodeCase, *, full: bool = False) -> str:
    """Text that shows one vector.

    Parameters
    ----------
    entry : Vector or EncodeCase
        What to show.
    full : bool
        Every byte of long fields.
    """
    lines = [f"{entry.id}: {entry.reason}", f"file     {entry.path}"]
    lines.append(f"clauses  {', '.join(entry.clauses)}")
    if entry.flags:
        lines.append(f"flags    {', '.join(entry.flags)}")
    if isinstance(entry, EncodeCase):
        return "\n".join([*lines, *_encode_lines(entry)])
    lines.append(f"profile  {entry.profile}")
    lines.append(f"expected {'decoded' if entry.error is None else f'rejected with {entry.error}'}")
    data = entry.data()
    lines += ["", f"{len(data)} bytes"]
    lines += _container_lines(data) if data[:4] == b"Obj\x01" else field_lines(data, full)
    for index, stamp in enumerate(entry.expected()):
        lines += ["", *_stamp_lines(stamp, index)]
    return "\n".join(lines)


def field_lines(data: bytes, full: bool = False) -> list[str]:
    """Offset, bytes, field, value and clause of each field."""
    found = walk(data)
    out = []
    for field in found.fields:
        raw = data[field.start : field.end]
        shown = raw if full or len(raw) <= 12 else raw[:10]
        text = shown.hex(" ").upper() + (" .." if len(shown) < len(raw) else "")
        value = _value(field.value)
        odd = "" if field.shortest else "  (not the shortest form)"
        out.append(f"{field.start:6}  {text:38}  {field.name:18} {value:34} [{field.clause}]{odd}")
    if found.stopped:
        out.append(f"reading stops: {found.stopped}")
        at = found.fields[-1].end if found.fields else 0
        out.append(f"{at:6}  {data[at : at + 16].hex(' ').upper()}")
    return out


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        if len(value) > 40 or not all(0x20 <= b <= 0x7E for b in value):
            return f"{len(value)} bytes"
        return repr(value.decode("ascii"))
    if isinstance(value, tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, str):
        return value
    return repr(value)


def _container_lines(data: bytes) -> list[str]:
    """First bytes of an object container file; its records are Avro's to explain."""
    out = [
        f"{at:6}  {data[at : at + 16].hex(' ').upper()}" for at in range(0, min(len(data), 64), 16)
    ]
    return [*out, "        (an Avro object container file)"]


def _encode_lines(case: EncodeCase) -> list[str]:
    content = case.content()
    out = [f"expected {'a blob' if case.error is None else f'rejected with {case.error}'}", ""]
    for key, value in content["request"].items():
        if isinstance(value, dict) and "shape" in value:
            rows, columns = value["shape"]
            names = f", planes {', '.join(value['planes'])}" if "planes" in value else ""
            out.append(f"{key:18} {rows} x {columns}{names}")
        else:
            out.append(f"{key:18} {value}")
    true = content.get("true", {})
    return out + [f"true {key:13} {true[key]}" for key in ("dx", "dy") if key in true]


def _stamp_lines(stamp: Any, index: int) -> list[str]:
    name = f"stamp {index}" + (f" in field {stamp['field']}" if stamp["field"] else "")
    keys = ("version", "levels", "id", "band", "fluxUnit", "dx", "dy", "wcs")
    out = [f"expected {name}: " + ", ".join(f"{key} {stamp[key]!r}" for key in keys)]
    out += ["image (row 0 first, !! is missing)", *draw_levels(stamp["image"])]
    if stamp["variance"] is not None:
        out += ["variance", *draw_levels(stamp["variance"])]
    if stamp["mask"] is not None:
        out += [f"mask ({', '.join(stamp['mask']['planes'])})", *draw_levels(stamp["mask"]["data"])]
    if stamp["psf"] is not None:
        size = stamp["psf"]["size"]
        out.append(f"psf {size} x {size}, peak {np.max(stamp['psf']['data'])}")
    return out


def draw_levels(levels: np.ndarray[Any, Any]) -> list[str]:
    """Levels side by side, one shaded character per pixel; `!` is missing."""
    blocks = [draw_grid(level) for level in levels]
    captions = [_range(level) for level in levels]
    out = []
    for first in range(0, len(blocks), 4):
        group = slice(first, first + 4)
        out.append("   ".join(f"level {first + i}: {c:21}" for i, c in enumerate(captions[group])))
        out += ["   ".join(row) for row in zip(*blocks[group], strict=True)]
    return out


def _range(level: np.ndarray[Any, Any]) -> str:
    finite = level[np.isfinite(level)]
    return "all missing" if finite.size == 0 else f"{finite.min():.4g} to {finite.max():.4g}"


def draw_grid(level: np.ndarray[Any, Any]) -> list[str]:
    """One level, two characters per pixel, darkest to brightest."""
    values = level.astype(np.float64)
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    span = high - low if np.isfinite(high - low) and high > low else 1.0
    rows = []
    for row in values:
        cells = []
        for value in row:
            if np.isfinite(value):
                step = int((value - low) / span * (len(SHADES) - 1))
                cells.append(SHADES[min(max(step, 0), len(SHADES) - 1)] * 2)
            else:
                cells.append("!!")
        rows.append("".join(cells))
    return rows


def draw_png(vector: Vector, path: Path) -> None:
    """Draw the expected levels of the first stamp.

    Raises
    ------
    hstamp.errors.InputError
        The vector has no expected stamps.
    hstamp.errors.MissingExtraError
        matplotlib is not installed.
    """
    stamps = vector.expected()
    if not stamps:
        raise InputError(f"{vector.id} is not decoded to any stamp: there is nothing to draw")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot") from error
    levels = stamps[0]["image"]
    figure = Figure(figsize=(2.2 * len(levels), 2.6), layout="constrained")
    for k, level in enumerate(levels):
        axes = figure.add_subplot(1, len(levels), k + 1)
        axes.imshow(level, origin="lower", cmap="viridis", interpolation="nearest")
        axes.set_title(f"level {k}", fontsize=9)
        axes.set_xticks([0, 7, 14])
        axes.set_yticks([0, 7, 14])
    figure.suptitle(f"{vector.id}: expected image", fontsize=10)
    with atomic_writer(path) as stream:
        figure.savefig(stream, format="png", dpi=120)
