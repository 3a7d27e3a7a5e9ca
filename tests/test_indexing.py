"""The article line: what is indexed, replaced, kept, pruned, and what costs nothing."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import passages as splitting
from corpus.errors import ArchiveMismatchError
from corpus.records import Failure, SourceFile
from embeddings import indexing, writing
from embeddings.analysis import pack, wordings_of
from embeddings.encoder import Encoder
from embeddings.indexing import index_paths
from embeddings.reports import IndexProgress, IndexReport
from embeddings.rows import FileRecord
from embeddings.verification import verify
from tests.archives import run_python
from tests.article_files import zipped
from tests.fakes import HashingEncoder, stories, write_articles
from tests.truths import Truth


class Bench:
    """A store, an encoder and a folder of files."""

    def __init__(self, folder: Path, truth: Truth) -> None:
        self.truth = truth
        self.store = truth.store(create=True)
        self.encoder = HashingEncoder()
        self.news = _folder(folder / "news")

    def write(self, name: str, *articles: dict[str, object]) -> Path:
        (self.news / name).parent.mkdir(exist_ok=True)
        return write_articles(self.news / name, articles)

    def index(self, *paths: Path, **options: Any) -> IndexReport:
        return index_paths(self.store, lambda: self.encoder, paths or [self.news], **options)

    def text(self, article_id: str) -> str:
        article = self.store.article(article_id)
        assert article is not None
        return article.text

    def ids(self) -> set[str]:
        return {article_id for article_id, _ in self.store.article_ids()}


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def counts(report: IndexReport) -> tuple[int, int, int, int, int]:
    return (report.added, report.updated, report.unchanged, report.removed, len(report.failed))


def never() -> Encoder:
    raise AssertionError("the encoder was loaded for nothing")


@pytest.fixture
def bench(tmp_path: Path, truth: Truth) -> Bench:
    return Bench(tmp_path, truth)


A, B, C = stories(3)


# Twice, changed, moved


def test_twice_does_nothing_and_loads_no_model(bench: Bench) -> None:
    """The second run of the same files is all unchanged, commits nothing and encodes nothing."""
    bench.write("a.jsonl", A, B)
    bench.write("c.jsonl", C)
    assert counts(bench.index()) == (3, 0, 0, 0, 0)
    generation = bench.store.generation
    report = index_paths(bench.store, never, [bench.news])
    assert counts(report) == (0, 0, 3, 0, 0)
    assert report.passages == bench.store.counts()["passages"]
    assert bench.store.generation == generation


def test_touched_files_with_the_same_articles_load_no_model(bench: Bench) -> None:
    """Other bytes, same articles: read, compared, not encoded."""
    bench.write("a.jsonl", A, B)
    bench.index()
    bench.write("a.jsonl", B, A)
    assert counts(index_paths(bench.store, never, [bench.news])) == (0, 0, 2, 0, 0)


def test_a_changed_article_replaces_the_earlier_one(bench: Bench) -> None:
    """One id, one text, and only the change is encoded."""
    bench.write("a.jsonl", A, B)
    bench.index()
    before = bench.encoder.passages_encoded
    bench.write("a.jsonl", A, B | {"text": "The bridge in ward 1 has fallen down, all of it."})
    assert counts(bench.index()) == (0, 1, 1, 0, 0)
    assert bench.text("story-1").endswith("all of it.")
    assert bench.encoder.passages_encoded == before + 1
    assert verify(bench.store) == []


def test_a_changed_headline_counts_as_a_change(bench: Bench) -> None:
    """All that a reader can see of an article is compared."""
    bench.write("a.jsonl", A)
    bench.index()
    bench.write("a.jsonl", A | {"title": "Another headline for the same text"})
    assert counts(bench.index()) == (0, 1, 0, 0, 0)


def test_a_moved_file_encodes_nothing_and_links_to_its_new_place(bench: Bench) -> None:
    """The articles stay; their path follows the file."""
    old = bench.write("a.jsonl", A)
    bench.index()
    new = old.rename(bench.news / "moved.jsonl")
    assert counts(index_paths(bench.store, never, [bench.news], prune=True)) == (0, 0, 1, 0, 0)
    article = bench.store.article("story-0")
    assert article is not None
    assert article.path == str(new)
    assert bench.store.files().keys() == {str(new)}
    assert verify(bench.store) == []


def test_removed_and_added_again_encodes_nothing(bench: Bench) -> None:
    """Vectors are kept by content."""
    bench.write("a.jsonl", A, B)
    bench.index()
    calls = bench.encoder.calls
    with bench.store.transaction():
        bench.store.remove_articles(["story-0"])
    assert counts(bench.index()) == (1, 0, 1, 0, 0)
    assert bench.encoder.calls == calls
    assert bench.ids() == {"story-0", "story-1"}


def test_equal_passages_are_encoded_once(bench: Bench) -> None:
    """The same text under two ids has one set of vectors."""
    bench.write("a.jsonl", A, A | {"id": "copy", "url": "https://other.example/1"})
    report = bench.index()
    assert report.added == 2
    assert bench.encoder.passages_encoded == report.passages // 2


def test_words_are_stored_with_the_passages_that_they_are_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no question works them out; also where there are more than are worked out together."""
    monkeypatch.setattr(writing, "WORDED", 4)
    bench.write("a.jsonl", *stories(9))
    bench.index()
    keys = bench.store.passage_keys().tolist()
    found = bench.store.passages_with_vectors(keys)
    articles = bench.store.articles_by_key({stored.article for stored, _ in found})
    assert len(found) >= 9
    for stored, vectors in found:
        text = stored.span.of(articles[stored.article].text)
        inside = tuple(
            (s.start - stored.span.start, s.end - stored.span.start) for s in stored.sentences
        )
        assert vectors.words == pack(wordings_of([(text, inside)])[0])


# Two files, one id


def test_two_texts_under_one_id_are_both_kept(bench: Bench) -> None:
    """The later file's article goes by its path, and a second run changes nothing."""
    bench.write("a.jsonl", A)
    second = bench.write("b.jsonl", A | {"text": "Another save of the page, with another text."})
    assert counts(bench.index()) == (2, 0, 0, 0, 0)
    assert bench.ids() == {"story-0", f"{second}#1"}
    assert counts(index_paths(bench.store, never, [bench.news])) == (0, 0, 2, 0, 0)


@pytest.mark.parametrize("together", [True, False])
def test_a_change_in_one_of_them_leaves_the_other(bench: Bench, together: bool) -> None:
    """Whether the changed file is indexed with the other or alone."""
    bench.write("a.jsonl", A)
    second = bench.write("b.jsonl", A | {"text": "Another save of the page, with another text."})
    bench.index()
    bench.write("b.jsonl", A | {"text": "A third text that no other file holds, just this one."})
    report = bench.index(*([] if together else [second]))
    assert report.updated == 1
    assert bench.text("story-0") == A["text"]
    assert bench.text(f"{second}#1").startswith("A third")


def test_a_file_that_comes_later_and_first_takes_nothing_away(bench: Bench) -> None:
    """A new file, read before one that is known, does not replace the known one's article."""
    bench.write("b.jsonl", A)
    bench.index()
    first = bench.write("a.jsonl", A | {"text": "A text from a file that sorts before the other."})
    assert counts(bench.index()) == (1, 0, 1, 0, 0)
    assert bench.text("story-0") == A["text"]
    assert f"{first}#1" in bench.ids()
    assert counts(index_paths(bench.store, never, [bench.news])) == (0, 0, 2, 0, 0)


def test_a_newer_file_by_itself_updates(bench: Bench) -> None:
    """An export of the same articles, indexed later, replaces them by their ids."""
    bench.write("old.jsonl", A)
    bench.index()
    newer = bench.write("new.jsonl", A | {"text": "What the article says since this morning."})
    assert counts(bench.index(newer)) == (0, 1, 0, 0, 0)
    assert bench.text("story-0").startswith("What the article")


def test_the_same_article_in_two_files_is_one(bench: Bench) -> None:
    """Same id, same text: one article, a warning, and no end of updates."""
    bench.write("a.jsonl", A)
    bench.write("b.jsonl", A)
    report = bench.index()
    assert counts(report) == (1, 0, 0, 0, 0)
    assert any("twice" in warning for warning in report.warnings)
    assert index_paths(bench.store, never, [bench.news]).updated == 0


# What cannot be read


def test_one_bad_file_stops_nothing(bench: Bench) -> None:
    """999 in, one out with its reason (FAULTS, row 14, in small)."""
    for n, story in enumerate(stories(20)):
        bench.write(f"{n:02d}.jsonl", story)
    (bench.news / "bad.json").write_text('{"text": ', "utf-8")
    report = bench.index()
    assert counts(report) == (20, 0, 0, 0, 1)
    assert report.failed[0].path.endswith("bad.json")
    assert report.to_dict()["failed"] == [
        {"path": report.failed[0].path, "reason": report.failed[0].reason}
    ]


@pytest.mark.parametrize("broken", ["", "{", "\x00\x01"])
def test_a_file_that_fails_keeps_what_was_there(bench: Bench, broken: str) -> None:
    """Neither an update nor a prune loses articles to a file that cannot be read today."""
    path = bench.write("a.jsonl", A, B)
    bench.index()
    path.write_text(broken, "utf-8")
    assert bench.index(prune=True).failed
    assert bench.ids() == {"story-0", "story-1"}
    bench.write("a.jsonl", A, B)
    assert counts(bench.index(prune=True)) == (0, 0, 2, 0, 0)


def test_a_bad_line_costs_one_article(bench: Bench) -> None:
    """The rest of the file is indexed, and what the line held before is kept."""
    path = bench.write("a.jsonl", A, B)
    bench.index()
    lines = path.read_text("utf-8").splitlines()
    path.write_text(lines[0] + "\n{broken\n", "utf-8")
    report = bench.index(prune=True)
    assert (report.unchanged, report.removed, len(report.failed)) == (1, 0, 1)
    assert bench.ids() == {"story-0", "story-1"}


def test_an_article_without_text_is_reported(bench: Bench) -> None:
    """No passages, no article."""
    bench.write("a.jsonl", A, B | {"text": "   "})
    report = bench.index()
    assert report.added == 1
    assert len(report.failed) == 1


def test_lone_surrogates_and_nul_are_indexed(bench: Bench) -> None:
    """Hostile characters survive the whole line."""
    bench.write("a.jsonl", A | {"text": "Bad \ud800 character and \x00 NUL in one sentence here."})
    assert bench.index().added == 1
    assert verify(bench.store) == []


# Prune


def test_prune_removes_what_is_gone(bench: Bench) -> None:
    """Files that are gone, and records that are gone from files; only below the paths given."""
    bench.write("in/a.jsonl", A)
    kept = bench.write("in/b.jsonl", B, C)
    bench.write("out.jsonl", *stories(1, first=9))
    bench.index()
    (bench.news / "in" / "a.jsonl").unlink()
    (bench.news / "out.jsonl").unlink()
    bench.write("in/b.jsonl", B)
    report = bench.index(bench.news / "in", prune=True)
    assert counts(report) == (0, 0, 1, 2, 0)
    assert bench.ids() == {"story-1", "story-9"}
    assert str(kept) in bench.store.files()
    assert counts(bench.index(bench.news / "in", prune=True)) == (0, 0, 1, 0, 0)


def test_rows_that_went_without_prune_go_with_a_later_one(bench: Bench) -> None:
    """The run that saw the row go did not ask; a later one does, on files that did not change."""
    bench.write("a.jsonl", A, B)
    bench.index()
    bench.write("a.jsonl", A)
    assert counts(bench.index()) == (0, 0, 1, 0, 0)
    assert bench.ids() == {"story-0", "story-1"}
    assert counts(bench.index(prune=True)) == (0, 0, 1, 1, 0)
    assert bench.ids() == {"story-0"}


def test_prune_keeps_what_another_file_still_holds(bench: Bench) -> None:
    """An article that two files held goes with the second of them."""
    bench.write("in/a.jsonl", A)
    bench.write("out.jsonl", A)
    bench.index()
    (bench.news / "in" / "a.jsonl").unlink()
    bench.index(bench.news / "in", prune=True)
    assert bench.ids() == {"story-0"}


def test_prune_removes_nothing_below_a_place_that_is_out_of_reach(bench: Bench) -> None:
    """A disk that is not mounted today does not empty the archive."""
    bench.write("in/a.jsonl", A)
    bench.index()
    (bench.news / "in").rename(bench.news / "away")
    report = bench.index(bench.news / "in", prune=True)
    assert counts(report) == (0, 0, 0, 0, 1)
    assert any("nothing was removed" in warning for warning in report.warnings)
    assert bench.ids() == {"story-0"}


@pytest.mark.parametrize("deep", [False, True])
def test_prune_keeps_what_a_folder_held_that_is_empty_now(bench: Bench, deep: bool) -> None:
    """A disk that is not mounted leaves an empty folder; it can be said that it is meant."""
    inner = "in/disk/deep" if deep else "in/disk"
    (bench.news / inner).mkdir(parents=True)
    bench.write(f"{inner}/a.jsonl", A)
    bench.write(f"{inner}/b.jsonl", B)
    bench.write("in/c.jsonl", C)
    bench.index()
    (bench.news / "in" / "disk").rename(bench.news / "away")
    (bench.news / "in" / "disk").mkdir()
    (bench.news / "in" / "c.jsonl").unlink()
    report = bench.index(bench.news / "in", prune=True)
    assert counts(report) == (0, 0, 0, 1, 0)
    (told,) = report.warnings
    assert f"{bench.news / 'in' / 'disk'}, which held 2 files and is empty" in told
    assert bench.ids() == {"story-0", "story-1"}
    report = bench.index(bench.news / "in", emptied=True)
    assert (counts(report), report.warnings) == ((0, 0, 0, 2, 0), ())
    assert bench.ids() == set()


def test_a_folder_that_holds_anything_or_is_gone_is_not_empty(bench: Bench) -> None:
    """Only what looks like a missing disk is kept."""
    for folder in ("gone", "other"):
        (bench.news / "in" / folder).mkdir(parents=True)
        bench.write(f"in/{folder}/a.jsonl", *stories(1, first=len(folder)))
    bench.index()
    shutil.rmtree(bench.news / "in" / "gone")
    (bench.news / "in" / "other" / "a.jsonl").rename(bench.news / "in" / "other" / "a.bak")
    assert counts(bench.index(bench.news / "in", prune=True)) == (0, 0, 0, 2, 0)


def test_without_prune_nothing_goes(bench: Bench) -> None:
    """An archive keeps what its files no longer hold."""
    path = bench.write("a.jsonl", A)
    bench.write("b.jsonl", B)
    bench.index()
    path.unlink()
    assert counts(bench.index()) == (0, 0, 1, 0, 0)
    assert bench.ids() == {"story-0", "story-1"}


# The archive's own files


def test_an_archive_inside_the_path_is_not_indexed(bench: Bench) -> None:
    """Its JSON files are no articles, whether they are this archive's or another's."""
    bench.write("a.jsonl", A)
    archive = bench.store.directory
    (archive / "derived" / "x").mkdir(parents=True)
    for place in ("writer.json", "derived/x/manifest.json", "encoder.json"):
        (archive / place).write_text('{"text": "This is no article but a file of ours."}', "utf-8")
    report = bench.index(archive.parent, bench.news)
    assert report.failed == ()
    assert report.added == 2  # encoder.json lies in no folder of the archive's: it may be anyone's
    assert counts(bench.index(archive / "derived")) == (0, 0, 0, 0, 0)


# Settings


def test_other_splitter_rules_cut_everything_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unchanged articles too, whatever paths are given; vectors of equal passages are kept."""
    bench.write("a.jsonl", A, B)
    bench.index()
    before = bench.store.counts()["passages"]
    monkeypatch.setattr(writing, "SPLITTER_VERSION", "newer")
    original = splitting.split_passages
    monkeypatch.setattr(
        writing, "split_passages", lambda a, s, c: original(a, replace(s, max_tokens=24), c)
    )
    empty = _folder(bench.news / "empty")
    report = bench.index(empty)
    assert any("newer rules" in warning for warning in report.warnings)
    assert bench.store.counts()["passages"] > before
    assert bench.store.setting("splitter") == "newer"
    assert verify(bench.store) == []
    assert index_paths(bench.store, never, [bench.news]).unchanged == 2


def test_newer_rules_that_change_nothing_commit_no_article(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only articles whose passages differ are stored again."""
    bench.write("a.jsonl", A, B)
    bench.index()
    keys = bench.store.article_ids()
    monkeypatch.setattr(writing, "SPLITTER_VERSION", "newer")
    assert bench.index().warnings == ()
    assert bench.store.article_ids() == keys


def test_another_model_is_refused_and_nothing_is_lost(bench: Bench) -> None:
    """Vectors of two models are not mixed; the message names the way out."""
    bench.write("a.jsonl", A)
    bench.index()
    bench.encoder = HashingEncoder(model="other")
    bench.write("b.jsonl", B)
    with pytest.raises(ArchiveMismatchError, match="--model hashing"):
        bench.index()
    assert bench.ids() == {"story-0"}


# Progress and interruption


def test_progress_ends_where_it_said(bench: Bench) -> None:
    """Files and passages count up to their totals."""
    for n, story in enumerate(stories(6)):
        bench.write(f"{n}.jsonl", story)
    seen: list[IndexProgress] = []
    report = bench.index(progress=seen.append)
    assert seen[-1] == IndexProgress(6, 6, report.passages, report.passages)
    assert [p.files for p in seen] == sorted(p.files for p in seen)
    assert all(p.passages <= p.total_passages for p in seen)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.indexing.WINDOW", 4)
    monkeypatch.setattr("embeddings.writing.WINDOW", 4)


class Stopping(HashingEncoder):
    """An encoder that is interrupted after some passages."""

    def __init__(self, after: int, stop: Callable[[], None]) -> None:
        super().__init__()
        self._after, self._stop = after, stop

    def encode_passages(self, passages: Any) -> Any:
        for item in super().encode_passages(passages):
            if self.passages_encoded > self._after:
                self._stop()
            yield item


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("small_windows")
def test_an_interrupted_run_keeps_its_windows_and_the_next_goes_on(bench: Bench) -> None:
    """What was committed is not encoded again, and the end is that of an undisturbed run."""
    for n, story in enumerate(stories(20)):
        bench.write(f"{n:02d}.jsonl", story)
    bench.encoder = Stopping(9, _interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.index()
    kept = bench.store.counts()["passages"]
    assert kept == 8
    assert verify(bench.store) == []
    bench.encoder = HashingEncoder()
    report = bench.index()
    assert bench.encoder.passages_encoded == report.passages - kept
    assert len(bench.ids()) == 20
    assert counts(index_paths(bench.store, never, [bench.news])) == (0, 0, 20, 0, 0)


KILLED = """
import sys
import embeddings.indexing, embeddings.writing
embeddings.indexing.WINDOW = embeddings.writing.WINDOW = 4
from embeddings.indexing import index_paths
from embeddings.locations import locate
from qa.shared import open_store
from tests.fakes import HashingEncoder
class Slow(HashingEncoder):
    def encode_passages(self, passages):
        import time
        for item in super().encode_passages(passages):
            time.sleep(0.02)
            yield item
encoder = Slow()
index_paths(open_store(locate(sys.argv[1])), lambda: encoder, [sys.argv[2]],
            progress=lambda p: print(p.passages, flush=True))
"""


@pytest.mark.parametrize("after", [0.05, 0.3, 0.6])
def test_kill_9_leaves_whole_windows(bench: Bench, after: float) -> None:
    """Killed at any point, the store opens clean and the next run completes it."""
    for n, story in enumerate(stories(30)):
        bench.write(f"{n:02d}.jsonl", story)
    process = run_python(KILLED, bench.truth.address, str(bench.news))
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    store = bench.truth.store()
    assert verify(store) == []
    report = index_paths(store, lambda: bench.encoder, [bench.news])
    assert (report.added + report.unchanged, report.failed) == (30, ())
    assert verify(store) == []


def test_files_are_recorded_with_their_articles(bench: Bench) -> None:
    """A file's record names its articles, and what of it could not be read."""
    good = bench.write("a.jsonl", A)
    bad = bench.write("b.jsonl", B, C | {"text": ""})
    (failure,) = bench.index().failed
    records = bench.store.files()
    stamps = {path: record.stamp for path, record in records.items()}
    assert records == {
        str(good): FileRecord(stamps[str(good)], ("story-0",)),
        str(bad): FileRecord(stamps[str(bad)], ("story-1",), failures=(failure,)),
    }


def test_what_cannot_be_read_is_told_again_without_reading_it_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known bad part of an archive costs nothing, and no run forgets to name it."""
    (bench.news / "a.zip").write_bytes(zipped({"a.txt": b"Words of news.", "b.docx": b"PK"}))
    (bench.news / "b.pdf").write_bytes(b"%PDF-1.7 nothing")
    first = bench.index()
    monkeypatch.setattr(indexing, "read_file", lambda path: pytest.fail(f"{path} was read"))
    again = bench.index()
    assert [Path(failure.path).name for failure in first.failed] == ["b.docx", "b.pdf"]
    assert again.failed == first.failed
    assert counts(again) == (0, 0, 1, 0, 2)
    assert counts(bench.index(prune=True)) == (0, 0, 1, 0, 2)


def test_what_may_be_read_another_time_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was too slow is read again by the next run."""
    place = bench.write("a.jsonl", A)
    slow = SourceFile(str(place), failures=(Failure(str(place), "slow", passing=True),), digest="x")
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "read_file", lambda path: slow)
        assert counts(bench.index()) == (0, 0, 0, 0, 1)
    assert counts(bench.index()) == (1, 0, 0, 0, 0)


def test_a_file_that_turned_bad_keeps_what_it_held(bench: Bench) -> None:
    """Articles of a file that can no longer be read stay, also over later runs and a pruning."""
    place = bench.write("a.jsonl", A)
    bench.index()
    place.write_bytes(b"{")
    for prune in (False, False, True):
        assert len(bench.index(prune=prune).failed) == 1
        assert bench.ids() == {"story-0"}
