"""Encoder cases: parent images with the true values of their stamps, or E_INPUT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import truth

from .expected import rows
from .material import FLT_MAX, LSST_CD, LSST_PLANES, RUBIN_16, TINY, gaussian_psf
from .vector import Lcg
from .writer import NAN

INF = float("inf")
Grid = list[list[float]]


@dataclass(frozen=True)
class Case:
    id: str
    request: dict[str, Any]
    clauses: tuple[str, ...]
    reason: str
    error: str | None = None
    flags: tuple[str, ...] = ()
    since: str = "1.0"


def sky(
    seed: int, height: int = 44, width: int = 40, step: float = 1 / 64, noise: int = 4000
) -> Grid:
    """Noise of a few values per parent pixel, a point source and an extended one."""
    rng = Lcg(seed)
    out = []
    for row in range(height):
        line = []
        for column in range(width):
            value = sum(rng.between(-noise, noise) for _ in range(3)) // 3
            value += round(60000 * 2.0 ** -(((row - 20) ** 2 + (column - 19) ** 2) / 4))
            value += round(9000 * 2.0 ** -(((row - 28) ** 2 / 3 + (column - 30) ** 2) / 40))
            line.append(value * step)
        out.append(line)
    return out


def variance_of(image: Grid, background: float = 256.0) -> Grid:
    return [[truth.rnd4(background + abs(value) / 4) for value in row] for row in image]


def constant(value: float, height: int = 44, width: int = 40) -> Grid:
    return [[value] * width for _ in range(height)]


def changed(grid: Grid, edit: Callable[[int, int, float], float]) -> Grid:
    return [
        [edit(row, column, value) for column, value in enumerate(line)]
        for row, line in enumerate(grid)
    ]


def bits(seed: int, planes: int, height: int = 44, width: int = 40) -> list[list[int]]:
    rng = Lcg(seed)
    return [
        [rng.below(2**planes) if rng.below(12) == 0 else 0 for _ in range(width)]
        for _ in range(height)
    ]


def request(
    image: Grid,
    x: float = 19.25,
    y: float = 20.5,
    levels: int = 3,
    encoding: str = "f4",
    **more: Any,
) -> dict[str, Any]:
    return {"image": image, "x": x, "y": y, "levels": levels, "encoding": encoding} | more


def geometry() -> Iterator[Case]:
    clauses = ("EC-1", "GE-1", "GE-3", "GE-6", "VA-2", "VA-3", "PL-6")
    for n in range(2, 9):
        for kind, clause in (("f4", "EC-2"), ("i2", "EC-3")):
            yield Case(
                f"encode-{kind}-n{n}",
                request(sky(n), levels=n, encoding=kind),
                (*clauses, clause, "EC-7", "EC-8"),
                f"n = {n}: a 44x40 parent, which wide levels overrun on every side",
            )
    places = {
        "integer": (19.0, 20.0),
        "half": (19.5, 20.5),
        "below-half": (19.4999, 20.4375),
        "three-quarters": (19.75, 20.875),
        "tenth": (19.1, 20.3),
        "corner-low": (0.0, 0.0),
        "corner-high": (39.0, 43.0),
        "edge-left": (-0.5, 20.0),
        "edge-top": (12.3, 43.49),
        "rounds-to-half": (19 - 2.0**-30, 20 - 2.0**-40),
    }
    for name, (x, y) in places.items():
        yield Case(
            f"encode-place-{name}",
            request(sky(20), x, y),
            (*clauses, "EC-2"),
            f"source at ({x}, {y})",
            flags=("position",),
        )
    big = sky(21, 240, 240, 0.25, 40)
    yield Case(
        "encode-n5-covered",
        request(big, 119.75, 119.5, 5, "i2"),
        (*clauses, "EC-3", "EC-7"),
        "240x240: the widest level fits to the pixel",
    )


def values() -> Iterator[Case]:
    clauses = ("EC-1", "VA-1", "VA-2", "VA-3")
    gone = changed(
        sky(30),
        lambda r, c, v: (
            NAN
            if (r * 7 + c * 3) % 11 == 0
            else INF
            if (r, c) == (20, 19)
            else -INF
            if (r, c) == (21, 20)
            else v
        ),
    )
    for kind, clause in (("f4", "EC-2"), ("i2", "EC-3")):

        def case(
            name: str, image: Grid, reason: str, kind: str = kind, clause: str = clause, **more: Any
        ) -> Case:
            return Case(
                f"encode-{kind}-{name}",
                request(image, encoding=kind, **more),
                (*clauses, clause, "EC-8"),
                reason,
            )

        yield case("missing", gone, "NaN and infinities in the parent are missing")
        yield case("all-missing", constant(NAN), "nothing finite in the parent")
        yield case("constant", constant(7.25), "one value everywhere")
        yield case("zero", constant(0.0), "zero everywhere")
        yield case("negative-zero", constant(-0.0), "-0.0 everywhere: means are +0.0")
        yield case(
            "one-finite",
            changed(constant(NAN), lambda r, c, v: 3.5 if (r, c) == (20, 19) else v),
            "a single finite pixel",
        )
        yield case(
            "subnormal",
            changed(constant(0.0), lambda r, c, v: TINY * ((r * 31 + c * 17) % 64 - 20)),
            "subnormal values",
        )
        top = FLT_MAX if kind == "f4" else 2.0**115  # [EC-4]'s scale stays within [EN-3]
        yield case(
            "huge",
            changed(constant(0.0), lambda r, c, v, top=top: top if (r + c) % 2 else -top),
            "the largest values of either sign",
        )  # type: ignore[misc]
        yield case(
            "bright",
            changed(
                sky(31), lambda r, c, v: v + (2.0**22 if (r, c) in ((20, 19), (21, 19)) else 0)
            ),
            "two pixels 10^4 times the rest",
        )
        yield case(
            "offset", changed(sky(32), lambda r, c, v: truth.rnd4(v + 1e6)), "a large background"
        )
    yield from wide_ranges()
    for shape in ((1, 1), (1, 40), (44, 1)):
        image = constant(2.5, *shape)
        yield Case(
            f"encode-parent-{shape[0]}x{shape[1]}",
            request(image, 0.25, 0.25, 2),
            ("EC-1", "EC-2", "EC-7"),
            f"a parent of {shape[0]} row(s) and {shape[1]} column(s)",
        )


def wide_ranges() -> Iterator[Case]:
    """Values that an `i2` step within the noise cannot span [EC-9]."""
    clauses = ("EC-1", "EC-3", "EC-9")
    image, flat = sky(33), constant(0.0)

    def one(value: float) -> Grid:
        return changed(image, lambda r, c, v: value if (r, c) == (18, 21) else v)

    for name, value, what in (
        ("fill", truth.rnd4(-1e30), "a fill of -1e30 in one pixel"),
        ("float-max", -FLT_MAX, "a fill of -FLT_MAX in one pixel, which no i2 scale can hold"),
        ("hot", truth.rnd4(1e10), "one pixel of 1e10"),
    ):
        for known in (True, False):
            more = {"variance": variance_of(image), "varianceEncoding": "f4"} if known else {}
            yield Case(
                f"encode-i2-{name}{'-variance' if known else ''}",
                request(one(value), encoding="i2", **more),
                clauses,
                f"{what}: its neighbours stay within their noise when the image is f4",
            )
    yield Case(
        "encode-i2-wide-within-noise",
        request(
            one(65534.0 * 12),
            encoding="i2",
            variance=constant(256.0),
            varianceEncoding="f4",
        ),
        clauses,
        "a step of 12 under a noise of 16: still i2",
    )
    yield Case(
        "encode-i2-noise-coarser-than-range",
        request(
            changed(flat, lambda r, c, v: 0.25 * ((r * 5 + c * 3) % 7)),
            encoding="i2",
            variance=constant(4096.0),
            varianceEncoding="f4",
        ),
        clauses,
        "the noise alone sets the step: [EC-4] allows one larger than the range",
    )
    yield Case(
        "encode-i2-noise-at-one-level",
        request(
            image,
            encoding="i2",
            variance=changed(constant(0.0), lambda r, c, v: 64.0 if abs(r - 20) > 9 else 0.0),
            varianceEncoding="f4",
        ),
        clauses,
        "variances of zero in the core: levels without a noise get the step of their range",
    )


def planes() -> Iterator[Case]:
    image = sky(40)
    variance = variance_of(image)
    bad = changed(
        variance,
        lambda r, c, v: (
            NAN
            if r == c
            else -1.0
            if r == c + 1
            else INF
            if r == c + 2
            else 0.0
            if r == c + 3
            else v
        ),
    )
    steep = changed(variance, lambda r, c, v: truth.rnd4(2.0 ** ((r * 13 + c * 7) % 40 - 20)))
    for kind in ("f4", "log8"):
        clause = ("EC-1", "EC-2", "PL-2") if kind == "f4" else ("EC-1", "EC-5", "PL-2")
        for name, plane, what in (
            ("plain", variance, "background and source noise"),
            ("bad-pixels", bad, "NaN, negative, infinite and zero variances"),
            ("steep", steep, "variances over 12 decades"),
            ("zero", constant(0.0), "zero everywhere"),
            ("missing", constant(NAN), "missing everywhere"),
        ):
            yield Case(
                f"encode-variance-{kind}-{name}",
                request(image, levels=5, encoding="i2", variance=plane, varianceEncoding=kind),
                (*clause, "EC-3", "EC-8"),
                f"{kind} variance: {what}",
            )
    # Below 2^-126 the step between binary32 values is coarser than a code's 2.2 %.
    faint = changed(variance, lambda r, c, v: TINY * ((r * 5 + c * 3) % 90))
    yield Case(
        "encode-variance-log8-subnormal",
        request(image, levels=3, encoding="i2", variance=faint, varianceEncoding="log8"),
        ("EC-1", "EC-5", "EC-3", "EC-8"),
        "log8 variance: subnormal variances, within 2.2 % + 2^-149",
    )
    for count in (1, 8, 9, 16):
        mask = {"planes": RUBIN_16[:count], "data": bits(41 + count, count)}
        yield Case(
            f"encode-mask-{count}-planes",
            request(image, levels=4, mask=mask),
            ("EC-1", "PL-4", "EC-8"),
            f"{count} mask plane(s)",
        )
    yield Case(
        "encode-mask-zero",
        request(image, mask={"planes": LSST_PLANES, "data": [[0] * 40] * 44}),
        ("EC-8",),
        "an all-zero mask is written with empty data",
    )
    covered = changed(image, lambda r, c, v: NAN if r < 22 else v)
    yield Case(
        "encode-mask-under-missing",
        request(covered, mask={"planes": LSST_PLANES, "data": bits(50, 8)}),
        ("EC-1", "PL-4"),
        "mask bits of missing pixels count",
    )
    for size, width in ((1, 1.0), (5, 1.3), (21, 2.2), (41, 3.5)):
        q = gaussian_psf(size, width)
        psf = [
            [truth.rnd4(v / 32767) for v in q[row * size : row * size + size]]
            for row in range(size)
        ]
        yield Case(
            f"encode-psf-{size}",
            request(image, psf=psf),
            ("EC-6",),
            f"a PSF of {size}x{size} that does not sum to 1",
        )
    cd = [truth.rnd4(v) for v in LSST_CD[2:]]
    yield Case(
        "encode-metadata",
        request(
            image,
            wcs={"ra": 10.684708, "dec": -45.25, "cd": cd},
            band="r",
            fluxUnit="DN",
            id='7/"science"\\',
        ),
        ("EC-1", "PL-7", "EN-10"),
        "wcs, band, fluxUnit and id arrive unchanged",
    )
    yield Case(
        "encode-everything",
        request(
            image,
            levels=5,
            encoding="i2",
            variance=variance,
            varianceEncoding="log8",
            mask={"planes": LSST_PLANES, "data": bits(60, 8)},
            psf=[
                [truth.rnd4(v / 9000) for v in gaussian_psf(21, 2.2)[r * 21 : r * 21 + 21]]
                for r in range(21)
            ],
            wcs={"ra": 359.75, "dec": 89.5, "cd": cd},
            band="i",
            fluxUnit="nJy",
            id="9/template",
        ),
        ("EC-1", "EC-3", "EC-5", "EC-6", "EC-8"),
        "every plane at once",
    )


def rejected() -> Iterator[Case]:
    image = constant(1.0, 8, 8)

    def case(name: str, reason: str, clause: str, **change: Any) -> Case:
        return Case(
            f"encode-reject-{name}",
            request(image, 3.0, 3.0, 2) | change,
            (clause, "LI-1"),
            reason,
            "E_INPUT",
        )

    for levels in (1, 9, 0, -2):
        yield case(
            f"levels-{'minus-' if levels < 0 else ''}{abs(levels)}",
            f"levels = {levels}",
            "GE-2",
            levels=levels,
        )
    yield case("encoding", "unknown image encoding", "EN-1", encoding="i3")
    yield case(
        "variance-encoding",
        "unknown variance encoding",
        "EN-4",
        variance=image,
        varianceEncoding="log4",
    )
    yield case(
        "variance-shape",
        "variance smaller than the image",
        "PL-2",
        variance=constant(1.0, 7, 8),
        varianceEncoding="f4",
    )
    yield case(
        "mask-shape",
        "mask smaller than the image",
        "PL-4",
        mask={"planes": ["A"], "data": [[0] * 8] * 7},
    )
    yield case(
        "mask-unnamed-bit",
        "a mask bit without a name",
        "EN-8",
        mask={"planes": ["A"], "data": [[2] * 8] * 8},
    )
    yield case(
        "mask-repeated",
        "a mask name twice",
        "EN-7",
        mask={"planes": ["A", "A"], "data": [[0] * 8] * 8},
    )
    yield case(
        "mask-17-planes",
        "17 mask planes",
        "EN-7",
        mask={"planes": [*RUBIN_16, "X"], "data": [[0] * 8] * 8},
    )
    yield case(
        "mask-name",
        "a mask name with a space",
        "EN-7",
        mask={"planes": ["A B"], "data": [[0] * 8] * 8},
    )
    yield case("psf-zero", "a PSF whose sum is 0", "EN-9", psf=constant(0.0, 3, 3))
    yield case("psf-missing", "a PSF with NaN", "EN-9", psf=constant(NAN, 3, 3))
    yield case("id-newline", "an id with a newline", "EN-10", id="a\nb")
    yield case("id-long", "an id of 129 bytes", "EN-10", id="x" * 129)
    yield case("band-long", "a band of 33 bytes", "EN-10", band="x" * 33)
    yield case("fluxunit-empty", "an empty fluxUnit", "EN-10", fluxUnit="")
    yield case(
        "wcs-singular",
        "a singular CD matrix",
        "EN-11",
        wcs={"ra": 1.0, "dec": 2.0, "cd": [1.0, 2.0, 2.0, 4.0]},
    )
    yield case(
        "wcs-dec", "dec = 90.5", "EN-11", wcs={"ra": 1.0, "dec": 90.5, "cd": [1.0, 0.0, 0.0, 1.0]}
    )


def cases() -> list[Case]:
    out = [*geometry(), *values(), *planes(), *rejected()]
    assert len({case.id for case in out}) == len(out), "identifiers repeat"
    return out


def plane_json(grid: list[list[Any]]) -> dict[str, Any]:
    return {"shape": [len(grid), len(grid[0])], "rows": rows(grid)}


def request_json(source: dict[str, Any]) -> dict[str, Any]:
    out = dict(source)
    for name in ("image", "variance", "psf"):
        if name in out:
            out[name] = plane_json(out[name])
    if "mask" in out:
        out["mask"] = {"planes": out["mask"]["planes"]} | plane_json(out["mask"]["data"])
    return out


def true_json(source: dict[str, Any]) -> dict[str, Any]:
    """Truth in stamp order: one line per row of the core, then per row of each ring."""
    found, lines = truth.true_stamp(source), []
    places = truth.stored(source["levels"])
    starts = [i for i, (k, a, _) in enumerate(places) if i == 0 or places[i - 1][:2] != (k, a)] + [
        len(places)
    ]
    out: dict[str, Any] = {"dx": found["dx"], "dy": found["dy"]}
    if source["encoding"] == "i2":
        out["noise"] = found["noise"]
    for name in ("image", "variance", "mask"):
        if name in found:
            lines = [found[name][a:b] for a, b in pairwise(starts)]
            out[name] = rows(lines)
    return out


def write(folder: Path, case: Case, dump: Callable[[Any], str]) -> dict[str, Any]:
    path = folder / "encode" / f"{case.id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"request": request_json(case.request)}
    entry: dict[str, Any] = {"id": case.id, "file": f"encode/{path.name}"}
    if case.error:
        entry["error"] = content["error"] = case.error
    else:
        content["true"] = true_json(case.request)
    path.write_text(dump(content))
    return entry | {
        "clauses": sorted(set(case.clauses)),
        "flags": list(case.flags),
        "reason": case.reason,
        "since": case.since,
    }
