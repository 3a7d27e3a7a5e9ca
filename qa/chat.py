"""Show an archive as a web chat box: the Gradio page; `qa.opening` serves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI

from qa import rendering, texts
from qa.controls import Place
from qa.conversation import Answering, Conversation, Exchange, ask_next
from qa.gradio_pages import blocks, gr, html, mount, plain_theme
from qa.markup import Html, join, tag
from qa.opening import STATIC_ROUTE, Options
from qa.transcript import read_request, write_conversation

EXAMPLES = (
    "Who won the coxed skiffs at the Lantern Regatta?",
    "What did the auctioneer tell Ferrow FM the Farrant painting was worth?",
    "How deep was the flood water on Curlew Road?",
    "Which book was handed back to the library 58 years overdue?",
    "What did the Gazette report about the measles outbreak in October?",
)
"""Questions that show what the sample collection can answer, and one that it cannot."""

RETURNED_CHARACTERS = 10_000
"""Longest question that comes back into the box, to be mended, when it could not be asked."""

_TAKE = "(question, request) => window.qa.take(question)"
_ASK_AGAIN = "(question, request) => window.qa.takeAgain()"
_KEEP = "(kept) => window.qa.keep(kept)"
_START = "() => window.qa.start()"
_CLEAR = "() => window.qa.clear()"
_SCROLL = "() => window.qa.scroll()"
"""Calls of the page's script, static/chat.js."""


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
    page = blocks(texts.TITLE)
    with page:
        parts = _lay_out(archive)
        _wire(archive, parts, options or Options())
        page.load(None, None, None, js=_START, api_visibility="private")
    return page


def _lay_out(archive: Answering) -> _Parts:
    collection, samples = archive.status(), archive.is_samples
    with gr.Row(elem_id="qa-masthead"):
        html(rendering.render_masthead(collection, samples=samples))
        fresh = gr.Button(texts.NEW, elem_id="qa-fresh", size="sm", visible=False)
    headline = html(rendering.render_headline(), elem_id="qa-headline")
    log = _lay_out_log()
    with gr.Column(elem_id="qa-composer"):
        box = _lay_out_box()
        hint = html(Html(""), elem_id="qa-hint")
    with gr.Column(elem_id="qa-intro") as intro:
        html(rendering.render_collection(collection, samples=samples))
        questions = EXAMPLES if samples else ()
        examples = tuple(gr.Button(text, elem_classes="qa-example") for text in questions)
    with gr.Column(elem_id="qa-unseen"):
        kept = gr.Textbox(label="kept", visible=False)
        request = gr.Textbox(label="request", visible=False)
        again = gr.Button(texts.RETRY, elem_id="qa-again")
    return _Parts(box, hint, log, headline, intro, fresh, kept, request, again, examples)


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
        {"role": "user", "content": html(asked)},
        {"role": "assistant", "content": html(said)},
    ]


def page_app(archive: Answering, options: Options | None = None) -> FastAPI:
    """Build the web application of the page alone."""
    app = FastAPI(openapi_url=None)
    mount(app, build_page(archive, options), head=_head(), theme=_theme())
    return app


def _head() -> str:
    """Return what the page's head gets: the style sheet, the script, and the script's texts."""
    return join(
        tag("link", rel="stylesheet", href=f"{STATIC_ROUTE}/chat.css"),
        tag("meta", name="qa-texts", content=json.dumps(texts.SCRIPT)),
        tag("script", src=f"{STATIC_ROUTE}/chat.js"),
    )


def _theme() -> gr.themes.Base:
    """Return Gradio's plainest theme with fonts of the system and the colours of the page."""
    return plain_theme().set(
        body_background_fill="#faf7f1",
        body_background_fill_dark="#161412",
        body_text_color="#1f1b16",
        body_text_color_dark="#ece6da",
    )
