"""The conversation behind the chat: what goes to the archive, and what becomes of faults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from chat_fakes import LONGEST, FakeArchive, make_answer, make_no_answer

from corpus.errors import ArchiveDamagedError, NewsArchiveError, StorageError
from qa.conversation import FAULT, Exchange, ask_next, history_of
from qa.records import Answer, Question


def test_history_holds_questions_and_what_was_answered() -> None:
    conversation = (
        Exchange("What will it cost?", answer=make_answer()),
        Exchange("x" * 9_999, failure="too long"),
        Exchange("Who?", answer=make_no_answer()),
    )
    assert history_of(conversation) == [
        {"role": "user", "content": "What will it cost?"},
        {"role": "assistant", "content": "The bridge will cost £14.2m."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "No sentence answers this."},
    ]


def test_question_goes_to_the_archive_with_its_history() -> None:
    archive = FakeArchive()
    first = ask_next(archive, "What will it cost?", ())
    ask_next(archive, "And when?", (first,))
    assert archive.asked == [
        ("What will it cost?", []),
        ("And when?", history_of((first,))),
    ]


def test_question_that_cannot_be_asked_becomes_its_message() -> None:
    exchange = ask_next(FakeArchive(), "x" * (LONGEST + 1), ())
    assert exchange.answer is None
    assert exchange.failure == "the question is longer than 2000 characters: shorten it"


def test_fault_becomes_a_message_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    exchange = ask_next(FakeArchive(), "break", ())
    assert exchange.failure == FAULT
    assert "a question could not be answered" in caplog.text


@pytest.mark.parametrize("kind", [ArchiveDamagedError, StorageError])
def test_nobody_is_told_where_the_archive_lies_but_its_keeper(
    kind: type[NewsArchiveError], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeArchive):
        def ask_many(self, questions: Sequence[str | Question]) -> list[Answer]:
            raise kind("/home/ada/news is damaged: `qa verify --repair`")

    exchange = ask_next(Broken(), "What will it cost?", ())
    assert exchange.failure
    assert "/home/ada" not in exchange.failure
    assert "/home/ada/news is damaged: `qa verify --repair`" in caplog.text


def test_examples_are_among_the_gold_questions_of_the_samples() -> None:
    chat = pytest.importorskip("qa.chat")
    gold = Path(__file__).parents[1] / "corpus" / "samples" / "gold.jsonl"
    entries = [json.loads(line) for line in gold.read_text("utf-8").splitlines()]
    answerable = {entry["question"]: entry["answerable"] for entry in entries}
    assert [answerable[question] for question in chat.EXAMPLES] == [True] * 4 + [False]
