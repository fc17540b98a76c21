from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry import queries
from models_registry.actions.recorded_responses import FIELDS, ImportedResponses, import_responses
from models_registry.management.commands.register_model import explain, price
from models_registry.models import GoldenSetVersion
from models_registry.response_files import COLUMNS

EPILOG = f"""\
example:
  manage.py import_responses answers.jsonl --golden-set support --model support-bot --version 2026-11
  manage.py import_responses shadow.parquet --golden-set support@3 --model support-bot --version shadow \\
    --input-price 0.40 --output-price 1.60 --changelog "Production traffic of May" --json

Each row has the id of an example and the text that was answered; latency, tokens, a finish reason and earlier
answers may follow. The columns and what else they may be called:
{"".join(f"  {', '.join(names)}{chr(10)}" for names in COLUMNS.values())}
The version is registered on the way if it isn't there; it may have no endpoint. The same file again changes nothing.
Exit status 2, and nothing stored, where a row is wrong and --skip-invalid was not given, or where an example has a
response with another text already.
"""


class Command(BaseCommand):
    help = "Store responses made elsewhere (JSON Lines, CSV, JSON, Parquet; also gzipped) as those of a model version."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # "resolve": Django's own --version has no use here, and the name is the one that people look for
        kwargs |= {
            "epilog": EPILOG,
            "formatter_class": RawDescriptionHelpFormatter,
            "conflict_handler": "resolve",
        }
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            metavar="FILE",
            help="JSON Lines, CSV, a JSON array or Parquet, or one of them packed with gzip",
        )
        parser.add_argument(
            "--golden-set",
            required=True,
            metavar="NAME[@VERSION]",
            help="that was answered, such as support or support@3; its newest version unless given",
        )
        parser.add_argument("--model", required=True, help="the line of models, such as support-bot")
        parser.add_argument("--version", dest="model_version", required=True, help="such as 2026-11")
        parser.add_argument("--input-price", metavar="USD", help="per million input tokens")
        parser.add_argument("--output-price", metavar="USD", help="per million output tokens")
        parser.add_argument("--changelog", help="what is new against the version before; Markdown")
        parser.add_argument("--intended-use", help="what it is for, and what not")
        parser.add_argument(
            "--skip-invalid", action="store_true", help="store the good rows and list the bad ones"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        golden_set_version = _golden_set_version(options["golden_set"])
        values = dict(options)
        for name in ("input_price", "output_price"):
            values[name] = price(f"--{name.replace('_', '-')}", options[name])
        try:
            with path.open("rb") as stream:
                imported = import_responses(
                    model_version=(options["model"], options["model_version"]),
                    golden_set_version=golden_set_version,
                    stream=stream,
                    filename=path.name,
                    by=None,
                    skip_invalid=options["skip_invalid"],
                    fields={name: values[name] for name in FIELDS if values[name] is not None},
                )
        except OSError as error:
            raise CommandError(
                f"{path} can't be read: {error.strerror or error}; give the path of a file", returncode=2
            ) from None
        except ValidationError as error:
            flags = explain(error).replace("--model or --endpoint: ", "--model: ")
            raise CommandError(flags, returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(_outcome(imported), indent=2))
        problems = [str(problem) for problem in imported.errors]
        if imported.more_errors:
            problems.append(f"and {imported.more_errors:,} more errors, not listed")
        if imported.model_version is None:
            problems.append(f"{path.name}: nothing was stored.")
            raise CommandError("\n".join(problems), returncode=2)
        for problem in problems:
            self.stderr.write(f"skipped {problem}")
        if not options["json"]:
            self._say(imported)

    def _say(self, imported: ImportedResponses) -> None:
        for warning in (*imported.warnings, *_missing(imported)):
            self.stdout.write(f"warning: {warning}")
        stored = (
            f"{imported.stored:,} responses stored"
            if imported.stored
            else "unchanged, all are stored already"
        )
        self.stdout.write(
            self.style.SUCCESS(
                f"{imported.model_version} on {imported.golden_set_version}: {imported.rows:,} rows, {stored}"
            )
        )


def _golden_set_version(text: str) -> GoldenSetVersion:
    name, _at, number = text.partition("@")
    versions = queries.sealed_versions().filter(golden_set__name=name).order_by("-number")
    if not number:
        found = versions.filter(retired_at__isnull=True).first()
    elif not number.isdecimal():
        raise CommandError(
            f"--golden-set is {text!r}; write its name, or name and version such as support@3", returncode=2
        )
    else:
        found = versions.filter(number=int(number)).first() if len(number) < 10 else None
    if found is None:
        known = ", ".join(str(version.number) for version in versions[:20])
        fix = f"its versions are {known}" if known else "import it with manage.py import_golden_set"
        raise CommandError(f"there is no golden set {text!r} with a version to use; {fix}", returncode=2)
    return found


def _missing(imported: ImportedResponses) -> list[str]:
    """What is said of examples without a response, if there are any."""
    if not imported.missing:
        return []
    named = ", ".join(imported.missing_named)
    total = f"{imported.missing:,} of {imported.golden_set_version.rows:,} examples"
    return [f"{total} of {imported.golden_set_version} have no response, such as {named}."]


def _outcome(imported: ImportedResponses) -> dict[str, Any]:
    version = imported.model_version
    warnings = [*imported.warnings, *_missing(imported)]
    if imported.more_errors:
        warnings.append(f"{imported.more_errors:,} more errors are not listed.")
    return {
        "model": version.model.name if version else None,
        "version": version.version if version else None,
        "id": version.pk if version else None,
        "golden_set": imported.golden_set_version.golden_set.name,
        "golden_set_version": imported.golden_set_version.number,
        "golden_set_sha256": imported.golden_set_version.sha256,
        "rows": imported.rows,
        "stored": imported.stored,
        "missing": imported.missing,
        "missing_examples": list(imported.missing_named),
        "errors": [
            {"line": problem.line, "message": problem.message, "fix": problem.fix}
            for problem in imported.errors
        ],
        "warnings": warnings,
    }
