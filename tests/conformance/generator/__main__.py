"""Write every vector, its expected result and the manifest: `python -m generator [DIR]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import extract_examples
import oracle

from . import containers, encode, expected, invalid, valid
from .vector import Vector

HERE = Path(__file__).resolve().parent.parent
SUITE = "1.1.0"


def all_vectors() -> list[Vector]:
    out = [*extract_examples.vectors(), *valid.vectors(), *invalid.vectors(), *containers.vectors()]
    assert len({v.id for v in out}) == len(out), "identifiers repeat"
    return out


def result(vector: Vector) -> dict[str, Any]:
    stamps = vector.stamps if vector.stamps is not None else ((None, vector.data),)
    return {"stamps": [expected.stamp_json(oracle.decode(data), field) for field, data in stamps]}


def dump(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def write(folder: Path, vector: Vector) -> dict[str, Any]:
    """Write one vector's files and return its manifest entry."""
    kind = "invalid" if vector.error else "valid"
    suffix = "avro" if vector.data[:4] == b"Obj\x01" else "bin"
    path = folder / kind / f"{vector.id}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(vector.data)
    entry: dict[str, Any] = {
        "id": vector.id,
        "file": f"{kind}/{path.name}",
        "profile": vector.profile,
    }
    if vector.error:
        entry["error"] = vector.error
    else:
        path.with_suffix(".json").write_text(dump(result(vector)))
        entry["result"] = f"{kind}/{vector.id}.json"
    if vector.optional:
        entry["optional"] = vector.optional
    clauses = sorted(set(vector.clauses))
    return entry | {
        "clauses": clauses,
        "flags": list(vector.flags),
        "reason": vector.reason,
        "since": vector.since,
    }


def main(folder: Path) -> None:
    entries = [write(folder, vector) for vector in all_vectors()]
    encoders = [encode.write(folder, case, dump) for case in encode.cases()]
    manifest = {"suite": SUITE, "format": "1.0", "vectors": entries, "encode": encoders}
    lines = json.dumps(manifest, ensure_ascii=True)
    head = {"$schema": "manifest.schema.json", "suite": SUITE, "format": "1.0"}
    one_per_line = [
        ",\n".join("  " + json.dumps(entry) for entry in group) for group in (entries, encoders)
    ]
    lines = (
        json.dumps(head)[:-1]
        + f',\n "vectors": [\n{one_per_line[0]}\n ],\n "encode": [\n{one_per_line[1]}\n ]}}\n'
    )
    (folder / "manifest.json").write_text(lines)
    print(f"{len(entries)} decoder vectors, {len(encoders)} encoder vectors")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "vectors")
