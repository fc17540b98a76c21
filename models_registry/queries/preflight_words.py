"""What a preflight warning says, in the language of the page.

The report is pure and stored in English, and shown so. In another language what it says is put together again here,
from its code and its figures; a test holds these sentences to be the report's, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from evalsite.figures import figure, separated
from models_registry.models.golden_set import UNTAGGED, intent_shown
from models_registry.preflight import Report, Warning
from models_registry.preflight.findings import MOST_SUBJECTS

KINDS: dict[str, Promise] = {
    "e-mail": gettext_lazy("e-mail"),
    "phone": gettext_lazy("phone"),
    "payment card": gettext_lazy("payment card"),
    "IBAN": gettext_lazy("IBAN"),
    "DNI/NIE": gettext_lazy("DNI/NIE"),
    "IP address": gettext_lazy("IP address"),
}
DEFINITIONS: dict[str, Promise] = {
    "evenness": gettext_lazy(
        "Normalised Shannon entropy: −Σ p·ln p over the shares p of the intents, divided by the logarithm of their "
        "number. 1: all intents have equally many examples; near 0: almost all examples have one intent. An example "
        "counts for its first tag; untagged examples are left out."
    ),
    "dissimilarity": gettext_lazy(
        "Mean over pairs of prompts of 1 − Jaccard index of their sets of two neighbouring words, without regard to "
        "case and punctuation. 1: no two prompts share a phrase; 0: all are the same. System messages are left out, "
        "and of a prompt the first 1,000 words count."
    ),
    "no_refusals_or_edge_cases": gettext_lazy(
        "An example counts as a refusal or an edge case where a tag, or one of the metadata columns kind, type, "
        "category and case, says so (refusal, out of scope, off topic, edge case, corner case, adversarial, "
        "jailbreak, red team, prompt injection, unanswerable; rechazo, fuera de alcance, caso límite; a column also "
        "by safety or unsafe); where its reference declines (such as “I can't help with that”, “no puedo ayudarte "
        "con eso”); or where the user asks to ignore the instructions."
    ),
}
Said = tuple[str, str]


def said(warning: Warning, report: Report) -> Said:
    """What it is and what to do; as the report wrote it in English, and where it holds only some of what it counts."""
    say = SENTENCES.get(warning.code)
    if say is None or get_language() == "en" or len(warning.subjects) == MOST_SUBJECTS:
        return warning.message, warning.fix
    return say(warning, report)


def note_said(note: str) -> str:
    """The note beside a row: kinds of personal data, tokens, languages, or which example it is like."""
    for pattern, say in NOTES:
        if found := pattern.fullmatch(note):
            return say(found)
    return note


def kind_said(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def _few_examples(warning: Warning, report: Report) -> Said:
    least = report.options.least_examples
    message = ngettext(
        "The set has %(count)s example; under %(least)s no decision can rest on it.",
        "The set has %(count)s examples; under %(least)s no decision can rest on it.",
        warning.count,
    )
    fix = _("Add %(missing)s or more, best from real conversations.")
    return (
        message % {"count": figure(warning.count), "least": least},
        fix % {"missing": figure(least - warning.count)},
    )


def _untagged(warning: Warning, report: Report) -> Said:
    message = ngettext(
        "%(count)s example without an intent. They are kept, and shown everywhere as “%(untagged)s”.",
        "%(count)s examples without an intent. They are kept, and shown everywhere as “%(untagged)s”.",
        warning.count,
    ) % {"count": figure(warning.count), "untagged": intent_shown(UNTAGGED)}
    return message, _("Put what the user wanted into “tags”, the main intent first.")


def _small_intents(warning: Warning, report: Report) -> Said:
    names, least = [subject.name for subject in warning.subjects], report.options.least_per_intent
    message = ngettext(
        "%(intents)s intent has fewer than %(least)s examples: %(named)s. The gate calls such an intent insufficient "
        "and does not judge it.",
        "%(intents)s intents have fewer than %(least)s examples: %(named)s. The gate calls such an intent "
        "insufficient and does not judge it.",
        len(names),
    ) % {"intents": figure(len(names)), "least": least, "named": _listed(names)}
    fix = _("Bring each to %(least)s or more, or merge intents that belong together.") % {"least": least}
    return message, fix


def _missing_languages(warning: Warning, report: Report) -> Said:
    names = [subject.name for subject in warning.subjects]
    intents = {name.rpartition(":")[0] for name in names}
    message = ngettext(
        "%(intents)s intent lacks a language that others have: %(named)s. A model may be good at it in one language "
        "alone, and nobody would see it.",
        "%(intents)s intents lack a language that others have: %(named)s. A model may be good at them in one "
        "language alone, and nobody would see it.",
        len(intents),
    ) % {"intents": figure(len(intents)), "named": _listed(names)}
    main = warning.fix.rpartition("(")[2].rpartition(")")[0]  # codes of languages
    return message, _("Add examples in the language that is lacking (%(languages)s).") % {"languages": main}


def _no_refusals(warning: Warning, report: Report) -> Said:
    return (
        _("No example asks for something a model should decline or may stumble over."),
        _(
            "Add some that are out of scope, that try to talk the model out of its rules, or that are unclear; tag "
            "them “refusal” or “edge case”."
        ),
    )


def _personal_data(warning: Warning, report: Report) -> Said:
    message = ngettext(
        "%(count)s example has what looks like personal data: %(kinds)s. Reviewers and model vendors would read it.",
        "%(count)s examples have what looks like personal data: %(kinds)s. Reviewers and model vendors would read "
        "it.",
        warning.count,
    ) % {
        "count": figure(warning.count),
        "kinds": ", ".join(kind_said(subject.name) for subject in warning.subjects),
    }
    return message, _(
        "Have it replaced by a placeholder when the set is stored, or put made-up data into the file."
    )


def _over_budget(warning: Warning, report: Report) -> Said:
    options = report.options
    message = ngettext(
        "%(count)s example has more than %(budget)s tokens, what a context window of %(window)s leaves for the "
        "prompt when the answer takes %(answer)s. A model would refuse such a prompt, or answer without having read "
        "all of it.",
        "%(count)s examples have more than %(budget)s tokens, what a context window of %(window)s leaves for the "
        "prompt when the answer takes %(answer)s. A model would refuse such a prompt, or answer without having read "
        "all of it.",
        warning.count,
    ) % {
        "count": figure(warning.count),
        "budget": figure(options.budget),
        "window": figure(options.context_window),
        "answer": figure(options.answer_tokens),
    }
    return message, _("Shorten the conversation, or choose the context window of the models you compare.")


def _other_language(warning: Warning, report: Report) -> Said:
    message = ngettext(
        "%(count)s example reads as another language than it declares. Results by language would be wrong by it.",
        "%(count)s examples read as another language than they declare. Results by language would be wrong by them.",
        warning.count,
    ) % {"count": figure(warning.count)}
    return message, _("Correct “lang”, or look whether the text belongs to another example.")


def _near_duplicates(warning: Warning, report: Report) -> Said:
    groups = len(warning.subjects)
    spare = warning.count - groups
    # a group has two or more
    message = ngettext(
        "%(count)s examples have a prompt that is nearly the same as another's, in %(groups)s group. The same "
        "question asked twice counts twice, and the figures look surer than they are.",
        "%(count)s examples have a prompt that is nearly the same as another's, in %(groups)s groups. The same "
        "question asked twice counts twice, and the figures look surer than they are.",
        groups,
    ) % {"count": figure(warning.count), "groups": figure(groups)}
    fix = ngettext(
        "Keep one of each group; that would take away %(spare)s example.",
        "Keep one of each group; that would take away %(spare)s examples.",
        spare,
    ) % {"spare": figure(spare)}
    return message, fix


SENTENCES: Mapping[str, Callable[[Warning, Report], Said]] = {
    "few_examples": _few_examples,
    "untagged": _untagged,
    "small_intents": _small_intents,
    "missing_languages": _missing_languages,
    "no_refusals_or_edge_cases": _no_refusals,
    "personal_data": _personal_data,
    "over_budget": _over_budget,
    "other_language": _other_language,
    "near_duplicates": _near_duplicates,
}


def _listed(names: list[str], most: int = 3) -> str:
    """Names in a sentence: "billing", "returns" and 4 more."""
    shown = [f'"{name}"' for name in names[:most]]
    if len(names) > most:
        shown.append(_("%(count)s more") % {"count": figure(len(names) - most)})
    if len(shown) == 1:
        return shown[0]
    return _("%(first)s and %(last)s") % {"first": ", ".join(shown[:-1]), "last": shown[-1]}


def _tokens(found: re.Match[str]) -> str:
    return _("%(size)s tokens") % {"size": separated(found[1])}


def _declared(found: re.Match[str]) -> str:
    return _("declared %(declared)s, reads as %(found)s") % {"declared": found[1], "found": found[2]}


def _like(found: re.Match[str]) -> str:
    return _("like %(key)s (%(share)s%% or more alike)") % {"key": found[1], "share": found[2]}


def _kinds(found: re.Match[str]) -> str:
    kinds = (kind.partition(" (") for kind in found[0].split(", "))
    return ", ".join(f"{kind_said(kind)}{bracket}{separated(count)}" for kind, bracket, count in kinds)


_KIND = "(?:" + "|".join(map(re.escape, KINDS)) + r")(?: \([\d,]+\))?"
NOTES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"{_KIND}(?:, {_KIND})*"), _kinds),
    (re.compile(r"([\d,]+) tokens"), _tokens),
    (re.compile(r"declared (\S+), reads as (\S+)"), _declared),
    (re.compile(r"like (.+) \((\d+)% or more alike\)", re.DOTALL), _like),
)
