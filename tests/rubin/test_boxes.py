"""Images of which only the boxes of stamps are read, against the same images read whole."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstamp.rubin import StampOptions, parent_of, stamps_of
from hstamp.rubin.boxes import bands, read_boxes

SIZE = 40
START = (500, 700)
"""First column and row of the image."""


class Handle:
    """What a Butler's deferred dataset does, and which rows it was asked for."""

    def __init__(self, image):
        self.image, self.rows = image, []

    def get(self, *, component=None, parameters=None):
        if component is not None:
            assert component == "bbox"
            return self.image.bbox
        box = parameters["bbox"]
        self.rows.append((box.y.start, box.y.stop))
        return self.image[box]


@pytest.fixture(scope="module")
def image():
    pytest.importorskip("lsst.images", reason="lsst-images is not installed (extra rubin)")
    from hstamp.rubin import simulate

    rng = np.random.default_rng(5)
    shape = (900, 800)
    mask = np.where(rng.random(shape) < 0.1, 1 << 5, 0)
    mask[100:140, 100:200] = 1 << 7
    return simulate.visit_image(
        rng.normal(0, 10, shape), rng.uniform(90, 110, shape), mask, 3, start=START
    )


PLACES = {
    "one": [(640.3, 820.9)],
    "corners": [(500.0, 700.0), (1299.2, 1599.0), (1299.4, 699.6)],
    "sharing rows": [(640.0, 820.9), (1200.0, 900.2), (510.0, 1500.0), (700.0, 830.0)],
    "on pixels without data": [(650.0, 820.0)],
    "some unusable": [(640.0, 820.9), (np.nan, 5.0), (3.0, 3.0), (1e300, 0.0), (900.0, np.inf)],
    "outside, but near": [(495.0, 900.0), (900.0, 1605.0)],
    "none": [],
}


@pytest.mark.parametrize("psf", ["average", "source", "none"])
@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_stamps_are_those_of_the_whole(image, places, psf):
    x, y = np.array(places, dtype="f8").reshape(-1, 2).T
    options = StampOptions(psf=psf)
    whole = stamps_of(parent_of(image), x, y, config=options)
    parts = stamps_of(read_boxes(Handle(image), x, y, options.levels), x, y, config=options)
    assert parts == whole
    assert {row: fault.reason for row, fault in parts.errors.items()} == {
        row: fault.reason for row, fault in whole.errors.items()
    }


def test_rows_are_read_once_and_no_others(image):
    """Sources in rows 820 and 900 share rows. By [GE-3] a stamp of five levels has 240 rows from
    offset -117 on, from the row above the source's own; one of two levels 30 from -15 on."""
    handle = Handle(image)
    read_boxes(handle, np.array([640.0, 1200.0, 510.0]), np.array([820.5, 900.5, 1450.5]), 5)
    assert handle.rows == [(821 - 117, 901 - 117 + 240), (1451 - 117, 1451 - 117 + 240)]
    handle = Handle(image)
    read_boxes(handle, np.array([640.0]), np.array([820.5]), 2)
    assert handle.rows == [(821 - 15, 821 + 15)]


edges = st.tuples(st.integers(0, SIZE - 1), st.integers(1, 8)).map(
    lambda pair: slice(pair[0], min(pair[0] + pair[1], SIZE))
)


@given(st.lists(st.tuples(edges, edges), max_size=12))
def test_bands_hold_all_boxes_and_share_no_row(boxes):
    asked, found = np.zeros((SIZE, SIZE), "u1"), np.zeros((SIZE, SIZE), "u1")
    for box in boxes:
        asked[box] = 1
    joined = bands(boxes)
    for box in joined:
        found[box] += 1
    assert (found[asked == 1] == 1).all()
    assert found.max(initial=0) <= 1
    # Of the rows that some box has, all are read, and of the others none.
    assert np.array_equal(found.any(axis=1), asked.any(axis=1))
    assert all(one[0].stop <= two[0].start for one, two in zip(joined, joined[1:], strict=False))


def test_a_dataset_that_cannot_be_read_in_parts_is_read_whole(image):
    pytest.importorskip("lsst.pipe.base", reason="lsst-pipe-base is not installed (extra rubin)")
    import pyarrow as pa

    from hstamp.rubin.task import MakeHierarchicalStampsConfig, MakeHierarchicalStampsTask

    class Whole(Handle):
        def get(self, *, component=None, parameters=None):
            if component or parameters:
                raise NotImplementedError("no parts")
            self.rows.append("all")
            return self.image

    table = pa.table({"diaSourceId": [1, 2], "x": [640.0, 900.0], "y": [820.0, 1300.0]})
    put, asked = [], {}

    def quantum(handle, **settings):
        """Run one as the middleware does, and return the table it puts."""
        config = MakeHierarchicalStampsConfig()
        config.update(**settings)
        task = MakeHierarchicalStampsTask(config=config)
        asked.update({kind: handle(image) for kind in ("science", "template", "difference")})
        context = SimpleNamespace(
            get=lambda refs: {**asked, "sources": table},
            put=lambda made, refs: put.append(made.stamps),
            quantum=SimpleNamespace(dataId=SimpleNamespace(mapping={"visit": 1, "detector": 3})),
        )
        task.runQuantum(context, None, None)

    quantum(Whole)
    assert [handle.rows for handle in asked.values()] == [["all"]] * 3
    quantum(Whole, boxes_up_to=1)
    quantum(Handle)
    assert asked["science"].rows == [(821 - 117, 821 + 123), (1301 - 117, 1301 + 123)]
    assert put[0].equals(put[1])
    assert put[0].equals(put[2])
    assert put[0].column("hstampScience").null_count == 0
