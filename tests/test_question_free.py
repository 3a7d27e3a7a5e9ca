"""A caller may take back what a question's own words would limit."""

from __future__ import annotations

from qa.question import Limits, understand

OUTLETS = ("Gazette", "Ferrow FM")
DATES = ("2024-01-01", "2025-12-31")
QUESTION = "What did the Gazette report about the bridge in March 2025?"


def test_words_that_limit_can_be_taken_back() -> None:
    heard = understand(QUESTION, outlets=OUTLETS, dates=DATES)
    assert (heard.sources, heard.since) == (("Gazette",), "2025-03-01")
    no_outlet = Limits(free=frozenset({"sources"}))
    free = understand(QUESTION, outlets=OUTLETS, dates=DATES, limits=no_outlet)
    assert (free.sources, free.since) == ((), "2025-03-01")
    assert not any("Gazette" in notice for notice in free.notices)
    no_date = Limits(free=frozenset({"dates"}))
    free = understand(QUESTION, outlets=OUTLETS, dates=DATES, limits=no_date)
    assert (free.sources, free.since, free.period) == (("Gazette",), None, None)


def test_what_the_turn_before_limits_can_be_taken_back() -> None:
    turns = [{"role": "user", "content": QUESTION}]
    follow_up = "And when does it reopen?"
    heard = understand(follow_up, history=turns, outlets=OUTLETS, dates=DATES)
    assert heard.sources == ("Gazette",)
    limits = Limits(free=frozenset({"sources", "dates"}))
    free = understand(follow_up, history=turns, outlets=OUTLETS, dates=DATES, limits=limits)
    assert (free.sources, free.since) == ((), None)
    assert free.topic == heard.topic
