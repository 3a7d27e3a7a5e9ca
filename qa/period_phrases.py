"""Question text -> the periods that its words name, and where those words stand.

The smallest names are found first ("March", "2025", "yesterday"), then grown to the left by what
narrows them ("the first week of", "early", "the week before").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from corpus.records import Span
from qa import dated_names, periods, relative_dates
from qa.dated_names import COUNTS, DATES, NAMES
from qa.periods import Calendar, Period
from qa.relative_dates import ON_WEEKDAY, RELATIVE

REACH = 48
"""Characters in front of a name that are read for what narrows it; the longest phrase has 30."""

_HINT = re.compile(
    r"\d|\b(?:" + "|".join([*dated_names.HINTS, *relative_dates.HINTS]) + ")", re.IGNORECASE
)
"""What is part of every name; most questions have none of it, and are done with here."""

MOST_NAMES = 20
"""Dates of one kind that are read in a text; no question has as many."""

_PARTS = {"beginning": "start", "middle": "mid", "early": "early", "late": "late", "mid": "mid"}


@dataclass(frozen=True, slots=True)
class Named:
    """A period that a text names, and where.

    `exact` says that it is sure to be a date wherever it stands ("3 March 2025", "yesterday"); the
    others need a word such as "in" before them. `relative` ones count from the day of asking.
    """

    period: Period
    span: Span
    exact: bool = False
    relative: bool = False


def named_periods(text: str, calendar: Calendar) -> list[Named]:
    """Return the periods named in a text, from left to right, none inside another."""
    if not _HINT.search(text):
        return []
    found = [_grown(named, text) for named in _names(text, calendar)]
    found.sort(key=lambda named: (named.span.start, -named.span.end))
    outer: list[Named] = []
    for named in found:
        if not outer or named.span.start >= outer[-1].span.end:
            outer.append(named)
        elif named.span.end > outer[-1].span.end and _length(named) > _length(outer[-1]):
            outer[-1] = named
    return outer


def _length(named: Named) -> int:
    return named.span.end - named.span.start


def _names(text: str, calendar: Calendar) -> Iterator[Named]:
    for table, exact, relative in (
        (DATES, True, False),
        (RELATIVE, True, True),
        (NAMES, False, False),
        (ON_WEEKDAY if _is_current(calendar) else (), True, True),
    ):
        for pattern, read in table:
            for match in islice(pattern.finditer(text), MOST_NAMES):
                period = read(match, calendar)
                if period is not None and not (relative and _is_ahead(period, calendar)):
                    yield Named(period, Span(*match.span()), exact, relative)


def _is_current(calendar: Calendar) -> bool:
    """Tell whether the archive reaches the week of asking, so that "on Monday" can mean a date."""
    return calendar.last is not None and calendar.last >= calendar.today - timedelta(days=7)


def _is_ahead(period: Period, calendar: Calendar) -> bool:
    return period.first is not None and period.first > calendar.today


# What narrows a name, in front of it

_EARLY = re.compile(r"\b(early|mid|late)[ -](?:in )?$", re.IGNORECASE)
_START = re.compile(r"\b(?:the )?(start|beginning|middle|end) of (?:the )?$", re.IGNORECASE)
_NTH = re.compile(
    r"\b(?:the )?("
    + "|".join(COUNTS)
    + r") (week|weekend|half|days|fortnight) (?:of|in) (?:the )?$",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\b(?:the )?(day|night|week|weekend|fortnight) (before|after|of) $", re.IGNORECASE
)
_BESIDE_DAYS = {"day": 1, "night": 1, "week": 7, "weekend": 7, "fortnight": 14}


def _grown(named: Named, text: str) -> Named:
    """Return a name with what narrows it in front: "the first week of" and the like."""
    start = named.span.start
    before = text[max(0, start - REACH) : start]
    for pattern, narrow in _NARROWINGS:
        match = pattern.search(before)
        if match:
            period = narrow(match, named.period)
            if period is not None:
                return replace(
                    named, period=period, span=Span(start - len(match[0]), named.span.end)
                )
    return named


def _early(match: re.Match[str], whole: Period) -> Period | None:
    return periods.part(whole, match[1].lower()) if (whole.days or 0) > 7 else None


def _start(match: re.Match[str], whole: Period) -> Period | None:
    name = match[1].lower()
    return periods.part(whole, _PARTS.get(name, name)) if (whole.days or 0) > 7 else None


def _nth(match: re.Match[str], whole: Period) -> Period | None:
    nth, unit = COUNTS[match[1].lower()], match[2].lower()
    if (whole.days or 0) <= 7:
        return None
    if unit == "half":
        return periods.part(whole, "first half" if nth == 1 else "second half")
    if unit == "weekend":
        return periods.nth_weekend(whole, nth)
    return periods.nth_week(whole, nth)


def _beside(match: re.Match[str], whole: Period) -> Period | None:
    """Return the week before a day, the day after it, the week that it is in."""
    if whole.days != 1 or whole.first is None:
        return None
    days, side = _BESIDE_DAYS[match[1].lower()], match[2].lower()
    one = timedelta(days=1)
    if side == "of":
        return periods.week_of(whole.first) if days == 7 else whole
    if side == "before":
        return periods.between(whole.first - timedelta(days=days), whole.first - one)
    return periods.between(whole.first + one, whole.first + timedelta(days=days))


_NARROWINGS: tuple[
    tuple[re.Pattern[str], Callable[[re.Match[str], Period], Period | None]], ...
] = ((_EARLY, _early), (_START, _start), (_NTH, _nth), (_BESIDE, _beside))
