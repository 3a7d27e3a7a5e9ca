"""Periods of time: what "March 2025", "late June" or "last week" covers, as days of publication."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date, timedelta

MONTHS = (
    "january february march april may june july august september october november december"
).split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""First month of each season, as meteorologists of the northern half count them."""

EVENT_MARGIN = timedelta(days=3)
"""How long after an event its reports still appear: a weekly of Saturday covers Wednesday's news.
Samples: all 17 dated questions keep their articles at 3, two lose them at 0."""

EARLY_UNTIL, LATE_FROM = 10, 20
"""Days of the month: "early March" ends with the 10th, "late March" starts with the 20th."""

ENDS_DAYS = 8
"""Days that "the start of" or "the end of" a month or year covers: a week and a day."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both inclusive; None leaves that side open.

    `label` names it to a person. `names` are the ways in which an article may name it, lower case
    without punctuation ("3 march", "2025"): such an article can tell of it from outside. A
    `relative` period counts from the day of asking ("last week"): no article names it, and people
    mean it loosely, so its articles come first where others are left out for a period by name.
    """

    first: date | None
    last: date | None
    label: str
    names: tuple[str, ...] = ()
    relative: bool = False

    @property
    def notice(self) -> str:
        """Return what a person is told of the use of this period, without the full stop."""
        return f"Articles {self.label}{' first' if self.relative else ''}"

    def covers(self, published: str | None) -> bool:
        """Tell whether an article of this day (ISO date) is inside; one without a date may be."""
        after = self.first is None or published is None or self.first.isoformat() <= published
        return after and (
            self.last is None or published is None or published <= self.last.isoformat()
        )

    @property
    def days(self) -> int | None:
        """Return the number of days, None where a side is open."""
        if self.first is None or self.last is None:
            return None
        return (self.last - self.first).days + 1


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
        """Return the day up to which a date without its year lies: of asking, or the newest."""
        if self.asked or self.last is None:
            return self.today
        return min(self.today, self.last)


def day(when: date) -> Period:
    """Return a single day."""
    month = MONTHS[when.month - 1]
    short = month[:3]
    suffix = ordinal_suffix(when.day)
    names = tuple(
        name
        for word in (month, short)
        for name in (
            f"{when.day} {word}",
            f"{word} {when.day}",
            f"{when.day}{suffix} {word}",
            f"{word} {when.day}{suffix}",
            f"{when.day}{suffix} of {word}",
        )
    )
    return Period(when, when, f"{when.day} {month.title()} {when.year}", names)


def month(year: int, number: int) -> Period:
    """Return a month; `number` counts from 1."""
    name = MONTHS[number - 1]
    last = calendar.monthrange(year, number)[1]
    return Period(
        date(year, number, 1), date(year, number, last), f"{name.title()} {year}", (name, name[:3])
    )


def year(number: int) -> Period:
    """Return a year."""
    return Period(date(number, 1, 1), date(number, 12, 31), str(number), (str(number),))


def quarter(year: int, number: int) -> Period:
    """Return a quarter of a year; `number` counts from 1."""
    first, last = month(year, 3 * number - 2), month(year, 3 * number)
    return Period(first.first, last.last, f"quarter {number} of {year}", (f"q{number}",))


def season(year: int, name: str) -> Period:
    """Return a season; the winter of a year starts in its December."""
    first = date(year, SEASONS[name], 1)
    return Period(first, months_after(first, 3) - timedelta(days=1), f"{name} {year}", (name,))


def week_of(when: date) -> Period:
    """Return the week from Monday to Sunday that a day is in."""
    first = when - timedelta(days=when.weekday())
    return between(first, first + timedelta(days=6))


def weekend_before(when: date) -> Period:
    """Return the last Saturday and Sunday that had begun on a day."""
    saturday = when - timedelta(days=(when.weekday() - 5) % 7)
    return between(saturday, saturday + timedelta(days=1))


def between(first: date, last: date) -> Period:
    """Return the days from one to another."""
    return Period(first, last, f"{_spoken(first)} to {_spoken(last)}")


def part(whole: Period, name: str) -> Period:
    """Return the early, mid or late part, the start, the end or a half of a period."""
    if whole.first is None or whole.last is None:
        return whole
    length = (whole.last - whole.first).days + 1
    first, last = {
        "early": (0, length * EARLY_UNTIL // 30 - 1),
        "mid": (length * EARLY_UNTIL // 30, length * LATE_FROM // 30),
        "late": (length * LATE_FROM // 30 - 1, length - 1),
        "start": (0, ENDS_DAYS - 1),
        "end": (length - ENDS_DAYS, length - 1),
        "first half": (0, length // 2 - 1),
        "second half": (length // 2, length - 1),
    }[name]
    first, last = max(first, 0), min(max(last, 0), length - 1)
    days = whole.first + timedelta(days=first), whole.first + timedelta(days=last)
    return Period(*days, _part_label(name, whole.label))


def _part_label(name: str, whole: str) -> str:
    return f"{name} {whole}" if name in {"early", "mid", "late"} else f"the {name} of {whole}"


def nth_week(whole: Period, nth: int) -> Period:
    """Return the nth seven days of a period, counted from 1; -1 is the last seven."""
    if whole.first is None or whole.last is None:
        return whole
    if nth < 0:
        return between(whole.last - timedelta(days=6), whole.last)
    first = whole.first + timedelta(days=7 * (nth - 1))
    return between(first, first + timedelta(days=6))


def nth_weekend(whole: Period, nth: int) -> Period:
    """Return the nth weekend whose Saturday is in a period, counted from 1; -1 is the last."""
    if whole.first is None or whole.last is None:
        return whole
    if nth < 0:
        return weekend_before(whole.last)
    saturday = whole.first + timedelta(days=(5 - whole.first.weekday()) % 7 + 7 * (nth - 1))
    return between(saturday, saturday + timedelta(days=1))


def with_margin(period: Period) -> Period:
    """Return a period with the days in which events at its end are still reported."""
    if period.last is None:
        return period
    return replace(period, last=period.last + EVENT_MARGIN)


def months_after(when: date, months: int) -> date:
    """Return the same day some months later (or earlier), or the last day of a shorter month."""
    index = when.year * 12 + when.month - 1 + months
    number, in_year = index // 12, index % 12 + 1
    return date(number, in_year, min(when.day, calendar.monthrange(number, in_year)[1]))


def ordinal_suffix(number: int) -> str:
    """Return "st", "nd", "rd" or "th", as an English ordinal ends."""
    if number % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _spoken(when: date) -> str:
    return f"{when.day} {MONTHS[when.month - 1].title()} {when.year}"
