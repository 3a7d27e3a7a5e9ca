"""Answers by the real model: outlets and dates of the samples, a correction, a page as it came."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from corpus.records import Span
from embeddings.encoder import Encoder
from qa.archive import Archive
from qa.evaluation.gold import GoldQuestion, read_gold
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD
from tests.archives import ROOT

SEED = ROOT.parent / "shared" / "bench" / "seed"


@pytest.fixture(scope="module")
def samples(model: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return an archive of the samples, with the real model."""
    with Archive.create(tmp_path_factory.mktemp("samples"), encoder=model) as archive:
        archive.add([SAMPLE_ARTICLES])
        yield archive


@pytest.fixture(scope="module")
def page(model: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return an archive of the one page."""
    with Archive.create(tmp_path_factory.mktemp("page"), encoder=model) as archive:
        archive.add([SEED])
        yield archive


def asked(kind: str) -> list[GoldQuestion]:
    found = [question for question in read_gold(SAMPLE_GOLD) if question.kind == kind]
    assert found
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "field"), [("outlet", "source"), ("date", "published")])
def test_a_question_that_names_one_is_answered_from_it(
    samples: Archive, kind: str, field: str
) -> None:
    """The first card of every such question is of the outlet, or the day, that gold has."""
    questions = asked(kind)
    answers = samples.ask_many([question.to_request() for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        wanted = {getattr(samples.article(item.article), field) for item in question.relevant}
        assert getattr(answer.citations[0], field) in wanted, question.question


@pytest.mark.slow
def test_the_page_offers_questions_that_show_what_it_can(samples: Archive) -> None:
    """What gold answers is answered by a right quote, the rest is declined."""
    chat = pytest.importorskip("qa.chat")
    gold = {question.question: question for question in read_gold(SAMPLE_GOLD)}
    for asked in chat.EXAMPLES:
        answer = samples.ask(asked)
        assert answer.answered == gold[asked].answerable, asked
        quote = Span(answer.citations[0].start, answer.citations[0].end)
        cited = answer.citations[0].article_id
        right = [entry for entry in gold[asked].relevant if entry.held_by(cited, quote)]
        assert bool(right) == answer.answered, asked


@pytest.mark.slow
def test_a_correction_is_quoted_with_what_it_corrects(samples: Archive) -> None:
    """The sentence that repeats the withdrawn claim does not stand alone."""
    answer = samples.ask("Who won the coxed skiffs at the Lantern Regatta?")
    assert "Eastmarsh Oars" in answer.citations[0].quote


@pytest.mark.bench
@pytest.mark.skipif(not SEED.is_dir(), reason="the page is not on this machine")
@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Where did the two ministers meet?", "on the sidelines of the G20 summit"),
        ("How long did the discussion in Delhi last?", "less than 10 minutes"),
        ("When did Blinken and Lavrov last meet before?", "in Geneva in January 2022"),
        ("Which American is detained in Russia?", "Paul Whelan, an American detained in Russia"),
    ],
)
def test_a_page_that_no_weights_have_seen(page: Archive, question: str, words: str) -> None:
    """Of one article as it was copied from the web, each question is answered by its sentence."""
    answer = page.ask(question)
    assert answer.answered
    assert words in answer.citations[0].quote


@pytest.mark.bench
@pytest.mark.skipif(not SEED.is_dir(), reason="the page is not on this machine")
def test_a_page_that_does_not_tell(page: Archive) -> None:
    """A question about something else gets no answer from it."""
    assert not page.ask("What is the capital of Peru?").answered


@pytest.mark.slow
def test_a_new_topic_is_not_answered_by_the_old_one(samples: Archive) -> None:
    """Nor is it told to be about it; what goes on still is."""
    first = "How much does the ferry cost?"
    said = samples.ask(first)
    history = [
        {"role": "user", "content": first},
        {"role": "assistant", "content": said.text or ""},
    ]
    other = samples.ask("When did the Titanic sink?", history=history)
    assert not other.answered
    assert not other.query.topic
    assert samples.ask("How long does the crossing take?", history=history).query.topic
