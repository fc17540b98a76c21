"""What a vote with the pair after the next costs, beside a bare Django view with one SELECT and one INSERT.

    make bench-voting        about five minutes; COMPARISONS=10000 for a smaller second evaluation

It starts PostgreSQL, Redis and the product's own server (gunicorn with evalsite/gunicorn.py, one process). Reviewers
vote over HTTP as the page does, one request after the other without a pause: what a request takes is what a browser
waits for, so with 8 and 32 reviewers it contains the waiting for the others. The bare view stands behind the same
middleware, session and login on the same server, and the two are measured in turns of a second or less. The large
evaluation is half done, as it would be on an ordinary day, and its responses are rendered, as they are by then.
"""

from __future__ import annotations

import argparse
import itertools
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.served import logged_in, machine, prepare, responses_of, server, services  # noqa: E402

SMALL, LARGE = 100, 100_000
CONCURRENCY = (1, 8, 32)
ROUNDS = 5
# requests of each reviewer in a round
BATCH = {1: 16, 8: 6, 32: 3}
TICKET = re.compile(r'data-ticket="([\w-]{16})"')
ANSWER = """Thank you for writing about order **{key}**. Here is what happens next:

1. We check the parcel's way with the carrier, which takes up to *two* working days.
2. If it is lost, you choose between a **refund** and a new parcel.
3. Either way you hear from us by e-mail, and nothing more is to be done on your side.

| step | who | until |
|---|---|---|
| search | carrier | Thursday |
| refund | Aurora | within 5 days |

```python
refund = order.total - order.discount  # {side}
```

Please keep the receipt; if the parcel does turn up meanwhile, you need not send it back at your own cost.
"""


@dataclass
class Took:
    """Of one kind of request: milliseconds each, and queries."""

    milliseconds: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.milliseconds, n=20)[-1]


class Browser:
    """A reviewer who is logged in, before the first pair, the next one held."""

    def __init__(self, port: int, cookies: str, token: str, evaluation: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Cookie": cookies, "X-CSRFToken": token, "HX-Request": "true"}
        page = self._send("GET", f"/evaluations/{evaluation}/vote/", {})[0]
        self.shown, self.held = TICKET.findall(page)[:2]
        self.floor = self.shown
        self.numbers = itertools.count(1)

    def _send(self, method: str, path: str, fields: dict[str, str]) -> tuple[str, float, int]:
        headers = self.headers | {"Content-Type": "application/x-www-form-urlencoded"}
        started = time.perf_counter()
        self.connection.request(method, path, urlencode(fields), headers)
        response = self.connection.getresponse()
        body = response.read().decode()
        took = 1000 * (time.perf_counter() - started)
        if response.status != 200:
            raise SystemExit(f"{method} {path}: {response.status} {body[:400]}")
        return body, took, int(response.headers["X-Queries"])

    def ask_floor(self) -> tuple[float, int]:
        return self._send("POST", f"/floor/{self.floor}/{next(self.numbers)}/", {})[1:]

    def vote(self) -> tuple[float, int]:
        fields = {"choice": "left", "strength": "clearly", "seconds": "12.5", "shown": self.held}
        body, took, queries = self._send("POST", f"/assignments/{self.shown}/vote/", fields)
        if 'data-shown="kept"' not in body:
            raise SystemExit(f"the pair that was held is not kept: {body[:400]}")
        self.shown, self.held = self.held, TICKET.findall(body)[0]
        return took, queries


def measure_at_once(browsers: list[Browser]) -> tuple[Took, Took]:
    """The floor and the vote in turns, every browser at once."""
    floor, vote = Took(), Took()
    batch = BATCH[len(browsers)]
    with ThreadPoolExecutor(len(browsers)) as pool:

        def run(act: Callable[[Browser], tuple[float, int]], into: Took | None) -> None:
            def several(browser: Browser) -> list[tuple[float, int]]:
                browser.connection.close()  # the server may have, in the meantime; it is opened anew
                return [act(browser) for _ in range(batch)]

            for results in pool.map(several, browsers):
                if into is not None:
                    into.milliseconds += [took for took, _queries in results]
                    into.queries += [queries for _took, queries in results]

        for round_ in range(ROUNDS + 1):  # the first warms up
            run(Browser.ask_floor, floor if round_ else None)
            run(Browser.vote, vote if round_ else None)
    return floor, vote


def lay_out(comparisons: int, votes: int) -> Any:
    """An evaluation that is open for votes; a large one half done, by somebody else."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from reviews.actions.dealing import deal_assignments
    from reviews.actions.evaluations import lay_out
    from reviews.models import Comparison, Evaluation
    from reviews.rendering import SLICE, render_slice
    from tests.factories import make_golden_set_version, make_model_version, make_rows

    version = make_golden_set_version(make_rows(comparisons))
    examples = list(version.examples.all())
    models = [make_model_version(), make_model_version()]
    responses = [
        responses_of(model, examples, lambda example: {"text": ANSWER.format(key=example.key, side=side)})  # noqa: B023
        for side, model in enumerate(models)
    ]
    evaluation = Evaluation.objects.create(
        name=f"{comparisons} comparisons",
        candidate=models[0],
        baseline=models[1],
        golden_set_version=version,
        votes_per_comparison=votes,
        seed=20261125,
        guidelines="Prefer the answer that solves the customer's problem.",
    )
    lay_out(evaluation, examples=examples, candidate_responses=responses[0], baseline_responses=responses[1])
    compared = Comparison.objects.filter(evaluation=evaluation)
    deal_assignments(evaluation, list(compared))
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=timezone.now())
    if comparisons > SMALL:
        other = User.objects.create_user("did-the-first-half")
        turns = evaluation.assignments.filter(position__lt=comparisons // 2)
        turns.update(reviewer=other, voted=True, shown_at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO reviews_vote "
                "(assignment_id, choice, strength, reasons, comment, cast_at, seconds, number) "
                "SELECT id, 'tie', '', '[]', '', now(), 9, 1 FROM reviews_assignment WHERE voted"
            )
    # a part of the queue that no run of this benchmark gets to the end of
    first = 0 if comparisons <= SMALL else comparisons // 2
    for start in range(first, first + 3 * SLICE, SLICE):
        render_slice(evaluation.pk, start)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum would by itself, which is off here
    return evaluation


def people(count: int) -> Iterator[tuple[str, str]]:
    """Cookies and token of reviewers who are logged in."""
    from django.conf import settings
    from django.contrib.auth.models import User

    for number in range(count):
        cookie = logged_in(f"bench-{User.objects.count()}-{number}", "Reviewer")
        token = f"{number:032d}"
        yield f"{cookie}; {settings.CSRF_COOKIE_NAME}={token}", token


def first_page(port: int, cookies: str, evaluation: int) -> None:
    """Bytes over the wire of the first voting page in a browser with an empty cache."""
    from playwright.sync_api import sync_playwright

    from tests.services import chromium

    if not chromium():
        print("first page: not measured, there is no Chromium here; make chromium")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        address = f"http://127.0.0.1:{port}"
        context.add_cookies(
            [
                {"name": name, "value": value, "url": address}
                for name, _, value in (cookie.partition("=") for cookie in cookies.split("; "))
            ]
        )
        page = context.new_page()
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        kinds: dict[str, str] = {}
        sizes: dict[str, float] = {}
        wire.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
        wire.on(
            "Network.loadingFinished",
            lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
        )
        page.goto(f"{address}/evaluations/{evaluation}/vote/", wait_until="networkidle")
        browser.close()
    by_kind: dict[str, float] = {}
    for request, size in sizes.items():
        by_kind[kinds.get(request, "Other")] = by_kind.get(kinds.get(request, "Other"), 0) + size
    parts = ", ".join(f"{kind.lower()} {size / 1000:.1f}" for kind, size in sorted(by_kind.items()))
    print(
        f"first page over the wire: {sum(sizes.values()) / 1000:.1f} KB in {len(sizes)} requests ({parts})",
        flush=True,
    )


def measure(folder: Path, options: argparse.Namespace) -> None:
    prepare()
    # each reviewer votes on a comparison once, so the small evaluation wants many votes of each
    evaluations = [(SMALL, lay_out(SMALL, 60))]
    if options.comparisons > SMALL:
        evaluations.append((options.comparisons, lay_out(options.comparisons, 1)))
    with server(folder) as port:
        print(f"{machine()}; milliseconds, median (95 %)")
        print(
            f"{'comparisons':>11}{'at once':>9}{'bare view':>18}{'vote and next':>18}{'ratio':>8}{'queries':>9}"
        )
        for comparisons, evaluation in evaluations:
            for at_once in CONCURRENCY:
                browsers = [Browser(port, *who, evaluation.pk) for who in people(at_once)]
                floor, vote = measure_at_once(browsers)
                print(
                    f"{comparisons:>11,}{at_once:>9}{floor.median:>9.1f} ({floor.p95:>5.1f})"
                    f"{vote.median:>9.1f} ({vote.p95:>5.1f}){vote.median / floor.median:>8.2f}"
                    f"{statistics.median(floor.queries):>4.0f} ->{statistics.median(vote.queries):>3.0f}",
                    flush=True,
                )
        first_page(port, next(people(1))[0], evaluations[0][1].pk)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--comparisons", type=int, default=LARGE, help="of the larger evaluation")
    options = parser.parse_args()
    with services("postgres", "redis", DJANGO_SETTINGS_MODULE="bench.voting_settings") as folder:
        measure(folder, options)


if __name__ == "__main__":
    main()
