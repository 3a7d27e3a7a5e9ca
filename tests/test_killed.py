"""Killed at any point: the archive opens as it was before or after, and the next run completes.

QA_KILLS sets how many times an update is killed, QA_FIRST_KILLS a first build; the full counts are
`QA_KILLS=200 QA_FIRST_KILLS=50 python -m pytest tests/test_killed.py`.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import ArchiveMissingError
from embeddings.durable import remove_folder
from qa import Archive
from tests.fakes import HashingEncoder, stories, write_articles
from tests.killing import Children

KILLS = int(os.environ.get("QA_KILLS", "4"))
FIRST_KILLS = int(os.environ.get("QA_FIRST_KILLS", "2"))

QUESTIONS = ("How many visitors did Keeper Name7son count?", "the harbour flooded", "case 12")

Hits = list[list[tuple[str, int, int]]]


@pytest.fixture(scope="module")
def server() -> Iterator[Children]:
    """Return a server of children, one for all tests."""
    made = Children()
    yield made
    made.stop()


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """Return a folder of sixty files."""
    folder = tmp_path / "news"
    folder.mkdir()
    for n, story in enumerate(stories(60)):
        write_articles(folder / f"{n:02d}.jsonl", [story])
    return folder


def change(news: Path) -> None:
    """Change ten articles, remove ten, add ten."""
    for n in range(10):
        story = stories(1, first=n)[0]
        text = f"{story['text']} Since then the case {n} was closed."
        write_articles(news / f"{n:02d}.jsonl", [story | {"text": text}])
        (news / f"{n + 10:02d}.jsonl").unlink()
        write_articles(news / f"new-{n}.jsonl", stories(1, first=n + 100))


def answers(directory: Path) -> Hits:
    """Return the ten best passages for some questions; the archive has to be clean."""
    with Archive.open(directory, encoder=HashingEncoder()) as archive:
        assert archive.verify() == []
        found = [
            [(hit.article_id, hit.start, hit.end) for hit in answer.hits[:10]]
            for answer in archive.ask_many(QUESTIONS)
        ]
        assert archive.verify() == []
        return found


def texts(directory: Path) -> dict[str, str]:
    """Return the text of every article by id."""
    with Archive.open(directory, encoder=HashingEncoder()) as archive:
        return {article.id: article.text for article in archive.articles()}


def moments(
    server: Children, base: Path | None, news: Path, place: Path
) -> Iterator[dict[str, Any]]:
    """Yield where to kill: now at a random second of an undisturbed run, now at a random point."""
    chance = random.Random(0)  # noqa: S311 - the same moments every time, not a secret
    if base is not None:
        shutil.copytree(base, place)
    started = time.perf_counter()
    assert not server.run(place, news, count=str(place.with_suffix(".count")))
    seconds = time.perf_counter() - started
    points = int(place.with_suffix(".count").read_text("ascii"))
    while True:
        yield {"point": chance.randint(1, points)}
        yield {"seconds": chance.uniform(0, 0.9 * seconds)}


def test_first_builds(tmp_path: Path, news: Path, server: Children) -> None:
    """No archive, or one that opens clean; the next run completes it (FAULTS, row 2)."""
    where = moments(server, None, news, tmp_path / "whole")
    first = next(where)
    expected = answers(tmp_path / "whole")
    outcomes: Counter[str] = Counter()
    while outcomes["killed"] < FIRST_KILLS:
        place = tmp_path / f"killed-{outcomes.total()}"
        outcomes["killed"] += server.run(place, news, **(next(where) if outcomes else first))
        try:
            answers(place)
            outcomes["opens"] += 1
        except ArchiveMissingError:
            outcomes["no archive"] += 1
            assert not place.exists() or not any(place.glob("derived/*"))
        assert not server.run(place, news)
        assert answers(place) == expected
        remove_folder(place)
    print(f"first build: {dict(outcomes)}")


def test_updates(tmp_path: Path, news: Path, server: Children) -> None:
    """What was committed is there, and the end is that of an undisturbed run (FAULTS, row 1)."""
    before, whole = tmp_path / "before", tmp_path / "whole"
    assert not server.run(before, news)
    old = texts(before)
    change(news)
    where = moments(server, before, news, whole)
    first = next(where)
    expected, new = answers(whole), texts(whole)
    outcomes: Counter[str] = Counter()
    while outcomes["killed"] < KILLS:
        place = Path(shutil.copytree(before, tmp_path / f"killed-{outcomes.total()}"))
        outcomes["killed"] += server.run(place, news, **(next(where) if outcomes else first))
        answers(place)
        left = texts(place)
        assert left.keys() >= old.keys() & new.keys()
        assert all(text in {old.get(name), new.get(name)} for name, text in left.items())
        outcomes["old" if left == old else "new" if left == new else "between commits"] += 1
        assert not server.run(place, news)
        assert answers(place) == expected
        assert texts(place) == new
        remove_folder(place)
    print(f"update: {dict(outcomes)}")
