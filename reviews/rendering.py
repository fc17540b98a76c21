"""Make the HTML of responses, once: rendering a long answer takes longer than casting a vote.

In the background when voting opens, and on the way where it is still missing. Safe to run twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from models_registry.models import Response
from reviews import markdown
from reviews.models import Comparison, RenderedResponse

# comparisons of one task: about a second of work
SLICE = 250


def render_slice(evaluation_id: int, start: int) -> int | None:
    """Render what the queue shows from position `start` on; where the next slice begins, None after the last."""
    comparisons = Comparison.objects.filter(evaluation=evaluation_id, position__gte=start)
    sides = comparisons.filter(position__lt=start + SLICE, identical=False).values_list(
        "candidate_response", "baseline_response"
    )
    made = RenderedResponse.objects.filter(response=OuterRef("pk"), renderer=markdown.renderer())
    missing = Response.objects.filter(pk__in={pk for pair in sides for pk in pair}).exclude(Exists(made))
    store((pk, markdown.shown(text)) for pk, text in missing.values_list("pk", "text"))
    return start + SLICE if comparisons.filter(position__gte=start + SLICE).exists() else None


def store(made: Iterable[tuple[int, str]]) -> None:
    """Keep the HTML of responses by their ids; what an older renderer made is replaced."""
    RenderedResponse.objects.bulk_create(
        (
            RenderedResponse(response_id=pk, renderer=markdown.renderer(), html=html)
            for pk, html in sorted(made)  # in one order, so that two workers don't wait for each other
        ),
        update_conflicts=True,
        unique_fields=["response"],
        update_fields=["renderer", "html"],
    )
