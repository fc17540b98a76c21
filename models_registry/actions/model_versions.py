from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.models import Endpoint, KnownLimitation, Model, ModelVersion
from models_registry.models.model_version import validate_decoding_parameters

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ENDPOINT_FIELDS = (
    "base_url",
    "api_key_env",
    "timeout_seconds",
    "max_concurrency",
    "requests_per_minute",
    "tokens_per_minute",
)
VERSION_FIELDS = (
    "served_name",
    "system_prompt",
    "parameters",
    "input_price",
    "output_price",
    "training_data_sha256",
    "changelog",
    "intended_use",
)


@dataclass(frozen=True)
class Registered:
    """A model version, and what registering it changed: names such as "endpoint base_url"."""

    version: ModelVersion
    created: bool
    changed: tuple[str, ...]

    @property
    def outcome(self) -> Literal["created", "updated", "unchanged"]:
        if self.created:
            return "created"
        return "updated" if self.changed else "unchanged"


def register_model_version(
    *,
    model: str,
    version: str,
    by: User | None,
    endpoint: str = "",
    endpoint_fields: Mapping[str, Any] | None = None,
    model_description: str | None = None,
    fields: Mapping[str, Any] | None = None,
    limitations: Iterable[tuple[str, str]] = (),
) -> Registered:
    """Make the endpoint, the model and the version be as given, and create what isn't there.

    Only what is given is compared and changed (ENDPOINT_FIELDS, VERSION_FIELDS); doing it twice changes
    nothing. Without an endpoint a new version is one whose responses were recorded elsewhere. Limitations are
    added, never removed. Raises ValidationError, also where a frozen field would change.
    """
    if endpoint_fields and not endpoint:
        raise ValidationError({"endpoint": _("Name the endpoint that these settings are for.")})
    if fields and "parameters" in fields:
        # full_clean passes over what is empty, and so would store an empty list
        _check_parameters(fields["parameters"])
    with transaction.atomic():
        changed: list[str] = []
        at = _endpoint(endpoint, endpoint_fields or {}, changed) if endpoint else None
        line = _model(model, model_description, changed)
        known = ModelVersion.objects.select_for_update().filter(model=line, version=version).first()
        row = known or ModelVersion(model=line, version=version, created_by=by)
        wanted = dict(fields or {}) | ({"endpoint": at} if at else {})
        changed += _change(row, wanted, new=known is None)
        for limitation, mitigation in limitations:
            changed += _limitation(row, limitation, mitigation)
    return Registered(row, known is None, tuple(changed))


def _endpoint(name: str, fields: Mapping[str, Any], changed: list[str]) -> Endpoint:
    known = Endpoint.objects.select_for_update().filter(name=name).first()
    if known is None and not fields.get("base_url"):
        raise ValidationError(
            {
                "endpoint": _("There is no endpoint “%(name)s”; give its base URL and it will be created.")
                % {"name": name}
            }
        )
    endpoint = known or Endpoint(name=name)
    changed += [f"endpoint {field}" for field in _change(endpoint, fields, new=known is None)]
    return endpoint


def _model(name: str, description: str | None, changed: list[str]) -> Model:
    known = Model.objects.filter(name=name).first()
    model = known or Model(name=name)
    wanted = {} if description is None else {"description": description}
    changed += [f"model {field}" for field in _change(model, wanted, new=known is None)]
    return model


def _change(row: Endpoint | Model | ModelVersion, wanted: Mapping[str, Any], *, new: bool) -> list[str]:
    """Set what differs, check it and save it; the names of what changed."""
    names = [name for name, value in wanted.items() if new or getattr(row, name) != value]
    for name in names:
        check_storable(name, wanted[name])
        setattr(row, name, wanted[name])
    if new:
        row.full_clean()
        row.save()
    elif names:
        row.full_clean()
        row.save(update_fields=names)
    return names


def _check_parameters(parameters: object) -> None:
    try:
        validate_decoding_parameters(parameters)
    except ValidationError as error:
        raise ValidationError({"parameters": error.messages}) from None


def check_storable(name: str, value: object) -> None:
    """Raise ValidationError for text that PostgreSQL can't store: with a NUL, or not Unicode."""
    try:
        if isinstance(value, str) and "\x00" in value.encode().decode():
            raise ValidationError({name: _("The text contains a NUL character; remove it.")})
    except UnicodeEncodeError:
        raise ValidationError({name: _("The text is not valid Unicode; write it in UTF-8.")}) from None


def _limitation(version: ModelVersion, limitation: str, mitigation: str) -> list[str]:
    known = version.known_limitations.filter(limitation=limitation).first()
    if known is None:
        check_storable("limitation", limitation + mitigation)
        row = KnownLimitation(model_version=version, limitation=limitation, mitigation=mitigation)
        row.full_clean()
        row.save()
        return ["known limitation"]
    if known.mitigation == mitigation:
        return []
    check_storable("limitation", mitigation)
    known.mitigation = mitigation
    known.save(update_fields=["mitigation"])
    return ["mitigation"]
