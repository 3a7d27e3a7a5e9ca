"""What a language model writes: only what a passage supports is kept, whatever the model does."""

from __future__ import annotations

import time
from typing import Any

import pytest
from chat_fakes import HOSTILE, FakeArchive, make_answer, make_citation
from llm_server import completion, llm, send, sentences

from corpus.errors import UsageError
from qa import rendering, written
from qa.chat import _responder
from qa.conversation import Exchange
from qa.opening import Options
from qa.records import Answer
from qa.transcript import read_request, write_conversation
from qa.written import Sentence, Writer, Written, keep_supported

QUESTION = "What will the bridge cost?"
QUOTE = "The bridge will cost £14.2m, said Councillor Holt."


@pytest.fixture
def answer() -> Answer:
    return make_answer(make_citation(quote=QUOTE), question=QUESTION)


def proposed(text: str, *, n: Any = 1, support: Any = QUOTE) -> dict[str, Any]:
    return {"sentences": [{"text": text, "passage": n, "support": support}]}


@pytest.mark.parametrize(
    "text",
    [
        "The bridge will cost £14.2m.",
        "According to Councillor Holt, the bridge costs £14.2m.",
        "Holt said that the cost of the bridge is £14.2m.",
    ],
)
def test_sentence_that_its_support_says_is_kept(answer: Answer, text: str) -> None:
    kept = keep_supported(proposed(text), QUESTION, answer.citations)
    assert kept == Written((Sentence(text, 1, QUOTE),), 0)


@pytest.mark.parametrize(
    "reply",
    [
        proposed("The bridge will cost £15m."),
        proposed("The bridge will not cost £14.2m."),
        proposed("The bridge will cost £14.2m, said Mayor Quill."),
        proposed("Quill said the bridge will cost £14.2m."),
        proposed("The bridge will cost £14.2m, said Ödön."),
        proposed("The bridge will cost £14.2m (Quill)."),
        proposed("The bridge will cost £14.2m, said Councillor Hol."),
        proposed("The bridge will be painted green and tolls double for lorries next spring."),
        proposed("The bridge will cost £14.2m.", support="The bridge will cost £14.2m in all."),
        proposed("The bridge will cost £14.2m.", support=""),
        proposed("The bridge will cost £14.2m.", support=3),
        proposed("The bridge will cost £14.2m.", n=2),
        proposed("The bridge will cost £14.2m.", n="1"),
        proposed("The bridge will cost £14.2m. " * 60),
        proposed(""),
        {"sentences": ["The bridge will cost £14.2m."]},
    ],
)
def test_sentence_that_nothing_supports_is_struck_and_counted(answer: Answer, reply: Any) -> None:
    assert keep_supported(reply, QUESTION, answer.citations) == Written((), 1)


def test_of_many_sentences_the_good_ones_stay(answer: Answer) -> None:
    reply = {
        "sentences": [
            *proposed("The bridge will cost £14.2m.")["sentences"],
            *proposed("It opens in 2031.")["sentences"],
            *[None] * 20,
        ]
    }
    kept = keep_supported(reply, QUESTION, answer.citations)
    assert ([s.text for s in kept.sentences], kept.struck) == (["The bridge will cost £14.2m."], 21)


def test_model_gets_the_passages_and_the_key(answer: Answer) -> None:
    good = sentences(("The bridge will cost £14.2m.", 1, QUOTE))
    with llm(lambda handler, _: send(handler, good)) as (address, asked):
        found = Writer(address, "small", "secret").write(answer)
    assert [sentence.text for sentence in found.sentences] == ["The bridge will cost £14.2m."]
    (request,) = asked
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["Authorization"] == "Bearer secret"
    assert request["body"]["model"] == "small"
    assert answer.citations[0].passage in request["body"]["messages"][1]["content"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        completion("I would rather not."),
        completion("{} }{"),
        completion('{"sentences": 3}'),
        b"[" * 100_000,
        b"x" * (written.MOST_BYTES + 1),
    ],
)
def test_reply_that_is_none_is_told_and_harms_nothing(answer: Answer, body: bytes) -> None:
    with llm(lambda handler, _: send(handler, body)) as (address, _):
        found = Writer(address).write(answer)
    assert found.sentences == ()
    assert found.failure


def test_error_redirect_and_silence_are_told(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "SECONDS", 0.3)
    elsewhere: list[str] = []
    with llm(lambda handler, _: send(handler, b"no", 500)) as (address, _):
        assert Writer(address).write(answer).failure == "HTTPError"
    with llm(lambda handler, _: elsewhere.append(handler.path)) as (other, asked):
        with llm(lambda handler, _: send(handler, b"", 307, Location=f"{other}/x")) as (address, _):
            assert Writer(address).write(answer).failure == "HTTPError"
        assert asked == []
    with llm(lambda handler, _: time.sleep(1)) as (address, _):
        assert Writer(address).write(answer).failure
    assert Writer("http://127.0.0.1:9/v1").write(answer).failure == "URLError"


@pytest.mark.parametrize(
    "address",
    ["", "host:8080", "file:///etc/passwd", "ftp://host/", "http://", "http://[", "http://h:x/"],
)
def test_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="--llm"):
        Writer(address)


def test_quote_is_shown_first_and_stays_beside_what_is_written(answer: Answer) -> None:
    archive = FakeArchive(answers={QUESTION: answer})
    good = sentences(("The bridge will cost £14.2m.", 1, QUOTE), ("It is blue.", 1, QUOTE))
    with llm(lambda handler, _: send(handler, good)) as (address, _):
        respond = _responder(archive, Options(writer=Writer(address)))
        _, first, last = (view[2]["value"][1]["content"].value for view in respond(QUESTION, ""))
    assert QUOTE in first
    assert "qa-written" not in first
    assert QUOTE in last
    assert "One sentence that no passage supports was struck." in last


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_written_is_inert_and_comes_back_from_the_browser(text: str) -> None:
    found = Written((Sentence(text, 1, text),), 2)
    markup = rendering.render_answer(make_answer(), written=found)
    plain = rendering.render_answer(make_answer(), written=Written((Sentence("x", 1, "x"),), 2))
    assert markup.count("<") == plain.count("<")
    exchange = Exchange("q", make_answer(), written=found)
    sent = f'{{"exchanges": {write_conversation((exchange,))}}}'
    assert read_request(sent).conversation == (exchange,)
