"""Which vocabulary a served model counts its tokens by, as far as its name tells. Pure."""

from __future__ import annotations

import re

# Families of OpenAI's models, the longest prefix first. Source: tiktoken, model.py.
FAMILIES = (
    ("chatgpt-4o", "o200k_base"),
    ("gpt-4o", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-5", "o200k_base"),
    # o200k_harmony: more special tokens, the same text
    ("gpt-oss", "o200k_base"),
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4", "o200k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("gpt-35", "cl100k_base"),  # as Azure's deployments write it
    ("gpt-4", "cl100k_base"),
)


def vocabulary(served_name: str) -> str | None:
    """The name of the encoding; None where the name doesn't tell, as of most other models and of deployments.

    A fine-tuned model (ft:gpt-4o-mini:…) counts as the one it is made of; a router's prefix (openai/gpt-4o) is left
    out, but only where it says that the model is OpenAI's.
    """
    name = served_name.strip().lower().removeprefix("openai/").removeprefix("ft:")
    for family, encoding in FAMILIES:
        if re.match(rf"{re.escape(family)}(?![a-z0-9])", name):
            return encoding
    return None
