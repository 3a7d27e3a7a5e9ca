"""PostgreSQL as an archive's truth: what is its own beside what holds for every truth.

QA_SHARED_KILLS sets how many updates are killed, QA_SHARED_CHANGES how many rows change by
themselves; the full counts are `QA_SHARED_KILLS=50 QA_SHARED_CHANGES=200 python -m pytest -m shared
tests/test_postgres.py`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import (
    ArchiveDamagedError,
    ArchiveLockedError,
    ArchiveMismatchError,
    ArchiveMissingError,
    NewsArchiveError,
    StorageError,
    UnreachableError,
    UsageError,
)
from embeddings.locations import locate
from embeddings.milvus_client import MissingCollectionError
from embeddings.nearest import VectorsUnavailableError
from embeddings.rows import FileRecord
from embeddings.schema import FORMAT
from embeddings.verification import verify
from qa import Archive, asking, cli
from qa.shared import open_store
from tests.archives import encoded, put, run_python, some_articles
from tests.fakes import HashingEncoder, make_article, stories, write_articles
from tests.killing import Children
from tests.pace import within
from tests.postgres import Server
from tests.truths import PostgresTruth

pytestmark = pytest.mark.shared

KILLS = int(os.environ.get("QA_SHARED_KILLS", "4"))
CHANGES = int(os.environ.get("QA_SHARED_CHANGES", "40"))

QUESTIONS = ("How many visitors did Keeper Name7son count?", "the harbour flooded", "case 12")


# Where there is no archive


def test_no_archive_says_how_to_make_one(shared: PostgresTruth) -> None:
    """As for a folder: exit code 4."""
    with pytest.raises(ArchiveMissingError, match="qa index") as caught:
        shared.store()
    assert caught.value.exit_code == 4


def test_tables_of_others_are_left_alone(shared: PostgresTruth) -> None:
    """A schema of that name with something else in it is no archive, and is not changed."""
    shared.change(f"CREATE SCHEMA {shared.schema}")
    shared.change("CREATE TABLE settings (name TEXT, value TEXT)")
    with pytest.raises(ArchiveDamagedError, match="no news archive"):
        shared.store(create=True)
    tables = shared.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    assert tables == [("settings",)]


def test_an_empty_schema_is_used(shared: PostgresTruth) -> None:
    """Whoever keeps the database may prepare it, for a role that may make none."""
    role = f"owner_{shared.schema}"
    shared.change(f"CREATE ROLE {role} LOGIN")
    shared.change(f"CREATE SCHEMA {shared.schema} AUTHORIZATION {role}")
    owner = PostgresTruth(shared.uri.replace("news@", f"{role}@"), shared.schema[13:])
    assert owner.store(create=True).generation == 0
    owner.store().rewrite()
    owner.close()


def test_a_session_may_be_idle_for_long(shared: PostgresTruth) -> None:
    """A server's limits, usual where databases are rented, are not for us: encoding takes time."""
    role = f"limited_{shared.schema}"
    shared.change(f"CREATE ROLE {role} LOGIN SUPERUSER")
    for limit in ("idle_in_transaction_session_timeout", "statement_timeout"):
        shared.change(f"ALTER ROLE {role} SET {limit} = '50ms'")
    limited = PostgresTruth(shared.uri.replace("news@", f"{role}@"), shared.schema[13:])
    store = limited.store(create=True)
    with store.writing(), store.transaction():
        time.sleep(0.3)
        store.put_setting("x", 1)
    store._db.execute("SELECT pg_sleep(0.2)")
    assert store.setting("x") == 1
    limited.close()


def test_no_server_is_told_at_once(shared: PostgresTruth) -> None:
    """Within seconds, without the password, and as what may be well again soon."""
    with (
        within(5, clock=time.monotonic),
        pytest.raises(UnreachableError, match="does not answer") as caught,
    ):
        open_store(locate("postgresql://news:geheim@127.0.0.1:9/db"))
    assert "geheim" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_no_such_database_is_named(postgres: Server) -> None:
    """In the server's words."""
    with pytest.raises(StorageError, match="nowhere"):
        open_store(locate(postgres.uri.replace("/postgres", "/nowhere")))


def test_who_is_not_let_in_is_told(postgres: Server) -> None:
    """A role that the server does not know; what to give is said, and nothing is tried again."""
    with pytest.raises(StorageError, match="PGPASSWORD") as caught:
        open_store(locate(postgres.uri.replace("news@", "nobody:geheim@")))
    assert not isinstance(caught.value, UnreachableError)
    assert "geheim" not in str(caught.value)


def test_what_libpq_cannot_read_is_a_usage_error() -> None:
    """A misspelt option is the person's."""
    with pytest.raises(UsageError, match="sslmodus"):
        open_store(locate("postgresql://h/db?sslmodus=1"))


def test_a_password_is_shown_nowhere(
    shared: PostgresTruth, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in the status, in messages, or in what the program shows of itself."""
    address = shared.address.replace("news@", "news:geheim@")
    with Archive.create(address, encoder=HashingEncoder()) as archive:
        assert archive.address == shared.address.replace(":geheim", "")
        assert "geheim" not in repr(archive.status())
        note = (archive.directory / "replica.txt").read_text("utf-8")
        assert "geheim" not in note
    for arguments in (["status"], ["verify"], ["status", "--json"], ["remove", "x"]):
        cli.run([*arguments, "--archive", address])
    with pytest.raises(ArchiveMissingError) as caught:
        Archive.open(address + "x")
    assert "geheim" not in str(capsys.readouterr()) + str(caught.value)


def test_where_the_articles_are_is_remembered(
    shared: PostgresTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Milvus is away an archive is opened by what this machine knows of it."""
    kept: dict[str, str] = {}
    away = False

    def database_of(address: str) -> str:
        if away:
            raise VectorsUnavailableError("Milvus does not answer")
        if address not in kept:
            raise MissingCollectionError("none")
        return kept[address]

    monkeypatch.setattr("embeddings.milvus.database_of", database_of)
    monkeypatch.setattr("embeddings.milvus.create_in_milvus", kept.__setitem__)
    place = locate("milvus+http://token@127.0.0.1:9/papers")
    with pytest.raises(UsageError, match="--database"):
        open_store(place, create=True)
    open_store(place, create=True, database=shared.uri).close()
    assert kept[place.address].endswith("?archive=papers")  # type: ignore[union-attr]
    away = True
    store = open_store(place)
    assert store.vector_engine == "milvus+http://token@127.0.0.1:9/papers"
    store.close()
    with pytest.raises(VectorsUnavailableError):
        open_store(locate("milvus+http://127.0.0.1:9/others"))
    shared.change("DROP SCHEMA news_archive_papers CASCADE")


# Tables


def test_texts_may_hold_anything_but_halves(shared: PostgresTruth) -> None:
    """NUL and its stand-ins come back, and outlets with them sort by code point."""
    store = shared.store(create=True)
    outlets = ["\x00", "\x00\x01", "\x01", "\x01\x01", "\x01\x02", "\x02", "A", "a", "Z", "é"]
    put(store, [make_article(f"a\x01{n}", "It rained.", source=s) for n, s in enumerate(outlets)])
    assert [name for name, _ in store.sources()] == sorted(outlets)
    for n, outlet in enumerate(outlets):
        found = store.article(f"a\x01{n}")
        assert found is not None
        assert found.source == outlet
    with store.transaction():
        store.put_file("/a\x00b", FileRecord("s"))
    assert store.files().keys() == {"/a\x00b"}
    assert verify(store) == []


def test_an_older_format_is_brought_up_to_date(
    shared: PostgresTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one transaction, all or nothing; one without a way is named."""
    from embeddings.postgres import preparing

    put(shared.store(create=True), some_articles(2))
    monkeypatch.setattr(preparing, "FORMAT", FORMAT + 1)
    with pytest.raises(ArchiveMismatchError, match=f"older format {FORMAT}"):
        shared.store()
    steps = {FORMAT: ("CREATE TABLE more (key BIGINT)", "CREATE TABLE articles (key BIGINT)")}
    monkeypatch.setattr(preparing, "MIGRATIONS", steps)
    with pytest.raises(StorageError, match="already exists"):
        shared.store()
    assert shared.rows("SELECT version FROM format") == [(FORMAT,)]
    monkeypatch.setattr(preparing, "MIGRATIONS", {FORMAT: steps[FORMAT][:1]})
    assert shared.store().counts()["articles"] == 2
    assert shared.rows("SELECT version FROM format ORDER BY version") == [(FORMAT,), (FORMAT + 1,)]
    assert shared.rows("SELECT count(*) FROM more") == [(0,)]


def test_a_role_that_may_only_read(shared: PostgresTruth) -> None:
    """It answers, and adding says why it cannot; so does a standby."""
    put(shared.store(create=True), some_articles(2))
    role = f"reader_{shared.schema}"
    shared.change(f"CREATE ROLE {role} LOGIN")
    shared.change(f"GRANT USAGE ON SCHEMA {shared.schema} TO {role}")
    shared.change(f"GRANT SELECT ON ALL TABLES IN SCHEMA {shared.schema} TO {role}")
    reader = PostgresTruth(shared.uri.replace("news@", f"{role}@"), shared.schema[13:])
    store = reader.store()
    assert not store.writable
    assert store.counts()["articles"] == 2
    with pytest.raises(StorageError, match="may only read"), store.writing():
        pass
    with pytest.raises(StorageError, match="permission denied"):
        put(store, some_articles(1, first=5))
    reader.close()


def test_an_archive_that_is_replaced_is_noticed(
    shared: PostgresTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`qa.ask` opens the new one; a dropped one is missed, and is no damage."""
    original = Archive.open
    monkeypatch.setattr(
        Archive, "open", lambda place, **_: original(place, encoder=HashingEncoder())
    )
    ask = asking.ask
    with Archive.create(shared.address, encoder=HashingEncoder()) as first:
        first.add(write_articles(tmp_path / "a.jsonl", stories(3)))
    assert ask("visitors of ward 1", archive=shared.address).citations
    shared.change(f"DROP SCHEMA {shared.schema} CASCADE")
    with pytest.raises(ArchiveMissingError):
        ask("visitors of ward 1", archive=shared.address)
    with Archive.create(shared.address, encoder=HashingEncoder()) as second:
        second.add(write_articles(tmp_path / "b.jsonl", stories(3, first=50)))
    cited = ask("visitors of ward 1", archive=shared.address).citations
    assert {citation.article_id for citation in cited} <= {f"story-{n}" for n in (50, 51, 52)}
    for archive in asking._open.values():
        archive.close()
    asking._open.clear()


# Damage


def test_rows_that_change_by_themselves_never_change_an_answer(
    shared: PostgresTruth, tmp_path: Path
) -> None:
    """FAULTS, row 7, for what lies in a database: named by `verify`, refused or not used.

    Constraints and triggers are off meanwhile, as they are for a disk.
    """
    chance = random.Random(7)  # noqa: S311 - the same places every time, not a secret
    with Archive.create(shared.address, encoder=HashingEncoder()) as archive:
        archive.add(write_articles(tmp_path / "a.jsonl", stories(16)))
        changed = stories(1)[0] | {"text": "It is all over now, officials said."}
        archive.add(write_articles(tmp_path / "b.jsonl", [changed]))
        expected = rankings(archive)
    columns = {
        "articles": ["id", "source", "published", "record", "digest", "version", "seal"],
        "passages": ["article", "n", "start", '"end"', "tokens", "sentences", "digest", "vector"],
        "vectors": ["passage", "sentences", "digest"],
        "versions": ["version", "record", "digest", "replaced"],
    }
    places = [(table, column) for table, names in columns.items() for column in names]
    outcomes: Counter[str] = Counter()
    for trial in range(CHANGES):
        table, column = places[trial] if trial < len(places) else chance.choice(places)
        ctid, old = chance.choice(shared.cells(table, column))
        now = shared.set_cell(table, column, ctid, other(old))
        with Archive.open(shared.address, encoder=HashingEncoder()) as archive:
            where = f"{table}.{column} of {ctid}"
            assert archive.verify(), f"{where} is not named"
            try:
                assert rankings(archive) == expected, f"{where} changes an answer"
                outcomes["not used"] += 1
            except NewsArchiveError:
                outcomes["refused"] += 1
        shared.set_cell(table, column, now, old)
    with Archive.open(shared.address, encoder=HashingEncoder()) as archive:
        assert archive.verify() == []
    assert outcomes["refused"] > 0
    print(f"{CHANGES} rows changed: {dict(outcomes)}")


def test_keys_are_never_given_twice(shared: PostgresTruth, tmp_path: Path) -> None:
    """Where their count was set back, `verify` says so, and `--repair` mends it."""
    file = write_articles(tmp_path / "a.jsonl", stories(4))
    with Archive.create(shared.address, encoder=HashingEncoder()) as archive:
        archive.add(file)
        archive.remove("story-3")
        shared.change("UPDATE keys SET last = 3")
        assert [problem.rpartition(": ")[2] for problem in archive.verify()] == [
            "its articles would get keys that were given already",
            "its passages would get keys that were given already",
        ]
        assert archive.repair()
        assert archive.verify() == []
        assert archive.add(file).added == 1
        assert shared.rows("SELECT max(key) FROM articles") == [(5,)]


def other(value: Any) -> Any:
    """Return a value of the same type that is not it, by one bit where it has bits."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    return value + 1 if isinstance(value, int) else f"{value or ''}1"


def rankings(archive: Archive) -> list[list[tuple[str, int, int, str | None]]]:
    """Return the best passages for some questions, and the quotes."""
    return [
        [
            *((hit.article_id, hit.start, hit.end, None) for hit in answer.hits[:10]),
            *((c.article_id, c.start, c.end, c.quote) for c in answer.citations),
        ]
        for answer in archive.ask_many(QUESTIONS)
    ]


# Writers


HOLD = """
import sys, time
from embeddings.locations import locate
from qa.shared import open_store
with open_store(locate(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_writer_is_told_who_holds_it(
    shared: PostgresTruth, news: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within a second, with the number of the process, exit code 5; a killed one's is free."""
    with Archive.create(shared.address, encoder=HashingEncoder()) as archive:
        archive.add(news)
        process = run_python(HOLD, shared.address)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        for act in (lambda: archive.add(news), lambda: archive.remove("story-1")):
            with (
                within(1, clock=time.monotonic),
                pytest.raises(ArchiveLockedError, match=f"process {process.pid} on .* since"),
            ):
                act()
        assert archive.ask(QUESTIONS[0]).citations
        assert cli.run(["remove", "story-1", "--archive", shared.address]) == 5
        assert str(process.pid) in capsys.readouterr().err
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert archive.remove("story-1") == 1


def test_writers_exclude_each_other_within_a_process(shared: PostgresTruth) -> None:
    """A second store is a second writer, and so is the same once more."""
    first, second = shared.store(create=True), shared.store()
    with first.writing():
        for store in (first, second):
            with pytest.raises(ArchiveLockedError), store.writing():
                pass
    with second.writing():
        pass


def test_a_writer_without_its_connection_has_lost_its_place(shared: PostgresTruth) -> None:
    """Nothing of its commit stays, and another writer is not in danger from it."""
    first, second = shared.store(create=True), shared.store()
    put(first, some_articles(1))

    def cut_off() -> None:
        with first.writing(), first.transaction():
            first.put_article(make_article("a", "It rained."), encoded(make_article("a", "It.")))
            shared.change(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND granted"
            )
            first.remove_articles(["story-0"])

    with pytest.raises(UnreachableError, match="committed is kept"):
        cut_off()
    with second.writing():
        put(second, some_articles(1, first=5))
    assert first.counts()["articles"] == second.counts()["articles"] == 2
    assert first.generation == 2
    assert verify(first) == []


def test_killed_updates_resume(shared: PostgresTruth, tmp_path: Path) -> None:
    """FAULTS, row 1: what was committed is there, and the end is that of an undisturbed run."""
    news = tmp_path / "news"
    news.mkdir()
    for n, story in enumerate(stories(40)):
        write_articles(news / f"{n:02d}.jsonl", [story])
    chance = random.Random(1)  # noqa: S311 - the same moments every time, not a secret
    children = Children()
    outcomes: Counter[str] = Counter()
    try:
        assert not children.run(shared.address, news, count=str(tmp_path / "count"))
        points = int((tmp_path / "count").read_text("ascii"))
        expected = contents(shared.address)
        while outcomes["killed"] < KILLS:
            place = f"{shared.address}_{outcomes.total()}"
            outcomes["killed"] += children.run(place, news, point=chance.randint(1, points))
            try:
                left = contents(place)
                assert left.items() <= expected.items()
                outcomes["whole" if left == expected else "between commits"] += 1
            except ArchiveMissingError:
                outcomes["no archive"] += 1
            assert not children.run(place, news)
            assert contents(place) == expected
    finally:
        children.stop()
    print(f"updates: {dict(outcomes)}")


def contents(address: str) -> dict[str, str]:
    """Return the text of every article by id; the archive has to be whole and to answer."""
    with Archive.open(address, encoder=HashingEncoder()) as archive:
        assert archive.verify() == []
        assert archive.ask(QUESTIONS[0])
        return {article.id: article.text for article in archive.articles()}


# Machines


def test_the_files_of_other_machines_are_left_alone(
    shared: PostgresTruth, news: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is gone from one machine was never on another: nothing of theirs is pruned."""
    with Archive.create(shared.address, encoder=HashingEncoder()) as archive:
        monkeypatch.setenv("QA_MACHINE", "one")
        assert archive.add(news).added == 12
        monkeypatch.setenv("QA_MACHINE", "two")
        (news / "stories.jsonl").unlink()
        write_articles(news / "other.jsonl", stories(2, first=50))
        assert archive.add(news, prune=True).removed == 0
        assert archive.status().articles == 14
        monkeypatch.setenv("QA_MACHINE", "one")
        assert archive.add(news, prune=True).removed == 12
        assert archive.status().articles == 2


def test_what_indices_do_not_take_is_refused_by_itself(
    shared: PostgresTruth, tmp_path: Path
) -> None:
    """An id or an outlet of thousands of letters is named, and the rest goes on."""
    letters = "".join(random.Random(3).choices("abcdefghij0123456789", k=5_000))  # noqa: S311
    records = [
        stories(1)[0] | {"id": letters},
        stories(1, first=1)[0] | {"source": letters},
        *stories(2, first=2),
    ]
    with Archive.create(shared.address, encoder=HashingEncoder()) as archive:
        report = archive.add(write_articles(tmp_path / "a.jsonl", records))
        assert (report.added, len(report.failed)) == (2, 2)
        assert all("2,000 bytes" in failure.reason for failure in report.failed)


# The command line


def test_the_commands_take_an_address(
    shared: PostgresTruth, news: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Index, status, ask, verify, export and remove, with their exit codes."""
    _hashing(monkeypatch)
    monkeypatch.setenv("QA_ARCHIVE", shared.address)
    assert cli.run(["ask", QUESTIONS[0]]) == 4
    assert cli.run(["index", str(news)]) == 0
    assert f"--archive '{shared.address}'" in capsys.readouterr().out.replace("\n", "")
    assert cli.run(["status"]) == 0
    assert "12 articles" in capsys.readouterr().out
    assert cli.run(["ask", QUESTIONS[0], "--json"]) in {0, 3}
    assert '"article_id": "story-7"' in capsys.readouterr().out
    assert cli.run(["verify"]) == 0
    shared.change("UPDATE passages SET tokens = tokens + 1 WHERE key = 3")
    assert cli.run(["verify"]) == 4
    shared.change("UPDATE passages SET tokens = tokens - 1 WHERE key = 3")
    assert cli.run(["remove", "story-1"]) == 0
    assert cli.run(["export"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 11
    assert cli.run(["index", str(news), "--archive", "a", "--database", shared.uri]) == 2
    assert cli.run(["ask", "?", "--archive", "http://h/x"]) == 2


def _hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let archives that the commands open use the encoder without a model."""
    for name in ("open", "create"):
        original: Callable[..., Archive] = getattr(Archive, name)

        def opened(
            *args: Any, _original: Callable[..., Archive] = original, **options: Any
        ) -> Archive:
            options.pop("model", None)
            return _original(*args, **options, encoder=HashingEncoder())

        monkeypatch.setattr(Archive, name, opened)
