"""What was said of comparisons, by whom and why, for those who may know the truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from reviews.blinding import on_screen
from reviews.models import Assignment, Comparison, SkippedTurn, Vote, VoteRevision


@dataclass(frozen=True)
class Judged:
    """`pressed`: as it was seen: left, right, tie, both_bad. `why`: of one that no longer stands: changed, undone."""

    choice: str
    pressed: str
    strength: str
    reasons: list[str]
    comment: str
    cast_at: datetime
    seconds: float | None
    why: str = ""
    replaced_at: datetime | None = None


@dataclass(frozen=True)
class CastVote(Judged):
    """A vote as it stands, and what its reviewer said before, the first first. `reviewer`: the name to log in by."""

    reviewer: str = ""
    full_name: str = ""
    earlier: list[Judged] = field(default_factory=list)


def _judged(said: Vote | VoteRevision, turn: Assignment) -> Judged:
    over = said if isinstance(said, VoteRevision) else None
    return Judged(
        choice=said.choice,
        pressed=on_screen(said.choice, candidate_on_left=turn.candidate_on_left),
        strength=said.strength,
        reasons=said.reasons,
        comment=said.comment,
        cast_at=said.cast_at,
        seconds=said.seconds,
        why=over.why if over else "",
        replaced_at=over.replaced_at if over else None,
    )


def votes_on(comparison: Comparison) -> list[CastVote]:
    """In the order they were cast."""
    turns = (
        Assignment.objects.filter(comparison=comparison, voted=True)
        .select_related("reviewer", "vote")
        .prefetch_related("revisions")
        .order_by("vote__cast_at", "slot")
    )
    return [
        CastVote(
            **vars(_judged(turn.vote, turn)),
            reviewer=turn.reviewer.get_username(),
            full_name=turn.reviewer.get_full_name(),
            earlier=[_judged(said, turn) for said in _changes(turn)[1]],
        )
        for turn in turns
        if turn.reviewer
    ]


def taken_back(comparison: Comparison) -> list[Judged]:
    """What no longer stands and is of no vote that does. By whom is not kept: a turn may have gone to someone else."""
    turns = Assignment.objects.filter(comparison=comparison).prefetch_related("revisions")
    return [_judged(said, turn) for turn in turns.order_by("slot") for said in _changes(turn)[0]]


def _changes(turn: Assignment) -> tuple[list[VoteRevision], list[VoteRevision]]:
    """What was said on a turn up to the last time it was taken back, and what its present vote said since."""
    said = list(turn.revisions.all())
    ends = [place for place, one in enumerate(said, start=1) if one.why == VoteRevision.Why.UNDONE]
    end = ends[-1] if ends else 0
    return said[:end], said[end:]


def skips_of(comparison: Comparison) -> list[SkippedTurn]:
    return list(comparison.skipped_turns.select_related("reviewer"))


@dataclass
class Given:
    """With the votes on one comparison: reasons and how often, the most frequent first; comments as they were cast."""

    reasons: list[tuple[str, int]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def given_on(comparisons: Iterable[Comparison]) -> dict[int, Given]:
    """What stands beside the choices on each comparison, in one query."""
    votes = Vote.objects.filter(assignment__comparison__in=[one.pk for one in comparisons])
    reasons: dict[int, Counter[str]] = defaultdict(Counter)
    comments: dict[int, list[str]] = defaultdict(list)
    for comparison, named, comment in votes.order_by("cast_at", "pk").values_list(
        "assignment__comparison", "reasons", "comment"
    ):
        reasons[comparison].update(named)
        comments[comparison] += [comment] if comment else []
    return {
        comparison: Given(found.most_common(), comments[comparison]) for comparison, found in reasons.items()
    }
