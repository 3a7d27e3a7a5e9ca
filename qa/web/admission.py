"""Who may ask now: a bounded queue of questions, and a number of requests a minute."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from corpus.errors import NewsArchiveError

QUEUE_PLACES = 32
"""Questions that wait or are worked on at once. A question takes tens of ms, and one is worked on
at a time: the last of them waits for a second or two, on a busy machine for some more."""

CLIENTS_REMEMBERED = 10_000
"""Clients whose requests are counted; the one that has been quiet for longest is forgotten."""

MINUTE = 60.0
"""Seconds."""


class BusyError(NewsArchiveError):
    """Too many questions are waiting; the same one can be asked again in a moment."""


class Queue:
    """A number of places; who finds none is turned away at once. Safe for threads."""

    def __init__(self, places: int = QUEUE_PLACES) -> None:
        self.places = places
        self._free = threading.Semaphore(places)
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Return the number of questions that wait or are worked on."""
        return self._taken

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place within the block. Raises BusyError where all are taken."""
        if not self._free.acquire(blocking=False):
            raise BusyError(
                f"{self.places} questions are waiting already: ask again in a few seconds"
            )
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._free.release()

    def _count(self, change: int) -> None:
        with self._lock:
            self._taken += change


class Rate:
    """Allows each client a number of requests a minute, in bursts of at most that many.

    A token bucket: it fills evenly, and a request takes one token. Safe for threads.
    """

    def __init__(self, a_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.a_minute = a_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; return 0, or where none is left the seconds until there is one."""
        now = self._clock()
        with self._lock:
            tokens, at = self._buckets.pop(client, (float(self.a_minute), now))
            tokens = min(self.a_minute, tokens + (now - at) * self.a_minute / MINUTE)
            allowed = tokens >= 1
            self._buckets[client] = (tokens - allowed, now)
            if len(self._buckets) > CLIENTS_REMEMBERED:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) * MINUTE / self.a_minute


def client_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
