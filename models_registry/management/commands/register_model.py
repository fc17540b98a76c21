from __future__ import annotations

import hashlib
import json
from argparse import RawDescriptionHelpFormatter
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.actions.model_versions import (
    ENDPOINT_FIELDS,
    VERSION_FIELDS,
    Registered,
    register_model_version,
)

FLAGS = {"timeout_seconds": "timeout"}

EPILOG = """\
example:
  manage.py register_model --endpoint openai --base-url https://api.openai.com/v1 \\
    --api-key-env OPENAI_API_KEY --model support-bot --version 2026-11 --served-name gpt-4.1-mini \\
    --system-prompt-file prompt.txt \\
    --parameters '{"temperature": 0, "max_tokens": 600}' --input-price 0.40 --output-price 1.60 \\
    --limitation "Invents order numbers :: A person confirms every refund"

Doing it again with the same values changes nothing. What decides a version's answers is frozen by its first
response: then register a new version. Without --endpoint its responses are ones that were recorded elsewhere.
"""


class Command(BaseCommand):
    help = "Register a version of a model, with its endpoint. What is not given stays as it is."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # "resolve": Django's own --version has no use here, and the name is the one that people look for
        kwargs |= {
            "epilog": EPILOG,
            "formatter_class": RawDescriptionHelpFormatter,
            "conflict_handler": "resolve",
        }
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        model = parser.add_argument_group("the model version")
        model.add_argument("--model", required=True, help="the line of models, such as support-bot")
        model.add_argument("--version", dest="model_version", required=True, help="such as 2026-11")
        model.add_argument("--model-description", help="of the line of models")
        model.add_argument("--served-name", help="the model's name at the endpoint")
        prompt = model.add_mutually_exclusive_group()
        prompt.add_argument("--system-prompt", help="sent before every conversation")
        prompt.add_argument("--system-prompt-file", metavar="FILE", help="the same, from a UTF-8 file")
        model.add_argument(
            "--parameters", metavar="JSON", help="for decoding, such as '{\"temperature\": 0}'"
        )
        model.add_argument("--input-price", metavar="USD", help="per million input tokens")
        model.add_argument("--output-price", metavar="USD", help="per million output tokens")
        training = model.add_mutually_exclusive_group()
        training.add_argument("--training-data-sha256", metavar="SHA256", help="of the training file")
        training.add_argument("--training-data", metavar="FILE", help="the file, to take its sha256 here")
        model.add_argument("--changelog", help="what is new against the version before; Markdown")
        model.add_argument("--intended-use", help="what it is for, and what not")
        model.add_argument(
            "--limitation",
            action="append",
            default=[],
            metavar='"TEXT :: MITIGATION"',
            help="something it does badly, and what is done about it; may be repeated",
        )
        endpoint = parser.add_argument_group("its endpoint")
        endpoint.add_argument(
            "--endpoint", default="", metavar="NAME", help="existing, or new with --base-url"
        )
        endpoint.add_argument("--base-url", metavar="URL", help="up to and including /v1")
        endpoint.add_argument(
            "--api-key-env", metavar="NAME", help="of the variable with the key, never the key"
        )
        endpoint.add_argument(
            "--timeout", type=int, metavar="SECONDS", help="for one request; 60 unless given"
        )
        endpoint.add_argument(
            "--max-concurrency", type=int, metavar="N", help="requests at once; 8 unless given"
        )
        endpoint.add_argument("--requests-per-minute", type=int, metavar="N", help="no limit unless given")
        endpoint.add_argument(
            "--tokens-per-minute", type=int, metavar="N", help="input and output; no limit unless given"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            registered = register_model_version(
                model=options["model"],
                version=options["model_version"],
                by=None,
                endpoint=options["endpoint"],
                endpoint_fields=_given(options, ENDPOINT_FIELDS),
                model_description=options["model_description"],
                fields=_given(_with_files(options), VERSION_FIELDS),
                limitations=[_limitation(text) for text in options["limitation"]],
            )
        except ValidationError as error:
            raise CommandError(explain(error), returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(_outcome(registered), indent=2))
            return
        changed = f" ({', '.join(registered.changed)})" if registered.outcome == "updated" else ""
        self.stdout.write(self.style.SUCCESS(f"{registered.version}: {registered.outcome}{changed}"))


def _given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: options[FLAGS.get(name, name)] for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _with_files(options: dict[str, Any]) -> dict[str, Any]:
    values = dict(options)
    if path := options["system_prompt_file"]:
        try:
            values["system_prompt"] = _bytes(path).decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise CommandError(
                f"{path} is not UTF-8 at byte offset {error.start}; save it as UTF-8", returncode=2
            ) from None
    if path := options["training_data"]:
        try:
            with Path(path).open("rb") as stream:
                values["training_data_sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from None
    for name in ("input_price", "output_price"):
        values[name] = price(f"--{name.replace('_', '-')}", options[name])
    if options["parameters"] is not None:
        try:
            values["parameters"] = json.loads(options["parameters"], parse_constant=_refuse)
        except ValueError as error:
            raise CommandError(
                f"--parameters is not JSON ({error}); write an object such as '{{\"temperature\": 0}}'",
                returncode=2,
            ) from None
    return values


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError) -> CommandError:
    return CommandError(
        f"{path} can't be read: {error.strerror or error}; give the path of a file", returncode=2
    )


def price(flag: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite():
        raise CommandError(
            f"{flag} is {text!r}; write dollars per million tokens, such as 0.40", returncode=2
        )
    return price


def _limitation(text: str) -> tuple[str, str]:
    limitation, _, mitigation = text.partition("::")
    return limitation.strip(), mitigation.strip()


def explain(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return "\n".join(error.messages)
    flags = {
        name: f"--{FLAGS.get(name, name).replace('_', '-')}: " for name in (*ENDPOINT_FIELDS, *VERSION_FIELDS)
    }
    flags |= {"name": "--model or --endpoint: ", "version": "--version: ", "endpoint": "--endpoint: "}
    flags |= {"limitation": "--limitation: ", NON_FIELD_ERRORS: ""}
    return "\n".join(
        f"{flags.get(name, f'{name}: ')}{message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )


def _outcome(registered: Registered) -> dict[str, Any]:
    version = registered.version
    return {
        "model": version.model.name,
        "version": version.version,
        "id": version.pk,
        "endpoint": version.endpoint.name if version.endpoint else None,
        "outcome": registered.outcome,
        "changed": [] if registered.created else list(registered.changed),
        "frozen": version.is_frozen,
    }
