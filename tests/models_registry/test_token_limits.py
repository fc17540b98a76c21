"""Tokens per minute, with what is under way and not yet known."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from models_registry.generation import limits
from models_registry.models import EndpointUse
from tests.factories import make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint():
    return make_endpoint()


def test_tokens_beyond_the_limit_hold_the_next_requests_back(endpoint):
    endpoint.tokens_per_minute = 600
    endpoint.save()
    use = EndpointUse(endpoint=endpoint)
    use.save()
    now = timezone.now()
    assert limits.take_request(use, endpoint, now) == 0
    limits.spend_tokens(endpoint, [300])
    use.refresh_from_db()
    # a bucket of 3 seconds, 28.6 tokens, and 9.52 a second: empty again after 28.5 seconds
    assert limits.take_request(use, endpoint, now) is None
    assert limits.take_request(use, endpoint, now + timedelta(seconds=28)) is None
    assert limits.take_request(use, endpoint, now + timedelta(seconds=29)) == 0


def test_tokens_under_way_are_expected_to_use_what_answers_used_lately(endpoint):
    endpoint.tokens_per_minute = 6300  # 100 a second, a bucket of 300
    endpoint.save()
    use = EndpointUse.objects.create(endpoint=endpoint)
    now = timezone.now()
    # before any answer, what the prompts let one guess
    assert (
        len(limits.take_requests(use, endpoint, now, 20, tokens_guessed=100)) == 5
    )  # 300, and 200 within 2 s
    limits.spend_tokens(endpoint, [50, 50, 50])
    use.refresh_from_db()
    assert use.tokens_each == 50
    waits = limits.take_requests(use, endpoint, now, 20, in_flight=2)
    # 300 - 150 used - 100 under way = 50 for one at once, and one more every half second
    assert waits == pytest.approx([0, 0.5, 1.0, 1.5, 2.0])
    assert limits.take_requests(use, endpoint, now, 20, in_flight=7) == []


def test_expected_tokens_follow_the_answers(endpoint):
    endpoint.tokens_per_minute = 6000
    endpoint.save()
    use = EndpointUse.objects.create(endpoint=endpoint, tokens_each=100)
    limits.spend_tokens(endpoint, [200])
    use.refresh_from_db()
    assert use.tokens_each == pytest.approx(110)


def test_usage_beyond_a_minutes_worth_is_a_mistake_and_stops_nothing_for_the_night(endpoint):
    endpoint.tokens_per_minute = 6000
    endpoint.save()
    use = EndpointUse.objects.create(endpoint=endpoint)
    limits.spend_tokens(endpoint, [9_999_999])
    use.refresh_from_db()
    assert use.tokens_left == -6000


@pytest.mark.parametrize("limit", [2_000, 60_000])
def test_no_minute_holds_more_tokens_than_the_limit_and_most_of_it_is_used(endpoint, limit):
    """Answers of 200 to 800 tokens that take 1 to 8 seconds: what is under way is counted before it is known."""
    endpoint.tokens_per_minute = limit
    endpoint.save()
    use = EndpointUse.objects.create(endpoint=endpoint)
    dice, start = random.Random(1), timezone.now()
    under_way: list[tuple[float, int]] = []
    sent: list[tuple[float, int]] = []
    for tick in range(2400):  # four minutes, by tenths of a second
        now = tick / 10
        ended = [tokens for end, tokens in under_way if end <= now]
        under_way = [one for one in under_way if one[0] > now]
        limits.spend_tokens(endpoint, ended)
        use.refresh_from_db()
        moment = start + timedelta(seconds=now)
        places = 100 - len(under_way)
        for wait in limits.take_requests(
            use, endpoint, moment, places, in_flight=len(under_way), tokens_guessed=500
        ):
            tokens = dice.randint(200, 800)
            sent.append((now + wait, tokens))
            under_way.append((now + wait + dice.uniform(1, 8), tokens))
    minutes = [sum(tokens for at, tokens in sent if begin <= at < begin + 60) for begin in range(0, 181, 2)]
    assert max(minutes) <= limit * 1.02 + 800  # one answer may be larger than was expected of it
    assert sum(tokens for at, tokens in sent if 60 <= at < 240) >= 0.85 * 3 * limit
