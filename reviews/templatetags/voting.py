"""What the voting page calls things."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from reviews.forms import REASON_NAMES
from reviews.markdown import DIRECTION_CONTROLS
from reviews.models import SkippedTurn

register = template.Library()


@register.filter
def reason_name(reason: str) -> str:
    """What a page calls a reason; a lead's own words are called as they are."""
    return str(REASON_NAMES.get(reason, reason))


@register.filter
def as_written(text: str) -> str:
    """A text as its model wrote it; what would turn its direction round is shown instead of done."""
    return DIRECTION_CONTROLS.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


@register.simple_tag
def skip_reasons() -> list[tuple[str, str]]:
    return [(value, str(label)) for value, label in SkippedTurn.Reason.choices]


@register.filter
def choice_name(choice: str) -> str:
    """A choice as it was seen on the screen."""
    names = {"left": _("left"), "right": _("right"), "tie": _("tie"), "both_bad": _("both bad")}
    return names.get(choice, choice)
