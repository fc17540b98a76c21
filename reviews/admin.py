from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reviews.actions.profiles import choose_languages
from reviews.forms import language_name
from reviews.models import ReviewerProfile
from reviews.queries.eligibility import offered_languages

admin.site.unregister(User)

# what only a superuser may hand out; an Admin makes people and puts them into groups
SUPERUSER_ONLY = ("is_superuser", "user_permissions")

DJANGOS = tuple(UserAdmin.fieldsets or ())


class PersonForm(UserChangeForm):
    """With the languages a person reads, which they may also tell themselves, in their profile."""

    languages = forms.MultipleChoiceField(
        label=_("Languages they read well"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("They are given only pairs they can read. Choose none to give them all."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("languages")
        if isinstance(field, forms.MultipleChoiceField):
            known = _languages_of(self.instance)
            field.choices = [(code, language_name(code)) for code in offered_languages(known)]
            field.initial = known


def _languages_of(person: User) -> list[str]:
    try:
        return list(person.reviewer_profile.languages)
    except ReviewerProfile.DoesNotExist:
        return []


@admin.register(User)
class PeopleAdmin(UserAdmin):
    form = PersonForm
    # a person without a role can do nothing, so the role is asked for at once
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "first_name", "usable_password", "password1", "password2", "groups"),
            },
        ),
    )
    fieldsets = (*DJANGOS[:-1], (_("Reviewing"), {"fields": ("languages",)}), DJANGOS[-1])
    list_display = ("username", "first_name", "last_name", "email", "roles", "languages", "is_active")
    list_filter = ("groups", "is_active", "is_staff")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        return people.select_related("reviewer_profile").prefetch_related("groups")

    @admin.display(description=_("roles and groups"))
    def roles(self, person: User) -> str:
        return ", ".join(group.name for group in person.groups.all())

    @admin.display(description=_("languages"))
    def languages(self, person: User) -> str:
        return ", ".join(language_name(code) for code in _languages_of(person)) or gettext("any")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "languages" in form.changed_data:
            choose_languages(person=obj, languages=form.cleaned_data["languages"])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *SUPERUSER_ONLY)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody but a superuser changes a superuser: a new password would make them one."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)
