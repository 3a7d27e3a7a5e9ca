"""Dates by name, such as "3 March 2025", "March", "Q1 2025" and "Christmas" -> periods."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from corpus.dates import parse_date
from qa import periods
from qa.periods import MONTHS, SEASONS, Calendar, Period

Reader = Callable[[re.Match[str], Calendar], Period | None]
"""Returns the period that a match names, or None where there is no such date."""

COUNTS = {
    word: n
    for n, words in enumerate(
        ["first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th"], 1
    )
    for word in words.split()
} | {"last": -1, "final": -1, "opening": 1, "closing": -1}

_FEASTS = {
    "christmas day": (12, 25),
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new year's day": (1, 1),
    "new year": (1, 1),
    "halloween": (10, 31),
    "valentine's day": (2, 14),
    "bonfire night": (11, 5),
}

_MONTH = r"(?P<month>" + "|".join(MONTHS) + r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
_FULL_MONTH = r"(?P<month>" + "|".join(MONTHS) + r")\b"
_DAY = r"(?<!\d)(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:1[89]|20)\d\d)(?![\d%]|[.,/-]\d)"
_SEASON = r"(?P<season>" + "|".join(SEASONS) + r")\b"


def _month_number(match: re.Match[str]) -> int:
    return next(
        n for n, name in enumerate(MONTHS, 1) if name.startswith(match["month"][:3].lower())
    )


def _stated_year(match: re.Match[str]) -> int | None:
    stated = match.groupdict().get("year")
    return int(stated) if stated else None


def _iso_day(match: re.Match[str], _: Calendar) -> Period | None:
    stated = parse_date(match[0])
    return periods.day(date.fromisoformat(stated)) if stated else None


def _day(match: re.Match[str], calendar: Calendar) -> Period | None:
    number, in_month = _month_number(match), int(match["day"])
    stated = _stated_year(match)
    year = stated or _year_of(calendar, lambda year: date(year, number, 1))
    try:
        return periods.day(date(year, number, in_month))
    except ValueError:
        return None


def _month(match: re.Match[str], calendar: Calendar) -> Period:
    number = _month_number(match)
    year = _stated_year(match) or _year_of(calendar, lambda year: date(year, number, 1))
    return periods.month(year, number)


def _season(match: re.Match[str], calendar: Calendar) -> Period:
    name = match["season"].lower()
    year = _stated_year(match) or _year_of(calendar, lambda year: date(year, SEASONS[name], 1))
    return periods.season(year, name)


def _quarter(match: re.Match[str], calendar: Calendar) -> Period:
    stated = match.groupdict().get("quarter")
    number = int(stated) if stated else COUNTS[match["nth"].lower()]
    year = _stated_year(match) or _year_of(calendar, lambda year: date(year, 3 * number - 2, 1))
    return periods.quarter(year, number)


def _feast(match: re.Match[str], calendar: Calendar) -> Period:
    month, day = _FEASTS[match["feast"].lower().replace("’", "'")]
    year = _stated_year(match) or _year_of(calendar, lambda year: date(year, month, 1))
    return periods.day(date(year, month, day))


def _year(match: re.Match[str], _: Calendar) -> Period:
    return periods.year(int(match["year"]))


def _year_of(calendar: Calendar, start: Callable[[int], date]) -> int:
    """Return the year of a date that was given without: the latest that has come by the anchor.

    Where that lies before the archive's first month the anchor's own year is meant: "on 24
    December", asked of an archive that ends on the 20th.
    """
    anchor, first = calendar.anchor, calendar.first
    year = anchor.year - (start(anchor.year) > anchor)
    is_before_all = first is not None and start(year) < first.replace(day=1)
    return anchor.year if is_before_all else year


HINTS = (
    *(month[:3] for month in MONTHS),
    *SEASONS,
    *(feast.partition("'")[0] for feast in _FEASTS),
    "quarter",
)
"""What words begin with of which one, or a digit, is part of each name below."""

DATES: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"(?<!\d)[12]\d{3}-\d{1,2}-\d{1,2}(?!\d)"), _iso_day),
    (re.compile(r"(?<!\d)\d{1,2}[/.-]\d{1,2}[/.-][12]\d{3}(?!\d)"), _iso_day),
    (re.compile(rf"{_DAY}(?: of)?[ -]{_MONTH},?[ -]{_YEAR}", re.IGNORECASE), _day),
    (re.compile(rf"\b{_MONTH} {_DAY},? {_YEAR}", re.IGNORECASE), _day),
)
NAMES: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(rf"{_DAY}(?: of)?[ -]{_MONTH}(?!,? \d{{4}})", re.IGNORECASE), _day),
    (re.compile(rf"\b{_MONTH} {_DAY}(?![\d:]|,? \d{{4}})", re.IGNORECASE), _day),
    (re.compile(rf"\b{_MONTH},?(?: of)? {_YEAR}", re.IGNORECASE), _month),
    (re.compile(rf"\b{_FULL_MONTH}", re.IGNORECASE), _month),
    (re.compile(rf"\bQ(?P<quarter>[1-4])(?: (?:of )?{_YEAR})?", re.IGNORECASE), _quarter),
    (
        re.compile(
            r"\b(?P<nth>first|second|third|fourth) quarter"
            rf"(?: (?:of )?{_YEAR})?",
            re.IGNORECASE,
        ),
        _quarter,
    ),
    (re.compile(rf"\b{_SEASON}(?: (?:of )?{_YEAR})?", re.IGNORECASE), _season),
    (
        re.compile(
            r"\b(?P<feast>"
            + "|".join(name.replace("'", "['’]") for name in _FEASTS)
            + rf")\b(?:,? {_YEAR})?",
            re.IGNORECASE,
        ),
        _feast,
    ),
    (re.compile(rf"(?<![\w$£€.,/-]){_YEAR}", re.IGNORECASE), _year),
)
