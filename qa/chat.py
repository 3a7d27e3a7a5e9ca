"""Show an archive as a web chat box: the Gradio page and the start of its server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from qa import rendering
from qa.conversation import Answering, Conversation, Exchange, Queued, ask_next
from qa.markup import Html
from qa.records import Status
from qa.serving import DEFAULT_HOST, BodyLimit, SecurityHeaders, Server, address_of, bind
from qa.web.admission import Queue
from qa.web.doors import Doors, Rules
from qa.web.service import Served, build_service, mount_service

# Gradio reads these while it is imported: nothing may leave this machine.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")

import gradio as gr

STATIC = Path(__file__).parent / "static"
STATIC_ROUTE = "qa-static"
"""Where the style sheet is served. Gradio's own `css` rewrites selectors, and loses some."""

TITLE = "News Archive"

EXAMPLES = (
    "Is Quenby Bridge open to cars yet?",
    "What is the name of the cat that was taken off the ship in the storm?",
    "What did the auctioneer tell Ferrow FM the Farrant painting was worth?",
    "Which book was handed back to the library 58 years overdue?",
    "Which channel is going to show The Salt Widow?",
)
"""Questions that show what the sample collection can answer, and one that it cannot."""

INVITATION = "Ask the articles a question"
FOLLOW_UP = "Ask a follow-up question"
EMPTY_HINT = "Type a question first, then press Enter."

EXCHANGES_KEPT = 50
"""Exchanges that a page shows; the whole log goes to the browser with each answer."""

RETURNED_CHARACTERS = 10_000
"""Longest question that comes back into the box, to be mended, when it could not be asked."""

MAX_UPLOAD = "1b"
"""Gradio's upload route cannot be closed: nothing fits through it. The chat takes no files."""

_SCROLL = """() => requestAnimationFrame(() => {
    const asked = document.querySelectorAll("#qa-log .qa-question");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    asked[asked.length - 1]?.scrollIntoView({block: "start", behavior: calm ? "auto" : "smooth"});
})"""
_FOCUS = """() => { document.querySelector("#qa-box textarea")?.focus(); }"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components of the page that change."""

    box: gr.Textbox
    hint: gr.HTML
    conversation: gr.State
    log: gr.Chatbot
    headline: gr.HTML
    intro: gr.Column
    fresh: gr.Button
    examples: tuple[gr.Button, ...]

    @property
    def outputs(self) -> list[Any]:
        """Return the components that `_Shown.updates` is for, in its order."""
        return [
            self.box,
            self.hint,
            self.conversation,
            self.log,
            self.headline,
            self.intro,
            self.fresh,
        ]


def build_page(archive: Answering) -> gr.Blocks:
    """Build the Gradio page of an archive."""
    page = gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True)
    with page:
        _wire(archive, _lay_out(archive))
    return page


def _lay_out(archive: Answering) -> _Parts:
    collection, samples = archive.status(), archive.is_samples
    with gr.Row(elem_id="qa-masthead"):
        _html(rendering.render_masthead(collection, samples=samples))
        fresh = gr.Button("New conversation", elem_id="qa-fresh", size="sm", visible=False)
    headline = _html(rendering.render_headline(), elem_id="qa-headline")
    log = _lay_out_log()
    with gr.Column(elem_id="qa-composer"):
        box = _lay_out_box()
        hint = _html(Html(""), elem_id="qa-hint")
    with gr.Column(elem_id="qa-intro") as intro:
        _html(rendering.render_collection(collection, samples=samples))
        questions = EXAMPLES if samples else ()
        examples = tuple(gr.Button(text, elem_classes="qa-example") for text in questions)
    return _Parts(box, hint, gr.State(()), log, headline, intro, fresh, examples)


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
        label="Your question",
        show_label=False,
        container=False,
        placeholder=INVITATION,
        lines=1,
        max_lines=6,
        autofocus=True,
        submit_btn="Ask",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=True),
    )


def _wire(archive: Answering, parts: _Parts) -> None:
    """Connect Enter, the examples and the button to what they do."""
    respond = _responder(archive)
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for source, listen in [
        (parts.box, parts.box.submit),
        *((example, example.click) for example in parts.examples),
    ]:
        asked = listen(respond, [source, parts.conversation], parts.outputs, **hidden)
        asked.then(None, js=_SCROLL, **hidden)
    cleared = parts.fresh.click(_start_afresh, None, parts.outputs, **hidden)
    cleared.then(None, js=_FOCUS, **hidden)
    parts.log.change(None, js=_SCROLL, **hidden)


def _responder(archive: Answering) -> Callable[[str, Conversation], Iterator[list[Any]]]:
    def respond(question: str, conversation: Conversation) -> Iterator[list[Any]]:
        """Show the question at once, then its answer."""
        if not question.strip():
            yield [gr.skip(), rendering.render_hint(EMPTY_HINT), *[gr.skip()] * 5]
            return
        yield _view(conversation, box="", pending=question)
        exchange = ask_next(archive, question, conversation)
        conversation = (*conversation, exchange)[-EXCHANGES_KEPT:]
        yield _view(conversation, box=_left_in_box(exchange))

    return respond


def _left_in_box(exchange: Exchange) -> str | None:
    """Return a failed question to be mended; None leaves what the person types meanwhile."""
    failed = exchange.failure is not None and len(exchange.question) <= RETURNED_CHARACTERS
    return exchange.question if failed else None


def _start_afresh() -> list[Any]:
    return _view((), box="")


def _view(conversation: Conversation, *, box: str | None, pending: str | None = None) -> list[Any]:
    """Return the updates of `_Parts.outputs` that show a conversation."""
    begun = bool(conversation) or pending is not None
    messages = [message for exchange in conversation for message in _messages(exchange)]
    if pending is not None:
        messages += _messages(Exchange(pending))
    placeholder = FOLLOW_UP if begun else INVITATION
    box_update: dict[str, Any] = {} if box is None else {"value": box}
    return [
        gr.update(placeholder=placeholder, **box_update),
        "",
        conversation,
        gr.update(value=messages, visible=begun),
        gr.update(visible=not begun),
        gr.update(visible=not begun),
        gr.update(visible=begun),
    ]


def _messages(exchange: Exchange) -> list[dict[str, Any]]:
    """Return an exchange as two chat messages of finished, escaped HTML."""
    asked = rendering.render_question(exchange.question)
    if exchange.answer is not None:
        said = rendering.render_answer(exchange.answer)
    elif exchange.failure is not None:
        said = rendering.render_failure(exchange.failure)
    else:
        said = rendering.render_pending()
    return [
        {"role": "user", "content": _html(asked)},
        {"role": "assistant", "content": _html(said)},
    ]


def build_app(archive: Chatting, rules: Rules | None = None) -> FastAPI:
    """Build the web application: the page at "/", and beside it the routes for programs."""
    rules, queue = rules or Rules(), Queue()
    service = build_service(archive, queue=queue, guarded=rules.access is not None)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with service.router.lifespan_context(service):  # a mounted application's is not run
            yield

    app = FastAPI(
        openapi_url=None,
        lifespan=running,
        middleware=[Middleware(BodyLimit), Middleware(Doors, rules=rules)],
    )
    mount_service(app, service)
    app.mount(f"/{STATIC_ROUTE}", StaticFiles(directory=STATIC))
    gr.mount_gradio_app(
        app,
        build_page(Queued(archive, queue)),
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
        head=f'<link rel="stylesheet" href="{STATIC_ROUTE}/chat.css">',
    )
    return app


def _theme() -> gr.themes.Base:
    """Return Gradio's plainest theme with fonts of the system and the colours of the page."""
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace"])
    return theme.set(
        body_background_fill="#faf7f1",
        body_background_fill_dark="#161412",
        body_text_color="#1f1b16",
        body_text_color_dark="#ece6da",
    )


class Chatting(Answering, Served, Protocol):
    """The part of an archive that the page and the routes for programs need."""

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
        server = Server(build_app(archive, rules), listener, ready=lambda: (announce or _say)(line))
        server.serve_until_stopped()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the one thing that a person waits for
