"""What the figures of an evaluation's reviewers mean, in words, and as the rows of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evalsite.figures import figure, percent
from models_registry.models.golden_set import intent_shown
from reviews.forms import name_of
from reviews.models import Comparison
from reviews.queries.gate_words import NAMES
from reviews.queries.raters import LeftOut, Raters
from reviews.stats.agreement import strength
from reviews.stats.agreement_intervals import AgreementIntervals
from reviews.stats.gate_evidence import Verdict
from reviews.stats.position_bias import PositionBias
from reviews.stats.screening import Checks, Screening
from reviews.templatetags.reviews import between

# an effect this seldom by chance alone is said to be one
RARE = 0.05

AGREEMENT = {
    "none": gettext_lazy(
        "Two reviewers give the same verdict on about %(same)d of %(of)d examples; that is no more than chance."
    ),
    "slight": gettext_lazy(
        "Two reviewers give the same verdict on about %(same)d of %(of)d examples; beyond chance that is slight."
    ),
    "fair": gettext_lazy(
        "Two reviewers give the same verdict on about %(same)d of %(of)d examples; beyond chance that is fair."
    ),
    "moderate": gettext_lazy(
        "Two reviewers give the same verdict on about %(same)d of %(of)d examples; beyond chance that is moderate."
    ),
    "substantial": gettext_lazy(
        "Two reviewers give the same verdict on about %(same)d of %(of)d examples; beyond chance that is substantial."
    ),
    "almost_perfect": gettext_lazy(
        "Two reviewers give the same verdict on about %(same)d of %(of)d examples; beyond chance that is almost "
        "perfect."
    ),
}
STRENGTHS = {
    "none": gettext_lazy("no more than chance"),
    "slight": gettext_lazy("slight"),
    "fair": gettext_lazy("fair"),
    "moderate": gettext_lazy("moderate"),
    "substantial": gettext_lazy("substantial"),
    "almost_perfect": gettext_lazy("almost perfect"),
}


def names(reviewers: Iterable[int]) -> dict[int, str]:
    return {pk: name_of(person) for pk, person in User.objects.in_bulk(list(reviewers)).items()}


# --- agreement ---------------------------------------------------------------------------------------------


def agreement_says(found: AgreementIntervals) -> str:
    share, beyond = found.percent.value, found.gwet_ac1.value
    if share is None or beyond is None:
        return _(
            "No example has two votes yet, so nothing can be said of agreement. Two or three votes on each tell it."
        )
    of = 10 if 0.05 <= share < 0.95 else 100
    return str(AGREEMENT[strength(beyond)]) % {"same": round(share * of), "of": of}


@dataclass(frozen=True)
class AgreementRow:
    label: str
    found: AgreementIntervals
    strength: str


def agreement_rows(found: Raters) -> list[AgreementRow]:
    """By intent, those that reviewers agree on least first; intents without two votes on an example are left out."""
    rows = [
        (beyond, AgreementRow(intent_shown(name), one, str(STRENGTHS[strength(beyond)])))
        for name, one in found.by_intent.items()
        if (beyond := one.gwet_ac1.value) is not None
    ]
    return [row for _beyond, row in sorted(rows, key=lambda row: (row[0], row[1].label))]


# --- sides -------------------------------------------------------------------------------------------------


def position_says(found: PositionBias) -> str:
    if found.effect is None:
        return _("The candidate was seen on one side only so far, so the side can’t be told from the model.")
    said = {"points": figure(100 * abs(found.effect), ".1f"), "p": _p(found.p)}
    if found.p is None:
        return _("There are too few votes yet to tell whether the side matters.")
    if found.p >= RARE:
        return _("No effect of the side is shown: what there is may well be chance (%(p)s).") % said
    if found.effect > 0:
        return (
            _(
                "Standing on the left adds %(points)s points to an answer’s win rate; chance alone hardly does "
                "that (%(p)s). "
                "Sides are balanced, so it favours neither model, but it pulls the win rate towards one half."
            )
            % said
        )
    return (
        _(
            "Standing on the right adds %(points)s points to an answer’s win rate; chance alone hardly does "
            "that (%(p)s). "
            "Sides are balanced, so it favours neither model, but it pulls the win rate towards one half."
        )
        % said
    )


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return f"p < {figure(0.001, '.3f')}" if p < 0.001 else f"p = {figure(p, '.3f' if p < 0.1 else '.2f')}"


# --- reviewer by reviewer ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScreeningRow:
    """attention: of hidden checks with one right answer, how many were given and passed; consistency: of swapped."""

    name: str
    found: Screening
    consistency: tuple[int, int] | None
    attention: tuple[int, int] | None
    flags: list[str]


def screening_rows(found: Raters, people: Mapping[int, str]) -> list[ScreeningRow]:
    """The flagged first, then by votes."""
    rows = [
        ScreeningRow(
            name=people.get(one.reviewer, str(one.reviewer)),
            found=one,
            consistency=_passed(one.swapped),
            attention=_passed(one.identical, one.mismatched),
            flags=[flag_says(flag, one) for flag in one.flags],
        )
        for one in found.screening
    ]
    return sorted(rows, key=lambda row: (not row.flags, -row.found.votes, row.name))


def _passed(*checks: Checks) -> tuple[int, int] | None:
    given = sum(one.given for one in checks)
    return (given - sum(one.missed for one in checks), given) if given else None


def flag_says(flag: str, found: Screening) -> str:
    """A sign that someone does not read, with its figures."""
    said = {
        "share": percent(found.left_share, 0),
        "other": percent(None if found.left_share is None else 1 - found.left_share, 0),
        "seconds": figure(found.seconds or 0, ".0f"),
        "peers": figure(found.peers_seconds or 0, ".0f"),
        "agreement": percent(found.agreement, 0),
        "others": percent(found.peers_agreement, 0),
    }
    if flag == "left_share" and (found.left_share or 0) > 0.5:
        return _("Chooses the left side in %(share)s of votes for a side.") % said
    if flag == "left_share":
        return _("Chooses the right side in %(other)s of votes for a side.") % said
    if flag == "speed":
        return _("Takes %(seconds)s s for a vote, under a third of what others take (%(peers)s s).") % said
    if flag == "agreement":
        return (
            _("Agrees with others on %(agreement)s of examples, they among each other on %(others)s.") % said
        )
    checks: Checks = getattr(found, flag)
    missed = {"missed": checks.missed, "given": checks.given}
    if flag == "identical":
        return _("Preferred one of two equal texts in %(missed)d of %(given)d checks.") % missed
    if flag == "mismatched":
        return _("Preferred an answer to another question in %(missed)d of %(given)d checks.") % missed
    return (
        _("Judged %(missed)d of %(given)d pairs otherwise when they came back with sides exchanged.") % missed
    )


# --- without one of them -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LeftOutRow:
    """changes: the verdict is another one without this reviewer."""

    name: str
    found: LeftOut
    verdict: str
    is_flagged: bool
    changes: bool


def left_out_rows(found: Raters, people: Mapping[int, str]) -> list[LeftOutRow]:
    """The flagged first, and whoever changes the verdict; then who moves the win rate most."""
    flagged = {one.reviewer for one in found.screening if one.flags}
    rows = [
        LeftOutRow(
            name=people.get(one.without.reviewer, str(one.without.reviewer)),
            found=one,
            verdict=verdict_name(one.verdict),
            is_flagged=one.without.reviewer in flagged,
            changes=one.verdict != found.verdict,
        )
        for one in found.left_out
    ]
    return sorted(rows, key=lambda row: not (row.changes or row.is_flagged))


def verdict_name(verdict: Verdict | None) -> str:
    return "" if verdict is None else str(NAMES[verdict])


def left_out_says(found: Raters, people: Mapping[int, str]) -> str:
    if len(found.left_out) < 2:
        return _("All votes are one person’s, so every figure stands on them.")
    rows = left_out_rows(found, people)
    changing = [row for row in rows if row.changes]
    if found.verdict is None:
        rates = [row.found.without.win_rate.win_rate for row in rows]
        known = [rate for rate in rates if rate is not None]
        return _("Whoever is left out, the win rate stays between %(low)s and %(high)s.") % {
            "low": percent(min(known)),
            "high": percent(max(known)),
        }
    if not changing:
        return _("The verdict is %(verdict)s, with everyone and whoever is left out.") % {
            "verdict": NAMES[found.verdict]
        }
    return ngettext(
        "The verdict is %(verdict)s; without %(names)s it would be another one.",
        "The verdict is %(verdict)s; without one of %(names)s it would be another one.",
        len(changing),
    ) % {"verdict": NAMES[found.verdict], "names": ", ".join(row.name for row in changing)}


# --- beside --------------------------------------------------------------------------------------------------


def style_says(found: Raters) -> str:
    adjusted, plain = found.style, found.win_rate.win_rate
    if adjusted.win_rate is None or adjusted.interval is None or plain is None:
        return _(
            "What the win rate would be at equal length can’t be told yet: it takes 20 examples with answers of "
            "different lengths, some of them won by the shorter one."
        )
    return _(
        "If both models’ answers were equally long, the candidate’s win rate would be %(adjusted)s (%(between)s) "
        "instead of %(plain)s."
    ) % {
        "adjusted": percent(adjusted.win_rate),
        "between": between(adjusted.interval),
        "plain": percent(plain),
    }


# --- what they disagree on -----------------------------------------------------------------------------------


def dispute_note(comparison: Comparison) -> str:
    """For the people who keep the golden set: how far apart the votes are, not which model they were for."""
    counts = sorted((comparison.wins, comparison.losses, comparison.ties + comparison.both_bad), reverse=True)
    split = " : ".join(str(count) for count in counts if count)
    return _("Reviewers of “%(evaluation)s” disagree on it, %(split)s.") % {
        "evaluation": comparison.evaluation.name,
        "split": split,
    }
