"""Days as people write them."""

from __future__ import annotations

from datetime import date

from qa.periods import MONTHS


def readable_date(iso: str) -> str:
    """Return an ISO date (YYYY-MM-DD) as "2 March 2025"; anything else as it is."""
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day} {MONTHS[day.month - 1].title()} {day.year}"


def age(iso: str, today: date) -> str:
    """Return how long ago a day was, "2 years ago"; an empty string for what is no past day."""
    try:
        days = (today - date.fromisoformat(iso)).days
    except ValueError:
        return ""
    if days < 0:
        return ""
    if days < 2:
        return "yesterday" if days else "today"
    for unit, length in (("year", 365.25), ("month", 30.44), ("day", 1)):
        count = int(days / length)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return ""
