"""Read a date as newspapers and feeds write it, and return it as ISO 8601 (YYYY-MM-DD)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

MAX_DATE_CHARS = 80
"""Characters: "Last updated on Thursday, 2 March 2023 at 14:05 GMT", a long one, has 55;
longer strings are prose, and reading them would only find a date by accident."""

MIN_YEAR, MAX_YEAR = 1800, 2100
"""Years: newspaper archives start about 1800; beyond 2100 a number is not a date of publication."""

_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, 1)}
_MONTHS |= {name[:3]: n for name, n in _MONTHS.items()} | {"sept": 9}
_MONTH = r"(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12][0-9]{3})(?![0-9])"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"

_ISO = re.compile(
    r"\s*(?P<year>[12][0-9]{3})([-/.])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})(?![0-9])"
)
_COMPACT = re.compile(
    r"\s*(?P<year>[12][0-9]{3})(?P<month>[01][0-9])(?P<day>[0-3][0-9])"
    r"(?:T?[0-9]{4}|T?[0-9]{6})?(?:Z|[+-][0-9]{4})?\s*\Z"
)
_EPOCH = re.compile(r"\s*([0-9]{9,10})([0-9]{3})?(?:\.[0-9]{1,6})?\s*\Z")
_NUMERIC = re.compile(
    r"(?<![0-9])(?P<first>[0-9]{1,2})(?P<mark>[/.-])(?P<second>[0-9]{1,2})(?P=mark)" + _YEAR
)
_WRITTEN = (
    re.compile(rf"(?<![0-9]){_DAY}(?: of)?[ \-]{_MONTH},?[ \-]{_YEAR}", re.IGNORECASE),
    re.compile(
        rf"\b{_MONTH} {_DAY}(?:,| at)? (?:{_CLOCK} )?(?:[A-Z]{{2,4}} )?{_YEAR}", re.IGNORECASE
    ),
    re.compile(rf"\b{_MONTH} {_DAY},{_YEAR}", re.IGNORECASE),
)


def parse_date(text: str) -> str | None:
    """Return the date that `text` states as YYYY-MM-DD, or None where it states none for certain.

    The date is the one written: a time zone does not move it. Read are ISO 8601, its compact form,
    RFC 2822, Unix seconds and milliseconds (as UTC), and English dates with a month name. Of dates
    in figures, dots mean day first ("02.03.2023"); with a slash or hyphen only a date that can be
    read one way counts ("13/03/2023", "03/13/2023"), so "02/03/2023" gives None. Dates without a
    day or with a two-digit year give None. Nothing raises.
    """
    if len(text) > MAX_DATE_CHARS:
        return None
    squeezed = " ".join(text.split())
    return next((found for found in _readings(squeezed) if found), None)


def _readings(text: str) -> Iterator[str | None]:
    """Yield what each notation makes of `text`, the least ambiguous notation first."""
    for pattern in (_ISO, _COMPACT):
        if match := pattern.match(text):
            yield _iso(int(match["year"]), int(match["month"]), int(match["day"]))
    if match := _EPOCH.match(text):
        yield _from_epoch(int(match[1]))
    for pattern in _WRITTEN:
        if match := pattern.search(text):
            month = _MONTHS[match["month"].lower()]
            yield _iso(int(match["year"]), month, int(match["day"]))
    if match := _NUMERIC.search(text):
        yield _from_figures(match)


def _from_figures(match: re.Match[str]) -> str | None:
    """Return the date of "13/03/2023" or "13.03.2023", or None where day and month are unclear."""
    first, second, year = int(match["first"]), int(match["second"]), int(match["year"])
    if match["mark"] == "." or first > 12 or first == second:
        return _iso(year, second, first)
    return _iso(year, first, second) if second > 12 else None


def _from_epoch(seconds: int) -> str | None:
    """Return the UTC date of a Unix time in seconds."""
    return datetime.fromtimestamp(seconds, tz=UTC).date().isoformat()


def _iso(year: int, month: int, day: int) -> str | None:
    """Return the date as YYYY-MM-DD, or None where the calendar has no such day."""
    if not MIN_YEAR <= year <= MAX_YEAR:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
