from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.actions.golden_sets import Imported, import_golden_set

EPILOG = """\
example:
  manage.py import_golden_set support.jsonl --name support --json

Each row has an id, and messages (or a prompt, and optionally system); tags, reference, lang and metadata may
follow. Content that the golden set has already gives that version again. Exit status 2, and nothing stored,
where a row is wrong and --skip-invalid was not given.
"""


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
        parser.add_argument(
            "--skip-invalid", action="store_true", help="store the good rows and list the bad ones"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            with path.open("rb") as stream:
                imported = import_golden_set(
                    name=options["name"],
                    description=options["description"],
                    stream=stream,
                    filename=path.name,
                    by=None,
                    skip_invalid=options["skip_invalid"],
                )
        except OSError as error:
            raise CommandError(
                f"{path} can't be read: {error.strerror or error}; give the path of a file", returncode=2
            ) from None
        except ValidationError as error:
            raise CommandError("\n".join(error.messages), returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(_outcome(imported, options["name"]), indent=2))
        problems = [str(problem) for problem in imported.reading.errors]
        if imported.reading.more_errors:
            problems.append(f"and {imported.reading.more_errors:,} more errors, not listed")
        if imported.version is None:
            problems.append(f"{path.name}: nothing was stored.")
            raise CommandError("\n".join(problems), returncode=2)
        for problem in problems:
            self.stderr.write(f"skipped {problem}")
        if not options["json"]:
            self._say(imported)

    def _say(self, imported: Imported) -> None:
        version = imported.version
        assert version is not None
        for warning in imported.reading.warnings:
            self.stdout.write(f"warning: {warning}")
        stored = "stored" if imported.created else "unchanged, the same content is stored already"
        self.stdout.write(self.style.SUCCESS(f"{version}: {version.rows:,} rows, {stored}"))
        self.stdout.write(f"sha256 {version.sha256}")


def _outcome(imported: Imported, name: str) -> dict[str, Any]:
    version, reading = imported.version, imported.reading
    warnings = [*reading.warnings]
    if reading.more_errors:
        warnings.append(f"{reading.more_errors:,} more errors are not listed.")
    return {
        "golden_set": name,
        "version": version.number if version else None,
        "sha256": version.sha256 if version else None,
        "rows": version.rows if version else 0,
        "errors": [
            {"line": problem.line, "message": problem.message, "fix": problem.fix}
            for problem in reading.errors
        ],
        "warnings": warnings,
    }
