"""How a worker process shares its threads among endpoints.

A lane is a thread that asks one endpoint for one response after the other. An endpoint may hold four times as many as
are free (a dynamic threshold; Choudhury and Hahne, 1998): alone it gets four fifths of the process, two get four ninths
each, and some always stay free, so one that stalls never keeps a healthy one, or an upload, from its first thread.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

SHARE_OF_FREE = 4

# of this process; None where no Celery worker runs in it
threads: int | None = None
_held: Counter[int] = Counter()
_lock = threading.Lock()


@contextmanager
def lane(endpoint_id: int) -> Iterator[bool]:
    """A lane of an endpoint, for as long as the block lasts; False where it has its share already."""
    with _lock:
        granted = threads is None or _held[endpoint_id] < SHARE_OF_FREE * (threads - _held.total())
        if granted:
            _held[endpoint_id] += 1
    try:
        yield granted
    finally:
        if granted:
            with _lock:
                _held[endpoint_id] -= 1
                if not _held[endpoint_id]:
                    del _held[endpoint_id]
