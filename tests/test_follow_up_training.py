"""Conversations are made of gold questions, and teach which sentence of an article is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.records import Span
from qa.archive import Archive
from qa.confidence import _model
from qa.evaluation import follow_ups, ranker
from qa.evaluation.examples import FOLDS, Example
from qa.evaluation.follow_ups import (
    CONFIDENCE,
    IN_TALK,
    _fits,
    _fold_of,
    _narrowed,
    are_enough,
    train_follow_ups,
)
from qa.evaluation.gold import GoldQuestion, Relevant, read_gold
from qa.evaluation.parts import UNREAD_FIGURES, Report
from qa.evaluation.talks import talk_examples, talks, turns_of
from qa.features import describe
from qa.ranking import FOLLOW_UP, FOLLOW_UP_UNREAD, weighed
from qa.reading import COLUMNS
from qa.samples import SAMPLE_GOLD, open_samples
from tests.fakes import HashingEncoder, write_articles
from tests.questions import make_candidates, story, with_tokens

PRIZES = ("skiffs", "gigs", "rafts", "canoes", "punts")


def test_conversations_are_about_one_article(encoder: HashingEncoder) -> None:
    """What was said is asked and answered of the same article, and does not hold the answer."""
    gold = read_gold(SAMPLE_GOLD)
    by_id = {question.id: question for question in gold}
    asked = {question.question: question for question in gold}
    with open_samples(encoder=encoder) as archive:
        made = [*talks(archive, gold)]
        assert len(made) > len(gold) / 2
        lengths = set()
        for question in made:
            if by_id[question.id].history:
                assert question == by_id[question.id]
                continue
            lengths.add(len(question.history))
            assert replace(question, history=()) == by_id[question.id]
            said = question.history
            for (_, before), (_, reply) in zip(said[::2], said[1::2], strict=True):
                other = asked[before]
                assert other.id != question.id
                assert reply == turns_of(archive, other)[1][1]
                article = archive.article(other.relevant[0].article)
                assert reply in article.text
                if question.answerable:
                    assert other.relevant[0].article == question.relevant[0].article
            if question.answerable:
                answers = [answer.lower() for answer in question.answers]
                assert not any(answer in text.lower() for _, text in said for answer in answers)
        assert lengths == {2, 4}
        assert any(not question.answerable for question in made)
        assert made == [*talks(archive, gold)]


def test_only_what_leans_on_what_was_said_is_an_example(encoder: HashingEncoder) -> None:
    """A question with a topic of its own is searched alone, behind whatever it stands."""
    gold = [question for question in read_gold(SAMPLE_GOLD) if question.history]
    with open_samples(encoder=encoder) as archive:
        found = talk_examples("samples", archive, gold)
    assert 0 < len(found) <= len(gold)
    assert all(example.candidates.query.context for example in found)


def test_a_question_alone_makes_no_conversation(tmp_path: Path, encoder: HashingEncoder) -> None:
    """There is nothing that could have been said before it."""
    text = "The bridge closed on Friday."
    place = write_articles(tmp_path / "news.jsonl", [{"id": "s0", "text": text}])
    one = GoldQuestion("q", "When did it close?", True, (Relevant("s0", Span(21, 27)),))
    other = replace(one, id="p", question="What closed?", relevant=(Relevant("s0", Span(0, 10)),))
    with Archive.create(tmp_path / "archive", encoder=encoder) as archive:
        archive.add([place])
        assert [*talks(archive, [one])] == []
        assert [*talks(archive, [one, other])] == []  # the one sentence holds both answers


def example(number: int, *, context: bool = True) -> Example:
    """Return a question of a small article's prize, behind one about that article."""
    prize, town = PRIZES[number % len(PRIZES)], f"Town{number}"
    texts = [
        f"{name} rowed in the rain. Eastmarsh took the {prize}. Nobody fell in at {name}."
        for name in (town, "Staithe", "Ferrow")
    ]
    candidates = with_tokens(
        make_candidates(
            f"Who took the {prize}?",
            [story(f"s{n}", text, "Post", None) for n, text in enumerate(texts)],
        )
    )
    query = replace(candidates.query, context=((f"Who rowed at {town}?", 0.5),) if context else ())
    asked = replace(candidates.asked, tokens=None, alone=candidates.asked)
    candidates = replace(candidates, query=query, asked=asked)
    start = texts[0].index("Eastmarsh")
    gold = GoldQuestion(
        f"q{number}", query.text, True, (Relevant("s0", Span(start, start + 9)),), ("Eastmarsh",)
    )
    rows = describe(candidates)
    right = np.zeros(len(rows.passage))
    right[1] = 1
    return Example("mine", gold, f"article {number}", candidates, rows, right, None)


def test_sentences_are_learned_within_the_article() -> None:
    """What is left are the rows of the articles that answer, numbered anew."""
    one = example(0)
    kept = _narrowed(one)
    assert kept.rows.values.shape == (3, len(one.rows.names))
    assert kept.rows.passage.tolist() == [0, 0, 0]
    assert kept.rows.starts.tolist() == [0]
    assert kept.right.tolist() == [0, 1, 0]
    last = replace(one, gold=replace(one.gold, relevant=(Relevant("s1"), Relevant("s2"))))
    kept = _narrowed(last)
    assert kept.rows.passage.tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(kept.rows.article.tolist()) == [0, 1]
    assert kept.rows.starts.tolist() == [0, 3]
    assert np.array_equal(kept.rows.values, one.rows.values[3:])


def test_articles_are_ordered_by_single_questions_and_sentences_by_conversations() -> None:
    """The reader says nothing of articles; what conversations teach quotes them right."""
    single = [example(number, context=False) for number in range(30)]
    behind = [example(number) for number in range(30)]
    report = Report()
    found = train_follow_ups({"mine": single}, {"mine": behind}, _model(read=True), report)
    told = report.figures[IN_TALK.format("mine")]
    assert set(told) == {"cross-validated", UNREAD_FIGURES, CONFIDENCE}
    for system in ("cross-validated", UNREAD_FIGURES):  # the article is anybody's guess here
        found_first = told[system]["article.Success@1"]
        assert 0 < told[system]["quote.Success@1"] == found_first
    assert set(found) == {FOLLOW_UP, FOLLOW_UP_UNREAD}
    names = behind[0].rows.names
    assert found[FOLLOW_UP_UNREAD].names == names
    assert found[FOLLOW_UP].names == (*names, *COLUMNS)
    for weights in found.values():
        assert weights.values.shape == (4, len(weights.names))
        assert not weights.values[[1, 3]].any()  # nothing shifts
    assert not found[FOLLOW_UP].values[0, len(names) :].any()
    assert found[FOLLOW_UP].values[2, len(names) :].any()
    of_article = found[FOLLOW_UP_UNREAD].values[0]
    assert np.array_equal(of_article, found[FOLLOW_UP].values[0, : len(names)])
    assert weighed(behind[0].rows, found[FOLLOW_UP_UNREAD].values).quote(0) == (1, 2)


def test_no_fold_is_judged_by_what_it_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fit but the last leaves one fold out, and the last has all."""
    sets = {name: [example(number) for number in range(25)] for name in ("one", "other")}
    fold = {name: _fold_of(found) for name, found in sets.items()}
    seen: list[list[Example]] = []
    zeros = np.zeros((2, len(sets["one"][0].rows.names)))

    def noted(found: Iterable[Example], *_: object, shifts: bool) -> np.ndarray:
        assert not shifts
        seen.append([*found])
        return zeros

    for module in (ranker, follow_ups):
        monkeypatch.setattr(module, "fit", noted)
    _fits(sets, fold)
    assert len(seen) == FOLDS + 1
    for left_out, used in enumerate(seen[:-1]):
        assert {fold["one"][one.group] for one in used} == {*range(FOLDS)} - {left_out}
    assert len(seen[-1]) == 50


def test_conversations_of_a_few_articles_are_too_few() -> None:
    """They could all be in one fold; what holds no answer does not count."""
    found = [example(number) for number in range(FOLDS)]
    assert are_enough({"mine": found})
    assert not are_enough({"mine": [*found[1:], replace(found[0], right=np.zeros(9))]})
    assert not are_enough({"mine": [replace(one, group="article 0") for one in found]})
    assert not are_enough({})
