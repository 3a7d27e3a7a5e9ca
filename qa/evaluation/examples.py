"""Gold questions -> examples: what the ranker and the confidence learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from corpus.errors import UsageError
from corpus.records import Span
from embeddings.encoder import PassageVectors
from qa.archive import Archive
from qa.evaluation.gold import GoldQuestion
from qa.features import Rows, describe
from qa.records import Query
from qa.retrieval import Candidate, Candidates, retrieve
from qa.wording import Floats, Ints

FOLDS = 10
"""Parts of a set's articles, each judged by weights that were fitted on the others: nine tenths of
the questions, so that what is judged is near to what ships."""

RUN = 12
"""Unanswerable questions in a row that stay in one fold: neighbours ask about one article."""


@dataclass(frozen=True, slots=True)
class Example:
    """One gold question with the rows of its candidates, and of those left without its articles.

    `right` (sentences,) marks what holds an answer; `group` names its article, for folds.
    """

    set: str
    gold: GoldQuestion
    group: str
    candidates: Candidates
    rows: Rows
    right: Floats
    without: tuple[Candidates, Rows] | None

    @property
    def is_list(self) -> bool:
        """Tell whether the ranker can learn from it: an answer is among the rows."""
        return bool(self.right.any())


Sets = Mapping[str, Sequence[Example]]
"""Examples by the name of their set."""


def examples_of(name: str, archive: Archive, gold: Sequence[GoldQuestion]) -> Iterator[Example]:
    """Yield the examples of a set; a question without any candidate is left out."""
    kept: dict[int, PassageVectors] = {}
    for at in range(0, len(gold), 64):
        portion = gold[at : at + 64]
        for place, (question, found) in enumerate(
            zip(portion, _candidates(archive, portion), strict=True), start=at
        ):
            if found.found:
                yield _example(name, question, _shared(found, kept), place)


def _candidates(archive: Archive, gold: Sequence[GoldQuestion]) -> list[Candidates]:
    queries = [_query(archive, question) for question in gold]
    with archive.view() as view:
        return retrieve(view.store, view.indices, view.encoder, queries)


def _query(archive: Archive, gold: GoldQuestion) -> Query:
    """Return the query of a question; one that is refused as too vague is searched as it is."""
    try:
        return archive.understand([gold.to_request()])[0]
    except UsageError:
        return Query(gold.question, gold.question)


def _shared(candidates: Candidates, kept: dict[int, PassageVectors]) -> Candidates:
    """Let questions share the vectors of the passages that they have in common."""
    found = tuple(
        replace(item, vectors=kept.setdefault(item.stored.key, item.vectors))
        for item in candidates.found
    )
    return replace(candidates, found=found)


def unread_example(example: Example) -> Example:
    """Return an example as it is where no reader reads: more of its passages are looked at."""
    asked = replace(example.candidates.asked, tokens=None, alone=None)
    candidates = replace(example.candidates, asked=asked)
    return _looked_at(example.set, example.gold, candidates, example.group)


def _example(name: str, gold: GoldQuestion, candidates: Candidates, place: int) -> Example:
    group = min(articles_wanted(gold), default=f"unanswerable {place // RUN}")
    return _looked_at(name, gold, candidates, group)


def articles_wanted(gold: GoldQuestion) -> set[str]:
    """Return the ids of the articles that answer a question."""
    return {item.article for item in gold.relevant} if gold.answerable else set()


def _looked_at(name: str, gold: GoldQuestion, candidates: Candidates, group: str) -> Example:
    rows = _light(describe(candidates))
    close = [candidates.found[row] for row in rows.chosen]
    wanted = articles_wanted(gold)
    right = np.concatenate([_right(gold, item) for item in close])
    left = tuple(item for item in candidates.found if item.article.id not in wanted)
    without = None
    if left and len(left) < len(candidates.found):
        others = replace(candidates, found=left)
        without = (others, _light(describe(others)))
    return Example(
        set=name,
        gold=gold,
        group=group,
        candidates=candidates,
        rows=rows,
        right=right,
        without=without,
    )


def _light(rows: Rows) -> Rows:
    return replace(rows, values=rows.values.astype(np.float32))


def _right(gold: GoldQuestion, item: Candidate) -> Floats:
    """Mark the sentences that hold a part of a gold span, or an answer's words without one."""
    spans = [entry.span for entry in gold.relevant if entry.article == item.article.id]
    if not gold.answerable or not spans:
        return np.zeros(len(item.stored.sentences))
    known = [span for span in spans if span and item.stored.span.contains(span)]
    if any(spans):
        marks = [
            any(_touch(sentence, span) for span in known) for sentence in item.stored.sentences
        ]
    else:
        text = item.article.text
        answers = [answer.lower() for answer in gold.answers]
        marks = [
            any(answer in sentence.of(text).lower() for answer in answers)
            for sentence in item.stored.sentences
        ]
    return np.array(marks, dtype=np.float64)


def _touch(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def is_hit(gold: GoldQuestion, item: Candidate, span: Span) -> bool:
    """Tell whether a span of a candidate's article holds a whole gold span."""
    return gold.answerable and any(entry.held_by(item.article.id, span) for entry in gold.relevant)


def folds(examples: Sequence[Example]) -> Ints:
    """Return a fold (0..FOLDS - 1) an example: an article's questions stay together."""
    groups = sorted({example.group for example in examples})
    order = np.random.default_rng(0).permutation(len(groups))
    fold = {group: int(order[at]) % FOLDS for at, group in enumerate(groups)}
    return np.array([fold[example.group] for example in examples])
