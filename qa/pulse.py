"""Whether a shared archive's database answers, and which commit is its newest.

A database may be gone (who asks is told so) or silent: frozen, or behind a network that drops all.
Nobody would be told then, so what waits for a silent database is cut off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from corpus.errors import NewsArchiveError
from embeddings.store import Store

BEAT_SECONDS = 0.5
"""How often the database is asked for its newest commit: two small queries, under 1 ms each."""

SILENCE_SECONDS = 5.0
"""Seconds that such a question may wait for its answer, and whatever else waits then with it."""

JOIN_SECONDS = 5.0
"""Seconds to wait for a thread to end."""

log = logging.getLogger(__name__)


class Pulse:
    """Asks within the block, over a store of its own; cuts off `watched` stores in a silence.

    It closes its own store. `commit` is the newest commit's name, `newest` its generation.
    """

    def __init__(self, store: Store, watched: Sequence[Store]) -> None:
        self._store = store
        self._watched = (store, *watched)
        self._stopped = threading.Event()
        self._asked: float | None = None
        self._answers = True
        self.newest: int | None = None
        self.commit = ""
        self._threads = [
            threading.Thread(target=work, name="qa-pulse", daemon=True)
            for work in (self._ask, self._watch)
        ]

    def __enter__(self) -> Pulse:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        if self._is_silent:
            self._cut()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._store.close()

    @property
    def is_reachable(self) -> bool:
        """Tell whether the database answered when it was last asked, and is not silent now."""
        return self._answers and not self._is_silent

    @property
    def _is_silent(self) -> bool:
        asked = self._asked
        return asked is not None and time.monotonic() - asked > SILENCE_SECONDS

    def _ask(self) -> None:
        while not self._stopped.wait(0 if self.newest is None and self._answers else BEAT_SECONDS):
            self._asked = time.monotonic()
            try:
                generation = self._store.generation
                self.commit = self._store.commit_name(generation)
                self.newest = generation
            except Exception as error:  # a thread that ended would say "ok" for ever
                if self._answers and not self._stopped.is_set():
                    told = error if isinstance(error, NewsArchiveError) else type(error).__name__
                    log.warning("a shared archive is out of reach: %s", told)
                self._answers = False
            else:
                self._answers = True
            finally:
                self._asked = None

    def _watch(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            if self._is_silent:
                log.warning("%s has been silent: what waits for it is cut off", self._store.place)
                self._cut()

    def _cut(self) -> None:
        for store in self._watched:
            store.cut()
