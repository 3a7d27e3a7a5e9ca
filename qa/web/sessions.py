"""Who is logged in. Sessions live as long as the server: after a restart one logs in again."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

SESSION_SECONDS = 7 * 24 * 3_600
"""How long a login lasts."""

MOST_SESSIONS = 10_000
"""Sessions at once; the oldest one ends where there are more."""


class Sessions:
    """Random keys, kept as hashes, each with a name and an end. For one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def begin(self, name: str) -> str:
        """Begin a session; return its key."""
        key = secrets.token_urlsafe(32)
        self._open[_digest(key)] = (name, self._clock() + SESSION_SECONDS)
        if len(self._open) > MOST_SESSIONS:
            self._open.popitem(last=False)
        return key

    def name(self, key: str) -> str | None:
        """Return whose session a key is, or None."""
        name, end = self._open.get(_digest(key), ("", 0.0))
        return name if name and self._clock() < end else None

    def end(self, key: str) -> None:
        """End a session, if there is one."""
        self._open.pop(_digest(key), None)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
