"""What a dashboard costs, beside the one SQL aggregate it can't do without.

    make bench-dashboard        about six minutes; EXAMPLES=10000 for a smaller one

It starts PostgreSQL, Redis and the product's own server (gunicorn with evalsite/gunicorn.py, one process), and lays
out two evaluations with 50 tags and a frozen plan: 1,000 votes, and ten votes on each of 100,000 examples. Votes are
stored in one statement with their triggers off, and counted as those would have. The floor is what every figure by
tag is made of: comparisons counted by tag and outcome, read over the same driver. *Cold*: a vote came in since
somebody looked; *unchanged*: nothing did; *refresh*: what a watching page asks every three seconds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.served import logged_in, machine, prepare, responses_of, server, services  # noqa: E402

EXAMPLES, VOTES, TAGS = 100_000, 10, 50
SMALL, SMALL_VOTES = 500, 2
ROUNDS = 7

FLOOR = """
SELECT t.name, c.wins, c.losses, c.ties, c.both_bad, COUNT(*)
FROM reviews_comparison c JOIN models_registry_exampletag t ON t.example_id = c.example_id
WHERE c.evaluation_id = %s AND c.turns > 0 GROUP BY 1, 2, 3, 4, 5
"""
ASSIGN = """
INSERT INTO reviews_assignment (comparison_id, slot, position, evaluation_id, candidate_on_left, reviewer_id, voted,
  ticket, lang, intent)
SELECT c.id, s, c.position, c.evaluation_id, (c.position + s) %% 2 = 0, r.people[1 + s], true,
  substr(md5(c.id || ':' || s), 1, 16), c.lang, c.intent
FROM reviews_comparison c, generate_series(0, %s - 1) s, (SELECT %s::int[] AS people) r WHERE c.evaluation_id = %s
"""
VOTE = """
INSERT INTO reviews_vote (assignment_id, choice, strength, reasons, comment, cast_at, seconds, number)
SELECT id, (ARRAY['candidate', 'candidate', 'candidate', 'baseline', 'baseline', 'tie', 'both_bad'])
  [1 + floor(7 * random())::int], '', '[]', '', now(), 20, 1 FROM reviews_assignment WHERE evaluation_id = %s
"""
COUNT = """
UPDATE reviews_comparison c SET turns = v.turns, wins = v.wins, losses = v.losses, ties = v.ties,
  both_bad = v.both_bad
FROM (SELECT a.comparison_id, COUNT(*) AS turns, COUNT(*) FILTER (WHERE choice = 'candidate') AS wins,
  COUNT(*) FILTER (WHERE choice = 'baseline') AS losses, COUNT(*) FILTER (WHERE choice = 'tie') AS ties,
  COUNT(*) FILTER (WHERE choice = 'both_bad') AS both_bad
  FROM reviews_vote v JOIN reviews_assignment a ON a.id = v.assignment_id WHERE a.evaluation_id = %s GROUP BY 1) v
WHERE c.id = v.comparison_id
"""
TALLY = """
INSERT INTO reviews_reviewertally (evaluation_id, reviewer_id, intent, votes, candidate_left, judgements)
SELECT evaluation_id, reviewer_id, intent, COUNT(*), COUNT(*) FILTER (WHERE candidate_on_left), COUNT(*)
FROM reviews_assignment WHERE evaluation_id = %s GROUP BY 1, 2, 3
"""


def lay_out(examples: int, votes: int) -> Any:
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from django.utils import timezone

    from reviews.actions.evaluations import lay_out
    from reviews.models import Evaluation
    from tests.factories import freeze, make_golden_set_version, make_model_version, make_rows

    dice = random.Random(20261125)
    rows = [
        row
        | {"tags": dice.sample([f"intent {number:02}" for number in range(TAGS)], k=dice.choice([1, 1, 2]))}
        for row in make_rows(examples)
    ]
    version = make_golden_set_version(rows)
    found = list(version.examples.prefetch_related("tags"))
    models = [make_model_version(), make_model_version()]

    def told(example: Any) -> dict[str, Any]:
        latency = dice.lognormvariate(0, 0.4)
        return {"text": f"An answer to {example.key}.", "latency_seconds": latency, "cost": "0.0004"}

    responses = [responses_of(model, found, told) for model in models]
    evaluation = Evaluation.objects.create(
        name=f"{examples * votes} votes",
        candidate=models[0],
        baseline=models[1],
        golden_set_version=version,
        votes_per_comparison=votes,
        seed=20261125,
    )
    lay_out(evaluation, examples=found, candidate_responses=responses[0], baseline_responses=responses[1])
    freeze(evaluation, guarded=["intent 00", "intent 01"])
    Evaluation.objects.filter(pk=evaluation.pk).update(opened_at=timezone.now())
    people = [User.objects.create_user(f"voter-{examples}-{number}").pk for number in range(votes)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(ASSIGN, [votes, people, evaluation.pk])
        for statement in (VOTE, COUNT, TALLY):
            cursor.execute(statement, [evaluation.pk])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as autovacuum would by itself, which is off here
    return evaluation


class Lead:
    def __init__(self, port: int, cookies: str, path: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self.cookies, self.path = cookies, path

    def get(self, path: str = "", **headers: str) -> tuple[float, int, str]:
        started = time.perf_counter()
        self.connection.request("GET", path or self.path, headers={"Cookie": self.cookies, **headers})
        response = self.connection.getresponse()
        body = response.read().decode()
        return 1000 * (time.perf_counter() - started), response.status, body


def floor(evaluation: Any) -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(FLOOR, [evaluation.pk])
        cursor.fetchall()
        return 1000 * (time.perf_counter() - started)


def one_more_judgement(evaluation: Any) -> None:
    """As a vote that came in would; the second in which figures may be old is over too."""
    from django.db import connection

    time.sleep(1.05)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reviews_reviewertally SET judgements = judgements + 1 WHERE id = "
            "(SELECT MIN(id) FROM reviews_reviewertally WHERE evaluation_id = %s)",
            [evaluation.pk],
        )


def measure(folder: Path, options: argparse.Namespace) -> None:
    prepare()
    evaluations = [lay_out(SMALL, SMALL_VOTES), lay_out(options.examples, VOTES)]
    cookies = logged_in("bench-lead", "Lead")
    with server(folder) as port:
        print(f"{machine()}; {TAGS} tags; milliseconds, median of {ROUNDS}")
        print(f"{'votes':>10}{'SQL':>8}{'cold':>8}{'ratio':>8}{'unchanged':>11}{'refresh':>9}")
        for evaluation in evaluations:
            lead = Lead(port, cookies, f"/evaluations/{evaluation.pk}/")
            status, body = lead.get()[1:]
            if status != 200 or "verdict-name" not in body:
                raise SystemExit(f"no dashboard: {status} {body[:400]}")
            floors, cold, unchanged, refresh = [], [], [], []
            for _ in range(ROUNDS):
                floors.append(floor(evaluation))
                one_more_judgement(evaluation)
                took, _status, body = lead.get()
                cold.append(took)
                unchanged.append(lead.get()[0])
                seen = body.split("?seen=", 1)[1].split('"', 1)[0]
                took, status, _body = lead.get(f"{lead.path}?seen={seen}", **{"HX-Request": "true"})
                assert status == 204, status
                refresh.append(took)
            sql, full = statistics.median(floors), statistics.median(cold)
            votes = evaluation.assignments.count()
            print(
                f"{votes:>10,}{sql:>8.0f}{full:>8.0f}{full / sql:>8.2f}{statistics.median(unchanged):>11.0f}"
                f"{statistics.median(refresh):>9.1f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of the larger evaluation")
    options = parser.parse_args()
    with services("postgres", "redis") as folder:
        measure(folder, options)


if __name__ == "__main__":
    main()
