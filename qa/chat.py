"""Show an archive as a web chat box: the Gradio page and the start of its server."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from qa import rendering, texts
from qa.controls import Place
from qa.conversation import Answering, Conversation, Exchange, Queued, ask_next
from qa.markup import Html, join, tag
from qa.records import Status
from qa.serving import DEFAULT_HOST, BodyLimit, SecurityHeaders, Server, address_of, bind
from qa.transcript import read_request, write_conversation
from qa.web.admission import Queue
from qa.web.archive_page import render_archive_page
from qa.web.catalogue import Catalogue
from qa.web.doors import Doors, Rules
from qa.web.editing import MAX_FILE_BYTES, Editable, add_editing
from qa.web.service import Served, build_service, mount_service
from qa.written import Writer

# Gradio reads these while it is imported: nothing may leave this machine.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")

import gradio as gr

STATIC = Path(__file__).parent / "static"
STATIC_ROUTE = "qa-static"
"""Where the style sheet is served. Gradio's own `css` rewrites selectors, and loses some."""

EXAMPLES = (
    "Is Quenby Bridge open to cars yet?",
    "What is the name of the cat that was taken off the ship in the storm?",
    "What did the auctioneer tell Ferrow FM the Farrant painting was worth?",
    "Which book was handed back to the library 58 years overdue?",
    "Which channel is going to show The Salt Widow?",
)
"""Questions that show what the sample collection can answer, and one that it cannot."""

RETURNED_CHARACTERS = 10_000
"""Longest question that comes back into the box, to be mended, when it could not be asked."""

MAX_UPLOAD = "1b"
"""Gradio's upload route cannot be closed: nothing fits through it. The chat takes no files."""

_TAKE = "(question, request) => window.qa.take(question)"
_ASK_AGAIN = "(question, request) => window.qa.takeAgain()"
_KEEP = "(kept) => window.qa.keep(kept)"
_START = "() => window.qa.start()"
_CLEAR = "() => window.qa.clear()"
_SCROLL = "() => window.qa.scroll()"
"""Calls of the page's script, static/chat.js."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the page offers beside answers.

    `writable` lets people add and remove articles, and say what they think of answers; `writer`
    phrases answers from the passages.
    """

    writable: bool = False
    writer: Writer | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components of the page that change; `kept` is what the browser keeps."""

    box: gr.Textbox
    hint: gr.HTML
    log: gr.Chatbot
    headline: gr.HTML
    intro: gr.Column
    fresh: gr.Button
    kept: gr.Textbox
    request: gr.Textbox
    again: gr.Button
    examples: tuple[gr.Button, ...]

    @property
    def outputs(self) -> list[Any]:
        """Return the components that `_view` is for, in its order."""
        return [
            self.box,
            self.hint,
            self.log,
            self.headline,
            self.intro,
            self.fresh,
            self.kept,
        ]


def build_page(archive: Answering, options: Options | None = None) -> gr.Blocks:
    """Build the Gradio page of an archive."""
    page = gr.Blocks(title=texts.TITLE, analytics_enabled=False, fill_width=True)
    with page:
        parts = _lay_out(archive)
        _wire(archive, parts, options or Options())
        page.load(None, None, None, js=_START, api_visibility="private")
    return page


def _lay_out(archive: Answering) -> _Parts:
    collection, samples = archive.status(), archive.is_samples
    with gr.Row(elem_id="qa-masthead"):
        _html(rendering.render_masthead(collection, samples=samples))
        fresh = gr.Button(texts.NEW, elem_id="qa-fresh", size="sm", visible=False)
    headline = _html(rendering.render_headline(), elem_id="qa-headline")
    log = _lay_out_log()
    with gr.Column(elem_id="qa-composer"):
        box = _lay_out_box()
        hint = _html(Html(""), elem_id="qa-hint")
    with gr.Column(elem_id="qa-intro") as intro:
        _html(rendering.render_collection(collection, samples=samples))
        questions = EXAMPLES if samples else ()
        examples = tuple(gr.Button(text, elem_classes="qa-example") for text in questions)
    with gr.Column(elem_id="qa-unseen"):
        kept = gr.Textbox(label="kept", visible=False)
        request = gr.Textbox(label="request", visible=False)
        again = gr.Button(texts.RETRY, elem_id="qa-again")
    return _Parts(box, hint, log, headline, intro, fresh, kept, request, again, examples)


def _html(value: Html, **options: Any) -> gr.HTML:
    """Show finished markup; Gradio's template is left alone, since data in it would be run."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, **options)


def _lay_out_log() -> gr.Chatbot:
    return gr.Chatbot(
        elem_id="qa-log",
        label="Conversation",
        show_label=False,
        container=False,
        visible=False,
        height=None,
        layout="panel",
        buttons=[],
        autoscroll=False,
        group_consecutive_messages=False,
        render_markdown=False,
        latex_delimiters=[],
        allow_tags=False,
        sanitize_html=True,
    )


def _lay_out_box() -> gr.Textbox:
    return gr.Textbox(
        elem_id="qa-box",
        label=texts.QUESTION_LABEL,
        show_label=False,
        container=False,
        placeholder=texts.INVITATION,
        lines=1,
        max_lines=6,
        autofocus=True,
        submit_btn=texts.ASK,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=True),
    )


def _wire(archive: Answering, parts: _Parts, options: Options) -> None:
    """Connect Enter, the examples and the buttons to what they do."""
    respond = _responder(archive, options)
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for source, listen, script in [
        (parts.box, parts.box.submit, _TAKE),
        (parts.box, parts.again.click, _ASK_AGAIN),
        *((example, example.click, _TAKE) for example in parts.examples),
    ]:
        asked = listen(respond, [source, parts.request], parts.outputs, js=script, **hidden)
        asked.then(None, [parts.kept], None, js=_KEEP, **hidden)
    cleared = parts.fresh.click(_start_afresh, None, parts.outputs, **hidden)
    cleared.then(None, None, None, js=_CLEAR, **hidden)
    parts.log.change(None, None, None, js=_SCROLL, **hidden)


def _responder(archive: Answering, options: Options) -> Callable[[str, str], Iterator[list[Any]]]:
    writable = options.writable

    def respond(question: str, request: str) -> Iterator[list[Any]]:
        """Show the question at once, then its answer; without a question the conversation alone."""
        asked = read_request(request)
        if not question.strip():
            hint = "" if asked.conversation else rendering.render_hint(texts.EMPTY_HINT)
            shown = _view(asked.conversation, box=None, writable=writable)
            yield [shown[0], hint, *shown[2:]]
            return
        pending = asked.with_exchange(Exchange(question))
        yield _view(pending, box="", writable=writable)
        exchange = ask_next(archive, question, asked.before, asked.wanted)
        conversation = asked.with_exchange(exchange)
        yield _view(conversation, box=_left_in_box(exchange), writable=writable)
        if options.writer is not None and exchange.answer is not None and exchange.answer.answered:
            exchange = replace(exchange, written=options.writer.write(exchange.answer))
            yield _view(asked.with_exchange(exchange), box=None, writable=writable)

    return respond


def _left_in_box(exchange: Exchange) -> str | None:
    """Return a failed question to be mended; None leaves what the person types meanwhile."""
    failed = exchange.failure is not None and len(exchange.question) <= RETURNED_CHARACTERS
    return exchange.question if failed else None


def _start_afresh() -> list[Any]:
    return _view((), box="", writable=False)


def _view(conversation: Conversation, *, box: str | None, writable: bool) -> list[Any]:
    """Return the updates of `_Parts.outputs` that show a conversation."""
    begun = bool(conversation)
    messages = [
        message
        for at, exchange in enumerate(conversation)
        for message in _messages(exchange, Place(at, writable))
    ]
    placeholder = texts.FOLLOW_UP if begun else texts.INVITATION
    box_update: dict[str, Any] = {} if box is None else {"value": box}
    return [
        gr.update(placeholder=placeholder, **box_update),
        "",
        gr.update(value=messages, visible=begun),
        gr.update(visible=not begun),
        gr.update(visible=not begun),
        gr.update(visible=begun),
        write_conversation(conversation),
    ]


def _messages(exchange: Exchange, place: Place) -> list[dict[str, Any]]:
    """Return an exchange as two chat messages of finished, escaped HTML."""
    asked = rendering.render_question(exchange.question)
    if exchange.answer is not None:
        said = rendering.render_answer(exchange.answer, place, exchange.written)
    elif exchange.failure is not None:
        said = rendering.render_failure(exchange.failure)
    else:
        said = rendering.render_pending()
    return [
        {"role": "user", "content": _html(asked)},
        {"role": "assistant", "content": _html(said)},
    ]


def build_app(
    archive: Chatting,
    rules: Rules | None = None,
    *,
    writable: bool = False,
    writer: Writer | None = None,
) -> FastAPI:
    """Build the web application: the page at "/", the archive's page, and routes for programs."""
    rules, queue, options = rules or Rules(), Queue(), Options(writable, writer)
    service = build_service(archive, queue=queue, guarded=rules.access is not None)
    catalogue = add_editing(service, archive, writable=writable)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with service.router.lifespan_context(service):  # a mounted application's is not run
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
    gr.mount_gradio_app(
        app,
        build_page(Queued(archive, queue), options),
        path="/",
        app_kwargs={"middleware": [Middleware(SecurityHeaders)]},
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size=MAX_UPLOAD,
        favicon_path=str(STATIC / "favicon.svg"),
        theme=_theme(),
        head=_head(),
    )
    return app


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


def _head() -> str:
    """Return what the page's head gets: the style sheet, the script, and the script's texts."""
    return join(
        tag("link", rel="stylesheet", href=f"{STATIC_ROUTE}/chat.css"),
        tag("meta", name="qa-texts", content=json.dumps(texts.SCRIPT)),
        tag("script", src=f"{STATIC_ROUTE}/chat.js"),
    )


def _theme() -> gr.themes.Base:
    """Return Gradio's plainest theme with fonts of the system and the colours of the page."""
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace"])
    return theme.set(
        body_background_fill="#faf7f1",
        body_background_fill_dark="#161412",
        body_text_color="#1f1b16",
        body_text_color_dark="#ece6da",
    )


class Chatting(Answering, Served, Editable, Protocol):
    """The part of an archive that the pages and the routes for programs need."""

    def status(self) -> Status:
        """Return what the archive holds."""
        ...


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
        app = build_app(archive, rules, writable=writable, writer=writer)
        server = Server(app, listener, ready=lambda: (announce or _say)(line))
        server.serve_until_stopped()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the one thing that a person waits for
