"""Embedding models with prompts: queries go in behind theirs, passages behind theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus.records import Span
from embeddings.encoder import PassageText, unit
from embeddings.transformer import SentenceTransformerEncoder
from tests.tiny_models import save_sentence_transformer

QUERY, DOCUMENT = "query: ", "passage: "
TEXT = "bridge shut"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model with prompts."""
    place = tmp_path_factory.mktemp("prompted")
    return save_sentence_transformer(place, {"query": QUERY, "document": DOCUMENT})


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(str(folder))


def tokens(encoder: SentenceTransformerEncoder, text: str) -> np.ndarray:
    """Return the token vectors of a text as it stands, without any prompt of the model's."""
    return encoder.model.encode(
        text, prompt="", output_value="token_embeddings", show_progress_bar=False
    ).numpy()  # type: ignore[no-any-return]


def test_questions_are_encoded_behind_the_query_prompt(
    encoder: SentenceTransformerEncoder,
) -> None:
    """The vector is that of prompt and question together, and not that of the question alone."""
    (vector,) = encoder.encode_questions([TEXT])
    expected = unit(tokens(encoder, QUERY + TEXT).mean(axis=0))
    np.testing.assert_allclose(vector, expected, atol=1e-5)
    alone = unit(tokens(encoder, TEXT).mean(axis=0))
    assert np.abs(vector - alone).max() > 1e-3


def test_passages_are_encoded_behind_the_document_prompt(
    encoder: SentenceTransformerEncoder,
) -> None:
    """The prompt is read with the passage, but only the passage's own words are pooled."""
    ((_, vectors),) = encoder.encode_passages([PassageText(None, TEXT, (Span(0, 6),))])
    own = len(encoder.model.tokenizer.tokenize(TEXT))
    expected = unit(tokens(encoder, DOCUMENT + TEXT)[-own - 1 : -1].mean(axis=0))
    np.testing.assert_allclose(vectors.passage, expected, atol=1e-5)
    other = unit(tokens(encoder, QUERY + TEXT)[-own - 1 : -1].mean(axis=0))
    assert np.abs(vectors.passage - other).max() > 1e-3


def test_the_prompt_takes_room_from_the_passage(encoder: SentenceTransformerEncoder) -> None:
    """Passages are cut so that prompt, passage and special tokens fit the model's 64 pieces."""
    prompt = len(encoder.model.tokenizer(DOCUMENT)["input_ids"])
    assert encoder.settings.max_tokens == 64 - prompt
