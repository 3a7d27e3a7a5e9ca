"""Outlets in a question: known by any of their names, and only where something is theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Span
from qa.outlets import OutletNames, attributed, without
from tests.pace import within

LOCAL = ("Kelderwick Gazette", "Ferrow FM", "The Tidewrack")
WORLD = (
    "The New York Times", "The Times", "BBC News", "usatoday.com", "cnn.com", "The Guardian",
    "The Week", "Al Jazeera", "The Sun", "Kelderwick Gazette", "Today", "theweek.co.uk",
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "outlet", "left"),
    [
        (
            "According to Ferrow FM, how many cross it?",
            "Ferrow FM",
            "how many cross it?",
        ),
        (
            "How many were flooded, going by the Kelderwick Gazette?",
            "Kelderwick Gazette",
            "How many were flooded?",
        ),
        (
            "how many houses did ferrow fm say were flooded",
            "Ferrow FM",
            "how many houses were flooded",
        ),
        (
            "What value did the Gazette put on the Farrant?",
            "Kelderwick Gazette",
            "What value put on the Farrant?",
        ),
        (
            "What did he tell Ferrow FM it was worth?",
            "Ferrow FM",
            "What did he tell it was worth?",
        ),
        (
            "In the Gazette's report of the closure, how many use it?",
            "Kelderwick Gazette",
            "the closure, how many use it?",
        ),
        (
            "How many jobs, in the Gazette's account?",
            "Kelderwick Gazette",
            "How many jobs?",
        ),
        (
            "how big was the crowd on ferrow fm",
            "Ferrow FM",
            "how big was the crowd",
        ),
        (
            "In The Tidewrack, what were the bids?",
            "The Tidewrack",
            "what were the bids?",
        ),
        (
            "Where did the Tidewrack writer stand?",
            "The Tidewrack",
            "Where did stand?",
        ),
        (
            "What did Ferrow FM report Pruett had bought?",
            "Ferrow FM",
            "What Pruett had bought?",
        ),
        (
            "Which year did The Tidewrack first print for it?",
            "The Tidewrack",
            "Which year for it?",
        ),
        ("per the tidewrack, who won", "The Tidewrack", "who won"),
        ("How many, says the Gazette?", "Kelderwick Gazette", "How many?"),
        ("How much, as reported by FERROW FM?", "Ferrow FM", "How much?"),
        ("how much according to ferrow-fm", "Ferrow FM", "how much"),
    ],
)
def test_what_is_attributed_to_an_outlet(question: str, outlet: str, left: str) -> None:
    """The outlet is found and what attributes is taken out of what is searched for."""
    found = attributed(question, LOCAL)
    assert found.outlets == (outlet,)
    assert found.text == left


@pytest.mark.parametrize(
    "question",
    [
        "Who owns the Gazette?",
        "Who is the editor of the Tidewrack?",
        "Ferrow FM's new studio: where is it?",
        "What did the Gazette's editor earn?",
        "Who was sacked by Ferrow FM?",
        "When was the Kelderwick Gazette founded?",
        "How much did Ferrow FM pay for the mast?",
        "Which harbour is Ferrow in?",
        "What did the gazetteer say?",
    ],
)
def test_a_question_about_an_outlet_is_no_filter(question: str) -> None:
    """Who owns it, edits it or pays is searched for in every outlet, in the words as they are."""
    found = attributed(question, LOCAL)
    assert found.outlets == ()
    assert found.text == question


@pytest.mark.parametrize(
    ("question", "outlets"),
    [
        ("As reported by USA Today and CNN, who won?", ("usatoday.com", "cnn.com")),
        ("What does cnn.com say about it?", ("cnn.com",)),
        ("According to www.usatoday.com, who won?", ("usatoday.com",)),
        ("according to the bbc, who won?", ("BBC News",)),
        ("What did the NYT report?", ("The New York Times",)),
        ("What did the New York Times report?", ("The New York Times",)),
        ("What did The Times report?", ("The Times",)),
        ("What do The Times and the Guardian say on strikes?", ("The Times", "The Guardian")),
        ("What did The Sun say about Harry?", ("The Sun",)),
        ("What did The Week say about Harry?", ("The Week", "theweek.co.uk")),
        ("According to theweek.co.uk, who won?", ("theweek.co.uk",)),
    ],
)
def test_outlets_go_by_several_names(question: str, outlets: tuple[str, ...]) -> None:
    """Hosts, initials, names without "The" and last words of one outlet alone are known."""
    assert attributed(question, WORLD).outlets == outlets


@pytest.mark.parametrize(
    "question",
    [
        "What did the sun do to the crops?",
        "How hot was it in the sun?",
        "What was dug up in the week before Christmas?",
        "What happened today?",
        "What does the guardian say when the child is ill?",
        "In times like these, who saves?",
    ],
)
def test_ordinary_words_are_not_outlets(question: str) -> None:
    """A name that is a word of its own counts only as it is written, with its capital."""
    assert attributed(question, WORLD).outlets == ()


@pytest.mark.parametrize(
    ("question", "is_outlet"),
    [
        ("Who is a juror in the Superior Court of California, County of Alameda?", False),
        ("Who sits in the Superior Court of California, clerk of which is Ms. Ray?", True),
        ("Who won, according to the Superior Court of California, County of Alameda?", True),
        ("What stood in the Superior Court of California, Mayor Ray?", True),
    ],
)
def test_a_name_that_goes_on_is_where_something_is(question: str, *, is_outlet: bool) -> None:
    """A court or college that also publishes is a place in a longer name; "according to" holds."""
    court = "Superior Court of California"
    assert attributed(question, [court]).outlets == ((court,) if is_outlet else ())


def test_a_part_that_two_outlets_share_names_neither() -> None:
    """Where two gazettes are in the archive "the Gazette" is neither; the full name is clear."""
    outlets = ("Kelderwick Gazette", "Stannering Gazette")
    assert attributed("What did the Gazette say?", outlets).outlets == ()
    found = attributed("What did the Stannering Gazette say?", outlets)
    assert found.outlets == ("Stannering Gazette",)


def test_several_outlets_come_in_the_order_of_the_question() -> None:
    """Outlets that are joined are all found, each once."""
    question = "What crowds did the Gazette and Ferrow FM each report, and the Gazette's estimate?"
    assert attributed(question, LOCAL).outlets == ("Kelderwick Gazette", "Ferrow FM")


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_and_any_outlets_are_read(text: str, outlets: list[str]) -> None:
    """Nothing is raised; without an outlet the text stays; an outlet found is the archive's."""
    found = attributed(text, outlets)
    assert set(found.outlets) <= set(outlets)
    assert found.outlets or found.text == text


@given(st.sampled_from([*LOCAL, *WORLD]))
def test_every_outlet_is_found_by_its_own_name(outlet: str) -> None:
    """The name in the archive is always one that a person may use."""
    question = f"According to {outlet}, who won?"
    assert outlet in attributed(question, (*LOCAL, *WORLD)).outlets
    assert list(OutletNames([outlet]).find(outlet))


def test_cut_text_is_closed_up() -> None:
    """Spaces and commas around what is taken out do not stay behind."""
    assert without("How many, said FM?", [Span(10, 17)]) == "How many?"
    assert without("FM said: who, FM asks, won?", [Span(0, 7), Span(14, 21)]) == "who, won?"
    assert without(", who won?", []) == "who won?"


@pytest.mark.parametrize(
    "piece", ["the Gazette ", "Ferrow FM and ", "according to ", "A ", "'s ", "A.", "-", "1 ", "a"]
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    """100,000 characters of any pattern's own words are read in under a second."""
    text = piece * (100_000 // len(piece))
    with within(1):
        attributed(text, LOCAL)
