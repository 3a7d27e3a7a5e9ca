"""Readers and writers at once: one consistent view an answer, one writer at a time.

QA_UPDATES sets how many updates the reader lives through; FAULTS, row 6, asks for 50.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from qa import Archive
from tests.archives import finish, run_python
from tests.fakes import HashingEncoder, stories, write_articles

UPDATES = int(os.environ.get("QA_UPDATES", "6"))

UPDATE = """
import sys
from pathlib import Path
from qa import Archive
from tests.fakes import HashingEncoder, stories, write_articles
from tests.test_together import pair
with Archive.open(sys.argv[1], encoder=HashingEncoder()) as archive:
    for state in range(1, int(sys.argv[3]) + 1):
        write_articles(Path(sys.argv[2]) / "pair.jsonl", pair(state))
        archive.add(sys.argv[2])
        if state % 5 == 0:
            archive.remove([f"story-{state}"])
"""


def pair(state: int) -> list[dict[str, object]]:
    """Return two articles that tell of one state, which changes in both at once."""
    return [
        {"id": name, "text": f"The lighthouse {name} is in state {state}. It shines as ever."}
        for name in ("north", "south")
    ]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with an archive, `archive`, made from `news`."""
    news = tmp_path / "news"
    news.mkdir()
    write_articles(news / "stories.jsonl", stories(60))
    write_articles(news / "pair.jsonl", pair(0))
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        archive.add(news)
    return tmp_path


def test_a_reader_through_updates(place: Path) -> None:
    """It is never told of two states in one answer, nor of an older one than before."""
    writer = run_python(UPDATE, str(place / "archive"), str(place / "news"), str(UPDATES))
    asked, last = 0, 0
    states: set[int] = set()
    with Archive.open(place / "archive", encoder=HashingEncoder()) as reader:
        while writer.poll() is None or asked == 0:
            answer = reader.ask("In what state are the lighthouses north and south?", k=10)
            told = {
                int(found)
                for citation in answer.citations
                if citation.article_id in {"north", "south"}
                for found in re.findall(r"state (\d+)", citation.passage)
            }
            assert len(told) == 1, told
            assert min(told) >= last, (told, last)
            states |= told
            last, asked = max(told), asked + 1
        finish(writer)
        final = reader.ask("In what state are the lighthouses north and south?")
    assert f"state {UPDATES}" in final.citations[0].passage
    print(f"{asked} answers through {UPDATES} updates, {len(states)} states seen")


def test_two_writers(place: Path) -> None:
    """One wins; the other knows within a second who it was, and loses nothing by trying again."""
    (place / "more").mkdir()
    write_articles(place / "more" / "more.jsonl", stories(5, first=200))
    holder = run_python(
        "import sys\nfrom embeddings.locking import writer_lock\nfrom pathlib import Path\n"
        "with writer_lock(Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n",
        str(place / "archive"),
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    command = (
        "import sys, time\nfrom qa import Archive\nfrom corpus.errors import ArchiveLockedError\n"
        "from tests.fakes import HashingEncoder\n"
        "from tests.pace import within\n"
        "archive = Archive.open(sys.argv[1], encoder=HashingEncoder())\n"
        "with within(1, clock=time.perf_counter):\n"
        "    try:\n        archive.add(sys.argv[2])\n"
        "    except ArchiveLockedError as error:\n"
        "        print(error.exit_code, error)\n"
    )
    told = finish(run_python(command, str(place / "archive"), str(place / "more")))
    code, message = told.split(" ", 1)
    assert code == "5"
    assert str(holder.pid) in message
    holder.communicate("")
    assert finish(run_python(command, str(place / "archive"), str(place / "more"))) == ""
    with Archive.open(place / "archive", encoder=HashingEncoder()) as archive:
        assert archive.has("story-202")
        assert archive.verify() == []


def test_writers_that_start_together(place: Path) -> None:
    """Of three at once some may be turned away; what any reported as done is there."""
    command = (
        "import json, sys\nfrom qa import Archive\nfrom corpus.errors import ArchiveLockedError\n"
        "from tests.fakes import HashingEncoder\n"
        "archive = Archive.open(sys.argv[1], encoder=HashingEncoder())\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "try:\n    print(json.dumps(archive.add(sys.argv[2]).added))\n"
        "except ArchiveLockedError as error:\n    print(json.dumps(str(error)))\n"
    )
    writers = []
    for n in range(3):
        folder = place / f"more-{n}"
        folder.mkdir()
        write_articles(folder / "more.jsonl", stories(20, first=100 * n + 200))
        writers.append(run_python(command, str(place / "archive"), str(folder)))
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    told = [json.loads(finish(writer)) for writer in writers]
    done = [n for n, added in enumerate(told) if added == 20]
    assert done
    assert all("is being written by" in str(told[n]) for n in range(3) if n not in done)
    with Archive.open(place / "archive", encoder=HashingEncoder()) as archive:
        assert all(archive.has(f"story-{100 * n + 205}") for n in done)
        assert archive.verify() == []
