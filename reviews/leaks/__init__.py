"""What in the responses would tell a reader which side is whose. Pure: no Django."""

from reviews.leaks.features import FEATURES
from reviews.leaks.guess import LEAST_PAIRS, Guess, guess_the_side
from reviews.leaks.names import Naming, Vocabulary
from reviews.leaks.scan import MOST_PAIRS, Answer, Finding, Level, Pair, Report, scan

__all__ = [
    "FEATURES",
    "LEAST_PAIRS",
    "MOST_PAIRS",
    "Answer",
    "Finding",
    "Guess",
    "Level",
    "Naming",
    "Pair",
    "Report",
    "Vocabulary",
    "guess_the_side",
    "scan",
]
