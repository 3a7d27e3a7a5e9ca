"""The encoder that an archive carries gives the vectors of the model that it came from."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from embeddings import onnx
from embeddings.encoders import carry_encoder, open_encoder
from embeddings.onnx import FOLDER, MANIFEST, MODEL, OnnxEncoder
from embeddings.transformer import SentenceTransformerEncoder
from tests.archives import finish, flip, run_python
from tests.test_encoder import PASSAGES


@pytest.fixture(scope="module")
def carried(model: SentenceTransformerEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with an exported encoder."""
    directory = tmp_path_factory.mktemp("carried")
    assert onnx.carry(directory, model)
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


def test_it_is_used_where_it_is_whole_and_fits(
    carried: Path, model: SentenceTransformerEncoder
) -> None:
    """The archive's own encoder comes first; a second export is not made."""
    assert isinstance(open_encoder(carried, model.settings, None), OnnxEncoder)
    before = (carried / FOLDER / MANIFEST).stat().st_mtime_ns
    carry_encoder(carried, model)
    assert (carried / FOLDER / MANIFEST).stat().st_mtime_ns == before


@pytest.mark.parametrize("name", [MODEL, MANIFEST, "tokenizer.json"])
def test_a_damaged_export_is_not_used(
    carried: Path, model: SentenceTransformerEncoder, tmp_path: Path, name: str
) -> None:
    """A turned bit in any file of it, and it counts as none."""
    shutil.copytree(carried / FOLDER, tmp_path / FOLDER)
    flip(tmp_path / FOLDER / name, 100)
    assert onnx.load(tmp_path, model.settings) is None


TELEMETRY = """
import sys
from pathlib import Path
from embeddings.onnx import FOLDER, OnnxEncoder
OnnxEncoder(Path(sys.argv[1]) / FOLDER).encode_questions(["Who?"])
print("torch" in sys.modules)
"""


def test_a_question_leaves_no_trace_and_needs_no_torch(carried: Path, tmp_path: Path) -> None:
    """Its runtime keeps a device id and reports its use unless it is told not to."""
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    assert finish(run_python(TELEMETRY, str(carried), env=home)) == "False\n"
    assert list(tmp_path.iterdir()) == []
