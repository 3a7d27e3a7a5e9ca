"""Serving replicas: search indices of a shared archive that follow its commits by themselves.

A served question never waits for indices. While those of a new commit are being made, the ones
before answer, without what was removed since; the person is told so.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from corpus.errors import ArchiveLockedError, NewsArchiveError, UnreachableError
from embeddings.derived import open_indices, reduced
from embeddings.indices import Indices
from embeddings.store import Store
from qa.records import Standing

FOLLOW_SECONDS = 0.5
"""How often a replica asks for the newest commit: one small query, answered in under 1 ms."""

log = logging.getLogger(__name__)


class Follower:
    """Keeps indices in step with a store of its own, in a thread, within the block."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="qa-follower", daemon=True)
        self._indices: Indices | None = None
        self._reduced: tuple[str, Indices] | None = None
        self._newest: int | None = None
        self._is_reachable = True

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._store.close()

    @property
    def standing(self) -> Standing:
        """Return how far this replica is, as of half a second ago; asks nobody."""
        held = self._indices
        return Standing(
            follows=True,
            generation=None if held is None else held.generation,
            newest=self._newest,
            reachable=self._is_reachable,
        )

    def indices_for(self, store: Store) -> Indices:
        """Return the indices in hand as they hold in a store's present view.

        Raises UnreachableError where there are none yet.
        """
        held, commit = self._indices, store.commit_name(store.generation)
        if held is not None and held.commit == commit:
            return held
        if self._reduced is not None and self._reduced[0] == commit:
            return self._reduced[1]
        found = None if held is None else reduced(store, held)
        if found is None:
            raise UnreachableError(
                f"the search indices of {store.place} are being made on this machine: try again in"
                " a moment"
            )
        self._reduced = commit, found
        return found

    def catch_up(self, *, thorough: bool = False) -> Indices:
        """Bring the indices to the newest commit now, and return them."""
        with self._lock:
            self._newest = self._store.generation
            held = None if thorough else self._indices
            found = open_indices(self._store, held, thorough=thorough, waits=True)
            if not found.behind:
                self._indices, self._reduced = found, None
                self._newest = max(self._newest, found.generation)
            return found

    def _follow(self) -> None:
        while True:
            try:
                self.catch_up()
            except ArchiveLockedError:  # another process makes the indices: they are there soon
                self._is_reachable = True
            except NewsArchiveError as error:
                if self._is_reachable:
                    log.warning("this replica follows no more for now: %s", error)
                self._is_reachable = False
            except Exception as error:  # a thread that ended would serve old articles for ever
                log.error("this replica could not follow: %s", type(error).__name__)
                self._is_reachable = False
            else:
                self._is_reachable = True
            if self._stopped.wait(FOLLOW_SECONDS):
                return
