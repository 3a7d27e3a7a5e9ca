"""Vectors of the real model, and the models that are never loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import ModelError, UsageError
from corpus.records import Span
from embeddings import models
from embeddings.encoder import Encoder, PassageText, PassageVectors, default_threads, unit
from embeddings.late_chunking import BATCH_TOKENS, length_batches
from embeddings.models import DEFAULT_MODEL, bundled_model, model_digest, model_path
from embeddings.transformer import SentenceTransformerEncoder
from tests.fakes import HashingEncoder

TITLE = "Two ministers meet"
TEXT = "The two met on Thursday in the margins. They spoke for 10 minutes."
PASSAGE = PassageText(TITLE, TEXT, (Span(0, 39), Span(40, len(TEXT))))
PASSAGES = [
    PASSAGE,
    PassageText(None, "Yes.", (Span(0, 4),)),
    PassageText("東京", "Café naïve — “quoted” 1,234 … \ud800 end", (Span(0, 35),)),
    PassageText("Prices", "Gas rose by 3.5% to £1.20. " * 12, (Span(0, 26), Span(27, 323))),
    PassageText("x" * 2_000, "The headline is long. The text is not.", (Span(0, 21), Span(22, 38))),
]


@pytest.fixture(scope="module")
def token_vectors(model: SentenceTransformerEncoder) -> np.ndarray:
    """Return the passage's token vectors as transformers alone computes them."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bundled_model())
    batch = tokenizer(f"{TITLE}\n{TEXT}", return_tensors="pt", return_offsets_mapping=True)
    offsets = batch.pop("offset_mapping")[0].numpy()
    with torch.inference_mode():
        states = AutoModel.from_pretrained(bundled_model()).eval()(**batch).last_hidden_state[0]
    return np.concatenate([offsets, states.numpy()], axis=1)


def pooled(token_vectors: np.ndarray, start: int, end: int) -> np.ndarray:
    """Return the unit mean of the token vectors that start in `TEXT[start:end]`."""
    starts, ends = token_vectors[:, 0] - len(TITLE) - 1, token_vectors[:, 1]
    chosen = token_vectors[(ends > 0) & (starts >= start) & (starts < end), 2:]
    mean = chosen.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_passage_vectors_are_means_of_token_vectors(
    model: Encoder, token_vectors: np.ndarray
) -> None:
    """Late chunking: one pass over headline and passage, pooled over the passage's words only."""
    ((_, vectors),) = model.encode_passages([PASSAGE])
    np.testing.assert_allclose(vectors.passage, pooled(token_vectors, 0, len(TEXT)), atol=1e-5)
    for row, sentence in enumerate(PASSAGE.sentences):
        expected = pooled(token_vectors, sentence.start, sentence.end)
        np.testing.assert_allclose(vectors.sentences[row], expected, atol=1e-5)


def test_question_vectors_are_the_models_own(model: SentenceTransformerEncoder) -> None:
    """A question has the vector that `model.encode` gives it, one at a time or many."""
    questions = ["Where did they meet?", "Who?", "What did it cost, and " + "why " * 300]
    expected = model.model.encode(questions, normalize_embeddings=True, show_progress_bar=False)
    together = model.encode_questions(questions)
    np.testing.assert_allclose(together, expected, atol=1e-5)
    for row, question in enumerate(questions):
        np.testing.assert_allclose(model.encode_questions([question])[0], together[row], atol=1e-5)


def test_batches_of_any_grouping_give_equal_vectors(model: Encoder) -> None:
    """Padding and company change nothing beyond rounding."""
    together = dict(model.encode_passages(PASSAGES))
    assert together.keys() == set(range(len(PASSAGES)))
    for index, passage in enumerate(PASSAGES):
        ((_, alone),) = model.encode_passages([passage])
        np.testing.assert_allclose(alone.passage, together[index].passage, atol=1e-5)
        np.testing.assert_allclose(alone.sentences, together[index].sentences, atol=1e-5)


def test_vectors_are_float32_of_length_one(model: Encoder) -> None:
    """Dot products are cosines; shapes are those that the protocol names."""
    for index, vectors in model.encode_passages(PASSAGES):
        assert vectors.passage.shape == (384,)
        assert vectors.sentences.shape == (len(PASSAGES[index].sentences), 384)
        assert vectors.passage.dtype == vectors.sentences.dtype == np.float32
        norms = np.linalg.norm(vectors.sentences, axis=1)
        np.testing.assert_allclose([np.linalg.norm(vectors.passage), *norms], 1, atol=1e-5)


def test_a_passage_over_the_limit_is_still_encoded(model: Encoder) -> None:
    """What lies beyond the limit is cut off; a sentence there has the passage's vector."""
    long = PassageText(TITLE, "word " * 600 + "End.", (Span(0, 2_999), Span(3_000, 3_004)))
    ((_, vectors),) = model.encode_passages([long])
    np.testing.assert_allclose(vectors.sentences[1], vectors.passage, atol=1e-6)


def test_word_pieces_are_counted_without_special_tokens(model: Encoder) -> None:
    """Sentence counts add up to the passage's, so packing by them keeps to the limit."""
    counts = model.count_tokens([span.of(TEXT) for span in PASSAGE.sentences])
    assert model.count_tokens([TEXT, "", "playing"]) == [sum(counts), 0, 1]


def test_settings_name_the_model_and_its_digest(model: Encoder) -> None:
    """What is kept with an archive tells one model from another."""
    assert model.settings.model == DEFAULT_MODEL
    assert model.settings.digest == model_digest(bundled_model())
    assert (model.settings.dimension, model.settings.max_tokens) == (384, 254)
    assert isinstance(model, Encoder)
    assert isinstance(HashingEncoder(), Encoder)


def test_a_passages_key_depends_on_all_that_its_vectors_do() -> None:
    """Title, text and sentence borders change the key; nothing else exists to change it."""
    others = [
        PassageText(None, TEXT, PASSAGE.sentences),
        PassageText(TITLE, TEXT + " ", PASSAGE.sentences),
        PassageText(TITLE, TEXT, PASSAGE.sentences[:1]),
    ]
    assert len({PASSAGE.key(), *(other.key() for other in others)}) == 4
    assert PassageText(TITLE, TEXT, PASSAGE.sentences).key() == PASSAGE.key()


def test_a_zero_vector_stays_zero() -> None:
    """Scaling divides by no zero."""
    assert not unit(np.zeros((2, 3), dtype=np.float32)).any()


def test_batches_keep_within_their_budget() -> None:
    """Every index once, longest first, padding counted."""
    lengths = [3, 200, 50, 254, 1, 254] * 30
    batches = list(length_batches(lengths))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(max(lengths[i] for i in b) * len(b) <= BATCH_TOKENS for b in batches)


def test_batches_keep_within_their_pairs() -> None:
    """Long texts go alone where attention costs most; one that is over the limit goes too."""
    assert list(length_batches([10, 300, 10, 10], pairs=200)) == [[1], [0, 2], [3]]


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_bad_number_of_threads_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """$QA_THREADS is checked before torch gets it."""
    monkeypatch.setenv("QA_THREADS", value)
    with pytest.raises(UsageError, match=value):
        default_threads()


# Models that are not loaded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the bundled model with an empty file for its weights."""
    place = tmp_path / "model"
    shutil.copytree(bundled_model(), place, ignore=shutil.ignore_patterns("*.safetensors"))
    (place / "model.safetensors").write_bytes(b"")
    return place


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is no model's name."""
    with pytest.raises(ModelError, match="nowhere"):
        SentenceTransformerEncoder(str(tmp_path / "nowhere"))


def test_a_name_that_is_not_in_the_cache_is_not_fetched() -> None:
    """The message says that nothing is downloaded."""
    with pytest.raises(ModelError, match="nothing is fetched"):
        SentenceTransformerEncoder("someone/no-such-model")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_weights_that_can_run_code_are_refused(folder: Path, name: str) -> None:
    """A folder with nothing but pickled weights is not loaded."""
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        SentenceTransformerEncoder(str(folder))


def test_pickled_weights_of_one_module_are_refused(folder: Path) -> None:
    """Safetensors beside one module do not excuse a pickle beside another."""
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="2_Dense"):
        SentenceTransformerEncoder(str(folder))


def test_a_planted_pickle_beside_the_weights_is_never_read(folder: Path, tmp_path: Path) -> None:
    """Loading fails on the empty weights, and the pickle that would leave a mark has not run."""
    mark = tmp_path / "mark"
    call = f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()
    for name in ("pytorch_model.bin", "training_args.bin"):
        (folder / name).write_bytes(call)
    with pytest.raises(ModelError):
        SentenceTransformerEncoder(str(folder))
    assert not mark.exists()


def test_modules_with_their_own_code_are_refused(folder: Path, tmp_path: Path) -> None:
    """`modules.json` may name sentence_transformers' own classes only."""
    mark = tmp_path / "mark"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')", "utf-8")
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    modules[0]["type"] = "evil.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    with pytest.raises(ModelError, match=r"evil\.Transformer"):
        SentenceTransformerEncoder(str(folder))
    assert not mark.exists()


@pytest.mark.parametrize("text", ["", "{}x", '{"a": 1}', "[1]", '["type"]'])
def test_modules_that_cannot_be_read_are_named(folder: Path, text: str) -> None:
    """A broken list of modules is an error with the file's name."""
    (folder / "modules.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"modules\.json"):
        SentenceTransformerEncoder(str(folder))


def test_code_of_the_configuration_is_refused(folder: Path, tmp_path: Path) -> None:
    """`auto_map` with a Python file beside it needs trust_remote_code, which is never given."""
    mark = tmp_path / "mark"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')", "utf-8")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelError):
        SentenceTransformerEncoder(str(folder))
    assert not mark.exists()


def test_damaged_weights_of_the_bundled_model_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default model is the official file, byte for byte."""
    monkeypatch.setattr(models, "bundled_model", lambda: str(folder))
    with pytest.raises(ModelError, match="damaged"):
        model_path(DEFAULT_MODEL)


def test_any_file_that_matters_changes_the_digest(folder: Path) -> None:
    """Weights, tokenizer and settings count; a README does not."""
    before = model_digest(str(folder))
    (folder / "README.md").write_text("other", "utf-8")
    assert model_digest(str(folder)) == before
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    assert model_digest(str(folder)) != before


def vectors_of(encoder: Encoder) -> dict[int, PassageVectors]:
    return dict(encoder.encode_passages(PASSAGES))


def test_the_fake_keeps_the_protocol() -> None:
    """Tests that use the hashing encoder rest on the same promises."""
    encoder = HashingEncoder()
    found = vectors_of(encoder)
    assert found.keys() == set(range(len(PASSAGES)))
    assert found[0].sentences.shape == (2, encoder.settings.dimension)
    np.testing.assert_allclose(np.linalg.norm(found[0].passage), 1, atol=1e-5)
