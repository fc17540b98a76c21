from django.urls import path

from models_registry.views import golden_sets, model_versions

urlpatterns = [
    path("golden-sets/", golden_sets.golden_sets, name="golden_sets"),
    path("golden-sets/upload/", golden_sets.golden_set_upload, name="golden_set_upload"),
    path("golden-sets/<slug:name>/", golden_sets.golden_set, name="golden_set"),
    path("golden-sets/<slug:name>/<int:number>/", golden_sets.golden_set_version, name="golden_set_version"),
    path(
        "golden-sets/<slug:name>/<int:number>/export/<slug:format>/",
        golden_sets.golden_set_export,
        name="golden_set_export",
    ),
    path("models/", model_versions.models, name="models"),
    path("models/<int:pk>/", model_versions.model_version, name="model_version"),
]
