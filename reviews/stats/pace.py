"""How long a vote takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

# fewer votes tell nothing about a person's pace
FEWEST = 5


def pace(seconds: Sequence[float]) -> float | None:
    """Median seconds a vote, of at least five; None of fewer. A median, since someone always goes for a coffee."""
    return median(seconds) if len(seconds) >= FEWEST else None
