"""One answer out of what an endpoint sent: Chat Completions or Responses, whole or in pieces. Pure; trusts nothing.

The answer is the text a customer would read. Reasoning that has a field of its own is no part of it; what a server
leaves in the text, such as <think>, is, because a customer of that server would read it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models_registry.generation.faults import FILTER_CODES as FILTERED
from models_registry.generation.faults import (
    PermanentFault,
    TransientFault,
    error_codes,
    filtered,
    said_by,
    status_fault,
    unreadable,
)
from models_registry.models import Fault

# No model takes or gives more in one turn, and the sum over a conversation fits its column.
MOST_TOKENS = 10_000_000
# A stream that goes on for longer than this is no answer.
MOST_CHARACTERS = 20_000_000
# parts of a content that are no text for the customer
THOUGHTS = {"thinking", "reasoning", "reasoning_content"}
INCOMPLETE = {"max_output_tokens": "length", "max_tokens": "length", "content_filter": "content_filter"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    text: str
    input_tokens: int | None
    output_tokens: int | None
    finish_reason: str
    reported_model: str
    first_token_at: float | None = None


def chat_answer(data: object, key: str) -> Answer:
    """Of a chat completion. Raises the fault where it is none, or one that says only what went wrong."""
    choices = _get(data, "choices")
    if not isinstance(choices, list) or not choices or not isinstance(_get(choices[0], "message"), Mapping):
        _raise_error(_get(data, "error"), key)
        raise unreadable("The endpoint's answer holds no choices.")
    message = choices[0]["message"]
    _raise_error(_get(choices[0], "error"), key)
    return _answer(
        text=_text(message.get("content")) or _word(message, "refusal"),
        finish_reason=_word(choices[0], "finish_reason"),
        usage=_get(data, "usage"),
        names=("prompt_tokens", "completion_tokens"),
        model=_word(data, "model"),
    )


def chat_stream(events: Iterable[object], clock: Callable[[], float], key: str) -> Answer:
    """Of the pieces of a chat completion, up to the last one. One that breaks off is a fault, and never half stored."""
    pieces = _Pieces(clock)
    finish_reason, model, usage = "", "", None
    for event in events:
        _raise_error(_get(event, "error"), key)
        model = model or _word(event, "model")
        usage = _get(event, "usage") or _get(_get(event, "x_groq"), "usage") or usage
        choices = _get(event, "choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if choice is None or _get(choice, "index") not in (0, None):
            continue
        delta = _get(choice, "delta")
        pieces.add(_text(_get(delta, "content")) or _word(delta, "refusal"))
        finish_reason = _word(choice, "finish_reason") or finish_reason
    if not finish_reason:
        raise _broken_off()
    return _answer(
        text=pieces.text,
        finish_reason=finish_reason,
        usage=usage,
        names=("prompt_tokens", "completion_tokens"),
        model=model,
        first_token_at=pieces.first_at,
    )


def responses_answer(
    data: object, key: str, streamed: str = "", first_token_at: float | None = None
) -> Answer:
    """Of a response of the Responses API; `streamed` is its text where it came in pieces before."""
    _raise_error(_get(data, "error"), key)
    status, output = _word(data, "status"), _get(data, "output")
    if status in {"in_progress", "queued", "failed", "cancelled"}:
        raise TransientFault(f"The endpoint gave the answer up: it is {status}.", kind=Fault.Kind.SERVER)
    texts: list[str] = []
    for item in output if isinstance(output, list) else []:
        if _get(item, "type") == "message":
            content = _get(item, "content")
            for part in content if isinstance(content, list) else [{"text": content}]:
                refusal = _word(part, "refusal")
                texts.append(refusal or _text([part]))
    text = "".join(texts) or _word(data, "output_text") or streamed
    if not text and not isinstance(output, list):
        raise unreadable("The endpoint's answer holds no output.")
    why = _word(_get(data, "incomplete_details"), "reason")
    return _answer(
        text=text,
        finish_reason=INCOMPLETE.get(why, why or "incomplete") if status == "incomplete" else "stop",
        usage=_get(data, "usage"),
        names=("input_tokens", "output_tokens"),
        model=_word(data, "model"),
        first_token_at=first_token_at,
    )


def responses_stream(events: Iterable[object], clock: Callable[[], float], key: str) -> Answer:
    """Of the events of the Responses API; the last one holds the whole response once more."""
    pieces = _Pieces(clock)
    for event in events:
        kind = _word(event, "type")
        if kind in {"response.output_text.delta", "response.refusal.delta"}:
            pieces.add(_word(event, "delta"))
        elif kind in {"response.completed", "response.incomplete", "response.failed"}:
            return responses_answer(_get(event, "response"), key, pieces.text, pieces.first_at)
        elif kind == "error":
            _raise_error(_get(event, "error") or event, key)
    raise _broken_off()


class _Pieces:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._texts: list[str] = []
        self._length = 0
        self.first_at: float | None = None

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def add(self, text: str) -> None:
        if not text:
            return
        if self.first_at is None:
            self.first_at = self._clock()
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            raise unreadable(f"The endpoint's answer goes on after {MOST_CHARACTERS:,} characters.")
        self._texts.append(text)


def _answer(
    *,
    text: str,
    finish_reason: str,
    usage: object,
    names: tuple[str, str],
    model: str,
    first_token_at: float | None = None,
) -> Answer:
    if not text and finish_reason == "content_filter":
        raise filtered()
    if not text and finish_reason == "error":
        raise TransientFault("The endpoint broke its answer off by an error.", kind=Fault.Kind.SERVER)
    return Answer(
        text=text,
        input_tokens=_count(usage, names[0]),
        output_tokens=_count(usage, names[1]),
        finish_reason=finish_reason,
        reported_model=model,
        first_token_at=first_token_at,
    )


def error_fault(error: object, key: str) -> TransientFault | PermanentFault:
    """The fault of an error that came where an answer was due, under a status that said all was well."""
    code = _get(error, "code")
    status = int(code) if isinstance(code, int | str) and str(code).isdecimal() and len(str(code)) == 3 else 0
    if status >= 400:
        return status_fault(status, {}, error, str(error), key)
    if error_codes(error) & FILTERED:
        return filtered(said_by(error, "", key))
    said = f"The endpoint answered with an error: {said_by(error, str(error), key)}"
    if any("rate_limit" in found for found in error_codes(error)):
        return TransientFault(said, kind=Fault.Kind.THROTTLED, pauses_endpoint=True)
    return TransientFault(said, kind=Fault.Kind.SERVER)


def _raise_error(error: object, key: str) -> None:
    if error:
        raise error_fault(error, key)


def _broken_off() -> TransientFault:
    return TransientFault("The endpoint's answer broke off before its end.", kind=Fault.Kind.CONNECTION)


def _text(content: object) -> str:
    """The content of a message: text, none, or a list of parts that are text."""
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    texts: list[str] = []
    for part in parts:
        if _get(part, "type") in THOUGHTS:
            continue
        text: Any = _get(part, "text")
        if not isinstance(text, str):
            raise unreadable("The endpoint's answer can't be read: its content is not text.")
        texts.append(text)
    return "".join(texts)


def _count(usage: object, name: str) -> int | None:
    """A number of tokens. What can't be one is as good as none: the answer is paid for, and need not be lost."""
    count = _get(usage, name)
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else None


def _word(part: object, name: str) -> str:
    word = _get(part, name)
    return word if isinstance(word, str) else ""


def _get(part: object, name: str) -> Any:
    return part.get(name) if isinstance(part, Mapping) else None
