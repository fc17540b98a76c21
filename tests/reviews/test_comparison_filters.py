"""Narrowing, ordering and walking the comparisons behind a figure, and taking them away as a table."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_registry.models import Response
from reviews.actions.assignments import claim_next
from reviews.actions.skips import skip_turn
from reviews.actions.votes import cast_vote, change_vote, undo_vote
from reviews.forms import ComparisonFilter
from reviews.models import Comparison, Evaluation
from reviews.queries import comparisons as queries
from reviews.queries.comparisons import Wanted, narrowed, neighbours
from reviews.queries.judgements import given_on, taken_back, votes_on
from tests.factories import make_evaluation, make_rows, make_vote

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]

ROWS: list[dict[str, Any]] = [
    {"id": "calm", "prompt": "Where?", "tags": ["shipping", "billing"], "lang": "en"},
    {"id": "split", "prompt": "Why?", "tags": ["billing"], "lang": "es"},
    {"id": "leaning", "prompt": "Who?", "tags": ["billing"], "lang": "en"},
    {"id": "mixed", "prompt": "When?"},
    {"id": "nobody", "prompt": "How?", "tags": ["shipping"], "lang": "es"},
]
# choice, reasons and comment of Rosa, Ruben and Sofia
VOTES: dict[str, list[tuple[str, list[str], str]]] = {
    "calm": [("candidate", ["tone"], ""), ("candidate", ["tone", "policy"], "Kind."), ("candidate", [], "")],
    "split": [("candidate", ["accuracy"], ""), ("baseline", ["policy"], "Off policy."), ("tie", [], "")],
    "leaning": [("candidate", [], ""), ("candidate", [], ""), ("baseline", [], "")],
    "mixed": [("tie", [], ""), ("both_bad", ["policy"], "")],
}
LENGTHS = {"calm": (10, 100), "split": (50, 52), "leaning": (80, 20), "mixed": (0, 0), "nobody": (30, 31)}


@pytest.fixture
def evaluation(make_user: Callable[..., User]) -> Evaluation:
    people = [make_user(name, "Reviewer") for name in ("rosa", "ruben", "sofia")]
    evaluation = make_evaluation(ROWS, votes_per_comparison=3)
    for comparison in evaluation.comparisons.select_related("example"):
        key = comparison.example.key
        for person, (choice, reasons, comment) in zip(people, VOTES.get(key, ()), strict=False):
            make_vote(comparison, person, choice, reasons=reasons, comment=comment)
        for side, length in zip(("candidate", "baseline"), LENGTHS[key], strict=True):
            responses = Response.objects.filter(pk=getattr(comparison, f"{side}_response_id"))
            responses.update(text=("ñ" if side == "candidate" else "o") * length)
    return evaluation


def keys(evaluation: Evaluation, **wanted: Any) -> list[str]:
    return [row.example.key for row in narrowed(evaluation, Wanted(**wanted))]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"intent": "billing"}, ["split", "leaning"]),
        ({"tag": "billing"}, ["calm", "split", "leaning"]),
        ({"intent": "untagged"}, ["mixed"]),
        ({"lang": "es"}, ["split", "nobody"]),
        ({"lang": "-"}, ["mixed"]),
        ({"outcome": "judged"}, ["calm", "split", "leaning", "mixed"]),
        ({"disagreement": "unanimous"}, ["calm"]),
        ({"disagreement": "differ"}, ["split", "leaning", "mixed"]),
        ({"disagreement": "opposed"}, ["split", "leaning"]),
        ({"reviewer": "sofia"}, ["calm", "split", "leaning"]),
        ({"reason": "policy"}, ["calm", "split", "mixed"]),
        ({"reason": "polic"}, []),
        ({"comment": True}, ["calm", "split"]),
        # of one vote: Sofia gave neither reason nor comment
        ({"reviewer": "sofia", "reason": "policy"}, []),
        ({"reviewer": "rosa", "comment": True}, []),
        ({"reviewer": "ruben", "reason": "policy", "comment": True}, ["calm", "split"]),
        ({"length": "candidate"}, ["leaning"]),
        ({"length": "baseline"}, ["calm"]),
        ({"length": "alike"}, ["split", "mixed", "nobody"]),
        ({"q": "off POLICY"}, ["split"]),
        ({"q": "kind.", "reason": "accuracy"}, []),
    ],
)
def test_each_filter_finds_its_comparisons(
    evaluation: Evaluation, wanted: dict[str, Any], found: list[str]
) -> None:
    assert keys(evaluation, **wanted) == found


def test_controversy_is_the_spread_of_votes(evaluation: Evaluation) -> None:
    """By hand: 1, 0, ½ spread by 1/6; 1, 1, 0 by 2/9; alike by 0; none at all stand last."""
    found: Any = narrowed(evaluation, Wanted(sort="controversy"))
    spread = {row.example.key: row.controversy for row in found}
    assert list(spread) == ["leaning", "split", "calm", "mixed", "nobody"]
    assert spread["leaning"] == pytest.approx(2 / 9)
    assert spread["split"] == pytest.approx(1 / 6)
    assert (spread["calm"], spread["mixed"], spread["nobody"]) == (pytest.approx(0), pytest.approx(0), -1)


def test_order_by_length_has_the_largest_difference_first(evaluation: Evaluation) -> None:
    assert keys(evaluation, sort="length") == ["calm", "leaning", "split", "nobody", "mixed"]


@pytest.mark.parametrize("sort", ["queue", "controversy", "length"])
@pytest.mark.parametrize("narrow", [{}, {"tag": "billing"}, {"q": "o"}])
def test_neighbours_walk_the_list_both_ways(
    evaluation: Evaluation, sort: str, narrow: dict[str, Any]
) -> None:
    wanted = Wanted(sort=sort, **narrow)
    whole = list(narrowed(evaluation, wanted))
    assert len(whole) > 2
    for before, here, after in zip([None, *whole], whole, [*whole[1:], None], strict=False):
        assert neighbours(evaluation, here, wanted) == (before, after)


def test_one_outside_the_list_has_neighbours_in_it(evaluation: Evaluation) -> None:
    by_key = {row.example.key: row for row in narrowed(evaluation, Wanted())}
    before, after = neighbours(evaluation, by_key["split"], Wanted(lang="en"))
    assert (before, after) == (by_key["calm"], by_key["leaning"])


# --- as an address -----------------------------------------------------------------------------------------


def test_address_says_what_is_asked_for_and_is_understood_again(evaluation: Evaluation) -> None:
    wanted = Wanted(q="¿qué & cómo?", tag="billing", reviewer="rosa", comment=True, sort="controversy")
    query = wanted.as_query()
    assert ComparisonFilter(QueryDict(query), evaluation).wanted() == wanted
    assert Wanted().as_query() == ""
    assert "lang" not in query


@pytest.mark.parametrize("name", ["intent", "lang", "disagreement", "reviewer", "reason", "length", "sort"])
def test_what_is_no_choice_is_as_good_as_absent(evaluation: Evaluation, name: str) -> None:
    assert ComparisonFilter(QueryDict(f"{name}=nothing+like+it"), evaluation).wanted() == Wanted()


def test_form_leads_to_an_address_without_what_was_left_empty(
    evaluation: Evaluation, client_for: ClientFor, lead: User
) -> None:
    path = reverse("comparisons", args=[evaluation.pk])
    sent = client_for(lead).get(
        path, {"q": "", "tag": "billing", "outcome": "", "lang": "es", "sort": "queue"}
    )
    assert (sent.status_code, sent["Location"]) == (302, f"{path}?tag=billing&lang=es")


def test_questions_with_one_answer_are_not_asked() -> None:
    evaluation = make_evaluation(make_rows(3, tags=["refunds"]))
    form = ComparisonFilter(QueryDict(), evaluation)
    assert not {"lang", "intent", "reviewer", "disagreement", "leak"} & set(form.fields)
    assert {"q", "tag", "outcome", "sort", "reason", "length"} <= set(form.fields)


def test_list_shows_reasons_first_words_and_keeps_its_filter_in_the_links(
    evaluation: Evaluation, client_for: ClientFor, lead: User
) -> None:
    page = client_for(lead).get(reverse("comparisons", args=[evaluation.pk]), {"reason": "tone"})
    [(row, given)] = page.context["rows"]
    assert row.example.key == "calm"
    assert (given.reasons, given.comments) == ([("tone", 2), ("policy", 1)], ["Kind."])
    for part in ("Tone × 2", "Policy", "1 comment", "ñ" * 10, f'href="/comparisons/{row.pk}/?reason=tone"'):
        assert part in page.text


def test_search_stops_at_what_anyone_reads(
    evaluation: Evaluation, client_for: ClientFor, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_FOUND", 3)
    path = reverse("comparisons", args=[evaluation.pk])
    page = client_for(lead).get(path, {"q": "?"})
    assert "The first 3 comparisons with this text" in page.text
    assert [row.example.key for row in page.context["page"]] == ["calm", "split", "leaning"]
    monkeypatch.setattr(queries, "MOST_FOUND", 5)
    assert client_for(lead).get(path, {"q": "?"}).context["page"].paginator.count == 5


def test_reasons_of_a_page_take_one_query(evaluation: Evaluation, django_assert_num_queries: Any) -> None:
    listed = list(narrowed(evaluation, Wanted()))
    with django_assert_num_queries(1):
        given = given_on(listed)
    assert {row.example.key for row in listed if row.pk in given} == set(VOTES)


# --- one comparison ----------------------------------------------------------------------------------------


def test_comparison_page_tells_reasons_comments_and_what_was_said_before(
    client_for: ClientFor, lead: User, reviewer: User, second_reviewer: User
) -> None:
    evaluation = make_evaluation(1, votes_per_comparison=2)
    turn = claim_next(evaluation=evaluation, reviewer=reviewer)
    assert turn is not None
    cast_vote(assignment=turn, reviewer=reviewer, choice="left", strength="clearly", reasons=["tone"])
    undo_vote(assignment=turn, reviewer=reviewer)
    cast_vote(assignment=turn, reviewer=reviewer, choice="tie", comment="First thought.")
    change_vote(
        assignment=turn, reviewer=reviewer, choice="right", reasons=["policy"], comment="On reflection."
    )
    comparison = evaluation.comparisons.get()
    skipped = claim_next(evaluation=evaluation, reviewer=second_reviewer)
    assert skipped is not None
    skip_turn(assignment=skipped, reviewer=second_reviewer, reason="other", note="My own ticket.")

    [vote] = votes_on(comparison)
    assert (vote.reviewer, vote.pressed, vote.strength, vote.reasons) == (
        "rosa",
        "right",
        "slightly",
        ["policy"],
    )
    assert [(said.pressed, said.comment, said.why) for said in vote.earlier] == [
        ("tie", "First thought.", "changed")
    ]
    assert [(said.pressed, said.strength, said.why) for said in taken_back(comparison)] == [
        ("left", "clearly", "undone")
    ]
    text = client_for(lead).get(comparison.get_absolute_url()).text
    for part in (
        "Policy",
        "On reflection.",
        "First thought.",
        "1 judgement was taken back",
        "Tone",
        "clearly",
    ):
        assert part in text
    for part in ("Skipped by", "Something else", "My own ticket."):
        assert part in text


def test_comparison_page_leads_on_within_the_filtered_list(
    evaluation: Evaluation, client_for: ClientFor, lead: User
) -> None:
    by_key = {row.example.key: row for row in narrowed(evaluation, Wanted())}
    page = client_for(lead).get(by_key["split"].get_absolute_url(), {"lang": "en", "sort": "controversy"})
    assert page.context["before"] == by_key["leaning"]
    assert page.context["after"] == by_key["calm"]
    assert f'rel="next" href="{by_key["calm"].get_absolute_url()}?lang=en&amp;sort=controversy"' in page.text
    assert f"{reverse('comparisons', args=[evaluation.pk])}?lang=en&amp;sort=controversy" in page.text


# --- as a table --------------------------------------------------------------------------------------------


def table(client: Client, evaluation: Evaluation, **query: str) -> list[dict[str, str]]:
    answer = client.get(reverse("comparisons_csv", args=[evaluation.pk]), query)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(StringIO(answer.getvalue().decode())))


def test_table_has_what_the_list_has(evaluation: Evaluation, client_for: ClientFor, lead: User) -> None:
    client = client_for(lead)
    assert [row["id"] for row in table(client, evaluation)] == [row["id"] for row in ROWS]
    [row] = table(client, evaluation, reason="tone")
    assert row == {
        "id": "calm",
        "intents": "shipping; billing",
        "lang": "en",
        "prompt": "Where?",
        "candidate": str(evaluation.candidate),
        "baseline": str(evaluation.baseline),
        "candidate_response": "ñ" * 10,
        "baseline_response": "o" * 100,
        "score": "1.0",
        "votes": "3",
        "wins": "3",
        "ties": "0",
        "both_bad": "0",
        "losses": "0",
        "reasons": "tone (2); policy (1)",
        "comments": "Kind.",
    }


def test_table_runs_nothing_in_a_spreadsheet(client_for: ClientFor, lead: User, reviewer: User) -> None:
    evaluation = make_evaluation([{"id": "=1+1", "prompt": "@SUM(A1)"}])
    comparison = evaluation.comparisons.get()
    Response.objects.filter(pk=comparison.candidate_response_id).update(text='=HYPERLINK("http://x", "y")')
    make_vote(comparison, reviewer, "tie", comment="-2+3", cast_at=timezone.now())
    [row] = table(client_for(lead), evaluation)
    for name in ("id", "prompt", "candidate_response", "comments"):
        assert row[name].startswith("'")
    assert Comparison.objects.get().example.key == "=1+1"
