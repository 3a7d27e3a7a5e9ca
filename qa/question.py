"""Question + conversation -> Query: what is searched for, and in which articles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.dates import parse_date
from corpus.errors import UsageError
from qa.records import History, Query

MAX_QUESTION = 2_000
"""Characters: what is longer is no question, and the model reads some 1,200 of them."""

CONTEXT_WEIGHT = 0.5
"""Weight of the conversation beside the question itself; tuned on shared/bench/followups."""

MAX_CONTEXT = 4_000
"""Characters of the conversation that are read, from its end."""

_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the caller asks for beside the question: outlets and dates (ISO, inclusive)."""

    sources: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None


def understand(
    question: str,
    *,
    history: History = (),
    limits: Limits | None = None,
    outlets: Sequence[str] = (),
    asked: str | None = None,
) -> Query:
    """Return the query that a question means.

    `outlets` are the archive's, `asked` is the day of asking (ISO date; today where None).
    Raises UsageError where there is no question in the text, or too much of it.
    """
    text = clean_question(question)
    limits = limits or Limits()
    return Query(
        question=question,
        text=text,
        context=_context(history),
        sources=_known(limits.sources, outlets),
        since=_date("since", limits.since),
        until=_date("until", limits.until),
    )


def clean_question(question: str) -> str:
    """Return the question without control and direction characters, spaces made single."""
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters: ask in {MAX_QUESTION:,} or fewer"
        )
    text = " ".join(_UNSEEN.sub(" ", question).split())
    if not any(character.isalnum() for character in text):
        raise UsageError(
            "there is no question: type a few words, such as `When does the bridge reopen?`"
        )
    return text


def _context(history: History) -> tuple[tuple[str, float], ...]:
    """Return what earlier turns add: all that was asked, and the last answer."""
    asked = [turn["content"] for turn in history if turn.get("role") == "user"]
    answers = [turn["content"] for turn in history if turn.get("role") == "assistant"]
    said = " ".join([*asked, *answers[-1:]])
    text = " ".join(_UNSEEN.sub(" ", said[-MAX_CONTEXT:]).split())
    return ((text, CONTEXT_WEIGHT),) if any(map(str.isalnum, text)) else ()


def _known(asked: Sequence[str], outlets: Sequence[str]) -> tuple[str, ...]:
    """Return the archive's own spelling of the outlets asked for."""
    by_name = {outlet.casefold(): outlet for outlet in outlets}
    found = []
    for name in asked:
        outlet = by_name.get(name.strip().casefold())
        if outlet is None:
            known = ", ".join(sorted(outlets)[:10]) or "none"
            raise UsageError(f"no article is from {name!r}: the archive's outlets are {known}")
        found.append(outlet)
    return tuple(found)


def _date(name: str, value: str | None) -> str | None:
    if not value:
        return None
    date = parse_date(value)
    if date is None:
        raise UsageError(f"--{name} {value!r} is no date: write it as 2025-03-14")
    return date
