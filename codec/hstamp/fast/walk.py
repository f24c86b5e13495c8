"""Kernel that passes over a record by the program of its schema; see `hstamp.container.program`.

It answers with a position or with -1: where it answers -1, the plain path reads the record and has
the last word, so it never decides what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import I8, U1, inline, kernel, readable, writable

__all__ = ["DEPTH", "walk"]

DEPTH = 256
"""Calls inside each other at most; a schema nests 64 types."""


@inline
def _long(data: Any, at: Any, end: Any) -> tuple[Any, Any]:
    """Value and next position of a zig-zag long; position -1 where it is none."""
    if at < end and data[at] < 0x80:
        low = np.int64(data[at])
        return (low >> 1) ^ -(low & 1), np.int64(at + 1)
    value = np.uint64(0)
    shift = np.uint64(0)
    for i in range(10):
        if at >= end:
            return np.int64(0), np.int64(-1)
        byte = np.uint64(data[at])
        at += 1
        if i == 9 and byte > np.uint64(1):
            return np.int64(0), np.int64(-1)
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            half = np.int64(value >> np.uint64(1))
            return half ^ -np.int64(value & np.uint64(1)), np.int64(at)
        shift += np.uint64(7)
    return np.int64(0), np.int64(-1)


@kernel(I8, readable(U1, 1), I8, readable(I8, 2), readable(I8, 1), I8, writable(I8, 1))
def walk(data: Any, at: int, code: Any, table: Any, start: int, marks: Any) -> int:
    """Position behind the record that starts at byte `at`; fills `marks`.

    The last of them is how many values may be passed over, and then how many still may.
    """
    end = np.int64(data.shape[0])
    last = marks.shape[0] - 1
    left = marks[last]
    # A frame is where to go on, the items left in the block, its end, the routine of an item,
    # its width, and what it counts.
    frames = np.empty((DEPTH, 6), np.int64)
    depth = 0
    pc = start
    while True:
        operation, a, b = code[pc, 0], code[pc, 1], code[pc, 2]
        pc += 1
        if operation == 11:
            for _ in range(code[pc - 1, 3]):
                value, at = _long(data, at, end)
                if at < 0 or value < 0 or value >= a:
                    return -1
                at += table[b + value]
                if at > end:
                    return -1
        elif operation == 0:
            at += a
            if at > end:
                return -1
        elif operation == 1 or operation == 2:
            value, at = _long(data, at, end)
            if at < 0 or (operation == 2 and (value < -2147483648 or value > 2147483647)):
                return -1
        elif operation == 3:
            value, at = _long(data, at, end)
            if at < 0 or value < 0 or value > end - at:
                return -1
            at += value
        elif operation == 4:
            value, at = _long(data, at, end)
            if at < 0 or value < 0 or value >= a or depth == DEPTH:
                return -1
            frames[depth, 0] = pc
            frames[depth, 1] = -1
            depth += 1
            pc = table[b + value]
        elif operation == 7:
            if depth == DEPTH:
                return -1
            frames[depth, 0] = pc
            frames[depth, 1] = -1
            depth += 1
            pc = a
        elif operation == 8:
            marks[a] = at
        elif operation == 10:
            left -= a
            if left < 0:
                return -1
        elif operation == 5 or operation == 6:
            if depth == DEPTH:
                return -1
            # The first block is asked for as if one had just ended.
            frames[depth, 0] = pc
            frames[depth, 1] = 0
            frames[depth, 2] = -1
            frames[depth, 3] = a
            frames[depth, 4] = b if operation == 5 else -2
            frames[depth, 5] = code[pc - 1, 3]
            depth += 1
            pc = -1
        else:
            pc = -1
        while pc < 0:
            if depth == 0:
                marks[last] = left
                return at
            frame = frames[depth - 1]
            if frame[1] < 0:
                depth -= 1
                pc = frame[0]
                continue
            if frame[1] == 0:
                if frame[2] >= 0 and frame[2] != at:
                    return -1
                count, at = _long(data, at, end)
                if at < 0:
                    return -1
                if count == 0:
                    depth -= 1
                    pc = frame[0]
                    continue
                frame[2] = -1
                if count < 0:
                    size, at = _long(data, at, end)
                    if at < 0 or size < 0 or size > end - at:
                        return -1
                    frame[2] = at + size
                    count = -count
                if count < 0 or count > end - at:
                    return -1
                if frame[5] and count > left // frame[5]:
                    return -1
                left -= count * frame[5]
                if frame[4] >= 0:
                    if frame[4] and count > (end - at) // frame[4]:
                        return -1
                    at += count * frame[4]
                    continue
                frame[1] = count
            frame[1] -= 1
            if frame[4] == -2:
                value, at = _long(data, at, end)
                if at < 0 or value < 0 or value > end - at:
                    return -1
                at += value
            if depth == DEPTH:
                return -1
            frames[depth, 0] = -1
            frames[depth, 1] = -1
            depth += 1
            pc = frame[3]
