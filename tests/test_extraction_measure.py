"""The measure of extraction: shingles, averages and their F1, by numbers worked out by hand."""

from __future__ import annotations

import pytest

from tests.quality import extraction
from tests.quality.extraction import Mean, Score, mean, score, shingles


def test_shingles_are_runs_of_four_tokens() -> None:
    """Marks part tokens, case counts, and a text of fewer than four tokens is one run."""
    assert dict(shingles("One, two three four five.")) == {
        ("One", "two", "three", "four"): 1,
        ("two", "three", "four", "five"): 1,
    }
    assert dict(shingles("a b")) == {("a", "b"): 1}
    assert not shingles(" .,")


def test_a_page_is_scored_by_its_bags() -> None:
    """Of two runs found one is true; of three true ones it is the one found."""
    assert score("a b c d x", "a b c d e f") == Score(1 / 2, 1 / 3)
    assert score("", "a b c d") == Score(None, 0)
    assert score("a", "") == Score(0, None)


def test_averages_leave_out_what_is_not_defined() -> None:
    """A page without found text counts in recall only."""
    total = mean([Score(1, 0.5), Score(None, 0), Score(0.5, 1)])
    assert total == Mean(0.75, 0.5)
    assert total.f1 == pytest.approx(0.6)


@pytest.mark.bench
@pytest.mark.skipif(not extraction.FOLDER.is_dir(), reason="no shared/bench/extraction here")
def test_extraction_holds_its_floor(capsys: pytest.CaptureFixture[str]) -> None:
    """The cleaned text of the benchmark's pages stays above the floor."""
    assert extraction.main([]) == 0
    assert "181 pages" in capsys.readouterr().out
