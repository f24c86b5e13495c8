"""Metrics on hand-made results."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the evaluation needs the train extra (scipy)")
pytest.importorskip("galsim", reason="the evaluation needs the train extra (GalSim)")
pytest.importorskip("matplotlib", reason="the figures need the train extra (matplotlib)")

from made_study import answer, made_of, study, truth, wrong

from hstamp.hosts.runtime import Mixture
from reference_model.evaluation import (
    bootstrap,
    compare,
    hostless,
    names,
    redshift,
    regions,
    tables,
)
from reference_model.figures import groups, size
from reference_model.figures import results as pages


def test_intervals_know_that_a_field_stands_or_falls_together():
    values = np.repeat([0.0, 1.0] * 10, 50)
    together = np.repeat(np.arange(20), 50)
    apart = np.arange(1000)
    wide = bootstrap.mean_by_group(values, together)
    narrow = bootstrap.mean_by_group(values, apart)
    assert wide.value == narrow.value == 0.5
    # Standard errors: 0.5 / sqrt(20) and 0.5 / sqrt(1000).
    assert wide.high - wide.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(20), rel=0.15)
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(1000), rel=0.15)


@pytest.mark.parametrize("size", [1, 7, 40, 301])
def test_resampled_percentiles_are_those_of_the_repeated_values(size):
    rng = np.random.default_rng(size)
    values, group = rng.normal(size=(2, size)).round(1), rng.integers(0, 5, size)
    shares = (0.0, 50.0, 68.0, 95.0, 100.0)
    found = bootstrap.percentiles_by_group(values, group, shares)
    labels, index = np.unique(group, return_inverse=True)
    drawn = bootstrap.counts(labels.size, bootstrap.PERCENTILE_RESAMPLES)
    seeds = bootstrap.counts(2, bootstrap.PERCENTILE_RESAMPLES, 1000) / 2
    slow = [
        seed @ [np.percentile(np.repeat(row, weight[index]), shares) for row in values]
        for weight, seed in zip(drawn, seeds, strict=True)
    ]
    for i, share in enumerate(shares):
        low, high = np.percentile(np.array(slow)[:, i], [2.5, 97.5])
        assert found[i].value == pytest.approx(np.percentile(values, share, axis=1).mean())
        assert (found[i].low, found[i].high) == pytest.approx((low, high))


def test_resampled_means_and_ratios_are_those_of_the_repeated_values():
    rng = np.random.default_rng(5)
    values, group = rng.normal(size=(3, 60)), rng.integers(0, 6, 60)
    values[0, :4] = np.nan
    drawn = bootstrap.counts(6, 400)[:, group]
    seeds = bootstrap.counts(3, 400, 1000) / 3
    slow = [
        (np.nanmean(np.repeat(values, weight, axis=1), axis=1) * seed).sum()
        for weight, seed in zip(drawn, seeds, strict=True)
    ]
    found = bootstrap.mean_by_group(values, group, resamples=400)
    assert found.value == pytest.approx(np.nanmean(values, axis=1).mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])))
    assert found.n == 60
    top, bottom = rng.uniform(size=(2, 60))
    drawn = bootstrap.counts(6)[:, group]
    ratio = bootstrap.ratio_by_group(top, bottom, group)
    assert ratio.value == pytest.approx(top.sum() / bottom.sum())
    expected = np.percentile((drawn @ top) / (drawn @ bottom), [2.5, 97.5])
    assert (ratio.low, ratio.high) == pytest.approx(tuple(expected))
    assert np.isnan(bootstrap.ratio_by_group(top, 0 * bottom, group).value)


def test_seeds_that_differ_widen_an_interval():
    # Two seeds of 0 and 1 everywhere: a resample of seeds has 0, 1/2 or 1, whatever the fields.
    values, group = np.repeat([[0.0], [1.0]], 40, axis=1), np.arange(40) % 8
    found = bootstrap.mean_by_group(values, group)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    # Methods of their own draw their seeds apart, so that both extremes meet.
    rows = truth(40)
    made = made_of(rows, group, net_any5=wrong(rows, 0, 0), net_any5_seed2=wrong(rows, 0, 40),
                   net_stamp30=wrong(rows, 0, 0), net_stamp30_seed2=wrong(rows, 0, 40))  # fmt: skip
    every = np.ones(40, bool)
    apart = compare.difference(made, "net_any5", "net_stamp30", every)
    assert (apart.estimate.low, apart.estimate.high) == (-1.0, 1.0)
    made.methods["net_any5_f4"] = made.methods["net_any5"]
    made.methods["net_any5_f4_seed2"] = made.methods["net_any5_seed2"]
    same = compare.difference(made, "net_any5_f4", "net_any5", every, together=True)
    assert (same.estimate.low, same.estimate.high) == (0.0, 0.0)


def test_a_line_of_the_table():
    made = study()
    found = tables.line(made, "net_any5", np.ones(8, bool))
    assert found.median.value == 0.25
    assert found.beyond_1.value == pytest.approx(3 / 8)
    # Beyond max(1", R_e = 3"): the one 4" off, and the one without an answer.
    assert found.beyond_host.value == pytest.approx(2 / 8)
    assert found.right.value == pytest.approx(6 / 8)


def test_ratios_and_differences_are_paired():
    made, every = study(), np.ones(8, bool)
    ratio = compare.wrong_ratio(made, "net_any5", "own_position", every, "wrong")
    assert ratio.estimate.value == pytest.approx(2 / 8)
    assert (ratio.first, ratio.second) == pytest.approx((2 / 8, 1.0))
    gap = compare.difference(made, "net_any5", "own_position", every, "right")
    assert gap.estimate.value == pytest.approx(6 / 8)
    by_distance = compare.wrong_ratio(made, "net_any5", "own_position", every, "beyond_host")
    assert by_distance.estimate.value == pytest.approx(2 / 8)
    # The same answers on both sides: no field can make a difference.
    made.methods["copy"] = made.methods["net_any5"]
    same = compare.difference(made, "net_any5", "copy", every).estimate
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_names_know_their_seed_and_their_sky():
    some = ["net_any5_seed3", "net_any5", "net_any5_f4", "net_any5_seed10", "delight", "sep_dlr"]
    assert names.seeds_of(some, "net_any5") == ["net_any5", "net_any5_seed3", "net_any5_seed10"]
    assert names.ordered(some) == ["sep_dlr", "delight", "net_any5", "net_any5_f4"]
    assert names.title("delight") == "(f) DELIGHT, its own weights"
    assert names.half_side("net_any5_f4_seed2") == pytest.approx(24.0)
    assert names.half_side("net_any2") == names.half_side("net_stamp30") == pytest.approx(3.0)
    assert names.half_side("net_overlapping5x30") == pytest.approx(48.0)
    with pytest.raises(ValueError, match="sep_dlr"):
        names.half_side("sep_dlr")


def test_seeds_are_averaged_and_their_spread_is_stated():
    rows = truth(10)
    made = made_of(
        rows, np.arange(10) // 2,
        net_any5=answer(rows, [1] * 9 + [0], [0.0] * 8 + [5.0, 5.0]),
        net_any5_seed2=answer(rows, [1] * 8 + [0] * 2, 2.0),
        net_any5_seed3=answer(rows, [1] * 7 + [0] * 3, 4.0),
        net_stamp30=answer(rows, [1] * 5 + [0] * 5),
    )  # fmt: skip
    every = np.ones(10, bool)
    found = tables.line(made, "net_any5", every)
    assert found.right.value == pytest.approx(0.8)
    assert found.median.value == pytest.approx((0.0 + 2.0 + 4.0) / 3)
    assert found.beyond_host.value == pytest.approx((0.2 + 0.0 + 1.0) / 3)
    ratio = compare.wrong_ratio(made, "net_any5", "net_stamp30", every, "wrong")
    assert ratio.estimate.value == pytest.approx(0.2 / 0.5)
    assert ratio.seeds == pytest.approx((0.2, 0.4, 0.6))
    assert ratio.spread() == "3 seeds: 0.20 to 0.60"
    row = next(text for text in pages.seed_table(made) if "| nearby |" in text)
    assert row.split(" | ")[2:] == [
        "1, 2, 3", "90.0, 80.0, 70.0", "10.00", "20.0, 0.0, 100.0", "52.92 |",
    ]  # fmt: skip
    assert not any("30x30" in text for text in pages.seed_table(made))


def test_encodings_are_compared_seed_by_seed_and_networks_with_all_seeds():
    rows = truth(4)
    made = made_of(
        rows, [0, 0, 1, 1],
        net_any5=answer(rows, [1, 1, 1, 1]), net_any5_seed2=answer(rows, [1, 1, 0, 0]),
        net_any5_f4=answer(rows, [1, 1, 1, 0]),
        net_stamp30=answer(rows, [1, 0, 0, 0]), net_stamp30_seed2=answer(rows, [0, 0, 0, 0]),
        net_stamp30_seed3=answer(rows, [1, 1, 1, 1]),
    )  # fmt: skip
    every = np.ones(4, bool)
    # The second seed has no f4: it may not count on one side alone.
    encoded = compare.difference(made, "net_any5", "net_any5_f4", every, "right", True)
    assert encoded.estimate.value == pytest.approx(0.25)
    assert encoded.spread() == "one seed"
    network = compare.difference(made, "net_any5", "net_stamp30", every, "right")
    assert network.estimate.value == pytest.approx(0.75 - (0.25 + 0.0 + 1.0) / 3)
    assert network.seeds == pytest.approx((0.75, 0.5))


def test_redshift_errors_come_from_the_galaxy_pointed_at():
    made = study()
    error = redshift.redshift_error(made.rows, made.methods["net_any5"])
    assert error[3] == pytest.approx(0.45 / 1.05)
    assert np.isnan(error[7])
    assert (error[[0, 1, 2, 4, 5, 6]] == 0).all()
    share = redshift.wrong_share(made, "net_any5", np.ones(8, bool))
    assert share.value == pytest.approx(2 / 8)


def test_contamination_counts_wrong_answers_only():
    made, every = study(), np.ones(8, bool)
    complete, dirty = redshift.completeness_contamination(made, "net_any5", every, 0.5)
    assert complete.value == pytest.approx(6 / 8)
    assert dirty.value == pytest.approx(1 / 7)


def test_completeness_and_contamination_where_p_none_is_cut():
    rows = truth(300)
    # By rising P(none): 200 right, one wrong, then 89 right, 10 wrong.
    right = np.r_[np.ones(200, bool), False, np.ones(89, bool), np.zeros(10, bool)]
    result = answer(rows, right, none=np.linspace(0.01, 0.99, 300))
    made = made_of(rows, np.arange(300) % 10, net_any5=result)
    every = np.ones(300, bool)
    found = redshift.cuts(made, "net_any5", every, 0.5)
    # One wrong of 290 is 0.34 %; a third would make more than 0.86 % of 292.
    assert found.completeness.value == pytest.approx(289 / 300)
    assert found.contamination.value == 0.0
    assert redshift.cuts(made, "net_any5", every, 0.9).contamination.value == pytest.approx(1 / 271)
    assert np.isnan(redshift.cuts(made, "net_any5", every, 0.99).contamination.value)
    # A transient without a host that is given a redshift contaminates.
    rows["kind"][0], rows["host_z"][0] = 2, np.nan
    complete, dirty = redshift.completeness_contamination(made, "net_any5", every, 1.0)
    assert complete.value == pytest.approx(288 / 299)
    assert dirty.value == pytest.approx(12 / 300)


def test_the_area_under_a_perfect_and_a_blind_curve():
    hostless_ones = np.array([False] * 50 + [True] * 50)
    assert hostless.roc(np.where(hostless_ones, 0.9, 0.1), hostless_ones)[2] == pytest.approx(1.0)
    rng = np.random.default_rng(2)
    many = np.tile(hostless_ones, 40)
    assert hostless.roc(rng.uniform(size=4000), many)[2] == pytest.approx(0.5, abs=0.03)
    # Nothing but ties tells nothing, whatever their order.
    assert hostless.roc(np.full(100, 0.3), hostless_ones)[2] == pytest.approx(0.5)


def test_the_area_counts_pairs_and_ties_by_half():
    none = np.array([0.9, 0.5, 0.5, 0.1])
    without = np.array([True, True, False, False])
    # 0.9 beats both, 0.5 beats one and ties with one: 3.5 of 4 pairs.
    assert hostless.roc(none, without)[2] == pytest.approx(3.5 / 4)
    found = hostless.area_by_group(none, without, np.array([0, 1, 0, 1]))
    assert found.value == pytest.approx(3.5 / 4)
    assert found.n == 2
    # A second seed that sees nothing: the mean of 3.5/4 and 1/2.
    both = hostless.area_by_group(np.stack([none, 0 * none]), without, np.array([0, 1, 0, 1]))
    assert both.value == pytest.approx((3.5 / 4 + 0.5) / 2)


def test_resampled_areas_are_those_of_the_repeated_transients():
    rng = np.random.default_rng(8)
    without, group = rng.uniform(size=120) < 0.4, rng.integers(0, 6, 120)
    none = (rng.uniform(size=120) + 0.3 * without).round(1)
    found = hostless.area_by_group(none, without, group)
    slow = [
        hostless.roc(np.repeat(none, weight[group]), np.repeat(without, weight[group]))[2]
        for weight in bootstrap.counts(6)[:, :]
    ]
    assert found.value == pytest.approx(hostless.roc(none, without)[2])
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])))


def test_transients_without_a_host_are_told_apart_by_cause():
    # In the stamp, on its edge, outside, too faint, on a star, nowhere.
    rows = truth(6, host_dx=[10, 23.5, 30, 5, np.nan, np.nan], kind=[0, 0, 0, 0, 1, 2],
                 visible=[1, 1, 1, 0, 0, 0])  # fmt: skip
    assert hostless.with_host(rows, 24.0).tolist() == [True] + [False] * 5
    found = hostless.causes(rows, 24.0)
    assert {name: np.flatnonzero(mask).tolist() for name, mask in found.items()} == {
        "every cause": [2, 3, 4, 5], "host too faint": [3], "on a star": [4], "nothing there": [5],
        "host outside the stamp": [2],
    }  # fmt: skip
    # On the visit ten times the noise hides a host that the template shows.
    rows["host_snr"], rows["template_sigma"], rows["visit_sigma"] = 40.0, 1.0, 10.0
    assert not hostless.with_host(rows, 24.0, visit=True).any()
    assert hostless.causes(rows, 24.0, visit=True)["host too faint"].tolist()[:4] == [True] * 4


def test_a_table_by_magnitude_counts_the_hosts_of_each():
    rows = truth(6, host_r=[15.9, 16.0, 17.9, 24.0, 25.0, 30.0])
    made = made_of(rows, np.arange(6) // 2, net_any5=answer(rows, [1, 1, 0, 0, 0, 1]))
    head, _, line, _ = groups.grouped(
        made, ["net_any5"], groups.magnitude_groups(made, (16.0, 18.0, 22.0, 24.0)), "nearby"
    )
    cells = [text.strip() for text in head.strip("|").split("|")]
    # Intervals are closed below and open above; empty ones are left out.
    assert [text.partition(" (")[0] for text in cells[1:]] == [
        "below 16 mag", "16-18 mag", "24 mag and more",
    ]  # fmt: skip
    assert [text.partition("(n = ")[2][0] for text in cells[1:]] == ["1", "2", "3"]
    shares = [text.split()[0] for text in line.strip("|").split("|")[1:]]
    assert [float(share) for share in shares[-3:]] == [100.0, 50.0, 33.3]


def test_sizes_are_what_was_measured_or_counted():
    rows = truth(40)
    made = made_of(rows, np.arange(40) // 10, net_any5=wrong(rows, 0, 4),
                   net_any5_seed2=wrong(rows, 0, 8), net_any2=wrong(rows, 0, 20))  # fmt: skip
    made.notes["net_any5"].update(bytes=1880.0, bytes_deflated=1500.0)
    made.notes["net_any2"].update(bytes=800.0)
    found = {s.method: s for s in size.sizes(made)}
    assert (found["net_any5"].size, found["net_any5"].compressed) == (1880.0, 1500.0)
    assert found["net_stamp30"].size == 34_560
    assert found["net_overlapping5x30"].size == 18_000
    assert not found["net_overlapping5x30"].run
    row = next(text for text in size.size_table(made) if "| n=5, i2 at sigma/16" in text)
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    assert cells[1:5] == ["1,880", "1,500", "-", "-"]
    # Four and eight wrong of forty.
    assert cells[5].startswith("85.0 (")
    assert cells[6].startswith("15.0 (")


@pytest.mark.parametrize(("stated", "true"), [(2.0, 2.0), (2.0, 4.0)])
def test_regions_of_an_honest_mixture_hold_what_they_say(stated, true):
    rng = np.random.default_rng(3)
    n = 1500
    centre = np.float32([[-20.0, 0.0], [15.0, 5.0]])
    mixture = Mixture(
        weight=np.tile(np.float32([0.63, 0.27]), (n, 1)),
        none=np.full(n, 0.1, np.float32),
        mean=np.tile(centre, (n, 1, 1)),
        scale=np.tile(np.float32([stated, stated, 0.0]), (n, 2, 1)),
        log_radius=np.zeros((n, 2), np.float32),
    )
    which = rng.choice(2, n, p=[0.7, 0.3])
    host = (centre[which] + true * rng.standard_normal((n, 2))).astype(np.float32)
    level, area = regions.regions(mixture, host)
    inside = (level <= 0.68).mean()
    if stated == true:
        assert inside == pytest.approx(0.68, abs=0.035)
        # Two Gaussians 35 apart: 95 % of each lies within pi * 5.99 sigma^2.
        assert np.median(area) == pytest.approx(2 * np.pi * 5.99 * stated**2, rel=0.15)
    else:
        assert inside < 0.45


def test_calibrated_regions_hold_what_they_say():
    from hstamp.hosts.runtime import Calibration
    from reference_model.training.calibrate import region_contents

    rng = np.random.default_rng(6)
    # An over-cautious mixture: its own levels crowd towards zero.
    level = rng.uniform(size=20_000) ** 1.5
    calibration = Calibration(contents=tuple(region_contents(level[:10_000])))
    content = calibration.content(level[10_000:])
    for share in (0.3, 0.68, 0.95):
        assert (content <= share).mean() == pytest.approx(share, abs=0.015)
