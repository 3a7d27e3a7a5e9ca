"""The encoder that an archive carries gives the vectors of the model that it came from."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from embeddings import carrying, encoders, onnx
from embeddings.bert import BertShape
from embeddings.encoders import carry_encoder, open_encoder
from embeddings.late_chunking import side_by_side
from embeddings.onnx import FOLDER, MANIFEST, OnnxEncoder
from embeddings.transformer import SentenceTransformerEncoder
from tests.archives import finish, flip, run_python
from tests.test_encoder import PASSAGES


@pytest.fixture(scope="module", params=["written", "exported"])
def carried(
    request: pytest.FixtureRequest,
    model: SentenceTransformerEncoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a directory with an encoder: written from the bundled weights, or traced by torch."""
    directory = tmp_path_factory.mktemp("carried")
    bundled = request.param == "written"
    assert carrying.carry_bundled(directory) if bundled else carrying.carry(directory, model)
    return directory


def test_the_export_agrees_with_the_model(carried: Path, model: SentenceTransformerEncoder) -> None:
    """Passages, sentences, questions and counts; lone surrogates and headlines included."""
    exported = OnnxEncoder(carried / FOLDER)
    assert exported.settings == model.settings
    expected = dict(model.encode_passages(PASSAGES))
    for index, vectors in exported.encode_passages(PASSAGES):
        np.testing.assert_allclose(vectors.passage, expected[index].passage, atol=1e-4)
        np.testing.assert_allclose(vectors.sentences, expected[index].sentences, atol=1e-4)
    texts = [passage.text for passage in PASSAGES]
    np.testing.assert_allclose(
        exported.encode_questions(texts), model.encode_questions(texts), atol=1e-4
    )
    assert exported.count_tokens(texts) == model.count_tokens(texts)


def test_states_are_given_of_texts_of_any_length(
    carried: Path, model: SentenceTransformerEncoder
) -> None:
    """The last layer's, then the inner ones', without padding; a traced export has none."""
    exported = OnnxEncoder(carried / FOLDER)
    ids = [exported.tokenizer.question(text) for text in ("Who won?", "Who won the skiffs?")]
    if not exported.reading:
        with pytest.raises(ValueError, match="gives no states"):
            exported.states(ids)
        return
    for own, found in zip(ids, exported.states(ids), strict=True):
        whole = np.array([own])
        expected = model._forward(whole, np.ones_like(whole))[0]
        np.testing.assert_allclose(found, expected, atol=1e-3)
        assert found.shape == (len(own), 3 * exported.settings.dimension)


def test_it_is_used_where_it_is_whole_and_fits(
    carried: Path, model: SentenceTransformerEncoder
) -> None:
    """The archive's own encoder comes first; a second export is not made."""
    assert isinstance(open_encoder(carried, model.settings, None), OnnxEncoder)
    before = (carried / FOLDER / MANIFEST).stat().st_mtime_ns
    carry_encoder(carried, model)
    assert (carried / FOLDER / MANIFEST).stat().st_mtime_ns == before


def test_a_damaged_export_is_not_used(
    carried: Path, model: SentenceTransformerEncoder, tmp_path: Path
) -> None:
    """A turned bit in any file of it, and it counts as none."""
    shutil.copytree(carried / FOLDER, tmp_path / FOLDER)
    for file in (tmp_path / FOLDER).iterdir():
        flip(file, 100)
        assert onnx.load(tmp_path, model.settings) is None, file.name
        flip(file, 100)
    assert onnx.load(tmp_path, model.settings) is not None


def test_the_expected_vectors_are_the_models(model: SentenceTransformerEncoder) -> None:
    """What a carried model is checked against is what sentence-transformers computes."""
    shipped = np.load(Path(carrying.__file__).with_name(carrying.EXPECTED))
    np.testing.assert_allclose(carrying.probe_vectors(model), shipped, atol=1e-5)


def test_an_encoder_that_disagrees_is_not_carried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is thrown away, and the archive goes on without."""
    shipped = np.load(Path(carrying.__file__).with_name(carrying.EXPECTED))
    monkeypatch.setattr(np, "load", lambda _: np.roll(shipped, 1, axis=1))
    assert not carrying.carry_bundled(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_kinds_of_models_are_not_written(tmp_path: Path) -> None:
    """Only what is computed as a BERT is; anything else is left to torch's exporter."""
    (tmp_path / "config.json").write_text('{"model_type": "mpnet", "hidden_act": "gelu"}')
    with pytest.raises(ValueError, match="another kind"):
        BertShape.of(tmp_path)


def test_threads_change_nothing(carried: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are computed side by side give each passage its vectors."""
    exported = OnnxEncoder(carried / FOLDER)
    monkeypatch.setenv("QA_THREADS", "1")
    alone = dict(exported.encode_passages(PASSAGES))
    monkeypatch.setenv("QA_THREADS", "3")
    together = dict(exported.encode_passages(PASSAGES))
    assert alone.keys() == together.keys()
    for index, vectors in alone.items():
        np.testing.assert_array_equal(vectors.passage, together[index].passage)
        np.testing.assert_array_equal(vectors.sentences, together[index].sentences)


def test_work_side_by_side_keeps_its_order_and_stops() -> None:
    """Results come as the items came; who stops early is not kept waiting for the rest."""
    assert list(side_by_side(lambda n: n * n, range(20), 3)) == [n * n for n in range(20)]
    taken: list[int] = []
    results = side_by_side(taken.append, range(10_000), 2)
    next(results)
    results.close()
    assert len(taken) < 100


def test_a_gpu_encodes_passages(
    model: SentenceTransformerEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where torch has one, it is taken; the archive still carries what questions need."""
    monkeypatch.setattr(encoders, "GPU", tmp_path)
    monkeypatch.setattr(encoders, "_gpu_encoder", lambda name: model)
    assert encoders.prepare_encoder(tmp_path, None, None) is model
    assert isinstance(open_encoder(tmp_path, model.settings, None), OnnxEncoder)


def test_a_gpu_that_torch_cannot_use_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the processor encodes, as anywhere."""
    monkeypatch.setattr(encoders, "GPU", tmp_path)
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert isinstance(encoders.prepare_encoder(tmp_path, None, None), OnnxEncoder)


def test_half_precision_is_taken_only_where_it_agrees(
    model: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probes decide: here by a check that is too strict for float16, and by one that is not."""
    try:
        monkeypatch.setattr(carrying, "AGREEMENT", 1.1)
        assert not model.halve()
        exact = carrying.probe_vectors(model)
        monkeypatch.setattr(carrying, "AGREEMENT", 0.99)
        assert model.halve()
        half = carrying.probe_vectors(model)
        assert carrying.agreement(half, exact) > 0.9999
        assert not np.array_equal(half, exact)
    finally:
        model._half = False


TELEMETRY = """
import sys
from pathlib import Path
from embeddings.encoders import prepare_encoder
encoder = prepare_encoder(Path(sys.argv[1]), None, None)
encoder.encode_questions(["Who?"])
print("torch" in sys.modules)
"""


def test_first_encoding_leaves_no_trace_and_needs_no_torch(tmp_path: Path) -> None:
    """Its runtime keeps a device id and reports its use unless it is told not to."""
    home, archive = tmp_path / "home", tmp_path / "archive"
    home.mkdir()
    archive.mkdir()
    env = {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    assert finish(run_python(TELEMETRY, str(archive), env=env)) == "False\n"
    assert list(home.iterdir()) == []
    assert [path.name for path in archive.iterdir()] == [FOLDER]
