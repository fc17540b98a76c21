"""How a language is written: BCP 47, such as en, es or pt-BR. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*\Z")
# what people write in a spreadsheet, in the languages this is made for
LANGUAGE_NAMES = {
    **dict.fromkeys(("english", "inglés", "ingles"), "en"),
    **dict.fromkeys(("spanish", "español", "espanol", "castellano"), "es"),
    **dict.fromkeys(("french", "francés", "frances", "français"), "fr"),
    **dict.fromkeys(("german", "alemán", "aleman", "deutsch"), "de"),
    **dict.fromkeys(("portuguese", "portugués", "portugues", "português"), "pt"),
    **dict.fromkeys(("italian", "italiano"), "it"),
    **dict.fromkeys(("catalan", "catalán", "català"), "ca"),
}


# a file names few languages, many times
@lru_cache(maxsize=256)
def spelled(lang: str) -> str | None:
    """The language in the spelling that BCP 47 recommends, None where it is none; "" stays."""
    if not lang:
        return ""
    if not LANGUAGE.match(lang):
        return None
    first, *rest = lang.split("-")
    # one spelling a language: "EN" and "en" must not become two
    return "-".join(
        [first.lower(), *({2: part.upper(), 4: part.title()}.get(len(part), part.lower()) for part in rest)]
    )


def code_of(text: str) -> str:
    """What was probably meant by a text that is no code; "" where nobody knows."""
    if code := LANGUAGE_NAMES.get(text.lower()):
        return code
    hyphened = text.replace("_", "-")
    return hyphened if LANGUAGE.match(hyphened) else ""
