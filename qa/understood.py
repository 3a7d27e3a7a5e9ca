"""Query -> what a person is told of how a question was understood, each thing once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qa import texts
from qa.days import readable_date
from qa.records import Query

SOURCES, DATES, TOPIC = "sources", "dates", "topic"

_NOTICES = {SOURCES: "Only ", DATES: "Articles ", TOPIC: "Asking about: "}
"""How the notices begin that say the same as a limit of a query."""


@dataclass(frozen=True, slots=True)
class Understood:
    """One thing that was understood. `kind` names a limit that can be taken back; None: a word."""

    text: str
    kind: str | None = None


def understood(query: Query) -> Iterator[Understood]:
    """Yield what was understood: limits in the words of their notices where there are any."""
    limits = {
        TOPIC: ", ".join(query.topic),
        SOURCES: texts.ONLY + ", ".join(query.sources) if query.sources else "",
        DATES: dates_in_words(query.since, query.until),
    }
    told = list(query.notices)
    for kind, words in limits.items():
        if not words:
            continue
        said = next((notice for notice in told if notice.startswith(_NOTICES[kind])), None)
        if said is not None:
            told.remove(said)
        shown = said.rstrip(".") if said else words
        yield Understood(shown, kind)
    for notice in told:
        if notice.startswith(_NOTICES[DATES]):  # a relative period: nearer articles come first
            yield Understood(notice.rstrip("."), DATES)
        else:
            yield Understood(notice)


def dates_in_words(since: str | None, until: str | None) -> str:
    """Return a range of ISO dates, both inclusive, in words; an empty string for no range."""
    if since and until:
        if since == until:
            return readable_date(since)
        return texts.FROM_TO.format(since=readable_date(since), until=readable_date(until))
    if since:
        return texts.SINCE.format(day=readable_date(since))
    return texts.UNTIL.format(day=readable_date(until)) if until else ""
