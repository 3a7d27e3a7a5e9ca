"""The review page over HTTP: other sites' pages neither read it nor decide in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from corpus.errors import UsageError
from corpus.records import Article
from qa import cli, gold_page
from qa.evaluation.queue import Queue
from qa.web.commands import names_of
from qa.web.doors import Rules
from tests.web_clients import client_of, filled_archive


class NoArticles:
    """An archive without articles."""

    def article(self, article_id: str) -> Article:
        raise UsageError(article_id)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    queue = Queue(tmp_path / "queue.jsonl")
    rules = Rules(hosts=names_of("127.0.0.1"))
    with client_of(gold_page.build_review_app(NoArticles(), queue, rules)) as client:
        yield client


def test_page_opens_by_its_own_address_alone(client: TestClient) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"Host": "rebound.example"}).status_code == 421


def test_another_sites_page_decides_nothing(client: TestClient) -> None:
    foreign = {"Origin": "http://rebound.example"}
    body = {"data": [], "fn_index": 0, "session_hash": "s"}
    refused = client.post("/gradio_api/queue/join", json=body, headers=foreign)
    assert refused.status_code == 403


def test_command_serves_the_page_on_this_machine_under_its_own_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served: list[Rules] = []
    monkeypatch.setattr(gold_page, "serve_review", lambda *_, rules, **__: served.append(rules))
    with filled_archive(tmp_path) as archive:
        where = ["--archive", str(archive.directory), "--queue", str(tmp_path / "queue.jsonl")]
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - of a test
        assert cli.run(["gold", "review", *where, "--host", host]) == 0
    assert [rules.hosts for rules in served] == [names_of("127.0.0.1"), None]
