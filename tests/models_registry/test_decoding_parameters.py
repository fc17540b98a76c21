"""Decoding parameters as the admin site takes them."""

from __future__ import annotations

from typing import Any

import pytest

from models_registry.models import ModelVersion
from tests.factories import make_endpoint, make_model_version

pytestmark = pytest.mark.django_db


def save(client: Any, parameters: str) -> Any:
    version = make_model_version(endpoint=make_endpoint())
    inline = {f"known_limitations-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    return client.post(
        "/admin/models_registry/modelversion/add/",
        {
            "model": version.model_id,
            "version": "new",
            "endpoint": version.endpoint_id,
            "served_name": "m",
            "parameters": parameters,
            "input_price": "0",
            "output_price": "0",
            **inline,
        },
    )


def test_parameters_a_provider_can_read_are_saved(client_for, admin_user):
    assert save(client_for(admin_user), '{"temperature": 0.5, "extra_body": {"top_k": 5}}').status_code == 302
    assert ModelVersion.objects.get(version="new").parameters["extra_body"] == {"top_k": 5}


@pytest.mark.parametrize(
    "parameters",
    ['{"temperature": NaN}', '{"top_p": -Infinity}', '{"seed": 1, "extra_body": {"a": [{"b": Infinity}]}}'],
)
def test_what_json_can_not_say_is_refused_with_the_fix(client_for, admin_user, parameters):
    page = save(client_for(admin_user), parameters)
    assert page.status_code == 200
    assert "NaN and Infinity are no numbers in JSON; give a number" in page.content.decode()
    assert not ModelVersion.objects.filter(version="new").exists()
