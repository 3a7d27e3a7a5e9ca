"""The question line: how sure an answer must be, and what is said where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.errors import UsageError
from embeddings.analysis import Wording, unpack
from qa.archive import Archive
from qa.cli import EXIT_NO_ANSWER, EXIT_USAGE, run
from qa.confidence import threshold
from tests.fakes import HashingEncoder, write_articles

QUESTIONS = [f"What happened to the {topic}?" for topic in ("bridge", "museum", "zebra", "gates")]


@pytest.fixture
def archive(news: Path, tmp_path: Path, encoder: HashingEncoder) -> Iterator[Archive]:
    with Archive.create(tmp_path / "archive", encoder=encoder) as opened:
        opened.add([news])
        yield opened


@pytest.mark.parametrize("max_error", [None, 0.01, 0.1, 0.3, 0.6, 1.0])
def test_answers_are_as_sure_as_asked(archive: Archive, max_error: float | None) -> None:
    """An answer is given exactly where its confidence reaches the threshold of the error rate."""
    least = threshold(max_error, read=False)  # this encoder has no reader
    for answer in archive.ask_many(QUESTIONS, max_error=max_error):
        assert answer.answered == (answer.confidence >= least)
        assert (answer.reason is None) == answer.answered
        assert bool(answer.text) == answer.answered


def test_the_error_rate_changes_no_ranking(archive: Archive) -> None:
    """Citations and confidence stay; only what counts as an answer changes."""
    strict, lax = (archive.ask(QUESTIONS[0], max_error=e) for e in (0.001, 1.0))
    assert strict.citations == lax.citations
    assert strict.confidence == lax.confidence
    assert (strict.answered, lax.answered) == (False, True)


def test_answers_are_the_same_where_no_words_are_stored(
    archive: Archive, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an archive of a version that stored none: they are worked out then."""
    unpacked: list[bool] = []

    def noted(packed: bytes) -> Wording | None:
        unpacked.append(bool(packed))
        return unpack(packed)

    monkeypatch.setattr("qa.wording.unpack", noted)
    with Archive.open(archive.directory, encoder=encoder) as opened:
        stored = opened.ask_many(QUESTIONS)
    assert unpacked
    assert all(unpacked)
    monkeypatch.setattr("qa.wording.unpack", lambda _: None)
    with Archive.open(archive.directory, encoder=encoder) as opened:
        assert opened.ask_many(QUESTIONS) == stored


@pytest.mark.parametrize("max_error", [0.0, -0.1, 1.01, 10.0, float("nan"), float("inf")])
def test_no_share_is_refused(archive: Archive, max_error: float) -> None:
    """An error rate is a share above 0, up to 1; the bad value is named."""
    with pytest.raises(UsageError, match="max_error"):
        archive.ask(QUESTIONS[0], max_error=max_error)


def test_limits_and_names_explain_themselves(archive: Archive) -> None:
    """The archive's own articles say that a name is unknown, and what lies outside of a limit."""
    unknown = archive.ask("Where does Ermintrude Quux live?", max_error=0.001)
    assert (unknown.reason or "").startswith("No article mentions “Ermintrude Quux”")
    limited = archive.ask("What of the museum in ward 3?", since="2025-09-01", max_error=0.001)
    assert (limited.reason or "").startswith(
        "No article since 1 September 2025 answers this surely"
    )
    assert "The museum of ward 3" in (limited.reason or "")


def test_copies_and_figures_reach_the_answer(tmp_path: Path, encoder: HashingEncoder) -> None:
    """Through the whole line: two accounts differ, a copy is named, all of it is in the JSON."""
    first = "Some 18,000 people watched the Lantern Regatta yesterday. Boats came with lanterns."
    other = "About 12,000 people watched the Lantern Regatta on Saturday. Boats came with lanterns."
    records = [
        {"id": "a", "text": first, "source": "Radio", "published": "2025-08-17"},
        {"id": "b", "text": other, "source": "Gazette", "published": "2025-08-18"},
        {"id": "c", "text": other, "source": "Weekly", "published": "2025-08-23"},
    ]
    articles = write_articles(tmp_path / "regatta.jsonl", records)
    with Archive.create(tmp_path / "regatta", encoder=encoder) as opened:
        opened.add([articles])
        answer = opened.ask("How many people watched the Lantern Regatta?").to_dict()
        other = opened.ask("How many people watched the Lantern Regatta in 2019?")
    assert {figure["text"] for figure in answer["figures"]} == {"18,000", "12,000"}
    assert sorted(len(citation["also_in"]) for citation in answer["citations"]) == [0, 1]
    assert answer["supported_by"] == []
    assert other.query.period is None
    assert other.figures == (), "numbers of 2025 say nothing of 2019"


def test_options_of_the_command_line(
    archive: Archive,
    encoder: HashingEncoder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--max-error` reaches the archive; a bad one and an unknown reranker are one line each."""
    monkeypatch.setattr("qa.keeping.open_encoder", lambda *_: encoder)
    place = ["--archive", str(archive.directory)]
    assert run(["ask", QUESTIONS[0], "--max-error", "0.001", *place]) == EXIT_NO_ANSWER
    capsys.readouterr()
    assert run(["ask", QUESTIONS[0], "--max-error", "2", *place]) == EXIT_USAGE
    assert "max_error=2.0" in capsys.readouterr().err
    assert run(["ask", QUESTIONS[0], "--reranker", "./none", *place]) != 0
    assert capsys.readouterr().err.count("\n") == 1
