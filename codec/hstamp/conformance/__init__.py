"""Conformance suite: judges decoders and encoders of any language against the specification."""

from .harness import CallableHarness, LongLivedHarness, ProcessHarness, Unsupported, run_vectors
from .outcomes import Difference, Outcome, Report
from .vectors import (
    PROFILES,
    EncodeCase,
    Suite,
    Vector,
    copy_vectors,
    load_suite,
    vectors_path,
)

__all__ = [
    "PROFILES",
    "CallableHarness",
    "Difference",
    "EncodeCase",
    "LongLivedHarness",
    "Outcome",
    "ProcessHarness",
    "Report",
    "Suite",
    "Unsupported",
    "Vector",
    "copy_vectors",
    "load_suite",
    "run_vectors",
    "vectors_path",
]
