"""Responses that name a model or its vendor, or describe themselves as one. Pure.

The list is short on purpose. "Google", "Meta" and "Amazon" are words of any shop's answers, and "llama" is a Spanish
verb: such a word counts only where it names a model beyond doubt ("Llama 3"), or in a description of oneself
("trained by Google").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LEAST_CHARACTERS = 3
LEAST_DIGITS = 5

type Kind = Literal["own", "vendor", "described"]

_VENDORS = r"""
    OpenAI | Open\ AI | Chat\s?GPT | GPT[-\s]?(?:[1-9](?:\.\d)?o?|neo\w*|j) | gpt-oss | DALL[-·]?E | Codex
  | Anthropic | (?:Claude|Gemini|Gemma)[-\s]\d[\w.]* | Claude | Gemini | Gemma | DeepMind | Google\ Bard | PaLM[-\s]?2
  | Meta\ AI | Llama[-\s]?\d[\d.]* | LLaMA | Code\s?Llama
  | Mistral[-\s](?:AI|Large|Medium|Small|Nemo|\d+B) | Mixtral | Ministral | Codestral | Le\ Chat
  | Qwen[\d.]* | Tongyi | Qianwen | DeepSeek | Moonshot\ AI | Kimi\ K\d | ChatGLM\d? | GLM-\d | Baichuan | ERNIE\ Bot
  | Doubao | MiniMax-\w+ | Yi-\d+B | InternLM | Hunyuan
  | Grok | xAI | Microsoft\ Copilot | GitHub\ Copilot | Bing\ Chat | Phi-[1-9](?:\.\d)?
  | Cohere | Command[-\s]R\+? | Aya\ Expanse | Aleph\ Alpha | Amazon\ (?:Nova|Titan|Bedrock) | Nemotron
  | IBM\ Granite | watsonx | OLMo | Vicuna | StableLM | Falcon[-\s]?\d+B | Hugging\ ?Face | Perplexity\ AI
  | Inflection\ AI | AI21 | Jurassic-\d | Reka\ (?:Core|Flash) | EuroLLM | Salamandra-\d+B | BLOOMZ?
"""
_MAKERS = (
    r"(?:OpenAI|Anthropic|Google|Microsoft|Meta|Mistral(?:\ AI)?|Alibaba(?:\ Cloud)?|DeepSeek|xAI|Cohere|Amazon|Apple|"
    r"IBM|NVIDIA|Baidu|Tencent|Moonshot\ AI|Zhipu\ AI|Hugging\ ?Face)"
)
_MODEL = (
    r"(?:AI|artificial\ intelligence|(?:large\ )?language\ model|LLM|chat\s?bot)\b"
    + r"(?:\ (?:language\ )?model|\ assistant)?"
)
_MODELO = (
    r"(?:un\ |una\ )?(?:gran\ )?"
    r"(?:modelo\ de\ (?:lenguaje|IA)|inteligencia\ artificial|IA|asistente\ (?:virtual\ )?de\ IA|chat\s?bot)\b"
)
_DESCRIBED = rf"""
    as\ (?:an?|your)\ (?:\w+[-\s]){{0,2}}?{_MODEL}
  | I(?:\ am|['’]m)\ (?:just\ |only\ |actually\ )?(?:an?\ )?(?:\w+[-\s]){{0,2}}?{_MODEL}
  | (?:trained|developed|created|built|made|designed)\ by\ {_MAKERS}
  | language\ model\ (?:trained|developed|created)\ by | I\ was\ trained\ (?:on|by|to|until)
  | my\ (?:training\ data|knowledge\ cut-?off|training\ cut-?off|last\ (?:knowledge|training)\ update)
  | as\ of\ my\ last\ update
  | como\ {_MODELO} | soy\ (?:solo\ |sólo\ |solamente\ )?{_MODELO}
  | (?:entrenad|desarrollad|cread|diseñad)[oa]\ por\ {_MAKERS}
  | modelo\ de\ lenguaje\ (?:entrenado|desarrollado|creado)\ por | (?:he\ sido|fui)\ entrenad[oa]
  | mis\ datos\ de\ entrenamiento | mi\ fecha\ (?:de\ corte|límite)\ de\ (?:conocimiento|entrenamiento)s?
  | (?:hasta|en|desde)\ mi\ última\ actualización
"""


def _as_words(pattern: str) -> re.Pattern[str]:
    # a line may break anywhere between two words
    pattern = pattern.replace(r"\ ", r"\s")
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE | re.VERBOSE)


VENDORS = _as_words(_VENDORS)
DESCRIBED = _as_words(_DESCRIBED)
# written otherwise these are other words: views cohere, plants bloom, and a llama is an animal
_ONLY_AS_WRITTEN = {
    word.casefold(): word
    for word in ("LLaMA", "BLOOM", "BLOOMZ", "Codex", "Grok", "Cohere", "Gemini", "Gemma", "Claude")
}
_SEPARATOR = r"[-_\s./:]"


@dataclass(frozen=True, slots=True)
class Naming:
    """One place in a text: `word` as it is written there."""

    kind: Kind
    word: str


class Vocabulary:
    """The words that give the two models of an evaluation away, looked for in many texts.

    `own`: names, versions and served names of both. One of fewer than three characters gives nothing away
    and is left out, unless it is a letter and a digit as in "v2"; so is a number of fewer than five digits, such as a
    year.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        patterns = [pattern for word in own if (pattern := _own_pattern(word))]
        # the longest first, so that "aurora-support-2" is not found as "aurora-support"
        patterns.sort(key=len, reverse=True)
        # not as a part of a longer name: "v2" is not in "v2.1", nor "aurora" in "aurora-mail"
        whole = rf"(?<![\w@.+-])(?:{'|'.join(patterns)})(?![\w+]|[-.]\w)"
        self._own = re.compile(whole, re.IGNORECASE) if patterns else None

    def find(self, text: str, said_before: str = "") -> list[Naming]:
        """Each different word once, in the order of the text, kind by kind.

        Names that the reviewer reads in the conversation (`said_before`) as well tell nothing: a customer who asks
        about ChatGPT is answered about ChatGPT.
        """
        asked = said_before.casefold()
        found: dict[tuple[Kind, str], Naming] = {}
        for kind, pattern in (("own", self._own), ("described", DESCRIBED), ("vendor", VENDORS)):
            for match in pattern.finditer(text) if pattern else ():
                word = " ".join(match[0].split())
                as_written = _ONLY_AS_WRITTEN.get(word.casefold())
                if (as_written and word != as_written) or (kind != "described" and word.casefold() in asked):
                    continue
                key: tuple[Kind, str] = (kind, word.casefold())  # type: ignore[assignment]
                own_already = kind == "vendor" and ("own", word.casefold()) in found
                if not own_already:
                    found.setdefault(key, Naming(key[0], word))
        return list(found.values())


def _own_pattern(word: str) -> str:
    """org/Aurora-FT_2 also as "aurora ft 2", without the organisation before it."""
    tail = word.rpartition("/")[2].strip()
    parts = [part for part in re.split(rf"{_SEPARATOR}+", tail) if part]
    plain = "".join(parts)
    has_digit = any(map(str.isdecimal, plain))
    least = LEAST_DIGITS if plain.isdecimal() else LEAST_CHARACTERS - has_digit
    if len(plain) < least:
        return ""
    return rf"{_SEPARATOR}?".join(re.escape(part) for part in parts)
