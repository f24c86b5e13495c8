from __future__ import annotations

import pytest
from export_cases import make_full

import hstamp


@pytest.fixture
def full_stamp() -> hstamp.Stamp:
    """Five levels, every plane, a rotated WCS, some missing pixels."""
    return make_full(5)
