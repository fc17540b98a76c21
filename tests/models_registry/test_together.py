"""Many threads' wishes, done by one of them for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from django.db import DEFAULT_DB_ALIAS, connections

from models_registry.generation.together import MOST_AT_ONCE, Together


class Slow:
    """Doubles numbers; its first call waits until so many callers stand behind it."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.go_on = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        if len(self.calls) == 1:
            assert self.go_on.wait(300)
        return [2 * item for item in items]


def behind_a_slow_first(
    together: Together[int, int], slow: Slow, count: int, eventually: Callable[..., None]
) -> list[int | BaseException]:
    """What `count` threads get that come while the first one's call lasts, the first one's own result before them."""

    results: dict[int, int | BaseException] = {}

    def call(item: int) -> None:
        try:
            results[item] = together(item)
        except ArithmeticError as error:
            results[item] = error

    def start(
        item: int,
    ) -> threading.Thread:  # a daemon, so that one who waits for ever fails the test and ends
        thread = threading.Thread(target=call, args=(item,), daemon=True)
        thread.start()
        return thread

    first = start(0)
    eventually(lambda: slow.calls == [[0]])
    others = []
    for item in range(1, count + 1):
        others.append(start(item))
        eventually(lambda item=item: len(together._waiting) == item)
    slow.go_on.set()
    for thread in (first, *others):
        thread.join(60)
    assert len(results) == count + 1, "some wait for ever"
    return [results[item] for item in range(count + 1)]


@pytest.fixture
def slow() -> Slow:
    return Slow()


def test_one_alone_is_done_at_once(slow: Slow) -> None:
    slow.go_on.set()
    together = Together[int, int](slow)
    assert [together(1), together(2)] == [2, 4]
    assert slow.calls == [[1], [2]]


def test_those_that_come_meanwhile_are_done_in_one_call_each_with_its_own_result(
    slow: Slow, eventually: Callable[..., None]
) -> None:
    results = behind_a_slow_first(Together(slow), slow, 20, eventually)
    assert results == [2 * item for item in range(21)]
    assert len(slow.calls) == 2
    assert sorted(slow.calls[1]) == list(range(1, 21))


def test_a_call_takes_no_more_than_it_may_and_the_lead_goes_on(
    slow: Slow, eventually: Callable[..., None]
) -> None:
    count = 2 * MOST_AT_ONCE + 7
    results = behind_a_slow_first(Together(slow), slow, count, eventually)
    assert results == [2 * item for item in range(count + 1)]
    assert [len(call) for call in slow.calls] == [1, MOST_AT_ONCE, MOST_AT_ONCE, 7]


def test_error_reaches_the_threads_it_concerns_and_no_other(
    slow: Slow, eventually: Callable[..., None]
) -> None:
    failing = ArithmeticError("the second call")

    def do(items: Sequence[int]) -> list[int]:
        results = slow(items)
        if len(slow.calls) == 2:
            raise failing
        return results

    together = Together[int, int](do)
    count = MOST_AT_ONCE + 3
    first, *others = behind_a_slow_first(together, slow, count, eventually)
    assert first == 0
    assert others[:MOST_AT_ONCE] == [failing] * MOST_AT_ONCE
    assert others[MOST_AT_ONCE:] == [2 * item for item in range(MOST_AT_ONCE + 1, count + 1)]
    # and nobody is left waiting for a lead that died
    assert together(4) == 8


def test_connection_that_breaks_at_its_end_leaves_nobody_waiting(
    slow: Slow, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise ArithmeticError("the connection")

    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS].__class__, "close", lambda _self: breaks())
    together = Together[int, int](slow)
    results = behind_a_slow_first(together, slow, 5, eventually)
    # who leads hears of it, and the others have what was done for them
    led = [result for result in results if isinstance(result, ArithmeticError)]
    assert len(led) == 2
    assert isinstance(results[0], ArithmeticError)
    assert not together._is_led


@pytest.mark.django_db
def test_inside_a_transaction_a_thread_does_its_own_only(slow: Slow) -> None:
    """The test runs in one: what others want must not be undone with it."""
    slow.go_on.set()
    together = Together[int, int](slow)
    together._is_led = True  # another would be waited for
    assert together(3) == 6
