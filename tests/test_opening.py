"""The chat's first seconds: the port answers at once, the page comes by itself, errors come out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from chat_fakes import FakeArchive
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from qa import opening, texts
from qa.opening import Opening

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def _late_app() -> FastAPI:
    app = FastAPI()
    app.add_route("/", lambda request: PlainTextResponse("the chat"))
    app.add_route("/theme.css", lambda request: PlainTextResponse("the theme"))
    return app


@contextmanager
def _opening(load: Callable[[], FastAPI]) -> Iterator[TestClient]:
    late = Opening(load)
    app = FastAPI(lifespan=lambda _: late.running())
    app.mount("/", late)
    with TestClient(app) as client:
        yield client


def test_the_page_waits_and_makes_way() -> None:
    """While it loads a browser gets a page with status 200; requests that were early are kept."""
    go = threading.Event()

    def load() -> FastAPI:
        go.wait(10)
        return _late_app()

    with _opening(load) as client:
        early = client.get("/", headers=BROWSER)
        assert early.status_code == 200
        assert texts.OPENING in early.text
        assert early.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in early.headers["content-security-policy"]
        held: list[str] = []
        thread = threading.Thread(target=lambda: held.append(client.get("/theme.css").text))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive(), "what the page needs is held back until it can be had"
        go.set()
        thread.join(10)
        assert held == ["the theme"]
        assert client.get("/", headers=BROWSER).text == "the chat"


def test_the_loaded_application_starts_and_ends_with_the_server() -> None:
    """Its own start and end are run: Gradio's queue begins there."""
    seen: list[str] = []

    @contextmanager
    def noted() -> Iterator[None]:
        seen.append("start")
        yield
        seen.append("end")

    def load() -> FastAPI:
        app = _late_app()
        app.router.lifespan_context = lambda _: _as_async(noted())  # type: ignore[assignment]
        return app

    with _opening(load) as client:
        client.get("/theme.css")
        assert seen == ["start"]
    assert seen == ["start", "end"]


class _as_async:  # noqa: N801 - a function in all but name
    def __init__(self, manager: object) -> None:
        self.manager = manager

    async def __aenter__(self) -> object:
        return self.manager.__enter__()  # type: ignore[attr-defined]

    async def __aexit__(self, *error: object) -> object:
        return self.manager.__exit__(*error)  # type: ignore[attr-defined]


def test_routes_for_programs_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """They answer although the page's framework never comes."""
    monkeypatch.setattr(Opening, "running", _never)
    with TestClient(opening.build_app(FakeArchive())) as client:
        assert client.get("/api/health").status_code == 200
        assert client.get(f"/{opening.STATIC_ROUTE}/chat.css").status_code == 200


class _never:  # noqa: N801 - a function in all but name
    def __init__(self, *_: object) -> None: ...

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *error: object) -> None: ...


def test_a_page_that_cannot_be_loaded_stops_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person reads the error, not a page that waits for ever."""

    def broken(archive: object, options: object) -> FastAPI:
        raise RuntimeError("no page today")

    monkeypatch.setattr("qa.chat.page_app", broken)
    with pytest.raises(RuntimeError, match="no page today"):
        opening.serve(FakeArchive(), port=0, announce=lambda line: None)
