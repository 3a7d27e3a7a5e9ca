"""Serving replicas: they follow commits, say when they are behind, and outlive their database.

QA_SHARED_SECONDS sets how long clients ask while the database is restarted; the full run is
`QA_SHARED_SECONDS=60 python -m pytest -m shared tests/test_replicas.py -s`.
"""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from corpus.errors import UnreachableError
from embeddings.derived import open_indices
from qa import Archive, following
from qa.web.service import build_service
from tests.archives import run_python
from tests.fakes import HashingEncoder, stories, write_articles
from tests.pace import within
from tests.postgres import Server
from tests.replicas import Replica, replica
from tests.truths import PostgresTruth

pytestmark = pytest.mark.shared

SECONDS = float(os.environ.get("QA_SHARED_SECONDS", "6"))
CLIENTS = 8
STORIES = 60

GATE_SECONDS = 60
"""Longest that a test holds a replica up."""

RECOVERY = 4.0
"""Seconds after the database answers in which a replica has to answer again."""


def question(n: int) -> str:
    return f"How many visitors did Keeper Name{n}son count?"


@pytest.fixture
def archive(shared: PostgresTruth, tmp_path: Path) -> Iterator[Archive]:
    """Return a shared archive of some articles, for writing."""
    with Archive.create(shared.address, encoder=HashingEncoder()) as made:
        made.add(write_articles(tmp_path / "a.jsonl", stories(STORIES)))
        yield made


def cites(found: tuple[int, Any], article: str) -> bool:
    status, body = found
    return status == 200 and body["citations"][0]["article_id"] == article


# Following


def hold_up(gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let replicas make search indices only while the gate is open."""

    def held_up(*args: Any, **options: Any) -> Any:
        gate.wait(GATE_SECONDS)
        return open_indices(*args, **options)

    monkeypatch.setattr(following, "open_indices", held_up)


def test_a_replica_that_is_behind_answers_and_says_so(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its health and readiness, a notice with the answer; what was removed is cited by nobody."""
    gate = threading.Event()
    gate.set()

    hold_up(gate, monkeypatch)
    with (
        Archive.open(archive.address, encoder=HashingEncoder()) as served,
        served.following(),
        TestClient(build_service(served)) as client,
        opened_at_the_end(gate),
    ):
        wait_for(lambda: served.standing().status == "ok")
        first = archive.status().generation
        assert client.get("/ready").json() == client.get("/health").json() == {
            "status": "ok", "generation": first, "newest": first,
        }  # fmt: skip
        assert served.ask(question(7)).citations[0].article_id == "story-7"
        gate.clear()
        archive.add(write_articles(tmp_path / "b.jsonl", stories(1, first=90)))
        archive.remove("story-7")
        newest = archive.status().generation
        wait_for(lambda: served.standing().status == "behind")
        told = {"status": "behind", "generation": first}
        assert told.items() <= client.get("/health").json().items()
        assert client.get("/ready").status_code == 200
        answer = served.ask(question(7))
        assert any("cannot be searched yet" in notice for notice in answer.query.notices)
        assert "story-7" not in {hit.article_id for hit in answer.hits}
        assert "story-90" not in {hit.article_id for hit in served.ask(question(90)).hits}
        gate.set()
        wait_for(lambda: served.standing().generation == newest)
        assert served.ask(question(90)).citations[0].article_id == "story-90"
        assert served.ask(question(90)).query.notices == ()
        assert client.get("/ready").json()["status"] == "ok"


def test_a_replica_without_indices_yet_is_not_ready(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions are refused for a moment and not kept waiting; the server itself is well."""
    gate = threading.Event()

    hold_up(gate, monkeypatch)
    with (
        Archive.open(archive.address, encoder=HashingEncoder()) as served,
        served.following(),
        TestClient(build_service(served)) as client,
        opened_at_the_end(gate),
    ):
        assert client.get("/health").json()["status"] == "starting"
        for refused in (client.get("/ready"), client.post("/ask", json={"question": question(7)})):
            assert refused.status_code == 503
            assert refused.headers["Retry-After"]
            assert refused.json()["type"].endswith(":starting")
        with pytest.raises(UnreachableError, match="are being made"):
            served.ask(question(7))
        gate.set()
        wait_for(lambda: served.standing().status == "ok")
        assert client.get("/ready").status_code == 200


def test_a_replica_of_an_empty_archive_waits_for_its_model(shared: PostgresTruth) -> None:
    """Which encoder it takes is told by the first vectors, and not before."""
    with (
        Archive.create(shared.address) as served,
        served.following(),
    ):
        wait_for(lambda: served.standing().status == "ok")
        assert "no articles" in (served.ask(question(1)).reason or "")
        assert served._encoder is None


def test_replicas_answer_from_a_new_commit_in_a_moment(archive: Archive, tmp_path: Path) -> None:
    """Two processes with folders of their own, a third that writes: within two seconds."""
    with (
        replica(archive.address, tmp_path / "1") as one,
        replica(archive.address, tmp_path / "2") as two,
    ):
        for served in (one, two):
            served.wait_until("ok")
            assert cites(served.ask(question(3)), "story-3")
        seconds: list[float] = []
        for n in range(100, 104):
            archive.add(write_articles(tmp_path / f"{n}.jsonl", stories(1, first=n)))
            committed = time.monotonic()
            with within(2, clock=time.monotonic):
                for served in (one, two):
                    wait_for(lambda s=served, n=n: cites(s.ask(question(n)), f"story-{n}"))
                    seconds.append(time.monotonic() - committed)
        archive.remove("story-3")
        for served in (one, two):  # from the moment of the commit on
            cited = served.ask(question(3))[1]["citations"]
            assert "story-3" not in {citation["article_id"] for citation in cited}
        told = one.get("/api/status")[1]
        assert told["articles"] == STORIES + 3
        print(f"new articles were found after {statistics.median(seconds):.2f} s (median),"
              f" {max(seconds):.2f} s (most)")  # fmt: skip


def test_replicas_of_one_machine_share_what_is_derived(archive: Archive, tmp_path: Path) -> None:
    """The second finds the search indices of the first, and nobody's are thrown away."""
    with replica(archive.address, tmp_path) as one, replica(archive.address, tmp_path) as two:
        for served in (one, two):
            served.wait_until("ok")
        for n in range(100, 103):
            archive.add(write_articles(tmp_path / f"{n}.jsonl", stories(1, first=n)))
            for served in (one, two):
                wait_for(lambda s=served, n=n: cites(s.ask(question(n)), f"story-{n}"))
    (folder,) = (tmp_path / "cache" / "news-archive" / "shared").iterdir()
    assert len([place for place in (folder / "derived").iterdir() if place.is_dir()]) == 1


@contextmanager
def opened_at_the_end(gate: threading.Event) -> Iterator[None]:
    """Hold nobody up after the block, however it ends."""
    try:
        yield
    finally:
        gate.set()


def wait_for(condition: Any, seconds: float = 20) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# A database that goes away


class Clients:
    """Threads that ask a replica in turn, and note what they are told."""

    def __init__(self, served: Replica) -> None:
        self._served = served
        self._stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.answered: list[float] = []
        self.slowest = 0.0
        self.wrong: list[Any] = []
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, n: int) -> None:
        while not self._stop.is_set():
            n = (n + CLIENTS) % STORIES
            began = time.monotonic()
            try:
                status, body = self._served.ask(question(n))
            except OSError as error:
                self.wrong.append(repr(error))
                continue
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.statuses[status] += 1
            if status == 200:
                self.answered.append(time.monotonic())
                if not cites((status, body), f"story-{n}"):
                    self.wrong.append((n, body))
            else:
                time.sleep(0.05)


WRITE = """
import sys
import embeddings.indexing, embeddings.writing
embeddings.indexing.WINDOW = embeddings.writing.WINDOW = 4
from qa import Archive, NewsArchiveError
from tests.fakes import HashingEncoder
try:
    with Archive.open(sys.argv[1], encoder=HashingEncoder()) as archive:
        print("writing", flush=True)
        archive.add(sys.argv[2])
except NewsArchiveError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def test_the_database_is_restarted_under_load(
    postgres: Server, archive: Archive, tmp_path: Path
) -> None:
    """Requests fail cleanly, then recover; no answer is wrong, and nothing is lost.

    An index run ends with an error or goes on, and the next one goes on behind what it committed.
    """
    news = tmp_path / "more"
    news.mkdir()
    for n in range(200, 320):
        write_articles(news / f"{n}.jsonl", stories(1, first=n))
    before = {article.id for article in archive.articles()}
    recovered: list[float] = []
    ends: Counter[int] = Counter()
    with replica(archive.address, tmp_path / "replica") as served:
        served.wait_until("ok")
        with Clients(served) as clients:
            until = time.monotonic() + SECONDS
            kinds = [signal.SIGINT, signal.SIGQUIT]
            while time.monotonic() < until or kinds:
                writer = run_python(WRITE, archive.address, str(news))
                assert writer.stdout is not None
                writer.stdout.readline()
                time.sleep(0.3)
                postgres.restart(kinds.pop() if kinds else signal.SIGINT)
                back = time.monotonic()
                wait_for(lambda t=back: clients.answered and clients.answered[-1] > t, RECOVERY)
                recovered.append(clients.answered[-1] - back)
                out, err = writer.communicate(timeout=60)
                assert writer.returncode in {0, 1}, err
                assert "Traceback" not in err
                assert writer.returncode == 0 or "what was committed is kept" in out
                ends[writer.returncode] += 1
                assert before <= {article.id for article in archive.articles()}
        served.wait_until("ok")
    assert clients.wrong == []
    assert set(clients.statuses) <= {200, 503}
    assert archive.add(news).failed == ()
    assert {a.id for a in archive.articles()} == before | {f"story-{n}" for n in range(200, 320)}
    assert archive.verify() == []
    print(f"{len(recovered)} restarts, answers {dict(clients.statuses)}, again after"
          f" {max(recovered):.1f} s at most, the slowest {clients.slowest:.1f} s;"
          f" index runs by exit code {dict(ends)}")  # fmt: skip


def test_a_database_that_is_silent_keeps_nobody_waiting(
    postgres: Server, archive: Archive, tmp_path: Path
) -> None:
    """Frozen, it refuses nobody: who waits for it is cut off, who comes is told at once."""
    with replica(archive.address, tmp_path / "replica") as served:
        served.wait_until("ok")
        assert cites(served.ask(question(1)), "story-1")
        postgres.freeze()
        try:
            with Clients(served) as clients:
                wait_for(lambda: served.get("/api/health")[1]["status"] == "unreachable")
                wait_for(lambda: sum(clients.statuses.values()) > CLIENTS)
                with within(2, clock=time.monotonic):
                    assert served.ask(question(1))[0] == served.get("/api/ready")[0] == 503
        finally:
            postgres.thaw()
        assert clients.wrong == []
        assert set(clients.statuses) == {503}
        served.wait_until("ok")
        assert cites(served.ask(question(1)), "story-1")
        print(f"a silent database: the longest wait {clients.slowest:.1f} s")


def test_without_a_database_a_replica_says_so(postgres: Server, archive: Archive,
                                              tmp_path: Path) -> None:  # fmt: skip
    """503 with a time to try again; it is alive, and ready again by itself."""
    with replica(archive.address, tmp_path / "replica") as served:
        served.wait_until("ok")
        postgres.stop()
        try:
            wait_for(lambda: served.get("/api/health")[1]["status"] == "unreachable")
            for told in (served.get("/api/ready"), served.ask(question(1))):
                assert told[0] == 503
                assert told[1]["type"].endswith(":unreachable")
        finally:
            postgres.start()
        served.wait_until("ok")
        assert cites(served.ask(question(1)), "story-1")
