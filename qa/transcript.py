"""A conversation as JSON: the browser keeps it, and sends it along with each question.

So a conversation outlives a restart of the server and a reload of the page, and the server keeps
nothing of it. What comes from a browser is checked here; what does not fit is left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qa.conversation import NOTHING_WANTED, Conversation, Exchange, Wanted
from qa.question import MAX_QUESTION
from qa.records import Answer, Query
from qa.web.schemas import LONGEST_NAME, MOST_OUTLETS, AnswerBody
from qa.web.service import answer_body
from qa.written import Written

EXCHANGES_KEPT = 50
"""Exchanges that a page shows; the whole log goes to the browser with each answer."""

MOST_CHARACTERS = 600_000
"""Characters of a conversation that are sent: the body of a request may have a megabyte. An
exchange has some 10,000; of a longer conversation the oldest exchanges are left out."""


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sources: list[str] = Field(default=[], max_length=MOST_OUTLETS)
    since: str | None = Field(default=None, max_length=LONGEST_NAME)
    until: str | None = Field(default=None, max_length=LONGEST_NAME)
    free: list[str] = Field(default=[], max_length=MOST_OUTLETS)
    topic: str | None = Field(default=None, max_length=MAX_QUESTION)

    def record(self) -> Wanted:
        return Wanted(
            sources=tuple(self.sources),
            since=self.since or None,
            until=self.until or None,
            free=tuple(self.free),
            topic=self.topic or None,
        )


class _Exchange(BaseModel):
    model_config = ConfigDict(extra="ignore")

    question: str
    wanted: _Wanted = _Wanted()
    answer: AnswerBody | None = None
    failure: str | None = None
    written: Written | None = None

    def record(self) -> Exchange:
        answer = _answer(self.answer) if self.answer else None
        wanted = self.wanted.record()
        return Exchange(self.question, answer, self.failure, wanted, self.written)


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore")

    exchanges: list[Any] = []
    wanted: _Wanted = _Wanted()
    at: int | None = Field(default=None, ge=0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What comes with a question: the conversation, what the person set, and where the answer goes.

    `at` is the place of the exchange that is asked again, or None for the next one.
    """

    conversation: Conversation = ()
    wanted: Wanted = NOTHING_WANTED
    at: int | None = None

    @property
    def before(self) -> Conversation:
        """Return the conversation that the question was asked after."""
        return self.conversation if self.at is None else self.conversation[: self.at]

    def with_exchange(self, exchange: Exchange) -> Conversation:
        """Return the conversation with an exchange at its place."""
        if self.at is None:
            return (*self.conversation, exchange)[-EXCHANGES_KEPT:]
        return (*self.conversation[: self.at], exchange, *self.conversation[self.at + 1 :])


def read_request(text: str) -> Asked:
    """Read what a page sends with a question; what does not fit is left out."""
    try:
        request = _Request.model_validate(json.loads(text))
    except (ValueError, RecursionError):
        return Asked()
    conversation = tuple(filter(None, map(_exchange, request.exchanges[-EXCHANGES_KEPT:])))
    at = request.at if request.at is not None and request.at < len(conversation) else None
    return Asked(conversation, request.wanted.record(), at)


def _exchange(value: Any) -> Exchange | None:
    try:
        return _Exchange.model_validate(value).record()
    except ValidationError:
        return None


def _answer(body: AnswerBody) -> Answer:
    understood = body.understood
    query = Query(
        question=body.question,
        text=understood.text,
        sources=tuple(understood.sources),
        since=understood.since,
        until=understood.until,
        topic=tuple(understood.topic),
        notices=tuple(understood.notices),
    )
    return Answer(
        question=body.question,
        answered=body.answered,
        text=body.text,
        confidence=body.confidence,
        reason=body.reason,
        citations=tuple(body.citations),
        query=query,
        figures=tuple(body.figures),
        supported_by=tuple(body.supported_by),
    )


def write_conversation(conversation: Conversation) -> str:
    """Return a conversation as JSON for the browser to keep."""
    written = [json.dumps(_plain(exchange)) for exchange in conversation]
    while len(written) > 1 and sum(map(len, written)) > MOST_CHARACTERS:
        del written[0]
    return f"[{','.join(written)}]"


def _plain(exchange: Exchange) -> dict[str, Any]:
    return {
        "question": exchange.question,
        "wanted": asdict(exchange.wanted),
        "answer": answer_body(exchange.answer) if exchange.answer else None,
        "failure": exchange.failure,
        "written": asdict(exchange.written) if exchange.written else None,
    }
