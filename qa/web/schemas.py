"""What programs send and get over HTTP, as types from which the OpenAPI document is made.

Requests are checked against these types. Responses are the dictionaries of `qa.records`; a test
holds them to the types.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from qa.archive import DEFAULT_K, MOST_K
from qa.question import MAX_QUESTION
from qa.records import Citation, Figure, History
from qa.searching import DEFAULT_PASSAGES, MOST_PASSAGES, FoundPassage

MOST_TURNS = 200
"""Turns of a conversation that are taken; the archive reads the last few."""

MOST_TURN_CHARACTERS = 20_000
MOST_OUTLETS = 100
LONGEST_NAME = 1_000
"""Characters of an outlet's name or an article's id."""


def _day(value: Any) -> Any:
    """Read a day as JSON has it, a text such as "2025-03-14"; all else is left to be refused."""
    is_day = isinstance(value, str) and len(value) == len("2025-03-14")
    return date.fromisoformat(value) if is_day else value


def _integer(value: Any) -> Any:
    """Read 3.0 as 3: both are the same number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_integer)]
Day = Annotated[date, BeforeValidator(_day)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class Strict(BaseModel):
    """A request: a field that is not known is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TurnBody(Strict):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    content: str = Field(max_length=MOST_TURN_CHARACTERS)


class AskBody(Strict):
    """A question, and what narrows the articles."""

    question: str = Field(
        min_length=1, max_length=MAX_QUESTION, examples=["When will the bridge reopen?"]
    )
    history: list[TurnBody] = Field(default=[], max_length=MOST_TURNS)
    sources: list[Name] = Field(
        default=[], max_length=MOST_OUTLETS, description="Only these outlets"
    )
    since: Day | None = Field(default=None, description="First day, inclusive")
    until: Day | None = Field(default=None, description="Last day, inclusive")
    asked: Day | None = Field(
        default=None, description='Day of asking, for "last week"; default today'
    )

    def options(self) -> dict[str, Any]:
        """Return the arguments of `Archive.ask` beside the question."""
        history: History = [{"role": turn.role, "content": turn.content} for turn in self.history]
        days = {name: getattr(self, name) for name in ("since", "until", "asked")}
        return {
            "history": history,
            "sources": list(self.sources),
            **{name: day.isoformat() if day else None for name, day in days.items()},
        }


class QuestionBody(AskBody):
    """A question to answer."""

    k: Count = Field(default=DEFAULT_K, ge=1, le=MOST_K, description="Citations, at most")
    max_error: float | None = Field(
        default=None, gt=0, le=1, description="Share of given answers that may be wrong"
    )


class SearchBody(AskBody):
    """A question whose best-matching passages are wanted."""

    k: Count = Field(
        default=DEFAULT_PASSAGES, ge=1, le=MOST_PASSAGES, description="Passages, at most"
    )


class UnderstoodBody(BaseModel):
    """How the question was understood."""

    model_config = ConfigDict(extra="forbid")

    text: str
    sources: list[str]
    since: str | None
    until: str | None
    topic: list[str]
    notices: list[str]


class AnswerBody(BaseModel):
    """A quote that answers, word for word, with its sources; or the reason why there is none."""

    model_config = ConfigDict(extra="forbid")

    question: str
    answered: bool
    text: str | None = Field(description="The quote; null where nothing answers")
    confidence: float = Field(ge=0, le=1, description="Probability that the quote answers")
    reason: str | None = Field(description="Why there is no answer")
    citations: list[Citation]
    figures: list[Figure]
    supported_by: list[str]
    understood: UnderstoodBody


class SearchResult(BaseModel):
    """Passages, best first."""

    model_config = ConfigDict(extra="forbid")

    passages: list[FoundPassage]


class ArticleBody(BaseModel):
    """An article; `kept` are the spans of `text` that are not furniture of the page."""

    model_config = ConfigDict(extra="forbid")

    id: str
    text: str
    title: str | None
    source: str | None
    published: str | None
    updated: str | None
    url: str | None
    authors: list[str]
    clean_text: str
    kept: list[tuple[int, int]]


class OutletBody(BaseModel):
    """An outlet and how many articles are from it."""

    model_config = ConfigDict(extra="forbid")

    source: str
    articles: int


class StatusBody(BaseModel):
    """What the archive holds."""

    model_config = ConfigDict(extra="forbid")

    articles: int
    passages: int
    sources: list[OutletBody]
    first: str | None = Field(description="Day of the oldest article")
    last: str | None = Field(description="Day of the newest article")
    model: str | None
    model_digest: str | None
    dimension: int | None
    generation: int = Field(description="Rises with every change of the archive")
    bytes: int
    corrections: int = Field(description="Earlier versions of articles that are kept")
    corrected: str | None = Field(description="When the last of them was replaced")
    spare_vectors: int = Field(description="Vectors of passages that are gone, for their return")
    searchable: int | None = Field(description="Commit of the search indices on this machine")


class HealthBody(BaseModel):
    """The server answers; one that follows a shared archive says how far it is."""

    status: Literal["ok", "behind", "starting", "unreachable"]
    generation: int | None = Field(default=None, description="Commit that can be searched here")
    newest: int | None = Field(default=None, description="The archive's newest commit")


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    field: str
    message: str


class ProblemBody(BaseModel):
    """A problem (RFC 9457)."""

    type: str = Field(examples=["urn:news-archive:problem:unusable"])
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None
