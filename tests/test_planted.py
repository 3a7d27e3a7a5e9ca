"""Code that somebody planted in an archive or in a model's folder is never run (FAULTS, row 13)."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from corpus.errors import ModelError, NewsArchiveError
from embeddings.durable import remove_folder
from embeddings.encoders import open_encoder
from embeddings.transformer import SentenceTransformerEncoder
from qa import Archive
from tests.fakes import HashingEncoder, stories, write_articles
from tests.tiny_models import save_sentence_transformer


class Planted:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Return the folder that planted code makes."""
    return tmp_path / "was-run"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Return the folder of a model that is what it seems."""
    return save_sentence_transformer(tmp_path / "tiny", {})


def plant(path: Path, mark: Path) -> None:
    """Put a pickle that makes `mark` in a file's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(Planted(mark)))


def test_the_plant_would_work(tmp_path: Path, mark: Path) -> None:
    """Whoever unpickles it runs it: otherwise these tests could not fail."""
    plant(tmp_path / "planted", mark)
    pickle.loads((tmp_path / "planted").read_bytes())  # noqa: S301 - our own
    assert mark.is_dir()


def test_pickles_in_an_archive(tmp_path: Path, mark: Path) -> None:
    """In the place of every file in turn, and beside them; asked, verified and added to."""
    template = tmp_path / "archive"
    news = write_articles(tmp_path / "news.jsonl", stories(12))
    with Archive.create(template, encoder=HashingEncoder()) as archive:
        archive.add(news)
    files = [file.relative_to(template) for file in template.rglob("*") if file.is_file()]
    strays = [Path("index.pkl"), Path("derived") / "extra.pkl", Path("encoder") / "model.onnx"]
    for file in [*files, *strays]:
        copy = Path(shutil.copytree(template, tmp_path / "copy"))
        plant(copy / file, mark)
        for act in (Archive.verify, lambda a: a.ask("harbour"), lambda a: a.add(news)):
            try:
                with Archive.open(copy, encoder=HashingEncoder()) as archive:
                    act(archive)
            except NewsArchiveError:
                continue
        assert not mark.exists(), file
        remove_folder(copy)


def refused(folder: Path) -> str:
    """Return how the model in a folder is refused."""
    with pytest.raises(ModelError) as told:
        SentenceTransformerEncoder(str(folder))
    return str(told.value)


def test_weights_that_are_pickles(tiny: Path, mark: Path) -> None:
    """`pytorch_model.bin` is not opened, whether safe weights lie beside it or not."""
    plant(tiny / "pytorch_model.bin", mark)
    assert SentenceTransformerEncoder(str(tiny)).settings.dimension == 16
    for weights in tiny.rglob("model.safetensors"):
        weights.unlink()
    assert refused(tiny)
    assert not mark.exists()


def test_modules_with_code(tiny: Path, mark: Path) -> None:
    """A `modules.json` that names the folder's own Python is refused, not imported."""
    (tiny / "planted.py").write_text(
        f"import os\nos.mkdir({str(mark)!r})\nclass Module: ...\n", "utf-8"
    )
    modules = json.loads((tiny / "modules.json").read_text("utf-8"))
    for kind in ("planted.Module", "os.system", "..planted.Module"):
        modules[0]["type"] = kind
        (tiny / "modules.json").write_text(json.dumps(modules), "utf-8")
        assert refused(tiny)
    assert not mark.exists()


def test_a_configuration_with_code(tiny: Path, mark: Path) -> None:
    """`auto_map` of a configuration, which `trust_remote_code` would follow, is not."""
    (tiny / "planted.py").write_text(
        f"import os\nos.mkdir({str(mark)!r})\n"
        "from transformers import BertConfig, BertModel\n"
        "class Config(BertConfig): ...\nclass Model(BertModel): ...\n",
        "utf-8",
    )
    for file in tiny.rglob("config.json"):
        settings = json.loads(file.read_text("utf-8"))
        settings["auto_map"] = {"AutoConfig": "planted.Config", "AutoModel": "planted.Model"}
        file.write_text(json.dumps(settings), "utf-8")
    with suppress(ModelError):
        SentenceTransformerEncoder(str(tiny))
    assert not mark.exists()


def test_an_encoder_in_an_archive_that_is_a_pickle(tmp_path: Path, tiny: Path, mark: Path) -> None:
    """What the archive carries is checked by its digests before anything opens it."""
    news = write_articles(tmp_path / "news.jsonl", stories(4))
    with Archive.create(tmp_path / "archive", model=str(tiny)) as archive:
        archive.add(news)
        stored = archive._store.encoder
    for name in ("model.onnx", "tokenizer.json", "encoder.json"):
        copy = Path(shutil.copytree(tmp_path / "archive", tmp_path / "copy"))
        plant(copy / "encoder" / name, mark)
        assert isinstance(open_encoder(copy, stored, str(tiny)), SentenceTransformerEncoder)
        remove_folder(copy)
    assert not mark.exists()
