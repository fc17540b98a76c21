"""Say that something is wrong with an example, and settle it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import check_storable
from models_registry.models import Example, ExampleFlag


def flag_example(*, example: Example, kind: str, note: str, by: User) -> ExampleFlag:
    """Put it on the to-do list of the golden set's draft. Who says the same again adds at most to their note."""
    note = note.strip()
    if kind not in ExampleFlag.Kind.values:
        raise ValidationError({"kind": _("Choose what is wrong.")})
    if kind == ExampleFlag.Kind.OTHER and not note:
        raise ValidationError({"note": _("Say what is wrong with it.")})
    check_storable("note", note)
    mine = {"example": example, "kind": kind, "created_by": by, "settled_at": None}
    try:
        with transaction.atomic():
            flag, created = ExampleFlag.objects.get_or_create(**mine, defaults={"note": note})
    except IntegrityError:  # a second click that came at the same moment
        flag, created = ExampleFlag.objects.get(**mine), False
    if not created and note not in flag.note:
        flag.note = f"{flag.note}\n{note}".strip()
        flag.save(update_fields=["note"])
    return flag


def settle_flag(*, flag: ExampleFlag, by: User) -> ExampleFlag:
    """Take it off the list; whoever was first has settled it."""
    ExampleFlag.objects.filter(pk=flag.pk, settled_at=None).update(settled_at=timezone.now(), settled_by=by)
    flag.refresh_from_db()
    return flag
