"""A real OpenAI-compatible HTTP server on 127.0.0.1, for tests: it answers, counts, delays and fails."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = str | dict[str, Any]
HELD_SECONDS = 300  # a test that forgot to let them go on ends all the same


@dataclass(frozen=True)
class Request:
    """One call as it arrived. `body` is the parsed JSON; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float

    @property
    def last_message(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Fault:
    """What the next call meets instead of an answer.

    `status` and `headers` are sent as they stand; `body` replaces the usual error object; `hang_up` closes
    the connection in the middle of the answer. `stall`: seconds before that; `reset` ends the connection by a reset,
    and sends nothing.
    """

    status: int = 500
    message: str = "the server had an error"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang_up: bool = False
    stall: float = 0.0
    reset: bool = False

    @classmethod
    def rate_limit(cls, *, retry_after: float = 0.05) -> Fault:
        headers = {"Retry-After": f"{retry_after:g}", "retry-after-ms": f"{retry_after * 1000:g}"}
        return cls(429, "too many requests", headers)

    @classmethod
    def malformed(cls) -> Fault:
        return cls(200, body=b'{"choices": [{"message": ')


def echo(request: Request) -> Answer:
    return f"You said: {request.last_message}"


def completion(request: Request, answer: Answer) -> dict[str, Any]:
    """The answer as a chat completion; a mapping gives its `text`, `finish_reason`, `usage` or `model`."""
    parts: dict[str, Any] = {"text": answer} if isinstance(answer, str) else answer
    text = parts.get("text", "")
    asked = sum(len(str(message.get("content", "")).split()) for message in request.body.get("messages", []))
    usage = parts.get("usage", {"prompt_tokens": asked, "completion_tokens": len(text.split())})
    if usage is not None:
        usage = {"total_tokens": sum(usage.values()), **usage}
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": int(request.at),
        "model": parts.get("model", request.body.get("model")),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": parts.get("finish_reason", "stop"),
            }
        ],
        "usage": usage,
    }


class ChatEndpoint:
    """`base_url` is what an Endpoint row wants. Set `answer`, `delay` and `api_key` at any time.

    `faults` is a queue: each call takes one off it, and is answered once it is empty. `requests` keeps every
    call in order of arrival, `most_at_once` the largest number of calls that were open at the same moment.
    `hold(after=15)` answers so many calls, and lets the others wait until `go_on()`.
    """

    def __init__(self, answer: Callable[[Request], Answer] = echo, *, delay: float = 0.0) -> None:
        self.answer = answer
        self.delay = delay
        self.api_key: str | None = None
        self.faults: deque[Fault] = deque()
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._open = 0
        self._held_after: int | None = None
        self._go_on = threading.Event()
        self._lock = threading.Lock()
        self._listen(0)

    def _listen(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.endpoint = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def fail(self, *faults: Fault | int) -> None:
        """Queue faults; a number is a status."""
        self.faults.extend(fault if isinstance(fault, Fault) else Fault(fault) for fault in faults)

    def hold(self, *, after: int = 0) -> None:
        self._go_on.clear()
        self._held_after = after

    def go_on(self) -> None:
        self._held_after = None
        self._go_on.set()

    def next_fault(self, request: Request) -> Fault | None:
        return self.faults.popleft() if self.faults else None

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self.stop()

    def respond(self, request: Request) -> Fault | dict[str, Any]:
        with self._lock:
            self.requests.append(request)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            fault = self.next_fault(request)
            held = self._held_after is not None and len(self.requests) > self._held_after
        try:
            if held:
                self._go_on.wait(HELD_SECONDS)
            if self.delay or fault:
                time.sleep(self.delay + (fault.stall if fault else 0.0))
            if fault:
                return fault
            if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
                return Fault(401, "incorrect API key provided")
            return completion(request, self.answer(request))
        finally:
            with self._lock:
                self._open -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    endpoint: ChatEndpoint

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up, or was killed, is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/chat/completions":
            self._send_fault(Fault(404, f"no such path: {self.path}"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        outcome = self.server.endpoint.respond(Request(self.path, headers, json.loads(raw), time.time()))
        if isinstance(outcome, Fault):
            self._send_fault(outcome)
        else:
            self._send(200, json.dumps(outcome).encode())

    def _send_fault(self, fault: Fault) -> None:
        if fault.reset:
            # lingering for no time at all, which ends a connection by RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        body = fault.body
        if body is None:
            body = json.dumps(
                {"error": {"message": fault.message, "type": "test", "code": fault.status}}
            ).encode()
        self._send(fault.status, body, fault.headers, hang_up=fault.hang_up)

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, hang_up: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if hang_up else body)
        if hang_up:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the requests are recorded."""
