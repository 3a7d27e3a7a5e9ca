"""Kill a query node while people ask and articles come in: nobody notices, and nothing is lost.

    python -m tests.engines cluster -- python -m tests.engines.outage --clients 8 --seconds 60

A chat serves an archive over Milvus with two replicas in memory; clients ask it over HTTP for
a while; a third of the way in one query node is killed with SIGKILL, while `qa index` adds an
article every other second. Exit code 1 where an answer failed, the 99th percentile is two
seconds or more, or an article that was added is not found afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from qa.archive import Archive
from qa.records import Answer
from qa.retrieval import BY_WORDS, NEWEST_BY_WORDS
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD
from tests.fakes import stories, write_articles
from tests.quality.load import post

SLOWEST = 2.0
"""Seconds that 99 of 100 answers have to stay below."""

PAUSE = 2.0
"""Seconds between two articles that are added."""

COMMAND = [sys.executable, "-c", "from qa.cli import main; main()", "chat"]


async def client(
    number: int, port: int, until: float, seen: list[tuple[float, float, int, dict[str, Any]]]
) -> None:
    """Ask the samples' questions in turn until the time is over."""
    questions = _questions()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turn = number * 17
    while time.monotonic() < until:
        body = json.dumps({"question": questions[turn % len(questions)]}).encode()
        turn += 1
        began = time.monotonic()
        try:
            status, answer = await post(reader, writer, body)
        except (OSError, asyncio.IncompleteReadError):
            status, answer = 0, b"{}"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        seen.append((began, time.monotonic() - began, status, json.loads(answer)))
    writer.close()


def _questions() -> list[str]:
    lines = SAMPLE_GOLD.read_text("utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


async def ask_for(clients: int, seconds: float, port: int) -> list[Any]:
    """Let clients ask for some seconds; return (start, seconds, status, answer) of each."""
    seen: list[Any] = []
    until = time.monotonic() + seconds
    await asyncio.gather(*(client(number, port, until, seen) for number in range(clients)))
    return seen


class Adding(threading.Thread):
    """Adds an article every PAUSE seconds until it is told to stop, each with `qa index`' line."""

    def __init__(self, address: str, folder: Path) -> None:
        super().__init__()
        self._address, self._folder = address, folder
        self.ended = threading.Event()
        self.added: list[str] = []
        self.errors: list[str] = []

    def run(self) -> None:
        with Archive.open(self._address) as archive:
            for n in range(1_000):
                if self.ended.wait(PAUSE):
                    return
                try:
                    archive.add(write_articles(self._folder / f"{n}.jsonl", stories(1, first=n)))
                except Exception as error:
                    self.errors.append(str(error))
                self.added.append(f"story-{n}")


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kill", default="querynode1", help="the process that is killed")
    options = parser.parse_args()
    address = f"milvus+{os.environ['QA_TEST_MILVUS']}/outage?replicas=2"
    with tempfile.TemporaryDirectory() as place:
        with Archive.create(address, database=os.environ["QA_TEST_DATABASE"]) as archive:
            archive.add(SAMPLE_ARTICLES)
            known = {question: archive.ask(question) for question in _questions()}
        server = subprocess.Popen(
            [*COMMAND, "--archive", address], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().rstrip().rpartition(":")[2])
            figures = run(options, address, port, Path(place), known)
        finally:
            server.terminate()
            server.wait()
    print(json.dumps(figures, indent=1))
    return int(bool(figures["not as it should be"]))


def run(
    options: argparse.Namespace, address: str, port: int, folder: Path, known: dict[str, Answer]
) -> dict[str, Any]:
    """Ask, kill, add; then look for what was added. `known` are the answers before all that."""
    pids = json.loads(os.environ["QA_TEST_ENGINE"])["pids"]
    _wait_for_page(port)
    asyncio.run(ask_for(options.clients, 5.0, port))  # warm
    adding = Adding(address, folder)
    adding.start()
    started = time.monotonic()
    killer = threading.Timer(
        options.seconds / 3, lambda: os.kill(pids[options.kill], signal.SIGKILL)
    )
    killer.start()
    seen = asyncio.run(ask_for(options.clients, options.seconds, port))
    adding.ended.set()
    adding.join()
    with Archive.open(address) as archive:
        archive.add([])
        problems = archive.verify()
        lost = [name for name in adding.added if not archive.has(name)]
        unfound = [
            name
            for name in adding.added
            if name not in {hit.article_id for hit in archive.ask(_question(name)).hits}
        ]
    right = {question: {answer.text} for question, answer in known.items()}
    for question, text in _beside(folder).items():
        right[question].add(text)
    return (
        figures_of(seen, started + options.seconds / 3, adding)
        | {
            "articles added": len(adding.added),
            "additions that said Milvus was away": len(adding.errors),
            "lost": lost,
            "not found": unfound,
            "problems": problems,
        }
        | {"not as it should be": _wrong(seen, right, [*lost, *unfound, *problems])}
    )


def _beside(folder: Path) -> dict[str, str | None]:
    """Return the answers of an archive in a folder that holds what was added as well.

    More articles make words rarer: an answer that was barely sure enough may be withheld then.
    """
    with Archive.create(folder / "beside") as archive:
        archive.add([SAMPLE_ARTICLES, *folder.glob("*.jsonl")])
        return {question: archive.ask(question).text for question in _questions()}


def _wait_for_page(port: int) -> None:
    """Wait until the chat has loaded all of its own, so that only Milvus' part is measured."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/", headers={"Accept": "text/html"}
        )
        with urllib.request.urlopen(request, timeout=10) as page:  # noqa: S310 - loopback
            if b"qa-opening" not in page.read():
                return
        time.sleep(0.5)


def _question(name: str) -> str:
    number = int(name.removeprefix("story-"))
    return f"Who counted {1000 + 7 * number} visitors, Name{number}son?"


def figures_of(seen: list[Any], killed: float, adding: Adding) -> dict[str, Any]:
    """Sum up what the clients saw, before and after."""
    told = [set(answer.get("understood", {}).get("notices", ())) for _, _, _, answer in seen]
    found: dict[str, Any] = {
        "answers": len(seen),
        "statuses": dict(Counter(status for _, _, status, _ in seen)),
        "answers by words alone": sum(BY_WORDS in notices for notices in told),
        "newest by words alone": sum(NEWEST_BY_WORDS in notices for notices in told),
    }
    for name, part in (
        ("before the kill", [s for s in seen if s[0] < killed]),
        ("after it", [s for s in seen if s[0] >= killed]),
        ("in all", seen),
    ):
        times = [seconds for _, seconds, _, _ in part]
        found[f"{name}: p50, p99, longest, ms"] = [
            round(1000 * float(np.percentile(times, point))) for point in (50, 99, 100)
        ]
    if adding.errors:
        found["first such message"] = adding.errors[0]
    return found


def _wrong(seen: list[Any], right: dict[str, set[str | None]], missing: list[str]) -> list[str]:
    """Return what is not as it should be; an answer that says nothing of it is what it was.

    `right` are a question's answers before anything was added, and with all of it.
    """
    times = [seconds for _, seconds, _, _ in seen]
    failed = sum(status != 200 for _, _, status, _ in seen)
    other = sum(
        answer["text"] not in right[answer["question"]]
        for _, _, status, answer in seen
        if status == 200 and not {BY_WORDS, NEWEST_BY_WORDS} & {*answer["understood"]["notices"]}
    )
    checks = {
        f"{failed} answers failed": not failed,
        f"{other} answers were neither those before nor those after": not other,
        "the slowest of 99 in 100 took too long": float(np.percentile(times, 99)) < SLOWEST,
        f"missing: {missing[:5]}": not missing,
    }
    return [what for what, holds in checks.items() if not holds]


if __name__ == "__main__":
    sys.exit(main())
