"""The evaluation as a command: files in; tables, JSON, a page and an exit code out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import ArchiveMissingError, ReadError, UsageError
from embeddings.encoder import EncoderSettings, PassageText, PassageVectors, Vectors
from qa import Answer, Archive, Question
from qa.evaluation.__main__ import main
from qa.evaluation.archives import opened
from qa.evaluation.command import evaluate_command

DIMENSION = 64
FLOOD = "The river rose on Monday night. Nine houses were flooded in Eastmarsh. A school opened."
FIRE = "A fire broke out in the harbour. Two ships burned until the morning."


class WordEncoder:
    """A real encoder without a model: each word is one of 64 directions. Counts what it encodes."""

    def __init__(self) -> None:
        self.encoded = 0

    @property
    def settings(self) -> EncoderSettings:
        """Return settings of its own."""
        return EncoderSettings("words", "0" * 64, DIMENSION, "sum", 200)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of words."""
        return [len(text.split()) for text in texts]

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield vectors in the given order."""
        for index, passage in enumerate(passages):
            self.encoded += 1
            sentences = [_vector(span.of(passage.text)) for span in passage.sentences]
            yield index, PassageVectors(_vector(passage.text), np.stack(sentences))

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return one vector a question."""
        return np.stack([_vector(question) for question in questions])


def _vector(text: str) -> Vectors:
    vector = np.full(DIMENSION, 1e-3, dtype=np.float32)
    for word in text.lower().split():
        vector[zlib.crc32(word.encode()) % DIMENSION] += 1
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def lines(path: Path, *records: Mapping[str, object]) -> Path:
    """Write records as JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of two articles, with a cache directory of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    flood, fire = ({"id": "flood", "text": FLOOD}, {"id": "fire", "text": FIRE})
    return lines(tmp_path / "articles.jsonl", flood, fire)


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Return a gold file: one question that the articles answer, one that they do not."""
    start = FLOOD.index("Nine houses")
    relevant = [{"article": "flood", "start": start, "end": start + 11}]
    return lines(
        tmp_path / "gold.jsonl",
        {
            "id": "q1",
            "question": "How many houses were flooded in Eastmarsh?",
            "answerable": True,
            "relevant": relevant,
        },
        {"id": "q2", "question": "Who won the chess?", "answerable": False},
    )


def test_a_file_of_articles_is_evaluated_and_all_outputs_written(
    tmp_path: Path, articles: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables go to stdout; the JSON holds the measured numbers and the page the questions."""
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    assert evaluate_command(gold, None, articles, out, page, encoder=WordEncoder()) == 0
    got = json.loads(out.read_text())
    assert got["passage.Success@1"] == got["quote.Success@1"] == 1.0
    assert got["offsets.wrong"] == 0
    assert got["questions"] == 2
    assert [row["id"] for row in got["per_question"]] == ["q1", "q2"]
    assert "Nine houses were flooded in Eastmarsh." in page.read_text()
    assert "quote.Success@1" in capsys.readouterr().out


def test_json_on_stdout_is_nothing_but_json(
    articles: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `-` the tables move to stderr."""
    evaluate_command(gold, None, articles, Path("-"), encoder=WordEncoder())
    captured = capsys.readouterr()
    assert json.loads(captured.out)["questions"] == 2
    assert "quote.Success@1" in captured.err


def test_a_second_evaluation_encodes_no_passage(articles: Path, gold: Path) -> None:
    """The archive of an articles file is kept; another file has another archive."""
    first, second, third = WordEncoder(), WordEncoder(), WordEncoder()
    evaluate_command(gold, None, articles, encoder=first)
    evaluate_command(gold, None, articles, encoder=second)
    with articles.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "new", "text": "Another article about the harbour."}) + "\n")
    evaluate_command(gold, None, articles, encoder=third)
    assert (first.encoded, second.encoded, third.encoded) == (2, 0, 3)


def test_a_copy_of_the_articles_shares_their_archive(
    tmp_path: Path, articles: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The content counts, not the name: a copy is not encoded anew and scores the same."""
    out, again, encoder = tmp_path / "out.json", tmp_path / "again.json", WordEncoder()
    evaluate_command(gold, None, articles, out, encoder=WordEncoder())
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(articles.read_bytes())
    articles.unlink()
    evaluate_command(gold, None, copy, again, encoder=encoder)
    first, second = json.loads(out.read_text()), json.loads(again.read_text())
    assert encoder.encoded == 0
    assert first | {"seconds": 0} == second | {"seconds": 0}
    assert "warning" not in capsys.readouterr().err


def test_a_kept_archive_that_cannot_be_used_is_replaced_for_the_run(
    tmp_path: Path, articles: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged one costs a warning that says so and a temporary archive, not the evaluation."""
    evaluate_command(gold, None, articles, encoder=WordEncoder())
    (database,) = (tmp_path / "cache").rglob("archive.sqlite")
    for file in database.parent.glob("archive.sqlite-*"):
        file.unlink()
    database.write_bytes(b"not a database" * 1000)
    assert evaluate_command(gold, None, articles, encoder=WordEncoder()) == 0
    errors = capsys.readouterr().err
    assert "warning: the kept archive evaluation-" in errors
    assert "building a temporary one" in errors


def test_a_record_that_cannot_be_read_is_a_warning(
    articles: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bad line among the articles is named on stderr; the rest is evaluated."""
    with articles.open("a", encoding="utf-8") as file:
        file.write('{"id": "cut", "te\n')
    assert evaluate_command(gold, None, articles, encoder=WordEncoder()) == 0
    assert f"warning: {articles}" in capsys.readouterr().err


def test_a_file_without_articles_is_refused(tmp_path: Path, articles: Path) -> None:
    """A file in which nothing can be read is an error, not an evaluation of nothing."""
    articles.write_text("[]\n")
    with pytest.raises(ReadError), opened(None, articles, lambda _: None, encoder=WordEncoder()):
        pytest.fail("an archive of nothing was opened")


def test_an_archive_that_is_there_is_asked(
    tmp_path: Path, articles: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --archive nothing is indexed; a gold article that it lacks is a warning and a miss."""
    (tmp_path / "one.txt").write_text(FIRE)
    encoder = WordEncoder()
    with Archive.create(tmp_path / "archive", encoder=encoder) as archive:
        archive.add([tmp_path / "one.txt"])
    encoder.encoded = 0
    out = tmp_path / "out.json"
    evaluate_command(gold, tmp_path / "archive", None, out, encoder=encoder)
    assert encoder.encoded == 0
    assert json.loads(out.read_text())["article.Success@1"] == 0.0
    warning = "question 'q1': article 'flood' is not in the archive; counts as a miss"
    assert warning in capsys.readouterr().err


def test_one_citation_that_does_not_slice_back_fails_the_command(
    articles: Path, gold: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The numbers are printed all the same, the exit code is 1 and stderr names the citation."""
    honest = Archive.ask_many

    def shifted(self: Archive, questions: Sequence[str | Question]) -> list[Answer]:
        first, *others = honest(self, questions)
        wrong = replace(first.citations[0], start=first.citations[0].start + 1)
        return [replace(first, citations=(wrong, *first.citations[1:])), *others]

    monkeypatch.setattr(Archive, "ask_many", shifted)
    assert evaluate_command(gold, None, articles, encoder=WordEncoder()) == 1
    captured = capsys.readouterr()
    assert "quote.Success@1" in captured.out
    assert "wrong offset: flood [33:" in captured.err


def test_contradictory_and_incomplete_requests_are_refused(
    tmp_path: Path, articles: Path, gold: Path
) -> None:
    """Both sources, a source without gold, a missing archive: each has its own message."""
    with pytest.raises(UsageError, match="expected one of --archive and --articles"):
        evaluate_command(gold, tmp_path, articles)
    with pytest.raises(UsageError, match="no gold questions were given"):
        evaluate_command(None, None, articles)
    with pytest.raises(ArchiveMissingError):
        evaluate_command(gold, tmp_path / "none", None)
    with pytest.raises(UsageError, match="is not a file"):
        evaluate_command(gold, None, tmp_path / "none.jsonl")


def test_the_output_is_checked_before_the_work(tmp_path: Path, articles: Path, gold: Path) -> None:
    """A report that cannot be written stops the command before anything is encoded."""
    encoder = WordEncoder()
    with pytest.raises(UsageError, match="folder that exists"):
        evaluate_command(gold, None, articles, None, tmp_path / "no" / "r.html", encoder=encoder)
    assert encoder.encoded == 0


def test_a_mistake_at_the_shell_is_one_line_and_its_exit_code(
    tmp_path: Path, gold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors exit with 2, a bad gold file with 1, a missing archive with 4."""
    bad = lines(tmp_path / "bad.jsonl", {"id": "q1"})
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert main([str(bad)]) == 1
    assert main([str(gold), "--archive", str(tmp_path / "none")]) == 4
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert all(line.startswith("error: ") for line in errors)
