import math
import time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reviews.stats.sequence import anytime_interval, bets, log_e_value
from tests.reviews.stats.strategies import example_score_lists, shuffled

LEVELS = st.sampled_from([0.9, 0.95, 0.99])
PLANNED = st.sampled_from([1, 20, 200, 5000])


def gamblers_fortune(scores, m, planned, alpha, variance=0.16):
    """The definition, bet by bet in plain numbers: every gambler plays every example in turn."""
    rate = math.sqrt(2 * math.log(1 / (alpha / 2)) / (planned * variance))
    purses = [(0.2 / 32, math.sin(math.pi * (k + 0.5) / 64) ** 2) for k in range(32)]
    purses += [(0.8 / 3, min(max(rate * m * times, 1e-4), 0.9)) for times in (0.7, 1, 1.4)]
    fortune = 0.0
    for purse, stake in purses:
        for score in scores:
            purse *= 1 - stake + stake * score / m
        fortune += purse
    return fortune


@given(example_score_lists(most=60), st.floats(0.02, 1), PLANNED, st.sampled_from([0.01, 0.05, 0.2]))
def test_e_value_equals_betting_vote_by_vote(scores, m, planned, alpha):
    expected = math.log(gamblers_fortune(scores, m, planned, alpha))
    assert log_e_value(scores, m, bets(planned, alpha)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("m", [1e-3, 0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("planned", [1, 10, 1000, 10**6])
def test_no_gambler_can_be_in_debt_or_stake_nothing(m, planned):
    # the e-value of one example, averaged over any null, is 1 at most only if stakes lie between 0 and 1
    stakes = bets(planned, 0.01).stakes(m)
    assert stakes.shape == (35,)
    assert stakes.min() > 0
    assert stakes.max() < 1
    assert log_e_value([0.0] * 5000, m, bets(planned, 0.01)) < 0


def test_e_value_of_one_fair_example_averages_to_one():
    plan = bets(100, 0.05)
    for m in (0.1, 0.5, 0.8):
        both = [math.exp(log_e_value([score], m, plan)) for score in (0.0, 1.0)]
        assert (1 - m) * both[0] + m * both[1] == pytest.approx(1)


def test_thousands_of_votes_neither_overflow_nor_vanish():
    plan = bets(1000, 0.05)
    assert 10_000 < log_e_value(np.ones(100_000), 0.5, plan) < math.inf
    assert -math.inf < log_e_value(np.zeros(100_000), 0.5, plan) < -5
    interval = anytime_interval(np.ones(100_000), 1000)
    assert interval.high == 1
    assert 0.999 < interval.low < 1


@given(example_score_lists(least=1), PLANNED, LEVELS, st.floats(0.001, 0.999))
def test_interval_is_what_the_e_value_does_not_exclude(scores, planned, level, m):
    interval, plan = anytime_interval(scores, planned, level), bets(planned, 1 - level)
    bar = math.log(2 / (1 - level))
    assume(min(abs(m - interval.low), abs(m - interval.high)) > 2e-6)
    above, below = log_e_value(scores, m, plan), log_e_value(1 - scores, 1 - m, plan)
    assert (above >= bar) == (m < interval.low)
    assert (below >= bar) == (m > interval.high)


@given(example_score_lists(least=1), PLANNED, LEVELS)
def test_limits_are_rounded_outwards(scores, planned, level):
    interval, plan = anytime_interval(scores, planned, level), bets(planned, 1 - level)
    if interval.low > 0:
        assert log_e_value(scores, interval.low, plan) >= plan.log_bar
    if interval.high < 1:
        assert log_e_value(1 - scores, 1 - interval.high, plan) >= plan.log_bar - 1e-6


@given(example_score_lists(), PLANNED, LEVELS)
def test_interval_stays_in_range_and_holds_the_mean(scores, planned, level):
    interval = anytime_interval(scores, planned, level)
    assert 0 <= interval.low < interval.high <= 1
    assert interval.level == level
    assert interval.method == "betting confidence sequence"
    if scores.size:
        assert interval.low <= scores.mean() <= interval.high


@pytest.mark.parametrize("scores", [[], [np.nan]])
def test_without_scores_everything_is_possible(scores):
    interval = anytime_interval(scores, 100)
    assert (interval.low, interval.high) == (0, 1)


@given(example_score_lists(), PLANNED)
def test_relabelling_mirrors_the_interval(scores, planned):
    mine, theirs = anytime_interval(scores, planned), anytime_interval(1 - scores, planned)
    assert theirs.low == pytest.approx(1 - mine.high, abs=2e-6)
    assert theirs.high == pytest.approx(1 - mine.low, abs=2e-6)


@given(example_score_lists(), st.data())
def test_order_changes_not_even_the_last_bit(scores, data):
    assert anytime_interval(scores[shuffled(data, scores.size)], 50) == anytime_interval(scores, 50)


@given(example_score_lists(least=1), st.data())
def test_a_better_score_never_lowers_a_limit(scores, data):
    before = anytime_interval(scores, 60)
    better = scores.copy()
    better[data.draw(st.integers(0, scores.size - 1))] = 1.0
    after = anytime_interval(better, 60)
    assert after.low >= before.low - 1e-6
    assert after.high >= before.high - 1e-6


@given(example_score_lists(), st.floats(0.01, 0.98), st.floats(0.001, 0.01), PLANNED)
def test_evidence_falls_as_the_claim_gets_weaker(scores, m, step, planned):
    plan = bets(planned, 0.05)
    assert log_e_value(scores, m + step, plan) <= log_e_value(scores, m, plan) + 1e-9


def test_bets_planned_well_are_narrower_than_bets_planned_badly():
    scores = np.repeat([0.0, 0.5, 1.0], [60, 40, 100])
    width = {}
    for planned in (2, 200, 200_000):
        interval = anytime_interval(scores, planned)
        width[planned] = interval.high - interval.low
    assert width[200] < min(width[2], width[200_000])


@pytest.mark.parametrize(
    ("planned", "alpha", "variance", "fix"),
    [
        (0, 0.05, 0.16, "1 or more"),
        (100, 0.0, 0.16, "such as 0.05"),
        (100, 1.0, 0.16, "such as 0.05"),
        (100, 0.05, 0.0, "at most 0.25"),
        (100, 0.05, 0.3, "at most 0.25"),
    ],
)
def test_impossible_plan_says_its_fix(planned, alpha, variance, fix):
    with pytest.raises(ValueError, match=fix):
        bets(planned, alpha, variance)


@pytest.mark.parametrize("m", [0, -0.5, 1.5, math.nan, math.inf])
def test_impossible_claim_says_its_fix(m):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        log_e_value([0.5], m, bets(100, 0.05))


def test_impossible_level_says_its_fix():
    with pytest.raises(ValueError, match=r"such as 0\.95"):
        anytime_interval([0.5], 100, level=95)


def test_a_dashboard_can_afford_it_at_any_number_of_votes():
    scores = np.random.default_rng(5).choice([0, 1 / 3, 0.5, 2 / 3, 1], 5000)
    fastest = math.inf
    for _ in range(20):
        start = time.process_time()
        anytime_interval(scores, 5000)
        fastest = min(fastest, time.process_time() - start)
    assert fastest < 0.01  # the best of twenty, and ten times what a quiet machine needs


@pytest.mark.parametrize(("theta", "tie"), [(0.5, 0.2), (0.9, 0.1)])
def test_true_rate_is_hardly_ever_excluded_however_often_anyone_looks(theta, tie):
    runs, most, alpha = 300, 120, 0.1
    plan = bets(most, alpha)
    random = np.random.default_rng(int(theta * 100))
    odds = [1 - theta - tie / 2, tie, theta - tie / 2]
    held, last = 0, []
    for scores in random.choice([0.0, 0.5, 1.0], size=(runs, most), p=odds):
        looks = range(1, most + 1)
        held += all(
            log_e_value(scores[:n], theta, plan) < plan.log_bar
            and log_e_value(1 - scores[:n], 1 - theta, plan) < plan.log_bar
            for n in looks
        )
        last.append(math.exp(log_e_value(scores, theta, plan)))
    error = math.sqrt(alpha * (1 - alpha) / runs)
    assert held / runs >= 1 - alpha - 2 * error
    # an e-value of a true claim is 1 on average; its spread is estimated, its tail is long
    assert np.mean(last) <= 1 + 4 * np.std(last) / math.sqrt(runs)
