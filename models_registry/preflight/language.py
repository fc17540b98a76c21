"""Whether a text is in the language that its row declares. Pure."""

from __future__ import annotations

import re
import threading
from typing import Any

MOST_CHARACTERS = 1000  # of a text that are looked at
FIRST_CHARACTERS = 200
LEAST_LETTERS = 40
LEAST_WORDS = 6
# between the two languages that matter most here, shorter texts are told apart
LEAST_LETTERS_EN_ES = 15
LEAST_WORDS_EN_ES = 3
CLEAR = 0.85
CLEAR_EN_ES = 0.6
UNLIKELY = 0.05

# other codes for the same language, and languages too close for a sentence or two to tell them apart
_SAME = {"nb": "no", "nn": "no", "da": "no", "fil": "tl", "iw": "he", "in": "id", "ms": "id", "cmn": "zh"} | {
    "yue": "zh", "wuu": "zh", "pcm": "en", "ext": "es", "an": "es", "gl": "es", "bs": "hr", "sr": "hr", "arz": "ar",
    "ary": "ar", "uzs": "uz", "gug": "gn", "prs": "fa", "sdh": "ku", "sh": "hr", "vec": "it", "lij": "it",
}  # fmt: skip
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+|<[^<>\n]{1,200}>", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"\n]{12,}\"|“[^”\n]{12,}”|«[^»\n]{12,}»")
_LETTERS = re.compile(r"[^\W\d_]+")

_identifier: Any = None
_loading = threading.Lock()


def other_language(text: str, declared: str) -> str | None:
    """The language a text is in, where that is clear and another one than declared; None otherwise.

    `declared`: a language code (its region is ignored); without one, with "und", or with one that py3langid does
    not know, the answer is None. So it is for a text too short (under 40 letters or 6 words; 15 and 3 where English
    stands against Spanish), where the model gives less than 85 % to its choice and its close relatives (60 % where
    English stands against Spanish) or more than 5 % to the declared one, or where the two are relatives. Code,
    addresses and quotations are left out; of the rest the first 1,000 characters count, or 200 where these are in
    the declared language. The first call takes a second and about 60 MB, and downloads nothing; threads may share
    it. Raises nothing on any text. Source: py3langid (Lui & Baldwin 2012, langid.py).
    """
    expected = declared.partition("-")[0].lower()
    if expected in ("", "und", "zxx", "mul", "mis"):
        return None
    prose = _QUOTED.sub(" ", _CODE.sub(" ", text[: 4 * MOST_CHARACTERS]))[:MOST_CHARACTERS]
    words = _LETTERS.findall(prose)
    letters = sum(map(len, words))
    # scripts without spaces say more with a letter
    dense = letters > 15 * len(words) or (not prose.isascii() and _is_dense(words))
    if letters < LEAST_LETTERS_EN_ES and not dense:
        return None
    expected = _SAME.get(expected, expected)
    prose = " ".join(words).lower()
    # the beginning tells for most texts, at a fifth of the time; what it does not settle is read on
    ranked, shares = _shares(prose[:FIRST_CHARACTERS])
    if shares.get(expected, 0) < CLEAR and len(prose) > FIRST_CHARACTERS:
        ranked, shares = _shares(prose)
    likeliest, probability = max(shares.items(), key=lambda item: item[1])
    if expected not in shares or likeliest in (expected, "zxx"):
        return None
    if {likeliest, expected} == {"en", "es"}:
        enough, clear = len(words) >= LEAST_WORDS_EN_ES, CLEAR_EN_ES
    else:
        enough, clear = (letters >= LEAST_LETTERS and len(words) >= LEAST_WORDS) or dense, CLEAR
    if not enough or probability < clear or shares[expected] > UNLIKELY:
        return None
    return next(language for language in ranked if _SAME.get(language, language) == likeliest)


def _shares(prose: str) -> tuple[list[str], dict[str, float]]:
    """The languages by likelihood, and the probability of each with its close relatives."""
    shares: dict[str, float] = {}
    ranked = _model().rank(prose)
    for language, share in ranked:
        known = _SAME.get(language, language)
        shares[known] = shares.get(known, 0.0) + share
    return [language for language, _ in ranked], shares


def _is_dense(words: list[str]) -> bool:
    """Chinese, Japanese, Korean, Thai and the like: ten letters are a sentence."""
    letters = "".join(words)
    dense = sum("\u0e00" <= letter <= "\u0eff" or "\u3040" <= letter <= "\ud7af" for letter in letters)
    return dense >= 10


def _model() -> Any:
    global _identifier
    if _identifier is None:
        with _loading:
            if _identifier is None:
                from py3langid.langid import MODEL_FILE, LanguageIdentifier

                # one of our own: the module's shared one can be narrowed to a few languages by anyone
                _identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return _identifier
