"""The HTML of responses is made once: in the background when voting opens, or when a pair is first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_registry.models import Response
from reviews import markdown, rendering
from reviews.actions.evaluations import open_voting
from reviews.models import Evaluation, RenderedResponse
from reviews.tasks import render_responses
from tests.factories import make_evaluation

pytestmark = pytest.mark.django_db


def test_slices_render_every_response_of_the_queue_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "SLICE", 2)
    evaluation = make_evaluation(5)
    Response.objects.update(text="**Bold**\n\n| a |\n|---|\n| b |")
    starts: list[int | None] = [0]
    while (start := starts[-1]) is not None:
        starts.append(rendering.render_slice(evaluation.pk, start))
    assert starts == [0, 2, 4, None]
    assert RenderedResponse.objects.count() == Response.objects.count() == 10
    assert "<strong>Bold</strong>" in RenderedResponse.objects.all()[0].html
    assert '<table tabindex="0">' in RenderedResponse.objects.all()[0].html
    # again changes nothing
    monkeypatch.setattr(markdown, "shown", lambda text: pytest.fail("rendered twice"))
    rendering.render_slice(evaluation.pk, 0)


def test_opening_asks_for_the_rendering_when_it_is_committed(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(render_responses, "apply_async", lambda given, **_: asked.append(given))
    evaluation = make_evaluation(2, opened=False)
    for version, text in ((evaluation.candidate, "One"), (evaluation.baseline, "Two")):
        version.responses.update(status="done", text=text, done_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        open_voting(evaluation=evaluation, by=None)
    assert (evaluation.pk,) in asked


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation(3)


def test_pair_that_was_not_rendered_is_when_it_is_shown(
    evaluation: Evaluation, reviewer: User, client_for: Callable[[User], Client]
) -> None:
    Response.objects.update(text="Take *two*.")
    page = client_for(reviewer).get(reverse("vote", args=[evaluation.pk]))
    assert page.text.count("Take <em>two</em>.") == 4
    # of the pair that is shown and of the one that is held
    assert RenderedResponse.objects.count() == 4


def test_what_is_rendered_is_shown_and_what_another_renderer_made_is_made_anew(
    evaluation: Evaluation, reviewer: User, client_for: Callable[[User], Client]
) -> None:
    rendering.render_slice(evaluation.pk, 0)
    RenderedResponse.objects.update(html="<p>As it was kept</p>")
    first = client_for(reviewer).get(reverse("vote", args=[evaluation.pk])).text
    assert first.count("<p>As it was kept</p>") == 4
    RenderedResponse.objects.update(renderer="an older one")
    assert "As it was kept" not in client_for(reviewer).get(reverse("vote", args=[evaluation.pk])).text
    assert RenderedResponse.objects.filter(renderer=markdown.renderer()).count() == 4
