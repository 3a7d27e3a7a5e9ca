"""The chat from its first second on: the port answers at once, the page's framework comes behind.

Gradio takes seconds to import. Meanwhile the routes for programs work, and who opens the page sees
that it is coming; the page takes its place by itself.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from qa import texts
from qa.conversation import Answering, Queued
from qa.markup import Html, join, tag, text
from qa.serving import DEFAULT_HOST, BodyLimit, SecurityHeaders, Server, address_of, bind
from qa.web.admission import Queue
from qa.web.archive_page import render_archive_page
from qa.web.catalogue import Catalogue
from qa.web.doors import Doors, Rules
from qa.web.editing import MAX_FILE_BYTES, Editable, add_editing
from qa.web.service import Served, build_service, mount_service
from qa.written import Writer

if TYPE_CHECKING:
    from qa.records import Status

STATIC = Path(__file__).parent / "static"
STATIC_ROUTE = "qa-static"
"""Where the style sheet and the scripts are served. Gradio's own `css` rewrites selectors."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the page offers beside answers.

    `writable` lets people add and remove articles, and say what they think of answers; `writer`
    phrases answers from the passages.
    """

    writable: bool = False
    writer: Writer | None = None


class Chatting(Answering, Served, Editable, Protocol):
    """The part of an archive that the pages and the routes for programs need."""

    def status(self) -> Status:
        """Return what the archive holds."""
        ...


class Opening:
    """ASGI application that stands in for one which takes seconds to load.

    Until then a browser that asks for a page gets one that waits, with status 200, and everything
    else is held back. `load` runs in a thread once the server has started; where it fails, `failed`
    is called, and the error is kept in `error`.
    """

    def __init__(self, load: Callable[[], FastAPI]) -> None:
        self._load = load
        self._app: ASGIApp | None = None
        self._opened = asyncio.Event()
        self.failed: Callable[[], None] = lambda: None
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or wait with it."""
        app = self._app
        if app is None and _wants_page(scope):
            app = SecurityHeaders(HTMLResponse(_WAITING, headers={"Cache-Control": "no-store"}))
        elif app is None:
            await self._opened.wait()
            app = self._app or SecurityHeaders(HTMLResponse("", status_code=503))
        await app(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load the application, and run its own start and end, within the block."""
        closing = asyncio.Event()
        task = asyncio.create_task(self._run(closing))
        try:
            yield
        finally:
            closing.set()
            await task

    async def _run(self, closing: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            try:
                app = await asyncio.to_thread(self._load)
                await stack.enter_async_context(app.router.lifespan_context(app))
                self._app = app
            except BaseException as error:
                self.error = error
                self.failed()
            self._opened.set()
            await closing.wait()


def _wants_page(scope: Scope) -> bool:
    """Tell whether a browser asks for the page itself."""
    is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
    return is_page and "text/html" in Headers(scope=scope).get("accept", "")


def _waiting_page() -> Html:
    """Return a page that looks as the chat will, and makes way for it once it can be had."""
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", text(texts.TITLE)),
        tag("link", rel="stylesheet", href=f"/{STATIC_ROUTE}/chat.css"),
        tag("link", rel="icon", href=f"/{STATIC_ROUTE}/favicon.svg"),
        tag("script", src=f"/{STATIC_ROUTE}/opening.js", defer=True),
    )
    told = tag("p", text(texts.OPENING), id="qa-opening", role="status")
    main = tag("main", tag("h1", text(texts.TITLE), class_="qa-title"), told, class_="qa-login")
    stopped = tag("template", text(texts.STOPPED), id="qa-stopped")
    page = tag("html", tag("head", head), tag("body", main, stopped), lang="en")
    return Html("<!doctype html>" + page)


_WAITING = _waiting_page()


def build_app(
    archive: Chatting,
    rules: Rules | None = None,
    *,
    writable: bool = False,
    writer: Writer | None = None,
) -> FastAPI:
    """Build the web application: the page at "/", the archive's page, and routes for programs.

    `writable` and `writer` are those of Options.
    """
    return _build(archive, rules or Rules(), Options(writable, writer))[0]


def _build(archive: Chatting, rules: Rules, options: Options) -> tuple[FastAPI, Opening]:
    writable = options.writable
    queue = Queue()
    service = build_service(archive, queue=queue, guarded=rules.access is not None)
    catalogue = add_editing(service, archive, writable=writable)

    def load() -> FastAPI:
        from qa.chat import page_app

        return page_app(Queued(archive, queue), options)

    opening = Opening(load)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with service.router.lifespan_context(service), opening.running():
            yield

    larger = {("POST", "/api/articles"): MAX_FILE_BYTES} if writable else {}
    app = FastAPI(
        openapi_url=None,
        lifespan=running,
        middleware=[Middleware(BodyLimit, larger=larger), Middleware(Doors, rules=rules)],
    )
    mount_service(app, service)
    app.router.routes.append(_archive_route(archive, catalogue, writable=writable))
    app.mount(f"/{STATIC_ROUTE}", StaticFiles(directory=STATIC))
    app.mount("/", opening)
    return app, opening


def _archive_route(archive: Chatting, catalogue: Catalogue, *, writable: bool) -> Route:
    """Return the route of the archive's page."""

    def show() -> Html:
        return render_archive_page(
            archive.status(),
            catalogue.over_time(),
            editable=writable and not archive.is_samples,
            samples=archive.is_samples,
        )

    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(await asyncio.to_thread(show), headers={"Cache-Control": "no-store"})

    return Route("/archive", page, middleware=[Middleware(SecurityHeaders)])


def serve(
    archive: Chatting,
    *,
    host: str = DEFAULT_HOST,
    port: int | None = None,
    announce: Callable[[str], None] | None = None,
    rules: Rules | None = None,
    writable: bool = False,
    writer: Writer | None = None,
) -> None:
    """Serve the chat until Ctrl-C, which comes out as KeyboardInterrupt.

    `announce` (print, when None) is called with one line once the chat answers. Without a `port`
    the first free one from 7860 on is taken. Raises UsageError for a host or port that cannot be
    had.
    """
    listener = bind(host, port)
    line = f"The chat is at {address_of(listener)}"
    with tempfile.TemporaryDirectory(prefix="qa-chat-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        app, opening = _build(archive, rules or Rules(), Options(writable, writer))
        server = Server(app, listener, ready=lambda: (announce or _say)(line))
        opening.failed = server.stop
        server.serve_until_stopped()
    if opening.error is not None:
        raise opening.error


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the one thing that a person waits for
