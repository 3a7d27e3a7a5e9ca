"""Plain search over the same archive, and the command line of `qa evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus.errors import UsageError
from corpus.records import Span
from qa import Archive, cli
from qa.evaluation import GoldQuestion, Relevant, evaluate
from qa.evaluation.baselines import BASELINES, Baseline
from tests.fakes import HashingEncoder, stories, write_articles

QUESTION = "Who counted 1021 visitors in ward 3?"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return the folder of an archive of twelve stories."""
    path = write_articles(tmp_path / "stories.jsonl", stories(12))
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as made:
        made.add([path])
    return tmp_path / "archive"


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_answers_like_an_archive(archive: Path, name: str) -> None:
    """Always something, ranked by its one score, with offsets that hold."""
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        baseline = Baseline(opened, name)
        (answer,) = baseline.ask_many([QUESTION])
        gold = GoldQuestion("q", QUESTION, True, (Relevant("story-3", Span(0, 3)),))
        result = evaluate(baseline, [gold])
        text = opened.article(answer.citations[0].article_id).text
    assert answer.answered
    assert 0 <= answer.confidence <= 1
    assert [hit.score for hit in answer.hits] == sorted(
        (h.score for h in answer.hits), reverse=True
    )
    citation = answer.citations[0]
    assert text[citation.start : citation.end] == citation.quote
    assert result.measures["offsets.wrong"] == 0
    assert result.measures["article.Success@1"] == 1.0


def test_fused_ranks_by_reciprocal_ranks(archive: Path) -> None:
    """What both put first has 2/61; the score of any passage is the sum of two such shares."""
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        hits = Baseline(opened, "fused").ask_many([QUESTION])[0].hits
    assert hits[0].score == pytest.approx(2 / 61)
    assert all(0 < hit.score <= 2 / 61 for hit in hits)


def test_an_unknown_baseline_is_refused(archive: Path) -> None:
    """With the names that there are."""
    with (
        Archive.open(archive, encoder=HashingEncoder()) as opened,
        pytest.raises(UsageError, match="no baseline 'best'; expected one of dense, bm25, fused"),
    ):
        Baseline(opened, "best")


class TestCommandLine:
    """The options of `qa evaluate` reach what they are about."""

    def test_a_run_is_judged_held_to_a_floor_and_compared(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """From TREC files to exit codes, in three commands."""
        qrels, run = tmp_path / "gold.qrels", tmp_path / "a.run"
        qrels.write_text("q1 0 a 1\nq2 0 b 1\n")
        run.write_text("q1 Q0 a 1 1 t\nq2 Q0 a 1 1 t\n")
        judge = ["evaluate", str(qrels), "--run", str(run)]
        saved = [str(tmp_path / name) for name in ("A.json", "B.json")]
        assert cli.run([*judge, "--json", saved[0], "--fail-under", "article.RR@10=0.5"]) == 0
        assert cli.run([*judge, "--json", saved[1], "--fail-under", "article.RR@10=0.6"]) == 1
        capsys.readouterr()
        assert cli.run(["evaluate", "--compare", *saved, "--json", "-", "--seed", "4"]) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out)["declared"] == []
        assert "No difference is declared" in captured.err

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["gold.jsonl", "--compare", "A", "B"], "--compare takes two runs and asks nothing"),
            (["--compare", "none.json", "none.json"], "cannot read none.json"),
            (["--fail-under", "speed=1"], "no measure 'speed'"),
            (["--run", "x.run"], "no gold questions were given for x.run"),
            (["none.csv"], "cannot read the gold questions none.csv"),
        ],
    )
    def test_what_does_not_fit_is_a_usage_error(
        self, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """One line, exit code 2, before anything is opened."""
        assert cli.run(["evaluate", *arguments]) == 2
        assert complaint in capsys.readouterr().err
