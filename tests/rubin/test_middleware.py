"""The whole way: Butler, pipetask in two processes, a run that is killed and resumed, bps."""

import numpy as np
import pytest
from rubin_samples import exposure_of

pytest.importorskip("lsst.ctrl.mpexec", reason="lsst-ctrl-mpexec is not installed (extra rubin)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plot)")
pytest.importorskip("lsst.ctrl.bps.parsl", reason="lsst-ctrl-bps-parsl is not installed")

import hstamp
from hstamp.rubin import demo, parent_of, stamps_of
from hstamp.rubin.repository import stamps_of_run
from hstamp.rubin.simulate import expose

NAMES = (
    "BAD", "SATURATED", "INTERPOLATED", "COSMIC_RAY", "DETECTION_EDGE", "DETECTED", "SUSPECT",
    "NO_DATA", "STREAK", "SPIKE", "CROSSTALK", "VIGNETTED",
)  # fmt: skip
"""Planes of the simulated images in the order in which stamps prefer them."""
FIELDS = {
    "difference": "hstampDifference", "science": "hstampScience", "template": "hstampTemplate"
}  # fmt: skip
START = (64, 32)


def by_encode(image, x, y, id):
    """The same stamp from the public encoder, with everything stated by hand."""
    mask = sum(image.mask.get(name).astype("u2") << bit for bit, name in enumerate(NAMES))
    middle = image.bbox.x.start + 499.5, image.bbox.y.start + 449.5

    def sky(i, j):
        found = image.sky_projection.pixel_to_sky_transform.apply_forward(
            x=i + START[0], y=j + START[1]
        )
        return np.degrees(found.x), np.degrees(found.y)

    return hstamp.encode(
        image.image.array, x - START[0], y - START[1], levels=5,
        variance=image.variance.array, mask=mask, mask_planes=NAMES,
        psf=image.psf.compute_kernel_image(x=middle[0], y=middle[1]).array, wcs=sky,
        band="r", flux_unit="nJy", id=id,
    ).to_bytes()  # fmt: skip


def test_the_encoder_pipetask_bps_and_an_exposure_give_the_same_bytes(tmp_path, capsys):
    out = tmp_path / "out"
    assert demo.main([str(out), "--sources", "6", "--bps"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert said.count("36 of 36 stamps, each with the bytes of hstamp.encode_many") == 3
    assert "1 kept" in said
    # Of each of three runs and two detectors, a table and a file of alerts.
    assert "hstamp validate: 12 tables and files of alerts are valid" in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count('class="card"') == 12
    assert "http" not in page.replace("http://www.w3.org/", "")

    runs = [stamps_of_run(out / "repository", name) for name in ("whole", "resumed", "bps")]
    for number in (1, 2):
        one = expose(number, 6, start=START)
        ids = [str(each) for each in one.ids]
        for kind, name in FIELDS.items():
            image = getattr(one, kind)
            rows = zip(one.x, one.y, ids, strict=True)
            expected = [by_encode(image, *row) for row in rows]
            assert stamps_of(parent_of(exposure_of(image)), one.x, one.y, ids) == expected
            for run in runs:
                assert run[number].column(name).to_pylist() == expected
    for run in ("whole", "bps"):
        files = sorted((out / "repository").glob(f"{run}/**/dia_source_stamp_alerts_*.avro"))
        assert len(files) == 2
        found = {each.stamp.to_bytes() for path in files for each in hstamp.read_stamps(path)}
        assert found == {
            blob for table in runs[0].values() for name in FIELDS.values()
            for blob in table.column(name).to_pylist()
        }  # fmt: skip


def test_an_output_that_exists_is_left_alone(tmp_path, capsys):
    assert demo.main([str(tmp_path)]) == 1
    assert "exists" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
