from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify

from reviews.actions.imports import import_evaluation
from reviews.exchange.common_form import BadFile, read_evaluation

MOST_PROBLEMS = 50

EXAMPLE = """example:
  manage.py import_evaluation --name "MT-bench, turn 2" --golden-set items.jsonl --responses outputs.jsonl \\
      --votes votes.jsonl --candidate gpt-3.5-turbo --baseline gpt-4 --turn 2
"""


class Command(BaseCommand):
    help = "Load an evaluation that was run elsewhere: the votes between two models, from three JSON Lines files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EXAMPLE
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("--name", required=True, help="of the evaluation")
        parser.add_argument(
            "--golden-set", required=True, type=Path, metavar="ITEMS", help="JSON Lines, .gz too"
        )
        parser.add_argument("--responses", required=True, type=Path, metavar="OUTPUTS")
        parser.add_argument("--votes", required=True, type=Path)
        parser.add_argument("--candidate", required=True, metavar="MODEL", help="as the files spell it")
        parser.add_argument("--baseline", required=True, metavar="MODEL")
        parser.add_argument(
            "--turn", type=int, help="take the votes on this turn of a conversation; 1 is the first"
        )
        parser.add_argument("--golden-set-name", help="default: made from --name")
        parser.add_argument("--json", action="store_true", help="print what was stored as JSON")

    def handle(self, **options: Any) -> None:
        if options["turn"] is not None and options["turn"] < 1:
            raise CommandError("--turn counts from 1", returncode=2)
        try:
            foreign = read_evaluation(
                items=options["golden_set"],
                outputs=options["responses"],
                votes=options["votes"],
                candidate=options["candidate"],
                baseline=options["baseline"],
                turn=options["turn"],
            )
            evaluation = import_evaluation(
                name=options["name"],
                foreign=foreign,
                candidate=options["candidate"],
                baseline=options["baseline"],
                source=options["votes"].name,
                golden_set_name=options["golden_set_name"] or slugify(options["name"])[:100],
            )
        except OSError as error:
            raise CommandError(f"{error.filename} can't be read: {error.strerror}", returncode=2) from error
        except BadFile as bad:
            rest = len(bad.problems) - MOST_PROBLEMS
            shown = bad.problems[:MOST_PROBLEMS] + ([f"… and {rest} more"] if rest > 0 else [])
            raise CommandError("\n".join([*shown, "Nothing was stored."]), returncode=2) from bad
        except ValidationError as error:
            raise CommandError(" ".join([*error.messages, "Nothing was stored."]), returncode=2) from error
        report = {
            "evaluation": evaluation.pk,
            "name": evaluation.name,
            "candidate": str(evaluation.candidate),
            "baseline": str(evaluation.baseline),
            "golden_set": str(evaluation.golden_set_version),
            "golden_set_sha256": evaluation.golden_set_version.sha256,
            "comparisons": evaluation.comparisons.count(),
            "votes": len(foreign.votes),
            "raters": len({vote.rater for vote in foreign.votes}),
            "replaced": [
                {"item_id": vote.key, "rater": vote.rater, "line": vote.line} for vote in foreign.replaced
            ],
        }
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
            return
        self.stdout.write(
            f"{evaluation.name} (evaluation {evaluation.pk}): {report['votes']} votes by {report['raters']} raters on "
            f"{report['comparisons']} comparisons of {evaluation.golden_set_version}"
        )
        for vote in foreign.replaced:
            self.stdout.write(
                f"  {options['votes'].name} line {vote.line}: {vote.rater} voted on {vote.key} again later; "
                "that vote stands"
            )
