"""Ends with status 3 on every stamp that has a variance plane, and by a signal on masks alone."""

import os
import signal
import sys

from common import container_oracle, good, oracle, serve


def answer(data: bytes) -> tuple[int, str]:
    try:
        stamps = container_oracle.decode(data)
    except oracle.Reject:
        return good(data)
    if any(stamp["variance"] for stamp in stamps):
        sys.stderr.write("assertion failed: no variance here\n")
        sys.stderr.flush()
        os._exit(3)
    if any(stamp["mask"] for stamp in stamps):
        os.kill(os.getpid(), signal.SIGSEGV)
    return good(data)


serve(answer)
