"""Reasons for a vote, by code. Pure: no Django; what a page calls them is in reviews/forms.py."""

from __future__ import annotations

REASONS = (
    "accuracy",
    "completeness",
    "tone",
    "policy",
    "safety",
    "refusal",
    "language",
    "format",
    "length",
)
DEFAULT_REASONS = ("accuracy", "completeness", "tone", "policy", "language", "format")
# each has a number key
MOST_REASONS = 9
LONGEST_REASON = 40
