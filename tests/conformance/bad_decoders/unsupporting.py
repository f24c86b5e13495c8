"""States that it supports nothing but n = 2."""

from common import container_oracle, good, oracle, serve


def answer(data: bytes) -> tuple[int, str]:
    try:
        stamps = container_oracle.decode(data)
    except oracle.Reject:
        return good(data)
    return good(data) if all(stamp["levels"] == 2 for stamp in stamps) else (2, "{}")


serve(answer)
