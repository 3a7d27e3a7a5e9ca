"""A conversation goes to the browser and comes back as it was; what does not fit is left out."""

from __future__ import annotations

import json

import pytest
from chat_fakes import HOSTILE, FakeArchive, make_answer, make_hostile_answer, make_no_answer

from qa.conversation import Exchange, Wanted, ask_next
from qa.transcript import EXCHANGES_KEPT, MOST_CHARACTERS, read_request, write_conversation


def sent(conversation: tuple[Exchange, ...], **more: object) -> str:
    """Return what a page sends with a question after a conversation."""
    return json.dumps({"exchanges": json.loads(write_conversation(conversation)), **more})


@pytest.mark.parametrize("text", ["harmless", *HOSTILE])
def test_conversation_comes_back_as_it_was(text: str) -> None:
    conversation = (
        Exchange(text, make_hostile_answer(text)),
        Exchange(text, make_no_answer(reason=text)),
        Exchange(text, failure=text, wanted=Wanted((text,), "2025-01-01", None, ("topic",), "x")),
    )
    assert read_request(sent(conversation)).conversation == conversation


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"exchanges": 3}',
        '{"at": -1}',
        "[" * 90_000,
        '{"wanted": {"free": 1}}',
    ],
)
def test_what_is_no_conversation_counts_as_none(text: str) -> None:
    asked = read_request(text)
    assert (asked.conversation, asked.at) == ((), None)


def test_exchange_that_does_not_fit_is_left_out_and_the_others_stay() -> None:
    good = json.loads(write_conversation((Exchange("q", make_answer()),)))[0]
    broken = {**good, "answer": {**good["answer"], "confidence": 7}}
    other_version = {**good, "answer": {"text": "x"}}
    asked = read_request(json.dumps({"exchanges": [broken, good, other_version, 3, None]}))
    assert [exchange.question for exchange in asked.conversation] == ["q"]


def test_long_conversation_loses_its_oldest_exchanges() -> None:
    long = "x" * (MOST_CHARACTERS // 4)
    conversation = tuple(Exchange(f"{at} {long}") for at in range(8))
    kept = json.loads(write_conversation(conversation))
    assert [item["question"][0] for item in kept] == ["5", "6", "7"]
    many = read_request(sent(tuple(Exchange(str(at)) for at in range(EXCHANGES_KEPT + 9))))
    assert len(many.conversation) == EXCHANGES_KEPT


def test_question_asked_again_takes_its_place_after_what_was_before_it() -> None:
    conversation = tuple(Exchange(name, make_answer(question=name)) for name in "abc")
    asked = read_request(sent(conversation, at=1))
    assert [exchange.question for exchange in asked.before] == ["a"]
    replaced = asked.with_exchange(Exchange("new"))
    assert [exchange.question for exchange in replaced] == ["a", "new", "c"]
    assert read_request(sent(conversation, at=3)).at is None


def test_what_the_person_set_reaches_the_archive() -> None:
    archive = FakeArchive()
    before = (Exchange("What will it cost?", make_answer()),)
    wanted = Wanted(("Post",), "2025-01-01", None, ("dates",))
    exchange = ask_next(archive, "And when?", before, wanted)
    assert exchange.wanted == wanted
    assert archive.limits[-1] == {"sources": ("Post",), "since": "2025-01-01", "free": ("dates",)}
    assert len(archive.asked[-1][1]) == 2


def test_topic_can_be_taken_back_or_set() -> None:
    archive = FakeArchive()
    before = (Exchange("What will it cost?", make_answer()),)
    ask_next(archive, "And when?", before, Wanted(free=("topic",)))
    assert archive.asked[-1] == ("And when?", [])
    ask_next(archive, "And when?", before, Wanted(topic="the ferry"))
    assert archive.asked[-1] == ("And when?", [{"role": "user", "content": "the ferry"}])
