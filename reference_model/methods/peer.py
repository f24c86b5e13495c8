"""A peer's interpreter: a program of another environment, asked through a pipe.

One JSON object a line in both directions; `reference_model.peers` holds the
programs that answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

#: The version whose weights are measured.
VERSION = "0.1.0"
#: What the peer's interpreter runs.
SCRIPT = Path(__file__).resolve().parents[1] / "peers" / "delight_answers.py"


class Peer:
    """DELIGHT's interpreter, kept running.

    Parameters
    ----------
    python : Path
        Interpreter of an environment that has ``astro-delight``.
    log : Path
        File for what it prints.
    threads : int
        It may use.
    script : Path
        Program it runs.

    Raises
    ------
    FileNotFoundError
        If there is no such interpreter.
    ValueError
        If the package is missing there, or of another version.
    """

    def __init__(self, python: Path, log: Path, threads: int = 1, script: Path = SCRIPT) -> None:
        if not (python.is_file() and os.access(python, os.X_OK)):
            raise FileNotFoundError(
                f"{python}: no interpreter; {SCRIPT.parent / 'README.md'} says how to make one"
            )
        count = str(max(1, threads))
        settings = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1", "MPLBACKEND": "agg",
                    "OMP_NUM_THREADS": count, "TF_NUM_INTRAOP_THREADS": count,
                    "TF_NUM_INTEROP_THREADS": count}  # fmt: skip
        inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        self.python, self.log = python, log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log: TextIO = log.open("a")
        self._process = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, env={**inherited, **settings},
        )  # fmt: skip
        try:
            self.versions = self._reply()
            found = self.versions.get("astro-delight")
            if found != VERSION:
                raise ValueError(f"{python}: astro-delight {found}, the study needs {VERSION}")
        except BaseException:
            self.close()
            raise

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise ValueError(f"{self.python}: DELIGHT ended with status {status}; see {self.log}")
        reply = json.loads(line)
        if not isinstance(reply, dict) or "error" in reply:
            cause = reply["error"] if isinstance(reply, dict) else line.strip()
            raise ValueError(f"{self.python}: {cause}; see {self.log}")
        return reply

    def ask(self, images: Image) -> NDArray[np.float32]:
        """Hosts of images.

        Parameters
        ----------
        images : ndarray, float32, shape (n, 480, 480)

        Returns
        -------
        ndarray, float32, shape (n, 3)
            Host minus transient along x and y in pixels of 0.25 arcsec, and the
            scatter of eight orientations; NaN where DELIGHT gives no answer.
        """
        assert self._process.stdin is not None
        with tempfile.TemporaryDirectory(prefix="delight-") as folder:
            given, answers = Path(folder) / "images.npy", Path(folder) / "answers.npy"
            np.save(given, images, allow_pickle=False)
            request = json.dumps({"images": str(given), "answers": str(answers)})
            with contextlib.suppress(BrokenPipeError):  # _reply says what became of it
                self._process.stdin.write(request + "\n")
                self._process.stdin.flush()
            self._reply()
            found = np.load(answers, allow_pickle=False)
        if found.shape != (len(images), 3):
            raise ValueError(f"{self.python}: {found.shape} answers to {len(images)} images")
        return np.asarray(found, dtype=np.float32)

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
