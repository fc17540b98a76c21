"""Read what judges answered, in the background. Safe to run twice, by any number of workers, and to be killed.

The database is the queue: a verdict is to be read while its response is done and nothing is said of it yet.
"""

from __future__ import annotations

from django.db.models import QuerySet

from models_registry.models import Response
from reviews import blinding, verdicts
from reviews.models import Judge, JudgeVerdict

# of one task; what is more is read at the schedule's next tick
MOST_AT_ONCE = 1000
CUT_OFF = "length"  # a finish reason
SIDES = {"first": "left", "second": "right"}


def unread_verdicts() -> QuerySet[JudgeVerdict]:
    return JudgeVerdict.objects.filter(choice="", problem="", response__status=Response.Status.DONE)


def judges_to_read() -> QuerySet[Judge]:
    return Judge.objects.filter(pk__in=unread_verdicts().order_by().values("judge"))


def read_verdicts(judge_id: int) -> None:
    """Say of each answer of a judge what its verdict is, or why it is none."""
    unread = unread_verdicts().filter(judge=judge_id).select_related("response").defer("response__question")
    for verdict in unread.order_by("pk")[:MOST_AT_ONCE]:
        read_verdict(verdict)


def read_verdict(verdict: JudgeVerdict) -> None:
    response = verdict.response
    try:
        read = verdicts.read_verdict(response.text, was_cut=response.finish_reason == CUT_OFF)
        found = {
            "choice": choice_of(read.verdict, candidate_first=verdict.candidate_first),
            "rationale": read.rationale,
        }
    except verdicts.Unreadable as error:
        found = {"problem": str(error)}
    # another worker that read it meanwhile read the same; one that is asked anew is of another response
    JudgeVerdict.objects.filter(pk=verdict.pk, response=response, choice="", problem="").update(**found)


def choice_of(verdict: str, *, candidate_first: bool) -> str:
    """A verdict in truth: first and second are to a judge what left and right are to a reviewer."""
    return blinding.truth(SIDES.get(verdict, verdict), candidate_on_left=candidate_first)
