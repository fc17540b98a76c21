"""Nothing a reviewer's browser receives tells the sides apart: a classifier that reads all of it only guesses.

It reads 50 pairs as a page with scripts receives them: the HTML of each, the headers, the addresses and tickets, the
order, the sizes and the time each answer took. The models' own words are of equal length and occur once, so that only
the product could give a side away. It learns from 25 pairs and guesses the other 25. By chance it has 21 of them right
with a probability of 0.05 %, and that is where this test fails.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from reviews.checks import FIRST
from reviews.models import Assignment, Evaluation, HiddenCheck
from tests.browser.evaluations import open_evaluation
from tests.factories import make_rows

pytestmark = pytest.mark.django_db

PAIRS, LEARNT, TOO_MANY = 50, 25, 21
CHECKED = 84
SECTION = re.compile(r'(?=<section id="pair")')
# the conversation and both answers, rendered and as they were written
TEXTS = re.compile(r'<div class="(?:prose|plain answer-raw)".*?</div>', re.DOTALL)
TICKET = re.compile(r'data-ticket="([\w-]{16})"')
ARTICLE = re.compile(r'<article class="answer" id="(left|right)-answer".*?</article>', re.DOTALL)
# what differs with every answer because time and people do
SECRETS = re.compile(r'csrfmiddlewaretoken" value="\w+"|X-CSRFToken": "\w+"')


@dataclass(frozen=True)
class Received:
    """One pair as it arrived; `left`: is the candidate there, which nothing else may tell. None: a hidden check."""

    html: str
    headers: str
    ticket: str
    number: int
    seconds: float
    left: bool | None


def word(dice: random.Random) -> str:
    return "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=12))


def words_of(dice: random.Random) -> Callable[[str, str], str]:
    return lambda _side, _key: " ".join(word(dice) for _ in range(8))


def receive(client: Client, evaluation: Evaluation) -> list[Received]:
    """Vote as the page's script does: a pair is shown, the one after it comes with the answer to the vote.

    All that came until nothing was left: hidden checks, too, on which the candidate is on neither side.
    """
    arrived: list[tuple[str, str, float]] = []

    def get(ask: Callable[[], Any]) -> None:
        started = time.perf_counter()
        answer = ask()
        seconds = time.perf_counter() - started
        assert answer.status_code == 200
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        text = SECRETS.sub("", answer.text)
        around, *sections = SECTION.split(text)
        # what stands around it, static files and all, came with the pair that is shown first
        sections[0] = around + sections[0]
        arrived.extend((section, headers, seconds) for section in sections)

    get(lambda: client.get(reverse("vote", args=[evaluation.pk])))
    number = 0
    while number < len(tickets := [found[1] for html, *_ in arrived if (found := TICKET.search(html))]):
        shown = tickets[number + 1] if number + 1 < len(tickets) else ""
        given = {"choice": ("left", "right", "tie", "both_bad")[number % 4], "shown": shown}
        cast = reverse("cast_vote", args=[tickets[number]])
        get(lambda: client.post(cast, given, headers={"HX-Request": "true"}))  # noqa: B023 - called at once
        number += 1
    sides = dict(Assignment.objects.filter(evaluation=evaluation).values_list("ticket", "candidate_on_left"))
    pairs = [(found[1], *pair) for pair in arrived if (found := TICKET.search(pair[0]))]
    assert len(pairs) == len(sides) + HiddenCheck.objects.filter(evaluation=evaluation).count()
    return [
        Received(html, headers, ticket, number, seconds, sides.get(ticket))
        for number, (ticket, html, headers, seconds) in enumerate(pairs)
    ]


def features(received: Received) -> Counter[str]:
    """Everything that may be counted: words by where they stand, letters of the ticket, sizes, time and order."""
    found: Counter[str] = Counter()
    rest = ARTICLE.sub("", received.html)
    sides = {match[1]: match[0] for match in ARTICLE.finditer(received.html)}
    for place, text in (*sides.items(), ("around", rest), ("headers", received.headers)):
        found.update(f"{place} {token}" for token in re.findall(r"[\w-]+", text))
        found[f"{place} length"] = len(text)
        found[f"{place} white space"] = len(re.findall(r"\s", text))
    for token in set(re.findall(r"[\w-]+", "".join(sides.values()))):
        found[f"left before right {token}"] = sides["left"].count(token) - sides["right"].count(token)
    for place, letter in enumerate(received.ticket):
        found[f"ticket {place} {letter}"] = 1
        found[f"ticket {place}"] = ord(letter)
    found["microseconds"] = round(received.seconds * 1e6)
    found["number"] = received.number
    found["odd number"] = received.number % 2
    return found


def guessed_right(pairs: list[Received]) -> int:
    """Of the second half, by what told the sides best in the first: the three strongest features, by least squares."""
    pairs = [*pairs[1:], pairs[0]]  # the first one, which came with a whole page, is no example to learn from
    counts = [features(pair) for pair in pairs]
    names = sorted(set().union(*counts))
    table = np.array([[count[name] for name in names] for count in counts], dtype=float)
    # by rank, or one slow answer would outweigh all others
    table = np.apply_along_axis(lambda column: np.unique(column, return_inverse=True)[1], 0, table).astype(
        float
    )
    sides = np.array([1.0 if pair.left else -1.0 for pair in pairs])
    learnt = table[:LEARNT]
    spread = learnt.std(axis=0)
    table = table[:, spread > 0]
    table = (table - table[:LEARNT].mean(axis=0)) / table[:LEARNT].std(axis=0)
    strength = np.abs(table[:LEARNT].T @ (sides[:LEARNT] - sides[:LEARNT].mean()))
    best = table[:, np.argsort(-strength, kind="stable")[:3]]
    weights, *_rest = np.linalg.lstsq(
        np.column_stack([best[:LEARNT], np.ones(LEARNT)]), sides[:LEARNT], rcond=None
    )
    said = np.column_stack([best[LEARNT:], np.ones(PAIRS - LEARNT)]) @ weights
    return int(np.sum((said > 0) == (sides[LEARNT:] > 0)))


@pytest.fixture
def pairs(client_for: Callable[..., Client], reviewer: User) -> list[Received]:
    dice = random.Random(20261125)
    evaluation = open_evaluation(make_rows(PAIRS), text_of=words_of(dice), seed=20261125)
    return receive(client_for(reviewer), evaluation)


@pytest.fixture
def pairs_and_checks(client_for: Callable[..., Client], reviewer: User) -> list[Received]:
    """Three in ten of all that is shown are checks: enough to learn from and to guess."""
    dice = random.Random(20261126)
    evaluation = open_evaluation(make_rows(CHECKED), text_of=words_of(dice), seed=20261126, check_percent=30)
    return receive(client_for(reviewer), evaluation)


def test_classifier_reads_all_that_arrives_and_does_no_better_than_chance(pairs: list[Received]) -> None:
    assert 0.3 < np.mean([pair.left for pair in pairs]) < 0.7
    assert guessed_right(pairs) < TOO_MANY


def test_classifier_does_no_better_on_pairs_among_hidden_checks(pairs_and_checks: list[Received]) -> None:
    only_pairs = [pair for pair in pairs_and_checks if pair.left is not None]
    assert guessed_right(only_pairs[:PAIRS]) < TOO_MANY


def test_classifier_does_not_tell_a_check_from_a_pair(pairs_and_checks: list[Received]) -> None:
    """By all that is around the texts. These it may not read: a check repeats some of them, that is what it is."""
    blank = [
        replace(
            pair,
            html=TEXTS.sub("", pair.html),
            # what is to be guessed
            left=pair.left is None,
        )
        for pair in pairs_and_checks
    ]
    checks = [pair for pair in blank if pair.left][: PAIRS // 2]
    others = [pair for pair in blank if not pair.left]
    dice = random.Random(3)
    mixed = [*checks, *dice.sample(others[FIRST:], PAIRS - len(checks))]
    dice.shuffle(mixed)
    assert len(mixed) == PAIRS
    assert guessed_right(mixed) < TOO_MANY


PLANTED: dict[str, Callable[[Received], Received]] = {
    "an attribute on one side": lambda pair: replace(
        pair,
        html=re.sub(rf'id="{"left" if pair.left else "right"}-title"', r'\g<0> data-new="1"', pair.html),
    ),
    "a space more around one side": lambda pair: replace(
        pair, html=pair.html.replace("</article>", "</article> ", 1) if pair.left else pair.html
    ),
    "a letter of the ticket": lambda pair: replace(
        pair, ticket=("A" if pair.left else "B") + pair.ticket[1:]
    ),
    "a header": lambda pair: replace(
        pair, headers=pair.headers + f"\nX-Cache: {'hit' if pair.left else 'miss'}"
    ),
    "the time it takes": lambda pair: replace(pair, seconds=0.02 if pair.left else 0.01),
    "one word where the other has none": lambda pair: replace(
        pair, html=re.sub(r'(id="left-title")', r"\1 lang" if pair.left else r"\1", pair.html)
    ),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_classifier_finds_what_would_tell_the_sides(pairs: list[Received], leak: str) -> None:
    assert guessed_right([PLANTED[leak](pair) for pair in pairs]) >= TOO_MANY
