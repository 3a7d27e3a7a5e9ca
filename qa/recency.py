"""Question -> how much it prefers newer articles.

"What is the latest", "who is the mayor now" and "when will it reopen" ask for what the newest
article says.
"""

from __future__ import annotations

import re

NOW = 1.0
"""Preference of a question that asks for the newest in so many words."""

AHEAD = 0.5
"""Preference of a question about what is still to come: an older plan may have been dropped."""

_NOW = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|currently|current|nowadays|now|still|yet|so far|to date"
    r"|at the moment|these days|at present|as of (?:now|today)|up to now|by now|things stand"
    r"|any (?:news|update)|in the end|eventually|finally|ever|really|actually)\b",
    re.IGNORECASE,
)
_AHEAD = re.compile(
    r"\b(?:will|going to|due to|meant to|set to|supposed to|expected to|scheduled|planned"
    r"|when (?:is|are|can|could))\b",
    re.IGNORECASE,
)


def asks_for_newest(text: str) -> float:
    """Return how much a question prefers newer articles, 0..1."""
    if _NOW.search(text):
        return NOW
    return AHEAD if _AHEAD.search(text) else 0.0
