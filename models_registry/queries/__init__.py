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
from models_registry.queries.uploads import (
    next_number,
    personal_data_of,
    report_of,
    same_version,
    unfinished_uploads,
    uploads,
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
    "next_number",
    "personal_data_of",
    "report_of",
    "response_counts",
    "rows_of",
    "same_version",
    "sealed_versions",
    "tag_counts",
    "unfinished_uploads",
    "uploads",
]
