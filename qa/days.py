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
