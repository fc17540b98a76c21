"""When hidden checks come and of which kind: rules that hold for any seed, reviewer and share."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.checks import (
    FIRST,
    KINDS,
    is_due,
    kinds_in_turn,
    least_related,
    passed,
    pick,
    place,
    still_to_come,
    swapped,
)

seeds = st.integers(0, 2**62)
percents = st.integers(1, 30)


class Given:
    """What a reviewer gets, pair by pair; each check can be made as soon as it is due."""

    def __init__(self, seed: int, percent: int, reviewer: int = 1) -> None:
        self.seed, self.percent, self.reviewer = seed, percent, reviewer
        self.last: int | None = None
        self.pairs: list[bool] = []

    def next(self) -> bool:
        due = is_due(
            seed=self.seed,
            reviewer=self.reviewer,
            percent=self.percent,
            shown=len(self.pairs),
            last=self.last,
        )
        if due:
            self.last = len(self.pairs)
        self.pairs.append(due)
        return due

    def to_come(self, left: int) -> int:
        return still_to_come(
            seed=self.seed,
            reviewer=self.reviewer,
            percent=self.percent,
            shown=len(self.pairs),
            last=self.last,
            left=left,
        )


def shown(seed: int, percent: int, pairs: int, reviewer: int = 1) -> list[bool]:
    given = Given(seed, percent, reviewer)
    return [given.next() for _ in range(pairs)]


@given(seeds, percents)
def test_first_pairs_are_no_checks_and_the_share_is_kept(seed: int, percent: int) -> None:
    given = shown(seed, percent, 1000)
    assert not any(given[:FIRST])
    for pairs in (100, 500, 1000):
        assert abs(sum(given[:pairs]) - (pairs - FIRST) * percent / 100) <= 1


@given(seeds)
def test_no_checks_where_none_are_wanted(seed: int) -> None:
    assert not any(shown(seed, 0, 100))
    assert Given(seed, 0).to_come(100) == 0


def test_places_are_neither_regular_nor_the_same_for_two_reviewers() -> None:
    places = [place(7, 1, 10, number) for number in range(200)]
    gaps = Counter(after - before for before, after in pairwise(places))
    assert len(gaps) > 10
    assert places != [place(7, 2, 10, number) for number in range(200)]
    assert places != [place(8, 1, 10, number) for number in range(200)]
    # every place of the run of ten is as likely as the others
    within = Counter((each - FIRST) % 10 for each in (place(7, 1, 10, number) for number in range(2000)))
    assert len(within) == 10
    assert max(within.values()) < 1.4 * min(within.values())


def test_check_that_could_not_be_made_is_due_while_its_run_lasts_and_not_made_up_for() -> None:
    due, after = place(7, 1, 10, 0), place(7, 1, 10, 1)
    for now in range(due, FIRST + 10):
        assert is_due(seed=7, reviewer=1, percent=10, shown=now, last=None)
    for now in range(FIRST + 10, after):
        assert not is_due(seed=7, reviewer=1, percent=10, shown=now, last=None)
    assert is_due(seed=7, reviewer=1, percent=10, shown=after, last=None)


@given(seeds, percents, percents, st.integers(0, 300))
def test_share_that_is_changed_on_the_way_brings_no_flood(
    seed: int, before: int, after: int, pairs: int
) -> None:
    given = Given(seed, before)
    for _ in range(pairs):
        given.next()
    given.percent = after
    following = [given.next() for _ in range(100)]
    assert sum(following) <= after + 1
    assert sum(following[: 100 // after]) <= 2


@given(seeds, percents, st.integers(1, 400), st.integers(0, 1))
def test_what_is_still_to_come_comes(seed: int, percent: int, pairs: int, late: int) -> None:
    """Votes and what is left together, as a reviewer counts them, stay the same to the end."""
    given, votes = Given(seed, percent), 0
    for _ in range(late * 50):  # that none were wanted of
        given.pairs.append(False)
    before = len(given.pairs)
    total = given.to_come(pairs) + pairs
    while votes < pairs:
        assert len(given.pairs) - before + given.to_come(pairs - votes) + pairs - votes == total
        votes += not given.next()
    assert len(given.pairs) - before == total


def test_what_is_still_to_come_is_told_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(seed: int, reviewer: int, percent: int, number: int) -> int:
        asked.append(number)
        return place(seed, reviewer, percent, number)

    monkeypatch.setattr("reviews.checks.place", counted)
    assert Given(1, 10).to_come(1_000_000) > 100_000
    assert len(asked) < 20


@given(seeds, st.integers(0, 50))
def test_each_three_checks_are_one_of_each_kind(seed: int, round_of_three: int) -> None:
    three = [kinds_in_turn(seed, 1, 3 * round_of_three + turn) for turn in range(3)]
    assert sorted(kinds[0] for kinds in three) == sorted(KINDS)
    assert all(sorted(kinds) == sorted(KINDS) for kinds in three)


@given(seeds, st.integers(1, 1000))
def test_pick_is_one_of_so_many_and_always_the_same(seed: int, count: int) -> None:
    picked = pick(seed, 5, 3, "side", count)
    assert 0 <= picked < count
    assert picked == pick(seed, 5, 3, "side", count)


def test_least_related_answer_shares_no_words_with_the_question() -> None:
    asked = "Where is the refund for my returned jacket?"
    answers = [
        "The refund for a returned jacket takes ten days.",
        "Apply the cream twice a day and ask a doctor.",
        "Your jacket is washed at thirty degrees.",
        "",
    ]
    assert least_related(asked, answers) == 1
    with pytest.raises(ValueError, match="empty"):
        least_related(asked, [])


@pytest.mark.parametrize(
    ("kind", "expected", "good"),
    [
        ("swapped", "left", {"left"}),
        ("swapped", "both_bad", {"both_bad"}),
        ("identical", "tie", {"tie", "both_bad"}),
        ("mismatched", "right", {"right"}),
    ],
)
def test_passed(kind: str, expected: str, good: set[str]) -> None:
    choices = ("left", "right", "tie", "both_bad")
    assert {choice for choice in choices if passed(kind, expected, choice)} == good


def test_swapped_judgement() -> None:
    assert [swapped(choice) for choice in ("left", "right", "tie", "both_bad")] == [
        "right",
        "left",
        "tie",
        "both_bad",
    ]
