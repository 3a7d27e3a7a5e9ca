"""Passages encoded by the workers of a Ray cluster; all else stays with the one writer here.

Articles are read, split and cut into batches here, and committed here, in order. What travels is
the archive's own encoder, once, then batches of word pieces one way and vectors the other. Since
the batches are those that one machine would compute, so are the vectors. Tasks of Ray's core serve
better than a dataset of Ray Data, which begins when all that goes into it is known: articles are
still being read while the first are committed.

A cluster is trusted as this machine is: what its machines send is unpickled.
"""

from __future__ import annotations

import math
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from corpus.errors import NewsArchiveError, UsageError, WorkersError
from embeddings.encoder import (
    WINDOW,
    PassageText,
    PassageVectors,
    default_threads,
)
from embeddings.late_chunking import Batch
from embeddings.onnx import OnnxEncoder
from embeddings.sending import GO_ON, UNIT, Encoded, EncodesHere, as_sent, check, encode_sent, units

LOCAL = "ray"
"""Address that means the cluster of $RAY_ADDRESS, else one on this machine for the run's length."""

REMOTE = "ray://"
"""How the address of another machine's cluster begins (Ray's client protocol)."""

TASKS_A_CORE = 2
"""Tasks in the making for each core: one that it computes, one that it takes up next."""

MOST_AHEAD = 32
"""Windows in the making beyond the first. Their texts and vectors, some 20 kB a passage, are kept
until they are committed: at most some 700 MB."""

RETRIES = 8
"""Times that a task is computed anew after the machine or process that had it died: one that dies
of the task itself would be killed for ever."""

CLIENT_PORT = 10_001
"""Where a cluster's first machine answers those who join from elsewhere, if the address names no
port."""

KNOCK_SECONDS = 5.0
"""Seconds within which something must answer at a cluster's address."""

JOINS, JOIN_SECONDS = 3, 2.0
"""Times that joining is tried, and seconds between, where the cluster answers that it cannot: it
starts a process for each who joins, and gives up where its first machine is busy."""

DEATHS = {"WorkerCrashedError", "NodeDiedError", "OutOfMemoryError"}
"""Names of Ray's errors for a task whose tries are used up."""

STALL_SECONDS = 30.0
"""Seconds without a result after which it is looked whether the cluster has any core at all."""

STORE_BYTES = 512 * 2**20
"""Bytes of the object store of a cluster on this machine: Ray would take a third of the memory."""

SHORT_FOLDER = Path("/tmp")  # noqa: S108 - what is made in it is this user's alone
SOCKET_ROOM = 20
"""Bytes that the path of the temporary folder may have. Of the 103 that macOS lets the path of a
socket have, Ray takes up to 67 below the folder it is given, and that one's name 16."""

QUIETLY: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
"""What Ray is told so that stderr holds this project's messages alone."""

SILENT = {"RAY_USAGE_STATS_ENABLED": "0"}
"""Environment of a cluster on this machine: it reports nothing to its makers."""

PRIVATE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""The same where this module is the first to import the library, which reads it only then: such a
cluster listens on the loopback interface alone (which Ray does where it is told that machines are
not joined), and asks for a secret of this process instead of one that Ray keeps in a file."""


class RayEncoder(EncodesHere):
    """An OnnxEncoder's vectors, computed by a cluster. Close it to leave the cluster.

    The cluster is joined with the first passages: a run that has none to encode needs none. Raises
    WorkersError where the cluster cannot be had or fails, UsageError for what is no address.
    """

    def __init__(self, encoder: OnnxEncoder, address: str) -> None:
        super().__init__(encoder)
        self._address = address
        self._ray: Any = None
        self._left = ExitStack()
        self._send: Callable[[list[Batch]], Any]
        self._unfinished: dict[Any, None] = {}
        self._arrived: dict[Any, Encoded | Exception] = {}
        self._cores = 0
        self._inexact: set[str] = set()

    @property
    def ahead(self) -> int:
        """Return how many windows keep all cores at work while one is being committed."""
        return min(MOST_AHEAD, math.ceil(self._cores * TASKS_A_CORE * UNIT / WINDOW))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return which machines' vectors differ in their last bits from those computed here."""
        if not self._inexact:
            return ()
        machines = ", ".join(sorted(self._inexact))
        return (
            f"the processors of {machines} round otherwise than this machine's: their vectors"
            f" agree with those computed here, but not to the last bit",
        )

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Have all passages encoded from now on; return (index, vectors) as they come.

        What fails after the first call is raised by what is returned, when its turn has come: those
        begun before may end well. Closing that takes back what is not finished.
        """
        parts = [*units(self._encoder.batches(passages))]
        if self._ray is None:
            with self._explained():
                self._join()
        waiting: dict[Any, list[Batch]] = {}
        failure: NewsArchiveError | None = None
        try:
            with self._explained():
                self._cores = int(self._ray.cluster_resources().get("CPU", 0))
                for unit in parts:
                    task = self._send(unit)
                    waiting[task] = unit
                    self._unfinished[task] = None
        except NewsArchiveError as error:
            failure = error
        return _Encoding(self._gathered(waiting, failure), partial(self._take_back, waiting))

    def close(self) -> None:
        """Leave the cluster; what it has not begun is taken back, what it has is not waited for."""
        self._take_back([*self._unfinished, *self._arrived])
        self._ray = None
        self._left.close()

    def _take_back(self, tasks: Collection[Any]) -> None:
        """Cancel these tasks, and drop their results: nobody waits for them any more."""
        unfinished = [task for task in tasks if task in self._unfinished]
        for task in tasks:
            self._unfinished.pop(task, None)
            self._arrived.pop(task, None)
        with suppress(Exception):  # a cluster that is gone cannot be told
            for task in unfinished:
                self._ray.cancel(task)

    def _gathered(
        self, waiting: dict[Any, list[Batch]], failure: NewsArchiveError | None
    ) -> Generator[tuple[int, PassageVectors], None, None]:
        """Yield the vectors of these tasks as they come; raise what kept others from being sent."""
        if failure:
            raise failure
        while waiting:
            task = next((task for task in waiting if task in self._arrived), None)
            with self._explained():
                if task is None:
                    self._fetch()
                    continue
                encoded = self._arrived.pop(task)
                if isinstance(encoded, Exception):
                    raise encoded
            check(encoded, waiting.pop(task), self.settings.dimension, self.reading)
            if not encoded.exact:
                self._inexact.add(encoded.machine)
            yield from encoded.vectors

    def _fetch(self) -> None:
        """Wait for results and fetch them, those that are for later too, failures as they are.

        What lay with a machine until its turn would be lost with it. Other people's work may come
        first, but a cluster without cores is none: machines that are gone may come back, and those
        that join are used.
        """
        done: list[Any] = []
        while not done:
            done, _ = self._ray.wait([*self._unfinished], timeout=STALL_SECONDS)
            if not done and not self._ray.cluster_resources().get("CPU"):
                raise WorkersError(
                    f"the Ray cluster at {self._address} has no worker left: start one with"
                    f" `ray start --address=HOST:PORT`. {GO_ON}"
                )
        for task in done:
            try:
                self._arrived[task] = self._ray.get(task)
            except Exception as error:  # of the task, or of what carries its result
                self._arrived[task] = error
            self._unfinished.pop(task)

    def _join(self) -> None:
        """Join the cluster and send it the encoder."""
        ray = self._left.enter_context(_cluster(self._address))
        sent = ray.put(as_sent(self._encoder))
        task = ray.remote(encode_sent).options(num_cpus=1, max_retries=RETRIES)
        self._send = lambda unit: task.remote(sent, unit)
        self._ray = ray

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what Ray raises within the block into a WorkersError that says what to do."""
        try:
            yield
        except NewsArchiveError:
            raise
        except Exception as error:  # ray and its transport raise anything
            raise _explanation(error, self._address) from error


@dataclass(frozen=True, slots=True)
class _Encoding(Iterator[tuple[int, PassageVectors]]):
    """Vectors of passages whose encoding has begun; `close` takes back what is not finished."""

    gathered: Generator[tuple[int, PassageVectors], None, None]
    take_back: Callable[[], None]

    def __next__(self) -> tuple[int, PassageVectors]:
        return next(self.gathered)

    def close(self) -> None:
        self.gathered.close()
        self.take_back()


def _explanation(error: Exception, address: str) -> NewsArchiveError:
    """Return what to tell of an error that came out of Ray."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, NewsArchiveError):
        return cause
    detail = str(cause or error).strip().splitlines()[-1:] or ["no reason given"]
    told = f"{type(cause or error).__name__}: {detail[0][:200]}"
    if "No module named" in str(error) or "failed to import" in str(error):
        return WorkersError(
            f"a worker of the Ray cluster at {address} lacks this project ({told}): install the"
            f" same version with its [ray] extra on every machine of it. {GO_ON}"
        )
    if type(error).__name__ in DEATHS:
        return WorkersError(
            f"workers of the Ray cluster at {address} died {RETRIES + 1} times over the same"
            f" passages ({told}): give them more memory, or fewer cores a machine. {GO_ON}"
        )
    return WorkersError(
        f"the Ray cluster at {address} failed ({told}): look with `ray status` on its first"
        f" machine whether it runs, with the same versions of Python and Ray as here. {GO_ON}"
    )


def checked_address(address: str) -> str:
    """Return the address of workers; raise UsageError for what is none."""
    if address != LOCAL and not (address.startswith(REMOTE) and _host_of(address)[0]):
        raise UsageError(
            f"{address!r} is no address of workers: give {LOCAL} for a Ray cluster on this machine"
            f" (or that of $RAY_ADDRESS), or {REMOTE}HOST:10001 for another machine's"
        )
    return address


def _host_of(address: str) -> tuple[str, int]:
    """Return the host and port that an address names; no host where it is none."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.port or CLIENT_PORT
    except ValueError:  # a port that is no number
        return "", 0


# The cluster


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Give the library, part of a cluster within the block; of that of the process, if any."""
    with ExitStack() as stack:
        own = address == LOCAL and not os.environ.get("RAY_ADDRESS")
        if own:
            stack.enter_context(_environment(SILENT))
            if _is_first():
                stack.enter_context(_environment({**PRIVATE, "RAY_AUTH_TOKEN": _token()}))
        ray = _imported()
        if not ray.is_initialized():
            if own:
                folder = tempfile.TemporaryDirectory(
                    prefix="qa-ray-", dir=_short_folder(), ignore_cleanup_errors=True
                )
                _start(ray, stack.enter_context(folder))
            else:
                _connect(ray, None if address == LOCAL else address)
            stack.callback(ray.shutdown)
        yield ray


def _start(ray: Any, folder: str) -> None:
    """Start a cluster on this machine, with a folder for its files."""
    ray.init(
        address="local",
        num_cpus=default_threads(),
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
        **QUIETLY,
    )


def _short_folder() -> str:
    """Return the temporary folder, or /tmp where sockets in it would have too long a path."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= SOCKET_ROOM or not os.access(SHORT_FOLDER, os.W_OK):
        return usual
    return str(SHORT_FOLDER)


def _connect(ray: Any, address: str | None) -> None:
    """Join a running cluster, that of $RAY_ADDRESS where `address` is None.

    Ray itself takes half a minute to find that nothing answers.
    """
    if address is not None:
        socket.create_connection(_host_of(address), timeout=KNOCK_SECONDS).close()
    for left in reversed(range(JOINS)):
        try:
            ray.init(address=address, **QUIETLY)
        except ConnectionAbortedError:
            if not left:
                raise
            time.sleep(JOIN_SECONDS)
        else:
            return


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "workers need the package ray: install the extra, `pip install 'news-archive-qa[ray]'`"
        ) from error
    return ray


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within the block, but for those that are set already."""
    ours = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@cache
def _is_first() -> bool:
    """Tell whether nobody had imported the library in this process when this was first asked."""
    return "ray" not in sys.modules


@cache
def _token() -> str:
    """Return the secret that clusters of this process ask for."""
    return secrets.token_hex(32)
