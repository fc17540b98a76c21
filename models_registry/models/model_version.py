from __future__ import annotations

import json
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator, URLValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

# What a version may say about decoding; anything else would be sent on unchecked and fail at the provider.
DECODING_PARAMETERS: dict[str, tuple[type, ...]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "max_tokens": (int,),
    "max_completion_tokens": (int,),
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "seed": (int,),
    "stop": (str, list),
    "reasoning_effort": (str,),
    "extra_body": (dict,),
}

# What the request says itself; extra_body would be laid over it.
REQUEST_FIELDS = {
    "model": _("it is the version's served name"),
    "messages": _("they are the system prompt and the example"),
    "stream": _("an answer is read in one piece"),
    "stream_options": _("an answer is read in one piece"),
}

ENVIRONMENT_NAME = re.compile(r"^[A-Z_][A-Z0-9_]*\Z")
NAME_OF_A_KEY = re.compile(r"(?:^|_)(?:KEY|TOKEN)(?:_|\Z)")
# Those of Evalsite's own secrets, and of what it is made of, that could pass for an endpoint's key.
OWN_VARIABLES = ("SECRET_KEY", "DJANGO_", "CELERY_", "POSTGRES_")

# The columns that decide what a version answers and what an answer costs: frozen by its first response.
FROZEN_COLUMNS = (
    "model_id",
    "version",
    "endpoint_id",
    "served_name",
    "system_prompt",
    "parameters",
    "parameters_by_tag",
    "input_price",
    "output_price",
    "training_data_sha256",
)


def validate_decoding_parameters(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValidationError(
            _('Decoding parameters are an object, such as {"temperature": 0, "max_tokens": 600}.')
        )
    for name, given in value.items():
        allowed = DECODING_PARAMETERS.get(name)
        if allowed is None:
            raise ValidationError(
                _(
                    '"%(name)s" is not a decoding parameter known here; use one of %(known)s, or put what only '
                    'your endpoint understands into "extra_body".'
                )
                % {"name": name, "known": ", ".join(DECODING_PARAMETERS)}
            )
        if not isinstance(given, allowed) or isinstance(given, bool):
            wanted = "/".join(kind.__name__ for kind in allowed)
            raise ValidationError(
                _('"%(name)s" is %(given)s; it must be %(wanted)s.')
                % {"name": name, "given": repr(given), "wanted": wanted}
            )
    for name in value.get("extra_body", {}):
        if name in REQUEST_FIELDS:
            raise ValidationError(
                _('"extra_body" can\'t hold "%(name)s": %(reason)s.')
                % {"name": name, "reason": REQUEST_FIELDS[name]}
            )
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValidationError(
            _("NaN and Infinity are no numbers in JSON; give a number, or leave the parameter out.")
        ) from None


def validate_parameters_by_tag(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValidationError(
            _(
                'Give an object of intent tags, such as {"small talk": {"temperature": 0.7}}, or leave it empty.'
            )
        )
    for tag, parameters in value.items():
        try:
            validate_decoding_parameters(parameters)
        except ValidationError as error:
            raise ValidationError(
                _("For “%(tag)s”: %(message)s") % {"tag": tag, "message": error.message}
            ) from None


def validate_environment_name(value: str) -> None:
    """A worker sends the variable's value to the endpoint, so it has to be one that is meant for that."""
    if not ENVIRONMENT_NAME.match(value):
        raise ValidationError(
            _("Give the name of an environment variable, such as OPENAI_API_KEY, never the key itself.")
        )
    if not NAME_OF_A_KEY.search(value) or value.startswith(OWN_VARIABLES):
        raise ValidationError(
            _(
                "An endpoint's key has to be in a variable with KEY or TOKEN as a word of its name, such as "
                "OPENAI_API_KEY, and not in one of Evalsite's own: those are never sent."
            )
        )


def validate_base_url(value: str) -> None:
    """Keys fit into an address, where everyone would read them who may see the endpoint."""
    if re.search(r"//[^/]*@|[?#]", value):
        raise ValidationError(
            _(
                "A base URL ends with its path, such as https://api.openai.com/v1: remove the user, the password and "
                "what follows ? or #, and put a key into the environment variable instead."
            )
        )


validate_model_name = RegexValidator(
    re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:/+-]*\Z"),
    _("A name is made of letters, digits and . _ : / + -, such as aurora-support."),
)
validate_sha256 = RegexValidator(
    re.compile(r"^[0-9a-f]{64}\Z"), _("A sha256 is 64 characters of 0-9 and a-f.")
)


class Endpoint(models.Model):
    """An OpenAI-compatible API. It knows the *name* of the variable that holds its key, never the key."""

    class API(models.TextChoices):
        CHAT_COMPLETIONS = "chat_completions", "Chat Completions"
        RESPONSES = "responses", "Responses"

    class MaxTokensName(models.TextChoices):
        AS_WRITTEN = "", _("as the version writes it")
        MAX_TOKENS = "max_tokens", "max_tokens"
        MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens"

    class SystemRole(models.TextChoices):
        SYSTEM = "system", "system"
        DEVELOPER = "developer", "developer"
        USER = "user", _("none: it goes before the first user message")

    name = models.SlugField(unique=True, help_text=_("A short name, such as openai or vllm-gpu-2."))
    base_url = models.CharField(
        max_length=500,
        validators=[URLValidator(schemes=["http", "https"]), validate_base_url],
        help_text=_("Up to and including /v1, such as https://api.openai.com/v1."),
    )
    api_key_env = models.CharField(
        _("environment variable with the key"),
        max_length=100,
        blank=True,
        validators=[validate_environment_name],
        help_text=_("Name of the variable in the workers' environment. Empty: the endpoint wants no key."),
    )
    timeout_seconds = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=_("For one request."),
    )
    max_concurrency = models.PositiveIntegerField(
        _("requests at once"), default=8, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("Empty: no limit.")
    )
    tokens_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Input and output. Empty: no limit."),
    )
    # --- where OpenAI-compatible APIs differ
    api = models.CharField(
        "API",
        max_length=20,
        choices=API,
        default=API.CHAT_COMPLETIONS,
        help_text=_("Which of OpenAI's two ways to ask it understands."),
    )
    api_version = models.CharField(
        _("API version"),
        max_length=40,
        blank=True,
        validators=[RegexValidator(r"^[A-Za-z0-9._-]*\Z", _("Letters, digits, dot, hyphen, underscore."))],
        help_text=_(
            "Azure OpenAI's, such as 2024-10-21: the served name is then the deployment. Else empty."
        ),
    )
    max_tokens_name = models.CharField(
        _("name of the token limit"),
        max_length=30,
        choices=MaxTokensName,
        default=MaxTokensName.AS_WRITTEN,
        blank=True,
        help_text=_("What a version's max_tokens is called here."),
    )
    system_role = models.CharField(
        max_length=20,
        choices=SystemRole,
        default=SystemRole.SYSTEM,
        help_text=_("The role of a system message here."),
    )
    streams = models.BooleanField(
        _("stream answers"),
        default=False,
        help_text=_("Shows the time to the first token. Some servers know nothing else."),
    )
    has_batches = models.BooleanField(
        _("has a Batch API"), default=False, help_text=_("/v1/files and /v1/batches, as OpenAI's.")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EndpointUse(models.Model):
    """How much of an endpoint's limits is left. One row an endpoint, locked while a worker claims a response.

    The limits live in the database because it is the one thing that all workers on all hosts share.
    """

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, related_name="use", primary_key=True)
    requests_left = models.FloatField(default=0)
    tokens_left = models.FloatField(default=0)
    tokens_each = models.FloatField(null=True, help_text="What an answer took lately, prompt and all.")
    refilled_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True, help_text="The provider asked for a pause until then.")
    # circuit breaker: after several faults in a row that are its own, one request at a time tries whether it lives
    faults_in_a_row = models.PositiveIntegerField(default=0)
    down_since = models.DateTimeField(null=True)
    down_message = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"use of endpoint {self.endpoint_id}"


class Model(models.Model):
    """A line of models, such as "aurora-support"; what is evaluated is one version of it."""

    name = models.CharField(max_length=100, unique=True, validators=[validate_model_name])
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One configuration of a model. What decides its answers is frozen by its first response."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(
        max_length=60,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9][A-Za-z0-9._+-]*\Z", _("Letters, digits, dot, plus, hyphen, underscore.")
            )
        ],
        help_text=_("Such as 2026-11 or ft-1."),
    )
    endpoint = models.ForeignKey(
        Endpoint,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="model_versions",
        help_text=_("Empty: its responses were recorded elsewhere and imported."),
    )
    served_name = models.CharField(
        max_length=200, blank=True, help_text=_("The model's name at the endpoint.")
    )
    system_prompt = models.TextField(blank=True)
    parameters = models.JSONField(
        _("decoding parameters"),
        default=dict,
        blank=True,
        validators=[validate_decoding_parameters],
        help_text=_('Such as {"temperature": 0, "max_tokens": 600}.'),
    )
    parameters_by_tag = models.JSONField(
        _("decoding parameters by intent tag"),
        default=dict,
        blank=True,
        validators=[validate_parameters_by_tag],
        help_text=_('Laid over the others by primary intent, such as {"small talk": {"temperature": 0.7}}.'),
    )
    input_price = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million input tokens."),
    )
    output_price = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million output tokens."),
    )
    training_data_sha256 = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_sha256],
        help_text=_("Of the training file. Empty: not fine-tuned."),
    )
    changelog = models.TextField(blank=True, help_text=_("What is new against the version before. Markdown."))
    intended_use = models.TextField(blank=True)
    created_by = models.ForeignKey(
        "auth.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["model__name", "-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["model", "version"], name="model_version_once"),
            models.CheckConstraint(
                condition=models.Q(endpoint__isnull=True) | ~models.Q(served_name=""),
                name="served_model_has_a_name",
                violation_error_message=_("Give the model's name at the endpoint."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("model_version", args=[self.pk])

    @property
    def is_frozen(self) -> bool:
        return self.pk is not None and self.responses.exists()

    def clean(self) -> None:
        if not self.is_frozen:
            return
        before = ModelVersion.objects.get(pk=self.pk)
        changed = [name for name in FROZEN_COLUMNS if getattr(before, name) != getattr(self, name)]
        if changed:
            raise ValidationError(
                _("This version has answered already, so %(fields)s can't change; register a new version.")
                % {"fields": ", ".join(changed)}
            )


class KnownLimitation(models.Model):
    """What a version is known to do badly, and what is done about it. May grow after the version is frozen."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="known_limitations"
    )
    limitation = models.TextField()
    mitigation = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.limitation
