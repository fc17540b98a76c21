"""Change single examples of a golden set: first in its draft, then, all at once, as its next version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import check_storable
from models_registry.actions.uploads import keep_upload, work_on
from models_registry.content_hash import canonical_row
from models_registry.golden_files import Row, check_row, write
from models_registry.golden_files.raw import raw_of
from models_registry.models import DraftChange, GoldenSet, Upload
from models_registry.queries.drafts import draft_of, drafted_rows, example_in_draft

# a row that is good, into which each column is put on its own to learn what is wrong with it
GOOD_ROW = {"id": "id", "prompt": "prompt"}
CONVERSATION = ("messages", "prompt", "user_turns", "system")
Kind = DraftChange.Kind


@transaction.atomic
def add_example(*, golden_set: GoldenSet, raw: Mapping[str, Any], by: User, note: str = "") -> DraftChange:
    """Put a new example into the draft. `raw` has the columns of a file's row.

    Raises ValidationError by column. An id that the newest version or the draft has already is refused.
    """
    golden_set = _held(golden_set)
    row = _checked(raw)
    check_storable("note", note)
    there = example_in_draft(golden_set, row.key)
    if there.change is not None and there.change.kind != Kind.ADD:
        raise ValidationError({"id": _("The draft changes an example of this id; edit that one.")})
    if there.change is not None:
        raise ValidationError({"id": _("The draft has an example of this id; edit it, or use another id.")})
    if there.before is not None:
        raise ValidationError(
            {"id": _("The newest version has an example of this id; edit it, or use another id.")}
        )
    return DraftChange.objects.create(
        golden_set=golden_set, key=row.key, kind=Kind.ADD, row=raw_of(row), note=note.strip(), created_by=by
    )


@transaction.atomic
def edit_example(
    *, golden_set: GoldenSet, key: str, raw: Mapping[str, Any], by: User, note: str = ""
) -> DraftChange | None:
    """Write down how an example is to be; None where that is how the newest version has it already."""
    golden_set = _held(golden_set)
    row = _checked({**raw, "id": key})
    check_storable("note", note)
    there = example_in_draft(golden_set, key)
    if there.before is None and there.change is None:
        raise ValidationError(
            _("The newest version has no example %(key)s; add it as a new one.") % {"key": key}
        )
    if there.before is not None and _canonical(row) == _canonical(there.before):
        golden_set.draft_changes.filter(key=key).delete()
        return None
    change, _created = golden_set.draft_changes.update_or_create(
        key=key,
        defaults={
            "kind": Kind.ADD if there.before is None else Kind.EDIT,
            "row": raw_of(row),
            "note": note.strip(),
            "created_by": by,
        },
    )
    return change


@transaction.atomic
def retire_example(*, golden_set: GoldenSet, key: str, by: User, note: str = "") -> DraftChange | None:
    """Leave an example out of the next version; one that was only to be added is added no longer."""
    golden_set = _held(golden_set)
    check_storable("note", note)
    there = example_in_draft(golden_set, key)
    if there.before is None:
        golden_set.draft_changes.filter(key=key).delete()
        return None
    if there.change is not None and there.is_retired and not note.strip():
        return there.change
    change, _created = golden_set.draft_changes.update_or_create(
        key=key, defaults={"kind": Kind.RETIRE, "row": None, "note": note.strip(), "created_by": by}
    )
    return change


@transaction.atomic
def undo_draft_change(*, golden_set: GoldenSet, key: str, by: User) -> None:
    """Leave the example as the newest version has it, or hasn't."""
    _held(golden_set).draft_changes.filter(key=key).delete()


@transaction.atomic
def keep_draft_change(*, golden_set: GoldenSet, key: str, by: User) -> None:
    """Of a change that the newest version no longer fits: let the draft's example stand.

    An edit of an example that is gone adds it; an addition under an id that is there by now replaces that one.
    """
    golden_set = _held(golden_set)
    there = example_in_draft(golden_set, key)
    kind = Kind.ADD if there.before is None else Kind.EDIT
    golden_set.draft_changes.filter(key=key, row__isnull=False).update(kind=kind, changed_at=timezone.now())


def publish_draft(*, golden_set: GoldenSet, changelog: str, by: User) -> Upload:
    """Give the newest version with the draft's changes as a file: checked, looked at and stored like any other.

    Storing it ends the changes that are older than the file. So none may be written between the reading of the
    draft and the upload: whoever changes an example meanwhile waits, and is later than it.
    """
    upload = _kept_draft(golden_set, changelog, by)
    work_on(upload=upload)
    return upload


@transaction.atomic
def _kept_draft(golden_set: GoldenSet, changelog: str, by: User) -> Upload:
    golden_set = _held(golden_set)
    draft = draft_of(golden_set)
    if not draft.changes:
        raise ValidationError(_("The draft is empty. Add, edit or retire an example first."))
    if draft.conflicts:
        keys = ", ".join(pending.change.key for pending in draft.conflicts[:5])
        raise ValidationError(
            _("A newer version no longer fits some changes: %(keys)s. Keep or drop each of them first.")
            % {"keys": keys}
        )
    if not draft.rows_after:
        raise ValidationError(_("Nothing would be left of the golden set. Keep at least one example."))
    return keep_upload(
        name=golden_set.name,
        pieces=write(drafted_rows(draft), "jsonl"),
        filename=f"{golden_set.name}-draft.jsonl",
        by=by,
        changelog=changelog.strip(),
        from_draft=True,
    )


def _held(golden_set: GoldenSet) -> GoldenSet:
    """Holds the set until the end, so that two people who change one example come one after the other."""
    return GoldenSet.objects.select_for_update().get(pk=golden_set.pk)


def _checked(raw: Mapping[str, Any]) -> Row:
    row = check_row(1, raw)
    if isinstance(row, Row):
        return row
    columns = {name: {name: value} for name, value in raw.items() if name not in CONVERSATION}
    columns["messages"] = {name: raw[name] for name in CONVERSATION if name in raw}
    columns["id"] = {"id": raw.get("id")}
    errors: dict[str, list[str]] = {}
    for name, given in columns.items():
        good = {"id": GOOD_ROW["id"]} if name == "messages" else GOOD_ROW
        checked = check_row(1, {**good, **given})
        if not isinstance(checked, Row):
            errors[name] = [f"{problem.message}; {problem.fix}" for problem in checked]
    raise ValidationError(errors)


def _canonical(row: Row) -> str:
    return canonical_row(
        key=row.key,
        messages=list(row.messages),
        tags=row.tags,
        reference=row.reference,
        lang=row.lang,
        metadata=dict(row.metadata or {}),
    )
