"""Serving replicas: search indices of a shared archive that follow its commits by themselves.

A served question never waits for indices. While those of a new commit are being made, the ones
before answer, without what was removed since; the person is told so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from corpus.errors import ArchiveLockedError, NewsArchiveError, NotReadyError, UnreachableError
from embeddings.derived import open_indices, reduced
from embeddings.indices import Indices
from embeddings.store import Store
from qa.pulse import BEAT_SECONDS, JOIN_SECONDS, Pulse
from qa.records import Standing

RETRY_SECONDS = 60.0
"""Longest wait before indices are made again that could not be: a full disk, or damage."""

log = logging.getLogger(__name__)


class Follower:
    """Keeps indices in step with a served store, in threads with stores of their own.

    `prepare` is called before indices of the first vectors are given: it makes or loads what
    questions need beside them.
    """

    def __init__(self, served: Store, prepare: Callable[[], object]) -> None:
        self._served = served
        self._prepare = prepare
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._closing = ExitStack()
        self._indices: Indices | None = None
        self._reduced: tuple[str, Indices] | None = None
        self._failures = 0
        self._is_prepared = False

    def __enter__(self) -> Follower:
        with ExitStack() as stack:
            self._store = self._served.again()
            stack.callback(self._store.close)
            self._pulse = Pulse(self._served.again(), [self._store, self._served])
            stack.enter_context(self._pulse)
            self._thread = threading.Thread(target=self._follow, name="qa-follower", daemon=True)
            self._thread.start()
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        if not self._pulse.is_reachable:
            self._store.cut()
        self._thread.join(JOIN_SECONDS)  # a thread that is building ends with the process
        self._closing.close()

    @property
    def standing(self) -> Standing:
        """Return how far this replica is, as of half a second ago; asks nobody."""
        held = self._indices
        return Standing(
            follows=True,
            generation=None if held is None else held.generation,
            newest=self._pulse.newest,
            reachable=self._pulse.is_reachable,
        )

    def check(self) -> None:
        """Raise UnreachableError where there is no sense in waiting for an answer now."""
        if not self._pulse.is_reachable:
            raise UnreachableError(
                f"the database of {self._served.place} does not answer: try again in a moment"
            )
        if self._indices is None:
            raise self._not_made()

    def indices_for(self, store: Store) -> Indices:
        """Return the indices in hand as they hold in a store's present view.

        Raises NotReadyError where there are none yet.
        """
        held, before = self._indices, self._reduced
        commit = store.commit_name(store.generation)
        if held is not None and held.commit == commit:
            return held
        if before is not None and before[0] == commit:
            return before[1]
        found = None if held is None else reduced(store, held)
        if found is None:
            raise self._not_made()
        self._reduced = commit, found
        return found

    def _not_made(self) -> NotReadyError:
        return NotReadyError(
            f"the search indices of {self._served.place} are being made on this machine: try again"
            " in a moment"
        )

    def catch_up(self, *, thorough: bool = False) -> Indices:
        """Bring the indices to the newest commit now, and return them.

        Raises ArchiveLockedError where another process of this machine makes them.
        """
        with self._lock:
            held = None if thorough else self._indices
            found = open_indices(self._store, held, thorough=thorough, waits=True)
            if not found.behind:
                self._indices, self._reduced = found, None
            return found

    def _follow(self) -> None:
        while not self._stopped.is_set():
            held, pulse = self._indices, self._pulse
            is_behind = held is None or held.commit != pulse.commit
            if is_behind and pulse.is_reachable and pulse.newest is not None:
                self._try()
            self._stopped.wait(min(BEAT_SECONDS * 2 ** min(self._failures, 10), RETRY_SECONDS))

    def _try(self) -> None:
        """Catch up; what fails is tried again, and told once."""
        try:
            if not self._is_prepared and self._store.encoder is not None:
                self._prepare()
                self._is_prepared = True
            self.catch_up()
        except ArchiveLockedError:
            return  # another process makes the indices: they are there soon
        except Exception as error:  # a thread that ended would serve old articles for ever
            if not self._failures and not self._stopped.is_set():
                told = error if isinstance(error, NewsArchiveError) else type(error).__name__
                log.warning("this replica does not follow for now: %s", told)
            self._failures += 1
        else:
            self._failures = 0
