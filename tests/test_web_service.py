"""The routes for programs: the same answers as in Python, refusals that programs can read."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chat_fakes import FakeArchive, Holdings, make_answer, make_citation
from starlette.testclient import TestClient

from corpus.errors import ArchiveDamagedError, ArchiveLockedError, StorageError
from qa.archive import Archive
from qa.conversation import Exchange
from qa.searching import search
from qa.transcript import write_conversation
from qa.web import schemas
from qa.web.admission import Queue
from qa.web.problems import MEDIA_TYPE, to_json
from qa.web.service import build_service
from tests.fakes import HashingEncoder, make_article, write_articles
from tests.web_clients import QUESTION, client_of, filled_archive

CANARY = "zyxwv canary"
PATHS = ("a/b%20c.txt%233", "%C3%BC%3Fx", "a%0Ab")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with filled_archive(tmp_path_factory.mktemp("service")) as archive:
        yield archive


@pytest.fixture(scope="module")
def client(archive: Archive) -> Iterator[TestClient]:
    with client_of(build_service(archive)) as client:
        yield client


class FailingArchive(FakeArchive):
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def ask(self, question: str, **limits: Any) -> Any:
        raise self.error

    def status(self) -> Holdings:
        raise self.error


def problem(response: Any) -> dict[str, Any]:
    """Return a response's problem document, whose form is checked."""
    assert response.headers["content-type"] == MEDIA_TYPE
    told: dict[str, Any] = response.json()
    schemas.ProblemBody.model_validate(told)
    assert told["status"] == response.status_code
    return told


# Answers


def test_answer_is_the_one_of_python(client: TestClient, archive: Archive) -> None:
    response = client.post("/ask", json={"question": QUESTION, "k": 3})
    assert response.json() == json.loads(json.dumps(archive.ask(QUESTION, k=3).to_dict()))
    schemas.AnswerBody.model_validate(response.json())


def test_nobody_is_told_where_a_file_lies(tmp_path: Path) -> None:
    record = {"id": "ferry", "text": "The ferry sank at Gullmouth. Nobody was hurt."}
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        archive.add([write_articles(tmp_path / "ferry.jsonl", [record])])
        answer = archive.ask("Where did the ferry sink?")
        assert str(tmp_path) in (answer.citations[0].link or "")
        kept = write_conversation((Exchange(answer.question, answer),))
        with client_of(build_service(archive)) as client:
            body = {"question": answer.question}
            told = [client.post(route, json=body) for route in ("/ask", "/search")]
            told.append(client.get("/articles/ferry"))
    assert [response.status_code for response in told] == [200, 200, 200]
    assert all("Gullmouth" in text for text in (kept, *(response.text for response in told)))
    assert not any(str(tmp_path) in text for text in (kept, *(response.text for response in told)))


def test_model_of_a_folder_is_told_without_its_place(archive: Archive) -> None:
    class Placed(FakeArchive):
        def status(self) -> Any:
            return replace(archive.status(), model="/home/ada/models/small")

    with client_of(build_service(Placed())) as client:
        assert client.get("/status").json()["model"] == "small"


def test_limits_and_history_reach_the_archive() -> None:
    archive = FakeArchive()
    with client_of(build_service(archive)) as client:
        body = {
            "question": "And when?",
            "history": [{"role": "user", "content": "What will it cost?"}],
            "sources": ["Post"],
            "since": "2025-01-02",
            "until": "2025-02-03",
            "asked": "2025-03-04",
            "k": 2,
            "max_error": 0.5,
        }
        assert client.post("/ask", json=body).status_code == 200
    assert archive.asked == [("And when?", [{"role": "user", "content": "What will it cost?"}])]
    assert archive.limits == [
        {
            "sources": ["Post"],
            "since": "2025-01-02",
            "until": "2025-02-03",
            "asked": "2025-03-04",
            "k": 2,
            "max_error": 0.5,
        }
    ]


def test_search_gives_passages_that_slice_back(client: TestClient, archive: Archive) -> None:
    response = client.post("/search", json={"question": QUESTION, "k": 4})
    schemas.SearchResult.model_validate(response.json())
    passages = response.json()["passages"]
    assert passages == [found.to_dict() for found in search(archive, QUESTION, k=4)]
    assert [passage["rank"] for passage in passages] == [1, 2, 3, 4]
    for passage in passages:
        text = archive.article(passage["article_id"]).text
        assert text[passage["start"] : passage["end"]] == passage["text"]
        assert text[passage["quote_start"] : passage["quote_end"]] == passage["quote"]
        assert passage["start"] <= passage["quote_start"] < passage["quote_end"] <= passage["end"]


def test_article_is_read_by_its_id_whatever_that_holds() -> None:
    archive = FakeArchive()
    for name in ("a/b c.txt#3", "ü?x", "a\nb"):
        archive.held[name] = make_article(name, "Some text.", path="/home/someone/news.txt")
    with client_of(build_service(archive)) as client:
        for path, name in (
            ("a/b%20c.txt%233", "a/b c.txt#3"),
            ("%C3%BC%3Fx", "ü?x"),
            ("a%0Ab", "a\nb"),
        ):
            response = client.get(f"/articles/{path}")
            schemas.ArticleBody.model_validate(response.json())
            assert (response.json()["id"], response.json()["kept"]) == (name, [[0, 10]])
            assert "someone" not in response.text
        assert problem(client.get("/articles/none"))["type"].endswith(":no-article")


def test_status_tells_what_is_in_it_and_not_where_it_lies(
    client: TestClient, archive: Archive
) -> None:
    response = client.get("/status")
    schemas.StatusBody.model_validate(response.json())
    assert response.json()["articles"] == 12
    assert str(archive.directory) not in response.text


def test_what_utf8_cannot_carry_is_escaped() -> None:
    assert json.loads(to_json({"text": "a\ud800b"})) == {"text": "a\ud800b"}
    assert to_json({"text": "für"}) == '{"text":"für"}'.encode()


# Health


def test_health_asks_nothing_of_the_archive_and_readiness_does() -> None:
    with client_of(build_service(FailingArchive(ArchiveDamagedError("gone")))) as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert problem(client.get("/ready"))["status"] == 503
    with client_of(build_service(FakeArchive())) as client:
        assert client.get("/ready").json() == {"status": "ok"}


def test_metrics_count_requests_and_outcomes_without_paths_from_outside() -> None:
    archive = FakeArchive(held={CANARY: make_article(CANARY, "Some text.")})
    with client_of(build_service(archive)) as client:
        client.post("/ask", json={"question": "What will it cost?"})
        client.get(f"/articles/{CANARY}")
        client.get("/canary")
        told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=")
    lines = told.text.splitlines()
    assert 'qa_requests_total{route="/ask",status="200"} 1.0' in lines
    assert 'qa_requests_total{route="other",status="404"} 1.0' in lines
    assert 'qa_questions_total{outcome="answered"} 1.0' in lines
    assert "qa_queue_places_taken 0.0" in lines
    assert "canary" not in told.text


# Refusals


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "question"),
        ({"question": ""}, 400, "question"),
        ({"question": 3}, 400, "question"),
        ({"question": "x" * 2_001}, 400, "question"),
        ({"question": "Why?", "k": "5"}, 400, "k"),
        ({"question": "Why?", "k": 0}, 400, "k"),
        ({"question": "Why?", "k": 51}, 400, "k"),
        ({"question": "Why?", "since": 20250101}, 400, "since"),
        ({"question": "Why?", "since": "2025-02-30"}, 400, "since"),
        ({"question": "Why?", "history": [{"role": "x", "content": ""}]}, 400, "history.0.role"),
        ({"question": "Why?", "sauces": []}, 400, "sauces"),
        ([], 400, "body"),
        ({"question": " ?! \u202e"}, 422, None),
        ({"question": "bridge", "sources": ["Nowhere Times"]}, 422, None),
    ],
)  # fmt: skip
def test_request_that_cannot_be_used_is_explained(
    client: TestClient, body: Any, status: int, field: str | None
) -> None:
    told = problem(client.post("/ask", json=body))
    assert told["status"] == status
    assert [error["field"] for error in told.get("errors", [])] == ([field] if field else [])


def test_refusal_of_a_field_does_not_repeat_what_it_held(client: TestClient) -> None:
    response = client.post("/ask", json={"question": "x" * 3_000 + CANARY, "since": CANARY})
    assert CANARY not in response.text


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"question": "\x00"}', b"[" * 100_000])
def test_body_that_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert problem(client.post("/ask", content=body, headers=headers))["status"] == 400


def test_unknown_route_and_method_are_problems(client: TestClient) -> None:
    assert problem(client.get("/nowhere"))["type"].endswith(":no-such-route")
    response = client.get("/ask")
    assert problem(response)["status"] == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (ArchiveLockedError("process 7 is writing"), 503, "locked"),
        (ArchiveDamagedError(f"/secret/archive.db {CANARY}"), 503, "archive"),
        (StorageError(f"/secret/archive.db {CANARY}"), 503, "storage"),
        (RuntimeError(CANARY), 500, "fault"),
    ],
)
def test_fault_is_told_without_its_cause_and_logged_without_text(
    error: Exception, status: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG, "qa"),
        client_of(build_service(FailingArchive(error))) as client,
    ):
        response = client.post("/ask", json={"question": CANARY})
    told = problem(response)
    assert (told["status"], told["type"].rpartition(":")[2]) == (status, name)
    assert CANARY not in response.text
    assert "/secret" not in response.text
    assert CANARY not in caplog.text
    assert bool(caplog.records) == (name != "locked")


def test_full_queue_refuses_at_once_and_takes_the_next_one_again() -> None:
    archive = FakeArchive(gate=threading.Event())
    queue = Queue(places=2)
    with client_of(build_service(archive, queue=queue)) as client:
        replies: list[int] = []
        body = {"question": "What will it cost?"}

        def ask() -> None:
            replies.append(client.post("/ask", json=body).status_code)

        waiting = [threading.Thread(target=ask) for _ in range(2)]
        for thread in waiting:
            thread.start()
        while queue.taken < 2:
            threading.Event().wait(0.01)
        refused = client.post("/ask", json=body)
        assert problem(refused)["type"].endswith(":busy")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert client.get("/health").status_code == 200
        archive.gate.set()
        for thread in waiting:
            thread.join()
        assert replies == [200, 200]
        assert client.post("/ask", json=body).status_code == 200
    assert queue.taken == 0


# OpenAPI


def test_openapi_names_every_route_and_every_refusal(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["servers"] == [{"url": "/api"}]
    assert set(document["paths"]) == {
        "/ask", "/search", "/articles/{article_id}", "/status", "/health", "/ready", "/metrics",
    }  # fmt: skip
    responses = document["paths"]["/ask"]["post"]["responses"]
    assert set(responses) == {"200", "400", "413", "422", "429", "503"}
    assert "security" not in document["paths"]["/ask"]["post"]
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    for name in document["components"]["schemas"]["AnswerBody"]["properties"]:
        assert name in make_answer(make_citation()).to_dict()
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= set(document["components"]["schemas"])


def test_openapi_says_where_a_token_is_wanted() -> None:
    with client_of(build_service(FakeArchive(), guarded=True)) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert paths["/ask"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "401" in paths["/ask"]["post"]["responses"]
    assert "security" not in paths["/health"]["get"]
