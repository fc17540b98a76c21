"""What exists, and what it answered."""

from models_registry.models.golden_set import Example, ExampleTag, GoldenSet, GoldenSetVersion
from models_registry.models.model_version import Endpoint, EndpointUse, KnownLimitation, Model, ModelVersion
from models_registry.models.response import Response

__all__ = [
    "Endpoint",
    "EndpointUse",
    "Example",
    "ExampleTag",
    "GoldenSet",
    "GoldenSetVersion",
    "KnownLimitation",
    "Model",
    "ModelVersion",
    "Response",
]
