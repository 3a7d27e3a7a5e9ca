"""Review candidates for gold questions on a page: accept, edit, reject, one after the other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from corpus.errors import NewsArchiveError
from qa.evaluation.checks import Articles
from qa.evaluation.failure import Excerpt
from qa.evaluation.queue import Candidate, Decision, Queue
from qa.evaluation.reviewing import passage_of
from qa.gradio_pages import blocks, gr, html, mount, plain_theme
from qa.markup import Html, join, tag, text
from qa.opening import STATIC, STATIC_ROUTE
from qa.serving import DEFAULT_HOST, BodyLimit, Server, address_of, bind
from qa.web.doors import Doors, Rules

TITLE = "Review questions"
HINT = (
    "Does the marked text answer the question, and would a person who has not read the article ask"
    " it so? Accept it, change the words first, or reject it."
)
LONGEST_QUESTION = 2_000
"""Characters of a question that is kept: what `ask` takes."""

KINDS = {
    "draft-template": "draft, from a template",
    "draft-cloze": "draft, a gap to fill",
    "feedback": "from a chat",
}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components of the page that change."""

    status: gr.HTML
    passage: gr.HTML
    question: gr.Textbox
    accept: gr.Button
    reject: gr.Button
    skip: gr.Button
    shown: gr.State
    skipped: gr.State

    @property
    def outputs(self) -> list[Any]:
        """Return the components that `_view` is for, in its order."""
        return [
            self.status,
            self.passage,
            self.question,
            self.accept,
            self.reject,
            self.skip,
            self.shown,
            self.skipped,
        ]


def build_review(archive: Articles, queue: Queue) -> gr.Blocks:
    """Build the Gradio page over a queue of candidates."""
    page = blocks(TITLE)
    with page:
        html(join(tag("h1", text(TITLE)), tag("p", text(HINT))), elem_id="qa-review-head")
        parts = _lay_out()
        _wire(page, archive, queue, parts)
    return page


def _lay_out() -> _Parts:
    status = html(Html(""), elem_id="qa-review-status")
    question = gr.Textbox(
        elem_id="qa-review-question",
        label="Question",
        lines=2,
        max_lines=6,
        max_length=LONGEST_QUESTION,
    )
    passage = html(Html(""), elem_id="qa-review-passage")
    with gr.Row(elem_id="qa-review-buttons"):
        accept = gr.Button("Accept", variant="primary", elem_id="qa-accept")
        reject = gr.Button("Reject", elem_id="qa-reject")
        skip = gr.Button("Skip", elem_id="qa-skip")
    return _Parts(status, passage, question, accept, reject, skip, gr.State(""), gr.State(()))


def _wire(page: gr.Blocks, archive: Articles, queue: Queue, parts: _Parts) -> None:
    """Connect the buttons to what they do; each shows the next candidate after."""
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    given = [parts.shown, parts.question, parts.skipped]
    for button, decision in ((parts.accept, "accepted"), (parts.reject, "rejected")):
        button.click(_decider(archive, queue, decision), given, parts.outputs, **hidden)

    def skip(shown: str, skipped: tuple[str, ...]) -> list[Any]:
        return _view(archive, queue, (*skipped, shown))

    parts.skip.click(skip, [parts.shown, parts.skipped], parts.outputs, **hidden)
    page.load(lambda: _view(archive, queue, ()), None, parts.outputs, **hidden)


def _decider(
    archive: Articles, queue: Queue, decision: str
) -> Callable[[str, str, tuple[str, ...]], list[Any]]:
    verdict: Decision = "accepted" if decision == "accepted" else "rejected"

    def decide(shown: str, question: str, skipped: tuple[str, ...]) -> list[Any]:
        """Keep the decision, and the question as the person left it, then show the next one."""
        try:
            there = queue.candidates().get(shown)
            words = " ".join(question[:LONGEST_QUESTION].split())
            if there is not None and verdict == "accepted" and words != there.question:
                queue.edit(shown, words)
            if there is not None:
                queue.decide(shown, verdict)
        except NewsArchiveError as error:
            return _view(archive, queue, skipped, problem=str(error), keep=shown)
        return _view(archive, queue, skipped)

    return decide


def _view(
    archive: Articles,
    queue: Queue,
    skipped: tuple[str, ...],
    *,
    problem: str | None = None,
    keep: str | None = None,
) -> list[Any]:
    """Return the updates of `_Parts.outputs` that show the next candidate, or that none is left."""
    everything = queue.candidates()
    waiting = [item for item in everything.values() if item.state == "pending"]
    skipped = skipped if len(skipped) < len(waiting) else ()  # all were skipped: from the start
    order = [item for item in waiting if item.id not in skipped] or waiting
    item = everything.get(keep) if keep else None
    item = item or (order[0] if order else None)
    status = _status(everything, len(waiting), item, problem)
    if item is None:
        hidden = gr.update(visible=False)
        return [status, Html(""), gr.update(value="", visible=False), *[hidden] * 3, "", ()]
    shown = gr.update(visible=True)
    return [
        status,
        render_candidate(item, passage_of(archive, item)),
        gr.update(value=item.question, visible=True),
        *[shown] * 3,
        item.id,
        skipped,
    ]


def _status(
    everything: dict[str, Candidate], waiting: int, item: Candidate | None, problem: str | None
) -> Html:
    """Render how many are left, what the one shown is, and what went wrong if anything did."""
    accepted = sum(candidate.state == "accepted" for candidate in everything.values())
    counts = f"{waiting:,} waiting, {accepted:,} accepted"
    said = [text(counts), *([text(KINDS.get(item.kind, item.kind))] if item else [])]
    line = tag("p", join(*said, separator=text(" · ")), role="status")
    if problem:
        line = join(line, tag("p", text(problem), class_="qa-review-problem", role="alert"))
    if item is None:
        ending = (
            "Nothing waits. `qa gold suggest` drafts more; `qa gold export` writes what was"
            " accepted."
        )
        line = join(line, tag("p", text(ending)))
    return line


def render_candidate(candidate: Candidate, passage: Excerpt | None) -> Html:
    """Render the passage with the answer marked; every text escaped."""
    if passage is None:
        if candidate.article is None:
            gone = "The person said that no article answers this."
        else:
            gone = "The article is gone or has changed: reject this one."
        return tag("p", text(gone), class_="qa-review-gone")
    told = " · ".join(filter(None, (passage.source, passage.published)))
    before, marked, after = (text(part) for part in passage.parts)
    more_before, more_after = (
        text("…") if cut else Html("") for cut in (passage.cut_before, passage.cut_after)
    )
    flow = join(more_before, before, tag("mark", marked), after, more_after)
    return tag(
        "article",
        tag("h2", text(passage.title or passage.article), dir="auto"),
        tag("p", tag("bdi", text(told)), class_="qa-review-origin"),
        tag("p", flow, class_="qa-review-text", dir="auto"),
    )


def build_review_app(archive: Articles, queue: Queue, rules: Rules | None = None) -> FastAPI:
    """Build the web application of the review page; other sites' pages are kept out of it."""
    doors = Middleware(Doors, rules=rules or Rules())
    app = FastAPI(openapi_url=None, middleware=[Middleware(BodyLimit), doors])
    app.mount(f"/{STATIC_ROUTE}", StaticFiles(directory=STATIC))
    head = tag("link", rel="stylesheet", href=f"{STATIC_ROUTE}/review.css")
    mount(app, build_review(archive, queue), head=head, theme=plain_theme())
    return app


def serve_review(
    archive: Articles,
    queue: Queue,
    *,
    host: str = DEFAULT_HOST,
    port: int | None = None,
    announce: Callable[[str], None] | None = None,
    rules: Rules | None = None,
) -> None:
    """Serve the review page until Ctrl-C, which comes out as KeyboardInterrupt.

    `announce` (print, when None) is called with one line once the page answers. Raises UsageError
    for a host or port that cannot be had.
    """
    listener = bind(host, port)
    line = f"The review is at {address_of(listener)}"
    with tempfile.TemporaryDirectory(prefix="qa-review-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        app = build_review_app(archive, queue, rules)
        server = Server(app, listener, ready=lambda: (announce or _say)(line))
        server.serve_until_stopped()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the one thing that a person waits for
