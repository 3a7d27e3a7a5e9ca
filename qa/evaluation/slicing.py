"""Sort questions into the parts of a run that are reported apart."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.records import Article
from qa.evaluation.gold import GoldQuestion
from qa.kinds import asked_kind

# Bounds in characters. A wire report has under 2,000, a usual story 2,000 to 5,000; behind 10,000
# lie reportages and live pages, where the answer has many passages to hide in.
LENGTHS = (
    (2_000, "under 2,000 characters"),
    (5_000, "2,000 to 5,000"),
    (10_000, "5,000 to 10,000"),
    (None, "over 10,000"),
)

UNKNOWN = "not given"


def slices_of(gold: GoldQuestion, article: Article | None) -> tuple[tuple[str, str], ...]:
    """Return (dimension, part) pairs; `article` is the first right one that the archive has."""
    return tuple(_slices(gold, article))


def _slices(gold: GoldQuestion, article: Article | None) -> Iterator[tuple[str, str]]:
    if gold.kind is not None:
        yield "kind", gold.kind
    yield "asks for", asked_kind(gold.question).value
    if gold.standalone is not None:
        yield "standalone", "yes" if gold.standalone else "no"
    yield "history", "yes" if gold.history else "no"
    if article is not None:
        yield "outlet", article.source or UNKNOWN
        yield "year", article.published[:4] if article.published else UNKNOWN
        yield "article length", length_of(article)


def length_of(article: Article) -> str:
    """Return the name of the class of length that an article's text falls into."""
    size = len(article.text)
    return next(name for bound, name in LENGTHS if bound is None or size < bound)
