from django.urls import path

from models_registry.views import (
    drafts,
    endpoints,
    golden_set_versions,
    golden_sets,
    model_versions,
    recorded_responses,
    uploads,
)

urlpatterns = [
    path("golden-sets/", golden_sets.golden_sets, name="golden_sets"),
    path("golden-sets/upload/", uploads.golden_set_upload, name="golden_set_upload"),
    path("golden-sets/uploads/<int:pk>/", uploads.upload, name="upload"),
    path("golden-sets/uploads/<int:pk>/columns/", uploads.upload_columns, name="upload_columns"),
    path("golden-sets/uploads/<int:pk>/options/", uploads.upload_options, name="upload_options"),
    path("golden-sets/uploads/<int:pk>/store/", uploads.upload_store, name="upload_store"),
    path("golden-sets/uploads/<int:pk>/discard/", uploads.upload_discard, name="upload_discard"),
    path("golden-sets/<slug:name>/", golden_sets.golden_set, name="golden_set"),
    path(
        "golden-sets/<slug:name>/compare/", golden_set_versions.golden_set_compare, name="golden_set_compare"
    ),
    path("golden-sets/<slug:name>/<int:number>/", golden_sets.golden_set_version, name="golden_set_version"),
    path(
        "golden-sets/<slug:name>/<int:number>/export/<slug:format>/",
        golden_sets.golden_set_export,
        name="golden_set_export",
    ),
    path(
        "golden-sets/<slug:name>/<int:number>/retire/",
        golden_set_versions.golden_set_version_retire,
        name="golden_set_version_retire",
    ),
    path(
        "golden-sets/<slug:name>/<int:number>/restore/",
        golden_set_versions.golden_set_version_restore,
        name="golden_set_version_restore",
    ),
    path("golden-sets/<slug:name>/draft/", drafts.golden_set_draft, name="golden_set_draft"),
    path("golden-sets/<slug:name>/draft/add/", drafts.draft_add, name="golden_set_draft_add"),
    path("golden-sets/<slug:name>/draft/edit/", drafts.draft_edit, name="golden_set_draft_edit"),
    path("golden-sets/<slug:name>/draft/retire/", drafts.draft_retire, name="golden_set_draft_retire"),
    path("golden-sets/<slug:name>/draft/undo/", drafts.draft_undo, name="golden_set_draft_undo"),
    path("golden-sets/<slug:name>/draft/keep/", drafts.draft_keep, name="golden_set_draft_keep"),
    path("golden-sets/<slug:name>/flags/<int:pk>/settle/", drafts.flag_settle, name="flag_settle"),
    path("endpoints/<int:pk>/test/", endpoints.endpoint_test, name="endpoint_test"),
    path("models/", model_versions.models, name="models"),
    path("models/responses/upload/", recorded_responses.responses_upload, name="responses_upload"),
    path("models/<int:pk>/", model_versions.model_version, name="model_version"),
    path("models/<int:pk>/batches/", model_versions.model_version_batches, name="model_version_batches"),
]
