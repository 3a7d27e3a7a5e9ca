"""The records of the question line: the query that was understood, the citations, the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypedDict

from corpus.records import Span
from qa.periods import Period

History = Sequence[Mapping[str, str]]
"""The turns of a conversation before a question, oldest first: see Turn."""


class Turn(TypedDict):
    """One turn of a conversation: who spoke ("user" or "assistant") and what."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it was understood.

    `text` is what is searched for; `context` holds weighted texts of earlier turns that a
    follow-up leans on, nearest first, and `topic` what it was taken to be about. `sources`, `since`
    and `until` (ISO dates, both inclusive) narrow the articles; `notices` tell the person what was
    understood or relaxed.

    `period` is the one that the question named: `since` and `until` come from it, or, where it is
    relative, it only comes first. `hears_outlets` says that `sources` come from the question. Such
    limits give way where they would leave nothing.
    Articles after `asked`, the stated day of asking, cannot answer. `recency` (0..1) is how much
    the question prefers newer articles.

    `alone` is the same question without the turns before it, where its words do not tell whether it
    goes on from them: it takes this one's place where the articles say that it does not. `behind`
    is the same question with the turns before it, where its words start a topic of their own: it
    takes this one's place where this one is not answered and the articles are surer of it.
    """

    question: str
    text: str
    context: tuple[tuple[str, float], ...] = ()
    sources: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    notices: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    period: Period | None = None
    hears_outlets: bool = False
    asked: str | None = None
    recency: float = 0.0
    alone: Query | None = None
    behind: Query | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """One source of an answer.

    `quote` is `article.text[start:end]`, word for word; `passage` is the passage around it,
    `article.text[passage_start:passage_start + len(passage)]`. `link` opens the original at the
    quote (a text fragment) or is None where the article has no address. `also_in` names other
    outlets that carry the same story, earliest first; `first_in` is the one of them that had it on
    an earlier day than all others, the cited one included, if there is one. Higher `score` is
    better. `version` counts from 1 the texts that the archive has held of the article.
    """

    n: int
    article_id: str
    title: str | None
    source: str | None
    published: str | None
    url: str | None
    link: str | None
    quote: str
    start: int
    end: int
    passage: str
    passage_start: int
    score: float
    also_in: tuple[str, ...] = ()
    first_in: str | None = None
    version: int = 1

    @property
    def quote_in_passage(self) -> Span:
        """Return the quote's offsets inside `passage`."""
        return Span(self.start - self.passage_start, self.end - self.passage_start)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that a cited article gives for what was asked: `text` is `article.text[start:end]`.

    `n` is the citation's number; `source` and `published` are the article's.
    """

    n: int
    text: str
    source: str | None
    published: str | None
    article_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked passage: rank counts from 1, `quote` holds the offsets of its best sentence.

    The offsets are those of the article's `version`.
    """

    rank: int
    article_id: str
    start: int
    end: int
    quote: Span
    score: float
    tokens: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What the archive says to a question.

    `text` is a verbatim quote, or None where nothing answers; `confidence` is the probability
    (0..1) that the first quote answers the question; `reason` says in one sentence why there is
    no answer. Citations come best first, one an article, and stay there as the nearest articles
    when `answered` is False. `figures` are the numbers that they give differently for what was
    asked; `supported_by` names other outlets that say the same in their own words. `hits` is the
    ranking of passages behind them.
    """

    question: str
    answered: bool
    text: str | None
    confidence: float
    reason: str | None
    citations: tuple[Citation, ...]
    query: Query
    figures: tuple[Figure, ...] = ()
    supported_by: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON types, with the names of the contract."""
        return {
            "question": self.question,
            "answered": self.answered,
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "reason": self.reason,
            "citations": [asdict(citation) for citation in self.citations],
            "figures": [asdict(figure) for figure in self.figures],
            "supported_by": list(self.supported_by),
            "understood": {
                "text": self.query.text,
                "sources": list(self.query.sources),
                "since": self.query.since,
                "until": self.query.until,
                "topic": list(self.query.topic),
                "notices": list(self.query.notices),
            },
        }


class Question(TypedDict, total=False):
    """A question with what belongs to it, for `Archive.ask_many`.

    `free` names what the question's own words must not limit: "sources", "dates"; or change:
    "topic", which is then what the turns before it were about.
    """

    question: str
    history: History
    sources: Sequence[str]
    since: str | None
    until: str | None
    asked: str | None
    free: Sequence[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a serving replica of a shared archive is.

    `generation` is that of its search indices, None before the first; `newest` the archive's, as
    far as is known. An archive that is not followed is always up to date.
    """

    follows: bool = False
    generation: int | None = None
    newest: int | None = None
    reachable: bool = True

    @property
    def status(self) -> Literal["ok", "behind", "starting", "unreachable"]:
        """Return it in a word; what is behind answers all the same."""
        if not self.follows:
            return "ok"
        if not self.reachable:
            return "unreachable"
        if self.generation is None:
            return "starting"
        return "ok" if self.generation == self.newest else "behind"

    def to_dict(self) -> dict[str, Any]:
        """Return the standing as plain JSON types."""
        if not self.follows:
            return {"status": self.status}
        return {"status": self.status, "generation": self.generation, "newest": self.newest}


@dataclass(frozen=True, slots=True)
class Status:
    """What an archive holds. `directory` is its folder or its address, without a password.

    `first` and `last` are dates of publication, `bytes` its size.

    `corrections` counts the earlier versions of articles that are kept, `corrected` is when the
    last of them was replaced (ISO 8601); `spare_vectors` counts vectors of passages that are gone,
    kept for their return. `searchable` is the generation of the search indices on this machine,
    None where there are none; they catch up when they are used.
    """

    directory: str
    articles: int
    passages: int
    sources: tuple[tuple[str, int], ...]
    first: str | None
    last: str | None
    model: str | None
    model_digest: str | None
    dimension: int | None
    generation: int
    bytes: int
    corrections: int = 0
    corrected: str | None = None
    spare_vectors: int = 0
    searchable: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the status as plain JSON types."""
        fields = asdict(self)
        fields["sources"] = [{"source": name, "articles": count} for name, count in self.sources]
        return fields
