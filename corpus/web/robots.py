"""Read robots.txt as RFC 9309 says: which paths of a site a program may ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

MAX_RULES = 5_000
"""Rules that are looked at: the largest files of news sites have some 500."""

MAX_PATTERN_CHARS = 500
"""Characters of a rule's path."""

MAX_DELAY_SECONDS = 30.0
"""Seconds between two requests that a site may ask for and get."""

_SAFE = "/%:@!$&'()*+,;=~-._?"
"""Characters that stand for themselves in a path, here as in the addresses that are compared."""

_LINE = re.compile(
    r"[ \t]*(user-agent|allow|disallow|crawl-delay)[ \t]*:([^#\r\n]*)", re.IGNORECASE
)


@dataclass(slots=True)
class _Group:
    """The rules for some programs: (path pattern, is allowed)."""

    agents: list[str] = field(default_factory=list)
    rules: list[tuple[str, bool]] = field(default_factory=list)
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Robots:
    """What a site says to one program; `delay` is the time between requests in seconds."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0

    def allows(self, target: str) -> bool:
        """Tell whether a path, with its query, may be asked for: the longest rule counts."""
        fitting = [
            (len(pattern), allowed) for pattern, allowed in self.rules if _fits(pattern, target)
        ]
        return max(fitting, default=(0, True))[1]


def robots_of(text: str, agent: str) -> Robots:
    """Return the rules of a robots.txt for a program: of the groups that name it, else of "*"."""
    groups = list(_groups(text.splitlines()))
    own = [group for group in groups if agent.lower() in group.agents]
    chosen = own or [group for group in groups if "*" in group.agents]
    rules = [rule for group in chosen for rule in group.rules][:MAX_RULES]
    delay = max((group.delay for group in chosen), default=0.0)
    return Robots(tuple(rules), min(delay, MAX_DELAY_SECONDS))


def _groups(lines: Iterable[str]) -> Iterator[_Group]:
    """Yield the groups: lines that name programs, and the rules under them."""
    group, open_for_names = _Group(), True
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        name, value = match[1].lower(), match[2].strip()
        if name == "user-agent":
            if not open_for_names:
                yield group
                group, open_for_names = _Group(), True
            group.agents.append(value.lower().partition("/")[0])
            continue
        open_for_names = False
        if name == "crawl-delay":
            group.delay = _seconds(value)
        elif value and len(value) <= MAX_PATTERN_CHARS:
            group.rules.append((quote(value, safe=_SAFE), name == "allow"))
    yield group


def _fits(pattern: str, target: str) -> bool:
    """Tell whether a path starts as a pattern says: "*" is anything, "$" at the end the end.

    Takes time linear in the path for each star: each piece is taken where it first occurs.
    """
    first, *rest = pattern.removesuffix("$").split("*")
    if not target.startswith(first):
        return False
    at, last = len(first), ""
    if pattern.endswith("$"):
        if not rest:
            return at == len(target)
        last = rest.pop()
    for piece in rest:
        found = target.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(target) - len(last) >= at and target.endswith(last)


def _seconds(value: str) -> float:
    """Return a delay; nothing for what is none."""
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0
