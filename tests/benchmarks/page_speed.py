"""Tables of speed."""

from __future__ import annotations

from typing import Any

from .markdown import Goal, goals, number, race, table

__all__ = ["archives", "decode", "encode", "growth", "machine"]


def archives(r: dict[str, Any]) -> dict[str, str]:
    rows, wished = [], []
    wanted = {("LSST v9", "baseline"): 10, ("LSST v9", "CCDData.read"): 6, ("ZTF", "baseline"): 5}
    for survey, times in r["conversion"].items():
        for name, taken in times.items():
            x = taken / times["this"]
            rows.append([f"{survey}: {name}", number(taken), number(1e6 / taken), f"{x:.1f}"])
            if (goal := wanted.get((survey, name))) is not None:
                text = f"{survey} against {name}"
                wished.append((text, f">= {goal} x", f"{x:.1f} x", x >= goal))
    read = r["messages"]
    for name, taken in read.items():
        x = read["fastavro"] / taken
        rows.append([f"v11 message: {name}", number(taken), number(1e6 / taken), f"{x:.1f}"])
        if name == "read_alert_stamps":
            wished.append(
                ("stamps of a v11 message against fastavro", ">= 20 x", f"{x:.1f} x", x >= 20)
            )
    head = ["", "µs an alert, median", "alerts per second and core", "times"]
    return {"archives": table(head, rows), "archives-goals": goals(wished)}


def machine(parts: dict[str, Any]) -> str:
    rows = []
    facts = next(iter(parts.values()))
    rows.append([", ".join(f"{k} {v}" for k, v in facts.items() if k != "load"), ""])
    rows.append(
        [
            "load average at the end of each part",
            ", ".join(f"{name} {p['load']}" for name, p in parts.items()),
        ]
    )
    return table(["machine", ""], rows)


def decode(r: dict[str, Any]) -> dict[str, str]:
    made = {
        "decode": race(r["stamps"], "fits.open, 3 planes", "times as fast as fits.open"),
        "decode-goals": goals(_decode_goals(r)),
        "threads": table(
            ["", "stamps per second (wall time)"],
            [[k, number(v)] for k, v in r["threads"].items() if k != "cores"],
        ),
    }
    if r.get("out of Avro"):
        made["take"] = race(r["out of Avro"])
        made["where"] = race(r["where"])
    if "real" in r:
        made["decode-real"] = race(r["real"])
    return made


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


def encode(r: dict[str, Any]) -> dict[str, str]:
    w, v = r["windows"], r["visit"]
    limit = w["limit: ndarray.sum of the window"]["median"]
    wished: list[Goal] = []
    for name in (
        "arithmetic of the image plane (window to integers)",
        "one at a time, image",
        "batch of 64 windows, image",
    ):
        if name in w:
            x = w[name]["median"] / limit
            wished.append((f"{name}, against ndarray.sum", "<= 3 x", f"{x:.2f} x", x <= 3))
    cpu = v["CPU seconds, one core"] * 10_000 / v["alerts"]
    wished.append(
        ("visit of 10,000 alerts x 3 stamps, one core", "< 10 s", f"{cpu:.1f} s", cpu < 10)
    )
    share = 100 * v["wall seconds, one core"] * 10_000 / v["alerts"] / v["budget seconds"]
    rows = [[k, number(x) if isinstance(x, float) else f"{x:,}"] for k, x in v.items()]
    rows.append(["share of the 60 s budget, one core here", f"{share:.0f} %"])
    return {
        "encode": race(w),
        "encode-goals": goals(wished),
        "visit": table(["", ""], rows),
    }


def growth(r: dict[str, Any]) -> dict[str, str]:
    stamps = [
        [
            f"{int(n):,}",
            number(s["microseconds per stamp"]),
            number(s["seconds"]),
            number(s["MB of arrays"]) if "MB of arrays" in s else f"parts of {s['in parts of']:,}",
        ]
        for n, s in r["stamps"].items()
    ]
    levels = [
        [
            n,
            f"{x['window side']:,}",
            f"{x['bytes']:,}",
            number(x["decode"]["median"]),
            number(x["encode"]["median"]),
        ]
        for n, x in r["levels"].items()
    ]
    planes = [
        [n, f"{x['bytes']:,}", number(x["decode"]["median"]), number(x["encode"]["median"])]
        for n, x in r["planes"].items()
    ]
    return {
        "growth-stamps": table(["stamps", "µs per stamp", "CPU seconds", "MB of arrays"], stamps)
        + f"\n\nSlope of log time against log number: {r['exponent']:.3f}.",
        "growth-levels": table(["n", "window side", "bytes", "decode [µs]", "encode [µs]"], levels),
        "growth-planes": table(["planes", "bytes", "decode [µs]", "encode [µs]"], planes),
    }
