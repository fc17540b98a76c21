"""The pages in Spanish: nothing overflows, and what machines read keeps its figures as they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import OVER_THE_EDGE, ROLES, World, open_everything, world

__all__ = ["world"]  # a fixture

# steps that press what is named in English
IN_ENGLISH = {"login refused", "closed", "start refused", "upload refused"}
# what a machine reads: coordinates, sizes, values; not what is said to people
WITH_A_COMMA = r"""
() => {
  const said = new Set(["aria-label", "aria-valuetext", "class", "title"]);
  const machines = "svg, svg *, progress, meter, input[type=number], input[type=range], input[type=hidden], [datetime]";
  return [...document.querySelectorAll(machines)].flatMap((node) => [...node.attributes]
    .filter(({ name, value }) => !said.has(name) && /\d,\d/.test(value))
    .map(({ name, value }) => `${node.tagName} ${name}=${value}`));
}
"""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_fits_in_spanish_and_keeps_figures_for_machines(
    page_for: Callable[..., Page], world: World, role: str, width: int
) -> None:
    page = page_for(world.people[role], locale="es-ES", width=width)
    for name, go in world.pages(role):
        if name in IN_ENGLISH:
            continue
        go(page)
        expect(page.locator("h1").first, name).to_be_visible()
        if name != "500":  # made in the test's own process, which speaks English
            expect(page.locator("html"), name).to_have_attribute("lang", "es")
        if page.locator(".menu").count():
            page.locator(".menu > summary").click()
        open_everything(page)
        reached, edges = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(OVER_THE_EDGE)
        assert (reached, edges) == (width, []), name
        assert page.evaluate(WITH_A_COMMA) == [], name


def test_person_changes_the_language_from_the_menu_and_back(
    page_for: Callable[..., Page], world: World
) -> None:
    page = page_for(world.people["lead"], javascript=False)
    address = world.voting.get_absolute_url() + "comparisons/?outcome=wins"
    page.goto(address)
    page.locator(".menu > summary").click()
    page.get_by_role("button", name="Español").click()

    expect(page).to_have_url(f"{page.url.split('/evaluations')[0]}{address}")
    expect(page.get_by_role("heading", name="Comparaciones")).to_be_visible()
    page.goto(world.voting.get_absolute_url())
    expect(page.get_by_text("Tasa de victorias por intención").first).to_be_visible()

    page.locator(".menu > summary").click()
    expect(page.get_by_role("button", name="Español")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Win rate by intent").first).to_be_visible()


def test_reviewer_votes_in_spanish_from_login_to_the_last_pair(
    page_for: Callable[..., Page], world: World, axe: Callable[..., None]
) -> None:
    page = page_for(None, locale="es-ES", width=390)
    page.goto("/accounts/login/")
    page.get_by_label("Nombre de usuario").fill("rosa")
    page.get_by_label("Contraseña").fill("correct horse battery staple")
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", name="Hola, Rosa")).to_be_visible()

    page.goto(f"/evaluations/{world.voting.pk}/vote/")
    expect(page.get_by_role("heading", name="Las respuestas")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Salir del recorrido").click()
    axe(page)
    before = page.get_by_role("progressbar").first
    expect(before).to_have_attribute("value", "0")
    page.get_by_role("button", name="Ambas malas").click()

    expect(page.get_by_role("progressbar").first).to_have_attribute("value", "1")
