"""Section 10 of the specification as a judge: a blob against the true values of its parent.

Blobs are read with `walk`, and stored values decoded here from Section 7 alone, so that a fault
that the codec's encoder and decoder share cannot hide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .outcomes import Difference
from .vectors import text_to_array
from .violations import (
    Array,
    Violation,
    check_f4,
    check_missing,
    data_of,
    fail_where,
    hex_of,
    places,
    same,
)
from .walk import Walk, walk

_M = np.array(
    [
        32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
        46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757,
    ],
    dtype=np.float64,
)  # fmt: skip
_FRACTION = 1 / 16
"""The step as a fraction of the noise, f of [EC-4], in the protocol [TP-5]."""
_SLACK = 1 + 2.0**-20


def judge_blob(blob: bytes, request: Mapping[str, Any], true: Mapping[str, Any]) -> None:
    """Check one encoded stamp.

    Parameters
    ----------
    blob : bytes
        What the encoder wrote.
    request : mapping
        The stored request.
    true : mapping
        The stored true values.

    Raises
    ------
    Violation
        At the first clause that is broken.
    """
    if len(blob) > 65536:
        raise Violation("CO-3", f"{len(blob)} bytes")
    found = walk(blob)
    if found.stopped:
        raise Violation("CO-1", found.stopped)
    fields = found.values()
    n = int(request["levels"])
    if fields["fingerprint"].hex().upper() != "436EB4BEBCEEDC4C":
        raise Violation("CO-2", f"fingerprint {fields['fingerprint'].hex(' ').upper()}")
    _check_metadata(fields, request, true, n)
    _check_image(fields, request, true, n)
    for name, check in (("variance", _check_variance), ("mask", _check_mask), ("psf", _check_psf)):
        present = fields[f"{name} union"] == "present"
        if present != (request.get(name) is not None):
            raise Violation("EC-1", f"{name} is {'present' if present else 'absent'}")
        if present:
            check(fields, request, true, n)
    _check_form(found)


def _check_metadata(
    fields: Mapping[str, Any], request: Mapping[str, Any], true: Mapping[str, Any], n: int
) -> None:
    if not 100 <= fields["version"] <= 199:
        raise Violation("VE-2", f"version {fields['version']}")
    same("EC-1", "levels", n, fields["levels"])
    for key in ("dx", "dy"):
        same("EC-1", key, true[key], fields[key])
    for key in ("id", "band", "fluxUnit"):
        if request.get(key) is not None:
            same("EN-10", key, request[key].encode("ascii"), fields.get(key))
    wcs = request.get("wcs")
    same("PL-7", "wcs", "null" if wcs is None else "present", fields["wcs union"])
    if wcs is not None:
        want = [wcs["ra"], wcs["dec"], *(float(np.float32(v)) for v in wcs["cd"])]
        names = ("ra", "dec", "cd1_1", "cd1_2", "cd2_1", "cd2_2")
        same("PL-7", "wcs", want, [fields[f"wcs.{name}"] for name in names])


def _check_image(
    fields: Mapping[str, Any], request: Mapping[str, Any], true: Mapping[str, Any], n: int
) -> None:
    values = text_to_array(true["image"], np.float32)
    level = places(n)[:, 0]
    encoding = fields["image.encoding"].decode("latin-1")
    wanted = request["encoding"]
    steps = steps_of(values, level, true["noise"]) if wanted == "i2" else ()
    if (wanted, encoding) == ("i2", "f4"):
        if not any(step.exceeds_noise for step in steps):
            raise Violation(
                "EC-9", "f4 for i2, though no level's range forbids a step in its noise"
            )
    else:
        same("EN-1", "image.encoding", wanted, encoding)
    zero, scale = (np.array(fields[f"image.{name}"], np.float64) for name in ("zero", "scale"))
    if encoding == "f4":
        same("EN-1", "lengths of zero and scale", (0, 0), (zero.size, scale.size))
        check_f4("image", values, data_of(fields, "image", "<f4", values.size, "EN-1"), n)
        return
    same("EN-2", "lengths of zero and scale", (n, n), (zero.size, scale.size))
    q = data_of(fields, "image", "<i2", values.size, "EN-2").astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.abs(zero) + 32767 * scale
    good = np.isfinite(scale) & (scale > 0) & np.isfinite(zero) & (reach <= np.finfo("f4").max)
    if not good.all():
        raise Violation("EN-3", f"zero {zero.tolist()}, scale {scale.tolist()}")
    for k, step in enumerate(steps):
        if scale[k] > step.largest:
            message = f"level {k}: scale is {scale[k]:.9g}, at most {step.largest:.9g} is allowed"
            raise Violation("EC-3", message)
    decoded = (zero[level] + scale[level] * q).astype(np.float32)
    decoded[q == -32768] = np.nan
    check_missing("EC-1", "image", values, decoded, n)
    v, w = values.astype(np.float64), decoded.astype(np.float64)
    half = np.where([step.free for step in steps], 0.0, scale / 2)
    bound = half[level] * _SLACK + 2.0**-23 * np.maximum(np.abs(v), np.abs(w)) + 2.0**-149
    fail_where("EC-3", "image", np.abs(w - v) > bound, values, decoded, n)


@dataclass(frozen=True)
class Step:
    """What [EC-3], [EC-4] and [EC-9] say of one level's `i2` step.

    Attributes
    ----------
    largest : float
        Largest scale that [EC-3] allows [flux unit].
    free : bool
        The level has no step of its own: its values are equal, or none is finite.
    exceeds_noise : bool
        The range of the values asks for a step larger than the noise [EC-9].
    """

    largest: float
    free: bool
    exceeds_noise: bool


def steps_of(values: Array, level: Array, noise: Sequence[float | None]) -> tuple[Step, ...]:
    """Step of each level from true stored values and noise sigma_k, with f = 1/16 [TP-5]."""
    out = []
    for k, sigma in enumerate(noise):
        here = values[level == k].astype(np.float64)
        here = here[np.isfinite(here)]
        span = float(here.max() - here.min()) if here.size else 0.0
        if not here.size or (span == 0.0 and sigma is None):
            out.append(Step(1.0, True, False))
            continue
        reach = (span + 2.0**-23 * float(np.abs(here).max())) / 65534
        step = max(_FRACTION * (sigma or 0.0), reach)
        wide = sigma is not None and span / 65534 * _SLACK > sigma
        out.append(Step(step * _SLACK + 2.0**-148, False, wide))
    return tuple(out)


def _check_variance(
    fields: Mapping[str, Any], request: Mapping[str, Any], true: Mapping[str, Any], n: int
) -> None:
    values = text_to_array(true["variance"], np.float32)
    wanted = request.get("varianceEncoding")
    kind = fields["variance.encoding"]
    if wanted is not None:
        same("EN-4", "variance.encoding", wanted.encode(), kind)
    if kind == b"f4":
        same("EN-4", "variance.unit", 1.0, fields["variance.unit"])
        check_f4("variance", values, data_of(fields, "variance", "<f4", values.size, "EN-4"), n)
        return
    codes = data_of(fields, "variance", "u1", values.size, "EN-5").astype(np.int64)
    unit = float(fields["variance.unit"])
    if not (np.isfinite(unit) and unit > 0 and unit * _M[13] <= np.finfo("f4").max):
        raise Violation("EN-6", f"unit {unit}")
    level = places(n)[:, 0]
    steps = np.maximum(codes - 1, 0)
    decoded = (unit * _M[steps % 16] * 2.0 ** (steps // 16 - 15 - 2 * level)).astype(np.float32)
    decoded[codes == 0], decoded[codes == 255] = 0.0, np.nan
    check_missing("EC-1", "variance", values, decoded, n)
    for name, wrong in log8_faults(values, decoded, codes, unit, level):
        fail_where("EC-5", f"variance ({name})", wrong, values, decoded, n)


def log8_faults(
    values: Array, decoded: Array, codes: Array, unit: float, level: Array
) -> Iterator[tuple[str, Array]]:
    """The parts of [EC-5], each with the places that break it."""
    w = values.astype(np.float64) * 4.0**level
    finite = np.isfinite(w)
    yield "zero takes code 0", finite & (w == 0) != (codes == 0)
    yield "below unit takes code 1", finite & (w > 0) & (w < unit) & (codes != 1)
    within = finite & (w >= unit) & (w <= unit * _M[13])
    # Beyond binary32's normal range the final rounding alone may exceed 2.2 %.
    slack = 0.022 * values.astype(np.float64) + 2.0**-149
    off = np.abs(decoded.astype(np.float64) - values.astype(np.float64)) > slack
    yield "within 2.2 %", within & off
    yield "no value above unit*M[13]", finite & (w > unit * _M[13])


def _check_mask(
    fields: Mapping[str, Any], request: Mapping[str, Any], true: Mapping[str, Any], n: int
) -> None:
    values = text_to_array(true["mask"], np.uint16)
    names = [name.decode("latin-1") for name in fields["mask.planes"]]
    same("EN-7", "mask.planes", request["mask"]["planes"], names)
    kind = fields["mask.encoding"]
    if kind not in (b"u1", b"u2") or len(names) > (8 if kind == b"u1" else 16):
        raise Violation("EN-7", f"{len(names)} planes in {kind!r}")
    if not values.any():
        same("EC-8", "length of an all-zero mask", 0, len(fields["mask.data"]))
        return
    width = "<u2" if kind == b"u2" else "u1"
    got = data_of(fields, "mask", width, values.size, "EN-8").astype(np.uint16)
    fail_where("EC-1", "mask", values != got, values, got, n)


def _check_psf(
    fields: Mapping[str, Any], request: Mapping[str, Any], true: Mapping[str, Any], n: int
) -> None:
    del true, n
    parent = text_to_array(request["psf"]["rows"], np.float64)
    size = int(fields["psf.size"])
    same("EN-9", "psf.encoding", b"i2", fields["psf.encoding"])
    same("EN-9", "psf.size", request["psf"]["shape"][0], size)
    q = data_of(fields, "psf", "<i2", size * size, "EN-9").astype(np.int64)
    total = int(q.sum())
    if total <= 0 or (q == -32768).any():
        raise Violation("EN-9", f"psf values sum to {total}")
    p = parent.astype(np.float32).astype(np.float64)
    p = p / p.sum()
    decoded = (q / total).astype(np.float32).astype(np.float64)
    bound = (1 + size**2 * np.abs(p)) / (2 * total) + 2.0**-23 * np.abs(p)
    wrong = np.abs(decoded - p) > bound * (1 + 1e-9)
    if wrong.any():
        first = int(np.argmax(wrong))
        difference = Difference(
            "psf",
            0,
            str(p[first]),
            str(decoded[first]),
            None,
            first // size,
            first % size,
            hex_of(np.float32(p[first])),
            hex_of(np.float32(decoded[first])),
            int(wrong.sum()),
            wrong.size,
        )
        raise Violation("EC-6", str(difference), difference)


def _check_form(found: Walk) -> None:
    """[EC-8]: shortest longs, arrays as one block with a positive count."""
    for field in found.fields:
        if not field.shortest:
            raise Violation(
                "EC-8", f"{field.name} at byte {field.start} is not in its shortest form"
            )
