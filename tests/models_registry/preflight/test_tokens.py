from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.golden_files.row import Row
from models_registry.preflight.tokens import ENCODINGS, count, count_rows, histogram, row_tokens


@pytest.mark.parametrize(
    ("text", "cl100k", "o200k"),
    [
        # as OpenAI's own tokenizer page counts them
        ("", 0, 0),
        ("hello world", 2, 2),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
    ],
)
def test_counts_are_those_published(text: str, cl100k: int, o200k: int) -> None:
    assert (count(text, "cl100k_base"), count(text, "o200k_base")) == (cl100k, o200k)


@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from(ENCODINGS))
@settings(deadline=None)
def test_any_text_counts_as_many_tokens_as_it_encodes_to(text: str, encoding: str) -> None:
    import bpe_openai

    clean = text.encode("utf-8", "replace").decode("utf-8")
    assert count(text, encoding) == len(bpe_openai.get_encoding(encoding).encode_ordinary(clean))


def test_special_tokens_are_text_like_any_other() -> None:
    assert count("<|endoftext|>") > 1


def test_a_text_of_more_than_200_000_tokens_is_counted() -> None:
    assert count("💥!" * 150_000, "cl100k_base") > 200_000


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_a_role_is_one_token_of_its_frame(encoding: str, role: str) -> None:
    assert count(role, encoding) == 1


def test_a_row_counts_messages_and_their_frames() -> None:
    row = Row(
        1,
        "a",
        ({"role": "system", "content": "hello world"}, {"role": "user", "content": "hello world"}),
        (),
        "unread",
    )
    assert row_tokens(row) == (4 + 2) * 2 + 3
    assert count_rows([row, row]) == {15: 2}


def test_an_unknown_encoding_names_those_known() -> None:
    with pytest.raises(ValueError, match="o200k_base or cl100k_base"):
        count("a", "gpt2")


def test_threads_share_one_tokenizer() -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(count("hello world"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2] * 8


@given(st.dictionaries(st.integers(0, 5000), st.integers(1, 50), min_size=1, max_size=30))
def test_histogram_adds_up(tokens: dict[int, int]) -> None:
    result = histogram(tokens)
    assert result is not None
    values = sorted(value for value, rows in tokens.items() for _ in range(rows))
    assert result.rows == sum(result.counts) == len(values)
    assert result.total == sum(values)
    assert result.median == values[math.ceil(len(values) * 0.50) - 1]
    assert result.p95 == values[math.ceil(len(values) * 95 / 100) - 1]
    assert result.most == values[-1]
    assert len(result.edges) == len(result.counts) + 1
    assert result.edges[0] == 0
    assert result.edges[-1] > values[-1]


def test_no_row_has_no_histogram() -> None:
    assert histogram({}) is None
