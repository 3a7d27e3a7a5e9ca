"""A reranker reorders the best passages and nothing else; cross-encoders load from disk only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from corpus.errors import ModelError
from embeddings.cross_encoder import CrossEncoderReranker
from qa.archive import Archive
from qa.ranking import Ranked
from qa.reranking import RERANKED, open_reranker, rerank
from tests.archives import ROOT
from tests.fakes import HashingEncoder
from tests.questions import make_ranking, story
from tests.tiny_models import save_cross_encoder


class Longest:
    """A reranker that likes long texts; `asked` holds what it was shown."""

    def __init__(self, sign: int = 1) -> None:
        self.sign = sign
        self.asked: list[tuple[str, list[str]]] = []

    def score(self, question: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        self.asked.append((question, list(texts)))
        return np.array([self.sign * len(text) for text in texts], dtype=np.float64)


def ranking(count: int) -> list[Ranked]:
    """Return passages of growing length, the shortest first."""
    return make_ranking(
        [story(f"s{n}", f"It {'very ' * n}long. So.", "P", None) for n in range(count)]
    )


def order(ranked: Sequence[Ranked]) -> list[str]:
    return [item.candidate.article.id for item in ranked]


def test_only_the_best_are_reordered() -> None:
    """The passages below keep their places, and no passage is lost."""
    before = ranking(RERANKED + 5)
    reranker = Longest()
    after = rerank(reranker, "Which?", before)
    assert [(question, len(texts)) for question, texts in reranker.asked] == [("Which?", RERANKED)]
    assert order(after)[RERANKED:] == order(before)[RERANKED:]
    assert sorted(order(after)) == sorted(order(before))


def test_scores_stay_with_the_places() -> None:
    """Scores still fall, and still are those that the ranking gave."""
    before = ranking(7)
    after = rerank(Longest(), "Which?", before)
    assert [item.score for item in after] == [item.score for item in before]


def test_both_scores_count() -> None:
    """Where the two orders are opposite the middle wins nothing; where they agree, all stays."""
    before = ranking(5)
    assert order(rerank(Longest(-1), "Which?", before)) == order(before)
    short = make_ranking([item.candidate.article for item in before[:2]])
    assert order(rerank(Longest(), "Which?", short)) == order(short)  # a tie keeps the order


def test_order_by_hand() -> None:
    """Scores 0, -1, -2 have z-scores 1.22, 0, -1.22; 0, 0, 1 have -.71, -.71, 1.41; add them."""

    class Last(Longest):
        def score(self, question: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
            return np.array([0.0, 0.0, 1.0])

    assert order(rerank(Last(), "Which?", ranking(3))) == ["s0", "s2", "s1"]


def test_few_passages_need_no_reranker() -> None:
    """None or one passage is in order already."""
    reranker = Longest()
    assert rerank(reranker, "Which?", []) == []
    assert len(rerank(reranker, "Which?", ranking(1))) == 1
    assert not reranker.asked


# With an archive


def test_an_archive_asks_its_reranker(news: Path, tmp_path: Path, encoder: HashingEncoder) -> None:
    """One that is given at opening is asked with each question, and may be taken away."""
    with Archive.create(tmp_path / "archive", encoder=encoder) as archive:
        archive.add([news])
    reranker = Longest()
    with Archive.open(tmp_path / "archive", encoder=encoder, reranker=reranker) as archive:
        archive.ask("What happened in ward 3?")
        assert len(reranker.asked) == 1
        archive.rerank_with(None)
        archive.ask("What happened in ward 3?")
        assert len(reranker.asked) == 1


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a cross-encoder of two layers with random weights."""
    return save_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


def test_a_cross_encoder_scores_pairs(cross_encoder: Path) -> None:
    """One finite score a text, the same each time, whatever the other texts are."""
    reranker = open_reranker(str(cross_encoder))
    texts = ["the bridge is shut", "", "a \ud800 b" * 200]
    scores = reranker.score("is the bridge shut", texts)
    assert scores.shape == (3,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    alone = reranker.score("is the bridge shut", texts[:1])
    np.testing.assert_allclose(alone, scores[:1], atol=1e-4)
    assert len(set(np.round(scores, 9))) == 3


def test_a_reranker_by_path_answers(
    news: Path, tmp_path: Path, encoder: HashingEncoder, cross_encoder: Path
) -> None:
    """An archive takes a folder's name; the model is loaded with the first question."""
    with Archive.create(tmp_path / "archive", encoder=encoder) as archive:
        archive.add([news])
        archive.rerank_with(str(cross_encoder))
        answer = archive.ask("What happened in ward 3?")
    assert answer.citations
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)


def test_unfit_rerankers_are_refused(cross_encoder: Path, tmp_path: Path) -> None:
    """None there, pickled weights, several scores a text, damaged weights: ModelError each time."""
    with pytest.raises(ModelError, match="no model folder"):
        CrossEncoderReranker(str(tmp_path / "none"))
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="safetensors"):
        CrossEncoderReranker(str(pickled))
    with pytest.raises(ModelError, match="3 scores"):
        CrossEncoderReranker(str(save_cross_encoder(tmp_path / "three", labels=3)))
    damaged = save_cross_encoder(tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(str(damaged))


def test_code_of_a_model_is_never_run(cross_encoder: Path, tmp_path: Path) -> None:
    """A model that names its own code is refused, and the code does not run."""
    folder = save_cross_encoder(tmp_path / "own")
    canary = tmp_path / "canary"
    (folder / "own.py").write_text(f"open({str(canary)!r}, 'w').close()")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["model_type"] = "own"
    config["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(str(folder))
    assert not canary.exists()


def test_without_a_reranker_none_is_imported() -> None:
    """The library is loaded only where a reranker is asked for."""
    code = "import qa.archive, qa.answering, sys; sys.exit('sentence_transformers' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
