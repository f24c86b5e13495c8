"""A conversion run: inputs to outputs, one bad record at a time never stopping the rest."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..errors import InputError, OutputError, output_error
from ..outputs import is_special
from .cutting import is_large
from .history import History, options_of
from .large import LargeOutput
from .making import advanced, reported
from .manifest import is_settled
from .mosaic import choose_images
from .plan import Form, Job, Output, expand, outputs_of, size_of
from .report import KEPT, Report
from .small import SmallTask, make_small
from .whole import make_whole
from .workers import Step, WorkerLostError, Workers, in_order, open_workers
from .workfolder import forget

__all__ = ["Form", "Job", "expand", "run"]

_OF_ONE_NAME: Final = (
    errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.EILSEQ,
)  # fmt: skip
"""Faults of one output's name, which say nothing about the next output."""
_TOGETHER: Final = 64
"""Small outputs that a worker makes in one go, at most."""


def run(
    job: Job,
    report: Report,
    *,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda done: None,
    jobs: int = 1,
    scheduler: str | None = None,
) -> None:
    """Carry out a job.

    In a folder, outputs that are complete are kept; those whose earlier run failed or was cut
    short, or whose input has changed since, are made again. The output of a large input is made
    in parts; a run that was cut short leaves the parts that are done to the next one.

    Parameters
    ----------
    job : Job
    report : Report
        Filled as the run goes, so that an interrupted run has one too.
    say : callable
        Called with a line for every failure.
    progress : callable
        Called with the bytes of input done so far.
    jobs, scheduler : int, str
        Who does the work, see `hstamp.convert.workers.open_workers`. What comes out is the same.

    Raises
    ------
    InputError
        If the outputs would overwrite inputs, each other or a file that is there already, or
        stand beside outputs of other options.
    OutputError
        If an output cannot be written: then no other could either; or if a worker was killed.
    """
    if job.is_dataset:
        job = replace(job, form=job.form or "alerts")
    outputs = outputs_of(job)
    if not job.into_folder:
        (output,) = outputs
        if job.is_dataset:
            if is_settled(job):
                report.skipped[KEPT] += 1
                return
        elif output.path.exists() and not (job.force or is_special(output.path)):
            forget(output.path)
            raise InputError(f"{output.path} exists already (--force replaces it)")
        with open_workers(jobs, scheduler) as workers:
            in_order(workers, _Run(job, report, say, progress, workers).one(output))
        return
    try:
        job.out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise output_error(job.out, exc) from exc
    history = History(job.out, options_of(job))
    settled = {} if job.force else history.settle(outputs)
    if left := history.left_failed(outputs):
        report.notes["failed output of an earlier run, whose input is none of this run's"] += left
    try:
        with open_workers(jobs, scheduler) as workers:
            maker = _Run(job, report, say, progress, workers, history)
            in_order(workers, maker.all(outputs, settled))
    finally:
        history.close()


class _Run:
    """The steps of a run."""

    def __init__(
        self,
        job: Job,
        report: Report,
        say: Callable[[str], None],
        progress: Callable[[int], None],
        workers: Workers,
        history: History | None = None,
    ) -> None:
        self._job, self._report, self._say, self._progress = job, report, say, progress
        self._workers, self._history = workers, history
        self._done = 0

    def one(self, output: Output) -> Generator[Step, None, None]:
        """Steps of a run with one output."""
        job, report, say = self._job, self._report, self._say
        rows = None
        if job.mosaic:
            rows = choose_images(
                job, output.inputs, report, say,
                lambda path, exc: say(str(report.failed(str(path), reported(exc)))),
            )  # fmt: skip
            report.settle()
        if not is_large(job, output.inputs, rows):
            make_whole(job, output, report, say, self._progress, rows)
            return
        large = LargeOutput(job, output, report, say, self._progress, rows)
        yield from large.steps()
        if large.fault is not None:
            say(str(report.failed(str(output.path), reported(large.fault))))

    def all(
        self, outputs: Sequence[Output], settled: Mapping[Path, InputError | None]
    ) -> Generator[Step, None, None]:
        """Steps that make the outputs that are not settled, and tell of those that are."""
        held: list[Output] = []
        for output in outputs:
            small = output.path not in settled and not self._is_large(output)
            if self._workers.count and small:
                held.append(output)
                if len(held) == _TOGETHER or self._size(held) >= self._job.part_bytes:
                    yield self._together(held)
                    held = []
                continue
            if held:
                yield self._together(held)
                held = []
            if output.path in settled:
                yield Step(partial(self._settled, output, settled[output.path]))
            elif small:
                yield Step(partial(self._make, output))
            else:
                yield from self._large(output)
        if held:
            yield self._together(held)

    def _is_large(self, output: Output) -> bool:
        return self._job.form != "blobs" and is_large(self._job, output.inputs)

    @staticmethod
    def _size(outputs: Sequence[Output]) -> int:
        return sum(size_of(output.inputs[0]) for output in outputs)

    def _settled(self, output: Output, error: InputError | None, result: object) -> None:
        if error is None:
            self._report.skipped[KEPT] += 1
        else:
            self._say(str(self._report.failed(str(output.inputs[0]), error)))
        self._passed(output)

    def _make(self, output: Output, result: object) -> None:
        """Make a small output in this process."""
        report, before = self._report, self._counts()
        output = self._begin(output)
        try:
            progress = advanced(self._progress, self._done)
            if make_whole(self._job, output, report, self._say, progress):
                self._end(output, before)
        except OutputError as exc:
            self._unwritten(output, exc)
        self._passed(output)

    def _together(self, outputs: list[Output]) -> Step:
        """Have small outputs made by a worker."""
        outputs = [self._begin(output) for output in outputs]

        def done(result: Callable[[], Any]) -> None:
            for output, made in zip(outputs, result(), strict=True):
                before = self._counts()
                for problem in made.add_to(self._report):
                    self._say(str(problem))
                if made.there:
                    self._end(output, before)
                if made.fault is not None:
                    self._unwritten(output, made.fault)
                self._passed(output)

        return Step(done, make_small, SmallTask.of(self._job, outputs))

    def _large(self, output: Output) -> Iterator[Step]:
        before: list[tuple[int, int]] = []

        def begin(result: Any) -> None:
            before.append(self._counts())

        output = self._begin(output)
        yield Step(begin)
        large = LargeOutput(self._job, output, self._report, self._say, self._in_all(output))
        try:
            yield from large.steps()
        except (OutputError, InputError) as exc:
            large.fault = exc
        if large.made:
            self._end(output, before[0])
        elif isinstance(large.fault, OutputError):
            self._unwritten(output, large.fault)
        elif large.fault is not None:
            path = str(output.path)
            self._say(str(self._report.failed(path, reported(large.fault))))
        self._passed(output)

    def _in_all(self, output: Output) -> Callable[[int], None]:
        """Progress of one output among the bytes of all."""
        return lambda at: self._progress(self._done + at)

    def _counts(self) -> tuple[int, int]:
        """Failures so far, and files beside outputs."""
        return len(self._report.problems), len(self._report.beside)

    def _begin(self, output: Output) -> Output:
        """Note that an output is in the making; return it with what stands beside it."""
        if self._history is None:
            return output
        output = self._history.with_beside(output)
        self._history.begin(output)
        return output

    def _end(self, output: Output, before: tuple[int, int]) -> None:
        if self._history is not None:
            problems, beside = before
            failed = len(self._report.problems) - problems
            self._history.end(output, failed, self._report.beside[beside:])

    def _passed(self, output: Output) -> None:
        self._done += size_of(output.inputs[0])
        self._progress(self._done)

    def _unwritten(self, output: Output, exc: OutputError) -> None:
        """Report an output that cannot be written; raises what no other would fare better with."""
        if exc.errno not in _OF_ONE_NAME or isinstance(exc, WorkerLostError):
            raise exc
        reason = f"cannot write {exc.path}: {exc.reason}"
        error = OutputError(exc.path, reason)
        self._say(str(self._report.failed(str(output.inputs[0]), error)))
