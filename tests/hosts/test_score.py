"""Scores of answers whose errors are known by hand."""

import numpy as np
import pytest

from hstamp.hosts.score import Answers, Truth, answers_of_columns, score, summarise, wilson

ARCSEC = 1.0 / 3600.0


def answers(east, north, *, none=0.0, sigma=1.0, weight=1.0, dec=60.0):
    """One candidate for each alert of a source at 150 deg; pixels of 1 arcsec, 60 of them."""
    count = len(east)
    return Answers(
        ra=np.full(count, 150.0), dec=np.full(count, dec), pixel=np.ones(count),
        levels=np.full(count, 3), none=np.full(count, none),
        weight=np.full((count, 1), weight),
        east=np.array(east, dtype=float)[:, None], north=np.array(north, dtype=float)[:, None],
        covariance=np.tile(sigma**2 * np.eye(2), (count, 1, 1, 1)),
    )  # fmt: skip


def truth(east, north, none=None, dec=60.0):
    """Hosts by their offset in arcsec: a degree of right ascension is shorter by cos(dec)."""
    east, north = np.array(east, dtype=float), np.array(north, dtype=float)
    hostless = np.zeros(len(east), bool) if none is None else np.array(none)
    return Truth(
        150.0 + east * ARCSEC / np.cos(np.deg2rad(dec)), dec + north * ARCSEC, hostless
    )  # fmt: skip


class TestScore:
    def test_errors_and_offsets(self):
        found = score(answers([3.0, 0.0], [4.0, 0.0]), truth([3.0, 3.0], [2.5, 4.0]))
        np.testing.assert_allclose(found.offset, [np.hypot(3.0, 2.5), 5.0], atol=1e-3)
        np.testing.assert_allclose(found.error, [1.5, 5.0], atol=1e-3)
        assert found.inside.all()

    def test_a_host_outside_the_stamp_is_none(self):
        found = score(answers([0.0, 0.0], [0.0, 0.0]), truth([29.0, 31.0], [0.0, 0.0]))
        assert found.hostless.tolist() == [0.0, 1.0]

    def test_no_answer_is_far_off(self):
        silent = answers([np.nan], [np.nan], none=np.nan, weight=0.0)
        found = score(silent, truth([1.0], [0.0]))
        assert found.error.tolist() == [np.inf]
        assert found.none.tolist() == [0.5]
        assert np.isnan(found.content[0])

    def test_content_of_a_gaussian(self):
        # The region through a point r sigmas away holds 1 - exp(-r**2 / 2).
        r = np.array([0.2, 1.0, 1.5096, 2.4477])
        found = score(answers([0.0] * 4, [0.0] * 4, sigma=2.0), truth(2.0 * r, [0.0] * 4))
        np.testing.assert_allclose(found.content, 1.0 - np.exp(-(r**2) / 2.0), atol=0.01)

    def test_two_candidates_share_the_content(self):
        both = answers([0.0], [0.0])
        both = Answers(**{
            **vars(both), "weight": np.array([[0.75, 0.25]]), "east": np.array([[0.0, 20.0]]),
            "north": np.zeros((1, 2)), "covariance": np.tile(np.eye(2), (1, 2, 1, 1)),
        })  # fmt: skip
        # At the lower of the two peaks, all that is denser belongs to the other one: where its
        # density is above one third of its peak, two thirds of its content.
        found = score(both, truth([20.0], [0.0]))
        assert found.content[0] == pytest.approx(0.75 * 2.0 / 3.0, abs=0.01)

    def test_a_table_says_the_same(self):
        columns = {
            "ra": [150.0], "dec": [60.0], "pixel": [1.0], "levels": [3], "p_none": [0.25],
            "p_host": [0.5], "offset_east": [3.0], "offset_north": [-1.0], "cov_ee": [4.0],
            "cov_en": [1.0], "cov_nn": [2.0],
        }  # fmt: skip
        found = score(answers_of_columns(columns), truth([3.0], [1.0]))
        assert found.error[0] == pytest.approx(2.0, abs=1e-3)
        assert found.none[0] == 0.25
        # Mahalanobis distance squared of (0, 2): 4 * 4 / (4 * 2 - 1).
        assert found.content[0] == pytest.approx(1.0 - np.exp(-8.0 / 7.0), abs=0.01)


class TestSummary:
    def test_an_object_counts_once(self):
        # Object a: within two pixels in one of three alerts; b: always.
        found = score(answers([0.0] * 4, [0.0] * 4), truth([1.0, 5.0, 5.0, 1.0], [0.0] * 4))
        told = summarise(found, ["a", "a", "a", "b"])
        assert told.hosts == told.within_pixels.n == 2
        assert told.within_pixels.value == pytest.approx((1 / 3 + 1) / 2)
        assert summarise(found).within_pixels.value == pytest.approx(0.5)

    def test_brier(self):
        known = truth([1.0, 1.0, np.nan, np.nan], [0.0] * 4, [False, False, True, False])
        found = score(answers([0.0] * 4, [0.0] * 4, none=0.2), known)
        told = summarise(found)
        # One of three is hostless; of the fourth nothing is known.
        assert told.brier == pytest.approx((0.04 + 0.04 + 0.64) / 3)
        assert told.brier_constant == pytest.approx((1 / 9 + 1 / 9 + 4 / 9) / 3)
        assert (told.hosts, told.hostless) == (2, 1)

    def test_of_some(self):
        found = score(answers([0.0, 0.0], [0.0, 0.0]), truth([1.0, 5.0], [0.0, 0.0]))
        assert summarise(found.of(found.offset > 3.0)).within_pixels.value == 0.0

    def test_nothing(self):
        told = summarise(score(answers([], []), truth([], [])))
        assert told.hosts == 0
        assert str(told.within_pixels) == "-"

    def test_wilson(self):
        # 54 of 62, by hand: centre (p + z2/2n) / (1 + z2/n), z2 = 3.8415.
        share = wilson(54 / 62, 62)
        assert (share.low, share.high) == pytest.approx((0.7655, 0.9331), abs=5e-4)
