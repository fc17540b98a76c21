"""An endpoint with a Batch API over real HTTP on 127.0.0.1, for tests: /v1/files, /v1/batches, and chat beside them."""

from __future__ import annotations

import email
import email.policy
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.chat_endpoint import Answer, Fault, Request, completion, echo

MOST_LINES = 50_000
ENDED = ("completed", "expired", "cancelled", "failed")


class BatchEndpoint:
    """`base_url` is what an Endpoint row wants.

    A batch is worked on when it is asked about for the `polls`-th time: `answer` says what comes of each line, a
    Fault being an error of that line; only the first `answered` lines are, if that is set; then it ends as `outcome`.
    With `mentions_unanswered` the error file names the other lines, as OpenAI's does.

    `fail("create", Fault(500))` fails one call; `fail("create", Fault(500), done=True)` does what was asked and fails
    then. Calls are named upload, create, retrieve, list, cancel, download and chat; `calls` counts them, and `on_done`
    is told when one is done and its answer is not yet sent. `paid` holds the last message of every request that was
    answered, whichever way it came.
    """

    def __init__(self, answer: Callable[[Request], Answer | Fault] = echo) -> None:
        self.answer = answer
        self.outcome = "completed"
        self.answered: int | None = None
        self.polls = 1
        self.mentions_unanswered = True
        self.errors: list[dict[str, Any]] = []
        self.garbage = b""
        self.expires_at: Callable[[int], object] = lambda _created: None
        self.api_key: str | None = None
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, int] = defaultdict(int)
        self.paid: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.on_done: Callable[[str], None] = lambda _name: None
        self._faults: dict[str, deque[tuple[Fault, bool]]] = defaultdict(deque)
        self._bodies: dict[str, dict[str, Any]] = {}
        self._asked_about: dict[str, int] = defaultdict(int)
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def fail(self, name: str, *faults: Fault | int, done: bool = False) -> None:
        for fault in faults:
            self._faults[name].append((fault if isinstance(fault, Fault) else Fault(fault), done))

    def lines(self, batch: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The requests of a batch as they were uploaded."""
        return [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]

    def give_body(self, batch_id: str, body: dict[str, Any]) -> None:
        """Answer every line of a batch by this body, whatever `answer` says."""
        self._bodies[batch_id] = body

    def finish(self, batch_id: str) -> None:
        """Work on a batch and end it, whatever was asked of it."""
        with self._lock:
            if self.batches[batch_id]["status"] not in ENDED:
                self._work(self.batches[batch_id], "completed")

    def add_file(self, content: bytes) -> str:
        file_id = f"file-{len(self.files) + 1}-{id(self)}"
        self.files[file_id] = content
        return file_id

    def rename_lines(self, batch_id: str, rename: Callable[[str], str]) -> None:
        """Answer under other names than those that were given."""
        batch = self.batches[batch_id]
        lines = [line | {"custom_id": rename(line["custom_id"])} for line in self.lines(batch)]
        self.files[batch["input_file_id"]] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> BatchEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, name: str, do: Callable[[], Any], headers: dict[str, str]) -> Any:
        """What a call gets: a Fault, bytes, or something to be sent as JSON."""
        with self._lock:
            self.calls[name] += 1
            self.headers.append(headers)
            fault, done = self._faults[name].popleft() if self._faults[name] else (None, False)
            if fault is not None and not done:
                return fault
            if self.api_key and headers.get("authorization") != f"Bearer {self.api_key}":
                return Fault(401, "incorrect API key provided")
            result = do()
            self.on_done(name)
            return result if fault is None else fault

    # --- what a provider does

    def upload(self, body: bytes, content_type: str) -> Any:
        parts = email.message_from_bytes(
            b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
        )
        fields = {part.get_param("name", header="content-disposition"): part for part in parts.iter_parts()}
        assert fields["purpose"].get_payload(decode=True) == b"batch"
        file_id = self.add_file(bytes(fields["file"].get_payload(decode=True)))
        return {"id": file_id, "object": "file", "bytes": len(self.files[file_id]), "purpose": "batch"}

    def create(self, body: dict[str, Any]) -> Any:
        if body["input_file_id"] not in self.files:
            return Fault(404, "no such file")
        created_at = int(time.time())
        batch = {
            "id": f"batch_{len(self.batches) + 1}_{id(self)}",
            "object": "batch",
            "endpoint": body["endpoint"],
            "completion_window": body["completion_window"],
            "input_file_id": body["input_file_id"],
            "metadata": body.get("metadata"),
            "status": "validating",
            "created_at": created_at,
            "expires_at": self.expires_at(created_at),
            "output_file_id": None,
            "error_file_id": None,
            "errors": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        self.batches[str(batch["id"])] = batch
        return batch

    def retrieve(self, batch_id: str) -> Any:
        batch = self.batches.get(batch_id)
        if batch is None:
            return Fault(404, f"No batch found with id '{batch_id}'.")
        self._asked_about[batch_id] += 1
        if batch["status"] == "cancelling":
            self._work(batch, "cancelled")
        elif batch["status"] not in ENDED:
            if self._asked_about[batch_id] >= self.polls:
                self._work(batch, self.outcome)
            else:
                batch["status"] = "in_progress"
                batch["request_counts"]["total"] = len(self.lines(batch))
        return dict(batch)

    def page(self, after: str | None, limit: int) -> Any:
        newest = list(reversed(self.batches.values()))
        ids = [batch["id"] for batch in newest]
        start = ids.index(after) + 1 if after else 0
        found = newest[start : start + limit]
        return {"object": "list", "data": found, "has_more": start + limit < len(newest)}

    def cancel(self, batch_id: str) -> Any:
        batch = self.batches[batch_id]
        if batch["status"] in ENDED:
            return Fault(409, f"Cannot cancel a batch with status '{batch['status']}'.")
        batch["status"] = "cancelling"
        return batch

    def download(self, file_id: str) -> Any:
        return self.files.get(file_id) or Fault(404, "No such File object")

    def chat(self, headers: dict[str, str], body: dict[str, Any]) -> Any:
        request = Request("/v1/chat/completions", headers, body, time.time())
        answer = self.answer(request)
        if isinstance(answer, Fault):
            return answer
        self.paid.append(request.last_message)
        return completion(request, answer)

    def _work(self, batch: dict[str, Any], outcome: str) -> None:
        batch["status"] = outcome
        errors = self.errors or self._invalid(batch)
        if errors:
            batch["status"], batch["errors"] = "failed", {"object": "list", "data": errors}
        if batch["status"] == "failed":
            return
        output: list[bytes] = []
        failed: list[bytes] = []
        lines = self.lines(batch)
        most = len(lines) if self.answered is None else self.answered
        # in whatever order
        for line in reversed(lines[:most]):
            body = self._bodies.get(batch["id"]) or self.chat({}, line["body"])
            response: dict[str, Any] = {"status_code": 200, "request_id": "req_1", "body": body}
            if isinstance(body, Fault):
                said = {"error": {"message": body.message, "type": "test", "code": None}}
                response |= {"status_code": body.status, "body": said}
            (failed if isinstance(body, Fault) else output).append(_line(line, response=response))
        if self.mentions_unanswered:
            code = "batch_cancelled" if outcome == "cancelled" else "batch_expired"
            error = {"code": code, "message": "This request could not be executed."}
            failed += [_line(line, error=error) for line in lines[most:]]
        for name, written in (("output_file_id", output), ("error_file_id", failed)):
            if written:
                batch[name] = self.add_file(b"".join(written) + self.garbage)
        batch["request_counts"] = {
            "total": len(lines),
            "completed": len(output),
            "failed": len(failed),
        }

    def _invalid(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        lines = self.lines(batch)
        errors: list[dict[str, Any]] = []
        if not 0 < len(lines) <= MOST_LINES:
            errors.append({"code": "empty_file" if not lines else "too_many_tasks", "message": "Wrong size."})
        if len({line["custom_id"] for line in lines}) < len(lines):
            errors.append({"code": "duplicate_custom_id", "message": "Not unique.", "line": 1})
        errors += [
            {"code": "url_mismatch", "message": f"It is {batch['endpoint']}.", "line": number}
            for number, line in enumerate(lines, 1)
            if (line["method"], line["url"]) != ("POST", batch["endpoint"]) or len(line["custom_id"]) > 64
        ]
        return errors


def _line(asked: dict[str, Any], *, response: object = None, error: object = None) -> bytes:
    line = {"id": "batch_req_1", "custom_id": asked["custom_id"], "response": response, "error": error}
    return json.dumps(line).encode() + b"\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    endpoint: BatchEndpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up, or was killed, is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        raw = self._body()
        kind = self.headers.get("Content-Type", "")
        endpoint = self.server.endpoint
        match self.path.removeprefix("/v1/").split("/"):
            case ["files"]:
                self._answer("upload", lambda: endpoint.upload(raw, kind))
            case ["batches"]:
                self._answer("create", lambda: endpoint.create(json.loads(raw)))
            case ["batches", batch_id, "cancel"]:
                self._answer("cancel", lambda: endpoint.cancel(batch_id))
            case ["chat", "completions"]:
                self._answer("chat", lambda: endpoint.chat(self._headers(), json.loads(raw)))
            case _:
                self._answer("nothing", lambda: Fault(404, f"no such path: {self.path}"))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        endpoint = self.server.endpoint
        match url.path.removeprefix("/v1/").split("/"):
            case ["batches"]:
                after, limit = query.get("after", [None])[0], int(query.get("limit", ["20"])[0])
                self._answer("list", lambda: endpoint.page(after, limit))
            case ["batches", batch_id]:
                self._answer("retrieve", lambda: endpoint.retrieve(batch_id))
            case ["files", file_id, "content"]:
                self._answer("download", lambda: endpoint.download(file_id))
            case _:
                self._answer("nothing", lambda: Fault(404, f"no such path: {self.path}"))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _answer(self, name: str, do: Callable[[], Any]) -> None:
        result = self.server.endpoint.call(name, do, self._headers())
        status, headers, hang_up = 200, {}, False
        if isinstance(result, Fault):
            status, headers, hang_up = result.status, dict(result.headers), result.hang_up
            result = result.body or {"error": {"message": result.message, "type": "test", "code": None}}
        body = result if isinstance(result, bytes) else json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for header, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if hang_up else body)
        if hang_up:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the calls are counted."""
