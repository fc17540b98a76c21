from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.importing.background import end_with_parent
from models_registry.importing.process import process
from models_registry.models import Upload

EPILOG = """\
example:
  manage.py process_upload 42 < /dev/zero

Workers call this for large files. It ends when its standard input does, so that it never outlives its worker.
"""


class Command(BaseCommand):
    help = "Check or store an uploaded golden set file, whichever its state asks for. Called by workers."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs |= {"epilog": EPILOG, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("upload", metavar="UPLOAD", type=int, help="the number in the upload's address")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Upload.objects.filter(pk=options["upload"]).exists():
            raise CommandError(f"there is no upload {options['upload']}", returncode=2)
        end_with_parent()
        process(options["upload"])
