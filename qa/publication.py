"""Question -> the days of publication that it asks for, and what of it is no longer searched for.

Only words that make a name into a limit count: "in March", "since May", "between April and June",
and what is a date wherever it stands ("yesterday", "3 March 2025"). "The 2024 budget", "the July
report" and "before the election" name things, and stay what is searched for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from corpus.records import Span
from qa import periods
from qa.period_phrases import REACH, Named, named_periods
from qa.periods import Calendar, Period, with_margin


@dataclass(frozen=True, slots=True)
class Asked:
    """A period that a question asks for, its label as in "since May 2025", and words to leave out.

    `spans` are offsets in the question: words counted from the day of asking ("last week"), which
    match articles of any date. Dates by name stay, since an article may name them too.
    """

    period: Period
    spans: tuple[Span, ...] = ()


def asked_period(text: str, calendar: Calendar) -> Asked | None:
    """Return the period that a question asks for, or None where it asks for none."""
    named = named_periods(text, calendar)
    spans = tuple(_with_preposition(text, name) for name in named if name.relative)
    period = _range(text, named) or _limit(text, named)
    if period is None:
        return None
    return Asked(period, spans)


# What stands in front of a date and makes it a limit

_WITHIN = re.compile(
    r"\b(?:in|during|within|throughout|over|on|at|from|around)(?P<the> the)? $", re.IGNORECASE
)
_SINCE = re.compile(r"\b(?:since|starting|starting in|from)(?: the)? $", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after)(?: the)? $", re.IGNORECASE)
_UNTIL = re.compile(r"\b(?:until|till|up to|by|as of)(?: the)? $", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:before|prior to)(?: the)? $", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween(?: the)? $", re.IGNORECASE)
_JOINED = re.compile(r"\s(?:and|to|until|till|through|-|–)\s(?:the )?", re.IGNORECASE)
_ONWARDS = re.compile(r"\s(?:on|onwards?|forwards?)\b", re.IGNORECASE)
_TAKES_THE = re.compile(
    r"(?:spring|summer|autumn|fall|winter|first|second|third|fourth|fifth|last|final|opening|closing"
    r"|early|late|mid|start|beginning|middle|end|week|weekend|fortnight|day|night|1st|2nd|3rd|\dth)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\d{4}")
_AT_END = re.compile(r"\W*\Z")
_POSSESSIVE = re.compile(r"['’]?s\b")


def _before(text: str, named: Named) -> str:
    return text[max(0, named.span.start - REACH) : named.span.start]


def _range(text: str, named: Sequence[Named]) -> Period | None:
    """Return the period of "between A and B" or "from A to B"."""
    for one, two in pairwise(named):
        opening = _before(text, one)
        opens = _BETWEEN.search(opening) or _SINCE.search(opening)
        joined = _JOINED.fullmatch(text, one.span.end, two.span.start)
        first, last = one.period.first, two.period.last
        if opens and joined and first and last:
            if first > last and first.year == last.year:
                first = first.replace(year=first.year - 1, day=min(first.day, 28))
            if first <= last:
                return Period(first, last, f"of {one.period.label} to {two.period.label}")
    return None


def _limit(text: str, named: Sequence[Named]) -> Period | None:
    """Return the first period inside which, else since or until which, articles are asked for."""
    limits = [period for name in named if (period := _limited(text, name)) is not None]
    closed = [period for period in limits if period.first and period.last]
    return next(iter(closed or limits), None)


def _limited(text: str, named: Named) -> Period | None:
    """Return what the words around a name make of it, or None where they make no limit of it."""
    before, period = _before(text, named), named.period
    if _AFTER.search(before) or _BEFORE.search(before):
        return _beside(named, is_after=bool(_AFTER.search(before)))
    if _SINCE.search(before) and _onwards(text, named, before):
        return Period(period.first, None, f"since {_edge(period, period.first)}")
    if _UNTIL.search(before):
        return Period(None, period.last, f"until {_edge(period, period.last)}")
    if named.exact or _is_within(text, named, before) or _stands_alone(text, named):
        return replace(with_margin(period), label=f"of {period.label}", relative=named.relative)
    return None


def _edge(period: Period, edge: date | None) -> str:
    """Return what one side of a period is called: its own name, or the day where it has none."""
    return periods.day(edge).label if edge and " to " in period.label else period.label


def _beside(named: Named, *, is_after: bool) -> Period | None:
    """Return the time before or after a full date; "before this summer" is told looking back."""
    period, one = named.period, timedelta(days=1)
    if named.relative or not named.exact or period.first is None or period.last is None:
        return None
    if is_after:
        return Period(period.last + one, None, f"after {period.label}")
    return Period(None, period.first - one, f"before {period.label}")


def _is_within(text: str, named: Named, before: str) -> bool:
    """Tell "in 2024" and "in the summer of 2024" from "in the 2024 budget"."""
    match = _WITHIN.search(before)
    if match is None:
        return False
    return not match["the"] or bool(_TAKES_THE.match(text, named.span.start))


def _onwards(text: str, named: Named, before: str) -> bool:
    """Tell "from May on" from "from May", an article of May."""
    is_from = before.rstrip().lower().removesuffix(" the").endswith("from")
    return not is_from or bool(_ONWARDS.match(text, named.span.end))


def _stands_alone(text: str, named: Named) -> bool:
    """Tell whether a month or day ends the question, as in "bridge news june 2025"."""
    has_year = any(map(str.isdigit, text[named.span.end - 4 : named.span.end]))
    is_year = _YEAR.fullmatch(text, named.span.start, named.span.end) is not None
    certain = named.period.days == 1 or (has_year and not is_year)
    return certain and bool(_AT_END.match(text, named.span.end))


def _with_preposition(text: str, named: Named) -> Span:
    """Return the place of a date with the word in front that made it a limit, and its "'s"."""
    before = _before(text, named)
    match = _WITHIN.search(before) or _SINCE.search(before) or _UNTIL.search(before)
    start = named.span.start - (len(match[0]) if match else 0)
    after = _POSSESSIVE.match(text, named.span.end)
    return Span(start, after.end() if after else named.span.end)
