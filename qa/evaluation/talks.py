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

Turns = tuple[tuple[str, str], ...]


def turns_of(archive: Archive, question: GoldQuestion) -> Turns:
    """Return a question with the sentence that answers it, as two turns."""
    relevant = question.relevant[0]
    if relevant.span is None:
        return ("user", question.question), ("assistant", " ".join(question.answers))
    reply = _sentence_around(archive.article(relevant.article), relevant.span.start)
    return ("user", question.question), ("assistant", reply)


def _sentence_around(article: Article, place: int) -> str:
    start = max(article.text.rfind(mark, 0, place) for mark in (". ", "\n")) + 1
    end = article.text.find(". ", place)
    return article.text[start : end + 1 if end >= 0 else None].strip()[:REPLY]


def talks(
    archive: Archive, gold: Sequence[GoldQuestion], *, seed: int = 0
) -> Iterator[GoldQuestion]:
    """Yield the questions that go on from others: those of the set, and those that can be made.

    One that cannot be answered is taken for one to the article of the answerable one before it.
    None is made where what was said holds its answer already.
    """
    chance = random.Random(seed)  # noqa: S311 - which questions stand in front is no secret
    stories = [*_stories(gold)]
    asked: dict[str, list[GoldQuestion]] = {}
    for question, story in zip(gold, stories, strict=True):
        if question.answerable and question.relevant[0].span and not question.history:
            asked.setdefault(story, []).append(question)
    for question, story in zip(gold, stories, strict=True):
        if question.history:
            yield question
            continue
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


def _stories(gold: Sequence[GoldQuestion]) -> Iterator[str]:
    """Yield the id of the article that each question is about, "" where none is known."""
    story = ""
    for question in gold:
        if question.answerable and question.relevant:
            story = question.relevant[0].article
        yield story


def _is_answered(archive: Archive, question: GoldQuestion, turns: Turns) -> bool:
    """Tell whether what was said holds the answer."""
    span = question.relevant[0].span if question.answerable and question.relevant else None
    if span is None:
        return False
    answer = span.of(archive.article(question.relevant[0].article).text)
    return any(answer in text for _, text in turns)
