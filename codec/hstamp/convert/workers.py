"""Who does the work: this process, other processes of this machine, or Dask's workers.

All three are executors of the standard library's kind. What is handed out and what comes back are
small descriptions; inputs and outputs stay in files.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
)
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any, Final, Protocol

from ..errors import InputError, MissingExtraError, OutputError

__all__ = ["Step", "Submit", "WorkerLostError", "Workers", "in_order", "open_workers"]

_AHEAD: Final = 2
"""Tasks that are handed out for each worker."""
_RETRIES: Final = 3
_SAY_NOTHING: Final = dict.fromkeys(("distributed", "tornado", "tornado.application"), "critical")
_ONE_THREAD: Final = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class WorkerLostError(OutputError):
    """A worker ended without a word: it was killed, or there was no memory left."""

    def __str__(self) -> str:
        return self.reason


class Submit(Protocol):
    """The part of an executor that is used."""

    def submit(self, work: Callable[[Any], Any], task: Any, /) -> Future[Any]:
        """Have a task done."""


@dataclass(frozen=True)
class Workers:
    """An executor, and how many tasks it does at once; one that works in this process does 0."""

    executor: Submit
    count: int = 0


@dataclass(frozen=True)
class Step:
    """A piece of a run.

    Attributes
    ----------
    done : callable
        Called in this process, in the order of the steps, with a callable that gives the task's
        result or raises what it raised.
    work : callable or None
        What a worker does before; None for nothing.
    task : object
        Its argument.
    wait : bool
        No later step is asked for before this one is done.
    """

    done: Callable[[Callable[[], Any]], None]
    work: Callable[[Any], Any] | None = None
    task: Any = None
    wait: bool = False


def in_order(workers: Workers, steps: Generator[Step, None, None]) -> None:
    """Carry out steps: the work of several at once, the ends in order.

    Raises
    ------
    WorkerLostError
        If a worker ended without a word.
    """
    held: deque[tuple[Step, Future[Any] | None]] = deque()
    ahead = workers.count * _AHEAD + 1 if workers.count else 1
    try:
        for step in steps:
            future = None
            if step.work is not None:
                future = _handed(workers.executor, step)
            held.append((step, future))
            while held and (step.wait or len(held) >= ahead):
                _finish(*held.popleft())
        while held:
            _finish(*held.popleft())
    finally:
        for _, future in held:
            if future is not None:
                future.cancel()
        steps.close()


def _handed(executor: Submit, step: Step) -> Future[Any]:
    assert step.work is not None
    try:
        # A pool starts its processes as tasks come.
        with _deaf_children():
            return executor.submit(step.work, step.task)
    except BrokenExecutor as exc:
        raise _lost() from exc


def _finish(step: Step, future: Future[Any] | None) -> None:
    def result() -> Any:
        if future is None:
            return None
        try:
            return future.result()
        except (BrokenExecutor, CancelledError) as exc:
            raise _lost() from exc
        except Exception as exc:
            # Dask's own, of a package that need not be there.
            if type(exc).__module__.partition(".")[0] == "distributed":
                raise _lost() from exc
            raise

    step.done(result)


def _lost() -> WorkerLostError:
    return WorkerLostError("", "a worker was killed, or ended for want of memory")


@contextlib.contextmanager
def open_workers(jobs: int = 1, scheduler: str | None = None) -> Iterator[Workers]:
    """Open an executor.

    Parameters
    ----------
    jobs : int
        Processes of this machine; 0 for one for each of its cores, 1 for this process alone.
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://HOST:PORT``, or ``local`` or ``local:N`` for a
        cluster of N workers on this machine.

    Raises
    ------
    InputError
        If the address is none, or nobody answers there.
    MissingExtraError
        If Dask is not installed.
    """
    if scheduler is not None:
        with _dask(scheduler) as workers:
            yield workers
        return
    count = jobs or usable_cores()
    if count == 1:
        yield Workers(_Here())
        return
    with _processes(count) as executor:
        yield Workers(executor, count)


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # a system that binds no process to cores
        return os.cpu_count() or 1


class _Here:
    """Does each task at once."""

    def submit(self, work: Callable[[Any], Any], task: Any, /) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(task))
        except Exception as exc:
            future.set_exception(exc)
        return future


@contextlib.contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that start anew: a copy of this one would have its locks and no threads."""
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
    )
    with _one_thread_each():
        try:
            yield pool
            pool.shutdown()
        finally:
            # After a signal nobody waits for a part to be done: the next run makes it again.
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start now use one thread each, unless the user says otherwise."""
    new = [name for name in _ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(new, "1"))
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Workers]:
    if find_spec("distributed") is None:
        raise MissingExtraError("distributed", "dask")
    import tempfile

    import dask
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        stack.enter_context(_silence("distributed", "tornado", "asyncio"))
        stack.enter_context(_one_thread_each())
        if (local := _local(address)) is not None:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="hstamp-"))
            # Workers take over the configuration that is set when they start.
            with _deaf_children(), dask.config.set({"logging": _SAY_NOTHING}):
                cluster = LocalCluster(
                    n_workers=local,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    local_directory=scratch,
                    silence_logs=logging.CRITICAL,
                )
            target: Any = stack.enter_context(cluster)
        else:
            target = address
        try:
            client = stack.enter_context(Client(target, set_as_default=False))
        except (OSError, ValueError) as exc:
            raise InputError(f"no Dask scheduler answers at {address}: {exc}") from exc
        count = local or max(sum(client.nthreads().values()), 1)
        yield Workers(client.get_executor(pure=False, retries=_RETRIES), count)


@contextlib.contextmanager
def _silence(*names: str) -> Iterator[None]:
    """Keep a scheduler's own chatter out of a run's messages, that of its end above all."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, as it does every process of a terminal.

    This process says what comes of it, once they are there: until then the signal waits.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started with the first process, it would let the signal through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _local(address: str) -> int | None:
    """Workers of a cluster on this machine; None for the address of another one."""
    name, _, number = address.partition(":")
    if name != "local":
        return None
    if number and not (number.isascii() and number.isdigit() and int(number)):
        raise InputError(f"a local cluster is 'local' or 'local:N', not {address!r}")
    return int(number) if number else usable_cores()
