"""What changed from one version of a golden set to another. Pure: no Django."""

from models_registry.differences.rows import (
    RowChange,
    TagsMoved,
    TurnChange,
    ValueChange,
    row_change,
    same_json,
)
from models_registry.differences.words import Segment, word_difference

__all__ = [
    "RowChange",
    "Segment",
    "TagsMoved",
    "TurnChange",
    "ValueChange",
    "row_change",
    "same_json",
    "word_difference",
]
