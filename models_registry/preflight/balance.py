"""Whether there are enough examples, of every intent, language and kind. Pure; one pass, before anything is stored."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from models_registry.golden_files.row import UNTAGGED, Row
from models_registry.preflight.findings import (
    MOST_SUBJECTS,
    RowBehind,
    RowsBehind,
    Subject,
    Warning,
    examples,
    listed,
)
from models_registry.preflight.prompts import UNDETERMINED, language_of

LEAST_PER_INTENT = 20  # as the gate asks
LEAST_EXAMPLES = 50
LANGUAGE_SHARE = 0.05

REFUSAL_RULE = (
    "An example counts as a refusal or an edge case where a tag, or one of the metadata columns kind, type, category "
    "and case, says so (refusal, out of scope, off topic, edge case, corner case, adversarial, jailbreak, red team, "
    "prompt injection, unanswerable; rechazo, fuera de alcance, caso límite; a column also by safety or unsafe); "
    "where its reference declines (such as “I can't help with that”, “no puedo ayudarte con eso”); or where the user "
    "asks to ignore the instructions."
)
KIND_COLUMNS = ("kind", "type", "category", "case")

# Only words that are no customer's intent: "declined" is what happens to cards, "injection" is a medicine
_KIND = (
    r"refusals?|out of (?:scope|domain)|off topic|edge ?cases?|corner cases?|adversarial|jail ?breaks?"
    r"|red ?team(?:ing)?|prompt injections?|unanswerable|rechazos?|fuera de (?:alcance|[aá]mbito|tema)"
    r"|casos? (?:l[ií]mites?|extremos?)"
)
_TAG = re.compile(rf"\b(?:{_KIND})\b")
_COLUMN = re.compile(rf"\b(?:{_KIND}|safety|unsafe|edge)\b")
_REFERENCE = re.compile(
    r"\b(?:can(?:no|['’])t|can not|not able to|unable to|won['’]t|must decline to) "
    r"(?:help|assist|provide|give|share|answer|do that|discuss)"
    r"|\bno (?:te |le |os |les )?(?:puedo|podemos|me es posible) "
    r"(?:ayudar|proporcionar|dar|compartir|facilitar|responder|ofrecer|hacer eso)",
    re.IGNORECASE,
)
_OVERRIDE = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all )?(?:of )?(?:the |your |my |these )?(?:previous |prior |above |earlier )?"
    r"(?:instructions|rules|guidelines|prompt)"
    r"|\b(?:ignora|olvida|omite) (?:todas )?(?:las |tus |estas )?(?:anteriores |previas )?"
    r"(?:instrucciones|reglas|normas)",
    re.IGNORECASE,
)
_DECLINING = (
    "can't",
    "can’t",
    "cannot",
    "can not",
    "not able",
    "unable",
    "won't",
    "won’t",
    "decline",
    "puedo",
    "podemos",
    "posible",
)
_OVERRIDING = ("ignore ", "disregard ", "forget ", "ignora ", "olvida ", "omite ")
_SEPARATORS = re.compile(r"[\W_]+")


def is_refusal_or_edge_case(row: Row) -> bool:
    """Whether the row tries what a model should decline or may stumble over, by REFUSAL_RULE."""
    if any(_TAG.search(_SEPARATORS.sub(" ", tag.lower())) for tag in row.tags):
        return True
    for name in KIND_COLUMNS:
        value = row.metadata.get(name) if row.metadata else None
        if isinstance(value, str) and _COLUMN.search(_SEPARATORS.sub(" ", value[:200].lower())):
            return True
    if row.reference and _declines(row.reference):
        return True
    return any(message["role"] == "user" and _overrides(message["content"]) for message in row.messages)


# Most rows have none of the words, and looking for a word is twenty times as fast as for a pattern
def _declines(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _DECLINING) and bool(_REFERENCE.search(text))


def _overrides(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _OVERRIDING) and bool(_OVERRIDE.search(text))


class Balance:
    """Counts rows for its warnings as they pass, in any order."""

    def __init__(self, least_per_intent: int, least_examples: int) -> None:
        self._least_per_intent = least_per_intent
        self._least_examples = least_examples
        self._rows = 0
        self._untagged = RowsBehind()
        self._small: defaultdict[str, list[RowBehind]] = defaultdict(list)
        self._cells: Counter[tuple[str, str]] = Counter()
        self._has_refusal = False

    def add(self, row: Row) -> None:
        self._rows += 1
        intent = row.tags[0] if row.tags else UNTAGGED
        self._cells[intent, language_of(row)] += 1
        if not row.tags:
            self._untagged.add(row)
        elif len(self._small[intent]) < self._least_per_intent:
            self._small[intent].append(RowBehind(row.line, row.key))
        # whether there is one is all that is asked, so nothing more is read once there is
        self._has_refusal = self._has_refusal or is_refusal_or_edge_case(row)

    def warnings(self) -> Iterator[Warning]:
        """What is out of balance, in the order in which it matters."""
        if self._rows < self._least_examples:
            yield Warning(
                "few_examples",
                f"The set has {examples(self._rows)}; under {self._least_examples} no decision can rest on it.",
                f"Add {self._least_examples - self._rows:,} or more, best from real conversations.",
                self._rows,
            )
        if self._untagged.count:
            yield Warning(
                "untagged",
                f"{examples(self._untagged.count)} without an intent. "
                f"They are kept, and shown everywhere as “{UNTAGGED}”.",
                "Put what the user wanted into “tags”, the main intent first.",
                self._untagged.count,
                self._untagged.rows,
            )
        yield from self._small_intents()
        yield from self._missing_languages()
        if self._rows and not self._has_refusal:
            yield Warning(
                "no_refusals_or_edge_cases",
                "No example asks for something a model should decline or may stumble over.",
                "Add some that are out of scope, that try to talk the model out of its rules, or that are unclear; tag "
                "them “refusal” or “edge case”.",
                0,
            )

    def _small_intents(self) -> Iterator[Warning]:
        small = {intent: rows for intent, rows in self._small.items() if len(rows) < self._least_per_intent}
        if not small:
            return
        names = sorted(small, key=lambda intent: (len(small[intent]), intent))
        behind = RowsBehind()
        behind.extend(RowBehind(row.line, row.key, name) for name in names for row in small[name])
        verb = "1 intent has" if len(names) == 1 else f"{len(names):,} intents have"
        yield Warning(
            "small_intents",
            f"{verb} fewer than {self._least_per_intent} examples: {listed(names)}. "
            "The gate calls such an intent insufficient and does not judge it.",
            f"Bring each to {self._least_per_intent} or more, or merge intents that belong together.",
            behind.count,
            behind.rows,
            tuple(Subject(name, len(small[name])) for name in names[:MOST_SUBJECTS]),
        )

    def _missing_languages(self) -> Iterator[Warning]:
        by_language: Counter[str] = Counter()
        by_intent: Counter[str] = Counter()
        for (intent, language), rows in self._cells.items():
            if language != UNDETERMINED:
                by_language[language] += rows
                if intent != UNTAGGED:
                    by_intent[intent] += rows
        declared = sum(by_language.values())
        main = sorted(language for language, rows in by_language.items() if rows >= LANGUAGE_SHARE * declared)
        lacking = [
            Subject(f"{intent}: {language}", by_intent[intent])
            for intent in sorted(by_intent)
            for language in main
            if not self._cells[intent, language]
        ]
        if lacking:
            intents = sorted({subject.name.rpartition(":")[0] for subject in lacking})
            one = len(intents) == 1
            yield Warning(
                "missing_languages",
                f"{'1 intent lacks' if one else f'{len(intents):,} intents lack'} a language that others have: "
                f"{listed([subject.name for subject in lacking])}. A model may be good at "
                f"{'it' if one else 'them'} in one language alone, and nobody would see it.",
                f"Add examples in the language that is lacking ({', '.join(main)}).",
                sum(by_intent[intent] for intent in intents),
                subjects=tuple(lacking[:MOST_SUBJECTS]),
            )
