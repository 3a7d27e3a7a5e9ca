"""Gold questions -> conversations: a question behind others to its article, with their answers.

Gold sets ask several questions of an article, so one of them can stand for what was asked before
another. From these the weights of follow-ups learn which sentence of an article is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from corpus.records import Article
from qa.archive import Archive
from qa.evaluation.examples import Example, examples_of
from qa.evaluation.gold import GoldQuestion

BEFORE = (1, 1, 2)
"""Questions that stand before one, drawn from these."""

REPLY = 400
"""Characters of a sentence that stands for an answer in a made conversation."""

ENDS = (". ", "\n")
"""What ends a sentence of these."""

Turns = tuple[tuple[str, str], ...]


def turns_of(archive: Archive, question: GoldQuestion) -> Turns:
    """Return a question with the sentence that answers it, as two turns."""
    relevant = question.relevant[0]
    if relevant.span is None:
        return ("user", question.question), ("assistant", " ".join(question.answers))
    reply = _sentence_around(archive.article(relevant.article), relevant.span.start)
    return ("user", question.question), ("assistant", reply)


def _sentence_around(article: Article, place: int) -> str:
    """Return the sentence at a place, as far as full stops and line ends tell."""
    text = article.text
    start = max(text.rfind(mark, 0, place) for mark in ENDS) + 1
    ends = [end + 1 for mark in ENDS if (end := text.find(mark, place)) >= 0]
    return text[start : min(ends, default=len(text))].strip()[:REPLY]


def talks(
    archive: Archive, gold: Sequence[GoldQuestion], *, seed: int = 0
) -> Iterator[GoldQuestion]:
    """Yield the questions that go on from others: those of the set, and those that can be made.

    One that cannot be answered stands behind those to some article: gold does not tell which it is
    about. None is made where what was said holds its answer already.
    """
    chance = random.Random(seed)  # noqa: S311 - which questions stand in front is no secret
    asked: dict[str, list[GoldQuestion]] = {}
    for question in gold:
        if question.answerable and question.relevant[0].span and not question.history:
            asked.setdefault(question.relevant[0].article, []).append(question)
    for question in gold:
        if question.history:
            yield question
            continue
        mine = question.relevant[0].article if question.answerable else None
        story = mine or chance.choice([*asked, ""])
        others = [o for o in asked.get(story, ()) if o.question != question.question]
        count = min(chance.choice(BEFORE), len(others))
        chosen = chance.sample(others, count)
        turns = tuple(turn for other in chosen for turn in turns_of(archive, other))
        if turns and not _is_answered(archive, question, turns):
            yield replace(question, history=turns)


def talk_examples(name: str, archive: Archive, gold: Sequence[GoldQuestion]) -> list[Example]:
    """Return the examples of the questions that are taken to lean on what was said before them."""
    found = examples_of(name, archive, [*talks(archive, gold)])
    return [example for example in found if example.candidates.query.context]


def _is_answered(archive: Archive, question: GoldQuestion, turns: Turns) -> bool:
    """Tell whether what was said holds the words of an answer."""
    if not question.answerable:
        return False
    spans = [(item.span, item.article) for item in question.relevant]
    marked = [span.of(archive.article(article).text) for span, article in spans if span]
    said = "\n".join(text for _, text in turns).lower()
    return any(answer.lower() in said for answer in (*marked, *question.answers))
