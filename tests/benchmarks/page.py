"""Tables and plots of the results, between the markers of the docs page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["tables", "write"]

_TINT = {"ours": "#0072b2", "peer": "#999999", "limit": "#d55e00"}


def write(results: dict[str, Any], path: Path, figures: Path) -> None:
    """Put tables into the page and figures beside it."""
    text = path.read_text(encoding="utf-8")
    for name, table in tables(results).items():
        marks = re.compile(rf"(<!-- begin:{name} -->\n).*?(<!-- end:{name} -->)", re.DOTALL)
        if not marks.search(text):
            raise SystemExit(f"{path} has no place for the table {name!r}")
        text = marks.sub(lambda m, t=table: f"{m[1]}\n{t}\n\n{m[2]}", text)
    path.write_text(text, encoding="utf-8")
    _plots(results, figures)


def tables(results: dict[str, Any]) -> dict[str, str]:
    made: dict[str, str] = {}
    if "machine" in results:
        made["machine"] = _machine(results["machine"])
    if "decode" in results:
        made |= _decode(results["decode"])
    if "encode" in results:
        made |= _encode(results["encode"])
    if "bytes" in results:
        made |= _bytes(results["bytes"])
    if "quality" in results:
        made |= _quality(results["quality"])
    if "growth" in results:
        made |= _growth(results["growth"])
    if "archives" in results:
        made |= _archives(results["archives"])
    return made


def _archives(r: dict[str, Any]) -> dict[str, str]:
    rows, goals = [], []
    wanted = {("LSST v9", "baseline"): 10, ("LSST v9", "CCDData.read"): 6, ("ZTF", "baseline"): 5}
    for survey, times in r["conversion"].items():
        for name, taken in times.items():
            x = taken / times["this"]
            rows.append([f"{survey}: {name}", _number(taken), _number(1e6 / taken), f"{x:.1f}"])
            if (goal := wanted.get((survey, name))) is not None:
                text = f"{survey} against {name}"
                goals.append((text, f">= {goal} x", f"{x:.1f} x", x >= goal))
    read = r["messages"]
    for name, taken in read.items():
        x = read["fastavro"] / taken
        rows.append([f"v11 message: {name}", _number(taken), _number(1e6 / taken), f"{x:.1f}"])
        if name == "read_alert_stamps":
            goals.append(
                ("stamps of a v11 message against fastavro", ">= 20 x", f"{x:.1f} x", x >= 20)
            )
    head = ["", "µs an alert, median", "alerts per second and core", "times"]
    return {"archives": _table(head, rows), "archives-goals": _goals(goals)}


def _table(head: list[str], rows: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(r) + " |" for r in [head, rule, *rows])


def _number(value: float, digits: int = 3) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def _machine(parts: dict[str, Any]) -> str:
    rows = []
    facts = next(iter(parts.values()))
    rows.append([", ".join(f"{k} {v}" for k, v in facts.items() if k != "load"), ""])
    rows.append(
        [
            "load average at the end of each part",
            ", ".join(f"{name} {p['load']}" for name, p in parts.items()),
        ]
    )
    return _table(["machine", ""], rows)


def _race(entries: dict[str, Any], reference: str | None, word: str) -> str:
    base = entries[reference]["median"] if reference in entries else None
    rows = []
    for name, e in sorted(entries.items(), key=lambda item: -item[1]["median"]):
        ratio = [] if base is None else [f"{base / e['median']:.3g}"]
        rows.append(
            [name, _number(e["median"]), f"{_number(e['low'])} to {_number(e['high'])}", *ratio]
        )
    return _table(["", "µs, median", "16 to 84 %", *([word] if base else [])], rows)


def _decode(r: dict[str, Any]) -> dict[str, str]:
    made = {
        "decode": _race(r["stamps"], "fits.open, 3 planes", "times as fast as fits.open"),
        "decode-goals": _goals(_decode_goals(r)),
        "threads": _table(
            ["", "stamps per second (wall time)"],
            [[k, _number(v)] for k, v in r["threads"].items() if k != "cores"],
        ),
    }
    if r.get("out of Avro"):
        made["take"] = _race(r["out of Avro"], None, "")
        made["where"] = _race(r["where"], None, "")
    if "real" in r:
        made["decode-real"] = _race(r["real"], None, "")
    return made


Goal = tuple[str, str, str, bool]


def _goals(rows: list[Goal]) -> str:
    return _table(
        ["goal", "wanted", "measured", ""],
        [[a, b, c, "met" if ok else "**missed**"] for a, b, c, ok in rows],
    )


def _decode_goals(r: dict[str, Any]) -> list[Goal]:
    s = {k: v["median"] for k, v in r["stamps"].items()}
    rows: list[Goal] = []
    for path, suffix in (("compiled", ""), ("numpy", ", numpy")):
        batch, one = f"hstamp batch, 3 planes{suffix}", f"hstamp one at a time, 3 planes{suffix}"
        if batch not in s:
            continue
        for peer, goal in (("CCDData.read", 300), ("fits.open, 3 planes", 50)):
            x = s[peer] / s[batch]
            rows.append((f"batch against {peer} ({path})", f">= {goal} x", f"{x:.0f} x", x >= goal))
        x = s["fits.open, 3 planes"] / s[one]
        rows.append((f"one at a time against fits.open ({path})", ">= 20 x", f"{x:.1f} x", x >= 20))
    if r.get("out of Avro"):
        t = {k: v["median"] for k, v in r["out of Avro"].items()}
        for name in ("hstamp image i2", "hstamp variance log8"):
            x = t[name] / t["numpy.take writing the same output"]
            rows.append((f"{name} against numpy.take", "<= 3 x", f"{x:.2f} x", x <= 3))
    return rows


def _encode(r: dict[str, Any]) -> dict[str, str]:
    w, v = r["windows"], r["visit"]
    limit = w["limit: ndarray.sum of the window"]["median"]
    goals: list[Goal] = []
    for name in (
        "arithmetic of the image plane (window to integers)",
        "one at a time, image",
        "batch of 64 windows, image",
    ):
        if name in w:
            x = w[name]["median"] / limit
            goals.append((f"{name}, against ndarray.sum", "<= 3 x", f"{x:.2f} x", x <= 3))
    cpu = v["CPU seconds, one core"] * 10_000 / v["alerts"]
    goals.append(
        ("visit of 10,000 alerts x 3 stamps, one core", "< 10 s", f"{cpu:.1f} s", cpu < 10)
    )
    share = 100 * v["wall seconds, one core"] * 10_000 / v["alerts"] / v["budget seconds"]
    rows = [[k, _number(x) if isinstance(x, float) else f"{x:,}"] for k, x in v.items()]
    rows.append(["share of the 60 s budget, one core here", f"{share:.0f} %"])
    return {
        "encode": _race(w, None, ""),
        "encode-goals": _goals(goals),
        "visit": _table(["", ""], rows),
    }


def _bytes(r: dict[str, Any]) -> dict[str, str]:
    rows = []
    for name, e in r["rows"].items():
        packed = e.get("batch of stamps, zstd")
        rows.append(
            [
                name,
                _number(e["bytes"]),
                f"{e['values']:,}",
                f"{e['field [arcsec]']:.1f}",
                f"{e['rms']:.3f}" if "rms" in e else "",
                *(_number(e[k]) if k in e else "" for k in ("snappy", "zstd")),
                _number(packed) if packed else "",
            ]
        )
    b = {k: e["bytes"] for k, e in r["rows"].items()}
    full, masked, image = (
        b[f"hstamp n=5 {k}, i2"] for k in ("complete", "complete with 8-plane mask", "image only")
    )
    goals: list[Goal] = [
        ("complete stamp, n = 5", "< 4,000", _number(full), full < 4000),
        ("complete with 8-plane mask", "< 5,000", _number(masked), masked < 5000),
        ("image alone", "< 2,000", _number(image), image < 2000),
        (
            "fewer bytes than today's cutout",
            ">= 8 x",
            f"{b['LSST FITS'] / full:.2f} x",
            b["LSST FITS"] / full >= 8,
        ),
    ]
    lasair = b.get("Lasair: primary HDU, lz4 (image only)")
    if lasair:
        goals.append(
            ("image alone below Lasair's", f"< {_number(lasair)}", _number(image), image < lasair)
        )
    made = {
        "bytes": _table(
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
        "bytes-goals": _goals(goals),
        "curve": _table(
            ["step [noise]", "bytes", "in a zstd batch", "rms error [noise]"],
            [
                [
                    f"{c['step']:.4g}",
                    _number(c["bytes"]),
                    _number(c["batch zstd"] or 0),
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
        ) + _table(
            ["", "bytes", "GB per night", "TB per year"],
            [
                [k, _number(x["bytes"]), _number(x["GB per night"], 4), _number(x["TB per year"])]
                for k, x in a["rows"].items()
            ],
        )
    if r.get("real"):
        made["bytes-real"] = _table(
            ["", "n", "bytes", "gzip", "snappy", "zstd"],
            [
                [
                    k,
                    str(x["n"]),
                    _number(x["bytes"]),
                    *(_number(x[name]) if name in x else "" for name in ("gzip", "snappy", "zstd")),
                ]
                for k, x in r["real"].items()
            ],
        )
    return made


def _quality(r: dict[str, Any]) -> dict[str, str]:
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
        return _table(["", "median", "16 to 84 %", "rms", "95 % within", "n"], rows)

    noise = r["added noise"]
    goal = noise["1/16"]
    return {
        "quality-core": errors(r["core, i2"]),
        "quality-f4": errors(r["core, f4"]),
        "quality-rings": errors(r["rings, i2"]),
        "noise": _table(
            ["step [noise]", "noise added by i2"],
            [[k, f"{100 * v:.4f} %"] for k, v in noise.items()],
        )
        + "\n\n"
        + _goals(
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


def _growth(r: dict[str, Any]) -> dict[str, str]:
    stamps = [
        [
            f"{int(n):,}",
            _number(s["microseconds per stamp"]),
            _number(s["seconds"]),
            _number(s["MB of arrays"]) if "MB of arrays" in s else f"parts of {s['in parts of']:,}",
        ]
        for n, s in r["stamps"].items()
    ]
    levels = [
        [
            n,
            f"{x['window side']:,}",
            f"{x['bytes']:,}",
            _number(x["decode"]["median"]),
            _number(x["encode"]["median"]),
        ]
        for n, x in r["levels"].items()
    ]
    planes = [
        [n, f"{x['bytes']:,}", _number(x["decode"]["median"]), _number(x["encode"]["median"])]
        for n, x in r["planes"].items()
    ]
    return {
        "growth-stamps": _table(["stamps", "µs per stamp", "CPU seconds", "MB of arrays"], stamps)
        + f"\n\nSlope of log time against log number: {r['exponent']:.3f}.",
        "growth-levels": _table(
            ["n", "window side", "bytes", "decode [µs]", "encode [µs]"], levels
        ),
        "growth-planes": _table(["planes", "bytes", "decode [µs]", "encode [µs]"], planes),
    }


def _plots(results: dict[str, Any], folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    if "decode" in results:
        entries = {
            k: v for k, v in results["decode"]["stamps"].items() if not k.startswith("v11 alert")
        }
        _bars(plt, entries, "CPU time per stamp [µs]", folder / "decode.png")
    if "encode" in results:
        _bars(
            plt,
            results["encode"]["windows"],
            "CPU time per 240x240 window [µs]",
            folder / "encode.png",
        )
    if "bytes" in results:
        _sizes(plt, results["bytes"], folder)
    if "growth" in results:
        _lines(plt, results["growth"], folder / "growth.png")


def _tint(name: str) -> str:
    return _TINT[
        "ours"
        if name.startswith(("hstamp", "one", "batch", "arith", "of which"))
        else "limit"
        if name.startswith("limit")
        else "peer"
    ]


def _bars(plt: Any, entries: dict[str, Any], label: str, path: Path) -> None:
    ordered = sorted(entries.items(), key=lambda item: item[1]["median"])
    figure, axes = plt.subplots(figsize=(9, 0.33 * len(ordered) + 1), layout="constrained")
    for place, (name, e) in enumerate(ordered):
        spread = [[max(e["median"] - e["low"], 0)], [max(e["high"] - e["median"], 0)]]
        axes.barh(place, e["median"], color=_tint(name), xerr=spread, ecolor="black")
        axes.text(e["high"] * 1.1, place, _number(e["median"]), va="center", fontsize=8)
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered], fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(label)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _sizes(plt: Any, r: dict[str, Any], folder: Path) -> None:
    rows = sorted(r["rows"].items(), key=lambda item: item[1]["bytes"])
    figure, axes = plt.subplots(figsize=(9, 0.25 * len(rows) + 1), layout="constrained")
    for place, (name, e) in enumerate(rows):
        axes.barh(place, e["bytes"], color=_tint(name))
        axes.text(e["bytes"] * 1.05, place, f"{_number(e['bytes'])}", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=7)
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel("bytes per stamp (simulated windows)")
    figure.savefig(folder / "bytes.png", dpi=110)
    plt.close(figure)

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    curve = r["curve"]
    axes.plot(
        [c["batch zstd"] for c in curve],
        [c["rms"] for c in curve],
        "o-",
        color=_TINT["ours"],
        label="hstamp n=5 image, i2, in a zstd batch (48 arcsec)",
    )
    axes.plot(
        [c["bytes"] for c in curve],
        [c["rms"] for c in curve],
        "s--",
        color=_TINT["ours"],
        label="hstamp n=5 image, i2, uncompressed",
    )
    for c in curve:
        axes.annotate(
            f"1/{round(1 / c['step'])}",
            (c["batch zstd"], c["rms"]),
            fontsize=7,
            xytext=(4, 4),
            textcoords="offset points",
        )
    coded = [(n, e) for n, e in r["rows"].items() if e.get("rms") and n.startswith("48")]
    for mark, (name, e) in zip("vD^<>pP*XhH", coded, strict=False):
        axes.plot(
            e["bytes"],
            e["rms"],
            mark,
            color=_TINT["peer"],
            label=name.replace("48 arcsec window, image: ", "full window: "),
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("bytes per stamp (simulated windows)")
    axes.set_ylabel("rms error of stored values [their own noise]")
    axes.legend(fontsize=7)
    figure.savefig(folder / "rate_distortion.png", dpi=110)
    plt.close(figure)


def _lines(plt: Any, r: dict[str, Any], path: Path) -> None:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    counts = [int(n) for n in r["stamps"]]
    left.loglog(counts, [s["seconds"] for s in r["stamps"].values()], "o-", color=_TINT["ours"])
    left.set_xlabel("stamps decoded")
    left.set_ylabel("CPU time [s]")
    ns = [int(n) for n in r["levels"]]
    for name, tint in (("decode", _TINT["ours"]), ("encode", _TINT["limit"])):
        middle.semilogy(
            ns, [x[name]["median"] for x in r["levels"].values()], "o-", color=tint, label=name
        )
        right.plot(
            range(len(r["planes"])),
            [x[name]["median"] for x in r["planes"].values()],
            "o-",
            color=tint,
            label=name,
        )
    middle.set_xlabel("levels n")
    middle.set_ylabel("CPU time per stamp [µs]")
    right.set_yscale("log")
    right.set_xticks(range(len(r["planes"])), list(r["planes"]), fontsize=8)
    for axes in (middle, right):
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
