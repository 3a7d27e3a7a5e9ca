"""An interrupted evaluation goes on where it stopped, and comes to the same result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from test_evaluation_command import WordEncoder, lines

from qa import Answer, Archive, Question
from qa.evaluation.asking import Options
from qa.evaluation.command import evaluate_command
from qa.evaluation.journal import PARTS, RunJournal, from_plain
from qa.evaluation.run import BATCH

STORIES = [
    {"id": f"story-{n}", "text": f"The ship Name{n} came on day {n}. It carried {n + 3} sheep."}
    for n in range(8)
]
QUESTIONS = [
    {
        "id": f"q{n}",
        "question": f"How many sheep did the ship Name{n % 8} carry in trip {n}?",
        "answerable": True,
        "relevant": [{"article": f"story-{n % 8}"}],
        "answers": ["x"],
    }
    for n in range(2 * BATCH + 5)
]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return gold and articles, with a cache directory of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    gold = lines(tmp_path / "gold.jsonl", *QUESTIONS)
    return gold, lines(tmp_path / "articles.jsonl", *STORIES)


class Asking:
    """Counts the questions asked of archives, and stops with Ctrl-C after some batches."""

    def __init__(self, patch: pytest.MonkeyPatch, stops_after: int | None) -> None:
        self.asked = 0
        honest = Archive.ask_many

        def ask_many(archive: Archive, questions: Sequence[str | Question]) -> list[Answer]:
            if stops_after is not None and self.asked >= stops_after * BATCH:
                raise KeyboardInterrupt
            self.asked += len(questions)
            return honest(archive, questions)

        patch.setattr(Archive, "ask_many", ask_many)


def measured(path: Path) -> dict[str, object]:
    """Return what was written, without the time it took."""
    return {**json.loads(path.read_text()), "seconds": 0}


def interrupted(gold: Path, articles: Path, out: Path | None, *, batches: int) -> None:
    """Evaluate, and be stopped by Ctrl-C after some batches."""
    with pytest.MonkeyPatch.context() as patch:
        Asking(patch, stops_after=batches)
        with pytest.raises(KeyboardInterrupt):
            evaluate_command(gold, None, articles, out, encoder=WordEncoder())


def test_an_interrupted_run_goes_on(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked is not asked again, and the result is that of a run in one go."""
    gold, articles = files
    whole, broken = tmp_path / "whole.json", tmp_path / "broken.json"
    evaluate_command(gold, None, articles, whole, encoder=WordEncoder())
    interrupted(gold, articles, broken, batches=2)
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        rest = Asking(patch, stops_after=None)
        evaluate_command(gold, None, articles, broken, encoder=WordEncoder())
    assert rest.asked == 5
    assert (
        f"going on: {2 * BATCH} of {2 * BATCH + 5} questions are known" in capsys.readouterr().err
    )
    assert measured(broken) == measured(whole)
    with pytest.MonkeyPatch.context() as patch:
        again = Asking(patch, stops_after=None)
        evaluate_command(gold, None, articles, broken, encoder=WordEncoder())
    assert again.asked == len(QUESTIONS)  # a run that is done leaves nothing behind


def test_what_changes_the_result_begins_anew(files: tuple[Path, Path]) -> None:
    """Other gold, another baseline or --no-resume do not take over what was known."""
    gold, articles = files
    interrupted(gold, articles, None, batches=1)
    with pytest.MonkeyPatch.context() as patch:
        other = Asking(patch, stops_after=None)
        lines(gold, *QUESTIONS[1:])
        evaluate_command(gold, None, articles, encoder=WordEncoder())
        assert other.asked == len(QUESTIONS) - 1
        lines(gold, *QUESTIONS)
        fresh = Options(resumes=False)
        evaluate_command(gold, None, articles, options=fresh, encoder=WordEncoder())
        assert other.asked == 2 * len(QUESTIONS) - 1


def test_rows_come_back_as_they_were(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Every field, failures and excerpts too; a cut line costs itself alone."""
    from qa.evaluation.gold import read_gold
    from qa.evaluation.inside import Inside
    from qa.evaluation.run import evaluate

    gold, articles = files
    with Archive.create(tmp_path / "archive", encoder=WordEncoder()) as archive:
        archive.add([articles])
        rows = evaluate(archive, read_gold(gold), insight=Inside(archive)).rows
    assert any(row.failure and row.failure.wanted for row in rows)
    assert [from_plain(json.loads(json.dumps(asdict(row)))) for row in rows] == list(rows)
    journal = RunJournal(tmp_path / "journal.jsonl")
    journal.note(rows[:2])
    journal.path.write_bytes(journal.path.read_bytes()[:-40])
    journal.note(rows[2:3])
    assert list(journal.known().values()) == [rows[0], rows[2]]


def test_old_journals_are_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that nobody went on with do not fill the disk."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for n in range(9):
        RunJournal.named([str(n)]).note([])
    folder = RunJournal.named(["x"]).path.parent
    assert len(list(folder.glob("*.jsonl"))) == PARTS
