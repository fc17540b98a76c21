"""Filters for what the reviews pages show."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from evalsite import figures
from evalsite.figures import NO_BREAK, figure
from models_registry.models.golden_set import intent_shown
from reviews import forms, markdown
from reviews.stats.quantiles import QuantileInterval
from reviews.stats.win_rate import Interval

register = template.Library()

DASH = "–"


@register.filter
def rendered(text: str) -> SafeString:
    """Markdown from a model or a person, as safe HTML."""
    return mark_safe(markdown.shown(text))  # noqa: S308 - cleaned by an allow-list in reviews/markdown.py


@register.filter
def intent(name: str) -> str:
    """An intent, or what it is called to have none."""
    return intent_shown(name)


@register.filter
def language_name(code: str) -> str:
    """A language in itself: español of es."""
    return forms.language_name(code)


@register.filter
def percent(value: float | None, digits: int = 1) -> str:
    """A fraction of 1 as a percentage: 0.6125 -> 61.3 %."""
    return DASH if value is None else f"{figure(100 * value, f'.{digits}f')}{NO_BREAK}%"


@register.filter
def between(interval: Interval) -> str:
    """An interval of fractions in whole percent: 54–70 %."""
    return f"{100 * interval.low:.0f}–{100 * interval.high:.0f}{NO_BREAK}%"


@register.filter
def points(value: float | None) -> str:
    """A difference of fractions in percentage points, with its sign: 0.031 -> +3.1 points."""
    if value is None:
        return DASH
    return _("%(number)s points") % {"number": figure(100 * value, "+.1f")}


@register.filter
def seconds(value: float | None) -> str:
    """Seconds, short: 0.84 s, 12.3 s."""
    if value is None:
        return DASH
    return f"{figure(value, '.2f' if value < 10 else '.1f')}{NO_BREAK}s"


@register.filter
def seconds_between(interval: QuantileInterval | None) -> str:
    """An interval of seconds: 0.71–1.02 s; "at least 0.71 s" where too few values give no upper limit."""
    if interval is None or interval.low is None:
        return ""
    if interval.high is None:
        return _("at least %(seconds)s") % {"seconds": seconds(interval.low)}
    spec = ".2f" if interval.high < 10 else ".1f"
    return f"{figure(interval.low, spec)}–{figure(interval.high, spec)}{NO_BREAK}s"


@register.filter
def duration(value: float | None) -> str:
    """Seconds as a person says how long something takes: 40 s, 12 min, 3 h 20 min, 2 days."""
    if value is None:
        return DASH
    minutes = round(value / 60)
    if value < 90:
        return _("%(number)d s") % {"number": max(1, round(value)) if value else 0}
    if minutes < 90:
        return _("%(number)d min") % {"number": minutes}
    if minutes < 36 * 60:
        return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}
    return _("%(number)d days") % {"number": round(minutes / 60 / 24)}


@register.filter
def dollars(value: Decimal | float | None) -> str:
    """US dollars, with more digits where there is less: $1.25 for a run, $0.000112 for one response."""
    if value is None:
        return DASH
    return figures.dollars(value, ",.6f" if value and abs(float(value)) < 0.1 else ",.2f")


@register.filter
def money(value: Decimal | float | None) -> str:
    """US dollars as one pays them: $12.40; what is less than a cent says so."""
    if value is None:
        return DASH
    if 0 < value < Decimal("0.005"):
        return _("less than %(least)s") % {"least": figures.dollars(Decimal("0.01"))}
    return figures.dollars(value)


@register.filter
def price(value: Decimal | float | None) -> str:
    """US dollars per million tokens, as they were given: $0.15."""
    return DASH if value is None else figures.dollars(float(value), "g")


@register.filter
def thousands(value: int) -> str:
    """A large number that people read: 1,128,975."""
    return figure(value)
