"""An OpenAI-compatible endpoint that costs next to no CPU, as a process of its own: for measuring who asks it.

    python tests/fast_endpoint.py --delay 1

It prints its port and answers until its standard input closes. The address says the limit: under /3000/v1 an honest
one of 3,000 requests a minute is kept, under /0/v1 none. The limit is a token bucket that holds one second's worth, as
providers do it that count by the second; a request beyond it is answered 429, at once, with the Retry-After that is
true. GET /3000/stats says how many requests came, how many were answered, and how many were throttled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, field

ANSWER = json.dumps(
    {
        "id": "chatcmpl-fast",
        "object": "chat.completion",
        "created": 0,
        "model": "fast",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Your refund is on its way. " * 8},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 56, "total_tokens": 96},
    }
).encode()
THROTTLED = json.dumps(
    {"error": {"message": "Rate limit reached.", "type": "requests", "code": 429}}
).encode()


@dataclass
class Counts:
    requests: int = 0
    answered: int = 0
    throttled: int = 0
    open: int = 0
    most_at_once: int = 0


@dataclass
class Lane:
    """One address with its limit."""

    per_minute: int
    counts: Counts = field(default_factory=Counts)
    left: float = math.inf
    at: float = 0.0

    def wait(self) -> float:
        """Seconds until a request would be let through; 0.0 where this one is."""
        if not self.per_minute:
            return 0.0
        now, per_second = time.monotonic(), self.per_minute / 60
        burst = max(1.0, per_second)
        self.left = min(burst, self.left + per_second * (now - self.at))
        self.at = now
        if self.left < 1:
            return (1 - self.left) / per_second
        self.left -= 1
        return 0.0


class Protocol(asyncio.Protocol):
    def __init__(self, lanes: dict[str, Lane], delay: float) -> None:
        self.lanes, self.delay = lanes, delay
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self.received = rest[length:]
        path = head.split(b" ", 2)[1].decode()
        limit = path.split("/")[1]
        lane = self.lanes.setdefault(limit, Lane(int(limit)))
        counts = lane.counts
        if path.endswith("/stats"):
            self.send(200, json.dumps(asdict(counts)).encode())
            return
        counts.requests += 1
        wait = lane.wait()
        if wait:
            counts.throttled += 1
            self.send(429, THROTTLED, f"Retry-After: {wait:.3f}\r\n")
            return
        counts.open += 1
        counts.most_at_once = max(counts.most_at_once, counts.open)
        asyncio.get_running_loop().call_later(self.delay, self.answer, counts)

    def answer(self, counts: Counts) -> None:
        counts.open -= 1
        counts.answered += 1
        self.send(200, ANSWER)

    def send(self, status: int, body: bytes, headers: str = "") -> None:
        if self.transport is None or self.transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Too Many Requests'}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        )
        self.transport.write(head.encode() + body)


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    lanes: dict[str, Lane] = {}
    server = await loop.create_server(lambda: Protocol(lanes, delay), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--delay", type=float, default=1.0, help="seconds until an answer comes")
    asyncio.run(serve(parser.parse_args().delay))
