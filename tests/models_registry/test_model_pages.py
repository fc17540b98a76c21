from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client

from models_registry.models import Fault, KnownLimitation, ModelVersion
from tests.factories import make_golden_set_version, make_model_version, make_response

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]


@pytest.fixture
def version(db: None) -> ModelVersion:
    version = make_model_version(
        "aurora",
        version="ft-1",
        system_prompt="<b>Be kind.</b>",
        changelog="Cheaper.",
        intended_use="Chat.",
        training_data_sha256="ab" * 32,
        input_price=Decimal("0.075"),
        output_price=Decimal(10),
    )
    KnownLimitation.objects.create(model_version=version, limitation="Slow", mitigation="Cache")
    return version


def test_admin_and_lead_see_models(
    client_for: ClientFor, admin_user: User, lead: User, version: ModelVersion
) -> None:
    for user in (admin_user, lead):
        assert "ft-1" in client_for(user).get("/models/").text
        assert client_for(user).get(version.get_absolute_url()).status_code == 200


def test_reviewer_sees_no_model_and_outsider_logs_in(
    client_for: ClientFor, reviewer: User, version: ModelVersion
) -> None:
    for path in ("/models/", version.get_absolute_url()):
        assert client_for(reviewer).get(path).status_code == 403
        assert client_for(None).get(path).status_code == 302


def test_version_page_shows_every_field(client_for: ClientFor, lead: User, version: ModelVersion) -> None:
    text = client_for(lead).get(version.get_absolute_url()).text
    for part in (
        "aurora ft-1",
        version.served_name,
        "&lt;b&gt;Be kind.&lt;/b&gt;",
        "temperature = 0",
        "$0.075",
        "$10 ",
        "ab" * 32,
        "Cheaper.",
        "Chat.",
        "Slow",
        "Cache",
        "Not asked yet.",
    ):
        assert part in text


def test_version_page_says_when_it_is_frozen(
    client_for: ClientFor, lead: User, version: ModelVersion
) -> None:
    make_response(version, make_golden_set_version().examples.get(position=0))
    response = client_for(lead).get(version.get_absolute_url())
    assert "Frozen:" in response.text
    assert response.context["counts"] == {"pending": 0, "done": 1, "failed": 0}


def test_link_to_the_admin_site_is_for_who_may_change(
    client_for: ClientFor, admin_user: User, lead: User, version: ModelVersion
) -> None:
    link = f"/admin/models_registry/modelversion/{version.pk}/change/"
    assert link in client_for(admin_user).get(version.get_absolute_url()).text
    assert link not in client_for(lead).get(version.get_absolute_url()).text


def test_newest_version_stands_first(client_for: ClientFor, lead: User) -> None:
    for name in ("1", "2", "3"):
        make_model_version("aurora", version=name)
    (summary,) = client_for(lead).get("/models/").context["models"]
    assert [version.version for version in summary.versions] == ["3", "2", "1"]


def test_empty_list_says_what_to_do(client_for: ClientFor, admin_user: User, lead: User) -> None:
    assert "manage.py register_model" in client_for(admin_user).get("/models/").text
    assert "An admin registers one" in client_for(lead).get("/models/").text


# --- the admin site ----------------------------------------------------------------------------------------


def test_admin_site_lists_and_shows_everything(
    client_for: ClientFor, admin_user: User, version: ModelVersion
) -> None:
    golden = make_golden_set_version()
    response = make_response(version, golden.examples.get(position=0))
    client = client_for(admin_user)
    for name, row in {
        "endpoint": version.endpoint_id,
        "model": version.model_id,
        "modelversion": version.pk,
        "goldenset": golden.golden_set_id,
        "goldensetversion": golden.pk,
        "response": response.pk,
    }.items():
        assert client.get(f"/admin/models_registry/{name}/", {"q": "x"}).status_code == 200
        assert client.get(f"/admin/models_registry/{name}/{row}/change/").status_code == 200


def test_admin_site_registers_a_version(
    client_for: ClientFor, admin_user: User, version: ModelVersion
) -> None:
    response = client_for(admin_user).post(
        "/admin/models_registry/modelversion/add/",
        {
            "model": version.model_id,
            "version": "ft-2",
            "endpoint": version.endpoint_id,
            "served_name": "ft-2",
            "parameters": "{}",
            "input_price": "0",
            "output_price": "0",
            "known_limitations-TOTAL_FORMS": "1",
            "known_limitations-INITIAL_FORMS": "0",
            "known_limitations-0-limitation": "Slow",
        },
    )
    assert response.status_code == 302
    added = ModelVersion.objects.get(version="ft-2")
    assert added.created_by == admin_user
    assert added.known_limitations.count() == 1


def test_frozen_version_can_only_be_documented(
    client_for: ClientFor, admin_user: User, version: ModelVersion
) -> None:
    path = f"/admin/models_registry/modelversion/{version.pk}/change/"
    client = client_for(admin_user)
    assert 'name="served_name"' in client.get(path).text
    make_response(version, make_golden_set_version().examples.get(position=0))
    text = client.get(path).text
    assert 'name="served_name"' not in text
    assert "Frozen: this version has answered already" in text
    response = client.post(
        path,
        {
            "changelog": "New words",
            "served_name": "other",
            "known_limitations-TOTAL_FORMS": "0",
            "known_limitations-INITIAL_FORMS": "0",
        },
    )
    assert response.status_code == 302
    version.refresh_from_db()
    assert version.changelog == "New words"
    assert version.served_name != "other"


@pytest.mark.parametrize("name", ["goldenset", "goldensetversion", "response"])
def test_admin_site_only_shows_golden_sets_and_responses(
    client_for: ClientFor, admin_user: User, version: ModelVersion, name: str
) -> None:
    golden = make_golden_set_version()
    response = make_response(version, golden.examples.get(position=0))
    row = {"goldenset": golden.golden_set_id, "goldensetversion": golden.pk, "response": response.pk}[name]
    client = client_for(admin_user)
    assert client.get(f"/admin/models_registry/{name}/add/").status_code == 403
    assert client.post(f"/admin/models_registry/{name}/{row}/change/", {}).status_code == 403
    assert client.post(f"/admin/models_registry/{name}/{row}/delete/", {"post": "yes"}).status_code == 403


def test_version_page_says_what_its_responses_took_and_cost(
    client_for: ClientFor, lead: User, version: ModelVersion
) -> None:
    for number, example in enumerate(make_golden_set_version(20).examples.all(), 1):
        make_response(version, example, latency_seconds=number, cost=Decimal("0.25"))
    response = client_for(lead).get(version.get_absolute_url())
    served = response.context["served"]
    assert (served.measured, served.p50_seconds, served.p95_seconds) == (20, 10.5, 19.0)
    assert (served.dollars, served.mean_dollars) == (Decimal(5), Decimal("0.25"))
    for part in ("10.50 s", "19.00 s", "$5.00", "$0.250000 a response"):
        assert part in response.text


def test_version_page_counts_faults_by_kind_and_lists_the_newest(
    client_for: ClientFor, lead: User, version: ModelVersion
) -> None:
    assert "Faults" not in client_for(lead).get(version.get_absolute_url()).text
    response = make_response(version, make_golden_set_version(1).examples.get())
    other = make_response(make_model_version(), make_golden_set_version(1).examples.get())
    for number in range(12):
        Fault.objects.create(
            response=response, model_version=version, kind="timeout", message=f"<late> {number}."
        )
    Fault.objects.create(
        response=other, model_version=other.model_version, kind="refused", message="of another"
    )
    text = client_for(lead).get(version.get_absolute_url()).text
    assert "12 × no answer in time" in text
    assert "&lt;late&gt; 11." in text
    assert "&lt;late&gt; 1." not in text
    assert "of another" not in text
