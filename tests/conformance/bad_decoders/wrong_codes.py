"""Reports every fault as E_AVRO."""

from common import good, serve


def answer(data: bytes) -> tuple[int, str]:
    status, output = good(data)
    return status, '{"error": "E_AVRO"}' if status == 1 else output


serve(answer)
