"""Bounds of a search -> Milvus' own filter; it may let more through, and never less."""

from __future__ import annotations

import re
from datetime import date

from embeddings.keys import Keys
from embeddings.nearest import Bounds

NAME_BYTES = 512
"""Bytes of an outlet's name in Milvus; longer ones are cut, for the truth decides in the end."""

NAMED_ARTICLES = 2_000
"""Articles, or passages, up to which a filter names each: with 2,500 names a search takes 19 ms,
with 100,000 it takes 900. Beyond, outlet and dates narrow it."""

NO_DAY = 0
"""The day of an article without a date, or with one that is no day."""

_SPECIAL = re.compile(r"[^\w .,&'()/+-]")
"""What a name in a filter might be misread by; quotes and backslashes above all."""


def outlet_field(outlet: str | None) -> str:
    """Return an outlet's name as Milvus keeps it: with _ in place of what would need quoting."""
    plain = _SPECIAL.sub("_", outlet or "").encode()[:NAME_BYTES]
    return plain.decode("utf-8", "ignore")


def day_field(published: str | None) -> int:
    """Return a date of publication as a number, 20250131, or NO_DAY."""
    try:
        day = date.fromisoformat((published or "")[:10])
    except ValueError:
        return NO_DAY
    return 10_000 * day.year + 100 * day.month + day.day


def named(passages: Keys | None) -> str:
    """Return a filter that names passages, "" where they are too many, or all."""
    if passages is None or len(passages) > NAMED_ARTICLES:
        return ""
    return f"key in {passages.tolist()}"


def expression(bounds: Bounds | None) -> str:
    """Return a filter that lets all passages within the bounds through; "" where it is of no use.

    Few articles are named, which is exact; of many, only what they have in common is told.
    """
    if bounds is None:
        return ""
    terms = []
    if bounds.outlets:
        names = ", ".join(f'"{outlet_field(outlet)}"' for outlet in bounds.outlets)
        terms.append(f"outlet in [{names}]")
    if len(bounds.articles) <= NAMED_ARTICLES:
        terms.append(f"article in {[int(key) for key in bounds.articles]}")
    else:
        limits = []
        if first := day_field(bounds.since):
            limits.append(f"day >= {first}")
        if last := day_field(bounds.until):
            limits.append(f"day <= {last}")
        if limits:
            terms.append(f"(day == {NO_DAY} or ({' and '.join(limits)}))")
    return " and ".join(terms)
