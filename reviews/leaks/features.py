"""What can be counted in a text and might be a model's habit. Pure."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

# in the order of the columns. The first sixteen are counted in the text; the rest are told by who knows more of it.
FEATURES = (
    "length",
    "sentences",
    "paragraphs",
    "lists",
    "headings",
    "bold",
    "tables_code",
    "links",
    "emoji",
    "exclamations",
    "questions",
    "dashes",
    "curly_quotes",
    "greeting",
    "closing",
    "apology",
    "language",
    "cut_short",
    "naming",
)

_LIST = re.compile(r"^[ \t]{0,8}(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")
_TABLE_CODE = re.compile(r"^[ \t]{0,3}(?:```|~~~)|^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*\|", re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]\n]+\]\([^)\s]+\)|https?://\S+")
_EMOJI = re.compile("[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55]")
_SENTENCE_END = re.compile(r"[.!?…。！？]+(?=\s|$)")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_GREETING = re.compile(
    r"\W*(?:hi|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day)|welcome|thank(?:s| you) for "
    r"(?:reaching|contacting|getting|your|writing|asking|letting|sharing)|hola|estimad[oa]s?|querid[oa]s?|saludos|"
    r"buen(?:os|as)? (?:días|dia|día|tardes|noches)|bienvenid[oa]s?|"
    r"gracias por (?:contact\w+|escrib\w+|comunic\w+|tu|su|ponerte))\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\b(?:let (?:me|us) know|feel free to|do(?:n['’]t| not) hesitate|anything else|(?:glad|happy) to (?:help|assist)|"
    r"hope (?:this|that|it) helps|(?:best|kind|warm) (?:regards|wishes)|sincerely|"
    r"have a (?:great|nice|good|wonderful|lovely) day|here to help|reach out|"
    r"no dud(?:e|es|en)|(?:háganos|hazme|hágame|házmelo|avísame|avíseme|avísanos)|algo más|saludos|atentamente|"
    r"cordialmente|que teng(?:a|as) (?:un )?(?:buen|excelente|gran|lindo)|espero que (?:esto|te|le)|"
    r"a (?:tu|su) disposición|aquí para ayudar)",
    re.IGNORECASE,
)
_CLOSING_WITHIN = 200
_APOLOGY = re.compile(
    r"\b(?:sorry|apologi[sz]e|apolog(?:y|ies)|unfortunately|regret|lo siento|lament(?:o|amos|able(?:mente)?)|"
    r"disculp\w+|perdón|perdona|desafortunadamente)\b",
    re.IGNORECASE,
)


def features(
    text: str, *, other_language: bool = False, cut_short: bool = False, names_a_model: bool = False
) -> NDArray[np.float64]:
    """One row of FEATURES. Lengths and counts as log(1 + n), the rest 0 or 1; zero means that it has none of it."""
    stripped = text.strip()
    sentences = len(_SENTENCE_END.findall(stripped)) or bool(stripped)
    counts = [
        len(stripped),
        len(stripped) / sentences if sentences else 0.0,
        len(_PARAGRAPH.findall(stripped)),
        len(_LIST.findall(text)),
        len(_HEADING.findall(text)),
        len(_BOLD.findall(text)),
        len(_TABLE_CODE.findall(text)) + len(_INLINE_CODE.findall(text)),
        len(_LINK.findall(text)),
        len(_EMOJI.findall(text)),
        text.count("!"),
        text.count("?"),
        text.count("—") + text.count(" – "),
        sum(map(text.count, "“”‘’«»")),
    ]
    signs = [
        _GREETING.match(stripped) is not None,
        _CLOSING.search(stripped[-_CLOSING_WITHIN:]) is not None,
        _APOLOGY.search(stripped) is not None,
        other_language,
        cut_short,
        names_a_model,
    ]
    return np.concatenate([np.log1p(counts), np.asarray(signs, dtype=np.float64)])
