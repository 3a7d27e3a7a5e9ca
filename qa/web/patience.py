"""Close connections that do not get to the end of a request, so that they take no room for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

HEAD_SECONDS = 15.0
"""How long a connection may take to send the head of a request."""

BODY_SECONDS = 300.0
"""How long it may take to send the body: a file of 64 MB in that time needs 2 Mbit/s."""

MOST_WAITING = 512
"""Connections that may be at it at once; of more, those that began first are closed."""

_State = tuple[str, Any]
"""What is being sent, and the request that was answered before or is being sent."""


class Patience:
    """Watches the connections of a server; for its event loop. Closes those that take too long.

    A connection is one of uvicorn's protocols: `cycle` is the request that it works on, if any.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Any, tuple[_State, float]] = {}

    def check(self, connections: Iterable[Any]) -> int:
        """Close what has taken too long; return how many connections that were."""
        now = self._clock()
        states = {connection: _state(connection) for connection in connections}
        self._since = {
            connection: self._began(connection, state, now)
            for connection, state in states.items()
            if state is not None
        }
        by_age = sorted(self._since, key=lambda connection: self._since[connection][1])
        too_many = set(by_age[: max(0, len(by_age) - MOST_WAITING)])
        closed = [
            connection
            for connection, ((sending, _), began) in self._since.items()
            if connection in too_many or now - began > _ALLOWED[sending]
        ]
        for connection in closed:
            connection.transport.close()
            del self._since[connection]
        return len(closed)

    def _began(self, connection: Any, state: _State, now: float) -> tuple[_State, float]:
        known = self._since.get(connection)
        return known if known is not None and known[0] == state else (state, now)


_ALLOWED = {"head": HEAD_SECONDS, "body": BODY_SECONDS}


def _state(connection: Any) -> _State | None:
    """Return what a connection is sending, and after which request; None while we are to answer."""
    cycle = connection.cycle
    if cycle is None or cycle.response_complete:
        return "head", cycle
    return ("body", cycle) if cycle.more_body and not cycle.response_started else None
