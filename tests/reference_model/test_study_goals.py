"""Goals, judged by hand-made results."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the evaluation needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the evaluation needs the train extra (GalSim)")

from made_study import answer, made_of, truth, wrong

from reference_model.evaluation import goals


def for_goals(n=1000):
    """Nearby hosts 10" away, the last hundred outside the n=5 stamp; all else right."""
    rows = truth(n)
    rows["host_dx"][-100:] = rows["offset"][-100:] = 40.0
    return rows, np.arange(n) % 10


def test_goals_are_judged_by_known_numbers():
    rows, field = for_goals()
    made = made_of(
        rows, field,
        net_any5=wrong(rows, 0, 9), net_overlapping5x30=wrong(rows, 0, 4),
        net_stamp30=wrong(rows, 0, 28), sep_dlr=wrong(rows, 100, 20),
        delight=wrong(rows, 0, 18), catalogue_dlr=wrong(rows, 900, 18),
    )  # fmt: skip
    made.methods["net_any5"]["region"] = (np.arange(rows.size) + 0.5) / rows.size
    found = goals.goals(made, {"both": 1999.0, "decode": 1e5})
    values, overlapping, today, rivals = {g.text: g for g in found}, *found[:3]
    assert len(values) == 8
    # 9 - 4 more wrong of 900 inside the stamp: 0.56 points, more than 0.5.
    assert overlapping.verdict == "missed"
    assert "-0.56 (" in overlapping.measured
    assert today.verdict == "reached"
    assert "ratio 0.32 (" in today.measured
    # (f) and the catalogue tie on all nearby; inside the stamp the catalogue has no error.
    assert rivals.verdict == "reached"
    assert "ratio 0.50 (" in rivals.measured
    assert "10.0 (10.0-10.0) % of the transients" in rivals.beside[0]
    assert "(d) catalogue, DLR" in rivals.beside[1]
    assert [g.verdict for g in found[3:]] == [
        "not run",
        "reached",
        "reached",
        "undefined",
        "missed",
    ]

    better = made_of(rows, field, net_any5=wrong(rows, 0, 8), net_overlapping5x30=wrong(rows, 0, 4),
                     net_stamp30=wrong(rows, 0, 23), sep_dlr=wrong(rows, 0, 15))  # fmt: skip
    verdicts = [g.verdict for g in goals.goals(better, {"both": 2000.0, "decode": 1e5})]
    assert verdicts[:3] == ["reached", "missed", "missed"]
    assert verdicts[-1] == "reached"


def test_goals_say_what_holds_without_company():
    rows, field = for_goals()
    # All errors are made where a brighter galaxy stands beside the host.
    company = np.where(wrong(rows, 0, 30)["right"], 0, 2).astype(np.int32)
    made = made_of(rows, field, net_any5=wrong(rows, 0, 9), net_overlapping5x30=wrong(rows, 0, 4),
                   net_stamp30=wrong(rows, 100, 28), sep_dlr=wrong(rows, 0, 20))  # fmt: skip
    made = dataclasses.replace(made, brighter=company)
    found = goals.goals(made, None)[:3]
    alone = [[t for t in goal.beside if t.startswith(goals.ALONE)] for goal in found]
    assert ["100.0 against 100.0" in text for text in alone[0]] == [True]
    assert [len(texts) for texts in alone] == [1, 2, 2]
    assert all(" 0.0 against " in text for text in alone[1])
    inside = [t for t in alone[2] if "host in the n=5 stamp" in t]
    assert " 0.0 against 0.0 %" in inside[0]
    assert not any(goals.ALONE in t for g in goals.goals(
        dataclasses.replace(made, brighter=None), None) for t in g.beside)  # fmt: skip


def test_goals_without_their_methods_are_not_run():
    rows, field = for_goals()
    found = goals.goals(made_of(rows, field, sep_dlr=wrong(rows, 0, 9)), None)
    assert {g.verdict for g in found} == {"not run"}
    assert all(not g.measured for g in found)


def test_hosts_out_of_reach_are_those_no_answer_in_the_stamp_can_find():
    # From the edge at 24": 0.5, 2 and 3.5 arcsec beyond, R_e 3; the last one diagonal.
    rows = truth(4, host_dx=[24.5, 26.0, -27.5, 26.5], host_dy=[0.0, 0.0, 0.0, 26.5])
    made = made_of(rows, [0, 0, 1, 1], net_any5=answer(rows, True))
    every = np.ones(4, bool)
    assert goals.out_of_reach(made, every, 24.0).value == pytest.approx(2 / 4)
    rows["host_re"] = 0.2
    assert goals.out_of_reach(made, every, 24.0).value == pytest.approx(3 / 4)
