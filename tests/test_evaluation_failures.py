"""Every kind of failure, brought about in a small archive by its own cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import UsageError
from corpus.records import Article, Span, whole
from qa import Archive
from qa.evaluation import GoldQuestion, Relevant, evaluate
from qa.evaluation.diagnosis import EXCERPT, Case, diagnose, excerpt
from qa.evaluation.failure import ADVICE, MEANING, STAGES, Failure, FailureKind
from qa.evaluation.inside import Inside, Place
from qa.evaluation.judging import judge
from qa.records import Answer, Citation, Hit, Query
from tests.fakes import HashingEncoder, write_articles

TEXT = (
    "The river rose on Monday. Nine houses were flooded in Eastmarsh. The mayor opened a school."
    " Ten sheep drowned."
)
NINE = Span(26, 30)
FIRST = Span(0, 25)
OTHER = "A fire broke out in the harbour. Nine houses were flooded in Eastmarsh by the hoses."
ARTICLES = {"flood": TEXT, "fire": OTHER, "match": "The home team won the match by three goals."}
WHOLE = Place(
    (Span(0, 64), Span(65, len(TEXT))), (Span(0, 64), Span(65, len(TEXT))),
    frozenset({Span(0, 64)}), frozenset({Span(0, 64)}),
)  # fmt: skip


class Shelf:
    """Hands out articles; `kept` replaces which part of the flood's text is the article."""

    def __init__(self, kept: tuple[Span, ...] | None = None) -> None:
        self.kept = kept

    def article(self, article_id: str) -> Article:
        text = ARTICLES.get(article_id)
        if text is None:
            raise UsageError(article_id)
        kept = self.kept if self.kept is not None else whole(text)
        return Article(article_id, text, title=f"On {article_id}", kept=kept)


def answered(
    *ranked: tuple[str, Span], quote: Span = FIRST, confidence: float = 0.8, **fields: Any
) -> Answer:
    """Return an answer whose passages rank so; the first one's `quote` is given."""
    hits = tuple(
        Hit(rank, name, span.start, span.end, span, 1 / rank, 10)
        for rank, (name, span) in enumerate(ranked, start=1)
    )
    citations = ()
    if hits:
        text = ARTICLES[hits[0].article_id]
        passage = text[hits[0].start : hits[0].end]
        citations = (
            Citation(1, hits[0].article_id, None, None, None, None, None, quote.of(text),
                     quote.start, quote.end, passage, hits[0].start, 1.0),
        )  # fmt: skip
    query = Query("How many houses were flooded?", "How many houses were flooded?")
    values: dict[str, Any] = {
        "question": query.question, "answered": bool(hits), "text": None, "confidence": confidence,
        "reason": None, "citations": citations, "query": query, "hits": hits,
    }  # fmt: skip
    return Answer(**(values | fields))


GOLD = GoldQuestion(
    "q", "How many houses were flooded?", True, (Relevant("flood", NINE),), ("Nine",)
)


def kind_of(
    answer: Answer,
    gold: GoldQuestion = GOLD,
    place: Place | None = WHOLE,
    kept: tuple[Span, ...] | None = None,
) -> Failure:
    """Return the failure of an answer to `gold`, the flood's passages being at `place`."""
    places = None if place is None else {"flood": place}
    return diagnose(Case(gold, answer, judge(gold, answer), Shelf(kept), places))


RIGHT_PASSAGE = ("flood", Span(0, 64))
LATER = ("flood", Span(65, len(TEXT)))
MATCH = ("match", Span(0, 44))
FIRE = ("fire", Span(0, len(OTHER)))


def test_an_article_that_is_not_there() -> None:
    """Gold names an article that the archive lacks."""
    gold = replace(GOLD, relevant=(Relevant("gone", NINE),))
    assert kind_of(answered(MATCH), gold).kind is FailureKind.NOT_INDEXED


def test_an_answer_that_was_cleaned_away() -> None:
    """The answer lies between the kept spans, or nothing was kept at all."""
    kept = (Span(0, 25), Span(65, len(TEXT)))
    assert kind_of(answered(MATCH), kept=kept).kind is FailureKind.CLEANED_AWAY
    empty = Place((), (), frozenset(), frozenset())
    assert kind_of(answered(MATCH), place=empty).kind is FailureKind.CLEANED_AWAY


def test_an_answer_that_no_passage_holds_whole() -> None:
    """Two passages share the gold span."""
    gold = replace(GOLD, relevant=(Relevant("flood", Span(50, 80)),), answers=())
    found = kind_of(answered(MATCH), gold)
    assert found.kind is FailureKind.SPLIT
    assert found.detail == "2 passages share it"


def test_an_answer_outside_the_dates_that_were_understood() -> None:
    """The passage is there, but the question's limits do not let it in."""
    place = replace(WHOLE, reachable=())
    assert kind_of(answered(MATCH), place=place).kind is FailureKind.FILTERED_OUT


def test_an_answer_that_no_retriever_found() -> None:
    """Neither FAISS nor BM25 has a passage with it; that one of them lacks it is noted."""
    place = replace(WHOLE, faiss=frozenset({LATER[1]}), bm25=frozenset())
    found = kind_of(answered(MATCH, LATER), place=place)
    assert found.kind is FailureKind.NOT_CANDIDATE
    assert found.missed_by == ("FAISS", "BM25")
    half = kind_of(answered(MATCH, RIGHT_PASSAGE), place=replace(WHOLE, bm25=frozenset()))
    assert half.missed_by == ("BM25",)


def test_a_passage_that_was_ranked_too_low() -> None:
    """At rank 6, or among the candidates but not among the ranked that are kept."""
    six = answered(MATCH, FIRE, LATER, MATCH, FIRE, RIGHT_PASSAGE)
    assert (kind_of(six).kind, kind_of(six).detail) == (FailureKind.RANKED_BELOW, "at rank 6")
    lost = kind_of(answered(MATCH))
    assert (lost.kind, lost.detail) == (FailureKind.RANKED_BELOW, "below rank 1")


def test_a_passage_that_was_shown_but_not_first() -> None:
    """At rank 2 to 5, another passage gave the quote; both stand side by side."""
    found = kind_of(answered(MATCH, RIGHT_PASSAGE))
    assert found.kind is FailureKind.OUTRANKED
    assert found.wanted is not None
    assert found.wanted.parts[1] == "Nine"
    assert found.instead is not None
    assert found.instead.parts[1] == ARTICLES["match"][:25]


def test_a_wrong_sentence_of_the_right_passage() -> None:
    """The first passage holds the answer, the quote does not."""
    assert kind_of(answered(RIGHT_PASSAGE)).kind is FailureKind.WRONG_SENTENCE


def test_a_right_quote_that_was_not_given() -> None:
    """The quote holds the answer and was withheld."""
    held = answered(RIGHT_PASSAGE, quote=Span(26, 64), answered=False, confidence=0.2)
    found = kind_of(held)
    assert (found.kind, found.detail) == (FailureKind.WRONGLY_ABSTAINED, "confidence 0.20")


def test_an_answer_where_there_is_none() -> None:
    """Nothing answers, and something was said."""
    gold = GoldQuestion("q", "Who won?", answerable=False)
    assert kind_of(answered(MATCH), gold).kind is FailureKind.WRONGLY_ANSWERED


class TestGoldItselfDoubtful:
    """The quote holds gold's answer at another place, or gold cannot be met."""

    def test_the_same_words_in_another_story_on_the_question(self) -> None:
        """The fire's article says the same: gold lacks it."""
        found = kind_of(answered(FIRE, RIGHT_PASSAGE, quote=Span(33, len(OTHER))))
        assert found.kind is FailureKind.GOLD_DOUBTFUL
        assert "Nine" in found.detail
        assert "shown, but not first" in found.detail

    def test_the_same_word_in_a_story_on_something_else_is_none(self) -> None:
        """The word "three" in a match report does not answer how many houses were flooded."""
        gold = replace(GOLD, answers=("three",))
        found = kind_of(answered(MATCH, RIGHT_PASSAGE, quote=Span(0, 44)), gold)
        assert found.kind is FailureKind.OUTRANKED

    def test_without_answers_the_gold_span_tells(self) -> None:
        """Gold that gives only places is compared by what stands there."""
        gold = replace(GOLD, answers=())
        found = kind_of(answered(FIRE, RIGHT_PASSAGE, quote=Span(33, len(OTHER))), gold)
        assert found.kind is FailureKind.GOLD_DOUBTFUL

    def test_a_span_outside_the_text_and_no_article_at_all(self) -> None:
        """Gold of another version of the text, and gold that names nothing."""
        outside = replace(GOLD, relevant=(Relevant("flood", Span(5, 1000)),))
        assert kind_of(answered(MATCH), outside).kind is FailureKind.GOLD_DOUBTFUL
        nothing = replace(GOLD, relevant=())
        assert kind_of(answered(MATCH), nothing).kind is FailureKind.GOLD_DOUBTFUL

    def test_an_unanswerable_question_that_is_answered_after_all(self) -> None:
        """Gold has an answer, calls it unanswerable, and the quote holds it."""
        gold = GoldQuestion(
            "q", "How many houses were flooded in Eastmarsh?", False, answers=("Nine houses",)
        )
        found = kind_of(answered(FIRE, quote=Span(33, len(OTHER))), gold)
        assert found.kind is FailureKind.GOLD_DOUBTFUL


def test_of_several_right_articles_the_one_that_came_farthest_tells() -> None:
    """One that is missing does not matter where another was shown."""
    gold = replace(GOLD, relevant=(Relevant("gone"), Relevant("flood", NINE)))
    assert kind_of(answered(MATCH, RIGHT_PASSAGE), gold).kind is FailureKind.OUTRANKED


def test_each_kind_has_a_meaning_and_something_to_try() -> None:
    """No kind is left without words."""
    assert set(MEANING) == set(ADVICE) == set(FailureKind) == set(STAGES)


@given(st.data())
def test_an_excerpt_holds_its_mark(data: st.DataObject) -> None:
    """Whatever is cut, the marked part stands where the offsets say, and lies in the passage."""
    text = data.draw(st.text(alphabet="ab \n", min_size=1, max_size=1500))
    bounds = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=4, max_size=4)))
    passage, mark = Span(bounds[0], bounds[3]), Span(bounds[1], bounds[2])
    got = excerpt(Article("a", text), passage, mark)
    assert got.parts[1] == mark.of(text)[:EXCERPT]
    assert got.text in passage.of(text)
    assert len(got.text) <= EXCERPT + 1


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Return an archive of three articles of two outlets and years."""
    records = [
        {"id": name, "text": text, "source": "Post" if name == "flood" else "Echo",
         "published": "2024-05-01" if name == "flood" else "2025-05-01"}
        for name, text in ARTICLES.items()
    ]  # fmt: skip
    path = write_articles(tmp_path / "articles.jsonl", records)
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as made:
        made.add([path])
        yield made


def gold_of(*questions: tuple[str, str, Sequence[Relevant]]) -> list[GoldQuestion]:
    return [GoldQuestion(name, text, bool(found), tuple(found)) for name, text, found in questions]


def test_a_run_over_a_real_archive_explains_every_miss(archive: Archive) -> None:
    """Each miss has one kind, what is right has none, and the kinds add up to the misses."""
    gold = gold_of(
        ("found", "How many houses were flooded in Eastmarsh?", [Relevant("flood", NINE)]),
        ("year", "What happened in Eastmarsh in 2025?", [Relevant("flood", NINE)]),
        ("gone", "Who won the match?", [Relevant("nowhere")]),
        ("vague", "What did she say?", [Relevant("flood", NINE)]),
        ("none", "Who won the match?", []),
    )
    result = evaluate(archive, gold, insight=Inside(archive))
    rows = {row.id: row for row in result.rows}
    assert all((row.failure is not None) == row.is_miss for row in result.rows)
    assert sum(result.failures.values()) == result.to_dict()["misses"] > 0
    kinds = {name: row.failure.kind for name, row in rows.items() if row.failure}
    assert kinds["gone"] is FailureKind.NOT_INDEXED
    assert kinds["year"] is FailureKind.FILTERED_OUT
    assert kinds["vague"] is FailureKind.REFUSED


def test_slices_say_where_it_goes_wrong(archive: Archive) -> None:
    """Outlet and year come from the right article; parts of one dimension add up."""
    gold = gold_of(
        ("a", "How many houses were flooded?", [Relevant("flood")]),
        ("b", "Who won the match?", [Relevant("match")]),
    )
    slices = evaluate(archive, gold).slices
    assert {part: found["questions"] for part, found in slices["outlet"].items()} == {
        "Echo": 1, "Post": 1,
    }  # fmt: skip
    assert set(slices["year"]) == {"2024", "2025"}
    assert "history" not in slices  # all questions are alike in it
