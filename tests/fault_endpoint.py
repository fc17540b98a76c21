"""A chat endpoint that goes wrong in every way that endpoints do: over real HTTP, on 127.0.0.1, for tests.

`FAULTS` and `PERMANENT` name them; `FaultEndpoint(share=0.2, seed=1)` draws from `MIX` at random; `die()` and
`come_back()` close the port and open it again. `given` says what each request was given, by its last message: a fault's
name or "answer".
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from tests.chat_endpoint import Answer, ChatEndpoint, Fault, Request, echo

# longer than the timeout of the endpoints in these tests, which is a second
STALL_SECONDS = 1.5
HONEST = {
    "Retry-After": "0.3",
    "retry-after-ms": "300",
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "300ms",
}
NONSENSE = {
    "x-ratelimit-limit-requests": "many",
    "x-ratelimit-remaining-requests": "-17",
    "x-ratelimit-reset-requests": "yesterday",
    "x-ratelimit-remaining-tokens": "NaN",
    "x-ratelimit-reset-tokens": "1e999",
}

FAULTS: dict[str, Fault] = {
    "throttled": Fault(429, "too many requests", HONEST),
    "throttled, silent": Fault(429, "too many requests"),
    "throttled, in the past": Fault(429, "too many requests", {"Retry-After": "-30", **NONSENSE}),
    "throttled, in words": Fault(429, "too many requests", {"Retry-After": "in a moment", **NONSENSE}),
    "throttled for a year": Fault(429, "too many requests", {"Retry-After": "31536000"}),
    "server error": Fault(500),
    "request timeout": Fault(408),
    "conflict": Fault(409),
    "overloaded": Fault(503, "overloaded", {"Retry-After": "0.2"}),
    "stall": Fault(200, stall=STALL_SECONDS, body=b"{}"),
    "reset": Fault(reset=True),
    "truncated": Fault(200, body=b'{"choices": [{"message": {"content": "half of an ans"}}]}', hang_up=True),
    "half a JSON": Fault.malformed(),
    "an HTML page": Fault(200, body=b"<html><body>502 Bad Gateway</body></html>"),
    "no choices": Fault(200, body=b'{"object": "chat.completion", "choices": []}'),
}
# What a person has to mend.
PERMANENT: dict[str, Fault] = {
    "a wrong key": Fault(401, "incorrect API key provided"),
    "no permission": Fault(403, "this key may not use the model"),
    "no such model": Fault(404, "the model does not exist"),
    "a bad request": Fault(400, "temperature is not supported with this model"),
    "a content filter": Fault(
        400, body=b'{"error": {"message": "The response was filtered.", "code": "content_filter"}}'
    ),
    "a filtered answer": Fault(
        200,
        body=b'{"object": "chat.completion", "choices": [{"index": 0, "message": {"content": ""},'
        b' "finish_reason": "content_filter"}]}',
    ),
}
# A year is believed for two minutes, which is right, and too long for a soak. A throttled request costs no attempt.
MIX = [
    *("throttled", "throttled", "throttled, in the past", "throttled, in words"),
    *(
        "server error",
        "overloaded",
        "stall",
        "reset",
        "truncated",
        "half a JSON",
        "an HTML page",
        "no choices",
    ),
]
WRONG_USAGE: dict[str, Any] = {
    "negative": {"prompt_tokens": -5, "completion_tokens": -1},
    "huge": {"prompt_tokens": 10**30, "completion_tokens": 10**12},
}


class FaultEndpoint(ChatEndpoint):
    def __init__(
        self,
        answer: Callable[[Request], Answer] = echo,
        *,
        delay: float = 0.0,
        share: float = 0.0,
        seed: int = 1,
    ) -> None:
        super().__init__(answer, delay=delay)
        self.share = share
        self.given: defaultdict[str, list[str]] = defaultdict(list)
        self._random = random.Random(seed)

    def die(self) -> None:
        """Close the port, and every connection in the middle of whatever it was about."""
        self._port = self._server.server_address[1]
        super().stop()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.go_on()

    def come_back(self) -> None:
        self._listen(self._port)

    def next_fault(self, request: Request) -> Fault | None:
        """Its caller holds the endpoint's lock."""
        fault, name = super().next_fault(request), "queued"
        if fault is None and self._random.random() < self.share:
            name = self._random.choice(MIX)
            fault = FAULTS[name]
        self.given[request.last_message].append("answer" if fault is None else name)
        return fault

    def count(self) -> Counter[str]:
        """How often each was given."""
        return Counter(name for names in self.given.values() for name in names)
