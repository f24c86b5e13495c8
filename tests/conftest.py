"""Fixtures and settings shared by all tests.

Real alerts and images are not part of the repository. Tests that need them use the fixture
``shared`` and are skipped, with the reason, where the data are missing.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

# The numpy path is the definition and what most tests judge; tests/fast compares the other with it.
os.environ.setdefault("HSTAMP_NO_NUMBA", "1")

_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=60,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "search", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def shared_data() -> Path | None:
    """Folder of real data: ``$HSTAMP_SHARED/data``, or ``shared/data`` beside the repository."""
    root = Path(os.environ.get("HSTAMP_SHARED") or REPOSITORY.parent / "shared")
    return root / "data" if (root / "data").is_dir() else None


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real alerts and images; skips the test where it is missing."""
    data = shared_data()
    if data is None:
        pytest.skip("real data are not here: set HSTAMP_SHARED to the folder that holds data/")
    return data
