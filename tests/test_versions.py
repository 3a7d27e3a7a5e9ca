"""Earlier versions of articles, vectors kept for a return, and archives that are mended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import pytest

from corpus.errors import ArchiveDamagedError, UsageError
from embeddings import store as store_module
from embeddings.schema import DATABASE
from embeddings.store import Store
from embeddings.verification import verify
from qa import Archive, cli
from tests.archives import put, some_articles
from tests.fakes import HashingEncoder, make_article, stories, write_articles
from tests.truths import Truth

TOLD = "The mayor said 40 people were hurt. The fair went on."
CORRECTED = "The mayor said 4 people were hurt. The fair went on."
BROKEN = ("UPDATE articles SET record = ? WHERE id = 'fair'", b"{}")
"""Damage to the article that is corrected in these tests."""

QUESTION = "How many people were hurt, the mayor said?"


@pytest.fixture
def archive(truth: Truth, tmp_path: Path) -> Iterator[Archive]:
    """Return an archive of twelve articles and one that is going to be corrected."""
    made = Archive.create(truth.address, encoder=HashingEncoder())
    write_articles(tmp_path / "stories.jsonl", stories(12))
    made.add([write_articles(tmp_path / "fair.jsonl", [{"id": "fair", "text": TOLD}]),
              tmp_path / "stories.jsonl"])  # fmt: skip
    with made:
        yield made


def correct(archive: Archive, tmp_path: Path, text: str = CORRECTED) -> None:
    """Change the article's text in its file and index it again."""
    assert archive.add(write_articles(tmp_path / "fair.jsonl", [{"id": "fair", "text": text}]))


def test_a_corrected_article_keeps_what_it_said(archive: Archive, tmp_path: Path) -> None:
    """The citation names the version; the earlier one is there, with the time of its end."""
    assert archive.ask(QUESTION).citations[0].version == 1
    correct(archive, tmp_path)
    (cited,) = [c for c in archive.ask(QUESTION).citations if c.article_id == "fair"]
    assert (cited.version, cited.quote) == (2, "The mayor said 4 people were hurt.")
    assert archive.article("fair").text == archive.article("fair", 2).text == CORRECTED
    assert archive.article("fair", 1).text == TOLD
    (earlier,) = archive.versions("fair")
    assert (earlier.article.version, earlier.article.text) == (1, TOLD)
    assert earlier.replaced.startswith("20")
    status = archive.status()
    assert (status.corrections, status.corrected) == (1, earlier.replaced)
    with pytest.raises(UsageError, match="version 3"):
        archive.article("fair", 3)
    assert archive.verify() == []


def test_versions_are_numbered_on(archive: Archive, tmp_path: Path) -> None:
    """Back to the first text is a third version; what no reader of the text sees is none."""
    correct(archive, tmp_path)
    correct(archive, tmp_path, TOLD)
    assert archive.article("fair").version == 3
    record = {"id": "fair", "text": TOLD, "url": "https://news.example/fair"}
    assert archive.add(write_articles(tmp_path / "fair.jsonl", [record])).updated == 1
    assert archive.article("fair").version == 3
    assert [item.article.version for item in archive.versions("fair")] == [1, 2]


class LongAgo(datetime):
    """A clock that was set back."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(1980, 1, 1, tzinfo=tz)


def test_a_clock_set_back_confuses_nothing(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions go by their numbers and derived files by commits (FAULTS, row 33)."""
    correct(archive, tmp_path)
    monkeypatch.setattr(store_module, "datetime", LongAgo)
    correct(archive, tmp_path, TOLD)
    earlier = archive.versions("fair")
    assert [item.article.text for item in earlier] == [TOLD, CORRECTED]
    assert earlier[1].replaced.startswith("1980")
    assert archive.ask(QUESTION).citations[0].version == 3
    assert archive.verify() == []


def test_removal_takes_the_versions_along(archive: Archive, tmp_path: Path) -> None:
    """Nothing of a removed article is left to be read (FAULTS, row 11)."""
    correct(archive, tmp_path)
    archive.remove("fair")
    assert archive.versions("fair") == []
    assert archive.status().corrections == 0
    assert not any("hurt" in hit.article_id for hit in archive.ask(QUESTION).hits)
    for text in (TOLD, CORRECTED):
        assert all(
            text[15:30].encode() not in file.read_bytes()
            for file in archive.directory.rglob("*")
            if file.is_file()
        )
    correct(archive, tmp_path)
    assert archive.article("fair").version == 1


def test_versions_are_told_to_people(
    truth: Truth,
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """`qa status` counts corrections, `qa ask` names the version."""
    correct(archive, tmp_path)
    archive.remove("story-3")
    monkeypatch.setattr(Archive, "open", lambda *_, **__: archive)
    cli.run(["status"])
    said = capsys.readouterr().out
    assert "1 earlier versions of articles kept" in said
    assert "vectors of 2 removed passages kept" in said
    archive = Archive.create(truth.address, encoder=HashingEncoder())
    monkeypatch.setattr(Archive, "open", lambda *_, **__: archive)
    cli.run(["ask", QUESTION])
    assert "version 2" in capsys.readouterr().out


def test_what_comes_back_is_not_encoded_again(archive: Archive, tmp_path: Path) -> None:
    """A moved file, a removed article that returns: their vectors are kept."""
    encoder = archive._encoder
    assert isinstance(encoder, HashingEncoder)
    encoded = encoder.passages_encoded
    archive.remove(["fair", "story-3"])
    assert archive.status().spare_vectors == 2
    moved = (tmp_path / "fair.jsonl").rename(tmp_path / "moved.jsonl")
    assert archive.add([moved, tmp_path / "stories.jsonl"]).added == 2
    assert encoder.passages_encoded == encoded
    assert archive.status().spare_vectors == 0


def test_vectors_of_what_is_gone_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first, and what is in use never."""
    monkeypatch.setattr(store_module, "SPARE_LEAST", 3)
    store = Store(tmp_path, create=True)
    put(store, some_articles(12))
    for n in range(6):
        with store.transaction():
            store.remove_articles([f"story-{n}"])
    assert store.spare_vectors() == 3
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        kept = {key for (key,) in db.execute("SELECT key FROM vectors")}
        spare = {key for (key,) in db.execute("SELECT vector FROM spares")}
    assert spare == {4, 5, 6}
    assert kept == {4, 5, 6, *range(7, 13)}
    assert verify(store) == []


def test_equal_passages_share_vectors_until_the_last_is_gone(tmp_path: Path) -> None:
    """They are spare only when no article uses them."""
    store = Store(tmp_path, create=True)
    put(store, [make_article("a", "It rained."), make_article("b", "It rained.")])
    with store.transaction():
        store.remove_articles(["a"])
    assert store.spare_vectors() == 0
    with store.transaction():
        store.remove_articles(["b"])
    assert store.spare_vectors() == 1


# Repair


@pytest.mark.parametrize(
    "change",
    [
        BROKEN,
        ("UPDATE articles SET source = 'Echo' WHERE id = 'fair'",),
        ("UPDATE passages SET start = 1 WHERE article = 1",),
        ("UPDATE vectors SET passage = ? WHERE key = 1", bytes(256)),
        ("UPDATE totals SET count = 7 WHERE name = 'articles'",),
        ("UPDATE outlets SET count = 7 WHERE source = 'Post'",),
    ],
)
def test_what_can_be_read_again_is_mended(
    truth: Truth, archive: Archive, tmp_path: Path, change: tuple[object, ...]
) -> None:
    """Asking refuses, `verify` names it, `--repair` reads the file again; same answers then."""
    question = "the harbour flooded"
    expected = [hit.article_id for hit in archive.ask(question).hits]
    archive.close()
    truth.change(*change)
    with Archive.open(truth.address, encoder=HashingEncoder()) as opened:
        assert opened.verify()
        acts = (lambda: opened.ask(question), lambda: opened.add(tmp_path / "fair.jsonl"))
        for act in () if opened._store.is_shared else acts:  # what is shared is not summed up
            with pytest.raises(ArchiveDamagedError, match="--repair"):
                act()
        assert opened.repair()
        assert opened.verify() == []
        assert [hit.article_id for hit in opened.ask(question).hits] == expected
        assert opened.article("fair").text == TOLD


def test_what_cannot_be_read_again_stays_named(
    truth: Truth, archive: Archive, tmp_path: Path
) -> None:
    """An article whose file is gone is not thrown away: it may be restored from a copy."""
    archive.close()
    truth.change(*BROKEN)
    (tmp_path / "fair.jsonl").unlink()
    with Archive.open(truth.address, encoder=HashingEncoder()) as opened:
        opened.repair()
        (problem,) = opened.verify()
        assert problem.startswith("fair: ")
        assert opened.status().articles == 13


def test_the_command_repairs(
    truth: Truth,
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Exit code 4 before, 0 afterwards, and what was mended in JSON."""
    archive.close()
    truth.change(*BROKEN)
    original = Archive.open
    monkeypatch.setattr(
        Archive, "open", lambda place, **_: original(place, encoder=HashingEncoder())
    )
    assert cli.run(["verify", "--archive", truth.address]) == 4
    capsys.readouterr()
    assert cli.run(["verify", "--repair", "--json", "--archive", truth.address]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == []
    assert any("fair: read again" in line for line in report["repaired"])


def test_search_indices_are_mended_by_the_command_too(archive: Archive) -> None:
    """Asking heals them as well; whoever wants to know is told."""
    next((archive.directory / "derived").rglob("*.idx")).unlink()
    assert archive.verify()
    assert archive.repair() == ["the search indices: made anew from the articles"]
    assert archive.verify() == []
    assert archive.repair() == []


def test_a_version_that_changed_by_itself_is_named(
    truth: Truth, archive: Archive, tmp_path: Path
) -> None:
    """Earlier versions are checked like the present one."""
    correct(archive, tmp_path)
    archive.close()
    truth.change("UPDATE versions SET replaced = '1999' WHERE article = 'fair'")
    with closing(truth.store()) as store:
        assert any("version 1 of article 'fair'" in problem for problem in verify(store))


def test_an_article_is_equal_whatever_its_version(archive: Archive) -> None:
    """The number is the archive's, not the article's: an export is read back as it was."""
    article = archive.article("fair")
    assert replace(article, version=5).digest == article.digest


def test_damaged_vectors_of_what_is_gone_are_named_and_forgotten(
    truth: Truth, archive: Archive, tmp_path: Path
) -> None:
    """What no article uses counts as well: it would be used where the article comes back."""
    archive.remove("fair")
    truth.change("UPDATE vectors SET passage = ? WHERE key IN (SELECT vector FROM spares)", b"x")
    assert any("1 vectors of removed passages" in problem for problem in archive.verify())
    archive.repair()
    assert archive.verify() == []
    assert archive.status().spare_vectors == 0
    assert archive.add(tmp_path / "fair.jsonl").added == 1
    assert archive.ask(QUESTION).citations


def test_mending_leaves_copies_whole(truth: Truth, archive: Archive, tmp_path: Path) -> None:
    """Vectors that a damaged article shares with another outlet's copy stay what they are."""
    archive.add(write_articles(tmp_path / "copy.jsonl", [{"id": "copy", "text": TOLD}]))
    archive.close()
    truth.change(*BROKEN)
    (tmp_path / "copy.jsonl").unlink()
    with Archive.open(truth.address, encoder=HashingEncoder()) as opened:
        opened.repair()
        assert opened.verify() == []


@pytest.mark.parametrize("act", ["article", "has", "versions", "remove"])
def test_an_id_that_is_no_text_is_a_usage_error(archive: Archive, act: str) -> None:
    """Half a character, which JSON can spell, is told as such."""
    with pytest.raises(UsageError, match="half a character"):
        getattr(archive, act)("\ud800")


@pytest.mark.parametrize(
    "change",
    [
        BROKEN,
        ("UPDATE passages SET tokens = tokens + 1",),
    ],
)
def test_newer_rules_are_no_obstacle_to_mending(
    truth: Truth, archive: Archive, tmp_path: Path, change: tuple[object, ...]
) -> None:
    """Damage in an archive that was cut by older rules is mended as in any other."""
    archive.close()
    truth.change(*change)
    truth.change("UPDATE settings SET value = '\"old\"' WHERE name = 'splitter'")
    with Archive.open(truth.address, encoder=HashingEncoder()) as opened:
        opened.repair()
        assert opened.verify() == []
