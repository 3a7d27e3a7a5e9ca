"""The store: what is committed is there, what was not is not, and damage is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import (
    ArchiveDamagedError,
    ArchiveMismatchError,
    ArchiveMissingError,
    StorageError,
    UsageError,
)
from corpus.passages import PassageSettings, split_passages
from corpus.records import Article, Span
from embeddings.rows import EncodedPassage, FileRecord, seal_of_4, vectors_of_4
from embeddings.schema import DATABASE, FORMAT
from embeddings.sqlite import IMMUTABLE, READ, SqliteDatabase
from embeddings.store import Store
from embeddings.verification import verify
from tests.archives import encoded, finish, put, run_python, some_articles
from tests.fakes import HashingEncoder, make_article
from tests.truths import Truth


@pytest.fixture
def store(truth: Truth) -> Store:
    """Return a store over each kind of truth."""
    return truth.store(create=True)


@pytest.fixture
def filed(tmp_path: Path) -> Store:
    """Return a store in a folder: what is about its file holds for SQLite alone."""
    return Store(tmp_path, create=True)


def sql(directory: Path, statement: str, *values: object) -> None:
    """Change an archive behind its back."""
    with closing(sqlite3.connect(directory / DATABASE)) as db, db:
        db.execute(statement, values)


# What goes in comes out


def test_an_article_comes_back_as_it_was_stored(store: Store) -> None:
    """Every field survives, lone surrogates and NUL in the text included."""
    article = Article(
        id="a\x00b", text="Caf\u00e9 \ud800 \x00 said. It rained.", title="T", source="S",
        published="2025-01-02", url="https://x.example", authors=("A", "B"), updated="2025-01-03",
        path="/news/a.txt", kept=(Span(0, 14), Span(15, 25)),
    )  # fmt: skip
    put(store, [article])
    assert store.article(article.id) == article
    assert store.articles_by_key([1, 99]) == {1: article}
    assert store.article("none") is None


def test_passages_and_vectors_come_back(store: Store) -> None:
    """Offsets are exact; sentence vectors lose no more than half precision does."""
    (article,) = some_articles(1)
    put(store, [article])
    items = encoded(article)
    stored = store.passages_of([1])
    assert [(p.n, p.span, p.sentences, p.tokens) for p in stored] == [
        (i.passage.n, i.passage.span, i.passage.sentences, i.passage.tokens) for i in items
    ]
    assert list(store.passages([p.key for p in stored])) == stored
    vectors = store.vectors([p.key for p in stored])
    for passage, item in zip(stored, items, strict=True):
        assert item.vectors is not None
        np.testing.assert_array_equal(vectors[passage.key].passage, item.vectors.passage)
        np.testing.assert_allclose(
            vectors[passage.key].sentences, item.vectors.sentences, atol=1e-3
        )


def test_counts_sources_and_dates(store: Store) -> None:
    """Outlets come with most articles first, then by name."""
    articles = some_articles(4)
    put(store, [*articles, make_article("plain", "A text without a source.")])
    assert store.counts()["articles"] == 5
    assert store.sources() == [("Post", 2), ("Echo", 1), ("Herald", 1)]
    assert store.dates() == ("2025-01-01", "2025-04-04")


def test_filters_are_inclusive(store: Store) -> None:
    """Outlets and dates narrow the articles; one without a date is in no period."""
    put(store, [*some_articles(6), make_article("plain", "A text without a date.")])
    assert store.article_keys() == [1, 2, 3, 4, 5, 6, 7]
    assert store.article_keys(["Post"]) == [1, 4]
    assert store.article_keys(["Post", "Echo"], "2025-02-02", "2025-04-04") == [2, 4]
    assert store.article_keys(since="2025-06-07") == []


def test_more_keys_than_one_statement_takes(store: Store) -> None:
    """Keys are asked for in portions."""
    put(store, some_articles(2))
    assert set(store.articles_by_key(range(2_000))) == {1, 2}


def test_putting_an_article_replaces_the_earlier_one(store: Store) -> None:
    """One id has one text; the keys of the earlier one are never given again."""
    put(store, some_articles(2))
    before = store.passage_keys_of([1])
    put(store, [make_article("story-0", "It is all different now.")])
    assert store.counts()["articles"] == 2
    article = store.article("story-0")
    assert article is not None
    assert article.text == "It is all different now."
    assert not set(before) & set(store.passage_keys_of([3]))


def test_vectors_are_kept_once_and_outlive_their_articles(store: Store) -> None:
    """Equal passages share vectors, and a removed article's are there for its return."""
    first, second = make_article("a", "It rained."), make_article("b", "It rained.")
    put(store, [first, second])
    keys = [item.hash for item in encoded(first)]
    with store.transaction():
        assert store.remove_articles(["a", "b", "none"]) == 2
    assert store.has_vectors([*keys, b"other"]) == set(keys)
    with store.transaction():
        store.put_article(first, [replace(item, vectors=None) for item in encoded(first)])
    assert len(store.vectors(store.passage_keys_of([3]))) == 1


def test_vectors_that_are_gone_are_missed(store: Store) -> None:
    """A passage is not stored without vectors, and neither is its article."""
    passages = [replace(item, vectors=None) for item in encoded(make_article("a", "It rained."))]
    with pytest.raises(ArchiveDamagedError), store.transaction():
        store.put_article(make_article("a", "It rained."), passages)
    assert store.counts() == {"articles": 0, "passages": 0}


def test_files_are_remembered(store: Store) -> None:
    """A path has one record, and is forgotten when asked to."""
    record = FileRecord("stamp", ("a", "b"), ("c",))
    with store.transaction():
        store.put_file("/news/a", FileRecord("old"))
        store.put_file("/news/a", record)
        store.put_file("/news/b", FileRecord("stamp"))
        store.remove_files(["/news/b", "/news/none"])
    assert store.files() == {"/news/a": record}


# Commits


def test_what_fails_inside_a_transaction_leaves_nothing(store: Store) -> None:
    """All or nothing, and the generation says which."""
    put(store, some_articles(1))
    (article,) = some_articles(1, first=5)

    def interrupted() -> None:
        with store.transaction():
            store.put_article(article, encoded(article))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store.counts()["articles"] == 1
    assert store.generation == 1
    put(store, some_articles(2))
    assert store.generation == 2


def test_changes_name_what_was_added_and_removed(store: Store) -> None:
    """Whoever was at a generation can follow; what came and went in between is not added."""
    put(store, some_articles(2))
    put(store, some_articles(1, first=5))
    keys = store.passage_keys_of([1])
    with store.transaction():
        store.remove_articles(["story-0"])
    changes = store.changes_since(1)
    assert changes.articles == (3,)
    assert set(changes.passages) == set(store.passage_keys_of([3]))
    assert (changes.removed_articles, set(changes.removed_passages)) == ((1,), set(keys))
    assert store.changes_since(0).articles == (2, 3)
    assert store.changes_since(3) == type(changes)()


def test_a_snapshot_sees_one_state(truth: Truth, store: Store) -> None:
    """A reader's view does not move while a writer commits."""
    put(store, some_articles(2))
    reader = truth.store()
    with reader.snapshot():
        assert reader.generation == 1
        put(store, some_articles(2, first=5))
        assert (reader.generation, reader.counts()["articles"]) == (1, 2)
        with reader.snapshot():
            assert reader.generation == 1
    assert (reader.generation, reader.counts()["articles"]) == (2, 4)


def test_removed_text_is_gone_from_the_files(tmp_path: Path, filed: Store) -> None:
    """Neither the database nor its log holds a removed article's words."""
    put(filed, [make_article("a", "The canary Zwolfhundert sang.", title="Canary")])
    put(filed, some_articles(3))
    with filed.transaction():
        filed.remove_articles(["a"])
    filed.empty_log()
    for file in tmp_path.iterdir():
        assert b"Zwolfhundert" not in file.read_bytes()


CREATE = """
import sys
from embeddings.locations import locate
from qa.shared import open_store
open_store(locate(sys.argv[1]), create=True).close()
"""


def test_many_processes_may_create_at_once(truth: Truth) -> None:
    """Whoever comes second opens what the first has made."""
    for process in [run_python(CREATE, truth.address) for _ in range(6)]:
        finish(process)
    assert truth.store().generation == 0


# What is no archive


def test_no_archive(tmp_path: Path) -> None:
    """A folder without one, and a first build that died before its first commit."""
    with pytest.raises(ArchiveMissingError, match="qa index"):
        Store(tmp_path)
    (tmp_path / DATABASE).touch()
    with pytest.raises(ArchiveMissingError):
        Store(tmp_path)
    assert Store(tmp_path, create=True).generation == 0


@pytest.mark.parametrize("create", [True, False])
def test_another_file_in_its_place_is_left_alone(tmp_path: Path, create: bool) -> None:
    """Neither a text nor somebody's database is taken for an archive, or changed."""
    path = tmp_path / DATABASE
    path.write_text("no database at all, " * 100, "utf-8")
    with pytest.raises(ArchiveDamagedError):
        Store(tmp_path, create=create)
    path.unlink()
    sql(tmp_path, "CREATE TABLE other (x)")
    before = path.read_bytes()
    with pytest.raises(ArchiveDamagedError, match="no news archive"):
        Store(tmp_path, create=create)
    assert path.read_bytes() == before


def test_a_newer_format_is_named(truth: Truth, store: Store) -> None:
    """The way out stands in the message."""
    store.close()
    truth.set_format(FORMAT + 1)
    with pytest.raises(ArchiveMismatchError, match="update the program"):
        truth.store()


def of_format_3(directory: Path) -> Path:
    """Make an archive as the first release left it: five articles, one of them removed."""
    with closing(sqlite3.connect(directory / DATABASE)) as db:
        db.executescript((Path(__file__).parent / "data" / "format-3.sql").read_text("utf-8"))
    return directory


def test_format_3_is_brought_up_to_date(tmp_path: Path) -> None:
    """An archive of the first release opens with all that it held, and goes on from there."""
    opened = Store(of_format_3(tmp_path))
    expected = some_articles(4)[:2] + some_articles(4)[3:] + some_articles(1, first=9)
    assert [opened.article(article.id) for article in expected] == expected
    assert opened.counts() == {"articles": 4, "passages": 4}
    assert opened.sources() == [("Post", 3), ("Echo", 1)]
    assert opened.spare_vectors() == 1
    assert opened.changes_since(3).articles == (5,)
    assert opened.files().keys() == {"/news/stories.jsonl"}
    assert verify(opened) == []
    put(opened, [*some_articles(1, first=2), replace(expected[0], text="Corrected.")])
    assert (opened.spare_vectors(), opened.corrections()[0]) == (1, 1)
    assert verify(opened) == []


def as_format_4(directory: Path) -> None:
    """Give the rows of an archive the digests that format 4 has."""
    with closing(sqlite3.connect(directory / DATABASE)) as db, db:
        articles = db.execute("SELECT key, id, version, digest, source, published FROM articles")
        sealed = [(seal_of_4(*row), row[0]) for row in articles]
        db.executemany("UPDATE articles SET seal = ? WHERE key = ?", sealed)
        vectors = db.execute("SELECT key, hash, passage, sentences FROM vectors")
        marked = [(vectors_of_4(*row), row[0]) for row in vectors]
        db.executemany("UPDATE vectors SET digest = ? WHERE key = ?", marked)
        db.execute("PRAGMA user_version = 4")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE articles SET record = replace(record, 'a', 'b') WHERE key = 2",
        "UPDATE articles SET published = '1999-01-01' WHERE key = 2",
        "UPDATE vectors SET sentences = zeroblob(length(sentences)) WHERE key = 2",
        "UPDATE articles SET seal = substr(seal, 1, 8) WHERE key = 2",
        "UPDATE vectors SET digest = substr(digest, 1, 8) WHERE key = 2",
    ],
)
def test_format_4_is_read_as_it_is(tmp_path: Path, statement: str) -> None:
    """Its longer digests are kept to, beside the shorter ones of what is added; damage is found."""
    store = Store(tmp_path, create=True)
    put(store, some_articles(2))
    told = store.articles_by_key([1, 2])
    store.close()
    as_format_4(tmp_path)
    store = Store(tmp_path)
    assert store.articles_by_key([1, 2]) == told
    put(store, some_articles(2, first=2))
    assert verify(store) == []
    sql(tmp_path, statement)
    assert len(verify(store)) == 1
    store.close()


def test_format_4_is_read_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables are the same; nothing is changed in it, its format neither."""
    store = Store(tmp_path, create=True)
    put(store, some_articles(2))
    told = store.articles_by_key([1, 2])
    store.close()
    as_format_4(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteDatabase, "writable", property(lambda _: False))
        with closing(Store(tmp_path)) as reader:
            assert reader.articles_by_key([1, 2]) == told
            assert reader._db.execute("PRAGMA user_version") == [(4,)]
            assert verify(reader) == []


def test_an_older_format_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not half read; formats that nobody was given are no formats."""
    of_format_3(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteDatabase, "writable", property(lambda _: False))
        with pytest.raises(ArchiveMismatchError, match="older format 3"):
            Store(tmp_path)
    sql(tmp_path, "PRAGMA user_version = 2")
    with pytest.raises(ArchiveMismatchError, match="older format 2"):
        Store(tmp_path)


def test_a_closed_store_says_so(store: Store) -> None:
    """Use after closing is a mistake of the program, not damage."""
    store.close()
    with pytest.raises(UsageError, match="closed"):
        store.counts()


def test_a_replaced_archive_is_noticed(tmp_path: Path, filed: Store) -> None:
    """A file that was put in the place of the opened one, or removed, is another archive."""
    assert not filed.is_replaced
    (tmp_path / DATABASE).rename(tmp_path / "away")
    assert filed.is_replaced
    Store(tmp_path, create=True).close()
    assert filed.is_replaced


# Damage


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("articles", "record"),
        ("passages", "start"),
        ("passages", '"end"'),
        ("passages", "sentences"),
        ("passages", "tokens"),
        ("vectors", "passage"),
        ("vectors", "sentences"),
    ],
)
def test_changed_rows_are_found_when_read_and_by_verify(
    truth: Truth, store: Store, table: str, column: str
) -> None:
    """No article, offset or vector is believed that is not what was stored."""
    put(store, some_articles(2))
    value = {"start": 3, '"end"': 40, "tokens": 7, "sentences": "[[1, 2]]"}.get(column, b"\x00" * 8)
    value = b"\x00" * 128 if table == "vectors" else value
    truth.change(f"UPDATE {table} SET {column} = ? WHERE key = 1", value)  # noqa: S608 - our own names
    with pytest.raises(ArchiveDamagedError, match="damaged"):
        store.articles_by_key([1]), store.passages_of([1]), store.vectors([1])
    assert any("story-0" in problem and "damaged" in problem for problem in verify(store))


def test_damaged_settings_are_named(truth: Truth, store: Store) -> None:
    """A setting that cannot be read is damage, not a traceback."""
    put(store, some_articles(1))
    for name, value in (("generation", '"x"'), ("encoder", "{"), ("encoder", '{"a": 1}')):
        truth.change("UPDATE settings SET value = ? WHERE name = ?", value, name)
        with pytest.raises(ArchiveDamagedError, match=name):
            _ = store.generation, store.encoder
        assert verify(store)
        truth.change("UPDATE settings SET value = '1' WHERE name = 'generation'")


def test_verify_names_what_filters_go_by(truth: Truth, store: Store) -> None:
    """An outlet or a date that is not the article's own is found."""
    for column in ("source", "published"):
        put(store, some_articles(2))
        truth.change(f"UPDATE articles SET {column} = 'Other' WHERE id = 'story-1'")  # noqa: S608
        assert any("'story-1' is damaged" in problem for problem in verify(store))


def test_a_torn_file_is_named(tmp_path: Path, filed: Store) -> None:
    """A database of which pages are gone is damaged."""
    put(filed, some_articles(40))
    filed.close()
    path = tmp_path / DATABASE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ArchiveDamagedError, match="damaged"):
        Store(tmp_path)


def test_verify_reports_a_damaged_page(tmp_path: Path, filed: Store) -> None:
    """What SQLite cannot read is a problem that verify names, not an exception."""
    put(filed, some_articles(40))
    filed.close()
    path = tmp_path / DATABASE
    data = bytearray(path.read_bytes())
    data[-4096 * 5 : -4096 * 4] = b"\xff" * 4096
    path.write_bytes(bytes(data))
    with closing(Store(tmp_path)) as opened:
        assert verify(opened)


def test_sqlite_errors_inside_a_generator_are_ours(tmp_path: Path, filed: Store) -> None:
    """Rows are yielded behind the translation of errors, not outside it."""
    put(filed, some_articles(2))
    sql(tmp_path, "DROP TABLE passages")
    with pytest.raises(StorageError, match="passages"):
        list(filed.passages([1]))


# Disks that refuse


def test_a_full_disk_keeps_what_was_there(filed: Store) -> None:
    """One clear line, everything committed before is kept, and work goes on with space again."""
    put(filed, some_articles(2))
    database = filed._db
    pages = database.execute("PRAGMA page_count")[0][0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="free space"):
        put(filed, some_articles(200, first=10))
    assert filed.counts()["articles"] == 2
    assert filed.generation == 1
    database.execute("PRAGMA max_page_count = 1073741823")
    put(filed, some_articles(2, first=10))
    assert filed.counts()["articles"] == 4


@pytest.mark.parametrize("mode", [READ, IMMUTABLE])
def test_a_reader_without_permission_reads_and_does_not_write(
    tmp_path: Path, filed: Store, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system allows no writing the archive answers, and adding says why it cannot."""
    put(filed, some_articles(2))
    filed.close()
    monkeypatch.setattr("embeddings.sqlite._modes", lambda path: [mode])
    reader = Store(tmp_path)
    assert not reader.writable
    assert reader.counts()["articles"] == 2
    with pytest.raises(StorageError, match="permissions"):
        put(reader, some_articles(1, first=5))
    assert reader.counts()["articles"] == 2


def test_commits_that_wait_in_the_log_are_not_passed_over(
    tmp_path: Path, filed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose newest commits lie in an unreadable log is refused, not read without them."""
    put(filed, some_articles(2))
    monkeypatch.setattr("embeddings.sqlite._modes", lambda path: [IMMUTABLE])
    with pytest.raises(StorageError, match="wal"):
        Store(tmp_path)


def test_the_hash_of_a_passage_is_its_key(store: Store) -> None:
    """Vectors are found again by what they were computed from."""
    article = make_article("a", "It rained. It poured.")
    item = encoded(article)[0]
    settings = PassageSettings(HashingEncoder().settings.max_tokens)
    passages = split_passages(article, settings, HashingEncoder().count_tokens)
    assert item == EncodedPassage(passages[0], item.hash, item.vectors)
    assert store.has_vectors([item.hash]) == set()
