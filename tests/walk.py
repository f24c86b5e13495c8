"""Walk the first task of each role as its page says it, in a fresh clone and a fresh environment.

``python -m tests.walk`` clones this repository, runs the commands of every page of ``docs/roles``
line by line in one shell, and prints what took how long. ``--write`` puts the table into
``docs/roles/first-tasks.md``. Commands that wait for a person (``hstamp view``) are passed over.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "roles"
RESULTS = PAGES / "first-tasks.md"
ROLES = ("alert-streams", "brokers", "archives", "hosts", "format")
MARK = "@step"


@dataclass(frozen=True)
class Step:
    """One line of a page: its command, status, and seconds of the clock and of the processor."""

    command: str
    status: int
    seconds: float
    processor: float


def title(role: str) -> str:
    """Heading of a role's page."""
    return (PAGES / f"{role}.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def commands(role: str) -> list[str]:
    """Lines of a role's first task, without what is said of them."""
    text = (PAGES / f"{role}.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- test: first task -->\n```sh\n(.*?)```", text, re.S)
    if found is None:
        raise ValueError(f"{role}.md has no first task")
    lines = [re.sub(r"\s+#.*", "", line) for line in found[1].splitlines()]
    return [line for line in lines if line and not line.startswith("hstamp view")]


def script(lines: Sequence[str]) -> str:
    """A program of bash that runs lines one by one in one shell, and says how each ended."""
    # `times` in a pipe or a substitution would tell of that shell's children.
    parts = ["told=$(mktemp)"]
    for number, line in enumerate(lines):
        parts.append(
            f'times > "$told"; before=$(tail -1 "$told"); began=$(date +%s.%N)\n{line}\nstatus=$?\n'
            'ended=$(date +%s.%N); times > "$told"; after=$(tail -1 "$told")\n'
            f'echo "{MARK} {number} $status $began $ended $before $after"\n'
            "[ $status = 0 ] || exit $status"
        )
    return "\n".join(parts)


def _minutes(text: str) -> float:
    minutes, _, seconds = text.rstrip("s").partition("m")
    return 60.0 * float(minutes) + float(seconds)


def steps(lines: Sequence[str], output: str) -> list[Step]:
    """Read what `script` said."""
    found = []
    for line in output.splitlines():
        if line.startswith(MARK):
            number, status, began, ended, *used = line.split()[1:]
            user, system, user_after, system_after = map(_minutes, used)
            found.append(
                Step(lines[int(number)], int(status), float(ended) - float(began),
                     user_after + system_after - user - system)
            )  # fmt: skip
    return found


def walk(role: str, folder: Path) -> list[Step]:
    """Do a role's first task in a clone of its own."""
    clone = folder / role
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    lines = commands(role)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ended = subprocess.run(
        ["bash", "-c", script(lines)], cwd=clone, env=kept, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    found = steps(lines, ended.stdout)
    if ended.returncode:
        print(ended.stdout[-3000:], file=sys.stderr)
    return found


def table(walked: dict[str, list[Step]]) -> str:
    """Give the walks as a table."""
    rows = ["| role | command | seconds | of the processor |", "|---|---|---:|---:|"]
    for role, done in walked.items():
        for step in done:
            told = "" if step.status == 0 else f" (status {step.status})"
            rows.append(
                f"| {title(role)} | `{step.command}`{told} | {step.seconds:.0f}"
                f" | {step.processor:.1f} |"
            )
        total = sum(step.seconds for step in done), sum(step.processor for step in done)
        rows.append(f"| {title(role)} | **all** | **{total[0]:.0f}** | **{total[1]:.0f}** |")
    return "\n".join(rows)


def written(text: str, walked: dict[str, list[Step]]) -> str:
    """Text of the page with the new table and where it was made."""
    load = os.getloadavg()[0]
    machine = (
        f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores ({platform.machine()}),"
        f" Python {platform.python_version()}, load average {load:.1f} at the end."
    )
    block = f"<!-- begin:walk -->\n\n{machine}\n\n{table(walked)}\n\n<!-- end:walk -->"
    return re.sub(r"<!-- begin:walk -->.*<!-- end:walk -->", lambda _: block, text, flags=re.S)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roles", nargs="*", default=ROLES, help=f"of {', '.join(ROLES)}")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    walked = {}
    with tempfile.TemporaryDirectory() as folder:
        for role in options.roles:
            print(shlex.join(["walking", role]), file=sys.stderr)
            walked[role] = walk(role, Path(folder))
    print(table(walked))
    if options.write:
        RESULTS.write_text(written(RESULTS.read_text(encoding="utf-8"), walked), encoding="utf-8")
    whole = all(len(done) == len(commands(role)) for role, done in walked.items())
    return 0 if whole and all(s.status == 0 for done in walked.values() for s in done) else 1


if __name__ == "__main__":
    sys.exit(main())
