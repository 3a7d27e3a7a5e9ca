"""Questions behind a conversation that may go on from it or not: the articles tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qa.doubt import is_of_another, may_be_of_another
from qa.question import Limits, understand
from qa.ranking import rank
from qa.words import content_terms
from tests.questions import make_candidates, story

FLOOD = "Seventy homes in Eastmarsh were flooded on Monday. The water stood a metre deep."
ASKED = "How many homes were flooded in Eastmarsh?"
HISTORY = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": FLOOD}]


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
