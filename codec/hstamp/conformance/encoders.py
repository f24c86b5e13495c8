"""Running an encoder on the suite's parent images and judging the stamps by Section 10."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from ..errors import InputError
from .answers import BadOutputError, parse_json, parse_rejection
from .encode_judge import judge_blob
from .harness import describe_status
from .outcomes import Outcome, Report
from .process import run_once
from .run import Run, run_with_trial
from .vectors import EncodeCase, Suite, text_to_array
from .violations import Violation


def select(suite: Suite, only: Sequence[str] = ()) -> tuple[EncodeCase, ...]:
    """Encoder cases that match one of the shell patterns; all without patterns."""
    patterns = tuple(only) or ("*",)
    return tuple(c for c in suite.encode if any(fnmatchcase(c.id, p) for p in patterns))


def request_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The request as Appendix C has it: planes as base64."""
    request = dict(content["request"])
    for name, dtype in (("image", "<f4"), ("variance", "<f4"), ("mask", "<u2"), ("psf", "<f4")):
        if name in request:
            plane = {key: value for key, value in request[name].items() if key != "rows"}
            values = text_to_array(request[name]["rows"], _TYPES[dtype]).astype(dtype)
            plane["data"] = base64.b64encode(values.tobytes()).decode("ascii")
            request[name] = plane
    return request


def _types() -> dict[str, Any]:
    import numpy as np

    return {"<f4": np.float32, "<u2": np.uint16}


_TYPES = _types()


def judge_case(case: EncodeCase, status: int, output: bytes) -> Report:
    """Outcome of one answer: exit status and what was written."""
    content = case.content()
    report = Report(case.id, Outcome.PASS, expected_code=case.error)
    if status == 2:
        return replace(report, outcome=Outcome.UNSUPPORTED, detail="not supported")
    if status == 1:
        try:
            code = parse_rejection(parse_json(output)).code
        except BadOutputError as error:
            return replace(report, outcome=Outcome.BAD_OUTPUT, detail=str(error))
        report = replace(report, got_code=code)
        if case.error is None:
            detail = f"valid request rejected with {code}"
            return replace(report, outcome=Outcome.REJECTED_VALID, detail=detail)
        if code != case.error:
            detail = f"expected {case.error}, got {code} ({case.reason})"
            return replace(report, outcome=Outcome.WRONG_ERROR_CODE, detail=detail)
        return report
    if case.error is not None:
        detail = f"encoded; expected {case.error} ({case.reason})"
        return replace(report, outcome=Outcome.ACCEPTED_INVALID, detail=detail)
    try:
        judge_blob(output, content["request"], content["true"])
    except Violation as violation:
        return replace(
            report,
            outcome=Outcome.WRONG_VALUE,
            detail=str(violation),
            difference=violation.difference,
        )
    return report


def run_process(command: Sequence[str], timeout: float, case: EncodeCase) -> Report:
    """Run an encoder program on one case, in a fresh process."""
    request = json.dumps(request_of(case.content())).encode("ascii")
    done = run_once(command, request, timeout)
    more: dict[str, Any] = {"stderr": done.stderr, "seconds": done.seconds}
    if done.status is None:
        report = Report(case.id, Outcome.TIME_OUT, f"no answer in {timeout:g} s")
    elif done.status not in (0, 1, 2):
        report = Report(case.id, Outcome.CRASH, describe_status(done.status))
    else:
        report = judge_case(case, done.status, done.stdout)
    return replace(report, exit_status=done.status, expected_code=case.error, **more)


def run_encoder(
    command: Sequence[str],
    suite: Suite,
    *,
    only: Sequence[str] = (),
    known: Mapping[str, Outcome] | None = None,
    timeout: float = 10.0,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
    keep_going: bool = False,
) -> Run:
    """Run an encoder on the suite's parent images.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    suite : Suite
        The cases.
    only, known, timeout, jobs, progress, keep_going
        As for `hstamp.conformance.run.run_suite`.

    Raises
    ------
    hstamp.errors.InputError
        `only` selects nothing.
    hstamp.conformance.process.CommandError
        The command cannot be started.
    """
    cases = select(suite, only)
    if not cases:
        raise InputError(f"no encoder case matches {', '.join(only)}")

    def run(some: Sequence[EncodeCase], jobs: int) -> Iterator[Report]:
        with ThreadPoolExecutor(max(1, jobs)) as pool:
            yield from pool.map(partial(run_process, command, timeout), some)

    return run_with_trial(
        run,
        cases,
        suite,
        kind="encoder",
        subject=" ".join(command),
        only=only,
        known=known or {},
        jobs=jobs,
        progress=progress,
        keep_going=keep_going,
    )
