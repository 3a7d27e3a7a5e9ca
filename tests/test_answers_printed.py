"""What the terminal says of an answer beyond its quote: differing figures, support, copies."""

from __future__ import annotations

import pytest
from chat_fakes import make_answer, make_citation, make_no_answer

from qa.records import Answer, Figure
from qa.terminal import print_answer

FIGURES = (
    Figure(1, "12,000", "Gazette", "2025-08-18", "a", 0, 6),
    Figure(2, "18,000", "Radio\x1b[2J", "2025-08-17", "b", 0, 6),
    Figure(3, "15,000", None, None, "c", 0, 6),
)


def printed(answer: Answer, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is printed, line breaks as spaces."""
    print_answer(answer, is_samples=False)
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("make", [make_answer, make_no_answer])
def test_differing_figures_are_one_line(
    make: type[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with outlet, day and card, as far as they are known; no escape sequence gets through."""
    shown = printed(make(figures=FIGURES), capsys)
    assert (
        "Figures differ: 12,000 (Gazette, 18 August 2025) [1];"
        " 18,000 (Radio\N{REPLACEMENT CHARACTER}[2J, 17 August 2025) [2]; 15,000 [3]"
    ) in shown


def test_support_and_copies_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Who says the same stands by the confidence; of copies, the first is marked."""
    cited = make_citation(also_in=("Radio", "Weekly"), first_in="Weekly")
    shown = printed(make_answer(cited, supported_by=("Tern", "Gull")), capsys)
    assert "confidence 93%; also reported by Tern, Gull" in shown
    assert "also in Radio, Weekly (first)" in shown


def test_nothing_is_said_where_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer of one outlet has no such lines."""
    shown = printed(make_answer(), capsys)
    assert "differ" not in shown
    assert "also" not in shown
