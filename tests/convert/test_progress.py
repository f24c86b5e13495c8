"""What a run says of itself while it goes on and at its end."""

import io
import json

import pytest
from convert_samples import LSST_SCHEMA, lsst_alert, write_ocf

from hstamp.cli import main, terminal
from hstamp.convert.report import Report
from hstamp.errors import InputError


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return now


def report():
    found = Report(alerts_in=3000, cutout_bytes=90_000_000, stamp_bytes=9_000_000)
    found.skipped["no cutoutTemplate in the alert"] = 2
    found.failed("a", InputError("bad"))
    return found


def test_a_terminal_shows_rate_bytes_time_left_and_skips(clock, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(terminal.sys, "stderr", stream)
    with terminal.Progress(1000, report().rates) as progress:
        clock[0] += 30.0
        progress.update(250)
        shown = stream.getvalue().strip()
    assert shown == (
        "[#####...............]  25% 0:30, 1:30 left, 3,000 alerts, 100/s,"
        " 90 MB of cutouts, 9,000 kB of stamps, 2 skipped, 1 failed"
    )


def test_a_log_gets_a_plain_line_a_minute(clock, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(terminal.sys, "stderr", stream)
    with terminal.Progress(1000, report().rates) as progress:
        for done in range(0, 1000, 100):
            progress.update(done)
            clock[0] += 15.0
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [" 40% 1:00", " 80% 2:00"]


def test_a_conversion_tells_of_its_alerts_while_it_goes_on(tmp_path, clock, monkeypatch, capsys):
    def later():
        clock[0] += 61.0
        return clock[0]

    monkeypatch.setattr(terminal.time, "monotonic", later)
    path = write_ocf(tmp_path / "in", LSST_SCHEMA, [lsst_alert(1), lsst_alert(2)])
    assert main(["convert", str(path), "-o", str(tmp_path / "out.avro")]) == 0
    assert "2 alerts, " in capsys.readouterr().err
    assert main(["convert", str(path), "-q", "-f", "-o", str(tmp_path / "out.avro")]) == 0
    assert capsys.readouterr().err == ""


def test_the_summary_as_json(tmp_path, capsys):
    bad = lsst_alert(2, {"cutoutScience": b"no FITS", "cutoutTemplate": None})
    path = write_ocf(tmp_path / "in", LSST_SCHEMA, [lsst_alert(1), bad])
    out, kept = tmp_path / "out.avro", tmp_path / "kept"
    status = main(["convert", str(path), "-o", str(out), "--json", "--quarantine", str(kept)])
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert status == said["status"] == 1
    assert (said["alertsIn"], said["alertsOut"], said["stamps"]) == (2, 2, 4)
    assert said["stampsByLevels"] == {"2": 4}
    assert said["fileBytesIn"] == path.stat().st_size
    assert said["fileBytesOut"] == out.stat().st_size
    assert said["skipped"] == {"no cutoutTemplate in the alert": 1}
    assert said["failedByCode"] == {"E_INPUT": 1}
    assert said["quarantined"] == 1
    assert said["seconds"] >= 0
