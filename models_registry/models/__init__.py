"""What exists, and what it answered."""

from models_registry.models.draft import DraftChange, ExampleFlag
from models_registry.models.generation import BatchJob, Fault, GenerationRun
from models_registry.models.golden_set import Example, ExampleTag, GoldenSet, GoldenSetVersion
from models_registry.models.model_version import Endpoint, EndpointUse, KnownLimitation, Model, ModelVersion
from models_registry.models.response import Response
from models_registry.models.upload import Upload, UploadPart

__all__ = [
    "BatchJob",
    "DraftChange",
    "Endpoint",
    "EndpointUse",
    "Example",
    "ExampleFlag",
    "ExampleTag",
    "Fault",
    "GenerationRun",
    "GoldenSet",
    "GoldenSetVersion",
    "KnownLimitation",
    "Model",
    "ModelVersion",
    "Response",
    "Upload",
    "UploadPart",
]
