"""The chat and the archive page in a real browser, over real archives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import DESKTOP, MARKS, PHONES, Open, ask, opening, overflow, served
from hostile import HOSTILE_TEXTS, hostile_articles, marker

from qa.archive import Archive
from qa.feedback import FILE
from qa.web.access import Access, read_access, set_password
from qa.web.doors import Rules
from tests.fakes import HashingEncoder, stories, write_articles

pytestmark = MARKS

QUESTION = "How many visitors did Keeper Name3son count?"
FOREIGN = "iframe, form:not(.qa-form), object, embed, audio, video, [src*='192.0'], [href*='192.0']"


def made(folder: Path, records: list[dict[str, object]]) -> Archive:
    archive = Archive.create(folder / "archive", encoder=HashingEncoder())
    if records:
        archive.add([write_articles(folder / "articles.jsonl", records)])
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with made(tmp_path, stories(12)) as archive:
        yield archive


@pytest.fixture
def address(archive: Archive) -> Iterator[str]:
    with served(archive, writable=True) as address:
        yield address


def feedback(archive: Archive) -> list[dict[str, Any]]:
    lines = (archive.directory / FILE).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def chips(page: Any) -> list[str]:
    return [chip.replace("\n×", "") for chip in page.locator(".qa-limit").all_inner_texts()]


def axe(page: Any) -> list[str]:
    """Return what axe finds wrong with a page: rule, and the first element."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.getAnimations().forEach(each => each.finish())")
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found]


# Reading


def test_article_opens_on_the_quote_and_steps_through_its_hits(
    open_page: Open, archive: Archive
) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.locator("[data-qa=read]").first.evaluate("button => button.click()")
    shown = page.locator(".qa-reader mark.qa-hit-shown")
    shown.wait_for()
    quote = page.locator(".qa-card .qa-passage mark").first.evaluate("mark => mark.textContent")
    assert shown.inner_text() == quote
    article = archive.article("story-3")
    assert page.locator(".qa-reader-text").evaluate("e => e.textContent") == article.text
    assert page.locator(".qa-reader-place").inner_text().startswith("Hit ")
    page.get_by_role("button", name="Next hit").click()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")


def test_offsets_hold_behind_letters_outside_the_basic_plane(browser: Any, tmp_path: Path) -> None:
    ship = "\U0001f6a2"
    text = f"{ship}{ship} Ahoy. The Quenby ferry carried 58 passengers on Monday. {ship} Done."
    archive = made(tmp_path, [{"id": "a", "title": "Ferry", "text": text}])
    with archive, served(archive) as address, opening(browser, address) as open_page:
        page = open_page()
        ask(page, "How many passengers did the Quenby ferry carry?")
        page.locator("[data-qa=read]").first.evaluate("button => button.click()")
        page.locator(".qa-reader mark").first.wait_for()
        marked = page.locator(".qa-reader mark.qa-hit-first").inner_text()
    assert marked.strip("\U0001f6a2 .").endswith("The Quenby ferry carried 58 passengers on Monday")


# What was understood


def test_chip_is_taken_back_and_the_question_asked_without_it(open_page: Open) -> None:
    page = open_page()
    ask(page, "What did the Herald report about the museum?")
    assert chips(page) == ["Only Herald"]
    page.get_by_role("button", name="Ask again without: Only Herald").click()
    page.wait_for_function("!document.querySelector('.qa-limit')")
    assert page.locator(".qa-question").count() == 1


def test_chip_is_changed_and_the_question_asked_with_it(open_page: Open) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.get_by_role("button", name="Change what was understood").click()
    page.get_by_label("Echo").check()
    page.get_by_label("From").fill("2025-02-01")
    page.locator("dialog").get_by_role("button", name="Ask again").click()
    page.locator(".qa-limit").first.wait_for()
    assert chips(page) == ["Only Echo", "Since 1 February 2025"]
    outlets = set(page.locator(".qa-card .qa-outlet").all_inner_texts())
    assert outlets == {"Echo"}


# The conversation


def test_conversation_outlives_reload_and_restart(browser: Any, archive: Archive) -> None:
    with served(archive) as address:
        port = int(address.rpartition(":")[2])
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.get_by_label("Your question").wait_for()
        ask(page, QUESTION)
        page.reload()
        page.locator(".qa-answer").wait_for()
        assert page.locator(".qa-question").all_inner_texts() == [QUESTION]
    with served(archive, port=port):
        page.wait_for_timeout(500)
        ask(page, "And on what day did the museum open?")
        assert page.locator(".qa-question").count() == 2
    context.close()


def test_earlier_conversation_is_opened_again_and_deleted(open_page: Open) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.get_by_role("button", name="New conversation").click()
    page.get_by_text("Ask the articles.").wait_for()
    ask(page, "What did the council discuss on Friday?")
    page.get_by_role("button", name="Conversations").click()
    assert page.locator(".qa-history li").count() == 2
    page.locator(".qa-history-open", has_text=QUESTION).click()
    page.get_by_role("heading", name=QUESTION).wait_for()
    page.get_by_role("button", name="Conversations").click()
    page.get_by_role("button", name=f"Delete: {QUESTION}").click()
    assert page.locator(".qa-history li").count() == 1


def test_question_is_edited_in_its_place(open_page: Open) -> None:
    page = open_page()
    ask(page, QUESTION)
    ask(page, "What did the council discuss on Friday?")
    page.get_by_role("button", name="Edit").first.click()
    box = page.get_by_label("Your question")
    assert box.input_value() == QUESTION
    box.fill("How many visitors did Keeper Name4son count?")
    box.press("Enter")
    page.get_by_role("heading", name="Name4son").wait_for()
    assert page.locator(".qa-question").all_inner_texts() == [
        "How many visitors did Keeper Name4son count?",
        "What did the council discuss on Friday?",
    ]


def test_link_opens_on_the_question(open_page: Open) -> None:
    page = open_page(query="/?q=How+many+visitors+did+Keeper+Name3son+count%3F&source=Post")
    page.locator(".qa-answer").wait_for()
    assert page.locator(".qa-question").all_inner_texts() == [QUESTION]
    assert chips(page) == ["Only Post"]


def test_answer_is_copied_with_its_source_in_each_form(browser: Any, tmp_path: Path) -> None:
    record = {
        "id": "a", "title": "The *bridge* & more}", "source": "Harbour_Post",
        "published": "2025-03-02", "url": "https://post.test/a_b?c=}",
        "text": "The Quenby bridge was opened on 3 March 2025 by the mayor.",
    }  # fmt: skip
    archive = made(tmp_path, [record])
    with archive, served(archive) as address, opening(browser, address) as open_page:
        page = open_page(permissions=["clipboard-read", "clipboard-write"])
        answer = ask(page, "When was the Quenby bridge opened?")
        assert answer.locator("blockquote").count() == 1

        def copied(form: str) -> str:
            page.get_by_role("button", name="Copy", exact=True).click()
            page.locator("dialog").get_by_role("button", name=form, exact=True).click()
            page.wait_for_timeout(200)
            return str(page.evaluate("navigator.clipboard.readText()"))

        assert copied("Plain text") == (
            "“The Quenby bridge was opened on 3 March 2025 by the mayor.”\n"
            "— Harbour_Post, “The *bridge* & more}”, 2025-03-02, https://post.test/a_b?c=}\n"
        )
        assert "[Harbour\\_Post, “The \\*bridge\\* \\& more\\}”" in copied("Markdown")
        bibtex = copied("BibTeX")
        assert "title = {{The *bridge* \\& more\\textbraceright{}}}" in bibtex
        assert "url = {https://post.test/a_b?c=%7D}" in bibtex
        assert bibtex.count("{") == bibtex.count("}")
        (item,) = json.loads(copied("CSL JSON"))
        assert item["issued"] == {"date-parts": [[2025, 3, 2]]}
        assert item["container-title"] == "Harbour_Post"


@pytest.mark.parametrize("form", ["Markdown", "HTML", "JSON"])
def test_conversation_is_saved_with_its_sources(open_page: Open, form: str) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.get_by_role("button", name="Conversations").click()
    with page.expect_download() as download:
        page.locator("dialog").get_by_role("button", name=form, exact=True).click()
    content = Path(download.value.path()).read_text("utf-8")
    assert "Keeper Name3son counted 1021 visitors" in content
    if form == "JSON":
        assert json.loads(content)[0]["question"] == QUESTION


# Feedback, and the archive page


def test_verdicts_become_candidates_for_gold(open_page: Open, archive: Archive) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.locator("[data-qa=right]").first.evaluate("button => button.click()")
    page.get_by_text("waits to be reviewed").wait_for()
    page.get_by_role("button", name="Wrong", exact=True).click()
    page.wait_for_timeout(500)
    right, wrong = feedback(archive)
    assert (right["question"], right["verdict"], right["answerable"]) == (QUESTION, "right", True)
    text = archive.article(right["article"]).text
    assert text[right["start"] : right["end"]] == right["answer"]
    assert wrong["verdict"] == "bad"


def test_file_is_added_with_a_report_and_taken_out_again(
    open_page: Open, archive: Archive, tmp_path: Path
) -> None:
    good, bad = tmp_path / "ferry <b>.txt", tmp_path / "broken.pdf"
    good.write_text("The Zephyr ferry carried 58 passengers on Monday, the harbour master said.")
    bad.write_bytes(b"%PDF-1.4 nothing")
    page = open_page(query="/archive")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Drop files here").set_input_files([str(good), str(bad)])
    page.get_by_text("Show the archive as it is now").wait_for()
    report = page.locator("#qa-report").inner_text()
    assert "ferry <b>.txt: 1 added" in report
    assert "broken.pdf: not a whole PDF" in report
    assert archive.status().articles == 13
    page.get_by_label("Find by headline").fill("ferry")
    page.get_by_text("1 of 1 articles").wait_for()
    page.get_by_role("button", name="Remove: ").click()
    page.get_by_text("was taken out").wait_for()
    assert archive.status().articles == 12


def test_empty_archive_leads_a_newcomer_to_adding(browser: Any, tmp_path: Path) -> None:
    archive, options = made(tmp_path, []), {"writable": True}
    with archive, served(archive, **options) as address, opening(browser, address) as open_page:
        page = open_page()
        assert page.get_by_text("This archive is empty").is_visible()
        page.get_by_role("link", name="the archive’s page").click()
        page.get_by_label("Drop files here").wait_for()


def test_served_to_others_nothing_can_be_changed(browser: Any, archive: Archive) -> None:
    with served(archive, writable=False) as address, opening(browser, address) as open_page:
        page = open_page()
        ask(page, QUESTION)
        assert page.get_by_role("button", name="Wrong", exact=True).count() == 0
        page = open_page(query="/archive")
        assert page.get_by_label("Drop files here").count() == 0
        page.locator("#qa-articles li").first.wait_for()
        assert page.get_by_role("button", name="Remove").count() == 0
        request = page.request
        for method, path in (
            ("POST", "articles?name=a.txt"),
            ("DELETE", "articles/story-3"),
            ("POST", "feedback"),
        ):
            reply = request.fetch(f"{address}/api/{path}", method=method, data="{}")
            assert reply.status in {404, 405}
    assert archive.status().articles == 12


def test_login_page_lets_in(browser: Any, archive: Archive, tmp_path: Path) -> None:
    set_password(tmp_path / "people", "ada", "correct horse")
    rules = Rules(access=Access(read_access(tmp_path / "people")))
    with served(archive, rules=rules) as address:
        page = browser.new_page()
        page.goto(f"{address}/?q=Why")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("wrong horse")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("alert").wait_for()
        assert axe(page) == []
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("Your question").wait_for()
        assert page.url == f"{address}/?q=Why"
        ask(page, QUESTION)
        page.close()


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONES[1]])
def test_axe_finds_nothing(open_page: Open, scheme: str, size: tuple[int, int]) -> None:
    page = open_page(size, color_scheme=scheme, reduced_motion="reduce")
    assert axe(page) == []
    ask(page, QUESTION)
    ask(page, "What did the Herald report about the museum?")
    assert axe(page) == []
    page.get_by_role("button", name="Change what was understood").first.click()
    page.locator(".qa-form").wait_for()
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Conversations").click()
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.locator("[data-qa=read]").first.evaluate("button => button.click()")
    page.locator(".qa-reader mark").first.wait_for()
    assert axe(page) == []
    assert overflow(page) <= 0
    page = open_page(size, query="/archive", color_scheme=scheme)
    page.locator("#qa-articles li").first.wait_for()
    assert axe(page) == []
    assert overflow(page) <= 0


def test_everything_can_be_done_with_the_keyboard(open_page: Open) -> None:
    page = open_page()
    ask(page, QUESTION)
    reached = set()
    page.locator("body").press("Escape")
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "document.activeElement?.dataset?.qa ?? document.activeElement?.tagName"
        )
        outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outlined == "solid" or name in {"TEXTAREA", "BODY"}, name
        reached.add(name)
    assert {"history", "A", "change", "share", "retry", "edit", "good", "bad", "SUMMARY"} <= reached


# Hostile articles


def test_sixty_hostile_articles_are_inert_everywhere(browser: Any, tmp_path: Path) -> None:
    """0 scripts, 0 requests beyond this machine, 0 foreign forms on each surface; layout intact."""
    archive, options = made(tmp_path, hostile_articles()), {"writable": True}
    assert archive.status().articles == 60
    with archive, served(archive, **options) as address, opening(browser, address) as open_page:
        page = open_page()

        def check(what: str) -> None:
            assert page.evaluate("window.__pwned") is None, what
            assert page.locator(FOREIGN).count() == 0, what
            assert overflow(page) <= 0, what

        for at, text in enumerate(HOSTILE_TEXTS):
            if at and at % 10 == 0:
                page.get_by_role("button", name="New conversation").click()
                page.get_by_text("Ask the articles.").wait_for()
            ask(page, f"When was the {marker(at)} seen?")
            check(text)
            page.locator("[data-qa=read]").last.evaluate("button => button.click()")
            page.locator(".qa-reader mark").first.wait_for()
            check(text)
            page.keyboard.press("Escape")
        page.get_by_role("button", name="Change what was understood").first.click()
        page.locator(".qa-form").wait_for()
        check("the outlets")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Conversations").click()
        check("the history")
        with page.expect_download() as download:
            page.locator("dialog").get_by_role("button", name="HTML", exact=True).click()
        exported = Path(download.value.path()).read_text("utf-8")
        page.keyboard.press("Escape")
        page = open_page(query="/archive")
        page.locator("#qa-articles li").nth(59).wait_for()
        check("the archive page")
        page = browser.new_page()
        page.route("**", lambda route: route.abort())
        page.set_content(exported)
        assert page.locator("script, img, iframe, form, style, object, embed").count() == 0
        check("the exported page")
        page.close()
