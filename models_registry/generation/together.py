"""What many threads want of the database at the same moment, done by one of them for all in one transaction.

Flat combining (Hendler, Incze, Shavit and Tzafrir, 2010), or a database's group commit one storey higher. A hundred
threads that each take and store by themselves spend most of a process's one interpreter on connections, locks and
commits. Here whoever comes while another works waits, and the next one does it for all who waited: alone, a call costs
what it did; the more come, the less each costs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from django.db import connection

# more at once would keep the database's locks, and the first of those who wait, for too long
MOST_AT_ONCE = 50


class _Call[Item, Result]:
    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.is_done = False
        self.awake = threading.Lock()  # a bare lock: an Event would cost three of them
        self.awake.acquire()


class Together[Item, Result]:
    """`Together(do)(item)` is `do([item])[0]`, or a larger call of `do` by another thread.

    `do` gives as many results as it gets items, in their order; what it raises is raised in every thread it worked for.
    """

    def __init__(self, do: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._do = do
        self._lock = threading.Lock()
        self._waiting: list[_Call[Item, Result]] = []
        self._is_led = False

    def __call__(self, item: Item) -> Result:
        if connection.in_atomic_block:  # what others want must not be undone with this thread's transaction
            return self._do([item])[0]
        call = _Call[Item, Result](item)
        with self._lock:
            self._waiting.append(call)
            leads, self._is_led = not self._is_led, True
        if not leads:
            call.awake.acquire()
        if not call.is_done:
            self._lead()
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[return-value] # None only where that is a Result

    def _lead(self) -> None:
        """Do what waits, this thread's own among it, and hand the lead on."""
        with self._lock:
            calls, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        try:
            for call, result in zip(calls, self._do([call.item for call in calls]), strict=True):
                call.result = result
        except BaseException as error:  # noqa: BLE001 - raised again, in every thread that it concerns
            for call in calls:
                call.error = error
        finally:
            try:
                # what follows may last, and the pool has few connections
                connection.close()
            finally:  # whatever a connection says at its end: those who wait must not wait for ever
                self._hand_on(calls)

    def _hand_on(self, calls: Sequence[_Call[Item, Result]]) -> None:
        for call in calls:
            call.is_done = True
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_led = following is not None
        if following is not None:
            following.awake.release()
        for call in calls:
            call.awake.release()
