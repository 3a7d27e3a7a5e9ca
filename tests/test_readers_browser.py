"""Files that a real browser writes: a page saved as MHTML, and one printed as PDF."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.cleaning import clean
from corpus.readers import read_file
from tests import article_files as files

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
]


def test_what_chromium_saves_and_prints(tmp_path: Path) -> None:
    """Title, date and text of the article come out of both, the address out of the saved page."""
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "page.html"
    page_file.write_bytes(files.html())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(page_file.as_uri())
        saved = page.context.new_cdp_session(page).send("Page.captureSnapshot")["data"]
        (tmp_path / "a.mhtml").write_text(saved, "utf-8", newline="")
        page.pdf(path=str(tmp_path / "a.pdf"))
        browser.close()
    (saved_page,) = map(clean, read_file(tmp_path / "a.mhtml").articles)
    assert (saved_page.title, saved_page.published) == (files.TITLE, files.DATE)
    assert (saved_page.url, saved_page.clean_text) == (files.URL, files.TEXT)
    (printed,) = map(clean, read_file(tmp_path / "a.pdf").articles)
    assert printed.title == files.TITLE
    assert printed.clean_text.replace("\n\n", " ").endswith(files.TEXT.replace("\n\n", " "))
