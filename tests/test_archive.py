"""The contract of DESIGN section 3, and what an archive does while others write."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import qa
from corpus.errors import (
    ArchiveLockedError,
    ArchiveMismatchError,
    ArchiveMissingError,
    NewsArchiveError,
    StorageError,
    UsageError,
)
from embeddings import writing
from embeddings.durable import remove_folder
from embeddings.locking import writer_lock
from embeddings.reports import IndexProgress
from qa import Answer, Archive, asking
from qa.searching import search
from tests.archives import files_below, flip
from tests.fakes import HashingEncoder, stories, write_articles
from tests.truths import SqliteTruth, Truth

QUESTION = "How many visitors did Keeper Name7son count?"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of an archive of twelve articles, made once."""
    place = tmp_path_factory.mktemp("template")
    path = write_articles(place / "stories.jsonl", stories(12))
    with Archive.create(place / "archive", encoder=HashingEncoder()) as made:
        made.add(path)
    return place / "archive"


@pytest.fixture
def archive(
    truth: Truth, tmp_path: Path, template: Path, encoder: HashingEncoder
) -> Iterator[Archive]:
    """Return an archive of twelve articles, over each kind of truth."""
    if isinstance(truth, SqliteTruth):
        shutil.copytree(template, truth.address)
    with Archive.create(truth.address, encoder=encoder) as opened:
        if not isinstance(truth, SqliteTruth):
            opened.add(write_articles(tmp_path / "news.jsonl", stories(12)))
        yield opened


@pytest.fixture
def filed(tmp_path: Path, template: Path, encoder: HashingEncoder) -> Iterator[Archive]:
    """Return an archive of twelve articles in a folder: what is about its files."""
    shutil.copytree(template, tmp_path / "archive")
    with Archive.open(tmp_path / "archive", encoder=encoder) as opened:
        yield opened


def again(archive: Archive, encoder: HashingEncoder | None = None) -> Archive:
    return Archive.open(archive.address, encoder=encoder or HashingEncoder())


def ranking(answer: Answer) -> list[tuple[str, int, int]]:
    return [(hit.article_id, hit.start, hit.end) for hit in answer.hits]


# The contract


def test_an_answer_has_the_names_of_the_contract(archive: Archive) -> None:
    """Programs may rely on these, in Python and in JSON."""
    answer = archive.ask(QUESTION)
    assert isinstance(answer.answered, bool)
    assert 0 <= answer.confidence <= 1
    assert (answer.text is None) == (not answer.answered)
    assert (answer.reason is None) == answer.answered
    citation = answer.citations[0]
    for name in (
        "n article_id title source published url link quote start end passage score also_in"
    ).split():
        assert hasattr(citation, name)
    record = json.loads(json.dumps(answer.to_dict()))
    assert record["citations"][0]["quote"] == citation.quote
    assert {"question", "answered", "text", "confidence", "reason", "citations"} <= record.keys()


def test_every_citation_slices_back_to_its_article(archive: Archive) -> None:
    """Quotes and passages are word for word, one citation a story, best first."""
    for question in (QUESTION, "what happened to the harbour", "who declined to comment"):
        answer = archive.ask(question, k=10)
        assert [citation.n for citation in answer.citations] == list(
            range(1, len(answer.citations) + 1)
        )
        assert len({citation.article_id for citation in answer.citations}) > 1
        for citation in answer.citations:
            text = archive.article(citation.article_id).text
            assert text[citation.start : citation.end] == citation.quote
            end = citation.passage_start + len(citation.passage)
            assert text[citation.passage_start : end] == citation.passage
            assert citation.quote_in_passage.of(citation.passage) == citation.quote
        if answer.answered:
            assert answer.text == answer.citations[0].quote


def test_hits_are_the_ranking_of_passages(archive: Archive) -> None:
    """Ranks count from 1, no passage comes twice, quotes lie inside."""
    answer = archive.ask(QUESTION)
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))
    assert len(set(ranking(answer))) == len(answer.hits)
    assert all(hit.start <= hit.quote.start < hit.quote.end <= hit.end for hit in answer.hits)


def test_the_right_article_comes_first(archive: Archive) -> None:
    """A name and a word that only one article has find it."""
    assert archive.ask(QUESTION).citations[0].article_id == "story-7"


def test_many_questions_have_the_answers_of_one_by_one(archive: Archive) -> None:
    """`ask_many` is `ask`, in the order given, strings and mappings mixed."""
    questions = [QUESTION, "what happened to the harbour", "who declined to comment"]
    together = archive.ask_many([*questions, {"question": QUESTION, "sources": ["Echo"]}])
    apart = [*map(archive.ask, questions), archive.ask(QUESTION, sources="Echo")]
    for one, other in zip(together, apart, strict=True):
        assert ranking(one) == ranking(other)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
        assert (one.text, one.reason) == (other.text, other.reason)
    assert archive.ask_many([]) == []


def test_filters_narrow_the_articles(archive: Archive) -> None:
    """Outlets in any case, dates inclusive; nothing else is cited."""
    answer = archive.ask("what happened on Tuesday", sources=["post"], k=50)
    assert {citation.source for citation in answer.citations} == {"Post"}
    answer = archive.ask("what happened on Tuesday", since="2025-03-03", until="2025-05-05", k=50)
    assert {c.published for c in answer.citations} == {"2025-03-03", "2025-04-04", "2025-05-05"}


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("", {}),
        (" \n\t", {}),
        ("\x00\u202e", {}),
        ("?!...", {}),
        ("the of and", {}),
        ("x" * 1_000_000, {}),
        (QUESTION, {"sources": ["Nobody"]}),
        (QUESTION, {"since": "the day before"}),
        (QUESTION, {"k": 0}),
        (QUESTION, {"k": 51}),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(
    archive: Archive, question: str, options: dict[str, object]
) -> None:
    """FAULTS, row 23: a clear message, exit code 2."""
    with pytest.raises(UsageError) as caught:
        archive.ask(question, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "question", ["zebra xylophone", "visitors of the", "\u202ewho\u202c counted"]
)
def test_any_question_gets_an_answer_or_a_reason(archive: Archive, question: str) -> None:
    """Stop words, unknown words and marks of direction are questions."""
    answer = archive.ask(question)
    assert answer.answered or answer.reason


def test_what_an_interrupted_add_committed_is_asked_at_once(
    tmp_path: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "WINDOW", 4)
    news = write_articles(tmp_path / "news.jsonl", stories(12))
    with Archive.create(tmp_path / "archive", encoder=encoder) as archive:

        def interrupt(_: IndexProgress) -> None:
            if archive.status().articles:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            archive.add(news, progress=interrupt)
        assert 0 < archive.status().articles < 12
        assert archive.ask(QUESTION).citations


def test_an_empty_archive_says_so(tmp_path: Path, encoder: HashingEncoder) -> None:
    """No model is loaded to search nothing."""
    with Archive.create(tmp_path / "empty") as archive:
        answer = archive.ask(QUESTION)
        assert not answer.answered
        assert "no articles" in (answer.reason or "")
        assert archive.verify() == []


# Which archive


def test_a_named_directory_without_an_archive_is_an_error(tmp_path: Path) -> None:
    """Exit code 4, and how to make one."""
    with pytest.raises(ArchiveMissingError, match="qa index") as caught:
        Archive.open(tmp_path)
    assert caught.value.exit_code == 4


def test_the_environment_names_the_archive(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, encoder: HashingEncoder, tmp_path: Path
) -> None:
    """$QA_ARCHIVE goes before the person's own, and must hold one."""
    monkeypatch.setenv("QA_ARCHIVE", archive.address)
    with Archive.open(encoder=encoder) as opened:
        assert opened.directory == archive.directory
    monkeypatch.setenv("QA_ARCHIVE", str(tmp_path / "none"))
    with pytest.raises(ArchiveMissingError):
        Archive.open(encoder=encoder)


def test_the_persons_own_archive_is_used_once_it_holds_articles(
    news: Path, encoder: HashingEncoder
) -> None:
    """Until then, and when an indexing run found nothing, the samples answer."""
    from qa.places import default_archive

    with Archive.open(encoder=encoder) as opened:
        assert opened.is_samples
    with Archive.create(default_archive(), encoder=encoder) as own:
        with Archive.open(encoder=encoder) as opened:
            assert opened.is_samples
        own.add(news)
    with Archive.open(encoder=encoder) as opened:
        assert not opened.is_samples
        assert opened.directory == default_archive()


def test_another_model_is_an_error_with_the_way_out(archive: Archive) -> None:
    """By name when opening, by digest when the vectors are needed."""
    with pytest.raises(ArchiveMismatchError, match="--model hashing"):
        again(archive, HashingEncoder(model="other"))
    with pytest.raises(ArchiveMismatchError, match="--model hashing"):
        Archive.open(archive.address, model="other")
    changed = HashingEncoder()
    changed._settings = dataclasses.replace(changed.settings, digest="other files")
    with again(archive, changed) as opened, pytest.raises(ArchiveMismatchError):
        opened.ask(QUESTION)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in its place is no archive."""
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(StorageError, match="--archive"):
        Archive.create(tmp_path / "file" / "below")


def test_a_closed_archive_says_so(archive: Archive) -> None:
    """No claim of damage."""
    opened = again(archive)
    opened.close()
    with pytest.raises(UsageError, match="closed"):
        opened.ask(QUESTION)


# qa.ask


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Open archives by the hashing encoder, and close what `qa.ask` keeps open."""
    original = Archive.open

    def opened(directory: Path | None = None, **options: Any) -> Archive:
        return original(directory, **{"encoder": HashingEncoder()} | options)

    monkeypatch.setattr(Archive, "open", opened)
    yield
    for archive in asking._open.values():
        archive.close()
    asking._open.clear()


@pytest.mark.usefixtures("kept")
def test_ask_is_one_line(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive object, its directory, or the environment's: the same answer."""
    expected = ranking(archive.ask(QUESTION))
    assert ranking(qa.ask(QUESTION, archive=archive)) == expected
    assert ranking(qa.ask(QUESTION, archive=archive.address)) == expected
    monkeypatch.setenv("QA_ARCHIVE", archive.address)
    assert ranking(qa.ask(QUESTION, k=1)) == expected
    assert len(asking._open) == 1


@pytest.mark.usefixtures("kept")
def test_ask_without_an_archive_asks_the_samples() -> None:
    """Nothing given and nothing built: the shipped samples."""
    citation = qa.ask("When did Quenby Bridge close?").citations[0]
    assert citation.source in {"Kelderwick Gazette", "Ferrow FM", "The Tidewrack"}


@pytest.mark.usefixtures("kept")
def test_ask_follows_an_archive_that_is_replaced(filed: Archive, tmp_path: Path) -> None:
    """A new archive in the old one's place is opened; a removed one is missed."""
    directory = filed.directory
    assert qa.ask(QUESTION, archive=directory).citations
    filed.close()
    remove_folder(directory)
    with pytest.raises(ArchiveMissingError):
        qa.ask(QUESTION, archive=directory)
    with Archive.create(directory, encoder=HashingEncoder()) as other:
        other.add(write_articles(tmp_path / "other.jsonl", stories(3, first=100)))
    citations = qa.ask(QUESTION, archive=directory).citations
    assert {citation.article_id for citation in citations} <= {
        f"story-{n}" for n in (100, 101, 102)
    }


@pytest.mark.usefixtures("kept")
def test_ask_notices_the_persons_first_archive(news: Path) -> None:
    """After the samples have answered, the person's own articles do as soon as there are some."""
    from qa.places import default_archive

    assert qa.ask("When did Quenby Bridge close?").citations[0].source != "Post"
    with Archive.create(default_archive(), encoder=HashingEncoder()) as own:
        own.add(news)
    assert qa.ask(QUESTION).citations[0].article_id == "story-7"


# What is in it


def test_articles_and_passages_are_listed(archive: Archive) -> None:
    """Every passage slices its article and is found under its id."""
    articles = {article.id: article for article in archive.articles()}
    assert list(articles) == [f"story-{n}" for n in range(12)]
    passages = list(archive.passages())
    assert len(passages) == archive.status().passages
    for passage, record in zip(passages, archive.export_passages(), strict=True):
        text = articles[passage.article_id].text
        assert record == {
            "article": passage.article_id,
            "start": passage.start,
            "end": passage.end,
            "text": text[passage.start : passage.end],
        }


def test_lists_go_on_while_articles_change(archive: Archive) -> None:
    """What is removed meanwhile is left out; nothing breaks."""
    listed = archive.passages()
    first = next(listed)
    with again(archive) as writer:
        writer.remove(["story-11"])
    assert first.article_id == "story-0"
    assert {passage.article_id for passage in listed} <= {f"story-{n}" for n in range(12)}
    assert "story-11" not in {passage.article_id for passage in archive.passages()}


def test_an_export_makes_the_same_archive(archive: Archive, tmp_path: Path) -> None:
    """Articles out, articles in: the same texts, passages and answers."""
    exported = write_articles(tmp_path / "export.jsonl", list(archive.export_articles()))
    with Archive.create(tmp_path / "copy", encoder=HashingEncoder()) as copy:
        assert copy.add(exported).added == 12
        assert list(copy.export_passages()) == list(archive.export_passages())
        assert ranking(copy.ask(QUESTION)) == ranking(archive.ask(QUESTION))


def test_one_article_by_its_id(archive: Archive) -> None:
    """An unknown id is a usage error that names it."""
    assert archive.article("story-3").title == "The museum of ward 3"
    assert archive.has("story-3")
    with pytest.raises(UsageError, match="story-99"):
        archive.article("story-99")


def test_status(archive: Archive) -> None:
    """Counts, outlets, dates, model and size."""
    status = archive.status()
    assert (status.articles, status.passages) == (12, 12)
    assert status.sources == (("Echo", 4), ("Herald", 4), ("Post", 4))
    assert (status.first, status.last) == ("2025-01-01", "2025-12-12")
    assert (status.model, status.dimension) == ("hashing", 64)
    assert status.bytes > 10_000
    assert json.loads(json.dumps(status.to_dict()))["sources"][0] == {
        "source": "Echo",
        "articles": 4,
    }


# Changes


def test_a_removed_article_is_found_nowhere(archive: Archive) -> None:
    """FAULTS, row 11: not in answers, lists, status, files; not by a reader that was open."""
    reader = again(archive)
    assert reader.ask(QUESTION).citations[0].article_id == "story-7"
    assert archive.remove(["story-7", "story-99"]) == 1
    for opened in (archive, reader, again(archive)):
        answer = opened.ask(QUESTION, k=50)
        assert "story-7" not in {hit.article_id for hit in answer.hits}
        assert "story-7" not in {c.article_id for c in answer.citations}
        assert "story-7" not in {article.id for article in opened.articles()}
        assert not opened.has("story-7")
        opened.close()
    found = [n for n, data in files_below(reader.directory).items() if b"Name7son" in data]
    assert found == []


def test_removing_one_id_given_as_a_string(archive: Archive) -> None:
    """A string is one id, not many letters."""
    assert archive.remove("story-3") == 1


def test_a_reader_sees_an_update_by_itself(archive: Archive, news: Path) -> None:
    """Another object's commit is there for the next question, without opening again."""
    with again(archive) as reader:
        before = reader.ask("Keeper Name40son")
        assert "story-40" not in {hit.article_id for hit in before.hits}
        write_articles(news / "more.jsonl", stories(1, first=40))
        archive.add(news)
        assert reader.ask("Keeper Name40son counted visitors").citations[0].article_id == "story-40"


def test_reading_goes_on_during_many_updates(
    archive: Archive, news: Path, encoder: HashingEncoder
) -> None:
    """FAULTS, row 6 in small: no error, and each answer is of one state."""
    stop = threading.Event()
    failures: list[BaseException] = []
    seen: set[str] = set()

    def read() -> None:
        try:
            with again(archive) as reader:
                while not stop.is_set():
                    for citation in reader.ask("the bridge in ward 0", k=50).citations:
                        assert citation.quote in citation.passage
                        if citation.article_id == "story-0":
                            seen.add(citation.passage)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    texts = [f"The bridge in ward 0 is in state {n}, wholly in state {n}." for n in range(8)]
    for text in texts:
        write_articles(news / "stories.jsonl", [stories(1)[0] | {"text": text}, *stories(12)[1:]])
        assert archive.add(news).updated == 1
    stop.set()
    thread.join()
    assert failures == []
    assert seen <= {*texts, str(stories(1)[0]["text"])}


class Overtaken:
    """An archive that changes between a question and what is read for its answer."""

    def __init__(self, archive: Archive, change: Callable[[], object]) -> None:
        self._archive, self._change = archive, change
        self.article = archive.article

    def ask(self, question: str, **options: Any) -> Answer:
        answer = self._archive.ask(question, **options)
        self._change()
        return answer


def test_a_search_quotes_what_it_found(archive: Archive, tmp_path: Path) -> None:
    """An article that is corrected meanwhile is quoted as it was, one that is removed left out."""
    before = archive.article("story-7").text
    changed = stories(1, first=7)[0] | {"text": f"Corrected. {before}"}
    file = write_articles(tmp_path / "changed.jsonl", [changed])
    found = search(Overtaken(archive, lambda: archive.add(file)), QUESTION, k=3)
    assert found[0].article_id == "story-7"
    assert before[found[0].start : found[0].end] == found[0].text
    assert found[0].quote in before
    found = search(Overtaken(archive, lambda: archive.remove("story-7")), QUESTION, k=3)
    assert "story-7" not in {passage.article_id for passage in found}


def test_threads_share_an_archive(archive: Archive) -> None:
    """One object, many threads, the same answers."""
    expected = {n: ranking(archive.ask(f"Keeper Name{n}son")) for n in range(6)}
    wrong: list[int] = []

    def work(n: int) -> None:
        answers = [ranking(archive.ask(f"Keeper Name{n}son")) for _ in range(5)]
        wrong.extend(n for answer in answers if answer != expected[n])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_second_writer_is_told(archive: Archive, news: Path) -> None:
    """Adding and removing wait for nobody, and asking goes on."""
    with closing(archive._store.again()) as other, other.writing():
        for attempt in (lambda: archive.add(news), lambda: archive.remove(["story-1"])):
            with pytest.raises(ArchiveLockedError, match="process"):
                attempt()
        assert archive.ask(QUESTION).citations


def test_what_a_killed_export_left_goes(archive: Archive, news: Path) -> None:
    """Half an encoder does not lie about for ever (FAULTS, row 8)."""
    (archive.directory / ".encoder.1234abcd.tmp").mkdir()
    (archive.directory / ".encoder.1234abcd.tmp" / "model.onnx").touch()
    archive.add(news)
    assert not list(archive.directory.glob(".encoder*"))


def test_derived_files_heal_by_asking(archive: Archive) -> None:
    """Deleted, they are made again in the archive; locked, for this reader alone."""
    expected = ranking(archive.ask(QUESTION))
    current = archive.directory / "derived" / "CURRENT"
    current.write_text("nowhere", "utf-8")
    with writer_lock(archive.directory), again(archive) as reader:
        assert ranking(reader.ask(QUESTION)) == expected
        assert current.read_text("utf-8") == "nowhere"
    with again(archive) as reader:
        assert reader.verify() != []
        assert ranking(reader.ask(QUESTION)) == expected
        assert reader.verify() == []


def test_a_damaged_truth_is_an_error_and_never_another_answer(filed: Archive) -> None:
    """FAULTS, row 7 in small: bits turned anywhere in the database."""
    expected = ranking(filed.ask(QUESTION))
    filed.close()
    path = filed.directory / "archive.sqlite"
    whole = path.read_bytes()
    named = 0
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        flip(path, at, at % 8)
        try:
            with again(filed) as reader:
                assert ranking(reader.ask(QUESTION)) == expected
                named += bool(reader.verify())
        except NewsArchiveError:
            named += 1
        for log in path.parent.glob("archive.sqlite-*"):
            log.unlink()
        path.write_bytes(whole)
    assert named > 10


def test_adding_says_what_it_did(archive: Archive, news: Path) -> None:
    """The report has the names of the contract."""
    report = archive.add(str(news)).to_dict()
    assert {"added", "updated", "unchanged", "removed", "passages", "failed", "seconds"} <= (
        report.keys()
    )
    assert (report["added"], report["unchanged"], report["failed"]) == (0, 12, [])
