"""N means N, under any number of concurrent reviewers. The issue's own numbers: make soak-voting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User

from tests.soak.voting import voted_by_many


def test_sixteen_reviewers_at_once_end_with_exactly_three_votes_a_comparison(
    make_user: Callable[..., User], in_threads: Callable[..., list[Any]]
) -> None:
    people = [make_user(f"reviewer-{number}", "Reviewer") for number in range(16)]
    voted_by_many(reviewers=people, comparisons=200, votes=3, in_threads=in_threads, within=350)
