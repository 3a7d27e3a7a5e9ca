"""Dates counted from the day of asking: "yesterday", "last week", "this month" -> periods."""

from __future__ import annotations

import re
from datetime import date, timedelta

from qa import periods
from qa.dated_names import Reader
from qa.periods import MONTHS, SEASONS, WEEKDAYS, Calendar, Period

_NUMBERS = {"a": 1, "an": 1, "couple of": 2, "few": 3} | {
    word: n
    for n, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), 1
    )
}
_UNIT = r"(?P<unit>day|week|weekend|fortnight|month|year)"
_NUMBER = r"(?P<number>\d{1,3}|" + "|".join(_NUMBERS) + r")"
_RECENT_UNIT = r"(?P<unit>day|week|fortnight|month)"


def _near_day(match: re.Match[str], calendar: Calendar) -> Period:
    word = match[0].lower()
    back = 1 if word.startswith(("yesterday", "last")) else 0
    back = 2 if "before yesterday" in word else back
    return periods.day(calendar.today - timedelta(days=back))


def _this(match: re.Match[str], calendar: Calendar) -> Period:
    """Return this week and the like, up to the day of asking; a week is the last seven days."""
    today, unit = calendar.today, match["unit"].lower()
    if unit == "weekend":
        return periods.weekend_before(today)
    first = {
        "day": today,
        "week": today - timedelta(days=7),
        "fortnight": today - timedelta(days=14),
        "month": today.replace(day=1),
        "year": today.replace(month=1, day=1),
    }[unit]
    return periods.between(first, today)


def _last(match: re.Match[str], calendar: Calendar) -> Period:
    """Return the last weekend, or the calendar's last month or year.

    Last week starts on its Monday and goes up to yesterday: some mean the last seven days.
    """
    today, unit = calendar.today, match["unit"].lower()
    if unit == "weekend":
        return periods.weekend_before(today)
    if unit == "year":
        return periods.year(today.year - 1)
    if unit == "month":
        before = periods.months_after(today.replace(day=1), -1)
        return periods.month(before.year, before.month)
    days = {"day": 1, "week": today.weekday() + 7, "fortnight": 14}[unit]
    return periods.between(today - timedelta(days=days), today - timedelta(days=1))


def _past(match: re.Match[str], calendar: Calendar) -> Period:
    first = _back(calendar.today, _number(match), match["unit"].lower())
    return periods.between(first, calendar.today)


def _ago(match: re.Match[str], calendar: Calendar) -> Period | None:
    """Return the time that lies so far back, as wide as its unit.

    Years are not read: "a year ago" is mostly told in articles of today, looking back.
    """
    unit = match["unit"].lower()
    when = _back(calendar.today, _number(match), unit)
    if unit == "month":
        return periods.month(when.year, when.month)
    return periods.day(when) if unit == "day" else periods.week_of(when)


def _number(match: re.Match[str]) -> int:
    word = (match["number"] or "one").lower()
    return _NUMBERS[word] if word in _NUMBERS else int(word)


def _back(today: date, number: int, unit: str) -> date:
    if unit in {"month", "year"}:
        return periods.months_after(today, -number * (12 if unit == "year" else 1))
    days = {"day": 1, "week": 7, "weekend": 7, "fortnight": 14}[unit]
    return today - timedelta(days=number * days)


def _weekday(match: re.Match[str], calendar: Calendar) -> Period:
    """Return the last such day up to the day of asking; "last Friday" lies before it."""
    wanted = WEEKDAYS.index(match["weekday"].lower())
    start = calendar.today - timedelta(days=1 if match["which"].lower() == "last" else 0)
    return periods.day(start - timedelta(days=(start.weekday() - wanted) % 7))


def _last_named(match: re.Match[str], calendar: Calendar) -> Period:
    """Return the last summer, or March, that has ended; "this" is of the year of asking."""
    text = match["what"].lower()
    this = match["which"].lower() == "this"
    year = calendar.today.year
    period = _of_year(text, year)
    if not this and period.last is not None and period.last >= calendar.today:
        period = _of_year(text, year - 1)
    return period


def _of_year(name: str, year: int) -> Period:
    if name in SEASONS:
        return periods.season(year, name)
    return periods.month(year, MONTHS.index(name) + 1)


HINTS = ("yesterday", "today", "this", "last", "past", "previous", "weekend", "ago", *WEEKDAYS)
"""What words begin with of which one is part of each of the names below."""

RELATIVE: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (
        re.compile(
            r"\b(?:(?:the day before )?yesterday|today(?!['’]s)|last night|"
            r"this (?:morning|afternoon|evening))",
            re.IGNORECASE,
        ),
        _near_day,
    ),
    (re.compile(rf"\b(?:earlier |later )?this {_UNIT}\b", re.IGNORECASE), _this),
    (re.compile(rf"(?<!\bthe )\b(?:last|the previous) {_UNIT}\b", re.IGNORECASE), _last),
    (re.compile(r"\b(?:at|over) the (?P<unit>weekend)\b", re.IGNORECASE), _last),
    (
        re.compile(
            rf"\b(?:the |these )?(?:last|past) (?:(?P<number>\d{{1,3}}|"
            rf"{'|'.join(_NUMBERS)}) )?(?P<unit>day|week|fortnight|month|year)s?\b",
            re.IGNORECASE,
        ),
        _past,
    ),
    (re.compile(rf"(?<![\d,.])\b{_NUMBER} {_RECENT_UNIT}s? ago\b", re.IGNORECASE), _ago),
    (
        re.compile(
            rf"\b(?P<which>last|this) (?P<what>{'|'.join([*MONTHS, *SEASONS])})\b", re.IGNORECASE
        ),
        _last_named,
    ),
    (
        re.compile(rf"\b(?P<which>last|this) (?P<weekday>{'|'.join(WEEKDAYS)})\b", re.IGNORECASE),
        _weekday,
    ),
)
ON_WEEKDAY: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (
        re.compile(rf"\bon (?P<which>)(?P<weekday>{'|'.join(WEEKDAYS)})\b", re.IGNORECASE),
        _weekday,
    ),
)
"""Read only where the archive reaches the week of asking: "on Monday" can mean any Monday."""
