"""Read the names of authors from bylines and author fields, in the shapes that sites give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MAX_NAMES = 50
"""Authors: more than any byline has; beyond that the field holds something else."""

MAX_NAME_CHARS = 100
"""Characters of one author's name; a longer one is a sentence."""

_INNER = (
    "name",
    "title",
    "rendered",
    "value",
    "#text",
    "$date",
    "$oid",
    "href",
    "url",
    "@id",
    "id",
)
"""Where the value stands when a field holds an object (schema.org, WordPress, MongoDB exports)."""

_AND = re.compile(r"\s{0,9}(?:,\s{1,9}and\s|;|,|\||\band\b|&)\s{0,9}")
_BY = re.compile(r"\A\s{0,9}(?:by|written by|reported by|from)[\s:]", re.IGNORECASE)
_ROLE = re.compile(
    r"\b(?:news|correspondents?|editors?|reporters?|staff|writers?|times|press|bureau|bbc|cnn|"
    r"reuters|associated press|agencies|admin|editorial|published|updated|team|desk)\b",
    re.IGNORECASE,
)


def author_names(value: object) -> tuple[str, ...]:
    """Return the names in an author field: a string, an object with a name, or a list of these.

    "By", roles, outlets and addresses are left out, each name comes once.
    """
    if isinstance(value, Mapping):
        value = scalar(value)
    if isinstance(value, str):
        parts: Sequence[object] = _AND.split(_BY.sub("", value[: MAX_NAMES * MAX_NAME_CHARS]))
    elif isinstance(value, (list, tuple)):
        parts = [name for item in value[:MAX_NAMES] for name in _names_of_item(item)]
    else:
        return ()
    names = (" ".join(str(part).split()) for part in parts)
    return tuple(dict.fromkeys(filter(_is_name, names)))[:MAX_NAMES]


def scalar(value: object) -> str | None:
    """Return a string or number as a stripped string; of an object or list, what is in it."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (str, int, float)):
        return str(value).strip() or None
    if isinstance(value, Mapping):
        return next(filter(None, (_leaf(value.get(name)) for name in _INNER)), None)
    if isinstance(value, (list, tuple)) and value:
        return scalar(value[0]) if isinstance(value[0], Mapping) else _leaf(value[0])
    return None


def _names_of_item(item: object) -> tuple[str, ...]:
    """Return the names in one item of a list; a list in a list is no name."""
    return () if isinstance(item, (list, tuple)) else author_names(item)


def _leaf(value: object) -> str | None:
    """Return a string or number as a stripped string, or None for anything deeper."""
    return None if isinstance(value, (Mapping, list, tuple)) else scalar(value)


def _is_name(name: str) -> bool:
    """Tell whether a part of an author field is a person: no role, outlet or address."""
    letters = any(character.isalpha() for character in name)
    return letters and len(name) <= MAX_NAME_CHARS and "/" not in name and not _ROLE.search(name)
