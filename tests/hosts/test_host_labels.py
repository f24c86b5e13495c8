"""Hosts that people chose, held against answers."""

import json
import math

import numpy as np
import pytest

from hstamp.cli import main
from hstamp.errors import InputError
from hstamp.hosts.labels import Judge, Label, read_labels, verdicts

HEAD = "alert_id,object_id,label,class,x,y,ra,dec,labeller,pass,time\n"
DEG = 1 / 3600


def label(alert="1", kind="host", ra=10.0, dec=-60.0, who="ada", number=1):
    if kind != "host":
        ra = dec = math.nan
    return Label(alert, kind, ra, dec, who, number)


def test_tables_and_json_say_the_same(tmp_path):
    rows = '7,,host,,1,2,10.5,-3.25,ada,1,\n8,,none,,,,,,"o, b",2,\n9,,class,SN,,,,,ada,1,\n'
    (tmp_path / "l.csv").write_text("\ufeff" + HEAD + rows)
    found = read_labels(tmp_path / "l.csv")
    assert found[0] == Label("7", "host", 10.5, -3.25, "ada", 1)
    assert [(v.label, v.labeller, v.number) for v in found[1:]] == [
        ("none", "o, b", 2),
        ("class", "ada", 1),
    ]
    assert math.isnan(found[1].ra)
    content = {"format": "hstamp-labels", "version": 1, "labels": [
        {"alert_id": "7", "label": "host", "ra": 10.5, "dec": -3.25, "labeller": "ada", "pass": 1},
        {"alert_id": "8", "label": "none", "ra": None, "dec": None, "labeller": "o, b", "pass": 2},
    ]}  # fmt: skip
    (tmp_path / "l.json").write_text(json.dumps(content))
    assert read_labels(tmp_path / "l.json")[0] == found[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alert_id,ra\n1,2\n", "no column dec, label, labeller, pass"),
        (HEAD + "1,,perhaps,,,,,,ada,1,\n", "label 1 is not valid: 'perhaps' is no label"),
        (HEAD + "1,,none,,,,,,ada,1,\n1,,host,,,,400,0,ada,1,\n", "label 2 .* not on the sky"),
        (HEAD + "1,,host,,,,north,0,ada,1,\n", "label 1 is not valid"),
        (HEAD + "1,,host,,,,1,0,ada,first,\n", "label 1 is not valid"),
        ('{"format": "other", "labels": []}', "not labels"),
        ('{"format": "hstamp-labels", "labels": [3]}', "label 1 is not valid"),
        ("{", "not JSON"),
        ("", "no labels"),
    ],
)
def test_what_holds_no_labels_is_said(tmp_path, text, says):
    (tmp_path / "l").write_text(text)
    with pytest.raises(InputError, match=says):
        read_labels(tmp_path / "l")


def test_the_last_word_of_each_labeller_counts():
    agreed, differing = verdicts([label(kind="none"), label()])
    assert (agreed["1"].ra, agreed["1"].dec, differing) == (10.0, -60.0, 0)


def test_two_who_agree_have_the_mean_of_their_places():
    # 0.6 arcseconds to the east at Dec -60 are 1.2 seconds of arc in right ascension.
    agreed, _ = verdicts([label(ra=359.9999, who="a"), label(ra=359.9999 + 1.2 * DEG, who="b")])
    assert agreed["1"].ra == pytest.approx((359.9999 + 0.6 * DEG) % 360, abs=1e-9)
    assert agreed["1"].dec == pytest.approx(-60.0, abs=1e-9)


@pytest.mark.parametrize(
    "other", [label(kind="none", number=2), label(dec=-60.0 + 1.01 * DEG, who="b")]
)
def test_what_labellers_differ_on_is_left_out(other):
    assert verdicts([label(), other, label("2", "none")])[1] == 1
    assert list(verdicts([label(), other, label("2", "none")])[0]) == ["2"]


def test_unsure_and_classes_say_nothing():
    assert verdicts([label(kind="unsure"), label("2", "class")]) == ({}, 0)
    assert list(verdicts([label(kind="unsure"), label(who="b")])[0]) == ["1"]


def test_without_labelled_alerts_there_is_no_score():
    judge = Judge([label(), label("2", "none"), label("2", "host", who="b")])
    assert judge.summary() is None
    assert list(judge.lines()) == [
        "labels: none of 1 alerts that were labelled is here; 1 left out, on which they differ"
    ]


def test_the_command_scores_a_run(tmp_path, capsys):
    pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")
    from test_command import rows_of, stamps_file

    file = stamps_file(tmp_path / "s.avro")
    assert main(["hosts", str(file), "-o", str(tmp_path / "first.csv"), "-q"]) == 0
    rows = rows_of(tmp_path / "first.csv")
    # The first label lies on the answer, the second 3 arcseconds away; the third says none.
    away = float(rows[1]["host_dec"]) + 3 * DEG
    lines = [
        f"{rows[0]['alert_id']},,host,,,,{rows[0]['host_ra']},{rows[0]['host_dec']},ada,1,",
        f"{rows[1]['alert_id']},,host,,,,{rows[1]['host_ra']},{away},ada,1,",
        f"{rows[2]['alert_id']},,none,,,,,,ada,1,",
        "404,,none,,,,,,ada,1,",
    ]
    (tmp_path / "l.csv").write_text(HEAD + "\n".join(lines) + "\n")
    words = [
        "hosts",
        str(file),
        "-o",
        str(tmp_path / "second.csv"),
        "--labels",
        str(tmp_path / "l.csv"),
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "labels: 2 hosts and 1 without, by eye" in said
    assert "within 2 pixels of the label   50 %" in said
    assert "median distance                1.50 arcsec" in said
    none = [float(row["p_none"]) for row in rows]
    brier = (none[0] ** 2 + none[1] ** 2 + (1 - none[2]) ** 2) / 3
    assert f"Brier score of P(none)         {brier:.3f}" in said
    assert np.isfinite(none).all()


def test_a_file_of_labels_that_is_not_there_is_said_before_the_work(tmp_path, capsys):
    (tmp_path / "s.avro").write_bytes(b"")
    words = [
        "hosts",
        str(tmp_path / "s.avro"),
        "-o",
        str(tmp_path / "h.csv"),
        "--labels",
        str(tmp_path / "none.csv"),
    ]
    pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")
    assert main(words) == 1
    assert "none.csv" in capsys.readouterr().err
