"""Single examples changed in a draft, and the draft published."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from models_registry.actions.drafts import (
    add_example,
    edit_example,
    keep_draft_change,
    publish_draft,
    retire_example,
    undo_draft_change,
)
from models_registry.actions.flags import flag_example, settle_flag
from models_registry.actions.uploads import store_upload
from models_registry.golden_files import check_row
from models_registry.importing.parts import open_parts
from models_registry.models import DraftChange, GoldenSet, GoldenSetVersion, Upload
from models_registry.queries import rows_of
from models_registry.queries.drafts import (
    draft_counts,
    draft_of,
    drafted_rows,
    example_in_draft,
    open_flags,
    settled_flags,
)
from tests.factories import make_golden_set_version

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {
        "id": "refund-1",
        "prompt": "Where is my refund?",
        "tags": ["refunds", "billing"],
        "reference": "In 5 days.",
    },
    {
        "id": "replayed/1",
        "messages": [{"role": "user", "content": "Write a poem."}, {"role": "user", "content": "Shorter."}],
        "metadata": {"source": "mt", "turns": 2},
    },
    {"id": "talla-1", "prompt": "¿Qué talla necesito?", "lang": "es"},
]
NEW = {"id": "new-1", "prompt": "Is it waterproof?", "tags": ["products"]}


@pytest.fixture
def version(db: None) -> GoldenSetVersion:
    return make_golden_set_version(ROWS, name="support")


@pytest.fixture
def golden_set(version: GoldenSetVersion) -> GoldenSet:
    return version.golden_set


def kinds(golden_set: GoldenSet) -> dict[str, str]:
    return dict(golden_set.draft_changes.values_list("key", "kind"))


def refused(action: Any, **arguments: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        action(**arguments)
    return caught.value.message_dict if hasattr(caught.value, "error_dict") else {"": caught.value.messages}


def keys_after(golden_set: GoldenSet) -> list[str]:
    return [row.key for row in drafted_rows(draft_of(golden_set))]


# --- adding ------------------------------------------------------------------------------------------------


def test_added_example_waits_in_the_draft(golden_set: GoldenSet, admin_user: User) -> None:
    change = add_example(golden_set=golden_set, raw=NEW, by=admin_user, note=" Asked often ")
    assert (change.key, change.kind, change.note, change.created_by) == (
        "new-1",
        "add",
        "Asked often",
        admin_user,
    )
    assert keys_after(golden_set) == ["refund-1", "replayed/1", "talla-1", "new-1"]
    assert golden_set.versions.count() == 1


def test_id_of_the_newest_version_or_of_the_draft_is_refused(golden_set: GoldenSet, admin_user: User) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "by": admin_user}
    assert "newest version has" in refused(add_example, raw={**NEW, "id": "refund-1"}, **given)["id"][0]
    add_example(raw=NEW, **given)
    assert "draft has" in refused(add_example, raw=NEW, **given)["id"][0]
    retire_example(key="talla-1", **given)
    assert "edit that one" in refused(add_example, raw={**NEW, "id": "talla-1"}, **given)["id"][0]


def test_row_is_refused_with_the_words_a_file_gets_each_at_its_column(
    golden_set: GoldenSet, admin_user: User
) -> None:
    bad = {
        "id": "",
        "user_turns": ["a", ""],
        "tags": ["x", "x"],
        "lang": "??",
        "reference": 3,
        "metadata": [],
    }
    errors = refused(add_example, golden_set=golden_set, raw=bad, by=admin_user)
    assert set(errors) == {"id", "messages", "tags", "lang", "reference", "metadata"}
    problems = check_row(1, bad)
    assert isinstance(problems, list)
    assert {error for found in errors.values() for error in found} == {
        f"{problem.message}; {problem.fix}" for problem in problems
    }
    assert not golden_set.draft_changes.exists()


def test_retiring_an_added_example_removes_it(golden_set: GoldenSet, admin_user: User) -> None:
    add_example(golden_set=golden_set, raw=NEW, by=admin_user)
    for _twice in range(2):
        assert retire_example(golden_set=golden_set, key="new-1", by=admin_user) is None
    assert kinds(golden_set) == {}


def test_editing_an_added_example_leaves_it_an_addition(golden_set: GoldenSet, admin_user: User) -> None:
    add_example(golden_set=golden_set, raw=NEW, by=admin_user)
    edit_example(golden_set=golden_set, key="new-1", raw={**NEW, "prompt": "Washable?"}, by=admin_user)
    assert kinds(golden_set) == {"new-1": "add"}
    row = example_in_draft(golden_set, "new-1").row
    assert row is not None
    assert row.messages[0]["content"] == "Washable?"


# --- editing and retiring ----------------------------------------------------------------------------------


def test_edited_example_stays_in_its_place(golden_set: GoldenSet, admin_user: User) -> None:
    edit_example(golden_set=golden_set, key="refund-1", raw={**ROWS[0], "reference": "In 3."}, by=admin_user)
    rows = list(drafted_rows(draft_of(golden_set)))
    assert [row.key for row in rows] == ["refund-1", "replayed/1", "talla-1"]
    assert rows[0].reference == "In 3."


def test_editing_back_removes_the_change(golden_set: GoldenSet, admin_user: User) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "key": "refund-1", "by": admin_user}
    edit_example(raw={**ROWS[0], "reference": "In 3."}, **given)
    assert edit_example(raw=ROWS[0], note="as it was", **given) is None
    assert kinds(golden_set) == {}


def test_whole_number_and_fraction_of_the_same_value_differ_as_their_sha256_does(
    golden_set: GoldenSet, admin_user: User
) -> None:
    row = {"id": "replayed/1", "user_turns": ["Write a poem.", "Shorter."]}
    for turns, kept in ((2, False), (2.0, True), (2, False)):
        change = edit_example(
            golden_set=golden_set,
            key="replayed/1",
            raw={**row, "metadata": {"turns": turns, "source": "mt"}},
            by=admin_user,
        )
        assert bool(change) is kept


def test_editing_a_retired_example_keeps_it(golden_set: GoldenSet, admin_user: User) -> None:
    retire_example(golden_set=golden_set, key="refund-1", by=admin_user, note="Old")
    retire_example(golden_set=golden_set, key="refund-1", by=admin_user)
    assert golden_set.draft_changes.get().note == "Old"
    edit_example(golden_set=golden_set, key="refund-1", raw={**ROWS[0], "lang": "en"}, by=admin_user)
    assert kinds(golden_set) == {"refund-1": "edit"}
    retire_example(golden_set=golden_set, key="refund-1", by=admin_user)
    assert edit_example(golden_set=golden_set, key="refund-1", raw=ROWS[0], by=admin_user) is None
    assert kinds(golden_set) == {}


def test_unknown_example_is_not_edited(golden_set: GoldenSet, admin_user: User) -> None:
    errors = refused(edit_example, golden_set=golden_set, key="nowhere", raw=NEW, by=admin_user)
    assert "add it as a new one" in errors[""][0]
    assert retire_example(golden_set=golden_set, key="nowhere", by=admin_user) is None
    assert kinds(golden_set) == {}


def test_undone_change_leaves_the_example_as_it_was(golden_set: GoldenSet, admin_user: User) -> None:
    retire_example(golden_set=golden_set, key="refund-1", by=admin_user)
    for _twice in range(2):
        undo_draft_change(golden_set=golden_set, key="refund-1", by=admin_user)
    assert kinds(golden_set) == {}


def test_draft_shows_what_changed_in_its_place(golden_set: GoldenSet, admin_user: User) -> None:
    raw = {"id": "replayed/1", "user_turns": ["Write a poem.", "Make it shorter."], "lang": "en"}
    edit_example(golden_set=golden_set, key="replayed/1", raw=raw, by=admin_user)
    [pending] = draft_of(golden_set).changes
    shown = [(found.part, found.is_change) for found in pending.differences]
    assert shown == [("user", False), ("user", True), ("lang", True), ("metadata", True)]
    second = pending.differences[1]
    assert "".join(piece.text for piece in second.before) == "Shorter."
    assert "".join(piece.text for piece in second.after) == "Make it shorter."


# --- publishing --------------------------------------------------------------------------------------------


def test_published_draft_becomes_the_next_version(golden_set: GoldenSet, admin_user: User) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "by": admin_user}
    add_example(raw=NEW, **given)
    edit_example(key="refund-1", raw={**ROWS[0], "reference": "In 3."}, **given)
    retire_example(key="talla-1", **given)

    upload = publish_draft(changelog=" Shorter waits. ", **given)

    with open_parts(upload) as stream:
        lines = [json.loads(line) for line in stream.read().splitlines()]
    assert [line["id"] for line in lines] == ["refund-1", "replayed/1", "new-1"]
    assert lines[1]["user_turns"] == ["Write a poem.", "Shorter."]
    assert (upload.from_draft, upload.changelog, upload.created_by) == (True, "Shorter waits.", admin_user)
    assert upload.state == Upload.State.CHECKED
    assert golden_set.draft_changes.count() == 3

    assert store_upload(upload=upload, changelog=upload.changelog)
    upload.refresh_from_db()
    assert upload.version is not None
    assert upload.version.number == 2
    assert [row.key for row in rows_of(upload.version)] == ["refund-1", "replayed/1", "new-1"]
    assert [row.messages for row in rows_of(upload.version)][1] == tuple(ROWS[1]["messages"])
    assert not golden_set.draft_changes.exists()


def test_change_made_while_a_published_draft_waits_outlives_it(
    golden_set: GoldenSet, admin_user: User
) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "by": admin_user}
    retire_example(key="talla-1", **given)
    upload = publish_draft(changelog="", **given)
    assert draft_of(golden_set).waiting == upload
    add_example(raw=NEW, **given)
    store_upload(upload=upload, changelog="")
    assert kinds(golden_set) == {"new-1": "add"}
    assert draft_of(golden_set).waiting is None


def test_empty_draft_and_one_that_leaves_nothing_are_not_published(
    golden_set: GoldenSet, admin_user: User
) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "by": admin_user}
    assert "is empty" in refused(publish_draft, changelog="", **given)[""][0]
    for row in ROWS:
        retire_example(key=row["id"], **given)
    assert "Nothing would be left" in refused(publish_draft, changelog="", **given)[""][0]
    assert not Upload.objects.exists()


def test_set_without_a_version_gets_its_first_from_a_draft(admin_user: User) -> None:
    golden_set = GoldenSet.objects.create(name="fresh")
    add_example(golden_set=golden_set, raw=NEW, by=admin_user)
    assert draft_of(golden_set).next_number == 1
    store_upload(upload=publish_draft(golden_set=golden_set, changelog="", by=admin_user), changelog="")
    assert golden_set.versions.get().rows == 1


# --- a version that someone uploaded meanwhile -------------------------------------------------------------


def test_changes_that_a_newer_version_no_longer_fits_are_conflicts(
    golden_set: GoldenSet, admin_user: User
) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "by": admin_user}
    edit_example(key="refund-1", raw={**ROWS[0], "lang": "en"}, **given)
    retire_example(key="talla-1", **given)
    add_example(raw=NEW, **given)
    make_golden_set_version([ROWS[1], {"id": "new-1", "prompt": "Mine"}], name="support")

    draft = draft_of(golden_set)
    assert {pending.change.key: pending.conflict for pending in draft.conflicts} == {
        "refund-1": "gone",
        "talla-1": "gone",
        "new-1": "taken",
    }
    assert "refund-1" in refused(publish_draft, changelog="", **given)[""][0]

    keep_draft_change(key="refund-1", **given)
    keep_draft_change(key="new-1", **given)
    keep_draft_change(key="talla-1", **given)
    undo_draft_change(key="talla-1", **given)
    assert kinds(golden_set) == {"refund-1": "add", "new-1": "edit"}
    assert keys_after(golden_set) == ["replayed/1", "new-1", "refund-1"]
    assert publish_draft(changelog="", **given).pk


def test_editing_settles_a_conflict_too(golden_set: GoldenSet, admin_user: User) -> None:
    given: dict[str, Any] = {"golden_set": golden_set, "by": admin_user}
    edit_example(key="refund-1", raw={**ROWS[0], "lang": "en"}, **given)
    make_golden_set_version([ROWS[1]], name="support")
    edit_example(key="refund-1", raw=ROWS[0], **given)
    assert not draft_of(golden_set).conflicts
    assert kinds(golden_set) == {"refund-1": "add"}


def test_edit_written_before_the_newest_version_is_marked(golden_set: GoldenSet, admin_user: User) -> None:
    edit_example(golden_set=golden_set, key="refund-1", raw={**ROWS[0], "lang": "en"}, by=admin_user)
    assert not draft_of(golden_set).changes[0].is_older
    make_golden_set_version([*ROWS, NEW], name="support")
    assert draft_of(golden_set).changes[0].is_older


def test_two_people_who_add_the_same_id_at_once_give_one_change(in_threads: Any, make_user: Any) -> None:
    golden_set = make_golden_set_version(ROWS, name="support").golden_set
    people = [make_user(f"admin-{number}", "Admin") for number in range(4)]

    def add(person: User) -> bool:
        try:
            return bool(add_example(golden_set=golden_set, raw=NEW, by=person))
        except ValidationError:
            return False

    assert sorted(in_threads(add, people)) == [False, False, False, True]
    assert DraftChange.objects.count() == 1


# --- flags -------------------------------------------------------------------------------------------------


def test_flag_given_twice_is_one_flag(version: GoldenSetVersion, reviewer: User) -> None:
    example = version.examples.get(key="refund-1")
    given: dict[str, Any] = {"example": example, "kind": "reference", "by": reviewer}
    first = flag_example(note="Five, not three", **given)
    assert flag_example(note="Five, not three", **given) == first
    assert flag_example(note="", **given) == first
    again = flag_example(note="And in working days", **given)
    assert (again.pk, again.note) == (first.pk, "Five, not three\nAnd in working days")


def test_flag_that_says_nothing_is_refused(version: GoldenSetVersion, reviewer: User) -> None:
    example = version.examples.get(key="refund-1")
    assert "kind" in refused(flag_example, example=example, kind="left", note="", by=reviewer)
    assert "note" in refused(flag_example, example=example, kind="other", note=" ", by=reviewer)
    assert "note" in refused(flag_example, example=example, kind="other", note="a\x00", by=reviewer)


def test_settled_flag_keeps_who_was_first_and_can_be_raised_again(
    version: GoldenSetVersion, reviewer: User, admin_user: User, lead: User
) -> None:
    example = version.examples.get(key="refund-1")
    flag = flag_example(example=example, kind="ambiguous", note="", by=reviewer)
    settle_flag(flag=flag, by=admin_user)
    settle_flag(flag=flag, by=lead)
    assert flag.settled_by == admin_user
    assert settled_flags(version.golden_set) == [flag]
    assert flag_example(example=example, kind="ambiguous", note="", by=reviewer) != flag


def test_flags_of_every_version_stand_together_and_the_most_disputed_first(
    version: GoldenSetVersion, reviewer: User, second_reviewer: User
) -> None:
    old = {example.key: example for example in version.examples.all()}
    newer = make_golden_set_version(ROWS[:2], name="support")
    new = {example.key: example for example in newer.examples.all()}
    flag_example(example=old["talla-1"], kind="tag", note="", by=reviewer)
    flag_example(example=old["refund-1"], kind="reference", note="", by=reviewer)
    flag_example(example=new["refund-1"], kind="reference", note="", by=second_reviewer)
    elsewhere = make_golden_set_version(ROWS, name="other")
    flag_example(example=elsewhere.examples.all()[0], kind="tag", note="", by=reviewer)

    listed = open_flags(version.golden_set)
    assert [(item.key, len(item.flags), item.is_there) for item in listed] == [
        ("refund-1", 2, True),
        ("talla-1", 1, False),
    ]
    counts = draft_counts(version.golden_set)
    assert (counts.changes, counts.flags) == (0, 3)


def test_queries_of_a_draft_do_not_grow_with_it(
    golden_set: GoldenSet, admin_user: User, django_assert_num_queries: Any
) -> None:
    for row in ROWS:
        retire_example(golden_set=golden_set, key=row["id"], by=admin_user)
        with django_assert_num_queries(5):  # newest version, changes, examples, their tags, what waits
            assert draft_of(golden_set).changes
