"""The test of an endpoint in a browser: sent with and without JavaScript, in both themes and on a phone."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import make_endpoint, make_model_version


@pytest.fixture
def version(chat_endpoint, transactional_db):
    return make_model_version(
        "aurora-support", endpoint=make_endpoint(chat_endpoint.base_url, timeout_seconds=5)
    )


@pytest.mark.parametrize(("width", "dark", "javascript"), [(1440, False, True), (390, True, False)])
def test_an_answer_and_a_fault_are_shown(
    page_for, admin_user, axe, version, chat_endpoint, width, dark, javascript
):
    page = page_for(admin_user, javascript=javascript, width=width, dark=dark)
    page.goto("/models/")
    if width > 1000:  # a narrow table leaves endpoints out
        page.get_by_role("link", name="Test", exact=True).click()
    else:
        page.goto(reverse("endpoint_test", args=[version.endpoint_id]))
    page.get_by_label("Prompt").fill("Where is my refund?")
    page.get_by_role("button", name="Send one request").click()
    expect(page.get_by_text("You said: Where is my refund?")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="It answers.")).to_be_visible()
    if javascript:
        axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    chat_endpoint.fail(401)
    page.get_by_role("button", name="Send one request").click()
    expect(page.get_by_role("alert")).to_contain_text("Check the key in the endpoint's environment variable.")
    if javascript:
        axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_preset_is_chosen_by_a_link(page_for, admin_user, transactional_db):
    page = page_for(admin_user, javascript=False)
    page.goto("/admin/models_registry/endpoint/add/")
    page.get_by_role("link", name="Azure OpenAI", exact=True).click()
    expect(page.get_by_label("API version")).to_have_value("2024-10-21")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#result_list").get_by_role("link", name="azure", exact=True).click()
    expect(page.get_by_role("link", name="Test this endpoint")).to_be_visible()
