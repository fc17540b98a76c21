"""What a person tells about themselves."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.core.cache import cache

from reviews.models import ReviewerProfile
from reviews.queries.eligibility import languages_key


def choose_languages(*, person: User, languages: Sequence[str]) -> None:
    """The languages a person reads well; none: not told, so they are given all."""
    ReviewerProfile.objects.update_or_create(user=person, defaults={"languages": list(languages)})
    cache.delete(languages_key(person))
