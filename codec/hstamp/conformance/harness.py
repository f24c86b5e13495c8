"""Running a decoder on vectors: a process each, a long-lived process, or a Python callable."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Protocol

from .answers import Answer, BadOutputError, parse_decoded, parse_json, parse_rejection
from .judge import judge
from .longlived import EndedError, LongLived
from .outcomes import Outcome, Report
from .process import run_once
from .vectors import Profile, Vector

Decoder = Callable[[bytes], Mapping[str, Any]]


class Unsupported(Exception):  # noqa: N818 - a statement of the decoder, not an error
    """Raised by a Python decoder for an input that it does not support."""


class Harness(Protocol):
    """Anything that can be given one vector at a time."""

    def run(self, vector: Vector, profile: Profile, timeout: float) -> Report:
        """Outcome of one vector."""

    def close(self) -> None:
        """Free what is held."""


def _failed(vector: Vector, outcome: Outcome, detail: str, **more: Any) -> Report:
    return Report(
        vector.id,
        outcome,
        detail,
        expected_code=vector.error,
        optional=vector.optional,
        **more,
    )


def judge_output(
    vector: Vector, profile: Profile, status: str, value: Callable[[], Mapping[str, Any]]
) -> Report:
    """Judge an answer given as status and a thunk for its JSON object."""
    try:
        if status == "unsupported":
            answer = Answer("unsupported")
        elif status == "rejected":
            answer = parse_rejection(value())
        elif vector.error is not None:
            # Accepted is accepted, whatever was printed.
            answer = Answer("decoded")
        else:
            answer = parse_decoded(value(), profile)
    except BadOutputError as error:
        return _failed(vector, Outcome.BAD_OUTPUT, str(error))
    return judge(vector, answer, profile)


class ProcessHarness:
    """A fresh process per vector (the protocol of Appendix C)."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)

    def run(self, vector: Vector, profile: Profile, timeout: float) -> Report:
        """Run the command on one vector."""
        done = run_once(self.command, vector.data(), timeout)
        more: dict[str, Any] = {
            "exit_status": done.status,
            "stderr": done.stderr,
            "seconds": done.seconds,
        }
        if done.too_much:
            return _failed(vector, Outcome.BAD_OUTPUT, "more than 64 MiB of output", **more)
        if done.status is None:
            return _failed(vector, Outcome.TIME_OUT, f"no answer in {timeout:g} s", **more)
        if done.status not in (0, 1, 2):
            return _failed(vector, Outcome.CRASH, describe_status(done.status), **more)
        status = ("decoded", "rejected", "unsupported")[done.status]
        report = judge_output(vector, profile, status, lambda: parse_json(done.stdout))
        return replace(report, **more)

    def close(self) -> None:
        """Nothing is held between vectors."""


class LongLivedHarness:
    """One `--jsonl` process for many vectors; restarted when it ends or hangs."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = LongLived(command)

    def run(self, vector: Vector, profile: Profile, timeout: float) -> Report:
        """Ask the long-lived process about one vector."""
        began = time.monotonic()
        try:
            line = self.process.ask(vector.id, vector.data(), timeout)
        except TimeoutError:
            report = _failed(vector, Outcome.TIME_OUT, f"no answer in {timeout:g} s")
        except EndedError as ended:
            report = _failed(vector, Outcome.CRASH, describe_status(ended.status))
        else:
            report = self._judge(vector, profile, line)
        return replace(report, stderr=self.process.stderr(), seconds=time.monotonic() - began)

    def _judge(self, vector: Vector, profile: Profile, line: bytes) -> Report:
        try:
            value = parse_json(line)
        except BadOutputError as error:
            return _failed(vector, Outcome.BAD_OUTPUT, str(error))
        status = value.get("status")
        if value.get("id") != vector.id:
            detail = f"answer to {value.get('id')!r} in place of {vector.id!r}"
            self.process.close()  # the order is lost: start afresh
            return _failed(vector, Outcome.BAD_OUTPUT, detail)
        if status not in ("decoded", "rejected", "unsupported"):
            return _failed(vector, Outcome.BAD_OUTPUT, f"status is {status!r}")
        return judge_output(vector, profile, str(status), lambda: value)

    def close(self) -> None:
        """End the process."""
        self.process.close()


class CallableHarness:
    """A Python callable: bytes in, the object of Appendix C out (arrays may replace base64).

    An exception with a text attribute `code` that starts with `E_` is a rejection; `Unsupported`
    is "not supported"; any other exception is a crash. There is no time-out in-process.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def run(self, vector: Vector, profile: Profile, timeout: float) -> Report:
        """Call the decoder on one vector; `timeout` cannot be enforced and is not used."""
        began = time.monotonic()
        try:
            value = self.decoder(vector.data())
            report = judge_output(vector, profile, "decoded", lambda: value)
        except Unsupported:
            report = judge(vector, Answer("unsupported"), profile)
        except Exception as error:
            code = getattr(error, "code", None)
            if isinstance(code, str) and code.startswith("E_"):
                report = judge(vector, Answer("rejected", code=code), profile)
            else:
                detail = f"{type(error).__name__}: {error}"
                trace = traceback.format_exc()
                report = _failed(vector, Outcome.CRASH, detail, stderr=trace)
        return replace(report, seconds=time.monotonic() - began)

    def close(self) -> None:
        """Nothing is held."""


def describe_status(status: int | None) -> str:
    """Words for an exit status that the protocol does not know."""
    if status is None:
        return "standard output was closed, but the process did not end"
    if status < 0:
        import signal

        try:
            return f"ended by signal {signal.Signals(-status).name}"
        except ValueError:
            return f"ended by signal {-status}"
    if status in (0, 1, 2):
        return f"ended with status {status} before it answered"
    return f"exit status {status}"


def run_vectors(
    make: Callable[[], Harness],
    vectors: Sequence[Vector],
    *,
    profile: Profile,
    timeout: float = 10.0,
    jobs: int = 1,
) -> Iterator[Report]:
    """Outcomes in the order of `vectors`, computed by `jobs` harnesses at a time.

    Parameters
    ----------
    make : callable
        Makes one harness; called at most `jobs` times.
    vectors : sequence of Vector
        Inputs.
    profile : {"core", "full", "container"}
        What is compared.
    timeout : float
        Limit per vector [s].
    jobs : int
        Number of harnesses at work.
    """
    idle: SimpleQueue[Harness] = SimpleQueue()
    harnesses = [make() for _ in range(max(1, min(jobs, len(vectors) or 1)))]
    for harness in harnesses:
        idle.put(harness)

    def one(vector: Vector) -> Report:
        harness = idle.get()
        try:
            return harness.run(vector, profile, timeout)
        finally:
            idle.put(harness)

    pool = ThreadPoolExecutor(len(harnesses))
    try:
        yield from pool.map(one, vectors)
    finally:
        pool.shutdown(cancel_futures=True)
        for harness in harnesses:
            harness.close()
