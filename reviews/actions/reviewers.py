"""What a reviewer has been shown of the product itself. Seen twice is the same as once: the first time stands."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from reviews.models import ReviewerProfile


def tour_seen(*, reviewer: User, at: datetime) -> None:
    _first(reviewer, "tour_seen_at", at)


def practised(*, reviewer: User, at: datetime) -> None:
    _first(reviewer, "practised_at", at)


def _first(reviewer: User, name: str, at: datetime) -> None:
    ReviewerProfile.objects.get_or_create(user=reviewer)
    ReviewerProfile.objects.filter(user=reviewer, **{f"{name}__isnull": True}).update(**{name: at})
