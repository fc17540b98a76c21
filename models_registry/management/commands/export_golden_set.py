from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry import queries
from models_registry.golden_files import WRITTEN_FORMATS, Problem, write

EPILOG = """\
example:
  manage.py export_golden_set support-2026 --number 2 --format csv --output support.csv

Read back, the file gives the same sha256. Only openai_chat can't tell every example: what it leaves out is listed
on standard error.
"""


class Command(BaseCommand):
    help = "Write a version of a golden set to a file, or to standard output."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs |= {"epilog": EPILOG, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the golden set")
        # Django's own --version would stand in the way of the set's
        parser.add_argument("--number", type=int, help="of the version; default: the newest")
        parser.add_argument("--format", choices=WRITTEN_FORMATS, default="jsonl")
        parser.add_argument("--output", type=Path, help="file to write; default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        versions = queries.sealed_versions().filter(golden_set__name=options["name"])
        if options["number"] is not None:
            versions = versions.filter(number=options["number"])
        version = versions.first()
        if version is None:
            known = ", ".join(str(known) for known in queries.sealed_versions()[:20]) or "none yet"
            raise CommandError(f"There is no such version of a golden set. There are: {known}.", returncode=2)

        def leave_out(problem: Problem) -> None:
            self.stderr.write(f"left out: {problem}")

        pieces = write(queries.rows_of(version), options["format"], leave_out)
        if options["output"] is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        try:
            with options["output"].open("wb") as file:
                file.writelines(pieces)
        except OSError as error:
            raise CommandError(
                f"{options['output']} can't be written: {error.strerror}", returncode=2
            ) from error
        self.stdout.write(
            f"{version}: {version.rows} examples, sha256 {version.sha256}, in {options['output']}"
        )
