"""Tables of sizes, and of what they cost in precision."""

from __future__ import annotations

from typing import Any

from .markdown import Goal, goals, number, table

__all__ = ["quality", "sizes"]


def sizes(r: dict[str, Any]) -> dict[str, str]:
    rows = []
    for name, e in r["rows"].items():
        packed = e.get("batch of stamps, zstd")
        rows.append(
            [
                name,
                number(e["bytes"]),
                f"{e['values']:,}",
                f"{e['field [arcsec]']:.1f}",
                f"{e['rms']:.3f}" if "rms" in e else "",
                *(number(e[k]) if k in e else "" for k in ("snappy", "zstd")),
                number(packed) if packed else "",
            ]
        )
    b = {k: e["bytes"] for k, e in r["rows"].items()}
    full, masked, image = (
        b[f"hstamp n=5 {k}, i2"] for k in ("complete", "complete with 8-plane mask", "image only")
    )
    wished: list[Goal] = [
        ("complete stamp, n = 5", "< 4,000", number(full), full < 4000),
        ("complete with 8-plane mask", "< 5,000", number(masked), masked < 5000),
        ("image alone", "< 2,000", number(image), image < 2000),
        (
            "fewer bytes than today's cutout",
            ">= 8 x",
            f"{b['LSST FITS'] / full:.2f} x",
            b["LSST FITS"] / full >= 8,
        ),
    ]
    lasair = b.get("Lasair: primary HDU, lz4 (image only)")
    if lasair:
        wished.append(
            ("image alone below Lasair's", f"< {number(lasair)}", number(image), image < lasair)
        )
    made = {
        "bytes": table(
            [
                "",
                "bytes",
                "values",
                "field [arcsec]",
                "image rms [noise]",
                "snappy",
                "zstd",
                "in a zstd batch",
            ],
            rows,
        ),
        "bytes-goals": goals(wished),
        "curve": table(
            ["step [noise]", "bytes", "in a zstd batch", "rms error [noise]"],
            [
                [
                    f"{c['step']:.4g}",
                    number(c["bytes"]),
                    number(c["batch zstd"] or 0),
                    f"{c['rms']:.4f}",
                ]
                for c in r["curve"]
            ],
        ),
        "bytes-notes": "\n".join(f"- {k}: {v}" for k, v in r["notes"].items())
        or "No peer was missing.",
    }
    if r.get("alerts"):
        a = r["alerts"]
        made["alerts"] = (
            f"Schema {a['schema']}, every field filled, {a['previous sources']} earlier sources and"
            f" as many forced ones (assumed), 10 million alerts a night, {a['nights']} nights"
            " a year (assumed).\n\n"
        ) + table(
            ["", "bytes", "GB per night", "TB per year"],
            [
                [k, number(x["bytes"]), number(x["GB per night"], 4), number(x["TB per year"])]
                for k, x in a["rows"].items()
            ],
        )
    if r.get("real"):
        made["bytes-real"] = table(
            ["", "n", "bytes", "gzip", "snappy", "zstd"],
            [
                [
                    k,
                    str(x["n"]),
                    number(x["bytes"]),
                    *(number(x[name]) if name in x else "" for name in ("gzip", "snappy", "zstd")),
                ]
                for k, x in r["real"].items()
            ],
        )
    return made


def quality(r: dict[str, Any]) -> dict[str, str]:
    def errors(part: dict[str, Any]) -> str:
        rows = []
        for kind, found in part.items():
            for name, e in found.items():
                rows.append(
                    [
                        f"{kind}, {name}",
                        f"{e['median']:.3f}",
                        f"{e['16 %']:.3f} to {e['84 %']:.3f}",
                        f"{e['rms']:.3f}",
                        f"{e['95 % of |x|']:.3f}",
                        str(e["n"]),
                    ]
                )
        return table(["", "median", "16 to 84 %", "rms", "95 % within", "n"], rows)

    noise = r["added noise"]
    goal = noise["1/16"]
    return {
        "quality-core": errors(r["core, i2"]),
        "quality-f4": errors(r["core, f4"]),
        "quality-rings": errors(r["rings, i2"]),
        "noise": table(
            ["step [noise]", "noise added by i2"],
            [[k, f"{100 * v:.4f} %"] for k, v in noise.items()],
        )
        + "\n\n"
        + goals(
            [
                (
                    "noise added by i2 at the default step",
                    "< 0.1 %",
                    f"{100 * goal:.4f} %",
                    goal < 1e-3,
                )
            ]
        ),
    }
