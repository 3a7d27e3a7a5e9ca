"""What is read, and what is made of it: only the best passages, by the reader they are for."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from embeddings import reader, writing
from embeddings.reader import bundled_reader
from embeddings.sealing import read_sealed, write_sealed
from qa.archive import Archive
from qa.confidence import confidence
from qa.features import describe
from qa.ranking import rank, weigh
from qa.reading import (
    COLUMNS,
    LEAST_READ,
    NEGLIGIBLE,
    READ,
    can_read,
    first_of,
    is_read,
    read,
    with_reading,
)
from qa.retrieval import Candidates
from tests.fakes import stories, write_articles
from tests.questions import make_candidates, story, with_tokens

QUESTION = "Who won the skiffs?"
REGATTA = "The regatta was rowed in rain. Eastmarsh won the skiffs. Nobody fell in."


def regattas(count: int) -> Candidates:
    texts = [f"{REGATTA} Boat {n} was last." for n in range(count)]
    told = [story(f"s{n}", text, "Post", "2025-03-01") for n, text in enumerate(texts)]
    return with_tokens(make_candidates(QUESTION, told))


def test_the_best_sentences_are_read_and_no_others() -> None:
    """READ of them: those that have the largest shares without the reader."""
    rows = weigh(regattas(READ)).rows
    marks = rows.values[:, rows.names.index("read")]
    assert marks.sum() == READ
    assert set(marks.tolist()) == {0.0, 1.0}
    assert first_of(np.arange(READ + 5.0)).tolist() == [False] * 5 + [True] * READ


def test_what_can_hardly_come_first_is_not_read() -> None:
    """Beside the first few, whatever their shares are, and where there are not as many."""
    shares = np.array([0.5, *[NEGLIGIBLE * 0.5] * 5, *[NEGLIGIBLE * 0.49] * 4])
    assert first_of(shares).tolist() == [True] * 6 + [False] * 4
    assert first_of(np.array([1.0, *[1e-9] * 9])).sum() == LEAST_READ
    assert first_of(np.array([1.0, 1e-9])).tolist() == [True, True]


def test_what_was_not_read_has_the_least_of_what_was() -> None:
    """A sentence that is not read looks like the worst that is, in every column."""
    candidates = regattas(4)
    rows = describe(candidates)
    chosen = np.isin(rows.passage, [1, 3])
    read_as = read(candidates, rows, chosen)
    assert np.array_equal(np.isnan(read_as[:, 0]), ~chosen)
    told = with_reading(rows, read_as)
    columns = dict(zip(told.names, told.values.T, strict=True))
    assert (columns["reader"][~chosen] == np.nanmin(read_as[:, 0])).all()
    passages = columns["reader: passage"][rows.starts]
    assert passages[0] == passages[2] == passages.min()
    assert np.isfinite(told.values).all()
    assert told.names[-len(COLUMNS) :] == COLUMNS


def test_sentences_are_read_alike_whoever_is_read_with_them() -> None:
    """What is made of a passage does not depend on which others are read."""
    candidates = regattas(5)
    rows = describe(candidates)
    together = read(candidates, rows, rows.passage >= 0)
    for place in range(5):
        own = rows.passage == place
        alone = read(candidates, rows, own)
        assert alone[own] == pytest.approx(together[own], abs=1e-3)


def test_without_tokens_of_this_reader_the_other_weights_rank() -> None:
    """A question or a passage without tokens, or with those for another reader: nothing is read."""
    plain = make_candidates(QUESTION, [story("s0", REGATTA, "Post", "2025-03-01")])
    other = with_tokens(plain, bundled_reader().number ^ 1)
    assert can_read(with_tokens(plain), describe(plain))
    for candidates in (plain, other):
        assert not can_read(candidates, describe(candidates))
        shares = weigh(candidates)
        assert not is_read(shares.rows)
        ranked = rank(candidates, shares)
        assert 0 < confidence(candidates, ranked, shares) < 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with news, two copies and another story, and an archive without a reader."""
    place = tmp_path_factory.mktemp("outdated")
    one, other = stories(2)
    news = write_articles(place / "news.jsonl", [one, other, one | {"id": "copy"}])
    with pytest.MonkeyPatch.context() as before:
        before.setattr(writing, "RESPLIT", 1)
        before.setattr(reader, "_bundled", lambda: (None, "no model"))
        with Archive.create(place / "archive") as archive:
            archive.add(news)
    manifest = place / "archive" / "encoder" / "encoder.json"
    write_sealed(manifest, read_sealed(manifest) | {"states": False})
    return place


@pytest.fixture
def outdated(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive from before there was a reader."""
    monkeypatch.setattr(writing, "RESPLIT", 1)
    return Path(shutil.copytree(made, tmp_path / "outdated")) / "archive"


def test_an_archive_from_before_the_reader_is_read_from_the_next_run_on(outdated: Path) -> None:
    """Its encoder and its passages, copies too, are made anew by a run with nothing else to do."""
    news = outdated.with_name("news.jsonl")
    with Archive.open(outdated) as archive:
        assert archive.ask("Who closed the harbour?").citations
        assert tokens_of(archive) == {None}
        report = archive.add(news)
        assert report.unchanged == 3
        assert any("encoded anew" in warning for warning in report.warnings)
        assert tokens_of(archive) == {bundled_reader().number}
        assert archive.ask("Who closed the harbour?").citations
        assert archive.add(news).warnings == ()
        assert archive.verify() == []


def test_a_process_that_is_open_meanwhile_reads_as_well(outdated: Path) -> None:
    """It takes the new encoder for its next question, and for what it adds itself."""
    news = outdated.with_name("news.jsonl")
    with Archive.open(outdated) as serving, Archive.open(outdated) as adding:
        before = serving.ask("Who closed the harbour?")
        with Archive.open(outdated) as other:
            other.add(news)
            read_as = other.ask("Who closed the harbour?")
        assert serving.ask("Who closed the harbour?").confidence == read_as.confidence
        assert before.confidence != read_as.confidence
        adding.add(write_articles(outdated.with_name("more.jsonl"), stories(5)[3:]))
        assert tokens_of(adding) == {bundled_reader().number}


def tokens_of(archive: Archive) -> set[int | None]:
    """Return for which readers the archive's passages have vectors of tokens."""
    with archive.view() as view:
        vectors = view.store.vectors(view.store.passage_keys().tolist())
    return {item.tokens.reader if item.tokens else None for item in vectors.values()}
