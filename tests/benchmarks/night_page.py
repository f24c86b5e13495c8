"""Tables of a night of alerts, and a plan for a survey from its rates."""

from __future__ import annotations

from typing import Any

from .markdown import table

__all__ = ["tables"]

NIGHT = 10_000_000
"""Alerts of one LSST night."""
NIGHTS = 300
YEARS = 10
CORES = 64
"""Cores of one machine of the plan."""
HOURS = 1.0
"""Time in which a night is to be done [h]."""


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown of each part that has been measured."""
    made: dict[str, str] = {}
    if "forms" in results:
        made["night-forms"] = _forms(results["forms"])
    if "scale" in results:
        made["night-scale"] = _scale(results["scale"], results["machine"]["scale"])
        made["night-plan"] = _plan(results["scale"])
    if "kills" in results:
        made["night-kills"] = _kills(results["kills"])
    if "real" in results:
        made["night-real"] = _real(results["real"])
    return made


def _forms(found: dict[str, Any]) -> str:
    blocks = []
    for side, title in (("inputs", "to stamps, from"), ("outputs", "from Avro, to")):
        rows = [
            [name, f"{x['alerts a CPU second']:,.0f}", f"{x['bytes in'] / 1e3:,.1f}",
             f"{x['bytes out'] / 1e3:,.1f}", f"{x['alerts']:,}"]
            for name, x in found[side].items()
        ]  # fmt: skip
        head = [title, "alerts a second of one core", "kB in", "kB out", "alerts measured"]
        blocks.append(table(head, rows))
    return "\n\n".join(blocks)


def _scale(found: dict[str, Any], facts: dict[str, Any]) -> str:
    rows = []
    runs = found["runs"]
    alike = [x for x in runs.values() if x["alerts"] == runs["this process"]["alerts"]]
    same = len({x["sha256"] for x in alike}) == 1
    for name, x in found["runs"].items():
        rows.append(
            [name, f"{x['alerts']:,}", f"{x['bytes in'] / 1e9:.2f}", f"{x['seconds']:,.0f}",
             f"{x['CPU seconds']:,.0f}", f"{x['alerts'] / x['seconds']:,.0f}",
             f"{x['alerts'] / x['CPU seconds']:,.0f}", f"{x['client MB']:,.0f}",
             f"{x['worker MB']:,.0f}"]
        )  # fmt: skip
    told = [
        f"`{two}` takes {runs[two]['seconds'] / runs[one]['seconds']:.2f} of the time of {one}."
        for one, two in (
            ("this process", "--jobs 2"), ("--scheduler local:1", "--scheduler local:2"),
        )
        if one in runs and two in runs
    ]  # fmt: skip
    told.append(
        f"The {len(alike)} outputs of as many alerts have {'one' if same else '**different**'}"
        f" SHA-256. {facts['cores']} cores ({facts['processor']}), load average {facts['load']}"
        " at the end."
    )
    head = ["", "alerts", "GB in", "seconds", "CPU seconds", "alerts a second",
            "alerts a CPU second", "client, MB", "largest worker, MB"]  # fmt: skip
    return table(head, rows) + "\n\n" + " ".join(told)


def _kills(found: dict[str, Any]) -> str:
    rows = [
        [name, f"{x['parts done']}", "yes" if x["finished"] else "no",
         f"{x.get('status of the same command', 'not needed')}",
             "yes" if x["same SHA-256"] else "**no**"]
        for name, x in found.items() if name != "alerts"
    ]  # fmt: skip
    head = [f"killed, {found['alerts']:,} alerts", "parts done before", "that run finished",
            "status of the same command again", "same SHA-256"]  # fmt: skip
    return table(head, rows)


def _real(found: dict[str, Any]) -> str:
    whole = [x for x in found.values() if x["stamps"] and not x["failed"]]
    some = {name: x for name, x in found.items() if x["stamps"] and x["failed"]}
    none = {name: x for name, x in found.items() if not x["stamps"]}
    rows = [
        [f"`{name}`", f"{x['stamps']:,}", f"{x['failed']}", _cell(x["first message"])]
        for name, x in {**some, **none}.items()
    ]
    text = (
        f"{len(found)} files: {len(whole)} without any fault"
        f" ({sum(x['stamps'] for x in whole):,} stamps). The others:"
    )
    return text + "\n\n" + table(["file", "stamps", "failed", "first message"], rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _plan(found: dict[str, Any]) -> str:
    run, few = (found["runs"][name] for name in ("this process", "this process, a hundredth"))
    # What starting takes is in both.
    rate = (run["alerts"] - few["alerts"]) / (run["CPU seconds"] - few["CPU seconds"])
    into, out = (run[f"bytes {way}"] / run["alerts"] for way in ("in", "out"))
    rows = []
    for name, alerts in (
        ("one night", NIGHT), ("one year", NIGHT * NIGHTS), ("ten years", NIGHT * NIGHTS * YEARS),
    ):  # fmt: skip
        hours = alerts / rate / 3600
        rows.append(
            [name, f"{alerts / 1e6:,.0f}", f"{hours:,.1f}", f"{hours / CORES:,.2f}",
             f"{alerts * into / 1e12:,.2f}", f"{alerts * out / 1e12:,.2f}"]
        )  # fmt: skip
    reading, writing = (CORES * rate * size / 1e9 for size in (into, out))
    text = (
        f"At the {rate:,.0f} alerts a second and core that the first two rows above give, with"
        f" {into / 1e3:.0f} kB in and {out / 1e3:.1f} kB out an alert"
        f" ({NIGHTS} nights a year): one machine with {CORES} such cores"
        f" reads {reading:.1f} GB/s and writes {writing:.2f} GB/s, more than"
        " one disk gives. The plan is therefore a Dask cluster of four such machines with 2 GB of"
        f" memory a core on a parallel file system of {4 * reading:.0f} GB/s; on one of"
        f" {reading:.0f} GB/s one machine is as fast. Twice as many cores take half the time as"
        " long as the disks keep up: parts do not depend on each other, and the client joins"
        " finished files only."
    )
    head = ["", "million alerts", "core-hours", f"hours on {CORES} cores", "TB in", "TB out"]
    return table(head, rows) + "\n\n" + text
