"""What the pages and commands read; one module a noun."""

from models_registry.queries.golden_sets import (
    GoldenSetSummary,
    LanguageCount,
    Said,
    TagCount,
    examples_of,
    golden_set_versions,
    golden_sets,
    language_counts,
    rows_of,
    sealed_versions,
    tag_counts,
)
from models_registry.queries.model_versions import (
    ModelSummary,
    model_versions,
    models_with_versions,
    response_counts,
)

__all__ = [
    "GoldenSetSummary",
    "LanguageCount",
    "ModelSummary",
    "Said",
    "TagCount",
    "examples_of",
    "golden_set_versions",
    "golden_sets",
    "language_counts",
    "model_versions",
    "models_with_versions",
    "response_counts",
    "rows_of",
    "sealed_versions",
    "tag_counts",
]
