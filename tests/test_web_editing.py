"""The archive page and its routes: listing, adding, removing, feedback; and who may."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_fakes import HOSTILE, FakeArchive, Holdings
from starlette.testclient import TestClient

from corpus.errors import StorageError, UsageError
from corpus.records import Span
from qa import feedback
from qa.archive import Archive
from qa.evaluation.queue import Queue
from qa.evaluation.suggesting import queue_of, take_feedback
from qa.feedback import Feedback, note
from qa.web import catalogue
from qa.web.archive_page import render_archive_page, render_plot
from qa.web.catalogue import Catalogue
from qa.web.editing import add_editing, added_folder, file_name
from qa.web.service import build_service
from tests.fakes import make_article
from tests.web_clients import client_of, filled_archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with filled_archive(tmp_path) as archive:
        yield archive


@pytest.fixture
def client(archive: Archive) -> Iterator[TestClient]:
    app = build_service(archive)
    add_editing(app, archive, writable=True)
    with client_of(app) as client:
        yield client


def lines(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()]


# Adding


def test_dropped_file_is_added_and_told_of(client: TestClient, archive: Archive) -> None:
    text = "The Zephyr ferry carried 58 passengers on Monday, the harbour master said."
    told = lines(client.post("/articles?name=ferry.txt", content=text))
    assert told[-1]["report"]["added"] == 1
    assert any("progress" in line for line in told)
    assert archive.status().articles == 13
    again = lines(client.post("/articles?name=ferry.txt", content=text))
    assert again[-1]["report"]["unchanged"] == 1
    assert [f.name for f in added_folder(archive.directory).iterdir()] == ["ferry.txt"]


def test_file_that_cannot_be_read_is_reported_without_its_place(
    client: TestClient, archive: Archive
) -> None:
    told = lines(client.post("/articles?name=broken.pdf", content=b"%PDF-1.4 nothing"))
    (failed,) = told[-1]["report"]["failed"]
    assert failed["path"] == "broken.pdf"
    assert "PDF" in failed["reason"]
    assert archive.status().articles == 12


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("news.txt", "news.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\news\\a.html", "a.html"),
        (".hidden", "hidden"),
        ("a<b>\x00.txt", "a_b__.txt"),
        ("..", "articles.txt"),
        ("/", "articles.txt"),
    ],
)
def test_name_of_a_file_stays_in_its_folder(name: str, kept: str) -> None:
    assert file_name(name) == kept


def test_upload_that_breaks_off_leaves_nothing(client: TestClient, archive: Archive) -> None:
    def body() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    assert client.post("/articles?name=half.txt", content=body()).status_code == 500
    assert list(added_folder(archive.directory).iterdir()) == []
    assert archive.status().articles == 12


# Removing and listing


def test_article_is_taken_out(client: TestClient, archive: Archive) -> None:
    assert client.delete("/articles/story-3").json() == {"removed": 1}
    assert not archive.has("story-3")
    assert client.delete("/articles/story-3").status_code == 404


def test_articles_are_listed_newest_first_and_found_by_words(client: TestClient) -> None:
    listed = client.get("/articles").json()
    days = [article["published"] for article in listed["articles"]]
    assert (listed["count"], days) == (12, sorted(days, reverse=True))
    found = client.get("/articles?words=POST ward 3").json()
    assert [article["id"] for article in found["articles"]] == ["story-3"]
    assert client.get("/articles?start=10").json()["count"] == 12
    assert len(client.get("/articles?start=10").json()["articles"]) == 2
    assert client.get("/articles?start=-1").status_code == 400


def test_list_follows_the_archive(client: TestClient) -> None:
    client.get("/articles")
    client.delete("/articles/story-3")
    assert client.get("/articles").json()["count"] == 11


def test_read_only_lists_and_changes_nothing(archive: Archive) -> None:
    app = build_service(archive)
    add_editing(app, archive, writable=False)
    with client_of(app) as client:
        assert client.get("/articles").json()["count"] == 12
        assert client.post("/articles?name=a.txt", content="x").status_code == 405
        assert client.delete("/articles/story-3").status_code == 405
        assert client.post("/feedback", json={}).status_code == 404
    assert archive.status().articles == 12


def test_samples_stay_as_they_are() -> None:
    archive = FakeArchive(held={"a": make_article("a", "Some text.")})
    app = build_service(archive)
    add_editing(app, archive, writable=True)
    with client_of(app) as client:
        assert client.post("/articles?name=a.txt", content="x").status_code == 403
        assert client.delete("/articles/a").status_code == 403
    assert archive.has("a")


# Feedback


def test_verdict_becomes_a_candidate_for_gold(client: TestClient, archive: Archive) -> None:
    text = archive.article("story-3").text
    body = {
        "question": "Why?", "verdict": "right", "answerable": True,
        "article": "story-3", "start": 0, "end": 10,
    }  # fmt: skip
    assert client.post("/feedback", json=body).status_code == 201
    nothing = {"question": "Who?", "verdict": "good", "answerable": False}
    assert client.post("/feedback", json=nothing).status_code == 201
    bad = {**body, "verdict": "bad", "start": 10, "end": 20}
    assert client.post("/feedback", json=bad).status_code == 201
    queue = Queue(queue_of(archive))
    take_feedback(queue, archive)
    waiting = [(item.question, item.article, item.answer) for item in queue.pending()]
    assert ("Why?", "story-3", text[:10]) in waiting
    assert ("Who?", None, "") in waiting
    assert len(waiting) == 2
    kept = (archive.directory / feedback.FILE).read_text("utf-8").splitlines()
    assert [json.loads(line) for line in kept][:2] == [
        {
            "question": "Why?",
            "kind": "feedback",
            "verdict": "right",
            "answerable": True,
            "article": "story-3",
            "start": 0,
            "end": 10,
            "answer": text[:10],
        },
        {
            "question": "Who?",
            "kind": "feedback",
            "verdict": "good",
            "answerable": False,
            "article": None,
        },
    ]
    assert archive.verify() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"article": "none"}, 404),
        ({"article": None}, 404),
        ({"start": 5, "end": 5}, 422),
        ({"end": 100_000}, 422),
        ({"start": -1}, 400),
        ({"verdict": "splendid"}, 400),
        ({"question": ""}, 400),
    ],
)
def test_verdict_on_nothing_is_refused(
    client: TestClient, archive: Archive, change: dict[str, Any], status: int
) -> None:
    body = {
        "question": "Why?", "verdict": "right", "answerable": True,
        "article": "story-3", "start": 0, "end": 10, **change,
    }  # fmt: skip
    assert client.post("/feedback", json=body).status_code == status
    assert not (archive.directory / feedback.FILE).exists()


def test_feedback_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_BYTES", 50)
    said = Feedback("Why?", "bad")
    note(tmp_path, said)
    with pytest.raises(StorageError, match="is full"):
        note(tmp_path, said)
    with pytest.raises(StorageError, match="cannot be written"):
        note(tmp_path / "none", said)


def test_span_has_to_lie_in_the_article() -> None:
    article = make_article("a", "Some text.")
    with pytest.raises(UsageError, match="not in the article, which has 10"):
        Feedback("Why?", "right", article, Span(0, 11)).to_line()


def test_long_name_is_cut_for_the_file_system_and_keeps_its_suffix(tmp_path: Path) -> None:
    kept = file_name(f"{'新' * 150}.html")
    (tmp_path / kept).touch()
    assert kept.endswith("新.html")
    assert file_name(f"a.{'b' * 190}") == f"a.{'b' * 190}"


# The page


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_outlet_adds_no_element_to_the_page(hostile: str) -> None:
    def shown(text: str) -> list[str]:
        held = Holdings(sources=((text, 3),), first=text, last=text)
        page = render_archive_page(held, [("2025-01", 3)], editable=True, samples=False)
        return re.findall(r"<[^>]*>", page)

    assert shown(hostile) == shown("harmless")


def test_plot_has_a_bar_a_month_and_its_numbers_as_a_table() -> None:
    held = {
        name: make_article(name, "Text.", published=day)
        for name, day in zip("abcd", ("2024-11-03", "2025-01-03", "2025-01-09", None), strict=True)
    }
    over_time = Catalogue(FakeArchive(held=held)).over_time()
    assert over_time == [("2024-11", 1), ("2024-12", 0), ("2025-01", 2)]
    plot = render_plot(over_time)
    assert plot.count("<rect") == 3
    assert 'aria-label="Articles over time, from 2024-11 to 2025-01; at most 2 at once"' in plot
    assert '<th scope="row">2025-01</th><td>2</td>' in plot
    assert render_plot([]) == ""


def test_long_time_is_shown_in_years(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_MONTHS", 12)
    held = {
        name: make_article(name, "Text.", published=day)
        for name, day in (("a", "2021-11-03"), ("b", "2023-01-03"))
    }
    over_time = Catalogue(FakeArchive(held=held)).over_time()
    assert over_time == [("2021", 1), ("2022", 0), ("2023", 1)]


def test_empty_archive_and_samples_say_what_to_do() -> None:
    nothing = Holdings(articles=0, sources=(), first=None, last=None)
    empty = render_archive_page(nothing, [], editable=True, samples=False)
    assert "There are no articles yet" in empty
    assert 'id="qa-files"' in empty
    samples = render_archive_page(Holdings(), [], editable=False, samples=True)
    assert "The samples stay as they are" in samples
    assert 'id="qa-files"' not in samples
