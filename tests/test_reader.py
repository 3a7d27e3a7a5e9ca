"""The reader scores a sentence by itself and its passage, and its tokens survive being stored."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from io import BytesIO

import numpy as np
import pytest

from corpus.errors import ArchiveDamagedError
from embeddings.encoder import EncoderSettings, PassageVectors, TokenVectors, Vectors
from embeddings.models import DEFAULT_MODEL
from embeddings.reader import (
    FLOOR,
    LAYERS,
    SCALE,
    WEIGHTS,
    Reader,
    bundled_reader,
    even_layers,
    load_reader,
    reader_of,
)
from embeddings.rows import decode_vectors, encode_vectors, vectors_mark

COUNTS = ([5, 7, 3], [4], [6, 0, 2], [0, 3], [0, 0], [2, 9, 1, 8])
"""Tokens in the sentences of passages: one alone, and some without a token of their own."""


@pytest.fixture(scope="module")
def reader() -> Reader:
    return bundled_reader()


@pytest.fixture(scope="module")
def question(reader: Reader) -> Vectors:
    return reader.of_question(states(reader, 9, seed=1))


@pytest.fixture(scope="module")
def passages(reader: Reader) -> list[TokenVectors]:
    return [passage(reader, counts, seed=n) for n, counts in enumerate(COUNTS)]


def states(reader: Reader, tokens: int, seed: int) -> Vectors:
    """Return random states of tokens, with a mean and a length that differ from layer to layer."""
    random = np.random.default_rng(seed)
    layers = random.standard_normal((tokens, LAYERS, reader.dimension)).astype(np.float32)
    layers = layers * np.array([1, 4, 9])[:, None] + np.array([0, 2, -3])[:, None]
    return layers.reshape(tokens, -1).astype(np.float32)


def passage(reader: Reader, counts: list[int], seed: int) -> TokenVectors:
    """Return a passage of as many tokens; two more stand before it and in no sentence."""
    inside = np.zeros((len(counts), 2 + sum(counts)), dtype=bool)
    at = 2
    for sentence, count in enumerate(counts):
        inside[sentence, at : at + count] = True
        at += count
    return reader.of_passage(states(reader, inside.shape[1], seed), inside)


def test_a_passage_is_scored_the_same_in_any_company(
    reader: Reader, question: Vectors, passages: list[TokenVectors]
) -> None:
    """One by one, all together, and in another order: the same scores, each in its place."""
    alone = [reader.scores(question, [one]) for one in passages]
    together = reader.scores(question, passages)
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)
    order = [3, 0, 5, 4, 1, 2]
    mixed = reader.scores(question, [passages[n] for n in order])
    np.testing.assert_allclose(mixed, np.concatenate([alone[n] for n in order]), atol=1e-5)
    assert together.dtype == np.float32
    assert (np.ptp(together, axis=0) > 1e-3).all()


def test_another_question_is_scored_otherwise(
    reader: Reader, question: Vectors, passages: list[TokenVectors]
) -> None:
    """The question decides, not the passages alone."""
    other = reader.of_question(states(reader, 4, seed=2))
    assert np.abs(reader.scores(other, passages) - reader.scores(question, passages)).max() > 1e-3


def test_tokens_outside_sentences_are_left_out(reader: Reader) -> None:
    """The counts add up to the tokens inside, and what stands outside changes nothing."""
    inside = np.array([[0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1]], bool)
    some = states(reader, 7, seed=3)
    found = reader.of_passage(some, inside)
    assert found.counts.tolist() == [2, 0, 3]
    assert found.values.shape == (5, reader.width)
    assert found.values.dtype == np.int8
    some[[0, 3]] += 5
    np.testing.assert_array_equal(reader.of_passage(some, inside).values, found.values)


def test_narrow_vectors_are_rounded_once(reader: Reader) -> None:
    """A byte is the vector times SCALE to the nearest; layers count the same however long."""
    some = states(reader, 6, seed=4)
    layers = some.reshape(6, LAYERS, -1) * np.array([3, 0.5, 20], np.float32)[:, None]
    inside = np.ones((1, 6), bool)
    values = reader.of_passage(some, inside).values
    scaled = reader.of_passage(layers.reshape(6, -1).astype(np.float32), inside).values
    assert np.abs(values.astype(int) - scaled).max() <= 1
    even = even_layers(some).reshape(6, LAYERS, -1)
    np.testing.assert_allclose(even.mean(axis=2), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(even, axis=2), 1, atol=1e-5)
    spread = values.astype(np.float32).std(axis=1) / SCALE
    np.testing.assert_allclose(spread, 1, atol=0.02)


def test_a_reader_reads_its_own_model_alone() -> None:
    """Another model has none, nor the same by another name; its name is its weights' checksum."""
    _, digest = load_reader(files("embeddings").joinpath(WEIGHTS).read_bytes())
    settings = EncoderSettings(DEFAULT_MODEL, digest, 384, "mean", 254)
    assert reader_of(settings) is bundled_reader()
    assert reader_of(replace(settings, digest="another")) is None
    assert reader_of(replace(settings, model="/a/copy")) is None
    assert bundled_reader().name == f"{bundled_reader().number:08x}"


def archived(**arrays: np.ndarray) -> bytes:
    """Return arrays as the content of an .npz file."""
    content = BytesIO()
    np.savez(content, allow_pickle=True, **arrays)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no weights",
        archived(),
        archived()[:-4],
        archived(model=np.array("m"), heads=np.array(4)),
        archived(model=np.array([{}], dtype=object), heads=np.array(4)),
    ],
)
def test_what_holds_no_weights_is_no_reader(content: bytes) -> None:
    """Neither other files, nor broken ones, nor pickles."""
    with pytest.raises(ValueError, match=r"no weights of a reader|allow_pickle"):
        load_reader(content)


def vectors(sentences: int, tokens: TokenVectors | None) -> PassageVectors:
    random = np.random.default_rng(sentences)
    parts = random.standard_normal((sentences, 8)).astype(np.float16).astype(np.float32)
    return PassageVectors(random.standard_normal(8).astype(np.float32), parts, tokens)


def stored(given: PassageVectors) -> tuple[int, bytes, bytes, bytes, bytes]:
    """Return a row of vectors with its checksum."""
    columns = (b"content", *encode_vectors(given))
    return (7, *columns, vectors_mark(7, *columns))


@pytest.mark.parametrize("counts", [[3, 0, 4], [0], [0, 0], [300]])
def test_tokens_are_stored_with_their_sentences(counts: list[int]) -> None:
    """What comes back is what went in, also where no sentence has a token."""
    values = np.random.default_rng(0).integers(-127, 128, (sum(counts), 6), dtype=np.int8)
    values[-1:] = -1  # such bytes end a row, too
    given = vectors(len(counts), TokenVectors(values, np.array(counts), 0xFFFFFFFE))
    found = decode_vectors(*stored(given))
    np.testing.assert_array_equal(found.passage, given.passage)
    np.testing.assert_array_equal(found.sentences, given.sentences)
    assert found.tokens is not None
    np.testing.assert_array_equal(found.tokens.values, values)
    assert found.tokens.counts.tolist() == counts
    assert found.tokens.reader_name == "fffffffe"


def test_rows_without_tokens_are_read_as_before() -> None:
    """A row that an older version wrote has sentences alone, the last number whatever it is."""
    given = vectors(3, None)
    given.sentences[-1, -1] = -0.0
    _, sentences = encode_vectors(given)
    assert sentences == given.sentences.astype("<f2").tobytes()
    found = decode_vectors(*stored(given))
    np.testing.assert_array_equal(found.sentences, given.sentences)
    assert found.tokens is None


@pytest.mark.parametrize("words", [b"", b"w", b"\xfe\xff", b"\xff\xff", bytes(range(256)) * 3])
def test_words_are_stored_behind_vectors_and_tokens(words: bytes) -> None:
    """Whatever bytes they are, with tokens before them and without."""
    tokens = TokenVectors(np.ones((4, 6), np.int8), np.array([1, 3]), 5)
    for given in (vectors(2, tokens), vectors(2, None)):
        found = decode_vectors(*stored(replace(given, words=words)))
        assert found.words == words
        np.testing.assert_array_equal(found.sentences, given.sentences)
        assert (found.tokens is None) == (given.tokens is None)
        if found.tokens is not None:
            np.testing.assert_array_equal(found.tokens.values, tokens.values)
            assert found.tokens.counts.tolist() == [1, 3]


def test_a_turned_bit_among_tokens_and_words_is_found() -> None:
    """What is stored behind the vectors is under the row's checksum like them."""
    tokens = TokenVectors(np.ones((4, 6), np.int8), np.array([1, 3]), 5)
    given = replace(vectors(2, tokens), words=b"words")
    key, content, passage, sentences, digest = stored(given)
    for at in range(len(sentences)):
        turned = sentences[:at] + bytes([sentences[at] ^ 4]) + sentences[at + 1 :]
        with pytest.raises(ArchiveDamagedError):
            decode_vectors(key, content, passage, turned, digest)


def test_a_sentence_without_tokens_is_seen_as_the_lowest(reader: Reader, question: Vectors) -> None:
    """It has a score of its own, which what stands beside it decides."""
    empty = passage(reader, [0, 0], seed=0)
    scores = reader.scores(question, [empty])
    np.testing.assert_allclose(scores[:, 1:], [[-1, -1, FLOOR]] * 2, atol=1e-5)
    assert np.isfinite(scores).all()
    beside = reader.scores(question, [passage(reader, [0, 5], seed=0)])
    assert abs(float(beside[0, 0] - scores[0, 0])) > 1e-4
