"""The pairs of an evaluation for the leak scan, and its stored report in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from models_registry.models import ModelVersion
from models_registry.preflight.language import other_language
from reviews.leaks import LEAST_PAIRS, Answer, Pair
from reviews.models import Comparison, Evaluation
from reviews.queries.progress import READY, WAITING, ready_comparisons

# how vendors' APIs say that an answer ended at a limit
CUT_SHORT = frozenset({"length", "max_tokens", "model_length"})
CHUNK = 500


def due_scans() -> QuerySet[Evaluation]:
    """Evaluations whose responses are all in, which were not scanned yet and which no worker is scanning."""
    of_it = Comparison.objects.filter(evaluation=OuterRef("pk"))
    return Evaluation.objects.filter(
        ~Exists(of_it.filter(WAITING)),
        Exists(of_it.filter(READY)),
        Q(leak_scan_until__isnull=True) | Q(leak_scan_until__lt=timezone.now()),
        leak_report__isnull=True,
        opened_at__isnull=True,
        imported_from="",
    )


def responses_stamp(evaluation: Evaluation) -> str:
    """Another one whenever a response of the evaluation came, or came anew, since."""
    seen = ready_comparisons(evaluation).aggregate(
        ready=Count("pk"), one=Max("candidate_response__done_at"), other=Max("baseline_response__done_at")
    )
    newest = max((time for time in (seen["one"], seen["other"]) if time), default=None)
    return f"{seen['ready']} {newest.isoformat() if newest else ''}"


def own_words(evaluation: Evaluation) -> list[str]:
    """What either model is called anywhere, also by its endpoint."""
    words: set[str] = set()
    for side in ("candidate", "baseline"):
        version: ModelVersion = getattr(evaluation, side)
        reported = f"{side}_response__reported_model"
        words |= {version.model.name, version.version, version.served_name}
        words.update(ready_comparisons(evaluation).order_by().values_list(reported, flat=True).distinct())
    return sorted(words - {""})


def leak_pairs(evaluation: Evaluation) -> Iterator[Pair]:
    """The pairs that have both responses, in the queue's order, read in chunks."""
    columns = [
        f"{side}_response__{field}"
        for side in ("candidate", "baseline")
        for field in ("text", "earlier_answers", "finish_reason")
    ]
    rows = (
        ready_comparisons(evaluation)
        .order_by("position")
        .values_list("pk", "example__lang", "example__messages", *columns)
    )
    for key, lang, messages, *answers in rows.iterator(chunk_size=CHUNK):
        conversation = "\n".join(message["content"] for message in messages)
        language = lang or _language(messages)
        yield Pair(key, conversation, _answer(language, *answers[:3]), _answer(language, *answers[3:]))


def _answer(language: str, text: str, earlier_answers: list[str], finish_reason: str) -> Answer:
    return Answer(
        "\n\n".join([*earlier_answers, text]),
        other_language=other_language(text, language) is not None,
        cut_short=finish_reason in CUT_SHORT,
    )


def _language(messages: list[dict[str, str]]) -> str:
    """Of the last message, where its example does not say and the text is clear; else empty."""
    asked = messages[-1]["content"]
    found = other_language(asked, "en")
    if found is None:
        found = "en" if other_language(asked, "es") == "en" else ""
    return found


# --- the report in words -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LeakFinding:
    """`behind`: what the filter of the comparisons calls it."""

    code: str
    level: str
    title: str
    note: str
    behind: str
    count: int


@dataclass(frozen=True)
class LeakReport:
    """`is_current`: the responses are those that were scanned. `guess`: how well the sides are told apart."""

    pairs: int
    scanned_at: datetime | None
    is_current: bool
    is_serious: bool
    guess: str
    guess_level: str
    guess_detail: str
    findings: list[LeakFinding]
    accepted_by: str
    accepted_at: datetime | None


HABITS = {
    "markdown": gettext_lazy("Markdown"),
    "lists": gettext_lazy("Lists"),
    "headings": gettext_lazy("Headings"),
    "bold": gettext_lazy("Bold text"),
    "tables_code": gettext_lazy("Tables or code"),
    "links": gettext_lazy("Links"),
    "emoji": gettext_lazy("Emoji"),
    "exclamations": gettext_lazy("Exclamation marks"),
    "dashes": gettext_lazy("Dashes"),
    "curly_quotes": gettext_lazy("Typographic quotes"),
    "greeting": gettext_lazy("A greeting"),
    "closing": gettext_lazy("A closing phrase"),
    "apology": gettext_lazy("An apology"),
}
TITLES = {
    "names_itself": gettext_lazy("Names one of the two models"),
    "describes_itself": gettext_lazy("Speaks of itself as a model"),
    "names_a_vendor": gettext_lazy("Names a well-known model or vendor"),
    "language": gettext_lazy("Another language than the prompt’s"),
    "cut_short": gettext_lazy("Cut short at the length limit"),
    "empty": gettext_lazy("Empty"),
    "white_space": gettext_lazy("Ends in white space"),
    "length": gettext_lazy("Longer"),
    **HABITS,
}
# as a cause, in "mostly by …"
CAUSES = {
    "length": gettext_lazy("length"),
    "sentences": gettext_lazy("the length of sentences"),
    "paragraphs": gettext_lazy("paragraphs"),
    "lists": gettext_lazy("lists"),
    "headings": gettext_lazy("headings"),
    "bold": gettext_lazy("bold text"),
    "tables_code": gettext_lazy("tables and code"),
    "links": gettext_lazy("links"),
    "emoji": gettext_lazy("emoji"),
    "exclamations": gettext_lazy("exclamation marks"),
    "questions": gettext_lazy("questions"),
    "dashes": gettext_lazy("dashes"),
    "curly_quotes": gettext_lazy("typographic quotes"),
    "greeting": gettext_lazy("greetings"),
    "closing": gettext_lazy("closing phrases"),
    "apology": gettext_lazy("apologies"),
    "language": gettext_lazy("language"),
    "cut_short": gettext_lazy("answers that were cut short"),
    "naming": gettext_lazy("names of models"),
}
# a cause that alone does so much of what all of them do together
MOSTLY = 0.6
MOST_CAUSES = 3


def leak_report(evaluation: Evaluation) -> LeakReport | None:
    """The stored report in the reader's language; None where nothing was scanned yet."""
    stored: dict[str, Any] | None = evaluation.leak_report
    if not stored:
        return None
    accepted = stored.get("accepted") or {}
    return LeakReport(
        pairs=stored["pairs"],
        scanned_at=parse_datetime(stored["scanned_at"]),
        is_current=stored["stamp"] == responses_stamp(evaluation),
        is_serious=stored["is_serious"],
        guess=_guess(stored["guess"]),
        guess_level=stored["guess_level"] or "",
        guess_detail=_guess_detail(stored["guess"]),
        findings=[_finding(found, stored["pairs"]) for found in stored["findings"]],
        accepted_by=accepted.get("by", ""),
        accepted_at=parse_datetime(accepted["at"]) if accepted else None,
    )


def _guess(guess: dict[str, Any] | None) -> str:
    if guess is None:
        return ngettext(
            "Too few pairs to say whether the sides can be told apart; it takes %(least)d.",
            "Too few pairs to say whether the sides can be told apart; it takes %(least)d.",
            LEAST_PAIRS,
        ) % {"least": LEAST_PAIRS}
    accuracy = guess["right"] / guess["pairs"]
    if guess["low"] <= 0.5:
        return _("By what can be counted in them, the sides can’t be told apart.")
    causes = [str(CAUSES[code]) for code, _alone in guess["by"] if code in CAUSES][:MOST_CAUSES]
    said = {"right": round(100 * accuracy)}
    if not causes:
        return _("A reader could guess the side in %(right)d of 100 pairs, by many small differences.") % said
    if (guess["by"][0][1] - 0.5) >= MOSTLY * (accuracy - 0.5):
        said["cause"] = causes[0]
        return _("A reader could guess the side in %(right)d of 100 pairs, mostly by %(cause)s.") % said
    said["causes"] = ", ".join(causes)
    return _("A reader could guess the side in %(right)d of 100 pairs, by %(causes)s and more.") % said


def _guess_detail(guess: dict[str, Any] | None) -> str:
    if guess is None:
        return ""
    return _(
        "A simple classifier was right in %(right)d of 100 pairs that it had not seen "
        "(95 %% interval %(low)d–%(high)d); 50 is chance."
    ) % {
        "right": round(100 * guess["right"] / guess["pairs"]),
        "low": round(100 * guess["low"]),
        "high": round(100 * guess["high"]),
    }


def _finding(found: dict[str, Any], pairs: int) -> LeakFinding:
    code = found["code"]
    counts: dict[str, int | str] = {"candidate": found["candidate"], "baseline": found["baseline"]}
    if code == "length":
        note = _(
            "The candidate’s response is the longer one in %(candidate)d pairs, the baseline’s in %(baseline)d."
        )
    elif code in HABITS:
        # the space that doesn't break is no part of what is translated
        counts = {side: f"{100 * found[side] / pairs:.0f}\N{NO-BREAK SPACE}%" for side in counts}
        note = _("In %(candidate)s of the candidate’s responses and %(baseline)s of the baseline’s.")
    else:
        note = _("Responses of the candidate: %(candidate)d, of the baseline: %(baseline)d.")
    note = note % counts
    if found["words"]:
        note += " " + ", ".join(f"“{word}” ({count})" for word, count in found["words"])
    return LeakFinding(
        code=code,
        level=found["level"],
        title=str(TITLES.get(code, code)),
        note=note,
        behind=code,
        count=found["count"],
    )


def leak_choices(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What comparisons can be found by, for those who may know the truth."""
    stored = evaluation.leak_report or {}
    codes = [found["code"] for found in stored.get("findings", ())]
    return [(code, str(TITLES.get(code, code))) for code in codes]


def with_leak(found: QuerySet[Comparison], evaluation: Evaluation, code: str) -> QuerySet[Comparison]:
    """The comparisons that the report names for a finding: at most the first 200."""
    stored = evaluation.leak_report or {}
    keys = {finding["code"]: finding["pairs"] for finding in stored.get("findings", ())}
    return found.filter(pk__in=keys[code]) if code in keys else found
