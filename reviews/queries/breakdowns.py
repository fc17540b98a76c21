"""Where a win rate comes from: by the reasons that votes give, and by intent and language.

Comparisons are counted by the database, alike ones as one row: the cost is the same at a million votes, but for
reasons, which only votes hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from models_registry.models.golden_set import UNTAGGED
from reviews.models import Evaluation
from reviews.queries.counts import counted, counts_of, end_of_complete, together
from reviews.queries.win_rates import Estimate, Row, rows_of
from reviews.stats.gate_plan import LEAST_OF_AN_INTENT

# more would be more cells than there is to see; those with most examples are shown
MOST_INTENTS, MOST_LANGUAGES = 40, 12

REASONS = """
SELECT reason, wins, losses, ties, both_bad, settled, COUNT(*) FROM (
  SELECT r.value AS reason, a.comparison_id, {settled} AS settled,
    SUM(CASE WHEN v.choice = 'candidate' THEN 1 ELSE 0 END) AS wins,
    SUM(CASE WHEN v.choice = 'baseline' THEN 1 ELSE 0 END) AS losses,
    SUM(CASE WHEN v.choice = 'tie' THEN 1 ELSE 0 END) AS ties,
    SUM(CASE WHEN v.choice = 'both_bad' THEN 1 ELSE 0 END) AS both_bad
  FROM reviews_assignment a JOIN reviews_vote v ON v.assignment_id = a.id {reasons}
  WHERE a.evaluation_id = %(evaluation)s AND a.voted
  GROUP BY r.value, a.comparison_id, a.position) named
GROUP BY reason, wins, losses, ties, both_bad, settled
"""
EACH_REASON = {
    "sqlite": "JOIN json_each(v.reasons) r",
    "postgresql": "CROSS JOIN LATERAL jsonb_array_elements_text(v.reasons) AS r(value)",
}


@dataclass(frozen=True)
class Part:
    """The figures of some of the examples, and whether they are enough to say more than how many there are."""

    row: Row
    estimate: Estimate

    @property
    def examples(self) -> int:
        """With a vote, whether they count already or not."""
        return self.row.tally.examples

    @property
    def insufficient(self) -> bool:
        return self.estimate.examples < LEAST_OF_AN_INTENT


def _part(row: Row, evaluation: Evaluation) -> Part:
    found = row.estimate(watched=evaluation.closed_at is None)
    return Part(row, replace(found, coloured=found.examples >= LEAST_OF_AN_INTENT))


# --- reasons -----------------------------------------------------------------------------------------------------


def win_rate_by_reason(evaluation: Evaluation) -> dict[str, Part]:
    """Of the votes that give a reason, those most often given first.

    The unit is the example: its score is the mean of those of its votes that name the reason.
    """
    end = end_of_complete(evaluation)
    sql = REASONS.format(
        settled="TRUE" if end is None else "a.position < %(end)s", reasons=EACH_REASON[connection.vendor]
    )
    groups: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(sql, {"evaluation": evaluation.pk, "end": end})
        for reason, *votes, settled, examples in cursor.fetchall():
            groups[reason].append((*votes, False, settled, examples))
    counts = {reason: counts_of(rows) for reason, rows in groups.items()}
    # how many will name a reason is known to nobody; at most all of them
    most = evaluation.comparisons.filter(turns__gt=0).count()
    rows = rows_of([*counts.values()], planned=[most] * len(counts)) if counts else []
    parts = {reason: _part(row, evaluation) for reason, row in zip(counts, rows, strict=True)}
    return dict(sorted(parts.items(), key=lambda item: (-item[1].row.tally.votes, item[0])))


# --- intent by language ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeatLine:
    """An intent in every language, in the order of the map's; None where no example is of both."""

    intent: str
    cells: list[Part | None]
    total: Part


@dataclass(frozen=True)
class Heat:
    """Primary intents by language, both with those of most examples first; `total`: all intents.

    Totals are of all examples, also of what is left out where there are too many intents or languages to see.
    """

    languages: list[str]
    lines: list[HeatLine]
    total: HeatLine
    left_out: int

    @property
    def is_a_map(self) -> bool:
        """With one language it is the intents once more, and with one intent the languages."""
        return len(self.languages) > 1


def intent_by_language(evaluation: Evaluation) -> Heat:
    cells = counted(evaluation.comparisons.all(), "intent", "lang", end=end_of_complete(evaluation))
    intents = _largest({key: counts.examples for key, counts in cells.items()}, 0)
    languages = _largest({key: counts.examples for key, counts in cells.items()}, 1)
    shown, named = intents[:MOST_INTENTS], languages[:MOST_LANGUAGES]
    groups = [cells[intent, lang] for intent in shown for lang in named if (intent, lang) in cells]
    groups += [together(counts for key, counts in cells.items() if key[0] == intent) for intent in shown]
    groups += [together(counts for key, counts in cells.items() if key[1] == lang) for lang in named]
    rows = iter([_part(row, evaluation) for row in rows_of([*groups, together(cells.values())])])
    found = {(intent, lang): next(rows) for intent in shown for lang in named if (intent, lang) in cells}
    by_intent = {intent: next(rows) for intent in shown}
    by_language = [next(rows) for _lang in named]
    return Heat(
        languages=named,
        lines=[
            HeatLine(intent, [found.get((intent, lang)) for lang in named], by_intent[intent])
            for intent in shown
        ],
        total=HeatLine("", [*by_language], next(rows)),
        left_out=len(intents) - len(shown) + len(languages) - len(named),
    )


def _largest(sizes: Mapping[tuple[Any, ...], int], place: int) -> list[str]:
    """Intents or languages by their examples, the largest first; what says nothing comes last."""
    totals: dict[str, int] = defaultdict(int)
    for key, size in sizes.items():
        totals[key[place]] += size
    return sorted(totals, key=lambda name: (name in ("", UNTAGGED), -totals[name], name))
