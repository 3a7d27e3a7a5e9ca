"""Question text -> the periods that its words name, and where those words stand.

The smallest names are found first ("March", "2025", "yesterday"), then grown to the left by what
narrows them ("the first week of", "early", "the week before").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from corpus.dates import MAX_YEAR, parse_date
from corpus.records import Span
from qa import periods
from qa.periods import MONTHS, SEASONS, WEEKDAYS, Period

REACH = 48
"""Characters in front of a name that are read for what narrows it; the longest phrase has 30."""

_COUNTS = {
    word: n
    for n, words in enumerate(
        ["first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th"], 1
    )
    for word in words.split()
} | {"last": -1, "final": -1, "opening": 1, "closing": -1}
_NUMBERS = {"a": 1, "an": 1, "couple of": 2, "few": 3} | {
    word: n
    for n, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), 1
    )
}
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
_PARTS = {"beginning": "start", "middle": "mid", "early": "early", "late": "late", "mid": "mid"}


@dataclass(frozen=True, slots=True)
class Calendar:
    """What "last week" and a month without its year are read against.

    `today` is the day of asking; `first` and `last` are the archive's first and last days of
    publication, None where no article is dated. `asked` tells whether `today` was stated.
    """

    today: date
    first: date | None = None
    last: date | None = None
    asked: bool = False

    @property
    def anchor(self) -> date:
        """Return the day that a date without its year lies before: of asking, or the newest news."""
        if self.asked or self.last is None:
            return self.today
        return min(self.today, self.last)


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


Reader = Callable[[re.Match[str], Calendar], Period | None]


def named_periods(text: str, calendar: Calendar) -> list[Named]:
    """Return the periods named in a text, from left to right, none inside another."""
    found = [_grown(named, text, calendar) for named in _names(text, calendar)]
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


# The names themselves

_MONTH = r"(?P<month>" + "|".join(MONTHS) + r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
_FULL_MONTH = r"(?P<month>" + "|".join(MONTHS) + r")\b"
_DAY = r"(?<!\d)(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:1[89]|20)\d\d)(?![\d%]|[.,/-]\d)"
_SEASON = r"(?P<season>" + "|".join(SEASONS) + r")\b"
_UNIT = r"(?P<unit>day|week|weekend|fortnight|month|year)"
_NUMBER = r"(?P<number>\d{1,3}|" + "|".join(_NUMBERS) + r")"
_RECENT_UNIT = r"(?P<unit>day|week|fortnight|month)"


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
    number = int(stated) if stated else _COUNTS[match["nth"].lower()]
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

    Where that lies before the archive's first day the next one is meant ("on 24 December", asked
    of an archive that ends on the 20th).
    """
    year = calendar.anchor.year - (start(calendar.anchor.year) > calendar.anchor)
    first = calendar.first
    if (
        first is not None
        and start(year) < first.replace(day=1)
        and start(year + 1).year <= MAX_YEAR
    ):
        return year + 1 if start(year + 1).year == calendar.anchor.year else year
    return year


# Counted from the day of asking


def _near_day(match: re.Match[str], calendar: Calendar) -> Period:
    word = match[0].lower()
    back = 1 if word.startswith("yesterday") or word.startswith("last") else 0
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
    """Return the calendar's last week, weekend, month or year."""
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
    """Return the last such day up to the day of asking; "last Friday" is before it."""
    wanted = WEEKDAYS.index(match["weekday"].lower())
    start = calendar.today - timedelta(days=1 if match["which"].lower() == "last" else 0)
    return periods.day(start - timedelta(days=(start.weekday() - wanted) % 7))


def _last_named(match: re.Match[str], calendar: Calendar) -> Period:
    """Return the last summer, or the last March, that has ended; "this" is of the year of asking."""
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


_FULL = re.IGNORECASE
_EXACT: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"(?<!\d)[12]\d{3}-\d{1,2}-\d{1,2}(?!\d)"), _iso_day),
    (re.compile(r"(?<!\d)\d{1,2}[/.-]\d{1,2}[/.-][12]\d{3}(?!\d)"), _iso_day),
    (re.compile(rf"{_DAY}(?: of)?[ -]{_MONTH},?[ -]{_YEAR}", _FULL), _day),
    (re.compile(rf"\b{_MONTH} {_DAY},? {_YEAR}", _FULL), _day),
)
_RELATIVE: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (
        re.compile(
            r"\b(?:(?:the day before )?yesterday|today(?!['’]s)|last night|"
            r"this (?:morning|afternoon|evening))",
            _FULL,
        ),
        _near_day,
    ),
    (re.compile(rf"\b(?:earlier |later )?this {_UNIT}\b", _FULL), _this),
    (re.compile(rf"(?<!\bthe )\b(?:last|the previous) {_UNIT}\b", _FULL), _last),
    (re.compile(r"\b(?:at|over) the (?P<unit>weekend)\b", _FULL), _last),
    (
        re.compile(
            rf"\b(?:the |these )?(?:last|past) (?:(?P<number>\d{{1,3}}|"
            rf"{'|'.join(_NUMBERS)}) )?(?P<unit>day|week|fortnight|month|year)s?\b",
            _FULL,
        ),
        _past,
    ),
    (re.compile(rf"(?<![\d,.])\b{_NUMBER} {_RECENT_UNIT}s? ago\b", _FULL), _ago),
    (
        re.compile(rf"\b(?P<which>last|this) (?P<what>{'|'.join([*MONTHS, *SEASONS])})\b", _FULL),
        _last_named,
    ),
    (re.compile(rf"\b(?P<which>last|this) (?P<weekday>{'|'.join(WEEKDAYS)})\b", _FULL), _weekday),
)
_LOOSE: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(rf"{_DAY}(?: of)?[ -]{_MONTH}(?!,? \d{{4}})", _FULL), _day),
    (re.compile(rf"\b{_MONTH} {_DAY}(?![\d:]|,? \d{{4}})", _FULL), _day),
    (re.compile(rf"\b{_MONTH},?(?: of)? {_YEAR}", _FULL), _month),
    (re.compile(rf"\b{_FULL_MONTH}", _FULL), _month),
    (re.compile(rf"\bQ(?P<quarter>[1-4])(?: (?:of )?{_YEAR})?", _FULL), _quarter),
    (
        re.compile(
            r"\b(?P<nth>first|second|third|fourth) quarter"
            rf"(?: (?:of )?{_YEAR})?",
            _FULL,
        ),
        _quarter,
    ),
    (re.compile(rf"\b{_SEASON}(?: (?:of )?{_YEAR})?", _FULL), _season),
    (
        re.compile(
            r"\b(?P<feast>"
            + "|".join(name.replace("'", "['’]") for name in _FEASTS)
            + rf")\b(?:,? {_YEAR})?",
            _FULL,
        ),
        _feast,
    ),
    (re.compile(rf"(?<![\w$£€.,/-]){_YEAR}", _FULL), _year),
)
_ON_WEEKDAY = re.compile(rf"\bon (?P<which>)(?P<weekday>{'|'.join(WEEKDAYS)})\b", _FULL)


def _names(text: str, calendar: Calendar) -> Iterator[Named]:
    for table, exact, relative in (
        (_EXACT, True, False),
        (_RELATIVE, True, True),
        (_LOOSE, False, False),
        (((_ON_WEEKDAY, _weekday),) if _is_current(calendar) else (), True, True),
    ):
        for pattern, read in table:
            for match in pattern.finditer(text):
                period = read(match, calendar)
                if period is not None and not (relative and _is_ahead(period, calendar)):
                    yield Named(period, Span(*match.span()), exact, relative)


def _is_current(calendar: Calendar) -> bool:
    """Tell whether the archive reaches the week of asking, so that "on Monday" can mean a date."""
    return calendar.last is not None and calendar.last >= calendar.today - timedelta(days=7)


def _is_ahead(period: Period, calendar: Calendar) -> bool:
    return period.first is not None and period.first > calendar.today


# What narrows a name, in front of it

_EARLY = re.compile(r"\b(early|mid|late)[ -](?:in )?$", _FULL)
_START = re.compile(r"\b(?:the )?(start|beginning|middle|end) of (?:the )?$", _FULL)
_NTH = re.compile(
    r"\b(?:the )?("
    + "|".join(_COUNTS)
    + r") (week|weekend|half|days|fortnight) (?:of|in) (?:the )?$",
    _FULL,
)
_BESIDE = re.compile(r"\b(?:the )?(day|night|week|weekend|fortnight) (before|after|of) $", _FULL)
_BESIDE_DAYS = {"day": 1, "night": 1, "week": 7, "weekend": 7, "fortnight": 14}


def _grown(named: Named, text: str, calendar: Calendar) -> Named:
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
    nth, unit = _COUNTS[match[1].lower()], match[2].lower()
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
