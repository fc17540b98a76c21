"""What came of a batch that has ended: answers, faults, and requests that go back to wait.

The way of an answer is that of a live one (storing.py), but for its price. A line counts while its response is with
the job, and storing takes it away from there: reading on after a worker died stores nothing twice.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import batched

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Sum
from django.utils import timezone

from models_registry.generation import answer, batch_client, batch_jobs, storing
from models_registry.generation.batch_client import Batch, Error
from models_registry.generation.batch_file import Line, read_line
from models_registry.generation.batch_jobs import State, hold
from models_registry.generation.client import Completion
from models_registry.generation.faults import (
    MONEY_CODES,
    PermanentFault,
    TransientFault,
    error_codes,
    status_fault,
    unreadable,
)
from models_registry.models import BatchJob, Endpoint, Fault, Response

logger = logging.getLogger(__name__)

# answers a transaction: on SQLite everyone else who writes waits for its end
CHUNK = 50
# a request that failed in a batch waits for its next, together with the others
RETRY_SECONDS = 60.0
QUEUE_SECONDS = 600.0
SPARE_SECONDS = 30.0

# What a provider says of a whole file; docs/decisions/0008. The first is the provider's or the queue's, and passes;
WAITS = {"token_limit_exceeded", "rate_limit_exceeded", "request_limit_exceeded", "server_error"}
# these would meet every file of the version. Any other code blames the lines it names.
SAME_FOR_ALL = MONEY_CODES | {
    "invalid_endpoint",
    "invalid_method",
    "invalid_model",
    "invalid_url",
    "mismatched_model",
    "model_mismatch",
    "model_not_found",
    "unsupported_model",
    "url_mismatch",
}


def collect(job: BatchJob, endpoint: Endpoint, batch: Batch) -> None:
    """Store what a batch brought and end its job. Raises what kept its files from being fetched."""
    hold(
        job,
        state=State.COLLECTING,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        completed=batch.completed,
        failed=batch.failed,
    )
    key = batch_client.key_of(endpoint)
    # answers first: where there are some, a refused prompt is that prompt's own fault
    for file_id in (batch.output_file_id, batch.error_file_id):
        if file_id:
            _collect_file(job, endpoint, file_id, key)
    if batch.status == "failed":
        _end_failed(job, batch.errors)
    elif batch.status == "completed":
        _end_completed(job)
    else:
        _end_early(job, batch.status)


def _collect_file(job: BatchJob, endpoint: Endpoint, file_id: str, key: str) -> None:
    with tempfile.TemporaryFile() as file:
        hold(job, batch_client.LONGEST_DOWNLOAD_SECONDS + SPARE_SECONDS)
        batch_jobs.let_go_of_connection()
        batch_client.download(endpoint, file_id, file)
        file.seek(0)
        for chunk in batched(file, CHUNK):
            lines = [line for raw in chunk if (line := read_line(raw)) is not None]
            with transaction.atomic():
                hold(job)
                _store_lines(job, endpoint, lines, key)


def _store_lines(job: BatchJob, endpoint: Endpoint, lines: list[Line], key: str) -> None:
    responses = (
        Response.objects.filter(pk__in={line.response_id for line in lines}, batch_job=job)
        .exclude(status=Response.Status.DONE)
        .select_related("model_version__endpoint")
        .in_bulk()
    )
    stored: list[int] = []
    said = ""
    for line in lines:
        response = responses.get(line.response_id)
        if response is None or not response.request_sha256.startswith(line.request_sha256):
            continue
        if line.was_begun:
            del responses[response.pk]
            error = _store_line(response, endpoint, line, key)
            said = error or said
            if not error:
                stored.append(response.pk)
    _count(job, stored, said)


def _count(job: BatchJob, stored: list[int], said: str) -> None:
    """Write down what these lines brought; in their transaction, as each of them counts once."""
    cost = Response.objects.filter(pk__in=stored).aggregate(dollars=Sum("cost", default=Decimal(0)))[
        "dollars"
    ]
    if stored or said:
        hold(
            job,
            answered=job.answered + len(stored),
            spent=job.spent + cost,
            line_error=storing.storable(said) or job.line_error,
        )


def _store_line(response: Response, endpoint: Endpoint, line: Line, key: str) -> str:
    """What was wrong with it; nothing where its answer is stored."""
    response.attempts += 1
    Response.objects.filter(pk=response.pk).update(attempts=response.attempts, batch_job=None)
    try:
        storing.store(response, _completion(endpoint, line, key), by_batch=True)
    except TransientFault as fault:
        fault.wait_seconds = RETRY_SECONDS
        storing.store_transient(response, None, fault)
        return str(fault)
    except PermanentFault as fault:
        storing.store_permanent(response, fault)
        return str(fault)
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:
        logger.exception("Storing response %s of a batch failed in an unforeseen way", response.pk)
        said = f"Unforeseen fault: {type(error).__name__}: {error}"
        storing.store_unforeseen(response, said)
        return said
    return ""


def _completion(endpoint: Endpoint, line: Line, key: str) -> Completion:
    """The answer in a line. Raises the fault that a live request would have met."""
    if line.status is None:
        code = {"code": line.error_code, "message": line.error_message}
        if error_codes(code) & MONEY_CODES:
            raise status_fault(402, {}, code, "", key)
        raise answer.error_fault(code, key)
    if line.status >= 300:
        error = line.body.get("error", line.body) if isinstance(line.body, Mapping) else None
        raise status_fault(line.status, {}, error, str(line.body), key)
    if not isinstance(line.body, Mapping):
        raise unreadable("The batch's answer to this request can't be read.")
    responses = endpoint.api == Endpoint.API.RESPONSES
    found = (answer.responses_answer if responses else answer.chat_answer)(line.body, key)
    return Completion(
        text=found.text,
        earlier_answers=[],
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        latency_seconds=None,
        finish_reason=found.finish_reason,
        reported_model=found.reported_model,
    )


def _end_completed(job: BatchJob) -> None:
    unanswered = Response.objects.filter(batch_job=job).count()
    if unanswered:
        said = f"The batch ended without an answer to {unanswered} of its requests."
        batch_jobs.end_by_fault(job, State.DONE, said, Fault.Kind.GARBAGE, RETRY_SECONDS)
    else:
        batch_jobs.end(job, State.DONE)


def _end_early(job: BatchJob, status: str) -> None:
    if status == "expired":
        batch_jobs.end(
            job, State.EXPIRED, "The provider's time for the batch was over; what is left goes on waiting."
        )
    else:
        batch_jobs.end(job, State.CANCELLED, "The batch was cancelled; what is left goes on waiting.")


def _end_failed(job: BatchJob, errors: tuple[Error, ...]) -> None:
    """A file that the provider did not take: whom it blames decides who is asked again."""
    codes = {error.code.lower() for error in errors}
    said = "; ".join(_said(error) for error in errors[:3]) or "no reason was given"
    message = f"The provider did not take the file: {said}."
    if codes & WAITS:
        again = timezone.now() + timedelta(seconds=QUEUE_SECONDS)
        batch_jobs.end(job, State.FAILED, message, next_try_at=again)
    elif codes & SAME_FOR_ALL:
        batch_jobs.fail(job, message)
    elif blamed := _blamed(job, errors):
        with transaction.atomic():
            hold(job)
            for pk, error in blamed.items():
                response = Response.objects.get(pk=pk)
                Response.objects.filter(pk=pk).update(batch_job=None)
                why = f"The provider did not take this request: {_said(error)}."
                storing.store_permanent(response, PermanentFault(why, stops_version=False))
            batch_jobs.end(job, State.FAILED, message)
    else:
        batch_jobs.end_by_fault(job, State.FAILED, message, Fault.Kind.SERVER, RETRY_SECONDS)


def _blamed(job: BatchJob, errors: tuple[Error, ...]) -> dict[int, Error]:
    """The responses whose lines are named. Lines stand in the order of their responses' numbers."""
    written = list(Response.objects.filter(batch_job=job).order_by("pk").values_list("pk", flat=True))
    if len(written) != job.requests:
        return {}
    return {written[error.line - 1]: error for error in errors if error.line and error.line <= len(written)}


def _said(error: Error) -> str:
    where = f"line {error.line}: " if error.line else ""
    message = (error.message or "no reason").rstrip(".")[:500]
    return f"{where}{message} ({error.code})" if error.code else f"{where}{message}"
