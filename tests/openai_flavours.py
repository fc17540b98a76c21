"""Servers that are OpenAI-compatible in their own way: streams, the Responses API, Azure's addresses, redirects."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.chat_endpoint import Request

EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """`pieces` are sent one after the other, `pause` seconds apart; `cut`: the connection ends before the body does."""

    pieces: Iterable[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    cut: bool = False


def whole(data: object, status: int = 200, **headers: str) -> Reply:
    return Reply(
        [json.dumps(data).encode()],
        status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def refusal(status: int, message: str, code: object = None, **headers: str) -> Reply:
    return whole({"error": {"message": message, "type": "test", "code": code}}, status, **headers)


def redirect(location: str, status: int = 307) -> Reply:
    return Reply([b""], status, headers={"Location": location})


def events(*data: object, done: bool = True, **options: Any) -> Reply:
    """Server-sent events, each one object of JSON; `done`: OpenAI's last word follows."""
    pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in data]
    return Reply(pieces + [b"data: [DONE]\n\n"] * done, content_type=EVENTS, **options)


def chat(
    text: object = "Hi.", *, finish_reason: object = "stop", usage: object = None, **message: Any
) -> Reply:
    choice = {"index": 0, "message": {"content": text} | message, "finish_reason": finish_reason}
    return whole({"object": "chat.completion", "model": "m-1", "choices": [choice], "usage": usage})


def chat_chunks(
    *texts: str, finish_reason: str | None = "stop", usage: object = None
) -> list[dict[str, Any]]:
    """The chunks of a streamed chat completion; the one with the usage has no choices, as OpenAI's."""

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"object": "chat.completion.chunk", "model": "m-1", "choices": [choice]}

    chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts)]
    if finish_reason:
        chunks.append(chunk({}, finish_reason))
    if usage is not None:
        chunks.append({"object": "chat.completion.chunk", "model": "m-1", "choices": [], "usage": usage})
    return chunks


def response(*texts: str, status: str = "completed", **fields: Any) -> dict[str, Any]:
    """An object of the Responses API, with some reasoning before its message."""
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {
        "object": "response",
        "model": "m-1",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Thinking."}]},
            {"type": "message", "role": "assistant", "content": content},
        ],
        "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18},
    } | fields


class Flavour:
    """`reply` says what a request gets; `requests` keeps every one in order of arrival."""

    def __init__(self, reply: Callable[[Request], Reply] | Reply) -> None:
        self.reply: Callable[[Request], Reply] = (lambda _: reply) if isinstance(reply, Reply) else reply
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.body for request in self.requests]

    def __enter__(self) -> Flavour:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(flavour: Flavour) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, json.loads(raw), time.time())
            flavour.requests.append(request)
            self._send(flavour.reply(request))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Transfer-Encoding", "chunked")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # a client that hung up is part of the test
                for piece in reply.pieces:
                    if piece:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    time.sleep(reply.pause)
                if reply.cut:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the requests are recorded."""

    return Handler
