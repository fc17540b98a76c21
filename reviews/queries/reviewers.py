"""What reviewers told about themselves, and what they have seen of the product."""

from __future__ import annotations

from django.contrib.auth.models import User

from reviews.models import ReviewerProfile


def wants_tour(reviewer: User) -> bool:
    """Nobody has shown them the voting page yet."""
    return not ReviewerProfile.objects.filter(user=reviewer, tour_seen_at__isnull=False).exists()
