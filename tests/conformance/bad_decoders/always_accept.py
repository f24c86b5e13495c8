"""Accepts everything: an answer for a plain stamp whatever the input is."""

import json

from common import good, serve

NOTHING = json.dumps({"stamps": []})


def answer(data: bytes) -> tuple[int, str]:
    status, output = good(data)
    return (0, output) if status == 0 else (0, NOTHING)


serve(answer)
