"""Understood limits at work: what a question reaches, what gives way, what comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from embeddings.store import Store
from qa.archive import Archive
from qa.narrowing import narrow, tells_of
from qa.periods import Period, day, month, year
from qa.preferences import in_turn, newest_first, of_period, period_first, prefer
from qa.question import understand
from qa.ranking import Ranked
from qa.records import Answer, Query
from tests.fakes import HashingEncoder, make_article, write_articles
from tests.questions import make_candidate, make_candidates, make_ranking, story

NEWS = [
    ("post-jan", "Post", "2025-01-10", "The harbour bridge was shut. Ships wait outside."),
    ("post-mar", "Post", "2025-03-12", "The harbour bridge was painted. Ships pass again."),
    ("echo-mar", "Echo", "2025-03-14", "The harbour bridge got a coat of red. Ships pass slowly."),
    ("echo-jun", "Echo", "2025-06-02", "The harbour bridge, shut in January 2025, is sold."),
    ("herald", "Herald", None, "The harbour bridge has nine arches. Ships know them all."),
]


@pytest.fixture
def archive(tmp_path: Path, encoder: HashingEncoder) -> Iterator[Archive]:
    """Return an archive of five articles from three outlets, one of them without a date."""
    records = [
        {"id": name, "source": source, "published": published, "text": text}
        for name, source, published, text in NEWS
    ]
    articles = write_articles(tmp_path / "news.jsonl", records)
    with Archive.create(tmp_path / "archive", encoder=encoder) as made:
        made.add(articles)
        yield made


def reached(answer: Answer) -> set[str]:
    """Return the articles that an answer's ranking holds."""
    return {hit.article_id for hit in answer.hits}


@pytest.mark.parametrize(
    ("question", "articles"),
    [
        ("What happened to the harbour bridge?", {name for name, *_ in NEWS}),
        ("According to the Echo, what of the harbour bridge?", {"echo-mar", "echo-jun"}),
        ("What of the harbour bridge in March 2025?", {"post-mar", "echo-mar", "herald"}),
        ("What of the harbour bridge in January 2025?", {"post-jan", "echo-jun", "herald"}),
        ("What did the Post say of the bridge in March 2025?", {"post-mar"}),
        ("What did the Post and the Echo say of the bridge?",
         {"post-jan", "post-mar", "echo-mar", "echo-jun"}),
        ("What of the harbour bridge since May 2025?", {"echo-jun", "herald"}),
    ],
)  # fmt: skip
def test_what_a_question_reaches(archive: Archive, question: str, articles: set[str]) -> None:
    """Outlets and dates limit; of later articles those count that look back by name."""
    assert reached(archive.ask(question)) == articles


def test_limits_that_leave_nothing_give_way_and_it_is_told(archive: Archive) -> None:
    """The person reads which limit was dropped; the outlet stays where the dates go."""
    answer = archive.ask("What did the Post say of the harbour bridge in May 2024?")
    assert reached(answer) == {"post-jan", "post-mar"}
    assert answer.query.since is answer.query.until is None
    assert answer.query.notices == (
        "Only Post.",
        "No article from Post of May 2024: all dates were searched.",
    )


def test_limits_of_the_caller_hold(archive: Archive) -> None:
    """What --since and --until leave out stays out, even where nothing is left."""
    answer = archive.ask("What of the harbour bridge?", since="2026-01-01")
    assert answer.citations == ()
    assert not answer.answered
    only = archive.ask("What of the harbour bridge?", since="2025-01-01", until="2025-01-31")
    assert reached(only) == {"post-jan"}


def test_later_articles_cannot_answer_an_earlier_question(archive: Archive) -> None:
    """With the day of asking stated, what was published after it is left out."""
    answer = archive.ask("What of the harbour bridge?", asked="2025-03-13")
    assert reached(answer) == {"post-jan", "post-mar", "herald"}


def test_a_relative_date_comes_first_and_leaves_nothing_out(archive: Archive) -> None:
    """A question of this week is answered by this week; older articles stand below."""
    answer = archive.ask("What of the harbour bridge this week?", asked="2025-03-15")
    assert answer.hits[0].article_id in {"post-mar", "echo-mar", "herald"}
    assert reached(answer) == {"post-jan", "post-mar", "echo-mar", "herald"}
    assert [hit.article_id for hit in answer.hits].index("post-jan") == 3
    assert answer.query.notices == ("Articles of 8 March 2025 to 15 March 2025 first.",)


def test_outlets_take_turns(archive: Archive) -> None:
    """Of two outlets that are named, neither has both of the first two places."""
    answer = archive.ask("What did the Post and the Echo say of the harbour bridge?")
    assert {citation.source for citation in answer.citations[:2]} == {"Post", "Echo"}


def test_the_understood_is_in_the_answer(archive: Archive) -> None:
    """Programs read outlets, dates, topic and notices where the contract has them."""
    history = [{"role": "user", "content": "Who painted the Harbour Bridge?"}]
    told = archive.ask("And who sold it, says the Echo?", history=history).to_dict()["understood"]
    assert told["sources"] == ["Echo"]
    assert told["topic"] == ["Harbour Bridge"]
    assert told["notices"] == ["Asking about: Harbour Bridge.", "Only Echo."]


def test_relaxing_goes_no_further_than_it_must(archive: Archive) -> None:
    """Dates go before outlets; a query without limits is left as it is."""
    store = Store(archive.directory)
    free = narrow(store, Query("q", "q"))
    assert (free.inside, free.looks_around) == (None, False)
    query = understand("In the Post, what sank in 2024?", outlets=["Post"], dates=store.dates())
    scope = narrow(store, query)
    assert scope.query.sources == ("Post",)
    assert scope.inside == store.article_keys(["Post"])
    store.close()


@pytest.mark.parametrize(
    ("period", "published", "text", "tells"),
    [
        (month(2025, 3), "2025-06-02", "It was shut in March for repairs.", True),
        (month(2025, 3), "2025-06-02", "It was shut for repairs.", False),
        (month(2025, 3), "2025-06-02", "They marched for hours.", False),
        (month(2025, 3), "2025-01-02", "It opens in March.", False),
        (month(2025, 3), "2027-06-02", "It was shut in March.", False),
        (month(2025, 3), None, "It was shut in March.", True),
        (year(2019), "2025-06-02", "The storm of 2019 took the pier.", True),
        (year(2019), "2025-06-02", "It cost 20190 pounds.", False),
        (day(date(2025, 3, 1)), "2025-06-02", "On March 1st it fell.", True),
        (Period(None, None, "of old"), "2025-06-02", "Once it fell.", False),
    ],
)
def test_what_looks_back_on_a_period(
    period: Period, published: str | None, text: str, tells: bool
) -> None:
    """A later article that names the period tells of it; a month without its year, for a year."""
    article = make_article("a", text, published=published)
    assert tells_of(period, article, make_candidate(article).stored.span) is tells


# The order that a query prefers


def ids(ranked: Sequence[Ranked]) -> list[str]:
    return [item.candidate.article.id for item in ranked]


def test_the_newest_of_what_answers_about_as_well_moves_up() -> None:
    """A newer article rises by its place among the dates, but not from far below."""
    ranked = make_ranking(
        [
            story("old", "One.", "Post", "2025-01-01"),
            story("mid", "Two.", "Post", "2025-02-01"),
            story("new", "Three.", "Post", "2025-03-01"),
            story("undated", "Four.", "Post", None),
            story("newest but far", "Five.", "Post", "2025-12-01"),
        ]
    )
    assert ids(newest_first(ranked, 1.0))[:3] == ["new", "mid", "old"]
    assert ids(newest_first(ranked, 1.0))[-1] == "newest but far"
    assert newest_first(ranked, 0.0) == ranked
    assert newest_first([], 1.0) == []


def test_scores_stay_in_order() -> None:
    """Whatever moves, no passage has a higher score than the one before it."""
    ranked = make_ranking(
        [story(f"a{n}", "Text.", ("Post", "Echo")[n > 2], f"2025-0{n + 1}-01") for n in range(6)]
    )
    week = Period(month(2025, 4).first, month(2025, 4).last, "of April", relative=True)
    for query in (
        Query("q", "q", recency=1.0),
        Query("q", "q", sources=("Post", "Echo")),
        Query("q", "q", period=month(2025, 4), sources=("Post", "Echo"), recency=0.5),
        Query("q", "q", period=week),
    ):
        preferred = prefer(query, ranked)
        scores = [item.score for item in preferred]
        assert scores == sorted(scores, reverse=True)
        assert sorted(ids(preferred)) == sorted(ids(ranked))


def test_outlets_in_turn_follow_their_best() -> None:
    """Each turn has one article of each outlet, the better one first."""
    ranked = make_ranking(
        [
            story(name, "Text.", source, None)
            for name, source in [("p1", "Post"), ("p2", "Post"), ("p3", "Post"), ("e1", "Echo")]
        ]
    )
    assert ids(in_turn(ranked, ("Post", "Echo"))) == ["p1", "e1", "p2", "p3"]
    assert in_turn(ranked, ("Post",)) == ranked


def test_a_relative_period_goes_before_all_others() -> None:
    """However well an older article fits, the period's best is first; by name it may stay first."""
    ranked = make_ranking(
        [
            story("older", "Text.", "Post", "2025-01-01"),
            story("inside", "Text.", "Post", "2025-04-03"),
        ]
    )
    ranked[1] = type(ranked[1])(ranked[1].candidate, ranked[1].quote, -9.0)
    named = month(2025, 4)
    relative = Period(named.first, named.last, "of April", relative=True)
    assert ids(period_first(ranked, relative)) == ["inside", "older"]
    assert ids(period_first(ranked, named)) == ["older", "inside"]


def test_an_answer_is_judged_among_the_articles_of_its_period() -> None:
    """Confidence looks at this week's articles; where there are none, at all of them."""
    articles = [
        story("older", "Text.", "Post", "2025-01-01"),
        story("inside", "Text.", "Post", "2025-04-03"),
    ]
    april = Period(month(2025, 4).first, month(2025, 4).last, "of April", relative=True)
    judged = of_period(make_candidates("q", articles, period=april))
    assert [item.article.id for item in judged.found] == ["inside"]
    assert len(of_period(make_candidates("q", articles[:1], period=april)).found) == 1
    assert len(of_period(make_candidates("q", articles)).found) == 2
