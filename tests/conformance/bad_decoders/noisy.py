"""Right, but prints a megabyte to standard error: the runner must pass it."""

import sys

from common import good, serve


def answer(data: bytes) -> tuple[int, str]:
    sys.stderr.write("warning: this stamp looks odd\n" * 35000)
    sys.stderr.flush()
    return good(data)


serve(answer)
