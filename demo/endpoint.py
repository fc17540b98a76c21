"""A small OpenAI-compatible server that plays the story's models, over real HTTP on loopback.

It answers the story's prompts with the texts written for them, and any other prompt by the intent it resembles most.
How long it takes depends on the model and the prompt alone, so that latencies are the same at every start.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from demo import judge, story

# seconds: the shortest answer, and what is added on top, times a number between 0 and 1 with a long tail
PACE = {
    "aurora-support-large": (0.35, 1.1),
    "aurora-support-ft-1": (0.10, 0.35),
    "aurora-support-ft-2": (0.10, 0.35),
    "aurora-support-ft-3": (0.07, 0.25),
    judge.SERVED: (0.03, 0.10),
}
SPANISH = story.words(
    "el la los las un una de que y mi me no por para con cómo qué pedido quiero hola gracias"
)
RESEMBLES = 0.2  # least share of common words (Jaccard) to count as about the same intent


def start(port: int = 0) -> str:
    """Serve on a thread of this process; the base URL to register. Port 0: any free one."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="demo-endpoint", daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def answer(served_name: str, messages: list[dict[str, Any]]) -> str:
    asked = str(messages[-1].get("content", "")) if messages else ""
    if served_name == judge.SERVED:
        return judge.verdict(asked)
    exact = next((prompt for prompt in story.prompts() if prompt.last == asked), None)
    if exact:
        return story.answers(served_name)[exact.key].text
    said = story.words(asked)
    lang = "es" if len(said & SPANISH) >= 2 or "¿" in asked or "¡" in asked else "en"
    # every short question resembles a greeting
    about = [prompt for prompt in story.prompts() if prompt.intent != "small talk"]
    closest = max(about, key=lambda prompt: _resemblance(said, prompt.words))
    intent = closest.intent if _resemblance(said, closest.words) >= RESEMBLES else ""
    spoken = story.fallback()["large" if served_name.endswith("large") else "ft"][lang]
    return spoken.get(intent, spoken[""])


def _resemblance(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


def _tokens(text: str) -> int:
    return max(1, round(len(text) / 4))


def _seconds(served_name: str, asked: str) -> float:
    shortest, spread = PACE[served_name]
    share = int.from_bytes(hashlib.sha256(f"{served_name}:{asked}".encode()).digest()[:4]) / 2**32
    return shortest + spread * share**3 + spread * share * 0.3


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        models = [{"id": name, "object": "model", "owned_by": "aurora"} for name in PACE]
        self._reply(
            200, {"object": "list", "data": models}
        ) if self.path == "/v1/models" else self._unknown_path()

    def do_POST(self) -> None:
        if self.path != "/v1/chat/completions":
            self._unknown_path()
            return
        try:
            request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            served_name, messages = request["model"], request["messages"]
        except (ValueError, KeyError, TypeError):
            self._reply(400, _error("Send a JSON object with model and messages."))
            return
        if served_name not in PACE:
            self._reply(
                404, _error(f"The model {served_name!r} does not exist; there are {', '.join(PACE)}.")
            )
            return
        text = answer(served_name, messages)
        time.sleep(_seconds(served_name, str(messages[-1].get("content", ""))))
        used = {
            "prompt_tokens": sum(_tokens(str(message.get("content", ""))) for message in messages),
            "completion_tokens": _tokens(text),
        }
        self._reply(
            200,
            {
                "id": f"chatcmpl-{time.time_ns()}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": served_name,
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                ],
                "usage": used | {"total_tokens": sum(used.values())},
            },
        )

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _unknown_path(self) -> None:
        self._reply(404, _error(f"Nothing is served at {self.path}; ask /v1/chat/completions."))

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
