"""What kind of fault it is, whom it stops, and what the headers say of the limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.generation import client
from models_registry.generation.headroom import Headroom, headroom, limit_headers, retry_after, seconds_until
from models_registry.models import ModelVersion
from tests.factories import make_endpoint, make_model_version
from tests.openai_flavours import Flavour, Reply, chat, refusal, whole

QUESTION = [{"role": "user", "content": "Where is my refund?"}]
NOW = 1_800_000_000.0


@pytest.fixture
def server() -> Iterator[Flavour]:
    with Flavour(chat()) as flavour:
        yield flavour


@pytest.fixture
def version(db: None, server: Flavour) -> ModelVersion:
    return make_model_version(endpoint=make_endpoint(server.base_url, timeout_seconds=5))


def transient(version: ModelVersion) -> client.TransientFault:
    with pytest.raises(client.TransientFault) as fault:
        client.complete(version, QUESTION)
    return fault.value


def permanent(version: ModelVersion) -> client.PermanentFault:
    with pytest.raises(client.PermanentFault) as fault:
        client.complete(version, QUESTION)
    return fault.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "throttled"), (408, "server"), (409, "server"), (425, "server"), (500, "server"), (529, "server")],
)
def test_a_status_that_passes_has_its_kind(server, version, status, kind):
    server.reply = lambda _: refusal(status, "later", Retry_After="7", x_ratelimit_remaining_requests="0")
    fault = transient(version)
    assert (fault.kind, fault.wait_seconds, fault.pauses_endpoint) == (kind, 7, status == 429)
    assert fault.headroom is not None
    assert fault.headroom.requests_left == 0


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"nonsense", b'{"choices": []}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_answer_is_garbage(server, version, body):
    server.reply = lambda _: Reply([body])
    assert transient(version).kind == "garbage"


def test_no_answer_in_time_and_no_connection_are_told_apart(server, version):
    server.reply = lambda _: Reply([b"{", b"}"], pause=2)
    version.endpoint.timeout_seconds = 1
    assert transient(version).kind == "timeout"
    version.endpoint.base_url = "http://127.0.0.1:9/v1"
    assert transient(version).kind == "connection"


@pytest.mark.parametrize(
    ("status", "stops"), [(400, False), (413, False), (422, False), (401, True), (403, True), (404, True)]
)
def test_a_refusal_stops_the_version_where_the_next_request_would_meet_it_too(server, version, status, stops):
    server.reply = lambda _: refusal(status, "no")
    fault = permanent(version)
    assert (fault.kind, fault.stops_version) == ("refused", stops)


@pytest.mark.parametrize(
    "reply",
    [
        refusal(429, "You exceeded your current quota.", "insufficient_quota"),
        refusal(402, "Insufficient Balance"),
    ],
)
def test_an_account_without_credit_is_not_waited_for(server, version, reply):
    server.reply = lambda _: reply
    fault = permanent(version)
    assert fault.stops_version
    assert "no credit left" in str(fault)


@pytest.mark.parametrize(
    "reply",
    [
        refusal(400, "The response was filtered.", "content_filter"),
        refusal(400, "Your request was rejected.", "content_policy_violation"),
        whole(
            {
                "error": {
                    "message": "No.",
                    "code": "x",
                    "innererror": {"code": "ResponsibleAIPolicyViolation"},
                }
            },
            400,
        ),
        chat("", finish_reason="content_filter"),
        chat(None, finish_reason="content_filter"),
    ],
)
def test_what_a_content_filter_holds_back_is_not_asked_for_again(server, version, reply):
    server.reply = lambda _: reply
    fault = permanent(version)
    assert (fault.kind, fault.stops_version) == ("filtered", False)


@pytest.mark.parametrize(
    ("error", "kind"), [({"message": "Overloaded", "code": 502}, "server"), ("no idea", "server")]
)
def test_an_error_under_a_good_status_is_read_as_one(server, version, error, kind):
    server.reply = lambda _: whole({"error": error})
    assert transient(version).kind == kind


def test_a_refusal_under_a_good_status_stops_the_version(server, version):
    server.reply = lambda _: whole({"error": {"message": "No such key", "code": 401}})
    assert permanent(version).stops_version


@pytest.mark.parametrize("missing", ["endpoint", "key"])
def test_what_no_request_can_be_sent_with_stops_the_version(version, missing):
    if missing == "endpoint":
        version.endpoint = None
    else:
        version.endpoint.api_key_env = "NOT_SET_ANYWHERE_KEY"
    assert permanent(version).stops_version


def test_an_answer_tells_what_is_left_of_the_limits(server, version):
    limits = {
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    server.reply = lambda _: Reply(chat().pieces, headers={**limits, "x-other": "1"})
    completion = client.complete(version, QUESTION)
    assert completion.headroom == Headroom(59, 1.0, 149984, 360.0)
    assert completion.limit_headers == limits


# --- headers, without a server -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("6m0s", 360),
        ("1s", 1),
        ("120ms", 0.12),
        ("1h2m3.5s", 3723.5),
        ("12", 12),
        ("0.25", 0.25),
        (" 7 ", 7),
        (str(int(NOW) + 30), 30),
        (f"{int(NOW) * 1000 + 1500}", 1.5),
        (str(int(NOW) - 30), 0),
        (datetime.fromtimestamp(NOW + 20, UTC).isoformat(), 20),
        (datetime.fromtimestamp(NOW + 20, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), 20),
    ],
)
def test_a_time_until_the_reset_is_read_in_every_spelling(value, seconds):
    assert seconds_until(value, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1e9",
        "nan",
        "inf",
        "5 s",
        "s",
        "9" * 400,
        "999999h",
        "2027-01-01",
        "٣",
        "1s" * 99_999,
    ],
)
def test_a_time_that_is_none_is_passed_over(value):
    assert seconds_until(value, NOW) is None or value.startswith("1s")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "anthropic-ratelimit-requests-remaining": "3",
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:10Z",
                "anthropic-ratelimit-tokens-remaining": "1000",
                "anthropic-ratelimit-tokens-reset": "2027-01-15T08:01:00Z",
            },
            Headroom(3, 10.0, 1000, 60.0),
        ),
        (
            {"x-ratelimit-remaining": "7", "x-ratelimit-reset": f"{NOW * 1000 + 4000:.0f}"},
            Headroom(7, 4.0, None, None),
        ),
        ({"ratelimit-remaining": "7", "ratelimit-reset": "4"}, Headroom(7, 4.0, None, None)),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-remaining-tokens": "many"}, None),
        ({"x-ratelimit-remaining-requests": "1.0"}, Headroom(1, None, None, None)),
        ({}, None),
    ],
)
def test_headers_of_other_providers_are_read_and_nonsense_is_not(headers, expected):
    assert headroom(headers, NOW) == expected


@given(st.text(max_size=40))
def test_no_header_breaks_the_reading_of_headers(value):
    found = headroom({"x-ratelimit-remaining-requests": value, "x-ratelimit-reset-tokens": value}, NOW)
    if found is not None:
        assert found.requests_left is None or found.requests_left >= 0
        assert found.tokens_reset_seconds is None or 0 <= found.tokens_reset_seconds <= 86_400
    wait = retry_after({"retry-after": value, "retry-after-ms": value}, NOW)
    assert wait is None or 0 <= wait <= 3600


def test_a_wait_is_read_as_seconds_milliseconds_or_a_date():
    later = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=90)
    assert retry_after({"retry-after": "7"}, NOW) == 7
    assert retry_after({"retry-after": "7", "retry-after-ms": "250"}, NOW) == 0.25
    assert retry_after({"retry-after": later.strftime("%a, %d %b %Y %H:%M:%S GMT")}, NOW) == 90
    assert retry_after({"retry-after": "999999"}, time.time()) == 3600
    assert retry_after({"retry-after": "Thu, 99 Zzz 99999 99:99:99 GMT"}, NOW) is None
    assert retry_after({}, NOW) is None


def test_headers_of_limits_are_shown_as_they_came_and_others_are_not():
    assert limit_headers({"X-RateLimit-Limit-Requests": "60", "Retry-After": "1", "Set-Cookie": "x"}) == {
        "x-ratelimit-limit-requests": "60",
        "retry-after": "1",
    }
