"""The vectors: complete, without orphans, reproducible, covering every clause."""

import json
import math
import re
import struct
import zlib
from collections import Counter
from pathlib import Path

import container_oracle
import extract_examples
import oracle
import pytest
from generator import __main__ as build
from generator import expected

from hstamp.conformance import load_suite
from hstamp.conformance.vectors import expected_stamps

HERE = Path(__file__).resolve().parent
VECTORS = HERE / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text(encoding="utf-8"))
SPEC = extract_examples.SPEC.read_text(encoding="utf-8")
ENTRIES = {entry["id"]: entry for entry in MANIFEST["vectors"]}
BUILT = {vector.id: vector for vector in build.all_vectors()}


def test_manifest_follows_its_schema():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the test extra")
    schema = json.loads((VECTORS / "manifest.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(MANIFEST, schema)
    broken = json.loads(json.dumps(MANIFEST))
    broken["vectors"][0]["error"] = "E_SCALE"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_no_orphans():
    named = {"manifest.json", "manifest.schema.json", "README.md", ".gitattributes"}
    for entry in (*MANIFEST["vectors"], *MANIFEST["encode"]):
        named.add(entry["file"])
        if "result" in entry:
            named.add(entry["result"])
    found = {str(p.relative_to(VECTORS)) for p in VECTORS.rglob("*") if p.is_file()}
    assert found == named


def test_sizes():
    sizes = [path.stat().st_size for path in VECTORS.rglob("*") if path.is_file()]
    assert max(sizes) < 1_000_000
    assert sum(sizes) < 8_000_000


def test_identifiers_are_unique():
    counts = Counter(entry["id"] for entry in (*MANIFEST["vectors"], *MANIFEST["encode"]))
    assert [name for name, count in counts.items() if count > 1] == []


def test_files_are_those_of_the_builder():
    """Byte for byte, but deflate streams, which compression libraries may write in other ways."""
    assert set(BUILT) == set(ENTRIES)
    for name, vector in BUILT.items():
        stored = (VECTORS / ENTRIES[name]["file"]).read_bytes()
        if "codec-deflate" not in vector.flags:
            assert stored == vector.data, name
        elif vector.error is None:
            assert container_oracle.decode(stored) is not None


def test_results_are_those_of_the_oracle():
    for name, vector in BUILT.items():
        if vector.error is None:
            stored = json.loads((VECTORS / ENTRIES[name]["result"]).read_text(encoding="utf-8"))
            assert stored == build.result(vector), name


def test_results_read_back_to_the_bits_of_the_oracle():
    """Text to array keeps every bit, signs of zero among them."""
    for name, vector in BUILT.items():
        if vector.error is not None or vector.stamps is not None:
            continue
        want = oracle.decode(vector.data)
        (have,) = expected_stamps(VECTORS / ENTRIES[name]["result"])
        for plane in ("image", "variance"):
            if want[plane] is not None:
                flat = [v for level in want[plane] for row in level for v in row]
                assert _canonical(flat) == _canonical(have[plane].ravel().tolist()), name


def _canonical(values):
    return [b"NaN" if math.isnan(v) else struct.pack("<f", v) for v in values]


def test_invalid_vectors_are_rejected_by_hand_and_by_oracle():
    for name, vector in BUILT.items():
        stored = (VECTORS / ENTRIES[name]["file"]).read_bytes()
        if vector.error is None:
            continue
        with pytest.raises(oracle.Reject) as caught:
            container_oracle.decode(stored)
        assert caught.value.args[0] == vector.error == ENTRIES[name]["error"], name


def test_container_oracle_confirms_the_blobs():
    for name, vector in BUILT.items():
        if vector.stamps is None or vector.optional:
            continue
        got = [expected.stamp_json(s, s["field"]) for s in container_oracle.decode(vector.data)]
        assert {"stamps": got} == build.result(vector), name


def test_snappy_and_zstandard_vectors_hold_what_they_say():
    """Public libraries unpack what the builder packed by hand."""
    cramjam = pytest.importorskip("cramjam", reason="cramjam comes with the codecs extra")
    plain = (VECTORS / "valid" / "container-null.avro").read_bytes()
    body = _first_block(plain)
    snappy = _first_block((VECTORS / "valid" / "container-snappy.avro").read_bytes())
    assert bytes(cramjam.snappy.decompress_raw(snappy[:-4])) == body
    assert struct.unpack(">I", snappy[-4:])[0] == zlib.crc32(body)
    zstandard = _first_block((VECTORS / "valid" / "container-zstandard.avro").read_bytes())
    assert bytes(cramjam.zstd.decompress(zstandard)) == body


def _first_block(data):
    reader, _, _ = container_oracle.header(data)
    reader.long()
    return reader.take(reader.long())


def test_cuts_keep_their_levels():
    whole = oracle.decode(BUILT["cut-8"].data)
    for m in range(2, 8):
        part = oracle.decode(BUILT[f"cut-{m}"].data)
        for plane in ("image", "variance"):
            assert _canonical_levels(part[plane]) == _canonical_levels(whole[plane][:m])
        assert part["mask"]["data"] == whole["mask"]["data"][:m]
        assert part["psf"] == whole["psf"]


def _canonical_levels(levels):
    return [_canonical(row) for level in levels for row in level]


def test_every_error_code_has_a_vector_and_boundaries_have_both_sides():
    table = SPEC[SPEC.index("## 11.") : SPEC.index("## 12.")]
    codes = set(re.findall(r"\| (E_[A-Z]+) \|", table))
    assert codes == {entry["error"] for entry in ENTRIES.values() if "error" in entry}
    for inside, outside in (
        ("version-101", "version-99"),
        ("version-199", "version-200"),
        ("f4-n2", "levels-1-complete"),
        ("f4-n8", "levels-9-complete"),
        ("text-id-128", "text-id-too-long"),
        ("offset-max", "offset-dx-05-plus"),
        ("wcs-ra-below-360", "wcs-ra-360"),
        ("i2-scale-largest", "image-range-scale"),
        ("i2-zero-largest", "image-range-zero"),
        ("log8-unit-largest", "variance-unit-too-large"),
        ("mask-u1-eight-planes", "mask-names-nine-in-u1"),
        ("psf-size-127", "psf-size-129-complete"),
        ("avro-long-ten-bytes", "long-11-bytes-version"),
        ("avro-blocks-negative", "block-size-short-image-zero"),
    ):
        assert "result" in ENTRIES[inside]
        assert "error" in ENTRIES[outside]


def clauses_that_bind():
    """Identifier to text of each clause of the specification that says MUST or MUST NOT."""
    body = (
        SPEC[: SPEC.index("## Appendix A")]
        + SPEC[SPEC.index("## Appendix C") : SPEC.index("## Appendix D")]
    )
    parts = re.split(r"\*\*\[([A-Z]{2}-\d+)\]\*\*", body)
    texts = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        texts[name] = (
            text.split("\n\n", 1)[0]
            if name == "SE-1"
            else re.split(r"\n#|\n\n[A-Z]", text, maxsplit=1)[0]
        )
    # [SE-1] stands after its MUST.
    return {name for name, text in texts.items() if "MUST" in text} | {"SE-1"}, set(texts)


def test_every_must_is_tested_or_excused():
    binding, known = clauses_that_bind()
    excused = json.loads((HERE / "coverage.json").read_text(encoding="utf-8"))
    satisfied, violated = set(), set()
    for entry in MANIFEST["vectors"]:
        (violated if "error" in entry else satisfied).update(entry["clauses"])
    for entry in MANIFEST["encode"]:
        satisfied.update(entry["clauses"])
    assert not (satisfied | violated) - known, "vectors name clauses that do not exist"
    assert binding <= known
    missing = {
        "satisfied": binding - satisfied - set(excused["satisfied"]),
        "violated": binding - violated - set(excused["violated"]),
    }
    assert missing == {"satisfied": set(), "violated": set()}
    # An excuse that is no longer needed is stale.
    assert set(excused["satisfied"]) <= binding - satisfied
    assert set(excused["violated"]) <= binding - violated
    for reasons in (excused["satisfied"], excused["violated"]):
        assert all(len(reason) > 20 for reason in reasons.values())


def test_appendix_b_of_the_specification_is_among_the_vectors():
    for name, data in extract_examples.examples(SPEC).items():
        assert (VECTORS / "valid" / f"{name}.bin").read_bytes() == data
    assert len(extract_examples.examples(SPEC)) == SPEC.count("```hex example=")


@pytest.mark.parametrize("text", ["GG", "0", "(00", "00*", "00 )"])
def test_examples_with_typing_errors_are_refused(text):
    with pytest.raises(ValueError, match="unexpected"):
        extract_examples.parse(text)


def test_suite_reads_the_manifest():
    suite = load_suite()
    assert len(suite.vectors) == len(MANIFEST["vectors"])
    assert {v.profile for v in suite.select("core")} == {"core"}
    assert len(suite.select("core")) < len(suite.select("full")) < len(suite.select("container"))
