"""What is done for a batch job, one step at a time: send it, follow it, and collect what came of it.

Each step can be done again after a worker died in it. Only the making of a batch costs money: it is looked for first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import batched
from typing import IO

from django.db.models import Prefetch

from models_registry.generation import batch_client, batch_jobs, request
from models_registry.generation.batch_client import Batch
from models_registry.generation.batch_collecting import collect
from models_registry.generation.batch_file import MOST_BYTES, custom_id, request_line
from models_registry.generation.batch_jobs import State, hold
from models_registry.generation.faults import PermanentFault
from models_registry.generation.messages import request_messages, request_parameters
from models_registry.models import BatchJob, Endpoint, ExampleTag, Response

CHUNK = 500
# beyond what a call may last
SPARE_SECONDS = 30.0


def step(job: BatchJob) -> None:
    """Do what the row of a held job asks for. Raises what went wrong."""
    endpoint = job.model_version.endpoint
    if endpoint is None:
        raise PermanentFault("The model version has no endpoint any more.", stops_version=True)
    if job.provider_id:
        _follow(job, endpoint)
    else:
        _send(job, endpoint)


def _send(job: BatchJob, endpoint: Endpoint) -> None:
    batch = _made_before(job, endpoint)
    if batch is None and not batch_jobs.is_wanted(job):
        batch_jobs.end(
            job, State.CANCELLED, "Its run was stopped, or left the Batch API, before it was sent."
        )
        return
    if batch is None and not job.input_file_id and not _upload(job, endpoint):
        batch_jobs.end(job, State.CANCELLED, "Nothing was left to be asked.")
        return
    if batch is None:
        hold(job, endpoint.timeout_seconds + SPARE_SECONDS)
        batch_jobs.let_go_of_connection()
        batch = batch_client.create_batch(endpoint, job.input_file_id, url(endpoint), metadata(job))
    try:
        batch_jobs.look_again(job, batch, soon=True)
    except batch_jobs.Superseded:
        _cancel_the_second(job, endpoint, batch)
        raise


def _made_before(job: BatchJob, endpoint: Endpoint) -> Batch | None:
    """The batch that a worker made of the uploaded file before it could write that down."""
    if not job.input_file_id:
        return None
    hold(job, batch_client.MOST_LISTED / batch_client.PAGE * endpoint.timeout_seconds + SPARE_SECONDS)
    batch_jobs.let_go_of_connection()
    return batch_client.find_batch(endpoint, job.input_file_id, metadata(job))


def _cancel_the_second(job: BatchJob, endpoint: Endpoint, batch: Batch) -> None:
    """This worker was so slow that another took the job up: were two batches made, this one is not needed."""
    taken_up = BatchJob.objects.get(pk=job.pk)
    if taken_up.provider_id and taken_up.provider_id != batch.id:
        batch_client.cancel_batch(endpoint, batch.id)


def _upload(job: BatchJob, endpoint: Endpoint) -> int:
    """Write the requests of a job and upload them; how many there are."""
    with tempfile.TemporaryFile() as file:
        written = _write(job, endpoint, file)
        size = file.tell()
        file.seek(0)
        if not written:
            return 0
        hold(job, batch_client.upload_seconds(size, endpoint) + SPARE_SECONDS, requests=written)
        batch_jobs.let_go_of_connection()
        uploaded = batch_client.upload_file(endpoint, file, f"evalsite-batch-{job.pk}.jsonl", size)
    hold(job, input_file_id=uploaded)
    return written


def _write(job: BatchJob, endpoint: Endpoint, file: IO[bytes]) -> int:
    """Write a line for each response of a job, up to the limit of a file; those beyond wait for the next job."""
    written, whole = 0, True
    for chunk in batched(_of_job(job), CHUNK):
        hold(job)
        beyond: list[int] = []
        for response in chunk:
            line = _line(response, job, endpoint)
            whole = whole and file.tell() + len(line) <= MOST_BYTES
            if whole:
                file.write(line)
                written += 1
            else:
                beyond.append(response.pk)
        # a single one that fits into no file would come back for ever
        alone = {"asked_live": True} if not written else {}
        Response.objects.filter(pk__in=beyond, batch_job=job).update(batch_job=None, **alone)
    return written


def _of_job(job: BatchJob) -> Iterator[Response]:
    found = Response.objects.filter(batch_job=job)
    responses = found.select_related("example", "model_version").order_by("pk")
    if job.model_version.parameters_by_tag:
        tags = Prefetch("example__tags", queryset=ExampleTag.objects.order_by("position"))
        responses = responses.prefetch_related(tags)
    return responses.iterator(chunk_size=CHUNK)


def _line(response: Response, job: BatchJob, endpoint: Endpoint) -> bytes:
    version = job.model_version
    body = request.body(
        endpoint,
        version.served_name,
        request_messages(version.system_prompt, response.messages),
        request_parameters(version.parameters, version.parameters_by_tag, response.intent_asked_for),
    )
    return request_line(custom_id(response.pk, response.request_sha256), url(endpoint), body)


def url(endpoint: Endpoint) -> str:
    """Of each request of a batch; not what follows the base URL, but what OpenAI calls it whoever serves it."""
    last = "/responses" if endpoint.api == Endpoint.API.RESPONSES else "/chat/completions"
    return last if endpoint.api_version else f"/v1{last}"


def metadata(job: BatchJob) -> dict[str, str]:
    return {"evalsite_job": str(job.pk)}


def _follow(job: BatchJob, endpoint: Endpoint) -> None:
    hold(job, 2 * endpoint.timeout_seconds + SPARE_SECONDS)
    batch_jobs.let_go_of_connection()
    batch = batch_client.retrieve_batch(endpoint, job.provider_id)
    if batch.status in batch_client.ENDED:
        collect(job, endpoint, batch)
        return
    stops = batch.status in batch_client.CAN_BE_CANCELLED and not batch_jobs.is_wanted(job)
    if stops:
        batch = batch_client.cancel_batch(endpoint, batch.id)
    batch_jobs.look_again(job, batch, soon=stops)
