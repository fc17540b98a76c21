"""The verdict in words: what it is, why, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evalsite.figures import duration, percent
from models_registry.models.golden_set import intent_shown
from reviews.queries.gate import Gated
from reviews.stats.gate import Missing, Reason
from reviews.stats.gate_evidence import Verdict

NAMES: dict[Verdict, str | Promise] = {
    Verdict.PROMOTE: gettext_lazy("Promote"),
    Verdict.HOLD: gettext_lazy("Hold"),
    Verdict.REJECT: gettext_lazy("Reject"),
    Verdict.INCONCLUSIVE: gettext_lazy("Inconclusive"),
}
LIMITS: dict[str, str | Promise] = {
    "latency_p95": gettext_lazy("95th percentile of the latency"),
    "cost": gettext_lazy("Cost of a response"),
    "failure_rate": gettext_lazy("Failed responses"),
}


@dataclass(frozen=True)
class Said:
    """One reason: the sentence, the intent whose comparisons stand behind it, and what would settle it."""

    text: str
    intent: str | None = None
    missing: str = ""


def sentence(gated: Gated, *, closed: bool) -> str:
    """What the verdict means, for someone who reads nothing else."""
    found = gated.gate
    rate = found.overall.win_rate.win_rate
    if found.verdict is Verdict.PROMOTE:
        return _(
            "The candidate is shown to be better, at a win rate of %(rate)s, and no intent stands against it."
        ) % {"rate": percent(rate)}
    if found.verdict is Verdict.REJECT:
        return _("The candidate is shown to be worse where it matters. The baseline stays.")
    if found.verdict is Verdict.INCONCLUSIVE:
        return _(
            "Every planned vote is in, and the candidate is shown neither better nor worse. The baseline stays."
        )
    if closed:
        return _("Voting was closed before there was a verdict. The baseline stays.")
    if rate is None:
        return _("There is nothing to tell yet: no example at the beginning of the queue has all its votes.")
    return _("It is too early to tell; the win rate is %(rate)s so far.") % {"rate": percent(rate)}


def reasons(gated: Gated, seconds_per_vote: float, *, closed: bool) -> list[Said]:
    """Each with its way out, while there is one: once voting is closed nothing more comes."""
    missing = {intent.name: intent.missing for intent in gated.gate.intents}
    return [
        Said(
            text=_reason(reason),
            intent=reason.about if reason.about in missing else None,
            missing=_way_out(
                gated,
                gated.gate.overall.missing
                if reason.code == "not_shown_better"
                else missing.get(reason.about or ""),
                seconds_per_vote,
            )
            if gated.gate.verdict is Verdict.HOLD
            and not closed
            and reason.code in {"not_shown_better", "guarded_open", "guarded_insufficient"}
            else "",
        )
        for reason in gated.gate.reasons
    ]


def _reason(reason: Reason) -> str:
    numbers = reason.numbers
    rate = percent(numbers["win_rate"]) if "win_rate" in numbers else ""
    intent = intent_shown(reason.about) if reason.about else ""
    match reason.code:
        case "better":
            return _("Its win rate of %(rate)s is above the bar of %(bar)s.") % {
                "rate": rate, "bar": percent(numbers["bar"]),
            }  # fmt: skip
        case "worse":
            return _("Its win rate of %(rate)s is below the bar of %(bar)s.") % {
                "rate": rate, "bar": percent(numbers["bar"]),
            }  # fmt: skip
        case "guarded_regression":
            return _("%(intent)s is guarded and got worse: %(rate)s.") % {"intent": intent, "rate": rate}
        case "regression":
            return _("%(intent)s got worse: %(rate)s.") % {"intent": intent, "rate": rate}
        case "below_margin":
            return _("%(intent)s stands at %(rate)s, below what the plan lets pass (%(floor)s).") % {
                "intent": intent, "rate": rate, "floor": percent(numbers["floor"]),
            }  # fmt: skip
        case "guarded_open":
            return _("%(intent)s is guarded and not yet shown to be above %(floor)s: %(rate)s so far.") % {
                "intent": intent, "rate": rate, "floor": percent(numbers["floor"]),
            }  # fmt: skip
        case "guarded_insufficient":
            return ngettext(
                "%(intent)s is guarded and has %(examples)d example so far; nothing is said of under %(least)d.",
                "%(intent)s is guarded and has %(examples)d examples so far; nothing is said of under %(least)d.",
                int(numbers["examples"]),
            ) % {"intent": intent, **numbers}
        case "few_examples":
            return ngettext(
                "%(examples)d example counts so far; there is no verdict under %(least)d.",
                "%(examples)d examples count so far; there is no verdict under %(least)d.",
                int(numbers["examples"]),
            ) % dict(numbers)
        case "not_shown_better":
            return _("Its win rate of %(rate)s is not shown to be above the bar of %(bar)s.") % {
                "rate": rate, "bar": percent(numbers["bar"]),
            }  # fmt: skip
        case "used_up":
            return ngettext(
                "The planned %(examples)d example is used up.",
                "The planned %(examples)d examples are used up.",
                int(numbers["examples"]),
            ) % dict(numbers)
        case "limit_exceeded":
            return _("%(what)s: %(measured)s, above the limit of %(limit)s.") % {
                "what": LIMITS[reason.about or ""],
                "measured": shown_limit(reason.about or "", numbers["measured"]),
                "limit": shown_limit(reason.about or "", numbers["limit"]),
            }
        case _:
            return _("%(what)s was not measured, and its limit is %(limit)s.") % {
                "what": LIMITS[reason.about or ""],
                "limit": shown_limit(reason.about or "", numbers["limit"]),
            }


def shown_limit(name: str, value: float | None) -> str:
    """A limit, or what was measured against it, in its unit."""
    if value is None:
        return "–"
    if name == "latency_p95":
        return f"{value:.2f} s"
    return percent(value) if name == "failure_rate" else f"${value:.5f}".rstrip("0").rstrip(".")


def _way_out(gated: Gated, missing: Missing | None, seconds_per_vote: float) -> str:
    if missing is None:
        return ""
    if missing.examples is None or missing.votes is None:
        return _("As things stand, more votes would not settle it.")
    said = ngettext(
        "%(examples)d more example if it goes on like this, about %(time)s of reviewers’ time.",
        "%(examples)d more examples if it goes on like this, about %(time)s of reviewers’ time.",
        missing.examples,
    ) % {"examples": missing.examples, "time": duration(missing.votes * seconds_per_vote)}
    return said if missing.within_plan else said + " " + _("That is more than the plan has left.")
