"""Citations: one a story, whatever copies there are, each slicing back to its article."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Article, Span
from qa.answer import build_answer, cite, link_to, no_articles
from qa.figures import Comparison
from qa.records import Query
from tests.fakes import make_article
from tests.pace import within
from tests.questions import make_ranking, story

WIRE = (
    "Pilcher's cannery will close in May with the loss of 140 jobs, its owner said on Wednesday."
    " The firm blamed falling catches and the price of tin. Unions called for talks."
    " The site has been a cannery since 1911 and once employed 900 people in three shifts."
)
TRUE = (
    "Workers wept outside the gates on Wednesday as news spread that the cannery is to shut."
    " Some 140 people will be out of work by May. One had packed fish there for forty years."
)
QUERY = Query("When does the cannery close?", "When does the cannery close?")


def planted(count: int) -> list[Article]:
    """Return near-duplicates of one story, each with a word of its own here and there."""
    return [
        story(
            f"copy-{n}", WIRE.replace("firm", f"firm{n}"), f"Site {n}", f"2025-02-{n % 20 + 1:02}"
        )
        for n in range(count)
    ]


def test_ten_planted_copies_are_one_card() -> None:
    """Near-duplicates that rank before the one true article do not push it out of sight."""
    articles = [*planted(10), story("true", TRUE, "Gazette", "2025-02-26")]
    cards = cite(make_ranking(articles), 2)
    assert [card.article_id for card in cards] == ["copy-0", "true"]
    assert len(cards[0].also_in) == 9


def test_more_copies_than_are_always_compared_hide_nothing() -> None:
    """Sixty copies are still one card, and what ranks below them is seen."""
    articles = [*planted(60), story("true", TRUE, "Gazette", "2025-02-26")]
    assert [card.article_id for card in cite(make_ranking(articles), 5)] == ["copy-0", "true"]


def test_the_card_is_the_best_ranked_copy_and_names_the_others_earliest_first() -> None:
    """The order of `also_in` is that of days, then ids; no outlet is named twice."""
    articles = [
        story("b", WIRE, "Radio", "2025-02-27"),
        story("c", WIRE, "Weekly", "2025-03-01"),
        story("a", WIRE, "Gazette", "2025-02-26"),
        story("d", WIRE, "Gazette", "2025-03-02"),
        story("e", WIRE, "Undated", None),
    ]
    (card,) = cite(make_ranking(articles), 5)
    assert (card.article_id, card.source) == ("b", "Radio")
    assert card.also_in == ("Gazette", "Weekly", "Undated")


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (("2025-02-27", "2025-02-26"), "Gazette"),
        (("2025-02-26", "2025-02-27"), None),
        (("2025-02-26", "2025-02-26"), None),
        ((None, "2025-02-26"), None),
        (("2025-02-26", None), None),
    ],
)
def test_who_had_it_first(days: tuple[str | None, str | None], first: str | None) -> None:
    """An outlet had a story first where every copy has a day and it alone the earliest."""
    articles = [story("a", WIRE, "Radio", days[0]), story("b", WIRE, "Gazette", days[1])]
    (card,) = cite(make_ranking(articles), 5)
    assert card.first_in == first


def test_two_that_had_it_on_one_day_were_not_first() -> None:
    """Days cannot tell which of two outlets was first."""
    days = {"Radio": "2025-02-27", "Gazette": "2025-02-26", "Weekly": "2025-02-26"}
    articles = [story(source, WIRE, source, day) for source, day in days.items()]
    (card,) = cite(make_ranking(articles), 5)
    assert (card.source, card.also_in, card.first_in) == ("Radio", ("Gazette", "Weekly"), None)


def test_grouping_costs_little() -> None:
    """Twenty articles take under 2 ms when their words are known; generous for a busy machine."""
    ranking = make_ranking(
        [*planted(10), *(story(f"s{n}", TRUE * 8, "P", None) for n in range(10))]
    )
    cite(ranking, 5)
    with within(5 * 0.02):
        for _ in range(5):
            cite(ranking, 5)


@given(st.integers(0, 8), st.integers(1, 6))
def test_citations_are_numbered_and_slice_back(count: int, k: int) -> None:
    """At most k, numbered from 1, quote and passage word for word from the article."""
    articles = [
        story(f"s{n}", f"Case {n} opened word{n} place{n}. It went on.", "P", None)
        for n in range(count)
    ]
    cards = cite(make_ranking(articles), k)
    assert [card.n for card in cards] == list(range(1, min(count, k) + 1))
    for card, article in zip(cards, articles, strict=False):
        assert article.text[card.start : card.end] == card.quote
        assert card.quote_in_passage.of(card.passage) == card.quote
        assert article.text[card.passage_start :].startswith(card.passage)


def test_an_answer_is_its_first_quote_unless_there_is_a_reason() -> None:
    """A reason makes it no answer, which nobody supports; the citations stay as the nearest."""
    compared = Comparison((), ("Radio",))
    ranking = make_ranking([story("a", TRUE, "Gazette", "2025-02-26")])
    cards = cite(ranking, 5)
    given_ = build_answer(QUERY, ranking, cards, confidence=0.8, reason=None, compared=compared)
    assert (given_.answered, given_.text, given_.reason) == (True, cards[0].quote, None)
    withheld = build_answer(QUERY, ranking, cards, confidence=0.1, reason="Why.", compared=compared)
    assert (withheld.answered, withheld.text, withheld.reason) == (False, None, "Why.")
    assert withheld.citations == cards
    assert (given_.supported_by, withheld.supported_by) == (("Radio",), ())
    assert [hit.rank for hit in withheld.hits] == [1]


def test_an_archive_without_articles_says_so() -> None:
    """No article is no error."""
    answer = no_articles(QUERY)
    assert not answer.answered
    assert answer.reason == "The archive holds no articles yet."
    assert answer.to_dict()["figures"] == answer.to_dict()["supported_by"] == []


# Links


def linked(text: str, quote: str, **fields: object) -> str | None:
    article = make_article("a", text, **fields)
    at = text.index(quote)
    return link_to(article, Span(at, at + len(quote)))


def test_a_short_quote_is_named_whole_and_a_long_one_by_its_ends() -> None:
    """Text fragments as WICG has them: "-", "&" and "," are encoded, an old fragment goes."""
    url = "https://a.example/x#top"
    assert linked("It is a well-known, odd case.", "well-known, odd", url=url) == (
        "https://a.example/x#:~:text=well%2Dknown%2C%20odd"
    )
    words = " ".join(f"w{n}" for n in range(20))
    assert linked(words, words, url=url) == (
        "https://a.example/x#:~:text=w0%20w1%20w2%20w3%20w4%20w5,w14%20w15%20w16%20w17%20w18%20w19"
    )


def test_without_an_address_a_file_is_linked_and_nothing_else() -> None:
    """The file it was read from, if its path is whole; never another scheme."""
    assert linked("It is.", "It is.", path="/news/a.txt") == "file:///news/a.txt#:~:text=It%20is."
    assert linked("It is.", "It is.", path="news/a.txt") is None
    assert linked("It is.", "It is.", url="javascript:alert(1)") is None
