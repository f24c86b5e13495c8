"""Never answers about stamps that have a PSF; its child keeps standard output open."""

import subprocess
import sys
import time

from common import container_oracle, good, oracle, serve


def answer(data: bytes) -> tuple[int, str]:
    try:
        stamps = container_oracle.decode(data)
    except oracle.Reject:
        return good(data)
    if any(stamp["psf"] for stamp in stamps):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)
    return good(data)


serve(answer)
