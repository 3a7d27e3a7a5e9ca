"""Passages encoded elsewhere: the archive is the one that is made here, whatever happens there."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from corpus.errors import UsageError, WorkersError
from embeddings import carrying, ray_workers, sending
from embeddings.encoder import Closeable, DistributedEncoder, PassageText, PassageVectors
from embeddings.onnx import FOLDER, OnnxEncoder
from embeddings.ray_workers import RayEncoder, checked_address
from embeddings.sending import SentEncoder, as_sent, check, encode_sent, units
from qa import Archive, cli
from tests.archives import ROOT
from tests.fakes import HashingEncoder, stories, write_articles
from tests.ray_nodes import rows
from tests.test_encoder import PASSAGES


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    """Return the encoder that an archive carries."""
    directory = tmp_path_factory.mktemp("carried")
    assert carrying.carry_bundled(directory)
    return OnnxEncoder(directory / FOLDER)


@pytest.fixture
def _carried_already(carried: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every archive the encoder that is carried here, instead of writing it once for each."""
    source = carried.folder

    def link(directory: Path) -> bool:
        shutil.copytree(source, directory / FOLDER, copy_function=os.link)
        return True

    monkeypatch.setattr(carrying, "carry_bundled", link)


def many() -> list[PassageText]:
    """Return passages of many lengths, more than one unit."""
    return [
        PassageText(p.title, f"{p.text} {n} " + "more " * (7 * n % 40), p.sentences)
        for n in range(12)
        for p in PASSAGES
    ]


def test_units_give_the_vectors_of_one_machine(carried: OnnxEncoder) -> None:
    """Bit for bit, since batches travel whole; and in several units."""
    passages = many()
    here = dict(carried.encode_passages(passages))
    sent, parts = as_sent(carried), list(units(carried.batches(passages)))
    assert len(parts) > 1
    for part in parts:
        encoded = encode_sent(sent, part)
        check(encoded, part, carried.settings.dimension, carried.reading)
        assert encoded.exact
        for index, vectors in encoded.vectors:
            expected = here.pop(index)
            assert np.array_equal(vectors.passage, expected.passage)
            assert np.array_equal(vectors.sentences, expected.sentences)
    assert not here


def test_a_machine_proves_itself_by_probes(carried: OnnxEncoder) -> None:
    """Other last bits are told, other vectors are refused."""
    part = next(units(carried.batches(PASSAGES)))
    sent = as_sent(carried)
    nearly = replace(sent, digest="nearly", probes=np.nextafter(sent.probes, np.float32(2)))
    assert not encode_sent(nearly, part).exact
    with pytest.raises(WorkersError, match="computes other vectors"):
        encode_sent(replace(sent, digest="other", probes=-sent.probes), part)


def test_results_that_are_none_are_refused(carried: OnnxEncoder) -> None:
    """Another number of sentences, another size, no number, tokens for no reader or another."""
    part = next(units(carried.batches(PASSAGES)))
    encoded = encode_sent(as_sent(carried), part)
    dimension = carried.settings.dimension
    (index, first), *others = encoded.vectors
    tokens = first.tokens
    assert tokens is not None
    for wrong in (
        replace(first, sentences=first.sentences[:0]),
        replace(first, passage=first.passage[1:]),
        replace(first, passage=first.passage * np.float32("nan")),
        replace(first, tokens=None),
        replace(first, tokens=replace(tokens, reader=tokens.reader ^ 1)),
    ):
        with pytest.raises(WorkersError, match="other vectors than were asked for"):
            check(
                replace(encoded, vectors=[(index, wrong), *others]),
                part,
                dimension,
                carried.reading,
            )
    with pytest.raises(WorkersError, match="other vectors"):
        check(replace(encoded, vectors=others), part, dimension, carried.reading)


class Elsewhere(HashingEncoder):
    """A distributed encoder: it begins at once, and tells how much was begun at a time."""

    def __init__(self, ahead: int, fail_at: int | None = None) -> None:
        super().__init__()
        self.ahead = ahead
        self.notes = ("computed elsewhere",)
        self.most = self._open = self.closed = 0
        self._fail_at = fail_at

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        self._open += 1
        self.most = max(self.most, self._open)
        return Counted(self, self._collected(list(super().encode_passages(passages))))

    def _collected(
        self, found: list[tuple[int, PassageVectors]]
    ) -> Iterator[tuple[int, PassageVectors]]:
        if self._fail_at is not None and self.passages_encoded >= self._fail_at:
            raise WorkersError("gone")
        yield from found
        self._open -= 1


class Counted(Iterator[tuple[int, PassageVectors]]):
    """Vectors that can be given up, which is counted."""

    def __init__(self, encoder: Elsewhere, found: Iterator[tuple[int, PassageVectors]]) -> None:
        self._encoder, self._found = encoder, found

    def __next__(self) -> tuple[int, PassageVectors]:
        return next(self._found)

    def close(self) -> None:
        self._encoder.closed += 1


def write_news(folder: Path) -> None:
    """Write files large and small, one text in several, one id with two texts."""
    folder.mkdir()
    some = stories(60)
    write_articles(folder / "a-many.jsonl", some[:25])
    for n, story in enumerate(some[25:]):
        write_articles(folder / f"b-{n:02d}.jsonl", [story])
        if n % 5 == 0:  # the text of an article whose window is still in the making
            write_articles(folder / f"b-{n + 4:02d}-copy.jsonl", [story | {"id": f"copy-{n}"}])
        if n % 7 == 0:
            write_articles(folder / f"c-{n:02d}.jsonl", [story | {"text": f"Another text {n}."}])
    (folder / "d.jsonl").write_text("{not JSON\n", "utf-8")


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit four passages at a time."""
    monkeypatch.setattr("embeddings.indexing.WINDOW", 4)
    monkeypatch.setattr("embeddings.writing.WINDOW", 4)


def filled(place: Path, news: Path, encoder: HashingEncoder, **how: Any) -> Any:
    """Index; return the report's counts and what the archive holds."""
    with Archive.create(place, encoder=encoder) as archive:
        report = archive.add(news, **how).to_dict()
        assert archive.verify() == []
    return {name: report[name] for name in report.keys() - {"seconds", "warnings"}}, rows(place)


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_windows_in_the_making_change_nothing(tmp_path: Path, ahead: int) -> None:
    """Same articles, keys, order and commits as without; later changes too."""
    write_news(tmp_path / "news")
    places, encoders = (tmp_path / "here", tmp_path / "there"), (HashingEncoder(), Elsewhere(ahead))
    for _ in range(2):
        here, there = (
            filled(place, tmp_path / "news", encoder, prune=True)
            for place, encoder in zip(places, encoders, strict=True)
        )
        assert there == here
        write_articles(tmp_path / "news" / "a-many.jsonl", stories(40, first=5)[::-1])
        (tmp_path / "news" / "b-03.jsonl").unlink(missing_ok=True)
    assert 1 < encoders[1].most <= ahead + 1
    assert encoders[1].passages_encoded == encoders[0].passages_encoded
    assert isinstance(encoders[1], DistributedEncoder)


@pytest.mark.usefixtures("small_windows")
def test_vectors_that_make_way_meanwhile_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removed article's vectors are kept a while; they may go between beginning and commit.

    What was begun for the portion is given up.
    """
    monkeypatch.setattr("embeddings.store.SPARE_LEAST", 6)
    monkeypatch.setattr("embeddings.store.SPARE_SHARE", 0)
    news = tmp_path / "news"
    news.mkdir()
    for place, encoder in (("here", HashingEncoder()), ("there", Elsewhere(9))):
        write_articles(news / "a.jsonl", stories(20))
        filled(tmp_path / place, news, encoder)
        write_articles(news / "a.jsonl", stories(20, first=50))
        filled(tmp_path / place, news, encoder, prune=True)
        changed = [story | {"text": f"Changed: {story['text']}"} for story in stories(20, first=50)]
        write_articles(news / "a.jsonl", [*changed, *stories(20)])
        filled(tmp_path / place, news, encoder)
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    assert isinstance(encoder, Elsewhere)
    assert encoder.closed


@pytest.mark.usefixtures("small_windows")
def test_workers_that_fail_cost_what_was_not_committed(tmp_path: Path) -> None:
    """The error comes out, windows before it stay, and the next run ends as an undisturbed one."""
    write_news(tmp_path / "news")
    expected = filled(tmp_path / "here", tmp_path / "news", HashingEncoder())[1]
    with pytest.raises(WorkersError, match="gone"):
        filled(tmp_path / "there", tmp_path / "news", Elsewhere(3, fail_at=40))
    with Archive.open(tmp_path / "there", encoder=HashingEncoder()) as archive:
        assert 0 < archive.status().passages < 40
    filled(tmp_path / "there", tmp_path / "news", Elsewhere(3))
    assert {name: rows(tmp_path / "there")[name] for name in ("vectors", "articles")} == {
        name: expected[name] for name in ("vectors", "articles")
    }


def test_the_report_says_where_it_was_computed(tmp_path: Path, news: Path) -> None:
    """Notes of the encoder are warnings of the report, and a run that encodes none has none."""
    with Archive.create(tmp_path / "archive", encoder=Elsewhere(1)) as archive:
        assert archive.add(news).warnings == ("computed elsewhere",)
        assert archive.add(news).warnings == ()


# Ray, with a library in its place that computes here


class FakeRay:
    """What is used of ray's functions; a task is computed when it is asked for."""

    def __init__(
        self,
        cores: float = 2,
    ) -> None:
        self.cores = cores
        self.failures: list[Exception] = []
        self.dying: dict[int, Exception] = {}
        self.lost: dict[int, Exception] = {}
        self.sent = 0
        self.joined: list[dict[str, Any]] = []
        self.environment: dict[str, str] = {}
        self.address = ""
        self.cancelled = 0
        self.left = False

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.joined.append(options)
        self.environment = dict(os.environ)
        if self.failures:
            raise self.failures.pop()

    def put(self, value: Any) -> Any:
        return value

    def remote(self, function: Any) -> Any:
        def send(*told: Any) -> Task:
            self.sent += 1
            if self.sent in self.lost:
                raise self.lost[self.sent]
            return Task(function, told, self.sent)

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=send))

    def wait(self, tasks: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        """Say that the newest task is done."""
        return (tasks[-1:], tasks[:-1]) if self.cores else ([], tasks)

    def get(self, task: Task) -> Any:
        if task.number in self.dying:
            raise self.dying[task.number]
        return task.function(*task.told)

    def cancel(self, task: Task) -> None:
        self.cancelled += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.cores} if self.cores else {}

    def shutdown(self) -> None:
        self.left = True


class Task:
    """A function with what it is called with, and which call it is, from 1."""

    def __init__(self, function: Any, told: Any, number: int) -> None:
        self.function, self.told, self.number = function, told, number


@pytest.fixture(scope="module")
def sent(carried: OnnxEncoder) -> SentEncoder:
    """Return the encoder as it is sent, which takes a moment."""
    return as_sent(carried)


@pytest.fixture
def ray(
    carried: OnnxEncoder, sent: SentEncoder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeRay]:
    """Put a ray in place that computes here; something answers at its address.

    Nobody has an encoder but that which archives carry, so it is made ready to be sent once.
    """

    def sent_before(encoder: OnnxEncoder) -> SentEncoder:
        assert encoder.settings == carried.settings
        return sent

    monkeypatch.setattr(ray_workers, "as_sent", sent_before)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    fake = FakeRay()
    monkeypatch.setattr(ray_workers, "_is_first", lambda: True)
    monkeypatch.setitem(sys.modules, "ray", fake)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fake.address = f"ray://127.0.0.1:{listening.getsockname()[1]}"
        yield fake


def test_a_run_with_workers(
    tmp_path: Path, news: Path, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is that of a run without; the cluster is joined once, and only to encode."""
    monkeypatch.setattr(ray_workers, "as_sent", as_sent)
    for place, workers in (("here", None), ("there", "ray")):
        with Archive.create(tmp_path / place) as archive:
            assert archive.add(news, workers=workers).added == 12
            assert archive.add(news, workers=workers).unchanged == 12
            assert archive.ask("Who counted the visitors in ward 3?").citations
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    assert len(ray.joined) == 1
    assert ray.left


def test_a_cluster_of_this_machine_is_private(
    carried: OnnxEncoder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reports nothing, listens here alone, asks for a secret; nothing of it stays."""
    before = dict(os.environ)
    encoder = RayEncoder(carried, "ray")
    assert len(dict(encoder.encode_passages(PASSAGES))) == len(PASSAGES)
    encoder.close()
    (told,) = ray.joined
    assert told["address"] == "local"
    assert not Path(told["_temp_dir"]).exists()
    assert ray.environment["RAY_USAGE_STATS_ENABLED"] == "0"
    assert ray.environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert ray.environment["RAY_AUTH_MODE"] == "token"
    assert len(ray.environment["RAY_AUTH_TOKEN"]) == 64
    assert dict(os.environ) == before


def test_a_program_that_uses_ray_itself_keeps_its_ways(
    carried: OnnxEncoder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Ray read when it was imported cannot be changed any more: only reports are stopped."""
    monkeypatch.setattr(ray_workers, "_is_first", lambda: False)
    dict(RayEncoder(carried, "ray").encode_passages(PASSAGES))
    assert ray.environment["RAY_USAGE_STATS_ENABLED"] == "0"
    assert "RAY_AUTH_TOKEN" not in ray.environment


def test_other_clusters_are_joined_as_they_are(
    carried: OnnxEncoder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their address, or by that of $RAY_ADDRESS; the secret of ours is not for them."""
    monkeypatch.setenv("RAY_ADDRESS", "ray://cluster:10001")
    for address in (ray.address, "ray"):
        encoder = RayEncoder(carried, address)
        assert len(dict(encoder.encode_passages(PASSAGES))) == len(PASSAGES)
        encoder.close()
        assert "RAY_AUTH_TOKEN" not in ray.environment
    assert [told["address"] for told in ray.joined] == [ray.address, None]


def test_what_is_not_finished_is_taken_back(carried: OnnxEncoder, ray: FakeRay) -> None:
    """Tasks of a run that stops are not left to the cluster."""
    encoder = RayEncoder(carried, "ray")
    encoder.encode_passages(many())
    encoder.close()
    assert ray.cancelled > 1


def test_results_are_fetched_as_they_come(carried: OnnxEncoder, ray: FakeRay) -> None:
    """Those of a window that is not due yet too: a machine that dies takes nothing done with it."""
    encoder = RayEncoder(carried, "ray")
    first, second = encoder.encode_passages(many()), encoder.encode_passages(many()[:40])
    here = dict(carried.encode_passages(many()))
    found = dict(first)
    assert not encoder._unfinished
    ray.cores = 0  # nothing is waited for any more
    assert len(dict(second)) == 40
    assert all(np.array_equal(found[index].passage, here[index].passage) for index in here)


@pytest.mark.usefixtures("small_windows", "_carried_already")
@pytest.mark.parametrize("how", ["dying", "lost"])
def test_a_failure_waits_for_its_turn(
    tmp_path: Path, ray: FakeRay, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Windows begun before the one that fails are committed, and the next run does the others."""
    monkeypatch.setattr(ray_workers, "WINDOW", 4)
    news = tmp_path / "news.jsonl"
    write_articles(news, stories(40))
    getattr(ray, how)[6] = OutOfMemoryError("killed")
    with Archive.create(tmp_path / "there") as archive:
        with pytest.raises(WorkersError, match="died 9 times"):
            archive.add(news, workers="ray")
        assert ray.sent >= 6
        assert archive.status().passages == 5 * 4
        getattr(ray, how).clear()
        assert archive.add(news, workers="ray").added == 20
    with Archive.create(tmp_path / "here") as archive:
        archive.add(news)
    for table in ("vectors", "articles"):
        assert rows(tmp_path / "there")[table] == rows(tmp_path / "here")[table]


def test_what_nobody_wants_any_more_is_taken_back(carried: OnnxEncoder, ray: FakeRay) -> None:
    """Arrived or not; what others wait for stays."""
    encoder, passages = RayEncoder(carried, "ray"), many()[:40]
    wanted, arrived = (encoder.encode_passages(passages) for _ in range(2))
    next(wanted)
    tasks = len(encoder._arrived)
    late = encoder.encode_passages(passages)
    next(arrived)
    for unwanted in (arrived, late):
        assert isinstance(unwanted, Closeable)
        unwanted.close()
        assert list(unwanted) == []
    assert ray.cancelled == tasks
    assert len(encoder._unfinished) + len(encoder._arrived) < tasks
    assert len(list(wanted)) == len(passages) - 1
    assert not encoder._unfinished
    assert not encoder._arrived


def test_a_long_temporary_folder_is_not_used_for_sockets(
    carried: OnnxEncoder, ray: FakeRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their paths have 103 bytes at most on some systems, of which Ray takes up to 67."""
    long, short = tmp_path / ("long" * 10), Path(tempfile.mkdtemp(dir="/tmp"))
    long.mkdir()
    monkeypatch.setattr(ray_workers, "SHORT_FOLDER", short)
    for usual, without, expected in (
        (long, (), short),
        (short, (), short),
        (long, (short,), long),
    ):
        for folder in without:
            folder.rmdir()
        monkeypatch.setattr(tempfile, "tempdir", str(usual))
        encoder = RayEncoder(carried, "ray")
        dict(encoder.encode_passages(PASSAGES))
        encoder.close()
        assert Path(ray.joined[-1]["_temp_dir"]).parent == expected
    assert len(os.fsencode(ray.joined[0]["_temp_dir"])) + 67 <= 103


def test_a_cluster_without_cores_is_told(carried: OnnxEncoder, ray: FakeRay) -> None:
    """Rather than waited for without end."""
    ray.cores = 0
    with pytest.raises(WorkersError, match="no worker left: start one"):
        list(RayEncoder(carried, "ray").encode_passages(PASSAGES))


class OutOfMemoryError(Exception):
    """Ray's, by its name."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionError("ray client connection timeout"), "ConnectionError: ray client"),
        (ImportError("No module named 'embeddings'"), "install the same version"),
        (OutOfMemoryError("killed"), "died 9 times over the same passages"),
    ],
)
def test_what_ray_raises_is_explained(
    carried: OnnxEncoder, ray: FakeRay, error: Exception, told: str
) -> None:
    """One line with the address, the cause and what to do."""
    ray.failures = [error]
    with pytest.raises(WorkersError, match=told) as raised:
        RayEncoder(carried, ray.address).encode_passages(PASSAGES)
    assert ray.address in str(raised.value)
    assert "the same command goes on" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_busy_cluster_is_asked_again(
    carried: OnnxEncoder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it refused at first it may grant a moment later; not for ever."""
    monkeypatch.setattr(ray_workers, "JOIN_SECONDS", 0)
    for refusals in (2, 3):
        ray.failures = [ConnectionAbortedError("Starting Ray client server failed.")] * refusals
        encoder = RayEncoder(carried, ray.address)
        if refusals == 3:
            with pytest.raises(WorkersError, match="Starting Ray client server failed"):
                encoder.encode_passages(PASSAGES)
        else:
            assert len(dict(encoder.encode_passages(PASSAGES))) == len(PASSAGES)


def test_more_cores_keep_more_windows_in_the_making(carried: OnnxEncoder, ray: FakeRay) -> None:
    """None is begun ahead before the cluster is known; there is an end to it."""
    encoder = RayEncoder(carried, "ray")
    assert encoder.ahead == 0
    for cores, ahead in ((2, 1), (64, 4), (10_000, ray_workers.MOST_AHEAD)):
        ray.cores = cores
        encoder.encode_passages(PASSAGES)
        assert encoder.ahead == ahead


def test_machines_that_round_otherwise_are_named(
    carried: OnnxEncoder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the report's warnings."""
    encoder = RayEncoder(carried, "ray")
    dict(encoder.encode_passages(PASSAGES))
    assert encoder.notes == ()
    for loaded in sending._LOADED:
        monkeypatch.setitem(sending._LOADED, loaded, replace(sending._LOADED[loaded], exact=False))
    dict(encoder.encode_passages(PASSAGES))
    assert "not to the last bit" in encoder.notes[0]


def test_an_address_at_which_nothing_answers(carried: OnnxEncoder, ray: FakeRay) -> None:
    """Is told at once, before Ray waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(WorkersError, match=f"127.0.0.1:{port} failed .ConnectionRefusedError"):
        RayEncoder(carried, f"ray://127.0.0.1:{port}").encode_passages(PASSAGES)
    assert not ray.joined


@pytest.mark.parametrize(
    "address", ["", "ray://", "ray://host:x", "http://host", "host:6379", "auto"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """With the two forms that are."""
    with pytest.raises(UsageError, match="ray://HOST:10001"):
        checked_address(address)


def run(*arguments: str | Path) -> int:
    return cli.run([str(argument) for argument in arguments])


@pytest.mark.usefixtures("_carried_already")
def test_the_command_line(
    tmp_path: Path,
    news: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No extra, no address, nothing to watch with: what to do is said, exit code 2."""
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(ray_workers, "_is_first", lambda: False)
    archive = ("--archive", tmp_path / "archive")
    assert run("index", news, *archive, "--workers", "ray") == cli.EXIT_USAGE
    assert "pip install 'news-archive-qa[ray]'" in capsys.readouterr().err
    assert run("index", news, *archive, "--workers", "tcp://x") == cli.EXIT_USAGE
    assert "is no address of workers" in capsys.readouterr().err
    assert run("index", news, *archive, "--workers", "ray", "--watch") == cli.EXIT_USAGE
    assert "then --watch without" in capsys.readouterr().err
    assert run("index", news, *archive) == cli.EXIT_DONE
    assert run("index", news, *archive, "--workers", "ray") == cli.EXIT_DONE  # nothing to encode


def test_trust_is_told_where_people_look(capsys: pytest.CaptureFixture[str]) -> None:
    """In the command's help and in the README: what leaves, who can run code, what protects."""
    assert run("index", "--help") == cli.EXIT_DONE
    told = capsys.readouterr().out
    for text in (told, (ROOT / "README.md").read_text("utf-8")):
        words = " ".join(text.replace("│", " ").split())
        assert "trusted wholly" in words
        assert "word pieces" in words
        assert "can run code on" in words
        assert "unless Ray's own are set" in words
