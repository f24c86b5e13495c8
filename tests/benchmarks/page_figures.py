"""Figures of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .markdown import number

__all__ = ["draw"]

_TINT = {"ours": "#0072b2", "peer": "#999999", "limit": "#d55e00"}


def draw(results: dict[str, Any], folder: Path) -> None:
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
        axes.text(e["high"] * 1.1, place, number(e["median"]), va="center", fontsize=8)
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
        axes.text(e["bytes"] * 1.05, place, f"{number(e['bytes'])}", va="center", fontsize=7)
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
