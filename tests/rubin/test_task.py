"""The pipeline task by itself: configuration, table, and what it does with what cannot be read."""

import numpy as np
import pytest
from rubin_samples import HEIGHT, WIDTH, X0, Y0, AfwPsf, exposure

pytest.importorskip("lsst.pipe.base", reason="lsst-pipe-base is not installed (extra rubin)")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra rubin)")

from hstamp.rubin import StampOptions, parent_of, stamps_of  # noqa: E402
from hstamp.rubin.task import MakeHierarchicalStampsConfig, MakeHierarchicalStampsTask  # noqa: E402

FIELDS = ["hstampDifference", "hstampScience", "hstampTemplate"]


def sources(count=200, broken=2):
    rng = np.random.default_rng(1)
    x, y = X0 + rng.uniform(0, WIDTH - 1, count), Y0 + rng.uniform(0, HEIGHT - 1, count)
    x[:broken] = np.nan
    return pa.table({"diaSourceId": np.arange(count) + 2**40, "x": x, "y": y, "flux": x})


def test_one_row_for_each_source_and_one_percent_of_faults_cost_one_percent():
    task = MakeHierarchicalStampsTask(config=MakeHierarchicalStampsConfig())
    table = sources()
    images = {kind: exposure(factor=f) for kind, f in zip(FIELDS, (1.0, 2.0, 3.0), strict=True)}
    done = task.run(
        difference=images[FIELDS[0]], science=images[FIELDS[1]], template=images[FIELDS[2]],
        sources=table,
    ).stamps  # fmt: skip
    assert done.column_names == ["diaSourceId", *FIELDS]
    assert done.column("diaSourceId").equals(table.column("diaSourceId"))
    for name in FIELDS:
        assert done.column(name).null_count == 2
        assert done.schema.field(name).type == pa.binary()
        assert done.column(name).to_pylist() == stamps_of(
            parent_of(images[name]), table["x"].to_numpy(), table["y"].to_numpy(),
            [str(n) for n in table["diaSourceId"].to_pylist()],
        )  # fmt: skip
        assert task.metadata[f"{name}Missing"] == 2


def test_an_image_that_cannot_be_read_costs_its_column():
    broken = exposure(psf=AfwPsf())
    broken.photoCalib = None
    task = MakeHierarchicalStampsTask(config=MakeHierarchicalStampsConfig())
    done = task.run(
        difference=exposure(), science=exposure(), template=broken, sources=sources(5, 0)
    ).stamps
    assert [done.column(name).null_count for name in FIELDS] == [0, 0, 5]


def test_configuration_is_that_of_the_options():
    assert MakeHierarchicalStampsConfig().stamps.options() == StampOptions()
    config = MakeHierarchicalStampsConfig()
    config.stamps.mask_planes = ["SAT"]
    config.stamps.unusable_planes = ["BAD"]
    config.stamps.psf, config.stamps.levels = "none", 3
    assert config.stamps.options() == StampOptions(
        mask_planes=("SAT",), unusable=("BAD",), psf="none", levels=3
    )


def test_every_field_is_documented():
    for config in (MakeHierarchicalStampsConfig(), MakeHierarchicalStampsConfig().stamps):
        assert all(field.doc for field in config._fields.values())


@pytest.mark.parametrize(("name", "value"), [("psf_size", 20), ("psf_size", -1)])
def test_configuration_is_checked(name, value):
    config = MakeHierarchicalStampsConfig()
    setattr(config.stamps, name, value)
    with pytest.raises(ValueError, match="size"):
        config.validate()


def test_pipeline_ships_with_the_package():
    from lsst.pipe.base import Pipeline

    uri = "resource://hstamp.rubin/pipelines/makeHierarchicalStamps.yaml"
    pipeline = Pipeline.from_uri(uri)
    graph = pipeline.to_graph()
    assert list(graph.tasks) == ["makeHierarchicalStamps"]
    node = graph.tasks["makeHierarchicalStamps"]
    assert {edge.parent_dataset_type_name for edge in node.inputs.values()} == {
        "visit_image", "template_detector", "difference_image", "dia_source_detector"
    }  # fmt: skip
    assert node.outputs["stamps"].storage_class_name == "ArrowTable"


def test_images_of_afw_are_read_as_exposures():
    config = MakeHierarchicalStampsConfig()
    config.image_storage_class = "ExposureF"
    connections = config.connections.ConnectionsClass(config=config)
    assert connections.template.storageClass == "ExposureF"
    assert connections.sources.storageClass == "ArrowTable"
