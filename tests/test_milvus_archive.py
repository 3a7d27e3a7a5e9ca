"""An archive by its one address: vectors in Milvus, articles in PostgreSQL."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import ArchiveMissingError, UsageError
from qa.archive import Archive
from tests.archives import finish, run_python
from tests.fakes import HashingEncoder, stories, write_articles
from tests.test_passage_index import an_address, database_uri

pytestmark = pytest.mark.shared

QUESTIONS = ("Who counted 1049 visitors?", "What happened in ward 3?", "Name9son", "lighthouse")

ADD = """
import sys
from qa.archive import Archive
from tests.fakes import HashingEncoder
with Archive.open(sys.argv[1], encoder=HashingEncoder()) as archive:
    print("open", flush=True)
    for path in sys.argv[2:]:
        archive.add(path)
print("done", flush=True)
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Return an address in Milvus that nobody used before."""
    yield from an_address(tmp_path)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Return the address of a place for articles that nobody used before."""
    return f"{database_uri(request)}?archive=a{uuid.uuid4().hex[:12]}"


def test_one_address_is_enough(address: str, database: str, news: Path, tmp_path: Path) -> None:
    """Where the articles are is said once; answers are those of the same articles in a folder."""
    with Archive.create(address, encoder=HashingEncoder(), database=database) as made:
        made.add(news)
    with (
        Archive.open(address, encoder=HashingEncoder()) as opened,
        Archive.create(tmp_path / "local", encoder=HashingEncoder()) as local,
    ):
        local.add(news)
        for question in QUESTIONS:
            narrow = {"sources": ["Post"], "since": "2025-02-01"}
            for options in ({}, narrow):
                shared, alone = opened.ask(question, **options), local.ask(question, **options)
                assert shared.to_dict() == alone.to_dict()
        assert opened.verify() == []
        assert opened.remove("story-7") == 1
        assert "story-7" not in {hit.article_id for hit in opened.ask(QUESTIONS[0]).hits}
        assert opened.verify() == []


def test_what_cannot_be_is_said(address: str, database: str) -> None:
    """No archive, no database, another database."""
    with pytest.raises(ArchiveMissingError, match="--database"):
        Archive.open(address)
    with pytest.raises(UsageError, match="--database"):
        Archive.create(address)
    Archive.create(address, encoder=HashingEncoder(), database=database).close()
    with pytest.raises(UsageError, match="keeps its articles in"):
        Archive.create(address, database=f"{database}x")


@pytest.mark.skipif("QA_TEST_MILVUS" not in os.environ, reason="the embedded engine has one user")
def test_a_writer_that_is_killed_loses_nothing(address: str, database: str, tmp_path: Path) -> None:
    """At any moment: what is committed stays, and the next run brings Milvus up to it."""
    files = [write_articles(tmp_path / f"{n}.jsonl", stories(3, first=3 * n)) for n in range(12)]
    Archive.create(address, encoder=HashingEncoder(), database=database).close()
    chance = np.random.default_rng(9)
    for _ in range(6):
        process = run_python(ADD, address, *map(str, files))
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 3.0))
        process.kill()
        process.communicate()
        with Archive.open(address, encoder=HashingEncoder()) as reader:
            for article in reader.articles():
                number = int(article.id.removeprefix("story-"))
                found = reader.ask(f"Name{number}son counted {1000 + 7 * number} visitors").hits
                assert article.id in {hit.article_id for hit in found}
    assert "done" in finish(run_python(ADD, address, *map(str, files)))
    with Archive.open(address, encoder=HashingEncoder()) as archive:
        assert archive.verify() == []
        assert archive.status().articles == 36
