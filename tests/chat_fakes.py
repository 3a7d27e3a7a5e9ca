"""A small archive for the tests of the chat: it answers from a table, without a model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from corpus.errors import UsageError
from corpus.records import Article
from qa.records import Answer, Citation, Figure, History, Query, Question, Standing

LEAST_WORDS = 2
LONGEST = 2_000

HOSTILE = (
    "<script>window.__pwned = 1</script>",
    "</script><script>window.__pwned = 1</script>",
    "<img src=x onerror='window.__pwned = 1'>",
    '"><img src=http://192.0.2.1/a.png onerror="window.__pwned=1">',
    "' onmouseover='window.__pwned=1' x='",
    "<svg/onload=window.__pwned=1>",
    "${window.__pwned = 1}",
    "`;window.__pwned=1;`",
    "{{constructor.constructor('window.__pwned=1')()}}",
    "{{{value}}} {{#each value}}{{this}}{{/each}}",
    "@children",
    "![x](http://192.0.2.1/x.png)",
    "[click](javascript:window.__pwned=1)",
    "$$\\href{javascript:window.__pwned=1}{x}$$",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "<form action=http://192.0.2.1><input name=q><button>Send</button></form>",
    "<iframe src=http://192.0.2.1 srcdoc='<script>parent.__pwned=1</script>'></iframe>",
    "<base href=http://192.0.2.1/>",
    "<meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "<a href='javascript:window.__pwned=1'>x</a>",
    "</blockquote></article></details></div><h1>Breaking</h1>",
    "<!-- ",
    "]]> &lt;b&gt; &#x3c;script&#x3e; &amp;",
    "<thinking>hidden</thinking>",
    "\u202eevil\u202d \u2066isolate \u200f\u200e",
    "W" * 10_000,
    "line\n\n\n\n\n" * 200,
    "a\u0300" * 3_000,
)
"""Texts that an article could hold to get code, requests or a broken page out of the chat."""

PASSAGE = (
    "The council voted on Tuesday evening.\n\n{quote} Councillor Holt had opposed the plan.\n"
    "Shopkeepers asked for compensation."
)


def make_citation(
    n: int = 1, quote: str = "The bridge will cost £14.2m.", **fields: object
) -> Citation:
    """Return a citation whose quote stands inside its passage."""
    passage = PASSAGE.format(quote=quote) if "{" not in quote else PASSAGE.replace("{quote}", quote)
    at = passage.index(quote)
    base = Citation(
        n=n,
        article_id=f"post-{n}",
        title=f"Council approves the bridge, part {n}",
        source="Harbour Post",
        published="2025-03-02",
        url="https://post.test/bridge",
        link="https://post.test/bridge#:~:text=The%20bridge",
        quote=quote,
        start=100 + at,
        end=100 + at + len(quote),
        passage=passage,
        passage_start=100,
        score=1.0 / n,
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def make_answer(
    *citations: Citation, question: str = "What will it cost?", **fields: object
) -> Answer:
    """Return an answer that quotes the first citation."""
    cited = citations or (make_citation(),)
    base = Answer(question, True, cited[0].quote, 0.93, None, cited, Query(question, question))
    return replace(base, **fields)  # type: ignore[arg-type]


def make_no_answer(*citations: Citation, question: str = "Who?", **fields: object) -> Answer:
    """Return a "not in these articles"."""
    query = Query(question, question)
    base = Answer(question, False, None, 0.1, "No sentence answers this.", citations, query)
    return replace(base, **fields)  # type: ignore[arg-type]


def make_hostile_answer(text: str, *, answered: bool = True) -> Answer:
    """Return an answer that holds a hostile text in every place that a text can be in."""
    cited = make_citation(
        quote=text,
        title=text,
        source=text,
        published=text,
        also_in=(text,),
        first_in=text,
        url=text,
        link=text,
    )
    figures = (Figure(1, text, text, text, text, 0, len(text)),)
    query = Query(text, text, sources=(text,), since=text, until=text, notices=(text,))
    if answered:
        return make_answer(cited, question=text, query=query, figures=figures, supported_by=(text,))
    return make_no_answer(cited, question=text, query=query, figures=figures, reason=text)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the fake archive says that it holds."""

    articles: int = 64
    sources: tuple[tuple[str, int], ...] = (("Harbour Post", 40), ("Radio Tern", 24))
    first: str | None = "2024-04-02"
    last: str | None = "2025-04-01"
    generation: int = 1

    def to_dict(self) -> dict[str, object]:
        """Return the holdings as JSON types, with all that a status has."""
        return {
            "directory": "/secret/place",
            "articles": self.articles,
            "passages": self.articles,
            "sources": [{"source": name, "articles": count} for name, count in self.sources],
            "first": self.first,
            "last": self.last,
            "model": "fake",
            "model_digest": "0",
            "dimension": 4,
            "generation": 1,
            "bytes": 1,
        }


@dataclass(slots=True)
class FakeArchive:
    """Answers from a table, else with one answer; remembers what it was asked after what."""

    is_samples: bool = True
    answers: dict[str, Answer] = field(default_factory=dict)
    holdings: Holdings = field(default_factory=Holdings)
    asked: list[tuple[str, list[dict[str, str]]]] = field(default_factory=list)
    limits: list[dict[str, object]] = field(default_factory=list)
    held: dict[str, Article] = field(default_factory=dict)
    home: Path = Path("/nonexistent/archive")
    gate: threading.Event | None = None

    def ask(self, question: str, *, history: History = (), **limits: object) -> Answer:
        """Answer from the table; UsageError for a question that is too long."""
        self.asked.append((question, [dict(turn) for turn in history]))
        self.limits.append(limits)
        if self.gate is not None:
            self.gate.wait(10)
        if len(question) > LONGEST:
            raise UsageError(f"the question is longer than {LONGEST} characters: shorten it")
        if question == "break":
            raise RuntimeError("a fault with <b>canary</b>")
        return self.answers.get(question) or make_answer(question=question)

    def standing(self) -> Standing:
        """Return that nothing is followed."""
        return Standing()

    def status(self) -> Holdings:
        """Return the holdings."""
        return self.holdings

    def ask_many(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question as `ask` does."""
        return [
            self.ask(**{k: v for k, v in entry.items() if v or k == "question"})
            for entry in questions
        ]

    def article(self, article_id: str, version: int | None = None) -> Article:
        """Return an article that the test put there."""
        return self.held[article_id]

    def has(self, article_id: str) -> bool:
        """Tell whether the test put it there."""
        return article_id in self.held

    def articles(self) -> Iterator[Article]:
        """Yield what the test put there."""
        yield from self.held.values()

    def remove(self, article_id: str) -> int:
        """Take one out."""
        return int(self.held.pop(article_id, None) is not None)

    def add(self, paths: object, **options: object) -> object:
        """Refuse: a fake has nothing to index with."""
        raise UsageError("a fake archive takes no files")
