"""Filters for what the reviews pages show."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from evalsite import figures
from evalsite.figures import DASH, NO_BREAK, figure
from models_registry.models.golden_set import intent_shown
from reviews import forms, markdown
from reviews.stats.quantiles import QuantileInterval
from reviews.stats.win_rate import Interval

register = template.Library()
register.filter(figures.percent)
register.filter(figures.duration)
register.filter(figures.seconds)


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
def seconds_between(interval: QuantileInterval | None) -> str:
    """An interval of seconds: 0.71–1.02 s; "at least 0.71 s" where too few values give no upper limit."""
    if interval is None or interval.low is None:
        return ""
    if interval.high is None:
        return _("at least %(seconds)s") % {"seconds": figures.seconds(interval.low)}
    spec = ".2f" if interval.high < 10 else ".1f"
    return f"{figure(interval.low, spec)}–{figure(interval.high, spec)}{NO_BREAK}s"


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


@register.filter
def small_money(value: float | None) -> str:
    """US dollars of something cheap, with all the digits it takes: $0.00042."""
    return DASH if value is None else figures.dollars(float(f"{value:.3g}"), "f" if value >= 0.01 else ".6g")
