from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.models import Evaluation
from reviews.queries.win_rates import Row, win_rates

EXAMPLE = """examples:
  manage.py winrates 3
  manage.py winrates "Support bot: November candidate" --json
"""


class Command(BaseCommand):
    help = "Print an evaluation's win rates, overall and by intent tag: the dashboard's figures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EXAMPLE
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("evaluation", help="its number or its name")
        parser.add_argument("--json", action="store_true", help="all figures, as JSON")

    def handle(self, *, evaluation: str, **options: Any) -> None:
        rates = win_rates(find_evaluation(evaluation))
        if options["json"]:
            self.stdout.write(json.dumps(rates.as_json(), ensure_ascii=False, indent=2))
            return
        self.stdout.write(f"{rates.evaluation.candidate} against {rates.evaluation.baseline}\n\n")
        width = max(len(name) for name in ["overall", *rates.tags])
        self.stdout.write(
            f"{'':<{width}}  examples  votes  wins  ties  both bad  losses  win rate  95 % interval    anytime-valid"
        )
        for name, row in [("overall", rates.overall), *rates.tags.items()]:
            self.stdout.write(f"{name:<{width}}  {_line(row)}")


def find_evaluation(given: str) -> Evaluation:
    """By number, else by name; exit status 2 where there is none."""
    found = Evaluation.objects.select_related(
        "candidate__model", "baseline__model", "golden_set_version__golden_set"
    )
    evaluation = found.filter(pk=given).first() if given.isdecimal() else None
    evaluation = evaluation or found.filter(name=given).first()
    if evaluation is None:
        names = ", ".join(f"{pk} {name!r}" for pk, name in Evaluation.objects.values_list("pk", "name")[:20])
        raise CommandError(
            f"There is no evaluation {given!r}. There are: {names or 'none yet'}.", returncode=2
        )
    return evaluation


def _line(row: Row) -> str:
    tally, rate = row.tally, row.win_rate
    shown = "–" if rate.win_rate is None else f"{rate.win_rate:.3f}"
    fixed = f"{rate.interval.low:.3f}–{rate.interval.high:.3f}" if rate.interval else "–"
    anytime = f"{row.anytime_interval.low:.3f}–{row.anytime_interval.high:.3f}"
    return (
        f"{tally.examples:>8}  {tally.votes:>5}  {tally.wins:>4}  {tally.ties:>4}  {tally.both_bad:>8}  "
        f"{tally.losses:>6}  {shown:>8}  {fixed:>13}    {anytime:>13}"
    )
