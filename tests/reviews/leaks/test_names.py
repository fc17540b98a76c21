"""Which words give a model or its vendor away, and which don't."""

from __future__ import annotations

import pytest

from reviews.leaks import Vocabulary


def found(text: str, *own: str, asked: str = "") -> list[tuple[str, str]]:
    return [(naming.kind, naming.word) for naming in Vocabulary(own).find(text, asked)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("I am ChatGPT, at your service.", "ChatGPT"),
        ("This answer is by GPT-4o-mini.", "GPT-4o"),
        ("Soy Claude y estoy aquí para ayudarte.", "Claude"),
        ("Built on Llama 3.1 by the way", "Llama 3.1"),
        ("Try Qwen2.5 instead", "Qwen2.5"),
        ("Ask Mistral Large", "Mistral Large"),
        ("see https://openai.com/policies", "openai"),
        ("DeepSeek-R1 says so", "DeepSeek"),
    ],
)
def test_well_known_name_is_found(text: str, word: str) -> None:
    assert ("vendor", word) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "El cliente llama mañana al servicio.",  # a verb
        "Our llamas are woven in Peru.",
        "Pay with Google Pay, Apple Pay or Amazon.",
        "Ask Claudette if she is a gemini. No: the views cohere, and roses bloom.",
        "We meta-analysed it with precision, command by command.",
        "As a customer you may return it. As an aid to memory: 14 days.",
        "Your last update on the order was on Monday; my last update follows.",
        "Como siempre, soy de Aurora. Como iba diciendo, soy la encargada.",
        "The frame was made by hand and designed by us.",
    ],
)
def test_words_of_a_shop_are_no_names(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("As an AI language model, I can't see orders.", "As an AI language model"),
        ("as a large language model I don't", "as a large language model"),
        ("I'm just an AI assistant.", "I'm just an AI assistant"),
        ("I’m an artificial intelligence", "I’m an artificial intelligence"),
        ("a model trained by Google", "trained by Google"),
        ("It is beyond my training data.", "my training data"),
        ("As of my last update, yes.", "As of my last update"),
        ("Como modelo de lenguaje, no puedo verlo.", "Como modelo de lenguaje"),
        ("como una inteligencia artificial no siento", "como una inteligencia artificial"),
        ("Soy un modelo de lenguaje.", "Soy un modelo de lenguaje"),
        ("Soy una IA.", "Soy una IA"),
        ("He sido entrenada para eso.", "He sido entrenada"),
        ("desarrollado por OpenAI", "desarrollado por OpenAI"),
        ("hasta mi última actualización", "hasta mi última actualización"),
        ("As an\nAI language\nmodel", "As an AI language model"),
    ],
)
def test_description_of_oneself_is_found_in_english_and_spanish(text: str, words: str | None) -> None:
    described = [word for kind, word in found(text) if kind == "described"]
    assert described == [words]


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ("aurora-ft", "Aurora FT would say so"),
        ("aurora-ft", "the aurora_ft model"),
        ("acme/aurora-ft-2", "aurora ft 2"),
        ("v2", "this is v2, of course"),
        ("2025-11-03", "version 2025.11.03"),
        ("Ñandú", "soy ñandú"),
    ],
)
def test_own_name_is_found_however_it_is_written(own: str, text: str) -> None:
    assert [kind for kind, _word in found(text, own)] == ["own"]


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ("aurora", "write to aurora-mail or help@aurora.example, not aurorae"),
        ("v2", "firmware v2.1 and v21"),
        ("2", "2 days"),
        ("2026", "in 2026"),
        ("a", "a day"),
        ("", "anything"),
        ("c++ (fast)", "c (fast) and c++"),
    ],
)
def test_part_of_another_word_is_no_own_name(own: str, text: str) -> None:
    assert found(text, own) == []


def test_what_the_customer_named_tells_nothing() -> None:
    assert found("We do not use ChatGPT here.", asked="Are you chatgpt?") == []
    assert found("As an AI model I do not use ChatGPT.", asked="Are you chatgpt?") == [
        ("described", "As an AI model")
    ]


def test_own_name_is_not_told_again_as_a_vendors() -> None:
    assert found("I am Claude. Claude!", "claude") == [("own", "Claude")]
