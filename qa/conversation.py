"""Carry a conversation: each question goes to the archive with what was said before it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from corpus.errors import NewsArchiveError
from qa import texts
from qa.records import Answer, Question
from qa.web.admission import Queue
from qa.web.problems import log_fault, told
from qa.written import Written

FAULT = texts.FAULT

TOPIC = "topic"

_log = logging.getLogger(__name__)


class Collection(Protocol):
    """What a page tells about an archive: `Archive.status()` fits. Dates are ISO 8601."""

    @property
    def articles(self) -> int:
        """Return the number of articles."""
        ...

    @property
    def sources(self) -> Sequence[tuple[str, int]]:
        """Return each outlet with its number of articles."""
        ...

    @property
    def first(self) -> str | None:
        """Return the date of the oldest article."""
        ...

    @property
    def last(self) -> str | None:
        """Return the date of the newest article."""
        ...


class Answering(Protocol):
    """The part of an archive that a conversation needs; `ask` may be called from any thread."""

    @property
    def is_samples(self) -> bool:
        """Tell whether these are the invented articles that come with the program."""
        ...

    @property
    def ask_many(self) -> Callable[[Sequence[Question]], Sequence[Answer]]:
        """Answer questions; NewsArchiveError where one cannot be asked."""
        ...

    def status(self) -> Collection:
        """Return what the archive holds."""
        ...


@dataclass(frozen=True, slots=True)
class Queued:
    """An archive whose questions take a place in a queue. BusyError where none is free."""

    archive: Answering
    queue: Queue

    @property
    def is_samples(self) -> bool:
        """Tell whether these are the samples."""
        return self.archive.is_samples

    def ask_many(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Answer questions in their turn."""
        with self.queue.place():
            return self.archive.ask_many(questions)

    def status(self) -> Collection:
        """Return what the archive holds."""
        return self.archive.status()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person set beside the question, by changing what was understood.

    `free` names what the question's words must not limit: "sources", "dates", or "topic", which is
    what the conversation before would add. `topic` stands in place of that conversation.
    """

    sources: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    free: tuple[str, ...] = ()
    topic: str | None = None

    def request(self, question: str, before: Conversation) -> Question:
        """Return a question as the archive takes it, after a conversation."""
        return Question(
            question=question,
            history=self._history(before),
            sources=self.sources,
            since=self.since,
            until=self.until,
            free=(*self.free, TOPIC) if self.topic else self.free,
        )

    def _history(self, before: Conversation) -> list[dict[str, str]]:
        if self.topic:
            return [{"role": "user", "content": self.topic}]
        return [] if TOPIC in self.free else history_of(before)


NOTHING_WANTED = Wanted()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation, and the answer to it or the message in its place.

    `written` is what a language model made of the answer's passages, where one is asked.
    """

    question: str
    answer: Answer | None = None
    failure: str | None = None
    wanted: Wanted = NOTHING_WANTED
    written: Written | None = None


Conversation = tuple[Exchange, ...]


def history_of(conversation: Conversation) -> list[dict[str, str]]:
    """Return a conversation as the archive takes it; questions that failed are left out."""
    turns: list[dict[str, str]] = []
    for exchange in conversation:
        if exchange.answer is not None:
            said = exchange.answer.text or exchange.answer.reason or ""
            turns.append({"role": "user", "content": exchange.question})
            turns.append({"role": "assistant", "content": said})
    return turns


def ask_next(
    archive: Answering,
    question: str,
    conversation: Conversation,
    wanted: Wanted = NOTHING_WANTED,
) -> Exchange:
    """Ask a question after a conversation; whatever goes wrong becomes a message to the person."""
    try:
        (answer,) = archive.ask_many([wanted.request(question, conversation)])
    except NewsArchiveError as error:
        return Exchange(
            question, failure=told(_log, "a question could not be answered", error), wanted=wanted
        )
    except Exception as error:  # the page must not wait for ever; the log says where it was
        log_fault(_log, "a question could not be answered", error)
        return Exchange(question, failure=FAULT, wanted=wanted)
    return Exchange(question, answer=answer, wanted=wanted)
