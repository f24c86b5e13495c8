"""The whole way: Butler, pipetask in two processes, a run that is killed and resumed."""

import pytest

pytest.importorskip("lsst.ctrl.mpexec", reason="lsst-ctrl-mpexec is not installed (extra rubin)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plot)")

from hstamp.rubin import demo


def test_stamps_of_the_middleware_have_the_bytes_of_the_encoder(tmp_path, capsys):
    out = tmp_path / "out"
    assert demo.main([str(out), "--sources", "6"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert said.count("36 of 36 stamps, each with the bytes of hstamp.encode_many") == 2
    assert "1 kept" in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count('class="card"') == 12
    assert "http" not in page.replace("http://www.w3.org/", "")


def test_an_output_that_exists_is_left_alone(tmp_path, capsys):
    assert demo.main([str(tmp_path)]) == 1
    assert "exists" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
