"""How the pages write numbers and tables."""

from __future__ import annotations

from collections.abc import Sequence

from reference_model.evaluation.bootstrap import Estimate


def points(gap: Estimate) -> str:
    """A difference in points (hundredths), with its interval."""
    if gap.low == gap.high:  # one group has no spread
        return f"{100 * gap.value:+.1f}"
    return f"{100 * gap.value:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"


def plain(found: Estimate) -> str:
    """A score with its interval."""
    return f"{found.value:.3f}" if found.low == found.high else found.plain(3)


def percent(found: Estimate) -> str:
    """A share in per cent with its interval."""
    return f"{100 * found.value:.0f}" if found.low == found.high else found.percent(0)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table and the empty line after it."""
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def seeds(*counts: int) -> str:
    """How many seeds all of these have."""
    least = min(counts)
    return "one seed" if least == 1 else f"{least} seeds"


def verdict(gap: Estimate, allowed: float) -> str:
    """What a difference says of a goal: no more than `allowed` worse."""
    within = f"{100 * allowed:g} point" + ("s" if allowed != 0.01 else "")
    if gap.low > -allowed:
        return f"within {within}, with its interval"
    if gap.high < -allowed:
        return f"worse by more than {within}"
    if gap.value > -allowed:
        return f"within {within}, its interval is not"
    return f"not within {within}, its interval reaches it"
