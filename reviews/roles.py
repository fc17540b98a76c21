"""The three roles, as Django groups, and the permissions each has."""

from __future__ import annotations

from typing import Any

REVIEWER, LEAD, ADMIN = "Reviewer", "Lead", "Admin"

LEAD_PERMISSIONS = {
    "models_registry": [
        "view_endpoint",
        "view_model",
        "view_modelversion",
        "view_knownlimitation",
        "add_knownlimitation",
        "change_knownlimitation",
        "view_goldenset",
        "view_goldensetversion",
        "view_example",
        "view_response",
    ],
    "reviews": [
        "view_evaluation",
        "add_evaluation",
        "change_evaluation",
        "view_comparison",
        "view_assignment",
        "view_vote",
    ],
}
PERMISSIONS: dict[str, dict[str, list[str]]] = {
    REVIEWER: {"reviews": ["cast_vote"]},
    LEAD: LEAD_PERMISSIONS,
    ADMIN: {
        "models_registry": [
            *LEAD_PERMISSIONS["models_registry"],
            "add_endpoint",
            "change_endpoint",
            "delete_endpoint",
            "add_model",
            "change_model",
            "delete_model",
            "add_modelversion",
            "change_modelversion",
            "delete_modelversion",
            "delete_knownlimitation",
            "add_goldenset",
            "change_goldenset",
            "add_goldensetversion",
            "change_goldensetversion",
            "change_example",
        ],
        "reviews": LEAD_PERMISSIONS["reviews"],
        "auth": ["view_user", "add_user", "change_user", "view_group"],
    },
}


def ensure_roles(**_: Any) -> None:
    """Make the groups hold exactly these permissions; doing it again changes nothing."""
    from django.contrib.auth.models import Group, Permission

    for role, by_app in PERMISSIONS.items():
        group, _created = Group.objects.get_or_create(name=role)
        wanted = [
            permission
            for app, codenames in by_app.items()
            for permission in Permission.objects.filter(content_type__app_label=app, codename__in=codenames)
        ]
        group.permissions.set(wanted)
