"""What people judged."""

from reviews.models.adjudication import Adjudication, AdjudicationRevision
from reviews.models.assignment import Assignment, LapsedTurn, SkippedTurn
from reviews.models.evaluation import Comparison, Evaluation
from reviews.models.hidden_check import HiddenCheck
from reviews.models.invitation import Invitation
from reviews.models.judge import Judge, JudgeVerdict
from reviews.models.plan import EvaluationPlan, Traffic
from reviews.models.rendered_response import RenderedResponse
from reviews.models.reviewer import ReviewerProfile, ReviewerTally
from reviews.models.vote import Choice, Strength, Vote, VoteRevision

__all__ = [
    "Adjudication",
    "AdjudicationRevision",
    "Assignment",
    "Choice",
    "Comparison",
    "Evaluation",
    "EvaluationPlan",
    "HiddenCheck",
    "Invitation",
    "Judge",
    "JudgeVerdict",
    "LapsedTurn",
    "RenderedResponse",
    "ReviewerProfile",
    "ReviewerTally",
    "SkippedTurn",
    "Strength",
    "Traffic",
    "Vote",
    "VoteRevision",
]
