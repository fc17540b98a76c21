from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model as DatabaseModel
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from models_registry.forms.endpoint_presets import PRESETS
from models_registry.models import (
    Endpoint,
    GoldenSet,
    GoldenSetVersion,
    KnownLimitation,
    Model,
    ModelVersion,
    Response,
)
from models_registry.models.model_version import FROZEN_COLUMNS

FROZEN_FIELDS = tuple(name.removesuffix("_id") for name in FROZEN_COLUMNS)


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DatabaseModel | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DatabaseModel | None = None) -> bool:
        return False


@admin.register(Endpoint)
class EndpointAdmin(admin.ModelAdmin):
    list_display = (
        "name",
        "base_url",
        "api",
        "api_key_env",
        "timeout_seconds",
        "max_concurrency",
        "requests_per_minute",
        "tokens_per_minute",
        "test",
    )
    list_filter = ("api", "streams", "has_batches")
    search_fields = ("name", "base_url")
    fieldsets = (
        (None, {"fields": ("name", "base_url", "api_key_env")}),
        (
            _("Limits"),
            {"fields": ("timeout_seconds", "max_concurrency", "requests_per_minute", "tokens_per_minute")},
        ),
        (
            _("Where OpenAI-compatible APIs differ"),
            {
                "fields": (
                    "api",
                    "api_version",
                    "max_tokens_name",
                    "system_role",
                    "streams",
                    "has_batches",
                )
            },
        ),
    )

    @admin.display(description=_("test"))
    def test(self, endpoint: Endpoint) -> str:
        return format_html('<a href="{}">{}</a>', reverse("endpoint_test", args=[endpoint.pk]), _("Test"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        preset = PRESETS.get(request.GET.get("preset", ""))
        return dict(preset.fields) if preset else super().get_changeform_initial_data(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        chosen = request.GET.get("preset", "")
        presets = {"presets": PRESETS, "chosen": chosen, "preset": PRESETS.get(chosen)}
        return super().add_view(request, form_url, {**(extra_context or {}), **presets})


@admin.register(Model)
class ModelAdmin(admin.ModelAdmin):
    list_display = ("name", "description", "created_at")
    search_fields = ("name", "description")


class KnownLimitationInline(admin.TabularInline):
    model = KnownLimitation
    extra = 0


@admin.register(ModelVersion)
class ModelVersionAdmin(admin.ModelAdmin):
    list_display = (
        "model",
        "version",
        "endpoint",
        "served_name",
        "input_price",
        "output_price",
        "created_at",
    )
    list_display_links = ("model", "version")
    list_filter = ("model", "endpoint")
    list_select_related = ("model", "endpoint")
    search_fields = ("model__name", "version", "served_name", "changelog", "intended_use")
    date_hierarchy = "created_at"
    inlines = (KnownLimitationInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: ModelVersion | None = None) -> tuple[str, ...]:
        always = ("created_by", "created_at")
        return (*FROZEN_FIELDS, *always) if obj and obj.is_frozen else always

    def get_fieldsets(self, request: HttpRequest, obj: ModelVersion | None = None) -> Any:
        frozen = obj is not None and obj.is_frozen
        description = (
            _("Frozen: this version has answered already. These fields can't change; register a new version.")
            if frozen
            else _("Its first response freezes these fields.")
        )
        return (
            (_("Configuration"), {"fields": FROZEN_FIELDS, "description": description}),
            (_("Documentation"), {"fields": ("changelog", "intended_use")}),
            (_("Registered"), {"fields": ("created_by", "created_at")}),
        )

    def save_model(
        self, request: HttpRequest, obj: ModelVersion, form: ModelForm[ModelVersion], change: bool
    ) -> None:
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


@admin.register(GoldenSet)
class GoldenSetAdmin(ReadOnlyAdmin):
    list_display = ("name", "description", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "description")


@admin.register(GoldenSetVersion)
class GoldenSetVersionAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "rows", "sha256", "source", "created_by", "sealed_at")
    list_filter = ("golden_set",)
    list_select_related = ("golden_set", "created_by")
    search_fields = ("golden_set__name", "sha256", "source")


@admin.register(Response)
class ResponseAdmin(ReadOnlyAdmin):
    list_display = (
        "pk",
        "model_version",
        "example",
        "status",
        "attempts",
        "finish_reason",
        "input_tokens",
        "output_tokens",
        "latency_seconds",
        "cost",
        "done_at",
    )
    list_filter = ("status", "model_version", "finish_reason")
    list_select_related = ("model_version__model", "example")
    search_fields = ("example__key", "text", "last_error")
    show_full_result_count = False
