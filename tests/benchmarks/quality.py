"""What the bytes keep: aperture fluxes, centroids and noise of the decoded mosaic."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import hstamp

from . import sky

__all__ = ["RADII", "photometry", "rings", "run", "step_noise"]

RADII = {"1 arcsec": 1.0, "3 arcsec": 3.0, "5 arcsec": 5.0}
"""Radii of apertures [arcsec]."""
Float = npt.NDArray[np.float64]


def _place(stamp: hstamp.Stamp, p: sky.Parent) -> tuple[int, int]:
    """Column and row of the mosaic's first pixel in the parent."""
    i0, j0 = hstamp.reference_corner(p.x, p.y)
    return i0 + stamp.layout.origins[-1], j0 + stamp.layout.origins[-1]


def _parent_window(p: sky.Parent, column: int, row: int, side: int) -> tuple[Float, Float]:
    cut = np.s_[row : row + side, column : column + side]
    return p.image[cut].astype(float), p.variance[cut].astype(float)


def photometry(image: Float, variance: Float, x: float, y: float, kron: tuple[float, ...] | None):
    """Fluxes and errors in every aperture, and the Kron ellipse used."""
    import sep

    image, error = np.ascontiguousarray(image), np.ascontiguousarray(np.sqrt(variance))
    values: dict[str, tuple[float, float]] = {}
    for name, radius in RADII.items():
        flux, fluxerr, _ = sep.sum_circle(
            image, [x], [y], [radius / sky.SCALE], err=error, subpix=0
        )
        values[name] = float(flux[0]), float(fluxerr[0])
    if kron is not None:
        a, b, theta, r = kron
        flux, fluxerr, _ = sep.sum_ellipse(
            image, [x], [y], [a], [b], [theta], r, err=error, subpix=5
        )
        values["Kron"] = float(flux[0]), float(fluxerr[0])
    return values


def _kron(image: Float, variance: Float, x: float, y: float) -> tuple[float, ...] | None:
    """Kron ellipse of the source nearest the centre, measured on the parent."""
    import sep

    found = sep.extract(np.ascontiguousarray(image), 2.0, err=np.sqrt(variance), minarea=5)
    if not len(found):
        return None
    nearest = found[np.argmin(np.hypot(found["x"] - x, found["y"] - y))]
    if np.hypot(nearest["x"] - x, nearest["y"] - y) > 5 or nearest["b"] < 0.5:
        return None
    a, b, theta = (float(nearest[k]) for k in ("a", "b", "theta"))
    radius, _ = sep.kron_radius(np.ascontiguousarray(image), [x], [y], [a], [b], [theta], 6.0)
    r = 2.5 * float(np.clip(radius[0], 1.0, 4.0))
    return (a, b, theta, r) if a * r < 90 else None


def _centroid(image: Float, x: float, y: float) -> tuple[float, float]:
    """Windowed centroid (Gaussian of 3 pixels), from where the source should be."""
    import sep

    cx, cy, _ = sep.winpos(np.ascontiguousarray(image), [x], [y], [3.0 / 2.35 * 1.5])
    return float(cx[0]), float(cy[0])


def _statistics(values: list[float]) -> dict[str, float]:
    array = np.asarray(values)
    low, median, high = np.percentile(array, [16, 50, 84])
    return {
        "median": float(median),
        "16 %": float(low),
        "84 %": float(high),
        "rms": float(np.sqrt(np.mean(array**2))),
        "95 % of |x|": float(np.percentile(np.abs(array), 95)),
        "n": len(array),
    }


def core(parents: list[sky.Parent], **options: Any) -> dict[str, Any]:
    """Errors of the central source: (mosaic - parent) / parent's own error."""
    errors: dict[str, dict[str, list[float]]] = {}
    for p in parents:
        stamp = p.encode(**options)
        column, row = _place(stamp, p)
        side = stamp.layout.side
        truth, variance = _parent_window(p, column, row, side)
        shown = stamp.mosaic().astype(float)
        x, y = p.x - column, p.y - row
        kron = _kron(truth, variance, x, y)
        a, b = photometry(truth, variance, x, y, kron), photometry(shown, variance, x, y, kron)
        into = errors.setdefault(p.kind, {})
        for name in a:
            into.setdefault(name, []).append((b[name][0] - a[name][0]) / a[name][1])
        one, two = _centroid(truth, x, y), _centroid(shown, x, y)
        into.setdefault("centroid [mas]", []).append(
            1000 * sky.SCALE * float(np.hypot(one[0] - two[0], one[1] - two[1]))
        )
    return {kind: {k: _statistics(v) for k, v in found.items()} for kind, found in errors.items()}


def rings(parents: list[sky.Parent], per_ring: int = 4, **options: Any) -> dict[str, Any]:
    """Errors of sources placed in each ring, by the ring and the kind of source."""
    errors: dict[str, dict[str, list[float]]] = {}
    rng = np.random.default_rng(11)
    for number, p in enumerate(parents):
        for k in range(1, 5):
            # The middle of a ring lies 5.75 of its pixels from the centre.
            reach = 5.75 * 2**k
            for _ in range(per_ring):
                angle = rng.uniform(0, 2 * np.pi)
                step = reach / max(abs(np.cos(angle)), abs(np.sin(angle)))
                x, y = p.x + step * np.cos(angle), p.y + step * np.sin(angle)
                light = np.zeros(p.image.shape)
                kind = ("star", "galaxy")[number % 2]
                flux = 10 ** rng.uniform(3.5, 5.5)
                shape = (
                    sky.psf_image(81, 4.0, x % 1 - 0.5, y % 1 - 0.5)
                    if kind == "star"
                    else sky._galaxy(rng, 81, 4.0, x % 1 - 0.5, y % 1 - 0.5)
                )
                cx, cy = int(np.floor(x)), int(np.floor(y))
                x, y = cx + x % 1 - 0.5, cy + y % 1 - 0.5
                sky._add(light, flux * shape, cx, cy)
                noisy = p.image + light + rng.normal(size=light.shape) * np.sqrt(light / sky.GAIN)
                variance = (p.variance + light / sky.GAIN).astype(np.float32)
                added = sky.Parent(
                    noisy.astype(np.float32), variance, p.mask, p.psf, p.x, p.y, kind
                )
                stamp = added.encode(**options)
                column, row = _place(stamp, added)
                truth, spread = _parent_window(added, column, row, stamp.layout.side)
                shown = stamp.mosaic().astype(float)
                at = x - column, y - row
                a = photometry(truth, spread, *at, None)
                b = photometry(shown, spread, *at, None)
                into = errors.setdefault(f"ring {k}, {kind}", {})
                for name in a:
                    into.setdefault(name, []).append((b[name][0] - a[name][0]) / a[name][1])
    return {kind: {k: _statistics(v) for k, v in found.items()} for kind, found in errors.items()}


def step_noise(parents: list[sky.Parent], step: float) -> float:
    """Noise that i2 adds, as a fraction of the pixel noise, in quadrature: sqrt(1 + r^2) - 1."""
    ratios = []
    for p in parents:
        exact = p.encode(encoding="f4").values.astype(float)
        coarse = p.encode(step=step).values.astype(float)
        stamp = p.encode(encoding="f4", variance_encoding="f4")
        record = stamp.record.variance
        assert record is not None
        variance = np.frombuffer(record.data, "<f4").astype(float)
        ratios.append(np.mean((coarse - exact) ** 2 / variance))
    return float(np.sqrt(1 + np.mean(ratios)) - 1)


def run(count: int = 60) -> dict[str, Any]:
    """Quality of i2 and of exact f4 stamps of simulated parents."""
    made = sky.parents(count, first=1000)
    few = made[: max(4, count // 5)]
    return {
        "sources": count,
        "core, i2": core(made),
        "core, f4": core(made, encoding="f4"),
        "rings, i2": rings(few),
        "added noise": {
            f"1/{round(1 / s)}": step_noise(made[:30], s) for s in (1 / 4, 1 / 8, 1 / 16, 1 / 32)
        },
    }
