"""Questions behind a conversation that may go on from it or not: the articles tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qa.archive import Archive
from qa.doubt import is_of_another, may_be_of_another, names_another
from qa.question import Limits, understand
from qa.ranking import rank
from qa.words import content_terms
from tests.fakes import HashingEncoder, write_articles
from tests.questions import make_candidates, story

FLOOD = "Seventy homes in Eastmarsh were flooded on Monday. The water stood a metre deep."
ASKED = "How many homes were flooded in Eastmarsh?"
HISTORY = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": FLOOD}]
HOMES = (
    ("Ferrow", "burnt", "school"),
    ("Eastmarsh", "flooded", "chapel"),
    ("Sallow", "searched", "library"),
    ("Hethray", "sold", "harbour"),
)
STRICT = 0.2
"""Error rate at which no one of HOMES answers a question that fits all of them."""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Yield an archive of four accounts that differ in a place, what came to it and a room."""
    folder: Path = tmp_path_factory.mktemp("homes")
    records = [
        {
            "id": place,
            "text": f"Homes in {place} were {what} on Monday."
            f" The rescued family cooked supper in the {room}.",
        }
        for place, what, room in HOMES
    ]
    with Archive.create(folder / "archive", encoder=HashingEncoder()) as archive:
        archive.add([write_articles(folder / "articles.jsonl", records)])
        yield archive


@pytest.mark.parametrize(
    ("question", "another"),
    [
        ("Who invented the telephone?", True),
        ("How deep was the water?", False),
        ("How deep was the telephone?", False),  # half of it is there
        ("Who invented Eastmrash?", False),  # a slip
    ],
)
def test_the_article_tells_what_a_question_goes_on_from(question: str, *, another: bool) -> None:
    """One that holds less than four tenths of its words is not what it is about."""
    candidates = make_candidates(question, [story("s0", FLOOD, "Post", "2025-03-01")])
    assert is_of_another(candidates, rank(candidates)) is another


def test_a_new_topic_that_the_articles_know() -> None:
    """The first article holds the question's words, and nothing of what was spoken of."""
    regatta = "The regatta was rowed in rain. Eastbourne won the skiffs."
    for text, another in ((regatta, True), (f"{FLOOD} {regatta}", False)):
        found = make_candidates("Who won the regatta?", [story("s0", text, "Post", "2025-03-01")])
        terms = dict.fromkeys(content_terms(FLOOD), 0.5) | found.terms
        behind = replace(found, terms=terms, idf=dict.fromkeys(terms, 1.0))
        assert not is_of_another(behind, rank(behind))
        assert may_be_of_another(behind, rank(behind)) is another


def test_nothing_found_is_nothing_to_go_on_from() -> None:
    """Then the question is searched by itself."""
    assert is_of_another(make_candidates("Who won?", []), [])


def test_only_what_points_nowhere_may_be_new() -> None:
    """A pronoun goes on, a name of its own starts anew, few words may do either."""
    few = understand("Who invented the telephone?", history=HISTORY)
    assert few.context
    assert few.alone is not None
    assert (few.alone.context, few.alone.topic, few.alone.text) == ((), (), few.text)
    assert not any(notice.startswith("Asking about") for notice in few.alone.notices)
    assert understand("and who paid for it?", history=HISTORY).alone is None
    assert understand("Who invented the telephone?").alone is None


SUPPER = "Where did the rescued family cook supper?"
ABOUT_HOMES = [
    {"role": "user", "content": "Which homes were flooded?"},
    {"role": "assistant", "content": "Homes in Eastmarsh were flooded on Monday."},
]


def test_a_topic_of_its_own_that_nothing_answers_is_read_with_the_conversation(
    homes: Archive,
) -> None:
    """Four articles tell of a supper: the one that was spoken of is meant, and that is told."""
    asked = {"question": SUPPER, "history": ABOUT_HOMES}
    alone = homes.ask(SUPPER, max_error=STRICT)
    behind = homes.ask(SUPPER, history=ABOUT_HOMES, max_error=STRICT)
    assert not alone.answered
    assert behind.hits[0].article_id == "Eastmarsh" != alone.hits[0].article_id
    assert behind.confidence > alone.confidence
    assert behind.query.notices == ("Asking about: Eastmarsh.",)
    query = homes.understand([asked])[0]
    assert not query.context
    assert query.behind is not None
    assert query.behind.context


def test_a_topic_of_its_own_that_is_answered_is_left_alone(homes: Archive) -> None:
    """The conversation neither moves nor explains what the articles answer without it."""
    own = "Which rescued family cooked supper in Hethray harbour?"
    for question, max_error in ((SUPPER, 1.0), (own, STRICT)):
        behind = homes.ask(question, history=ABOUT_HOMES, max_error=max_error)
        alone = homes.ask(question, max_error=max_error)
        assert alone.answered
        assert (behind.hits, behind.confidence) == (alone.hits, alone.confidence)
        assert not behind.query.notices


def test_what_lacks_its_words_is_shown_and_answers_nothing(homes: Archive) -> None:
    """An article that was spoken of comes nearest to a question whose words are in none."""
    question = "Who invented the telephone?"
    alone = homes.ask(question)
    behind = homes.ask(question, history=ABOUT_HOMES)
    assert alone.hits[0].article_id != "Eastmarsh"
    assert behind.hits[0].article_id == "Eastmarsh"
    assert not behind.answered
    assert behind.reason
    assert behind.confidence == alone.confidence


def test_a_name_that_was_not_spoken_of_is_another_topic(homes: Archive) -> None:
    """Where the nearest article knows no Hamlet, the question is searched by itself."""
    question = "Who wrote Hamlet?"
    behind = homes.ask(question, history=ABOUT_HOMES)
    assert behind.hits == homes.ask(question).hits
    assert not behind.answered
    assert not behind.query.topic


@pytest.mark.parametrize(
    ("question", "another"),
    [
        ("Who wrote Hamlet?", True),
        ("who wrote hamlet?", False),  # nothing tells a name from a word
        ("How deep was the water in Eastmrash?", False),  # a slip
        ("Did Post say so?", True),  # its text and its headline count, not its outlet
        ("Hamlet was by whom?", False),  # a capital that any sentence has
    ],
)
def test_an_article_lacks_a_name(question: str, *, another: bool) -> None:
    """Capitals inside a sentence make a name, which the first article holds or does not."""
    candidates = make_candidates(question, [story("s0", FLOOD, "Post", "2025-03-01")])
    assert names_another(candidates, rank(candidates)) is another
    assert names_another(candidates, [])


@pytest.mark.parametrize(
    "question",
    ["Who invented the telephone?", "Which museum director restored paintings in Vienna?"],
)
def test_a_topic_that_is_set_stays(question: str) -> None:
    """Who says what a question is about is not doubted, whatever else its words name."""
    held = Limits(free=frozenset({"topic"}))
    asked = understand(question, history=HISTORY, limits=held)
    assert asked.context
    assert asked.alone is None
