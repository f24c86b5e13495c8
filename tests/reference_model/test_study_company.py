"""Who stands beside a host: counted on fields made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("galsim", reason="scenes need the train extra (GalSim)")
pytest.importorskip("scipy", reason="scenes need the train extra (scipy)")
pytest.importorskip("tqdm", reason="the data set needs the train extra (tqdm)")

from reference_model.config import StudyConfig
from reference_model.scenes import company
from reference_model.scenes.place import TRANSIENT
from reference_model.sky.galaxies import GALAXY


def field_of(galaxies, transients):
    """Galaxies as (x, y, r, i); transients as (x, y, host, stratum, kind)."""
    table, rows = np.zeros(len(galaxies), GALAXY), np.zeros(len(transients), TRANSIENT)
    for column, values in zip(
        ("x", "y", "r_mag", "i_mag"), zip(*galaxies, strict=True), strict=True
    ):
        table[column] = values
    for column, values in zip(
        ("x", "y", "host", "stratum", "kind"), zip(*transients, strict=True), strict=True
    ):
        rows[column] = values
    return SimpleNamespace(load={"galaxies": table, "transients": rows}.__getitem__)


#: A host of r = 16 at (500, 500); the box is 300 pixels to each side.
HOST = (500.0, 500.0, 16.0, 16.0)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((700.0, 300.0, 15.9), 1),
        ((799.0, 201.0, 15.9), 1),
        ((801.0, 500.0, 15.9), 0),
        ((500.0, 199.0, 15.9), 0),
        ((700.0, 300.0, 16.0), 0),
        ((700.0, 300.0, 16.1), 0),
    ],
)
def test_only_brighter_galaxies_in_the_box_are_company(other, expected):
    field = field_of([HOST, (*other, 15.0)], [(500.0, 500.0, 0, 1, 0)])
    assert company.brighter_neighbours(field).tolist() == [expected]


def test_the_box_is_around_the_transient_and_every_host_has_its_own_count():
    galaxies = [HOST, (700.0, 500.0, 14.0, 14.0), (900.0, 500.0, 12.0, 12.0)]
    rows = [(500.0, 500.0, 0, 1, 0), (650.0, 500.0, 0, 1, 0), (700.0, 500.0, 1, 1, 0),
            (900.0, 500.0, 2, 1, 0), (500.0, 500.0, -1, 0, 2)]  # fmt: skip
    found = company.brighter_neighbours(field_of(galaxies, rows))
    assert found.tolist() == [1, 2, 1, 0, -1]


def test_the_chance_of_company_is_that_of_the_counts(monkeypatch):
    # The deep transient and the one on a star do not count.
    rows = [(500.0, 500.0, 0, 1, 0), (500.0, 500.0, 1, 1, 0), (500.0, 500.0, 0, 0, 0),
            (500.0, 500.0, -1, 1, 1)]  # fmt: skip
    field = field_of([HOST, (510.0, 500.0, 20.0, 20.0)], rows)
    monkeypatch.setattr(company, "fields", lambda root, config, split: [field])
    found = company.company(None, StudyConfig(name="made"))
    # Per square arcminute: 46 * 10**(0.31 * (21 - 25)) * 10**(0.5 * (i - 21)); the box has four.
    per_area = 46.0 * 10.0 ** (0.31 * -4.0) * 10.0 ** (0.5 * np.array([-5.0, -1.0]))
    assert found.n == 6  # the same field stands for all three splits
    assert found.simulated == pytest.approx(0.5)
    assert found.counted == pytest.approx((1.0 - np.exp(-4.0 * per_area)).mean())
