"""What an archive keeps beside its truth: search indices that agree with it, and an encoder.

An archive in a folder catches up when it is asked. One that several machines share can be followed
as well, so that a served question does not wait for search indices.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from corpus.errors import ArchiveLockedError, ArchiveMismatchError, StorageError
from embeddings import onnx
from embeddings.derived import are_current, copy_indices, open_indices, publish_indices
from embeddings.encoder import Encoder
from embeddings.encoders import open_encoder, prepare_encoder
from embeddings.indices import Indices
from embeddings.locking import writer_lock
from embeddings.store import Store
from embeddings.writing import mismatch
from qa.following import Follower
from qa.holdings import Holdings
from qa.records import Standing

PATIENCE = 0.4
"""Seconds that a writer waits for the writer's place before it is told who has it."""

FOLDER_PATIENCE = 10.0
"""Seconds to wait for another process of this machine that makes a shared archive's encoder."""

ENCODER_LOCK = "encoder-lock"
"""Folder of the lock for that: the one for search indices may be held for long."""

VIEWS = 3
"""Times that a reader looks for a moment between two commits before it makes its own indices."""


@dataclass(frozen=True, slots=True)
class View:
    """What questions are searched with, all of one commit: the truth, its indices, the encoder."""

    store: Store
    indices: Indices
    encoder: Encoder


class Keeping(Holdings):
    """The part of an archive that keeps what is derived from it. Safe to use from threads."""

    def __init__(self, store: Store, encoder: Encoder | None, model: str | None) -> None:
        super().__init__(store)
        self._encoder = encoder
        self._model = model
        self._prepared = False
        self._indices: Indices | None = None
        self._follower: Follower | None = None

    def close(self) -> None:
        """Close the archive; it cannot be used afterwards."""
        with self._lock:
            self._indices = None
            self._store.close()

    # Serving

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow a shared archive's commits within the block, beside the questions, to serve it.

        Questions do not wait for search indices then: see `standing`. Others need no following.
        """
        if not self._store.is_shared:
            yield
            return
        with Follower(self._store, self._load_encoder) as follower:
            self._follower = follower
            try:
                yield
            finally:
                self._follower = None

    def standing(self) -> Standing:
        """Return how far behind the archive this process is; without a question to anybody."""
        return Standing() if self._follower is None else self._follower.standing

    # Writing

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Take the writer's place within the block, and clear up behind writers that were killed.

        A reader that mends something may have the place for a moment.
        """
        with self._store.writing(wait=PATIENCE):
            with suppress(ArchiveLockedError), self._encoder_lock(wait=0):
                for stray in self.directory.glob(f".{onnx.FOLDER}.*.tmp"):
                    shutil.rmtree(stray, ignore_errors=True)
            yield

    @contextmanager
    def _encoder_lock(self, wait: float = FOLDER_PATIENCE) -> Iterator[None]:
        """Keep other processes of this machine from making a shared archive's encoder meanwhile.

        The folder of any other archive is its writer's already.
        """
        if not self._store.is_shared:
            yield
            return
        folder = self.directory / ENCODER_LOCK
        folder.mkdir(parents=True, exist_ok=True)
        with writer_lock(folder, wait=wait):
            yield

    def _publish(self, *, thorough: bool = False) -> None:
        """Bring the search indices up to date after a commit; the caller has the writer's place."""
        if self._store.is_shared:
            with suppress(ArchiveLockedError):  # another process of this machine is at it
                self._indices = self._shared_indices(thorough=thorough)
        else:
            held = None if thorough else self._indices
            self._indices = publish_indices(self._store, held, thorough=thorough)

    # Search indices

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Take turns at the store within the block.

        Nobody waits for a database that is known not to answer: UnreachableError.
        """
        self._check()
        with self._lock:
            self._check()
            yield

    def _check(self) -> None:
        if self._follower is not None:
            self._follower.check()

    def _mend(self) -> None:
        """Check every byte of the search indices and make anew what is damaged."""
        if self._follower is not None:
            self._follower.catch_up(thorough=True)
        else:
            self._indices = open_indices(self._store, thorough=True)

    def _shared_indices(self, *, thorough: bool) -> Indices:
        """Return indices of a shared archive's present generation, made by this process if need be.

        Raises ArchiveLockedError where another process makes them.
        """
        if self._follower is not None:
            return self._follower.catch_up(thorough=thorough)
        held = None if thorough else self._indices
        return open_indices(self._store, held, thorough=thorough, waits=True)

    @contextmanager
    def view(self) -> Iterator[View]:
        """Give what questions are searched with, the same for all that is looked at in the block.

        Raises ArchiveMismatchError where the encoder is not that of the archive's vectors.
        """
        encoder = self._load_encoder()
        with self._agreed() as indices:
            yield View(self._store, indices, encoder)

    @contextmanager
    def _agreed(self) -> Iterator[Indices]:
        """Give indices, and one view of the store within the block that agrees with them."""
        if self._follower is not None:
            with self._store.snapshot():
                yield self._follower.indices_for(self._store)
            return
        held = self._indices
        if held is not None:  # mostly nothing was committed since the last question
            with self._store.snapshot():
                if are_current(self._store, held):
                    yield held
                    return
        for _ in range(VIEWS):
            indices = open_indices(self._store, self._indices)
            self._indices = self._indices if indices.behind else indices
            with self._store.snapshot():
                if indices.generation == self._store.generation:
                    yield indices
                    return
        with self._store.snapshot():
            yield copy_indices(self._store, self._indices)

    # The encoder

    def _prepare_encoder(self) -> Encoder:
        """Return the encoder for passages to come; the caller holds the writer's lock."""
        return self._load_encoder(prepare=True)

    def _load_encoder(self, *, prepare: bool = False) -> Encoder:
        """Return the encoder, loaded once, checked against the archive's vectors."""
        with self._lock:
            if self._encoder is None or self._is_outdated(prepare=prepare):
                self._encoder = self._find_encoder(prepare=prepare)
                self._prepared |= prepare
            # a writer asks amid its transaction, of which nothing is to be kept as the commit's
            stored = self._store.encoder if prepare else self._facts().encoder
            if stored is not None and stored != self._encoder.settings:
                raise ArchiveMismatchError(
                    mismatch(self._store, stored.model, self._encoder.settings.model)
                )
            return self._encoder

    def _lacks_encoder(self) -> bool:
        return not (self.directory / onnx.FOLDER).exists() or onnx.lacks_states(self.directory)

    def _is_outdated(self, *, prepare: bool) -> bool:
        """Tell whether the encoder lacks a reader that another in its place would have.

        One is made in its place with the first passages to come, or was by another process.
        """
        carried = self._encoder
        if not isinstance(carried, onnx.OnnxEncoder) or not carried.is_outdated:
            return False
        return (prepare and not self._prepared) or carried.was_replaced

    def _find_encoder(self, *, prepare: bool) -> Encoder:
        """Return the encoder; each machine of a shared archive carries one of its own."""
        known = self.directory, self._store.encoder, self._model
        if self._store.is_shared and (prepare or self._lacks_encoder()):
            with suppress(ArchiveLockedError, StorageError), self._encoder_lock():
                return prepare_encoder(*known)
        return (prepare_encoder if prepare else open_encoder)(*known)
