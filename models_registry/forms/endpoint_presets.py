"""What providers and servers of OpenAI-compatible APIs want: initial values of a new endpoint, and a line of help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from models_registry.models import Endpoint

CHAT, RESPONSES = Endpoint.API.CHAT_COMPLETIONS, Endpoint.API.RESPONSES
MAX_COMPLETION_TOKENS = Endpoint.MaxTokensName.MAX_COMPLETION_TOKENS
MAX_TOKENS = Endpoint.MaxTokensName.MAX_TOKENS


@dataclass(frozen=True)
class Preset:
    label: str
    help: str | Promise
    fields: Mapping[str, Any] = field(default_factory=dict)


PRESETS = {
    "openai": Preset(
        "OpenAI",
        _("Reasoning models know max_completion_tokens only; all newer ones understand it."),
        {
            "name": "openai",
            "base_url": "https://api.openai.com/v1",
            "api_key_env": "OPENAI_API_KEY",
            "max_tokens_name": MAX_COMPLETION_TOKENS,
            "has_batches": True,
        },
    ),
    "openai-responses": Preset(
        "OpenAI, Responses API",
        _("The system prompt is sent as instructions; stop, seed and penalties don't exist there."),
        {
            "name": "openai-responses",
            "base_url": "https://api.openai.com/v1",
            "api_key_env": "OPENAI_API_KEY",
            "api": RESPONSES,
            "streams": True,
        },
    ),
    "azure": Preset(
        "Azure OpenAI",
        _("Put your resource into the base URL. A version's served name is the deployment's name."),
        {
            "name": "azure",
            "base_url": "https://YOUR-RESOURCE.openai.azure.com",
            "api_key_env": "AZURE_OPENAI_API_KEY",
            "api_version": "2024-10-21",
            "max_tokens_name": MAX_COMPLETION_TOKENS,
        },
    ),
    "azure-v1": Preset(
        "Azure OpenAI, v1",
        _("Put your resource into the base URL; no API version. The served name is the deployment's name."),
        {
            "name": "azure-v1",
            "base_url": "https://YOUR-RESOURCE.openai.azure.com/openai/v1",
            "api_key_env": "AZURE_OPENAI_API_KEY",
            "max_tokens_name": MAX_COMPLETION_TOKENS,
        },
    ),
    "vllm": Preset(
        "vLLM",
        _(
            "Start it with --reasoning-parser, or a model's thoughts become part of its answers. A key is optional."
        ),
        {
            "name": "vllm",
            "base_url": "http://localhost:8000/v1",
            "streams": True,
            "max_concurrency": 32,
            "timeout_seconds": 120,
        },
    ),
    "ollama": Preset(
        "Ollama",
        _("No key. A model is loaded by the first request, which may take minutes; it answers few at once."),
        {
            "name": "ollama",
            "base_url": "http://localhost:11434/v1",
            "max_tokens_name": MAX_TOKENS,
            "max_concurrency": 2,
            "timeout_seconds": 300,
        },
    ),
    "llama-cpp": Preset(
        "llama.cpp server",
        _("As many requests at once as it was started with slots (--parallel)."),
        {
            "name": "llama-cpp",
            "base_url": "http://localhost:8080/v1",
            "max_tokens_name": MAX_TOKENS,
            "max_concurrency": 2,
            "timeout_seconds": 300,
        },
    ),
    "litellm": Preset(
        "LiteLLM proxy",
        _("The served name is a model_name of its configuration. Switch its own retries and fallbacks off."),
        {"name": "litellm", "base_url": "http://localhost:4000/v1", "api_key_env": "LITELLM_API_KEY"},
    ),
    "together": Preset(
        "Together",
        _("Served names are long, such as meta-llama/Llama-3.3-70B-Instruct-Turbo."),
        {
            "name": "together",
            "base_url": "https://api.together.xyz/v1",
            "api_key_env": "TOGETHER_API_KEY",
            "max_tokens_name": MAX_TOKENS,
        },
    ),
    "openrouter": Preset(
        "OpenRouter",
        _("It may choose another host for each request; name one by extra_body in the decoding parameters."),
        {
            "name": "openrouter",
            "base_url": "https://openrouter.ai/api/v1",
            "api_key_env": "OPENROUTER_API_KEY",
            "max_tokens_name": MAX_TOKENS,
            "timeout_seconds": 120,
        },
    ),
    "mistral": Preset(
        "Mistral",
        _("Its seed is called random_seed; put it into extra_body."),
        {
            "name": "mistral",
            "base_url": "https://api.mistral.ai/v1",
            "api_key_env": "MISTRAL_API_KEY",
            "max_tokens_name": MAX_TOKENS,
        },
    ),
    "groq": Preset(
        "Groq",
        _("Says in its headers what is left of the limits, and they are kept."),
        {
            "name": "groq",
            "base_url": "https://api.groq.com/openai/v1",
            "api_key_env": "GROQ_API_KEY",
            "max_tokens_name": MAX_COMPLETION_TOKENS,
        },
    ),
    "deepseek": Preset(
        "DeepSeek",
        _("Its reasoning comes in a field of its own and is no part of an answer."),
        {
            "name": "deepseek",
            "base_url": "https://api.deepseek.com/v1",
            "api_key_env": "DEEPSEEK_API_KEY",
            "max_tokens_name": MAX_TOKENS,
            "timeout_seconds": 300,
        },
    ),
    "anthropic": Preset(
        "Anthropic, OpenAI-compatible",
        _(
            "Meant by Anthropic for comparisons such as these; some decoding parameters are passed over there."
        ),
        {
            "name": "anthropic",
            "base_url": "https://api.anthropic.com/v1",
            "api_key_env": "ANTHROPIC_API_KEY",
            "max_tokens_name": MAX_TOKENS,
        },
    ),
    "gemini": Preset(
        "Google Gemini, OpenAI-compatible",
        _("A key of AI Studio."),
        {
            "name": "gemini",
            "base_url": "https://generativelanguage.googleapis.com/v1beta/openai",
            "api_key_env": "GEMINI_API_KEY",
        },
    ),
}
