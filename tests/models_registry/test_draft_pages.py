"""The draft's pages: what they show, and that nothing typed into them is lost."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from models_registry.actions.drafts import add_example, edit_example, retire_example
from models_registry.actions.flags import flag_example
from models_registry.models import ExampleFlag, GoldenSet, GoldenSetVersion, Upload
from models_registry.queries.drafts import example_in_draft
from tests.factories import make_golden_set_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
DRAFT = "/golden-sets/support/draft/"
ADD = f"{DRAFT}add/"
SAID = [{"role": "user", "content": "Write a poem."}, {"role": "user", "content": "Shorter."}]
HARD_KEY = "a/b?c&d=é #1"
ROWS: list[dict[str, Any]] = [
    {
        "id": "refund-1",
        "prompt": "Where is my refund?",
        "tags": ["refunds", "billing"],
        "reference": "In 5 days.",
    },
    {"id": "replayed", "messages": SAID, "metadata": {"turns": 2, "é": [1.0, None]}},
    {
        "id": HARD_KEY,
        "messages": [
            {"role": "system", "content": " Be brief.\n"},
            {"role": "user", "content": "\r\nOne\r\n\ttwo  "},
            {"role": "assistant", "content": "\n\nThree"},
            {"role": "user", "content": "</textarea> & four"},
        ],
        "tags": ["a;b", "c"],
        "lang": "pt-BR",
    },
]


@pytest.fixture
def version(db: None) -> GoldenSetVersion:
    return make_golden_set_version(ROWS, name="support")


@pytest.fixture
def golden_set(version: GoldenSetVersion) -> GoldenSet:
    return version.golden_set


@pytest.fixture
def admin(client_for: ClientFor, admin_user: User, version: GoldenSetVersion) -> Client:
    return client_for(admin_user)


def edit_page(key: str) -> str:
    return f"{DRAFT}edit/?{urlencode({'key': key})}"


def as_browser(page: Any) -> dict[str, str]:
    """What a browser sends of the form of an example: texts with CRLF, and without the line after <textarea>."""
    form = page.text[page.text.index('<form class="panel form"') :]
    sent = {}
    for attributes in re.findall(r"<input([^>]*)>", form):
        given = {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', attributes)}
        if given.get("type") != "checkbox":
            sent[given["name"]] = given.get("value", "")
        elif "checked" in attributes:
            sent[given["name"]] = "on"
    for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        text = html.unescape(text).replace("\r\n", "\n").replace("\r", "\n")
        sent[name] = text.replace("\n", "\r\n")
    return sent


def kinds(golden_set: GoldenSet) -> dict[str, str]:
    return dict(golden_set.draft_changes.values_list("key", "kind"))


NEW = {
    "id": "new-1",
    "rounds": "1",
    "user_1": "Is it\r\nwaterproof?",
    "tags": "products; care ;",
    "lang": "EN",
}


# --- adding ------------------------------------------------------------------------------------------------


def test_example_is_added_without_json(admin: Client, golden_set: GoldenSet) -> None:
    page = admin.post(ADD, NEW | {"note": "Asked often", "system": "Be kind."}, follow=True)
    assert page.redirect_chain == [(DRAFT, 302)]
    assert "new-1 is in the draft." in page.text
    row = example_in_draft(golden_set, "new-1").row
    assert row is not None
    assert row.messages == (
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Is it\nwaterproof?"},
    )
    assert (row.tags, row.lang, row.metadata) == (("products", "care"), "en", {})


def test_added_turn_keeps_what_was_typed_and_checks_nothing_yet(admin: Client, golden_set: GoldenSet) -> None:
    typed = {
        "rounds": "1",
        "user_1": "",
        "tags": "half",
        "metadata": "{not yet",
        "note": "why",
        "add_turn": "1",
    }
    page = admin.post(ADD, typed)
    assert page.status_code == 200
    assert "errorlist" not in page.text
    sent = as_browser(page)
    assert (sent["rounds"], sent["answer_2"], sent["user_2"]) == ("2", "", "")
    assert (sent["tags"], sent["metadata"], sent["note"]) == ("half", "{not yet", "why")
    assert page.text.count("autofocus") == 1
    page = admin.post(ADD, sent | {"user_1": "Hi", "add_turn": "1"})
    assert as_browser(page)["rounds"] == "3"
    assert not golden_set.draft_changes.exists()


def test_turns_that_were_answered_and_left_empty_make_the_conversation(
    admin: Client, golden_set: GoldenSet
) -> None:
    more = {
        "rounds": "4",
        "answer_2": "Yes.",
        "user_2": "And warm?",
        "user_3": "  ",
        "answer_4": "",
        "user_4": "",
    }
    admin.post(ADD, NEW | more)
    row = example_in_draft(golden_set, "new-1").row
    assert row is not None
    assert [message["role"] for message in row.messages] == ["user", "assistant", "user"]


def test_answers_left_to_the_models_make_a_replayed_conversation(
    admin: Client, golden_set: GoldenSet
) -> None:
    admin.post(ADD, NEW | {"rounds": "2", "answer_2": "", "user_2": "And warm?"})
    row = example_in_draft(golden_set, "new-1").row
    assert row is not None
    assert [message["role"] for message in row.messages] == ["user", "user"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user_1": " "}, "Write what the user asks."),
        ({"id": ""}, "Give it an id, such as billing-014."),
        ({"id": "refund-1"}, "The newest version has an example of this id"),
        ({"rounds": "2", "answer_2": "Yes."}, "end with the user message to be answered"),
        ({"rounds": "3", "answer_2": "Yes.", "user_2": "b", "user_3": "c"}, "Give all of them, or none."),
        ({"tags": "a; a"}, "give each tag once"),
        ({"lang": "english!"}, "give a language code"),
        ({"metadata": "{"}, "the metadata"),
        ({"metadata": "[1]"}, "Write an object"),
        ({"metadata": '{"a": 1, "a": 2}'}, "twice"),
        ({"reference": "a\x00"}, "Null characters"),
    ],
)
def test_mistake_is_said_at_its_field_and_nothing_typed_is_lost(
    fields: dict[str, str], said: str, admin: Client, golden_set: GoldenSet
) -> None:
    typed = NEW | {"reference": "Up to\r\n3 bar", "metadata": '{"a": 1}', "note": "Often"} | fields
    page = admin.post(ADD, typed)
    assert page.status_code == 422
    assert said in html.unescape(page.text)
    assert "errorlist nonfield" not in page.text
    sent = as_browser(page)
    for name, value in typed.items():
        assert sent[name].strip() == value.strip(), name
    assert not golden_set.draft_changes.exists()


# --- editing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [row["id"] for row in ROWS])
def test_example_saved_as_it_was_opened_is_no_change(key: str, admin: Client, golden_set: GoldenSet) -> None:
    sent = as_browser(admin.get(edit_page(key)))
    page = admin.post(edit_page(key), sent, follow=True)
    assert "is as the newest version has it." in page.text
    assert kinds(golden_set) == {}


def test_replayed_conversation_survives_an_edit(admin: Client, golden_set: GoldenSet) -> None:
    sent = as_browser(admin.get(edit_page("replayed")))
    assert (sent["user_1"], sent["answer_2"], sent["user_2"]) == ("Write a poem.", "", "Shorter.")
    admin.post(edit_page("replayed"), sent | {"reference": "Four lines"})
    row = example_in_draft(golden_set, "replayed").row
    assert row is not None
    assert (list(row.messages), row.reference, row.metadata) == (
        SAID,
        "Four lines",
        {"turns": 2, "é": [1.0, None]},
    )


def test_edit_of_one_field_leaves_the_others_to_the_letter(admin: Client, golden_set: GoldenSet) -> None:
    sent = as_browser(admin.get(edit_page(HARD_KEY)))
    admin.post(edit_page(HARD_KEY), sent | {"reference": "New", "tags": "c; a;b; d"})
    row = example_in_draft(golden_set, HARD_KEY).row
    assert row is not None
    assert list(row.messages) == ROWS[2]["messages"]
    assert row.tags == ("c", "a;b", "d")


def test_edit_that_settles_flags_takes_them_off_the_list(
    admin: Client, version: GoldenSetVersion, reviewer: User, admin_user: User
) -> None:
    example = version.examples.get(key="refund-1")
    flag = flag_example(example=example, kind="reference", note="It is 3 days", by=reviewer)
    page = admin.get(edit_page("refund-1"))
    assert "It is 3 days" in page.text
    sent = as_browser(page)
    assert sent["settle"] == "on"
    without = {name: value for name, value in sent.items() if name != "settle"}
    admin.post(edit_page("refund-1"), without | {"reference": "In 3 days."})
    flag.refresh_from_db()
    assert flag.settled_at is None
    admin.post(edit_page("refund-1"), sent | {"reference": "In 3 days."})
    flag.refresh_from_db()
    assert flag.settled_by == admin_user


def test_example_is_retired_from_its_form_with_the_reason_typed_there(
    admin: Client, golden_set: GoldenSet
) -> None:
    sent = as_browser(admin.get(edit_page(HARD_KEY)))
    page = admin.post(f"{DRAFT}retire/", sent | {"note": "Nobody asks that"}, follow=True)
    assert "The next version leaves" in page.text
    change = golden_set.draft_changes.get()
    assert (change.key, change.kind, change.note) == (HARD_KEY, "retire", "Nobody asks that")
    assert "The draft retires this example." in admin.get(edit_page(HARD_KEY)).text


def test_reason_that_cannot_be_stored_leads_back_to_the_example(admin: Client, golden_set: GoldenSet) -> None:
    page = admin.post(f"{DRAFT}retire/", {"key": HARD_KEY, "note": "a\x00b"}, follow=True)
    assert page.redirect_chain == [(edit_page(HARD_KEY), 302)]
    assert "note-error" in page.text
    assert kinds(golden_set) == {}


@pytest.mark.parametrize("key", ["nowhere", "", "a\x00b"])
def test_example_that_is_not_there_is_404(key: str, admin: Client) -> None:
    assert admin.get(edit_page(key)).status_code == 404


def test_set_that_is_not_there_is_404(admin: Client) -> None:
    for path in ("draft/", "draft/add/", "draft/edit/?key=a"):
        assert admin.get(f"/golden-sets/nowhere/{path}").status_code == 404


# --- the draft ---------------------------------------------------------------------------------------------


def test_draft_shows_before_and_after(admin: Client, golden_set: GoldenSet, admin_user: User) -> None:
    edit_example(
        golden_set=golden_set, key="refund-1", raw={**ROWS[0], "reference": "In 3 days."}, by=admin_user
    )
    page = admin.get(DRAFT)
    assert "In <del>5</del> days." in page.text
    assert "In <ins>3</ins> days." in page.text
    assert "Edited: refund-1." in page.text


def test_hostile_texts_are_shown_as_text(admin: Client, golden_set: GoldenSet, admin_user: User) -> None:
    raw = {"id": "<b>x", "prompt": "<script>alert(1)</script>", "tags": ["<i>"]}
    add_example(golden_set=golden_set, raw=raw, by=admin_user, note="<u>")
    for page in (admin.get(DRAFT), admin.get(edit_page("<b>x"))):
        assert page.status_code == 200
        assert not re.search(r"<script>alert|<b>x|<i>|<u>", page.text)


def test_change_is_undone_from_the_draft(admin: Client, golden_set: GoldenSet, admin_user: User) -> None:
    retire_example(golden_set=golden_set, key=HARD_KEY, by=admin_user)
    assert html.escape(HARD_KEY) in admin.get(DRAFT).text
    for _twice in range(2):
        assert admin.post(f"{DRAFT}undo/", {"key": HARD_KEY}).status_code == 302
    assert kinds(golden_set) == {}


def test_conflict_has_a_way_out(admin: Client, golden_set: GoldenSet, admin_user: User) -> None:
    edit_example(golden_set=golden_set, key="refund-1", raw={**ROWS[0], "lang": "en"}, by=admin_user)
    make_golden_set_version(ROWS[1:], name="support")
    page = admin.get(DRAFT)
    assert "Version 2 no longer fits one change." in page.text
    refused = admin.post(DRAFT, {"changelog": "Typed already"})
    assert refused.status_code == 422
    assert "Typed already" in refused.text
    admin.post(f"{DRAFT}keep/", {"key": "refund-1"})
    assert "no longer fits" not in admin.get(DRAFT).text
    assert kinds(golden_set) == {"refund-1": "add"}


def test_published_draft_leads_to_its_check(admin: Client, golden_set: GoldenSet, admin_user: User) -> None:
    retire_example(golden_set=golden_set, key="refund-1", by=admin_user)
    page = admin.post(DRAFT, {"changelog": "Without refunds"})
    upload = Upload.objects.get()
    assert page.status_code == 302
    assert page.headers["Location"] == upload.get_absolute_url()
    assert (upload.changelog, upload.from_draft) == ("Without refunds", True)
    waiting = admin.get(DRAFT)
    assert "is checked but not stored yet" in waiting.text
    assert upload.get_absolute_url() in waiting.text
    assert f'href="{DRAFT}"' in admin.get(upload.get_absolute_url()).text
    discarded = admin.post(f"{upload.get_absolute_url()}discard/")
    assert discarded.headers["Location"] == DRAFT


def test_flags_are_the_to_do_list(
    admin: Client, version: GoldenSetVersion, reviewer: User, client_for: ClientFor, lead: User
) -> None:
    example = version.examples.get(key=HARD_KEY)
    flag = flag_example(example=example, kind="ambiguous", note="Which <one>?", by=reviewer)
    page = admin.get(DRAFT)
    assert "The prompt is ambiguous" in page.text
    assert "Which &lt;one&gt;?" in page.text
    links = [html.unescape(link) for link in re.findall(r'href="([^"]*draft/edit/[^"]*)"', page.text)]
    assert HARD_KEY in admin.get(links[0]).text.replace("&amp;", "&")

    settle = reverse("flag_settle", args=["support", flag.pk])
    assert client_for(lead).post(settle).status_code == 403
    for _twice in range(2):
        assert admin.post(settle).status_code == 302
    assert ExampleFlag.objects.get().settled_at is not None
    assert "Settled by" in admin.get(DRAFT).text
    assert admin.post(reverse("flag_settle", args=["other", flag.pk])).status_code == 404


def test_lead_looks_and_changes_nothing(
    client_for: ClientFor, lead: User, golden_set: GoldenSet, admin_user: User
) -> None:
    add_example(golden_set=golden_set, raw={"id": "new-1", "prompt": "Hm?"}, by=admin_user)
    client = client_for(lead)
    page = client.get(DRAFT)
    assert page.status_code == 200
    assert "new-1" in page.text
    assert not re.search(r'action="/golden-sets/', page.text)
    assert client.post(DRAFT, {"changelog": ""}).status_code == 403
    for path in ("add/", "retire/", "undo/", "keep/"):
        assert client.post(f"{DRAFT}{path}", NEW | {"key": "refund-1"}).status_code == 403
    assert kinds(golden_set) == {"new-1": "add"}


def test_example_is_found_by_its_text(admin: Client) -> None:
    page = admin.get(f"{DRAFT}?q=poem")
    assert f"{DRAFT}edit/?key=replayed" in page.text
    assert f"{DRAFT}edit/?key=refund-1" not in page.text
    assert "No example is like that." in admin.get(f"{DRAFT}?q=nothing").text


def test_empty_set_has_a_draft(admin: Client) -> None:
    GoldenSet.objects.create(name="fresh")
    page = admin.get("/golden-sets/fresh/draft/")
    assert page.status_code == 200
    assert "What becomes version 1" in page.text
