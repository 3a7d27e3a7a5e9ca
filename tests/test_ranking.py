"""Passage and quote are chosen together; nothing is lost, and no order of candidates matters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Article
from qa.confidence import confidence
from qa.features import Rows, describe
from qa.first import CLOSE_UNREAD
from qa.ranking import (
    ALONE,
    DECIMALS,
    FOLLOW_UP,
    FOLLOW_UP_UNREAD,
    UNREAD,
    WITH_READER,
    Shares,
    behind_first,
    rank,
    softmax,
    stored_weights,
    weigh,
    weighed,
    weights_of,
)
from qa.reading import is_read
from qa.scene import SPECIFIC_BOUNDS
from tests.questions import make_candidates, story, with_tokens

BRIDGE = "The bridge closed on Friday. Boats may pass below it. Cars take the ferry."
REGATTA = "The regatta was rowed in rain. Eastmarsh won the skiffs. Nobody fell in."
QUESTION = "Who won the skiffs?"


def articles(*texts: str) -> list[Article]:
    return [story(f"s{n}", text, "Post", "2025-03-01") for n, text in enumerate(texts)]


def shares_of(*passages: list[float], withdrawn: tuple[int, ...] = ()) -> Shares:
    """Return passages of sentences that have these shares."""
    sizes = [len(passage) for passage in passages]
    flat = np.array([share for passage in passages for share in passage])
    marks = np.zeros(len(flat), dtype=bool)
    marks[list(withdrawn)] = True
    rows = Rows(
        names=(),
        values=np.zeros((len(flat), 0)),
        passage=np.repeat(np.arange(len(sizes)), sizes),
        starts=np.cumsum([0, *sizes[:-1]]),
        chosen=np.arange(len(sizes)),
        fused=np.zeros(len(sizes)),
        nearest=np.zeros(len(sizes), dtype=np.int64),
        article=np.arange(len(sizes)),
        withdrawn=marks,
        specific=0.0,
    )
    return Shares(rows, flat)


def test_the_sentence_that_says_it_comes_first() -> None:
    """Of two articles the one whose sentence holds the question's words, and that sentence."""
    best = rank(make_candidates(QUESTION, articles(BRIDGE, REGATTA)))[0]
    assert best.candidate.article.id == "s1"
    assert "Eastmarsh won the skiffs." in best.quote.of(REGATTA)


def test_no_candidate_is_lost_and_the_best_is_first() -> None:
    """More passages than are looked at closely: each comes back once, scores falling, at most 0."""
    texts = [f"{REGATTA} Boat {n} was last." for n in range(CLOSE_UNREAD + 7)]
    ranked = rank(make_candidates(QUESTION, articles(*texts)))
    assert sorted(item.candidate.stored.key for item in ranked) == list(range(CLOSE_UNREAD + 7))
    scores = [item.score for item in ranked]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] <= 0
    assert scores[CLOSE_UNREAD - 1] - scores[CLOSE_UNREAD] > 1


def test_equal_passages_keep_the_order_of_their_keys() -> None:
    """Copies of one text share a score; the smaller key stands first."""
    ranked = rank(make_candidates(QUESTION, articles(REGATTA, REGATTA, REGATTA)))
    assert [item.candidate.stored.key for item in ranked] == [0, 1, 2]


@given(st.permutations(range(4)))
def test_the_order_of_the_candidates_does_not_matter(order: list[int]) -> None:
    """Shuffled candidates give the same ranking, scores and quotes."""
    others = ("The skiffs were late. Rain won.", "Eastmarsh is a village. It has skiffs and a pub.")
    given_ = make_candidates(QUESTION, articles(BRIDGE, REGATTA, *others))
    shuffled = replace(given_, found=tuple(given_.found[at] for at in order))

    one, other = rank(given_), rank(shuffled)
    assert [(item.candidate.article.id, item.quote) for item in one] == [
        (item.candidate.article.id, item.quote) for item in other
    ]
    scores = [item.score for item in other]  # sums of the same numbers in another order
    assert [item.score for item in one] == pytest.approx(scores, abs=1e-5)


def test_nothing_to_rank() -> None:
    """Without candidates there is no ranking, and no error."""
    assert rank(make_candidates(QUESTION, [])) == []


def test_shares_add_up() -> None:
    """Sentences have all of it, and a passage what its sentences have."""
    shares = weigh(make_candidates(QUESTION, articles(BRIDGE, REGATTA)))
    assert shares.sentences.sum() == pytest.approx(1)
    assert shares.passages.tolist() == pytest.approx(
        [shares.sentences[:3].sum(), shares.sentences[3:].sum()]
    )


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=4))
def test_a_quote_is_one_sentence_or_two_neighbours(passages: list[list[float]]) -> None:
    """It never leaves its passage and holds the passage's best sentence or pair."""
    shares = shares_of(*passages)
    start = 0
    for place, passage in enumerate(passages):
        first, last = shares.quote(place)
        assert start <= first < last <= start + len(passage)
        assert last - first <= 2
        quoted = sum(passage[first - start : last - start])
        pairs = [a + b for a, b in pairwise(passage)] or passage
        assert quoted >= ALONE * max(pairs) - 1e-12
        start += len(passage)


@pytest.mark.parametrize(
    ("passage", "quote"),
    [
        ([0.1, 0.8, 0.1], (1, 2)),  # .8 of .9: alone
        ([0.2, 0.4, 0.3], (1, 3)),  # .4 of .7: both
        ([0.5], (0, 1)),
        ([0.84, 0.16], (0, 2)),
        ([0.85, 0.15], (0, 1)),
    ],
)
def test_two_sentences_where_neither_is_enough(
    passage: list[float], quote: tuple[int, int]
) -> None:
    """The better of the best pair stands alone from 85 of 100 of what both have."""
    assert shares_of(passage).quote(0) == quote


def test_what_is_taken_back_is_not_quoted_alone() -> None:
    """A sentence that the next one corrects brings the correction with it, also as a second."""
    assert shares_of([0.9, 0.05, 0.05], withdrawn=(0,)).quote(0) == (0, 2)
    assert shares_of([0.4, 0.4, 0.2], withdrawn=(1,)).quote(0) == (1, 3)
    text = (
        "We print corrections each week. Our report said that the skiffs were won by Staithe."
        " In fact the race was won by Eastmarsh. Nobody fell in."
    )
    quote = rank(make_candidates("Who won the skiffs?", articles(text)))[0].quote.of(text)
    assert "Eastmarsh" in quote


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=20), st.floats(-100, 100))
def test_softmax(scores: list[float], shift: float) -> None:
    """It adds up to 1 for any scores, and only their differences count."""
    values = np.array(scores)
    shares = softmax(values)
    assert shares.sum() == pytest.approx(1)
    assert softmax(values + shift) == pytest.approx(shares)


@given(
    st.lists(st.tuples(st.floats(-600, 0), st.floats(-5, 5)), min_size=1, max_size=20),
)
def test_behind_the_first_of_a_follow_up(passages: list[tuple[float, float]]) -> None:
    """The first keeps place and share; the others stay below it and sum to what it leaves."""
    scores, fused = (np.array(column) for column in zip(*passages, strict=True))
    shares = np.log(softmax(scores))
    found = behind_first(shares, fused)
    first = int(np.argmax(shares))
    assert found[first] == shares[first]
    assert np.round(np.delete(found, first), DECIMALS).max(initial=-np.inf) < np.round(
        found[first], DECIMALS
    )
    assert np.exp(found).sum() <= 1 + 1e-9


def test_the_retrievers_order_what_stands_behind_the_first_of_a_follow_up() -> None:
    """Of two passages that answer as well, the one that they found better; of equals, as before."""
    shares = np.log([0.7, 0.1, 0.1, 0.06, 0.04])
    found = behind_first(shares, np.array([-3.0, 0.0, 0.2, 1.0, 0.0]))
    assert np.argsort(-found).tolist() == [0, 3, 2, 1, 4]
    assert np.exp(found).sum() == pytest.approx(1)
    assert behind_first(shares, np.zeros(5)) == pytest.approx(shares)


def test_only_a_follow_up_is_ordered_so() -> None:
    """A question without a conversation ranks as its shares say."""
    plain = make_candidates(QUESTION, articles(BRIDGE, REGATTA, f"{BRIDGE} {REGATTA}"))
    behind = replace(plain, query=replace(plain.query, context=((BRIDGE, 0.5),)))
    for candidates, same in ((plain, True), (behind, False)):
        shares = np.log(weigh(candidates).passages)
        scores = {item.candidate.stored.key: item.score for item in rank(candidates)}
        kept = [scores[key] for key in range(3)] == pytest.approx(shares, abs=1e-5)
        assert kept is same


def test_a_specific_question_weighs_what_a_vague_one_does_not() -> None:
    """The second weights count for each unit by which a question is more specific than usual."""
    rows = replace(shares_of([0.5, 0.5]).rows, names=("x", "y"), values=np.eye(2))
    weights = np.array([[1.0, 0.0], [-2.0, 1.0]])
    for specific, apart in ((0.0, 1.0), (1.0, -2.0), (-1.0, 4.0)):
        shares = weighed(replace(rows, specific=specific), weights).sentences
        assert np.log(shares[0] / shares[1]) == pytest.approx(apart)


@given(
    st.lists(
        st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), min_size=1, max_size=4),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_one_pair_of_weights_orders_articles_and_one_their_sentences(
    passages: list[list[tuple[float, float]]], data: st.DataObject
) -> None:
    """The best passages of articles keep their ratios; within one only the second pair counts."""
    number = data.draw(st.integers(1, len(passages)))
    article = np.array([at % number for at in range(len(passages))])
    values = np.array([pair for passage in passages for pair in passage])
    rows = shares_of(*([0.0] * len(passage) for passage in passages)).rows
    rows = replace(rows, names=("x", "y"), values=values, article=article)
    first, second = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 0.0]])
    whole, apart = weighed(rows, first), weighed(rows, np.concatenate([first, second]))
    assert apart.sentences.sum() == pytest.approx(1)
    before, after = (best_of(article, shares.passages) for shares in (whole, apart))
    assert after / after.sum() == pytest.approx(before / before.sum())
    for one in range(number):
        mine = (article == one)[rows.passage]
        within = apart.sentences[mine] / apart.sentences[mine].sum()
        assert within == pytest.approx(softmax(values[mine, 1]))


def best_of(article: np.ndarray, passages: np.ndarray) -> np.ndarray:
    return np.array([passages[article == one].max() for one in range(article.max() + 1)])


def test_a_follow_up_is_read_by_its_own_words() -> None:
    """What was said before has no part in it; without tokens of its own nothing is read."""
    plain = with_tokens(make_candidates(QUESTION, articles(BRIDGE, REGATTA)))
    query = replace(plain.query, context=((BRIDGE, 0.5),))
    asked = replace(plain.asked, tokens=None, alone=plain.asked)
    behind = replace(plain, query=query, asked=asked)
    unread = replace(behind, asked=replace(asked, alone=None))
    for candidates, which in ((behind, FOLLOW_UP), (unread, FOLLOW_UP_UNREAD)):
        found = weigh(candidates)
        assert is_read(found.rows) == (which == FOLLOW_UP)
        own = weighed(found.rows, weights_of(which, found.rows.names))
        assert found.sentences.tolist() == own.sentences.tolist()
        ranked = rank(candidates, found)
        assert ranked[0].candidate.stored.key == int(np.argmax(found.passages))
        assert 0 < confidence(candidates, ranked, found) < 1


def test_how_specific_a_question_is() -> None:
    """Rarer and more words make it more so, within bounds."""
    texts = articles(BRIDGE, REGATTA)
    questions = ("Who won?", "Who won the skiffs?", "Who won the skiffs in the Eastmarsh regatta?")
    found = [describe(make_candidates(question, texts)).specific for question in questions]
    assert found == sorted(set(found))
    assert all(SPECIFIC_BOUNDS[0] <= value <= SPECIFIC_BOUNDS[1] for value in found)
    long = " ".join(f"w{n}ord" for n in range(200))
    assert describe(make_candidates(long, texts)).specific == SPECIFIC_BOUNDS[1]


def test_the_weights_name_the_features_and_nothing_else() -> None:
    """A feature that is renamed or dropped must not leave its weight behind, nor go without one."""
    stored = stored_weights()
    candidates = make_candidates(QUESTION, articles(BRIDGE))
    assert set(stored[UNREAD]) == set(stored[FOLLOW_UP_UNREAD]) == set(describe(candidates).names)
    read = set(weigh(with_tokens(candidates)).rows.names)
    assert set(stored[WITH_READER]) == set(stored[FOLLOW_UP]) == read
    for which in (FOLLOW_UP, FOLLOW_UP_UNREAD):
        assert not any(added[1] or added[3] for added in stored[which].values())
