from models_registry.forms.golden_sets import ExampleFilterForm, GoldenSetUploadForm

__all__ = ["ExampleFilterForm", "GoldenSetUploadForm"]
