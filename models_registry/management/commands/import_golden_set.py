from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.actions.golden_sets import Imported, import_golden_set
from models_registry.golden_files import COLUMNS
from models_registry.preflight import ENCODINGS, KINDS, Options

EPILOG = """\
example:
  manage.py import_golden_set support.jsonl --name support --json
  manage.py import_golden_set tickets.csv --name support --columns prompt=Question tags=Topic --check
  manage.py import_golden_set chats.parquet --name support --replace e-mail phone --changelog "Chats of May"

Each row has an id, and messages (or a prompt, and optionally system); tags, reference, lang and metadata may
follow. Content that the golden set has already gives that version again. Exit status 2, and nothing stored,
where a row is wrong and --skip-invalid was not given.
"""


def column(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals or ours not in COLUMNS or not theirs:
        raise ArgumentTypeError(
            f"{text!r} is no column; write prompt=Question, with one of {', '.join(COLUMNS)} on the left"
        )
    return ours, theirs


class Command(BaseCommand):
    help = "Store a file of prompts (JSON Lines, CSV, JSON, Parquet; also gzipped) as a new version of a golden set."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs |= {"epilog": EPILOG, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            metavar="FILE",
            help="JSON Lines, CSV, a JSON array or Parquet, or one of them packed with gzip",
        )
        parser.add_argument(
            "--name", required=True, help="of the golden set, new or existing, such as support-2026"
        )
        parser.add_argument("--description", default="", help="of the golden set")
        parser.add_argument("--changelog", default="", help="what is new in this version, and why")
        parser.add_argument(
            "--columns",
            type=column,
            nargs="+",
            metavar="OURS=THEIRS",
            help="which column of a CSV is which of ours",
        )
        parser.add_argument(
            "--skip-invalid", action="store_true", help="store the good rows and list the bad ones"
        )
        parser.add_argument(
            "--replace",
            nargs="+",
            choices=KINDS,
            default=[],
            metavar="KIND",
            help=f"put placeholders for personal data: {', '.join(KINDS)}",
        )
        parser.add_argument(
            "--context-window",
            type=int,
            default=Options().context_window,
            help="tokens, of the models to compare (default: %(default)s)",
        )
        parser.add_argument("--encoding", choices=ENCODINGS, default=ENCODINGS[0], help="to count tokens by")
        parser.add_argument(
            "--check",
            action="store_true",
            help="say what is wrong and what is worth a look, and store nothing",
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            preflight = Options(encoding=options["encoding"], context_window=options["context_window"])
            with path.open("rb") as stream:
                imported = import_golden_set(
                    name=options["name"],
                    description=options["description"],
                    changelog=options["changelog"],
                    stream=stream,
                    filename=path.name,
                    by=None,
                    skip_invalid=options["skip_invalid"],
                    columns=dict(options["columns"]) if options["columns"] else None,
                    replaced=options["replace"],
                    options=preflight,
                    store=not options["check"],
                    progress=self._progress if sys.stderr.isatty() else None,
                )
        except OSError as error:
            raise CommandError(
                f"{path} can't be read: {error.strerror or error}; give the path of a file", returncode=2
            ) from None
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from None
        except ValidationError as error:
            raise CommandError("\n".join(error.messages), returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(_outcome(imported, options["name"]), indent=2))
        checked = imported.checked
        problems = [str(problem) for problem in checked.errors]
        if checked.more_errors:
            problems.append(f"and {checked.more_errors:,} more errors, not listed")
        refused = not checked.rows or (bool(checked.errors) and not options["skip_invalid"])
        if refused:
            is_table = path.suffix.lower() in (".csv", ".tsv") and checked.errors[0].whole_file
            if is_table and not options["columns"]:
                problems.append("Columns with other names are given by --columns prompt=Question id=Number.")
            problems.append(f"{path.name}: nothing was stored.")
            raise CommandError("\n".join(problems), returncode=2)
        for problem in problems:
            self.stderr.write(f"skipped {problem}")
        if not options["json"]:
            self._say(imported)

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\rscanning {done / total:.0%} ", ending="\n" if done == total else "")
        self.stderr.flush()

    def _say(self, imported: Imported) -> None:
        for warning in _warnings(imported):
            self.stdout.write(f"warning: {warning}")
        version = imported.version
        if version is None:
            self.stdout.write(f"{imported.checked.rows:,} good rows; nothing was stored, as --check asks")
            return
        stored = "stored" if imported.created else "unchanged, the same content is stored already"
        self.stdout.write(self.style.SUCCESS(f"{version}: {version.rows:,} rows, {stored}"))
        self.stdout.write(f"sha256 {version.sha256}")


def _warnings(imported: Imported) -> list[str]:
    report = imported.checked.report
    found = [f"{warning.message} {warning.fix}" for warning in report.warnings] if report else []
    return [*imported.checked.warnings, *found]


def _outcome(imported: Imported, name: str) -> dict[str, Any]:
    version, checked = imported.version, imported.checked
    warnings = _warnings(imported)
    if checked.more_errors:
        warnings.append(f"{checked.more_errors:,} more errors are not listed.")
    return {
        "golden_set": name,
        "version": version.number if version else None,
        "sha256": version.sha256 if version else None,
        "rows": version.rows if version else 0,
        "errors": [
            {"line": problem.line, "message": problem.message, "fix": problem.fix}
            for problem in checked.errors
        ],
        "warnings": warnings,
        "preflight": checked.preflight,
    }
