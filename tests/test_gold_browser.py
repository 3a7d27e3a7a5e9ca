"""The review page in Debian's chromium: accept, edit and reject, hostile articles, a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS, Open, running

from corpus.errors import UsageError
from corpus.records import Article, whole
from qa.evaluation.queue import Candidate, Queue

HOSTILE = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>${window.hit=1}{{7*7}}"
TEXT = f"The river rose on Monday. Nine houses were flooded in Eastmarsh.\n\n{HOSTILE} came late."

pytestmark = MARKS


class Shelf:
    """One article whose text, headline and outlet would like to run."""

    def article(self, article_id: str) -> Article:
        if article_id != "flood":
            raise UsageError(article_id)
        return Article(
            "flood", TEXT, title=f"Flood {HOSTILE}", source=HOSTILE, published="2025-01-06",
            kept=whole(TEXT),
        )  # fmt: skip


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """Return a queue of three candidates, one of them hostile and one without its article."""
    made = Queue(tmp_path / "queue.jsonl")
    made.add(
        [
            Candidate("How many houses were flooded?", "flood", 26, 30, "Nine", "draft-template"),
            Candidate(f"What came late, {HOSTILE}?", "flood", 66, 70, TEXT[66:70], "feedback"),
            Candidate("Who left the harbour first?", "gone", 0, 4, "They", "draft-cloze"),
        ]
    )
    return made


@pytest.fixture
def address(queue: Queue) -> Iterator[str]:
    """Serve the review page."""
    from qa import gold_page

    with running(gold_page.build_review_app(Shelf(), queue)) as address:
        yield address


@pytest.fixture
def page(open_page: Open) -> Iterator[Any]:
    """Open the review page; afterwards nothing may have run."""
    opened = open_page((1000, 800), label="Question")
    yield opened
    assert opened.evaluate("window.hit") is None


def shows(page: Any, question: str) -> None:
    """Wait until a question stands in the box."""
    page.wait_for_function(
        "wanted => document.querySelector('#qa-review-question textarea').value === wanted",
        arg=question,
    )


def test_candidates_are_accepted_edited_and_rejected(page: Any, queue: Queue) -> None:
    """One after the other; the file has what was decided, the words as they were changed."""
    first, hostile, gone = queue.pending()
    shows(page, first.question)
    assert page.locator("#qa-review-passage mark").inner_text() == "Nine"
    assert "3 waiting, 0 accepted" in page.locator("#qa-review-status").inner_text()
    page.get_by_label("Question").fill("How many houses did the river flood?")
    page.get_by_role("button", name="Accept").click()
    shows(page, hostile.question)
    assert page.locator("#qa-review-passage img, #qa-review-passage script").count() == 0
    assert HOSTILE in page.locator("#qa-review-passage h2").inner_text()
    page.get_by_role("button", name="Skip").click()
    shows(page, gone.question)
    assert "gone or has changed" in page.locator("#qa-review-passage").inner_text()
    page.get_by_role("button", name="Reject").click()
    shows(page, hostile.question)
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Nothing waits.").wait_for()
    assert queue.pending() == []
    assert [item.question for item in queue.accepted()] == [
        "How many houses did the river flood?",
        hostile.question,
    ]
    assert queue.accepted()[0].id == first.id


def test_a_blank_question_is_not_accepted(page: Any, queue: Queue) -> None:
    """The page says why, and shows the same candidate again."""
    first = queue.pending()[0]
    shows(page, first.question)
    page.get_by_label("Question").fill("  ")
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("cannot be blank").wait_for()
    shows(page, first.question)
    assert len(queue.pending()) == 3


def test_a_phone_shows_it_without_scrolling_sideways(page: Any, queue: Queue) -> None:
    """At 375 pixels nothing is wider than the screen."""
    page.set_viewport_size({"width": 375, "height": 812})
    shows(page, queue.pending()[0].question)
    wide, screen = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= screen
