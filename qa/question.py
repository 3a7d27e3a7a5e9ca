"""Question + conversation -> Query: what is searched for, where, and what is preferred."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from corpus.dates import parse_date
from corpus.errors import UsageError
from qa.follow_up import MAX_TURNS, FollowUp, Kind, follow_up, leans
from qa.outlets import attributed, without
from qa.periods import Calendar, Period
from qa.publication import asked_period
from qa.recency import asks_for_newest
from qa.records import History, Query
from qa.topic import names_a_topic
from qa.words import content_terms

MAX_QUESTION = 2_000
"""Characters: what is longer is no question, and the model reads some 1,200 of them."""

MAX_TURN = 4_000
"""Characters of one earlier turn that are read, from its end."""

KNOWN_DAYS = 64
"""Days of archives that are kept as they were read."""

_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the caller asks for beside the question: outlets and dates (ISO, inclusive).

    `free` names what the question's own words must not limit: "sources", "dates"; or change:
    "topic", which is then what the turns before it were about.
    """

    sources: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    free: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one turn says of outlets and dates, and its text without what says it."""

    text: str
    outlets: tuple[str, ...] = ()
    period: Period | None = None


def understand(
    question: str,
    *,
    history: History = (),
    limits: Limits | None = None,
    outlets: Sequence[str] = (),
    dates: tuple[str | None, str | None] = (None, None),
    asked: str | None = None,
) -> Query:
    """Return the query that a question means.

    `outlets` and `dates` are the archive's: its outlets, its first and last day of publication.
    `asked` is the day of asking (ISO date; today where None). What `limits` set overrides what the
    question says. Raises UsageError where there is no question in the text, or too much of it.
    """
    text = clean_question(question)
    limits = limits or Limits()
    calendar = _calendar(_date("asked", asked), dates)
    turns = _clean_turns(history)
    leaning = follow_up(text, turns, held="topic" in limits.free)
    carries = leaning if leaning and leaning.kind is not Kind.NEW else None
    heard = _hear(text, outlets, calendar)
    carried = _carried(turns, leaning, outlets, calendar)
    query = Query(
        question=question,
        text=heard.text,
        context=carries.context if carries else (),
        topic=carries.topic if carries else (),
        asked=calendar.today.isoformat() if calendar.asked else None,
        recency=asks_for_newest(text),
    )
    heard, carried = _freed(heard, limits.free), _freed(carried, limits.free)
    query = _with_outlets(query, _known(limits.sources, outlets), heard, carried)
    query = _with_dates(query, limits, heard, carried)
    query = _with_subject(query, leaning)
    if leaning and leaning.kind is Kind.SHARES and "topic" not in limits.free:
        query = _with_doubt(query)
    if leaning and leaning.kind is Kind.NEW:
        behind = replace(query, context=leaning.context, topic=leaning.topic)
        query = replace(query, behind=_told_topic(behind))
    return _told_topic(query)


def clean_question(question: str) -> str:
    """Return the question without control and direction characters, spaces made single."""
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters: ask in {MAX_QUESTION:,} or fewer"
        )
    text = _seen(question)
    if not any(character.isalnum() for character in text):
        raise UsageError(
            "there is no question: type a few words, such as `When does the bridge reopen?`"
        )
    return text


def _seen(text: str) -> str:
    return " ".join(_UNSEEN.sub(" ", text).split())


def _clean_turns(history: Any) -> list[dict[str, str]]:
    """Return the last turns with clean texts. Raises UsageError where these are no turns."""
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise UsageError(f"history is a {type(history).__name__}: {_EXPECTED_TURNS}")
    return [_clean_turn(turn) for turn in history[-MAX_TURNS:]]


_EXPECTED_TURNS = 'give a list of turns such as {"role": "user", "content": "Who won?"}'


def _clean_turn(turn: Any) -> dict[str, str]:
    said = turn.get("content") or "" if isinstance(turn, Mapping) else None
    if not isinstance(said, str):
        shown = repr(turn)[:60]
        raise UsageError(f"{shown} is no turn of a conversation: {_EXPECTED_TURNS}")
    return {"role": turn.get("role", ""), "content": _seen(said[-MAX_TURN:])}


# Outlets and dates


def _hear(text: str, outlets: Sequence[str], calendar: Calendar) -> _Heard:
    """Return what a turn says of outlets and dates."""
    attribution = attributed(text, outlets)
    asked = asked_period(attribution.text, calendar)
    if asked is None or not _narrows(asked.period, calendar):
        return _Heard(attribution.text, attribution.outlets)
    left = without(attribution.text, asked.spans)
    return _Heard(left, attribution.outlets, asked.period)


def _freed(heard: _Heard, free: frozenset[str]) -> _Heard:
    """Return what a turn says without the limits that the caller does not want."""
    outlets = () if "sources" in free else heard.outlets
    return replace(heard, outlets=outlets, period=None if "dates" in free else heard.period)


def _narrows(period: Period, calendar: Calendar) -> bool:
    """Tell whether a period leaves out any dated article of the archive."""
    first, last = calendar.first, calendar.last
    if first is None or last is None:
        return False
    from_start = period.first is None or period.first <= first
    to_end = period.last is None or period.last >= last
    return not (from_start and to_end)


def _carried(
    turns: History, leaning: FollowUp | None, outlets: Sequence[str], calendar: Calendar
) -> _Heard:
    """Return the outlets and dates of the turn that a question leans on, nearest first."""
    if leaning is None or leaning.kind is not Kind.LEANS:
        return _Heard("")
    for turn in reversed(turns):
        if turn["role"] != "user" or not turn["content"]:
            continue
        heard = _hear(turn["content"][:MAX_QUESTION], outlets, calendar)
        if heard.outlets or heard.period or not leans(turn["content"][:MAX_QUESTION]):
            return heard
    return _Heard("")


def _with_outlets(query: Query, stated: tuple[str, ...], heard: _Heard, carried: _Heard) -> Query:
    """Limit a query to the outlets that the caller, the question or the turn before names."""
    if stated:
        return replace(query, sources=stated)
    named = heard.outlets or carried.outlets
    if not named:
        return query
    before = "" if heard.outlets else ", as before"
    notice = f"Only {_listed(named)}{before}."
    return replace(query, sources=named, hears_outlets=True, notices=(*query.notices, notice))


def _with_dates(query: Query, limits: Limits, heard: _Heard, carried: _Heard) -> Query:
    """Limit a query to the dates that the caller, the question or the turn before names."""
    since, until = _date("since", limits.since), _date("until", limits.until)
    if since or until:
        return replace(query, since=since, until=until)
    period = heard.period or carried.period
    if period is None:
        return query
    before = "" if heard.period else ", as before"
    told = replace(query, period=period, notices=(*query.notices, f"{period.notice}{before}."))
    if period.relative:
        return told
    return replace(told, since=_iso(period.first), until=_iso(period.last))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


# A subject


def _with_subject(query: Query, leaning: FollowUp | None) -> Query:
    """Return a query that has something to search for.

    "What did the Gazette report last week?" asks for its newest articles. Raises UsageError for a
    question of nothing but words such as "who is it?", where no turn before says who.
    """
    is_limited = bool(query.sources or query.period)
    has_subject = names_a_topic(query) if is_limited else bool(content_terms(query.text))
    if has_subject or leaning is not None:
        return query
    if is_limited:
        return replace(query, text=query.text or query.question, recency=1.0)
    raise UsageError(
        f"{_shortened(query.question)!r} names nothing to look for: add a name or a topic, such as"
        " `When does the bridge reopen?`"
    )


def _with_doubt(query: Query) -> Query:
    """Return a follow-up that may be a new topic, as its words name something and point nowhere."""
    if not (content_terms(query.text) and names_a_topic(query)):
        return query
    return replace(query, alone=replace(query, context=(), topic=()))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _told_topic(query: Query) -> Query:
    if not query.topic:
        return query
    return replace(query, notices=(f"Asking about: {', '.join(query.topic)}.", *query.notices))


# What the caller states


def _known(asked: Sequence[str], outlets: Sequence[str]) -> tuple[str, ...]:
    """Return the archive's own spelling of the outlets asked for."""
    by_name = {outlet.casefold(): outlet for outlet in outlets}
    found = []
    for name in asked:
        outlet = by_name.get(name.strip().casefold())
        if outlet is None:
            known = ", ".join(sorted(outlets)[:10]) or "none"
            raise UsageError(f"no article is from {name!r}: the archive's outlets are {known}")
        found.append(outlet)
    return tuple(found)


def _date(name: str, value: str | None) -> str | None:
    if not value:
        return None
    day = parse_date(value)
    if day is None:
        raise UsageError(f"--{name} {value!r} is no date: write it as 2025-03-14")
    return day


def _calendar(asked: str | None, dates: tuple[str | None, str | None]) -> Calendar:
    first, last = map(_day, dates)
    return Calendar(
        today=date.fromisoformat(asked) if asked else date.today(),
        first=first,
        last=last,
        asked=asked is not None,
    )


@lru_cache(maxsize=KNOWN_DAYS)
def _day(stated: str | None) -> date | None:
    """Return the day that an archive states; None where it states none."""
    day = parse_date(stated) if stated else None
    return date.fromisoformat(day) if day else None
