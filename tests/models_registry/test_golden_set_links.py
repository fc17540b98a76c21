"""From a golden set's own pages to its draft."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from models_registry.actions.drafts import retire_example
from models_registry.actions.flags import flag_example
from models_registry.models import GoldenSetVersion
from tests.factories import ROWS, make_golden_set_version

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
STRANGE = 'a key & "more"/é'


@pytest.fixture
def version(db: None) -> GoldenSetVersion:
    make_golden_set_version(name="support")
    return make_golden_set_version([*ROWS, {"id": STRANGE, "prompt": "Hello?"}], name="support")


def edit(key: str) -> str:
    return f'href="{reverse("golden_set_draft_edit", args=["support"])}?key={quote(key, safe="")}"'


def test_draft_is_linked_with_what_waits_in_it(
    client_for: ClientFor, admin_user: User, version: GoldenSetVersion
) -> None:
    def label() -> str:
        page = client_for(admin_user).get(version.golden_set.get_absolute_url()).text
        return page.split(f'href="{reverse("golden_set_draft", args=["support"])}">')[1].split("</a>")[0]

    assert label() == "Draft"
    retire_example(golden_set=version.golden_set, key=STRANGE, by=admin_user)
    assert label() == "Draft: one change"
    for kind in ("tag", "ambiguous"):
        flag_example(example=version.examples.all()[0], kind=kind, note="", by=admin_user)
    assert label() == "Draft: one change, 2 flags"


def test_examples_of_the_newest_version_lead_to_their_editing(
    client_for: ClientFor, admin_user: User, version: GoldenSetVersion
) -> None:
    page = client_for(admin_user).get(version.get_absolute_url()).text
    for key in version.examples.values_list("key", flat=True):
        assert edit(key) in page


def test_older_versions_and_people_who_may_not_edit_see_no_such_link(
    client_for: ClientFor, admin_user: User, lead: User, version: GoldenSetVersion
) -> None:
    older = reverse("golden_set_version", args=["support", 1])
    assert "/draft/edit/" not in client_for(admin_user).get(older).text
    assert "/draft/edit/" not in client_for(lead).get(version.get_absolute_url()).text
