"""What the admin pages call models and fields, in the language of the page.

Django derives these names from the code, in English. Written into the models each would be a migration; and a table
with triggers is not altered for a word.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

MODELS = {
    "endpoint": (_("endpoint"), _("endpoints")),
    "model": (_("model"), _("models")),
    "modelversion": (_("model version"), _("model versions")),
    "knownlimitation": (_("known limitation"), _("known limitations")),
    "goldenset": (_("golden set"), _("golden sets")),
    "goldensetversion": (_("golden set version"), _("golden set versions")),
    "response": (_("response"), _("responses")),
}
FIELDS = {
    "asked_live": _("asked live"),
    "attempts": _("attempts"),
    "base_url": _("base URL"),
    "batch_job": _("batch job"),
    "by_batch": _("by batch"),
    "changelog": _("changelog"),
    "claim": _("claim"),
    "cost": _("cost"),
    "created_at": _("created at"),
    "created_by": _("created by"),
    "description": _("description"),
    "done_at": _("done at"),
    "earlier_answers": _("earlier answers"),
    "endpoint": _("endpoint"),
    "example": _("example"),
    "finish_reason": _("finish reason"),
    "first_token_seconds": _("seconds to the first token"),
    "golden_set": _("golden set"),
    "input_price": _("input price"),
    "input_tokens": _("input tokens"),
    "intended_use": _("intended use"),
    "last_error": _("last error"),
    "latency_seconds": _("latency in seconds"),
    "lease_until": _("lease until"),
    "limitation": _("limitation"),
    "lost_attempts": _("lost attempts"),
    "mitigation": _("mitigation"),
    "model": _("model"),
    "model_version": _("model version"),
    "name": _("name"),
    "next_try_at": _("next try at"),
    "number": _("number"),
    "output_price": _("output price"),
    "output_tokens": _("output tokens"),
    "preflight": _("preflight"),
    "reported_model": _("reported model"),
    "request_sha256": _("sha256 of the request"),
    "requests_per_minute": _("requests per minute"),
    "retired_at": _("retired at"),
    "retired_by": _("retired by"),
    "retired_reason": _("reason for its retirement"),
    "rows": _("rows"),
    "run": _("run"),
    "sealed_at": _("sealed at"),
    "served_name": _("served name"),
    "sha256": _("sha256"),
    "source": _("source"),
    "status": _("status"),
    "system_prompt": _("system prompt"),
    "system_role": _("system role"),
    "text": _("text"),
    "timeout_seconds": _("timeout in seconds"),
    "tokens_per_minute": _("tokens per minute"),
    "training_data_sha256": _("sha256 of the training data"),
    "version": _("version"),
    "warnings": _("warnings"),
}


def give_names(models: Iterable[type[Model]]) -> None:
    """Names that the code gives itself stay."""
    for model in models:
        options = model._meta
        if options.model_name in MODELS:
            options.verbose_name, options.verbose_name_plural = MODELS[options.model_name]
        for field in options.local_fields:
            # what the code gave itself, as Django keeps it to write migrations
            if field._verbose_name is None and field.name in FIELDS:  # type: ignore[attr-defined]
                field.verbose_name = FIELDS[field.name]
