"""What finds passages by their vectors keeps one promise, be it FAISS, a stand-in or Milvus itself.

`python -m tests.engines server -- python -m pytest -m shared tests/test_passage_index.py` asks a
server, `cluster` in its place a cluster; without either the embedded engine answers.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from embeddings import milvus, passages_index
from embeddings.catching_up import catch_up, make_anew, problems
from embeddings.derived import copy_indices, open_indices, publish_indices
from embeddings.durable import remove_folder
from embeddings.encoder import Vectors
from embeddings.locations import PostgresLocation
from embeddings.milvus import Milvus, Rows, State, open_milvus
from embeddings.milvus_address import milvus_address
from embeddings.milvus_filters import NAMED_ARTICLES, day_field, expression, outlet_field
from embeddings.nearest import Bounds, PassageIndex, VectorsUnavailableError
from embeddings.store import Store
from tests.archives import put, some_articles
from tests.fakes import make_article, words_vector
from tests.memory_milvus import MemoryClient

MEMORY_HOST = "milvus+http://memory.example/"


ENGINES = ["faiss", "memory", pytest.param("milvus", marks=pytest.mark.shared)]


@pytest.fixture(params=ENGINES)
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | None]:
    """Return the address of an archive's vectors, None for FAISS; nobody used it before."""
    if request.param == "faiss":
        yield None
    elif request.param == "memory":
        address = f"{MEMORY_HOST}t{uuid.uuid4().hex[:12]}"
        place = Milvus(milvus_address(address), MemoryClient())
        monkeypatch.setitem(milvus._opened, address, place)
        yield address
    else:
        yield from an_address(tmp_path)


def an_address(folder: Path) -> Iterator[str]:
    """Give an address in the Milvus that is there, or in an embedded one; clear up behind it."""
    pytest.importorskip("pymilvus")
    name, server = f"t{uuid.uuid4().hex[:12]}", os.environ.get("QA_TEST_MILVUS")
    address = f"milvus+{server}/{name}" if server else f"milvus+file://{folder}/v.db?name={name}"
    yield address
    place = open_milvus(address)
    for collection in place.others():
        place.drop(collection.name)
    if server and (current := place.current()) is not None:
        place._client.ask("drop_alias", name)
        place.drop(current.name)
    place.close()
    milvus._opened.pop(address, None)


def database_uri(request: pytest.FixtureRequest) -> str:
    """Return the address of a PostgreSQL server: the one that is there, or one for all tests."""
    there = os.environ.get("QA_TEST_DATABASE")
    return there or str(request.getfixturevalue("postgres").uri)


Opening = Callable[[str], Store]
"""Makes the truth of an archive of a name, whose vectors are searched by the test's engine."""


@pytest.fixture
def opening(
    engine: str | None, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Opening]:
    """Return how a truth is opened: in PostgreSQL for Milvus itself, else in SQLite."""
    opened: list[Store] = []

    def make(name: str) -> Store:
        folder = tmp_path / name
        folder.mkdir()
        if engine is None or engine.startswith(MEMORY_HOST):
            store = Store(folder, create=True, vector_engine=engine)
        else:
            from embeddings.postgres.database import PostgresDatabase

            uri = database_uri(request)
            place = PostgresLocation(uri, f"{name}_{uuid.uuid4().hex[:12]}")
            connected = PostgresDatabase(place, create=True)
            store = Store(folder, database=connected, vector_engine=engine)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(opening: Opening) -> Store:
    """Return the truth of twenty-four articles of three outlets, whose vectors are in place."""
    opened = opening("truth")
    put(opened, some_articles(24))
    publish_indices(opened)
    catch_up(opened)
    return opened


def index_of(store: Store) -> PassageIndex:
    """Return the index as a machine makes it that has none yet: what Milvus has, it has to ask."""
    remove_folder(store.directory / "derived")
    return open_indices(store).dense


def expected(store: Store, question: Vectors, keys: list[int], k: int) -> list[int]:
    """Return the best keys by the truth's own vectors."""
    found = store.vectors(keys)
    scores = {key: float(found[key].passage @ question) for key in keys}
    return sorted(scores, key=lambda key: (-scores[key], key))[:k]


QUESTIONS = ("Which bridge opened in ward 8?", "Who counted 1070 visitors?", "figure 17")


def test_the_nearest_come_first(store: Store) -> None:
    """By the dot product, best first, and no more than there are."""
    index = index_of(store)
    for question in QUESTIONS:
        vector = words_vector(question)
        for k in (1, 5, 60):
            (hits,) = index.search(vector[None, :], k)
            keys = store.passage_keys().tolist()
            assert [key for key, _ in hits] == expected(store, vector, keys, k)
            for key, score in hits:
                true = float(store.vectors([key])[key].passage @ vector)
                assert score == pytest.approx(true, abs=1e-5)


def test_several_questions_at_once(store: Store) -> None:
    """Each gets its own."""
    index, vectors = index_of(store), np.stack([words_vector(text) for text in QUESTIONS])
    together = index.search(vectors, 5)
    assert [[key for key, _ in hits] for hits in together] == [
        [key for key, _ in index.search(vector[None, :], 5)[0]] for vector in vectors
    ]


BOUNDED: list[tuple[tuple[str, ...], str | None, str | None]] = [
    (("Post",), None, None),
    (("Post", "Echo"), "2025-03-01", "2025-08-31"),
    ((), None, "2025-06-30"),
    ((), "2025-06-01", None),
    (("Nobody",), None, None),
]


@pytest.mark.parametrize("named", [True, False])
def test_a_search_keeps_within_bounds(
    store: Store, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """Whether the engine is told the articles, or only what they have in common."""
    monkeypatch.setattr("embeddings.milvus_filters.NAMED_ARTICLES", NAMED_ARTICLES if named else 0)
    index, vector = index_of(store), words_vector(QUESTIONS[0])
    for outlets, since, until in BOUNDED:
        articles = store.article_keys(outlets, since, until)
        allowed = index.keys_of(articles)
        for bounds in (Bounds(articles, outlets, since, until), None):
            (hits,) = index.search(vector[None, :], 6, allowed, bounds)
            assert [key for key, _ in hits] == expected(store, vector, allowed.tolist(), 6)


HOSTILE = [
    'The "Daily" Post',
    "back\\slash",
    "a' or key > 0 or outlet == 'b",
    "Ünïcode 新聞",
    "]",
]


def test_outlets_with_any_name_are_filtered_by(store: Store) -> None:
    """Nothing in a name is read as part of a filter."""
    for number, outlet in enumerate(HOSTILE):
        text = f"Odd outlet number {number} tells of the bridge."
        put(store, [make_article(f"odd-{number}", text, source=outlet, published="2025-01-01")])
    publish_indices(store)
    catch_up(store)
    index, vector = index_of(store), words_vector("odd outlet bridge")
    for outlet in HOSTILE:
        articles = store.article_keys((outlet,))
        allowed = index.keys_of(articles)
        bounds = Bounds(articles, (outlet,))
        (hits,) = index.search(vector[None, :], 5, allowed, bounds)
        assert [key for key, _ in hits] == expected(store, vector, allowed.tolist(), 5)


def test_what_was_added_is_found_at_once(store: Store) -> None:
    """Before the engine has it, and after."""
    put(store, some_articles(3, first=40))
    keys = store.passage_keys().tolist()
    vector = words_vector("Keeper Name41son counted")
    for _ in range(2):
        (hits,) = index_of(store).search(vector[None, :], 4)
        assert [key for key, _ in hits] == expected(store, vector, keys, 4)
        assert index_of(store).is_complete
        catch_up(store)


def test_what_was_removed_or_replaced_is_found_no_more(store: Store) -> None:
    """Before the engine has heard of it, and after."""
    before = set(store.passage_keys().tolist())
    with store.transaction():
        store.remove_articles(["story-8", "story-9"])
    put(store, [make_article("story-10", "Entirely other words about a lighthouse.")])
    kept = set(store.passage_keys().tolist())
    assert before - kept
    for _ in range(2):
        for question in (*QUESTIONS, "Keeper Name8son counted", "lighthouse"):
            vector = words_vector(question)
            (hits,) = index_of(store).search(vector[None, :], 50)
            assert [key for key, _ in hits] == expected(store, vector, sorted(kept), 50)
        catch_up(store)
    assert problems(store) == []


def test_a_view_sees_its_own_generation(store: Store) -> None:
    """What a writer commits, and the engine takes in, changes nothing for who looks already."""
    view = copy_indices(store).dense
    keys = store.passage_keys().tolist()
    put(store, some_articles(4, first=50))
    publish_indices(store)
    catch_up(store)
    vector = words_vector("Keeper Name51son counted")
    (hits,) = view.search(vector[None, :], 10)
    assert [key for key, _ in hits] == expected(store, vector, keys, 10)


def test_keys_and_owners(store: Store) -> None:
    """A filter by article is a look-up in arrays, wherever the vectors are."""
    index = index_of(store)
    assert index.keys().tolist() == store.passage_keys().tolist()
    assert len(index) == len(store.passage_keys())
    articles = [key for _, key in store.article_ids()][3:6]
    assert index.keys_of(articles).tolist() == sorted(store.passage_keys_of(articles))
    gone = index.keys()[:2]
    assert index.without(gone).keys().tolist() == store.passage_keys().tolist()[2:]
    (hits,) = index.without(gone).search(words_vector("bridge")[None, :], 60)
    assert {key for key, _ in hits} == {*store.passage_keys().tolist()} - {*gone.tolist()}


def test_an_index_is_opened_from_its_files(store: Store) -> None:
    """The same after the process has ended; what is damaged is made anew."""
    vector = words_vector(QUESTIONS[0])[None, :]
    before = [key for key, _ in index_of(store).search(vector, 10)[0]]
    assert [key for key, _ in index_of(store).search(vector, 10)[0]] == before
    for file in sorted((store.directory / "derived").rglob("*")):
        if file.is_file() and file.parent.name == "dense":
            file.write_bytes(b"no index")
    assert [key for key, _ in index_of(store).search(vector, 10)[0]] == before


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
class TestMilvus:
    """What only an engine that is not the archive's own can get wrong."""

    def test_a_rebuild_switches_to_a_whole_collection(self, store: Store) -> None:
        """The name leads to the old one until then, and the old one goes."""
        place = open_milvus(store.vector_engine or "")
        before = place.current()
        assert before is not None
        assert make_anew(store) == len(store.passage_keys())
        after = place.current()
        assert after is not None
        assert after.name != before.name
        assert place.others() == []
        assert problems(store) == []

    def test_searches_go_on_during_a_rebuild(self, store: Store) -> None:
        """They find all there is, in the old collection or in the new one."""
        index, question = index_of(store), words_vector("bridge")[None, :]
        found: list[int] = []
        rebuilt = 0
        ended = threading.Event()

        def search() -> None:
            while not ended.wait(0.001):  # without a pause it would keep the rebuild from the core
                found.append(len(index.search(question, 60)[0]))

        searching = threading.Thread(target=search)
        searching.start()
        try:
            while (rebuilt < 2 or len(found) < 100) and searching.is_alive():
                make_anew(store)
                rebuilt += 1
        finally:
            ended.set()
            searching.join()
        assert {*found} == {len(store.passage_keys())}
        assert rebuilt > 1

    def test_a_stopped_catch_up_goes_on(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is recorded is there; what is not recorded is written again."""
        for number in range(5):
            put(store, some_articles(3, first=100 + 3 * number))
        put_before, left = Milvus.put, [3]

        def stop(self: Milvus, collection: str, rows: Rows, *, again: bool) -> None:
            put_before(self, collection, rows, again=again)
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        monkeypatch.setattr("embeddings.catching_up.STEP", 1)
        monkeypatch.setattr(Milvus, "put", stop)
        with pytest.raises(KeyboardInterrupt):
            catch_up(store)
        monkeypatch.setattr(Milvus, "put", put_before)
        current = open_milvus(store.vector_engine or "").current()
        assert current is not None
        assert store.generation - current.state.generation == 3
        assert len(index_of(store).keys()) == len(store.passage_keys())
        assert catch_up(store) == 9
        assert problems(store) == []

    def test_what_the_engine_lost_is_named_and_mended(self, store: Store) -> None:
        """By the keys that it holds, one by one."""
        place = open_milvus(store.vector_engine or "")
        current = place.current()
        assert current is not None
        place.remove(current.name, store.passage_keys().tolist()[:4])
        assert [line for line in problems(store) if "differs in 4 passages" in line]
        make_anew(store)
        assert problems(store) == []

    def test_another_archives_vectors_are_none_of_ours(
        self, store: Store, opening: Opening
    ) -> None:
        """A copy that went its own way, or a name that two archives were given."""
        put(store, some_articles(1, first=90))
        publish_indices(store)
        other = opening("other")
        put(other, some_articles(6))
        small = index_of(other)
        assert small.search(words_vector("bridge")[None, :], 3)[0], "it holds them all itself"
        catch_up(other)
        assert problems(other) == []
        with pytest.raises(VectorsUnavailableError, match="another archive"):
            open_indices(store).dense.search(words_vector("bridge")[None, :], 3)
        assert "holds no vectors of this archive" in problems(store)[0]
        catch_up(store)
        assert problems(store) == []

    def test_how_far_behind_it_is_is_known(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where more is missing than a reader holds, the index says that it is not complete."""
        monkeypatch.setattr(passages_index, "NEWEST_MOST", 2)
        put(store, some_articles(3, first=60))
        index = index_of(store)
        assert not index.is_complete
        assert len(index.search(words_vector("bridge")[None, :], 60)[0]) == 24
        catch_up(store)
        assert index.is_complete
        assert len(index.search(words_vector("bridge")[None, :], 60)[0]) == 27

    def test_the_truths_address_is_kept(self, engine: str, store: Store) -> None:
        """Through what is written afterwards, and through a rebuild."""
        milvus.create_in_milvus(engine, "postgresql://qa@db.example/news")
        put(store, some_articles(1, first=70))
        catch_up(store)
        make_anew(store)
        assert milvus.database_of(engine) == "postgresql://qa@db.example/news"
        assert problems(store) == []


def test_an_archive_is_made_before_its_vectors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The collection's first state names the truth and nothing else; vectors make another."""
    address = f"{MEMORY_HOST}early"
    client = MemoryClient()
    monkeypatch.setitem(milvus._opened, address, Milvus(milvus_address(address), client))
    with pytest.raises(milvus.MissingCollectionError, match="qa index"):
        milvus.database_of(address)
    milvus.create_in_milvus(address, "postgresql://db.example/news")
    (tmp_path / "truth").mkdir()
    store = Store(tmp_path / "truth", create=True, vector_engine=address)
    assert catch_up(store) == 0
    put(store, some_articles(2))
    assert catch_up(store) == 2
    current = open_milvus(address).current()
    assert current is not None
    assert current.state == State(
        archive=store.archive_id,
        generation=1,
        begun=1,
        commit=store.commit_name(1),
        dimension=64,
        database="postgresql://db.example/news",
    )
    assert len(client.held) == 1
    store.close()


def test_filters_of_bounds() -> None:
    """Few articles are named; of many it is told what they share."""
    few = Bounds([3, 5], ("Post",), "2025-01-01", None)
    assert expression(few) == 'outlet in ["Post"] and article in [3, 5]'
    many = range(NAMED_ARTICLES + 1)
    assert expression(Bounds(many)) == ""
    assert expression(None) == ""
    assert expression(Bounds(many, ("A", 'B"\\'), "2025-02-03", "2025-12-31")) == (
        'outlet in ["A", "B__"] and (day == 0 or (day >= 20250203 and day <= 20251231))'
    )
    assert day_field("2025-02-03") == 20250203
    assert day_field("2025-02") == day_field(None) == day_field("yesterday") == 0
    assert len(outlet_field("新" * 400).encode()) <= 512


def test_addresses_hide_what_nobody_may_see() -> None:
    """The token goes to Milvus' client and nowhere else."""
    address = milvus_address("milvus+https://qa:hush%21@db.example:19530/news?replicas=2")
    assert (address.uri, address.name, address.replicas) == ("https://db.example:19530", "news", 2)
    assert address.token == "qa:hush!"  # noqa: S105 - nobody's
    assert "hush" not in f"{address} {address!r}"
