"""Index on two machines of a Ray cluster, kill one midway: `python -m tests.ray_nodes`.

python -m pip install -e ".[ray,test]" && python -m tests.ray_nodes       the shipped samples
... FILE...                                                               articles of your own
... --first N                                                             the first N articles

Each machine is a network namespace of this one, so that none but these two hosts is reached; making
them takes root. The archive must be that of a run without workers, row for row and bit for bit:
once undisturbed, once with the second machine killed, once with the writer killed and run again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from embeddings.schema import DATABASE
from qa.samples import SAMPLE_ARTICLES
from tests.archives import ROOT

HOSTS = ("10.213.77.1", "10.213.77.2")
"""Addresses of the two machines, in their namespaces alone."""

GCS_PORT, CLIENT_PORT = 6379, 10001

START_SECONDS = 90.0
"""Seconds within which a machine must have joined."""

CHANCE = {
    "commits": "SELECT count(*) FROM commits",
    "settings": "SELECT * FROM settings WHERE name <> 'archive'",
    "versions": "SELECT article, version, record FROM versions",
}
"""Tables in which something is due to chance or the clock, and how all else of them is read."""

ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # else they get what a plain loop on the same cores leaves
    "PYTHONPATH": str(ROOT),
    "QA_THREADS": "1",
}


def missing() -> str:
    """Return what keeps two machines from being started here, or nothing."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces take root and the command ip (Debian's iproute2)"
    if find_spec("ray") is None:
        return "ray is not installed: pip install 'news-archive-qa[ray]'"
    return ""


class Machines:
    """Two hosts, `a` with the cluster's head and `b`, each with one core for work.

    Ray's sockets are below `sockets`, which is short: a socket's path has at most 107 bytes.
    """

    def __init__(self, folder: Path, sockets: str) -> None:
        self.folder = folder
        self.sockets = sockets
        self.names = [f"qa-{os.getpid()}-{letter}" for letter in "ab"]

    @property
    def address(self) -> str:
        """Return where a writer on `a` finds the cluster."""
        return f"ray://{HOSTS[0]}:{CLIENT_PORT}"

    def start(self, which: int) -> None:
        """Start Ray on a machine, and wait until it has joined."""
        join = (
            [
                "--head",
                f"--port={GCS_PORT}",
                f"--ray-client-server-port={CLIENT_PORT}",
                "--include-dashboard=false",
                f"--temp-dir={self.sockets}",
            ]
            if which == 0
            else [f"--address={HOSTS[0]}:{GCS_PORT}"]
        )
        log = (self.folder / f"node-{which}.log").open("wb")
        start = ["-m", "ray.scripts.scripts", "start", f"--node-ip-address={HOSTS[which]}"]
        limits = ["--num-cpus=1", f"--object-store-memory={256 * 2**20}"]
        told = ["--disable-usage-stats", "--block"]
        self.run(which, [*start, *join, *limits, *told], log)
        self._wait_for(which)

    def run(self, which: int, arguments: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Run Python on a machine."""
        command = ["ip", "netns", "exec", self.names[which], sys.executable, *arguments]
        return subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT}, cwd=self.folder
        )

    def kill(self, which: int) -> None:
        """End every process on a machine at once, as when its power fails."""
        for _ in range(20):
            pids = _ip("netns", "pids", self.names[which]).split()
            if not pids:
                return
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.1)

    def _wait_for(self, which: int) -> None:
        code = (
            "import ray; ray.init(address='auto', log_to_driver=False, logging_level='ERROR');"
            f"import sys; sys.exit(ray.cluster_resources().get('CPU', 0) < {which + 1})"
        )
        until = time.monotonic() + START_SECONDS
        with (self.folder / "waiting.log").open("wb") as log:
            while self.run(0, ["-c", code], log).wait():
                if time.monotonic() > until:
                    raise TimeoutError((self.folder / f"node-{which}.log").read_text())
                time.sleep(0.5)


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def two_machines(folder: Path) -> Iterator[Machines]:
    """Give two hosts that reach each other and nothing else; Ray runs on none of them yet."""
    with ExitStack() as stack:
        short = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        machines = Machines(folder, stack.enter_context(short))
        for name in machines.names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
        _ip("link", "add", "qa0", "netns", machines.names[0], "type", "veth",
            "peer", "name", "qa0", "netns", machines.names[1])  # fmt: skip
        for name, host in zip(machines.names, HOSTS, strict=True):
            _ip("-n", name, "addr", "add", f"{host}/24", "dev", "qa0")
            for device in ("lo", "qa0"):
                _ip("-n", name, "link", "set", device, "up")
        for which in (0, 1):
            stack.callback(machines.kill, which)
        yield machines


@dataclass(frozen=True, slots=True)
class Run:
    """An indexing run: its exit code, its report, and the seconds it took without its start."""

    code: int
    report: dict[str, Any]


def index_alone(place: Path, articles: Sequence[Path]) -> dict[str, Any]:
    """Index without workers, in a process like those with workers; return the report."""
    process = _indexing(None, place, articles, None)
    assert process.wait() == 0, (place.parent / f"{place.name}.log").read_text()
    return _report(place)


def _indexing(
    machines: Machines | None, place: Path, articles: Sequence[Path], workers: str | None
) -> subprocess.Popen[bytes]:
    """Start an indexing run, on machine `a` where there are machines."""
    told = [str(place), workers or "", *map(str, articles)]
    log = (place.parent / f"{place.name}.log").open("wb")
    arguments = ["-m", "tests.ray_nodes", "--index", *told]
    if machines:
        return machines.run(0, arguments, log)
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=log,
        stderr=log,
        env={**os.environ, **ENVIRONMENT},
        cwd=ROOT,
    )


def index_here(place: Path, workers: str, articles: Sequence[str]) -> None:
    """Index in this process; count the passages encoded and the report into files."""
    from embeddings.indexing import IndexProgress
    from qa import Archive

    counted = Path(f"{place}.encoded")

    def count(progress: IndexProgress) -> None:
        counted.write_text(str(progress.passages), "ascii")

    with Archive.create(place) as archive:
        report = archive.add(articles, progress=count, workers=workers or None)
    Path(f"{place}.report").write_text(json.dumps(report.to_dict()), "utf-8")


def _report(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"{place}.report").read_text("utf-8"))
    return found


def encoded(place: Path) -> int:
    """Return how many passages a run has encoded so far."""
    try:
        return int(Path(f"{place}.encoded").read_text("ascii") or 0)
    except FileNotFoundError:
        return 0


def rows(place: Path) -> dict[str, list[str]]:
    """Return all that an archive's truth holds but for what chance made, by table."""
    database = sqlite3.connect(place / DATABASE)
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = {str(name) for (name,) in database.execute(named)}
    found = {
        table: sorted(map(repr, database.execute(CHANCE.get(table, f"SELECT * FROM {table}"))))  # noqa: S608 - names of our own tables
        for table in tables
    }
    database.close()
    return found


def with_workers(
    machines: Machines,
    place: Path,
    articles: Sequence[Path],
    *,
    kill_node_at: int | None = None,
    kill_writer_at: int | None = None,
) -> dict[str, Any]:
    """Index on the cluster; kill machine `b`, or the writer, once so many passages are encoded.

    A writer that was killed is run again. Return the report of the last run.
    """
    process = _indexing(machines, place, articles, machines.address)
    while process.poll() is None:
        time.sleep(0.05)
        if kill_node_at is not None and encoded(place) >= kill_node_at:
            machines.kill(1)
            print(f"machine b killed after {encoded(place)} passages", flush=True)
            kill_node_at = None
        if kill_writer_at is not None and encoded(place) >= kill_writer_at:
            process.kill()
            process.wait()
            print(f"writer killed after {encoded(place)} passages", flush=True)
            return with_workers(machines, place, articles)
    assert kill_writer_at is None, "the run was over before the writer was to be killed"
    assert process.returncode == 0, (place.parent / f"{place.name}.log").read_text()
    assert kill_node_at is None, "the run was over before the machine was to be killed"
    return _report(place)


def compare(folder: Path, articles: Sequence[Path]) -> list[str]:
    """Index without workers and with them in three ways; return a line of each, with what differs.

    The order of the timed runs is alone, workers, workers, alone: a machine that gets slower
    meanwhile is slower for both.
    """
    told = []
    first = index_alone(folder / "alone", articles)
    expected, passages = rows(folder / "alone"), int(first["passages"])
    with two_machines(folder) as machines:
        machines.start(0)
        machines.start(1)
        quick = [with_workers(machines, folder / f"undisturbed-{n}", articles) for n in (1, 2)]
        slow = [first, index_alone(folder / "alone-again", articles)]
        again = with_workers(
            machines, folder / "writer-killed", articles, kill_writer_at=passages // 2
        )
        killed = with_workers(
            machines, folder / "node-killed", articles, kill_node_at=passages // 3
        )
    for name, seconds in (
        ("alone-again", slow),
        ("undisturbed-1", quick),
        ("undisturbed-2", quick),
        ("writer-killed", [again]),
        ("node-killed", [killed]),
    ):
        found = rows(folder / name)
        differing = sorted(table for table in expected if found[table] != expected[table])
        same = f"DIFFERS in {differing}" if differing else "identical"
        spent = ", ".join(f"{report['seconds']:.1f}" for report in seconds)
        told.append(f"{name}: {passages} passages, {same}; seconds {spent}")
    return told


def main() -> int:
    """Run what was asked for; return 1 where an archive differs."""
    if sys.argv[1:2] == ["--index"]:
        index_here(Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
        return 0
    parser = argparse.ArgumentParser("python -m tests.ray_nodes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("articles", nargs="*", type=Path, default=[SAMPLE_ARTICLES])
    parser.add_argument("--first", type=int)
    asked = parser.parse_args()
    if told := missing():
        print(told, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="qa-two-", ignore_cleanup_errors=True) as folder:
        articles = [path.resolve() for path in asked.articles]
        if asked.first:
            lines = articles[0].read_text("utf-8").splitlines(keepends=True)
            articles = [Path(folder) / "articles.jsonl"]
            articles[0].write_text("".join(lines[: asked.first]), "utf-8")
        lines = compare(Path(folder), articles)
    print("\n".join(lines))
    return int(any("DIFFERS" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
