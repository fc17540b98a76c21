from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evalsite.figures import percent
from reviews.management.commands.winrates import find_evaluation
from reviews.queries import gate_words
from reviews.queries.gate import Gated, gate_now
from reviews.queries.plans import seconds_per_vote
from reviews.stats.gate import Intent
from reviews.stats.gate_evidence import Verdict

EXAMPLE = """examples:
  manage.py gate 3
  manage.py gate "Support bot: November candidate" --json

exit status: 0 PROMOTE, 1 REJECT, 3 HOLD or INCONCLUSIVE, 2 bad input
"""
STATUS = {Verdict.PROMOTE: 0, Verdict.REJECT: 1, Verdict.HOLD: 3, Verdict.INCONCLUSIVE: 3}


class Command(BaseCommand):
    help = "Print the gate's verdict on an evaluation: PROMOTE, HOLD, REJECT or INCONCLUSIVE, and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EXAMPLE
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("evaluation", help="its number or its name")
        parser.add_argument("--json", action="store_true", help="all figures and the plan, as JSON")

    def handle(self, *, evaluation: str, **options: Any) -> None:
        found = find_evaluation(evaluation)
        gated = gate_now(found)
        if gated is None:
            raise CommandError(
                "Voting is not open yet, so no plan is frozen; open voting first.", returncode=2
            )
        if options["json"]:
            self.stdout.write(json.dumps(gated.as_json(), ensure_ascii=False, indent=2))
        else:
            self._print(gated, closed=found.closed_at is not None)
        if status := STATUS[gated.gate.verdict]:
            sys.exit(status)

    def _print(self, gated: Gated, *, closed: bool) -> None:
        if gated.is_retrospective:
            self.stdout.write(
                "Imported: the plan was made after the votes, so this is what they would have decided."
            )
        self.stdout.write(f"{gated.gate.verdict.name}: {gate_words.sentence(gated, closed=closed)}")
        for said in gate_words.reasons(gated, seconds_per_vote()[0], closed=closed):
            self.stdout.write(f"  - {said.text} {said.missing}".rstrip())
        width = max(len(intent.name) for intent in gated.gate.intents)
        self.stdout.write(f"\n{'':<{width}}  examples  win rate  anytime-valid  guarded  status")
        for intent in gated.gate.intents:
            self.stdout.write(f"{intent.name:<{width}}  {_line(intent)}")
        self.stdout.write(f"\nplan sha256 {gated.gate.plan_sha256}")


def _line(intent: Intent) -> str:
    seen = f"{intent.win_rate.examples}/{intent.planned}"
    between = f"{intent.anytime.low:.3f}–{intent.anytime.high:.3f}"
    guarded = "yes" if intent.guarded else ""
    return f"{seen:>8}  {percent(intent.win_rate.win_rate):>8}  {between:>13}  {guarded:<7}  {intent.status}"
