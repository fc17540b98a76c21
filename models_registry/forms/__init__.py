from models_registry.forms.drafts import ExampleForm, PublishForm, suggested_changelog
from models_registry.forms.golden_sets import ExampleFilterForm
from models_registry.forms.recorded_responses import ResponsesForm
from models_registry.forms.uploads import ColumnsForm, PreflightOptionsForm, StoreForm, UploadForm

__all__ = [
    "ColumnsForm",
    "ExampleFilterForm",
    "ExampleForm",
    "PreflightOptionsForm",
    "PublishForm",
    "ResponsesForm",
    "StoreForm",
    "UploadForm",
    "suggested_changelog",
]
