"""Pages in Debian's chromium for the tests: one browser, and a watch on what each page asks for."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OWN = re.compile(r"http://127\.0\.0\.1[:/]|data:|blob:")
DESKTOP = (1280, 900)
PHONES = [(390, 844), (360, 740)]
START_SECONDS = 60

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
]

Open = Callable[..., Any]


@contextmanager
def served(archive: Any, *, port: int = 0, **options: Any) -> Iterator[str]:
    """Serve the chat of an archive within the block; give its address."""
    from qa import opening

    with running(opening.build_app(archive, **options), port=port) as address:
        yield address


@contextmanager
def running(app: Any, *, port: int = 0) -> Iterator[str]:
    """Serve an application within the block; give its address."""
    from qa import serving

    ready = threading.Event()
    listener = serving.bind("127.0.0.1", port)
    server = serving.Server(app, listener, ready=ready.set)
    thread = threading.Thread(target=server.serve_until_stopped)
    thread.start()
    try:
        assert ready.wait(START_SECONDS)
        yield serving.address_of(listener)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def launched() -> Iterator[Any]:
    """Give a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opening(browser: Any, address: str) -> Iterator[Open]:
    """Give a function that opens a page; afterwards none may have asked outside or failed."""
    outside: list[str] = []
    faults: list[str] = []
    contexts: list[Any] = []

    def listen(page: Any) -> None:
        page.on("request", lambda r: None if OWN.match(r.url) else outside.append(r.url))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))

    def open_one(
        size: tuple[int, int] = DESKTOP,
        query: str = "",
        at: str = "",
        label: str = "Your question",
        **options: Any,
    ) -> Any:
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        listen(page)
        page.goto((at or address) + query)
        if not query.startswith("/archive"):
            page.get_by_label(label).wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert outside == []
    assert faults == []


def ask(page: Any, question: str) -> Any:
    """Type a question, press Enter, and return its answer when it stands there."""
    before = page.locator(".qa-answer, .qa-failure").count()
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    answers = page.locator(".qa-answer, .qa-failure")
    answers.nth(before).wait_for()
    return answers.nth(before)


def overflow(page: Any) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
