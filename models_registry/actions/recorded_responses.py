"""A file of responses that were made elsewhere, stored as those of a model version without an endpoint."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import batched, islice, pairwise
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.actions.model_versions import register_model_version
from models_registry.actions.responses import BATCH, AnswerDiffers, RecordedAnswer, record_responses
from models_registry.generation.answered import unanswered
from models_registry.golden_files import Limits, Problem
from models_registry.golden_files.row import shorten
from models_registry.importing.limits import file_limits
from models_registry.models import GoldenSetVersion, ModelVersion, Response
from models_registry.response_files import ResponseRow, open_responses

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST_PROBLEMS = 1000
MOST_NAMED = 5
# what may be said of a version that is made on the way
FIELDS = ("input_price", "output_price", "changelog", "intended_use")


@dataclass(frozen=True)
class ImportedResponses:
    """What came of an import. `model_version` is None where nothing was stored: see the errors.

    `rows` are the good rows of the file; `stored` the responses that are new, since examples with the same prompt
    share one. `missing` examples of the golden set version have no response, `missing_named` are the first of them.
    """

    golden_set_version: GoldenSetVersion
    model_version: ModelVersion | None = None
    rows: int = 0
    stored: int = 0
    bad_rows: int = 0
    errors: tuple[Problem, ...] = ()
    more_errors: int = 0
    warnings: tuple[str, ...] = ()
    missing: int = 0
    missing_named: tuple[str, ...] = ()


class _Refused(Exception):
    """Rolls back what a file has stored so far."""


def import_responses(
    *,
    model_version: ModelVersion | tuple[str, str],
    golden_set_version: GoldenSetVersion,
    stream: BinaryIO | bytes,
    filename: str,
    by: User | None,
    skip_invalid: bool = False,
    fields: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> ImportedResponses:
    """Read a file of responses and store them all, or nothing of it.

    model_version  that answered; or the names of its model and itself, which are registered on the way
    skip_invalid   leaves out rows that can't be used; an answer that differs from a stored one is refused even so,
                   because then the file comes from something else
    fields         FIELDS of the version; what is not given stays as it is

    The same file again changes nothing. Raises ValidationError where the version has an endpoint, or its names or
    fields won't do.
    """
    if golden_set_version.sealed_at is None:
        raise ValidationError(_("The golden set version is still being stored; try again when it is there."))
    _check_recorded(_known(model_version))
    with tempfile.TemporaryFile() as spool:
        checked = _check_file(
            io.BytesIO(stream) if isinstance(stream, bytes) else stream,
            filename,
            golden_set_version,
            limits or file_limits(),
            spool,
        )
        refused = ImportedResponses(
            golden_set_version,
            rows=checked.rows,
            bad_rows=len(checked.bad_lines),
            errors=tuple(checked.errors),
            more_errors=checked.more_errors,
            warnings=checked.warnings,
        )
        if checked.unreadable or not checked.rows or (checked.errors and not skip_invalid):
            return refused
        differing = _Checked()
        try:
            with transaction.atomic():
                version = _registered(model_version, fields or {}, by)
                before = _done(version)
                for rows in batched(_rows_of(spool), BATCH):
                    _store(version, golden_set_version, rows, checked.unit, differing)
                if differing.errors:
                    raise _Refused
                stored = _done(version) - before
        except _Refused:
            return ImportedResponses(
                golden_set_version,
                rows=checked.rows,
                bad_rows=len(checked.bad_lines | differing.bad_lines),
                errors=(*differing.errors, *checked.errors),
                more_errors=differing.more_errors + checked.more_errors,
                warnings=checked.warnings,
            )
    missing = unanswered(version, golden_set_version)
    named = tuple(islice(missing, MOST_NAMED))
    return ImportedResponses(
        golden_set_version,
        model_version=version,
        rows=checked.rows,
        stored=stored,
        bad_rows=len(checked.bad_lines),
        errors=tuple(checked.errors),
        more_errors=checked.more_errors,
        warnings=checked.warnings,
        missing=len(named) + sum(1 for _key in missing),
        missing_named=named,
    )


def check_has_no_endpoint(model: str, version: str) -> None:
    """ValidationError where a version of these names is asked over an endpoint, so that nothing may be recorded."""
    _check_recorded(_known((model, version)))


def _known(model_version: ModelVersion | tuple[str, str]) -> ModelVersion | None:
    if isinstance(model_version, ModelVersion):
        return model_version
    model, version = model_version
    known = ModelVersion.objects.filter(model__name=model, version=version)
    return known.select_related("model").first()


def _check_recorded(version: ModelVersion | None) -> None:
    if version is not None and version.endpoint_id is not None:
        raise ValidationError(
            {
                "version": _(
                    "%(version)s has an endpoint and answers for itself; give recorded responses a version of "
                    "their own."
                )
                % {"version": version}
            }
        )


def _registered(
    model_version: ModelVersion | tuple[str, str], fields: Mapping[str, Any], by: User | None
) -> ModelVersion:
    """The version as given; locked, so that it gets no endpoint meanwhile."""
    if isinstance(model_version, ModelVersion):
        model, version = model_version.model.name, model_version.version
    else:
        model, version = model_version
    found = register_model_version(model=model, version=version, by=by, fields=fields).version
    locked = ModelVersion.objects.select_for_update(of=("self",)).select_related("model").get(pk=found.pk)
    _check_recorded(locked)
    return locked


def _done(version: ModelVersion) -> int:
    return Response.objects.filter(model_version=version, status=Response.Status.DONE).count()


@dataclass
class _Checked:
    unit: str = "line"
    rows: int = 0
    unreadable: bool = False
    errors: list[Problem] = field(default_factory=list)
    more_errors: int = 0
    bad_lines: set[int] = field(default_factory=set)
    warnings: tuple[str, ...] = ()

    def problem(self, problem: Problem) -> None:
        self.unit = problem.unit
        self.bad_lines.add(problem.line)
        if len(self.errors) < MOST_PROBLEMS:
            self.errors.append(problem)
        else:
            self.more_errors += 1


def _check_file(
    stream: BinaryIO,
    filename: str,
    golden_set_version: GoldenSetVersion,
    limits: Limits,
    spool: IO[bytes],
) -> _Checked:
    """Read the file and put its good rows into the spool."""
    own_answers = {
        key: _own_answers(messages)
        for key, messages in golden_set_version.examples.values_list("key", "messages").iterator()
    }
    opened = open_responses(stream, filename, limits=limits)
    unit = "line" if opened.format in ("jsonl", "csv") else "item"
    checked = _Checked(unit=unit)
    encode = msgspec.json.Encoder().encode
    for item in opened.rows:
        found = item if isinstance(item, Problem) else _misplaced(item, own_answers, golden_set_version, unit)
        if found is None:
            spool.write(encode(item) + b"\n")
            checked.rows += 1
        elif found.whole_file:
            # the first thing to mend; what was found before it stays worth knowing
            checked.errors.insert(0, found)
            checked.unreadable, checked.unit = True, found.unit
        else:
            checked.problem(found)
    checked.warnings = opened.warnings
    spool.seek(0)
    return checked


def _own_answers(messages: list[dict[str, str]]) -> int:
    """How many answers of its own a model gives before the last: two messages of the user stand around each."""
    roles = [message["role"] for message in messages]
    return sum(pair == ("user", "user") for pair in pairwise(roles))


def _misplaced(
    row: ResponseRow, own_answers: Mapping[str, int], version: GoldenSetVersion, unit: str
) -> Problem | None:
    """What is wrong with a row because of the golden set version that it is given for."""
    wanted, given = own_answers.get(row.key), len(row.earlier_answers)
    if wanted is None:
        such_as = f', such as "{shorten(next(iter(own_answers)))}",' if own_answers else ""
        return Problem(
            row.line,
            f'{version} has no example "{shorten(row.key)}"',
            f"give the id of one{such_as} or choose the golden set version that was answered",
            unit,
        )
    if wanted == given:
        return None
    before = f"{wanted} earlier {'answer' if wanted == 1 else 'answers'} of the model's own"
    return Problem(
        row.line,
        f'the row gives {given} earlier answers where the conversation "{shorten(row.key)}" has {wanted}',
        f'give {before} as a list in "earlier_answers"' if wanted else 'leave "earlier_answers" out',
        unit,
    )


def _rows_of(spool: IO[bytes]) -> Iterator[ResponseRow]:
    decode = msgspec.json.Decoder(ResponseRow).decode
    return (decode(line) for line in spool)


def _store(
    version: ModelVersion,
    golden_set_version: GoldenSetVersion,
    rows: tuple[ResponseRow, ...],
    unit: str,
    differing: _Checked,
) -> None:
    answers = {
        row.key: RecordedAnswer(
            text=row.text,
            earlier_answers=row.earlier_answers,
            latency_seconds=row.latency_seconds,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            finish_reason=row.finish_reason,
        )
        for row in rows
    }
    examples = golden_set_version.examples.filter(key__in=answers).order_by("position")
    try:
        record_responses(model_version=version, examples=examples, answers=answers)
    except AnswerDiffers as error:
        for row in rows:
            if differs := error.found.get(row.key):
                message = f'{version} has answered "{shorten(row.key)}" already, {differs}'
                fix = "give these responses a version of their own"
                differing.problem(Problem(row.line, message, fix, unit))
