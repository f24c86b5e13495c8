"""Goals, judged by hand-made results."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the evaluation needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the evaluation needs the train extra (GalSim)")

from made_study import answer, made_of, truth, wrong

from reference_model.evaluation import compare, goals, tables
from reference_model.figures import headline


def for_goals(n=1000):
    """Hosts 10" away, the first half deep and the second nearby; all of them in the stamp."""
    rows = truth(n)
    rows["stratum"][: n // 2] = 0
    return rows, np.arange(n) % 10


def verdicts(found):
    return [goal.verdict for goal in found]


def test_transients_count_as_a_stream_holds_them():
    rows = truth(10, stratum=[1] * 6 + [0] * 4)
    weights = tables.stream_weights(rows, 0.01)
    assert weights[:6].sum() / weights.sum() == pytest.approx(0.01)
    assert weights.mean() == pytest.approx(1.0)
    assert tables.stream_weights(rows[:6]).tolist() == [1.0] * 6
    made = made_of(rows, [0, 1] * 5, net_any5=wrong(rows, 0, 3), net_stamp30=wrong(rows, 5, 2))
    every = np.ones(10, bool)
    found = compare.difference(made, "net_any5", "net_stamp30", every, weights=weights)
    # Three of six nearby ones wrong; one of six and one of four deep ones.
    assert found.first == pytest.approx(0.01 * 3 / 6)
    assert found.second == pytest.approx(0.01 / 6 + 0.99 / 4)
    ratio = compare.wrong_ratio(made, "net_any5", "net_stamp30", every, weights=weights)
    assert ratio.estimate.value == pytest.approx(found.first / found.second)


def test_goals_are_judged_by_known_numbers():
    rows, field = for_goals()
    made = made_of(
        rows, field,
        # Among the deep half: 6 wrong against 3, 25 and 9 for the best other method; the
        # nearby half counts one in a hundred.
        net_any5_sky=wrong(rows, 0, 6), net_overlapping5x30_sky=wrong(rows, 0, 3),
        net_stamp30_sky=wrong(rows, 0, 25), sep_dlr=wrong(rows, 100, 20),
        delight=wrong(rows, 0, 9), catalogue_dlr=wrong(rows, 0, 12),
    )  # fmt: skip
    region = np.empty(rows.size)
    region[:500] = region[500:] = (np.arange(500) + 0.5) / 500
    made.methods["net_any5_sky"]["region"] = region
    found = goals.goals(made, {"both": 2999.0, "decode": 1e5})
    assert len(found) == 10
    assert len({goal.text for goal in found}) == 10
    overlapping, today, rivals, deep = found[:4]
    # 3 more wrong of 500 deep ones, of 99 %: 0.594 points, more than 0.5.
    assert overlapping.verdict == "missed"
    assert "0.59 (" in overlapping.measured
    assert today.verdict == "missed"
    assert "ratio 0.24 (" in today.measured
    assert rivals.verdict == "reached"
    assert "DELIGHT" in rivals.measured
    assert "ratio 0.67 (" in rivals.measured
    assert deep.verdict == "reached"
    assert verdicts(found)[4:] == [
        "not run", "reached", "reached", "not run", "not run", "missed",
    ]  # fmt: skip
    assert any(text.startswith("nearby: ") for text in overlapping.beside)

    better = made_of(
        rows, field, net_any5_sky=wrong(rows, 0, 5), net_overlapping5x30_sky=wrong(rows, 0, 3),
        net_stamp30_sky=wrong(rows, 0, 3), sep_dlr=wrong(rows, 0, 7),
    )  # fmt: skip
    told = verdicts(goals.goals(better, {"both": 3000.0, "decode": 1e5}))
    assert told[:3] == ["reached", "missed", "missed"]
    assert told[-1] == "reached"


def test_a_loss_within_the_interval_is_none():
    rows, field = for_goals()
    # Two fields lose one each, two gain one each.
    first, second = wrong(rows, 0, 2), wrong(rows, 2, 2)
    made = made_of(rows, field, net_any5_sky=first, net_stamp30_sky=second)
    chosen = tables.selections(rows)
    assert goals.in_the_deep(made, chosen).verdict == "reached"
    made.methods["net_any5_sky"] = wrong(rows, 0, 25)
    assert goals.in_the_deep(made, chosen).verdict == "missed"


def test_the_best_other_method_is_the_best_of_the_stream():
    rows, field = for_goals()
    made = made_of(rows, field, net_any5_sky=wrong(rows, 0, 1),
                   sep_dlr=wrong(rows, 0, 10), delight=wrong(rows, 500, 100))  # fmt: skip
    every = np.ones(rows.size, bool)
    assert goals.best_rival(made, every) == "sep_dlr"
    assert goals.best_rival(made, every, tables.stream_weights(rows)) == "delight"
    # Without the deep fields it says nothing of a stream, and still something of nearby hosts.
    near = dataclasses.replace(made, covered={"delight": rows["stratum"] == 1})
    assert goals.best_rival(near, every, tables.stream_weights(rows)) == "sep_dlr"
    made.methods["sep_dlr"] = wrong(rows, 500, 200)
    assert goals.best_rival(near, rows["stratum"] == 1) == "delight"


def test_redshifts_are_those_of_isolated_hosts():
    rows, field = for_goals()
    # All that is wrong is wrong where a brighter galaxy stands beside the host.
    company = np.zeros(rows.size, np.int32)
    company[500:600] = 1
    made = made_of(rows, field, net_any5_sky=wrong(rows, 500, 50), delight=wrong(rows, 500, 40))
    made = dataclasses.replace(made, brighter=company)
    assert goals.redshifts(made, tables.selections(rows)).verdict == "reached"
    bad = made_of(rows, field, net_any5_sky=wrong(rows, 600, 50), delight=wrong(rows, 900, 60))
    bad = dataclasses.replace(bad, brighter=company)
    found = goals.redshifts(bad, tables.selections(rows))
    assert found.verdict == "missed"
    # DELIGHT's completeness is 340 of 400; P(none) ties, so that answers come in order, the 50
    # wrong ones first.
    assert found.measured.startswith("12.82 (")


def test_a_completeness_that_is_not_reached_is_said():
    rows, field = for_goals()
    # Of 500 isolated nearby hosts the network misses 50, DELIGHT 20.
    made = made_of(
        rows, field, net_any5_sky=wrong(rows, 600, 50), net_any5=wrong(rows, 600, 2),
        net_any5_magnitude_sky=wrong(rows, 600, 1), delight=wrong(rows, 700, 20),
    )  # fmt: skip
    made = dataclasses.replace(made, brighter=np.zeros(rows.size, np.int32))
    found = goals.redshifts(made, tables.selections(rows))
    assert found.verdict == "missed"
    assert "not reached: all answers together have 90.0 (" in found.measured
    assert "contamination of 10.00 (" in found.measured
    assert any(text.startswith("told each transient's magnitude: 0.") for text in found.beside)


def test_what_is_beside_todays_goal_shows_whether_any_input_reaches_it():
    rows, field = for_goals()
    made = made_of(
        rows, field, net_any5_sky=wrong(rows, 0, 30), net_stamp30_sky=wrong(rows, 0, 100),
        net_overlapping5x30_sky=wrong(rows, 0, 25), net_any5=wrong(rows, 0, 10),
        net_stamp30=wrong(rows, 450, 100), net_overlapping5x30=wrong(rows, 0, 5),
    )  # fmt: skip
    found = goals.against_today(made, tables.selections(rows))
    assert "ratio 0.30 (" in found.measured
    wide, even, both = found.beside[:3]
    assert wide.startswith("5x30x30")
    assert "ratio 0.25 (" in wide
    # At even odds a stratum of 500 counts as the other: 10 of 500 against 100 of 1000.
    assert even.startswith("even odds")
    assert "errors 1.0 against 10.0 %: ratio 0.10 (" in even
    assert "ratio 0.05 (" in both
    sentence = " ".join(headline.today_sentence(made))
    assert "0.30 of the errors, 0.2 asked" in sentence
    assert "(5x30x30) it is 0.25" in sentence
    # At even odds 10 of 1000; of 500 deep ones 30 in the stream.
    assert "at even odds n=5 has 0.10 (" in sentence
    assert "the 500 deep ones count for nearly all, of which n=5 loses 6.0 (" in sentence
    made.methods["net_any5_sky"] = wrong(rows, 0, 20)
    assert headline.today_sentence(made) == []


def test_the_brier_score_is_that_of_the_stream():
    # Nearby hosts in the stamp; of the deep ones, a half has none that can be seen.
    rows = truth(40, stratum=[1] * 20 + [0] * 20)
    rows["kind"][30:], rows["visible"][30:] = 2, False
    result = answer(rows, True, none=0.0)
    result["none"][30:] = 0.6
    made = made_of(rows, np.arange(40) % 4, net_any5_sky=result)
    found = goals.nothing_there(made)
    # Half of 99 % have none: (0.6 - 1)^2 there, 0 elsewhere.
    share = 0.99 / 2
    assert found.measured.startswith(f"{0.16 * share:.3f} (")
    assert f"against {share * (1 - share):.3f}: ratio 0.32" in found.measured
    assert found.verdict == "reached"
    result["none"][:] = 0.5
    assert goals.nothing_there(made).verdict == "missed"


def test_real_hosts_are_counted_by_object():
    def told(value):
        return {"within_pixels": {"value": value, "low": 0.8, "high": 0.99, "n": 54}}

    real = {"finders": [{"name": "net3", "every": told(52 / 54)},
                        {"name": "delight", "every": told(0.5)}]}  # fmt: skip
    found = goals.on_real_alerts(real)
    assert found.verdict == "reached"
    assert "96.3 (80.0-99.0) % of 54 objects" in found.measured
    assert "50.0 (" in found.beside[0]
    real["finders"][0]["every"] = told(51 / 54)
    assert goals.on_real_alerts(real).verdict == "missed"
    assert goals.on_real_alerts(None).verdict == "not run"


def test_goals_without_their_methods_are_not_run():
    rows, field = for_goals()
    found = goals.goals(made_of(rows, field, sep_dlr=wrong(rows, 0, 9)), None)
    assert {g.verdict for g in found} == {"not run"}
    assert all(not g.measured for g in found)
