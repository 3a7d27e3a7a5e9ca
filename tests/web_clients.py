"""Archives and clients for the tests of the routes for programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from qa.archive import Archive
from qa.web.doors import Doors, Rules
from tests.fakes import HashingEncoder, stories, write_articles

QUESTION = "How many visitors did Keeper Name3son count?"


def filled_archive(folder: Path, count: int = 12) -> Archive:
    """Return an archive of `stories`, made with the encoder that needs no model."""
    archive = Archive.create(folder / "archive", encoder=HashingEncoder())
    archive.add([write_articles(folder / "stories.jsonl", stories(count))])
    return archive


@contextmanager
def client_of(app: FastAPI | Starlette) -> Iterator[TestClient]:
    """Give a client of an application, on whose behalf faults become answers, as on a server."""
    with TestClient(app, raise_server_exceptions=False, base_url="http://127.0.0.1") as client:
        yield client


def behind_doors(rules: Rules) -> Starlette:
    """Return an application that says "inside" to everything, behind the doors."""

    def inside(request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    methods = ["GET", "POST", "PUT", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", inside, methods=methods)])
    app.add_middleware(Doors, rules=rules)
    return app
