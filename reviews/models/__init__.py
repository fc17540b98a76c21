"""What people judged."""

from reviews.models.assignment import Assignment, Choice, LapsedTurn, Vote
from reviews.models.evaluation import Comparison, Evaluation

__all__ = ["Assignment", "Choice", "Comparison", "Evaluation", "LapsedTurn", "Vote"]
