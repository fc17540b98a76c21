"""How the threads of a worker are shared among endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from models_registry.generation import lanes

THREADS = 40


@pytest.fixture(autouse=True)
def _forty_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lanes, "threads", THREADS)
    assert not lanes._held
    yield
    assert not lanes._held


def take_all(stack: ExitStack, *endpoints: int) -> dict[int, int]:
    """Ask in turn for lanes of these endpoints until none gets one; how many each got."""
    got = dict.fromkeys(endpoints, 0)
    moved = True
    while moved:
        moved = False
        for endpoint in endpoints:
            if stack.enter_context(lanes.lane(endpoint)):
                got[endpoint] += 1
                moved = True
    return got


@pytest.mark.parametrize(("endpoints", "each"), [((1,), [32]), ((1, 2), [18, 18]), ((1, 2, 3), [13, 12, 12])])
def test_endpoints_share_the_threads_and_leave_some_free(endpoints: tuple[int, ...], each: list[int]) -> None:
    with ExitStack() as stack:
        got = take_all(stack, *endpoints)
        assert list(got.values()) == each
        assert sum(each) < THREADS


def test_endpoint_that_comes_late_finds_a_thread() -> None:
    with ExitStack() as stack:
        take_all(stack, 1, 2, 3, 4)
        with lanes.lane(5) as granted:
            assert granted


def test_lane_is_free_again_after_an_error() -> None:
    with pytest.raises(RuntimeError), lanes.lane(1):
        raise RuntimeError
    with ExitStack() as stack:
        assert take_all(stack, 1) == {1: 32}


def test_lane_that_was_not_granted_gives_nothing_back() -> None:
    with ExitStack() as stack:
        assert take_all(stack, 1) == {1: 32}
        with lanes.lane(1) as granted:
            assert not granted
        assert lanes._held[1] == 32


def test_without_a_worker_there_is_nothing_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "threads", None)
    with ExitStack() as stack:
        assert all(stack.enter_context(lanes.lane(1)) for _ in range(100))
