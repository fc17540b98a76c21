"""Deal the turns of comparisons: all N of each, sides balanced, nobody's yet."""

from __future__ import annotations

from django.db import connection
from django.db.models import Count, F, Max, Q

from reviews.blinding import side_orders
from reviews.models import Assignment, Comparison, Evaluation

BATCH = 1000

COUNT_TURNS = """
UPDATE reviews_comparison SET turns =
  (SELECT COUNT(*) FROM reviews_assignment a WHERE a.comparison_id = reviews_comparison.id)
WHERE evaluation_id = %s
"""


def deal(evaluation: Evaluation, comparisons: list[Comparison]) -> None:
    """All turns of these comparisons; where both responses are the same text there is nothing to vote on."""
    deal_assignments(evaluation, mark_identical(comparisons))


def bring_forward(evaluation: Evaluation, chosen: list[Comparison], *, after: int) -> None:
    """Give these the queue's places from `after` on, and all others without a turn those behind them.

    Both in the order they stand in. What is counted is a beginning of the queue: whoever is voted on later must stand
    later, or votes that were counted already would wait for theirs.
    """
    names = {comparison.pk for comparison in chosen}
    behind = after + len(chosen)
    if all(comparison.position < behind for comparison in chosen):
        return
    undealt = Comparison.objects.filter(evaluation=evaluation, turns=0, identical=False)
    others = [one for one in undealt.order_by("position").only("pk", "position") if one.pk not in names]
    last = Comparison.objects.filter(evaluation=evaluation).aggregate(last=Max("position"))["last"]
    undealt.update(position=F("position") + last + 1)  # out of the way: no place is taken twice
    for place, comparison in enumerate([*chosen, *others], start=after):
        comparison.position = place
    Comparison.objects.bulk_update([*chosen, *others], ["position"], batch_size=BATCH)


def mark_identical(comparisons: list[Comparison]) -> list[Comparison]:
    """Mark the comparisons whose responses are the same text; the others are what there is to vote on."""
    same = [comparison for comparison in comparisons if comparison.has_same_text]
    for comparison in same:
        comparison.identical = True
    Comparison.objects.bulk_update(same, ["identical"], batch_size=BATCH)
    return [comparison for comparison in comparisons if not comparison.identical]


def deal_assignments(evaluation: Evaluation, comparisons: list[Comparison]) -> None:
    comparisons = sorted(comparisons, key=lambda comparison: comparison.position)
    dealt = Assignment.objects.filter(evaluation=evaluation).order_by().values_list("intent")
    counts = dealt.annotate(left=Count("pk", filter=Q(candidate_on_left=True)), all=Count("pk"))
    before = {intent: 2 * left - count for intent, left, count in counts}
    orders = side_orders(
        # what is dealt later is dealt by other dice
        evaluation.seed + sum(count for _intent, _left, count in counts),
        [comparison.intent for comparison in comparisons],
        [evaluation.votes_per_comparison] * len(comparisons),
        langs=[comparison.lang for comparison in comparisons],
        before=before,
    )
    Assignment.objects.bulk_create(
        (
            Assignment(
                evaluation=evaluation,
                comparison=comparison,
                position=comparison.position,
                lang=comparison.lang,
                intent=comparison.intent,
                slot=slot,
                candidate_on_left=candidate_on_left,
            )
            for comparison, order in zip(comparisons, orders, strict=True)
            for slot, candidate_on_left in enumerate(order)
        ),
        batch_size=BATCH,
    )
    count_turns(evaluation)


def count_turns(evaluation: Evaluation) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COUNT_TURNS, [evaluation.pk])
