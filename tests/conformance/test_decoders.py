"""Independent decoders, each written from the specification alone, under the whole suite."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hstamp.conformance import LongLivedHarness, Outcome, ProcessHarness, load_suite, run_vectors

DECODERS = Path(__file__).resolve().parent / "decoders"
SUITE = load_suite()


def build(*words, **environment):
    subprocess.run(
        words, check=True, capture_output=True, env=os.environ | environment, timeout=600
    )


def javascript(tools, target):
    return [tools["node"], str(DECODERS / "javascript" / "cli.mjs")]


def java(tools, target):
    sources = sorted(map(str, (DECODERS / "java" / "src").rglob("*.java")))
    build(tools["javac"], "--release", "17", "-d", str(target), *sources)
    return [tools["java"], "-cp", str(target), "org.hstamp.Main"]


def rust(tools, target):
    manifest = str(DECODERS / "rust" / "Cargo.toml")
    words = ("build", "--release", "--offline", "--quiet", "--manifest-path", manifest)
    build(tools["cargo"], *words, CARGO_TARGET_DIR=str(target))
    return [str(target / "release" / "hstamp-decode")]


def c(tools, target):
    program = target / "hstamp-decode"
    sources = sorted(map(str, (DECODERS / "c").glob("*.c")))
    build(tools["cc"], "-std=c11", "-O2", "-ffp-contract=off", "-o", str(program), *sources)
    return [str(program)]


# Language: how it is built, tools that it needs, profile that its README states.
LANGUAGES = {
    "javascript": (javascript, ("node",), "container"),
    "java": (java, ("javac", "java"), "container"),
    "rust": (rust, ("cargo",), "full"),
    "c": (c, ("cc",), "full"),
}


@pytest.fixture(scope="module", params=LANGUAGES)
def decoder(request, tmp_path_factory):
    maker, tools, profile = LANGUAGES[request.param]
    if not (DECODERS / request.param).is_dir():
        pytest.skip(f"tests/conformance/decoders/{request.param} is not in this checkout")
    found = {tool: shutil.which(tool) for tool in tools}
    absent = [tool for tool, path in found.items() if path is None]
    if absent:
        pytest.skip(f"{request.param}: {', '.join(absent)} is not installed")
    return maker(found, tmp_path_factory.mktemp(request.param)), profile


def test_whole_suite_in_long_lived_mode(decoder):
    command, profile = decoder
    vectors = SUITE.select(profile)
    reports = list(
        run_vectors(lambda: LongLivedHarness(command), vectors, profile=profile, timeout=60)
    )
    assert [(r.id, r.outcome.value, r.detail) for r in reports if r.failed] == []
    assert sum(r.outcome is Outcome.PASS for r in reports) >= len(vectors) - 2


def test_some_vectors_with_a_process_each(decoder):
    command, profile = decoder
    patterns = [
        "b?-*",
        "empty-input",
        "limit-*",
        "version-99",
        "missing-all-i2",
        "container-codec-*",
    ]
    vectors = SUITE.select(profile, patterns)
    reports = list(
        run_vectors(lambda: ProcessHarness(command), vectors, profile=profile, timeout=60)
    )
    assert [(r.id, r.outcome.value, r.detail) for r in reports if r.failed] == []


def test_a_container_file_is_not_supported_below_its_profile(decoder):
    command, profile = decoder
    if profile == "container":
        pytest.skip("this decoder reads container files")
    vectors = SUITE.select("container", ["container-null"])
    (report,) = run_vectors(
        lambda: ProcessHarness(command), vectors, profile="container", timeout=60
    )
    assert report.outcome is Outcome.UNSUPPORTED
