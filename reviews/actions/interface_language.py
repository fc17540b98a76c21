"""Keep the language in which a person reads the pages."""

from __future__ import annotations

from django.contrib.auth.models import User

from reviews.models import ReviewerProfile


def choose_interface_language(*, person: User, language: str) -> None:
    """Empty: as the browser says."""
    ReviewerProfile.objects.update_or_create(user=person, defaults={"interface_language": language})
