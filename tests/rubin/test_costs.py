"""The table of costs: that it is made, not how long anything takes."""

import pytest

pytest.importorskip("lsst.images", reason="lsst-images is not installed (extra rubin)")
pytest.importorskip("lsst.daf.butler", reason="lsst-daf-butler is not installed (extra rubin)")

from hstamp.rubin import costs


def test_every_row_has_a_number(monkeypatch, capsys):
    # Compiling kernels into an empty folder takes long, and says nothing about the table.
    monkeypatch.setattr(costs, "_first_call", lambda cache: (0.2, 1.0))
    assert costs.main(["--shape", "300", "320", "--sources", "4", "--repeats", "1"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if " | " in line]
    assert [cell.strip("| ") for cell in rows[0]] == ["what", "CPU", "goal"]
    assert len(rows) == 18
    assert all(any(c.isdigit() for c in row[1]) for row in rows[1:])
    assert sum(bool(row[2].strip("| ")) for row in rows[1:]) == 3


def test_the_first_stamps_of_a_process_are_timed(capsys):
    assert costs.first_call() == 0
    first, loading = map(float, capsys.readouterr().out.split())
    assert first > 0
    assert loading >= 0
