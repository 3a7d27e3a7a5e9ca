"""What a question asks for, and where a text holds something of that kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.kinds import Kind, answer_spans, asked_kind, find, words_of


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What percentage of voters said no?", Kind.PERCENTAGE),
        ("what share of the vote did Green Shore get", Kind.PERCENTAGE),
        ("How much will the new bridge cost?", Kind.MONEY),
        ("How much is the painting worth?", Kind.MONEY),
        ("How old is Dr. Helen Sorrell?", Kind.DURATION),
        ("How long was the ferry late?", Kind.DURATION),
        ("How many days did it last?", Kind.DURATION),
        ("How many people marched?", Kind.NUMBER),
        ("How tall is the tower?", Kind.NUMBER),
        ("When did Quenby Bridge close?", Kind.DATE),
        ("In what year was the pier built?", Kind.DATE),
        ("Where did the two ministers meet?", Kind.PLACE),
        ("Which coastal town was flooded?", Kind.PLACE),
        ("Which team won the final?", Kind.ORGANISATION),
        ("Who owns the shipyard?", Kind.ORGANISATION),
        ("Who won the skiffs?", Kind.PERSON),
        ("Whose painting was stolen?", Kind.PERSON),
        ("Why was the school closed?", Kind.CAUSE),
        ("What caused the fire?", Kind.CAUSE),
        ("What did the mayor say about it?", Kind.QUOTE),
        ("Is the bridge open to cars yet?", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_what_is_asked_for(question: str, kind: Kind) -> None:
    """The words of a question tell the kind; the more exact kind goes first."""
    assert asked_kind(question) is kind


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        (Kind.PERCENTAGE, "Some 40 per cent, or 3.5%, said no to all 12.", ["40 per cent", "3.5%"]),
        (
            Kind.MONEY,
            "It cost £2.4m, then $3 billion and 50 pence.",
            ["£2.4m", "$3 billion", "50 pence"],
        ),
        (
            Kind.DURATION,
            "She waited 15 weeks; he, 56, two days.",
            ["15 weeks", ", 56,", "two days"],
        ),
        (Kind.NUMBER, "About 1,200 came on four boats.", ["1,200", "four"]),
        (
            Kind.DATE,
            "It shut on March 8, 2025 and reopens next week.",
            ["March 8, 2025", "next week"],
        ),
        (Kind.PLACE, "They met in Old Delhi on the ferry.", ["Old Delhi"]),
        (Kind.PERSON, "Then Kit Barrowclough of Saltpan scored.", ["Kit Barrowclough of Saltpan"]),
        (Kind.CAUSE, "It closed because pins cracked. So.", ["because pins cracked"]),
        (Kind.QUOTE, 'He said "never" twice.', ["said", '"never"']),
        (Kind.OTHER, "Nothing is looked for on 8 March.", []),
    ],
)
def test_what_is_found(kind: Kind, text: str, found: list[str]) -> None:
    """Each pattern takes the whole expression, unit included."""
    assert [span.of(text) for span in find(kind, text)] == found


def test_what_the_question_names_does_not_answer_it() -> None:
    """A name counts only where it says something new."""
    text = "Antony Blinken met Sergei Lavrov."
    known = frozenset(words_of("Whom did Antony Blinken meet?"))
    assert [span.of(text) for span in find(Kind.PERSON, text, known)] == ["Sergei Lavrov"]
    quote = "The two met in Delhi, as in Geneva before."
    spans = answer_spans("Where in Geneva did they meet?", quote)
    assert [span.of(quote) for span in spans] == ["Delhi"]


@given(st.sampled_from(sorted(Kind)), st.text(max_size=120))
def test_spans_are_in_order_and_apart(kind: Kind, text: str) -> None:
    """Whatever the text, spans lie inside it, follow each other and are never empty."""
    end = 0
    for span in find(kind, text):
        assert end <= span.start < span.end <= len(text)
        end = span.end
