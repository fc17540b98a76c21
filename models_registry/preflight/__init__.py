"""What is checked in a golden set before it counts: warnings and coverage. Pure, no Django.

`quick(rows)` for the page at once, `slow(report, rows, progress)` in the background, or both as `preflight(rows)`;
`replaced_row(row)` puts placeholders where personal data stands.
"""

from models_registry.preflight.coverage import Coverage, Dissimilarity
from models_registry.preflight.findings import RowBehind, Subject, Warning
from models_registry.preflight.personal_data import KINDS, replaced_row
from models_registry.preflight.report import DEFINITIONS, Options, Quick, Report, preflight, quick, slow
from models_registry.preflight.tokens import ENCODINGS, Histogram

__all__ = [
    "DEFINITIONS",
    "ENCODINGS",
    "KINDS",
    "Coverage",
    "Dissimilarity",
    "Histogram",
    "Options",
    "Quick",
    "Report",
    "RowBehind",
    "Subject",
    "Warning",
    "preflight",
    "quick",
    "replaced_row",
    "slow",
]
