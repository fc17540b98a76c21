"""Filters for the figures of an evaluation's reviewers."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from evalsite.figures import DASH, figure
from reviews.stats.agreement_intervals import Coefficient
from reviews.stats.win_rate import Interval
from reviews.templatetags.reviews import between

register = template.Library()


@register.filter
def coefficient(value: float | None) -> str:
    """A figure of agreement: 0.52; as good as nothing is 0.00 and never -0.00."""
    return DASH if value is None else figure(round(value, 2) + 0.0, ".2f")


@register.filter
def limits(found: Coefficient) -> str:
    """Its interval: 0.41 to 0.63; nothing where there is none."""
    if found.low is None or found.high is None:
        return ""
    return _("%(low)s to %(high)s") % {"low": coefficient(found.low), "high": coefficient(found.high)}


@register.filter
def percent_limits(found: Coefficient) -> str:
    """The interval of a share, in whole percent: 54–70 %."""
    if found.low is None or found.high is None:
        return ""
    return between(Interval(found.low, found.high, 0.95, ""))


@register.filter
def points_between(interval: Interval | None) -> str:
    """An interval of a difference, in percentage points: -1.2 to +4.0."""
    if interval is None:
        return ""
    low, high = (figure(100 * value, "+.1f") for value in (interval.low, interval.high))
    return _("%(low)s to %(high)s") % {"low": low, "high": high}
