"""The chat in a real browser (Debian's chromium): asking, hostile articles, phones, keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import DESKTOP, MARKS, PHONES, Open, ask, overflow, served
from chat_fakes import (
    HOSTILE,
    LONGEST,
    FakeArchive,
    Holdings,
    make_answer,
    make_citation,
    make_hostile_answer,
    make_no_answer,
)

pytestmark = MARKS


@pytest.fixture(scope="module")
def archive() -> FakeArchive:
    """Return an archive that also holds a no-answer, and an answer for each hostile text."""
    answers = {f"h{at}": make_hostile_answer(text) for at, text in enumerate(HOSTILE)}
    cited = [make_citation(n, also_in=("Radio Tern",) if n == 1 else ()) for n in range(1, 6)]
    answers["What will it cost?"] = make_answer(*cited)
    answers["What does the mayor earn?"] = make_no_answer(*cited)
    return FakeArchive(answers=answers)


@pytest.fixture(scope="module")
def address(archive: FakeArchive) -> Iterator[str]:
    with served(archive) as address:
        yield address


def background(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


# Asking


def test_enter_asks_and_the_answer_comes_with_its_sources(open_page: Open) -> None:
    page = open_page()
    answer = ask(page, "What will it cost?")
    assert answer.locator("blockquote").inner_text() == "The bridge will cost £14.2m."
    assert answer.locator("figcaption").inner_text().startswith("Harbour Post · 2 March 2025")
    cards = answer.locator("details")
    assert cards.count() == 5
    assert cards.nth(0).locator("mark").is_visible()
    assert not cards.nth(1).locator("mark").is_visible()
    cards.nth(1).locator("summary").click()
    assert cards.nth(1).locator("mark").is_visible()
    assert page.get_by_label("Your question").input_value() == ""


def test_example_question_is_asked_with_a_click(open_page: Open) -> None:
    from qa.chat import EXAMPLES

    page = open_page()
    page.get_by_role("button", name=EXAMPLES[0]).click()
    page.locator(".qa-answer").wait_for()
    assert page.get_by_role("heading", name=EXAMPLES[0]).is_visible()
    assert not page.get_by_role("button", name=EXAMPLES[1]).is_visible()


def test_follow_up_takes_the_conversation_along(open_page: Open, archive: FakeArchive) -> None:
    page = open_page()
    ask(page, "What will it cost?")
    ask(page, "And when?")
    assert archive.asked[-1] == (
        "And when?",
        [
            {"role": "user", "content": "What will it cost?"},
            {"role": "assistant", "content": "The bridge will cost £14.2m."},
        ],
    )
    assert page.locator(".qa-question").all_inner_texts() == ["What will it cost?", "And when?"]


def test_what_the_person_opened_stays_open(open_page: Open) -> None:
    page = open_page()
    cards = ask(page, "What will it cost?").locator("details")
    cards.nth(0).locator("summary").click()
    cards.nth(2).locator("summary").click()
    ask(page, "And when?")
    states = (
        page.locator(".qa-answer")
        .first.locator("details")
        .evaluate_all("all => all.map(d => d.open)")
    )
    assert states == [False, False, True, False, False]


def test_new_conversation_starts_with_nothing(open_page: Open, archive: FakeArchive) -> None:
    page = open_page()
    ask(page, "What will it cost?")
    page.get_by_role("button", name="New conversation").click()
    page.get_by_text("Try one of these").wait_for()
    assert page.locator(".qa-answer").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    ask(page, "And when?")
    assert archive.asked[-1] == ("And when?", [])


def test_two_people_do_not_share_a_conversation(open_page: Open, archive: FakeArchive) -> None:
    one, other = open_page(), open_page()
    ask(one, "What will it cost?")
    ask(other, "And when?")
    assert archive.asked[-1] == ("And when?", [])


def test_no_answer_looks_different_and_shows_the_nearest(open_page: Open) -> None:
    answer = ask(open_page(), "What does the mayor earn?")
    assert answer.get_by_role("heading", name="Not in these articles").is_visible()
    assert answer.locator("blockquote").count() == 0
    assert answer.locator("details").count() == 5


@pytest.mark.parametrize("question", ["", "   \n "])
def test_empty_question_gets_a_friendly_word(
    open_page: Open, archive: FakeArchive, question: str
) -> None:
    page, asked = open_page(), len(archive.asked)
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("Type a question first").wait_for()
    assert len(archive.asked) == asked
    ask(page, "And when?")
    assert not page.get_by_text("Type a question first").is_visible()


def test_question_that_cannot_be_asked_comes_back_to_be_mended(open_page: Open) -> None:
    page = open_page()
    long = "why " * LONGEST
    message = ask(page, long)
    assert message.inner_text() == "the question is longer than 2000 characters: shorten it"
    assert page.get_by_label("Your question").input_value() == long
    assert overflow(page) <= 0


def test_fault_does_not_leave_the_page_waiting(open_page: Open) -> None:
    page = open_page()
    assert "Something went wrong" in ask(page, "break").inner_text()
    assert ask(page, "What will it cost?").locator("blockquote").is_visible()


def test_other_archives_are_described_and_have_no_examples(open_page: Open) -> None:
    archive = FakeArchive(is_samples=False, holdings=Holdings(sources=(("<b>Outlet</b>", 9),)))
    with served(archive) as at:
        page = open_page(at=at)
        assert page.get_by_text("64 articles from <b>Outlet</b>, 2 April 2024").is_visible()
        assert page.locator(".qa-example").count() == 0
        assert not page.get_by_text("nvented").count()
        page.close()


# Hostile articles


@pytest.mark.parametrize("size", [DESKTOP, PHONES[1]])
def test_hostile_articles_are_inert(open_page: Open, size: tuple[int, int]) -> None:
    """No script runs, nothing is fetched, no foreign element appears, the layout holds."""
    page = open_page(size)
    for at in range(len(HOSTILE)):
        answer = ask(page, f"h{at}")
        assert answer.locator("img, svg, iframe, form, input, style, script, link").count() == 0
        assert answer.locator("a").count() == 0
        assert page.evaluate("window.__pwned") is None, HOSTILE[at]
        assert overflow(page) <= 0, HOSTILE[at]
    assert page.locator("#qa-log .qa-answer").count() == len(HOSTILE)
    assert page.get_by_role("button", name="Ask", exact=True).is_visible()


def test_hostile_questions_are_inert(open_page: Open) -> None:
    page = open_page()
    for text in HOSTILE[:12]:
        ask(page, text)
        assert page.locator(".qa-question").last.inner_text() == text
        assert page.evaluate("window.__pwned") is None


def test_policy_stops_a_handler_that_escaping_would_have_missed(browser: Any, address: str) -> None:
    """The Content-Security-Policy is a second wall: markup put in on purpose runs nothing."""
    page = browser.new_page()
    page.goto(address)
    page.get_by_label("Your question").wait_for()
    page.evaluate(
        "markup => document.body.insertAdjacentHTML('beforeend', markup)",
        "<img src='data:x' onerror='window.__pwned=1'><a href='javascript:window.__pwned=1'>x</a>",
    )
    page.locator("a", has_text="x").last.evaluate("link => link.click()")
    page.wait_for_timeout(300)
    assert page.evaluate("window.__pwned") is None
    page.close()


# Screens, themes, keyboard


@pytest.mark.parametrize("size", PHONES)
def test_phone_has_no_horizontal_scroll(open_page: Open, size: tuple[int, int]) -> None:
    page = open_page(size, has_touch=True, is_mobile=True)
    assert overflow(page) <= 0
    answer = ask(page, "What will it cost?")
    assert overflow(page) <= 0
    answer.locator("summary").last.click()
    assert overflow(page) <= 0
    box = page.get_by_role("button", name="Ask", exact=True).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert box["y"] + box["height"] <= size[1]


def test_newest_question_is_scrolled_to_the_top(open_page: Open) -> None:
    page = open_page(PHONES[0], reduced_motion="reduce")
    for question in ["What will it cost?", "And when?", "What does the mayor earn?"]:
        ask(page, question)
    page.wait_for_timeout(300)
    box = page.locator(".qa-question").last.bounding_box()
    assert box
    assert 0 <= box["y"] < PHONES[0][1] / 3


@pytest.mark.parametrize(
    ("query", "scheme", "dark"),
    [("", "light", False), ("", "dark", True), ("?__theme=dark", "light", True)],
)
def test_theme_follows_the_system_and_gradio(
    open_page: Open, query: str, scheme: str, dark: bool
) -> None:
    page = open_page(query=query, color_scheme=scheme)
    ask(page, "What will it cost?")
    assert background(page) == ("rgb(22, 20, 18)" if dark else "rgb(250, 247, 241)")


def test_cards_open_from_the_keyboard_with_visible_focus(open_page: Open) -> None:
    page = open_page()
    answer = ask(page, "What will it cost?")
    page.get_by_role("button", name="New conversation").focus()
    for _ in range(14):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('details:not([open]) > summary')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert answer.locator("details").nth(1).locator("mark").is_visible()


def test_gradio_shows_no_footer_and_no_button_of_its_own(open_page: Open) -> None:
    page = open_page()
    ask(page, "What will it cost?")
    assert not page.locator("footer").is_visible()
    names = [b.inner_text() for b in page.get_by_role("button").all() if b.is_visible()]
    assert set(filter(None, names)) == {
        "Conversations", "New conversation", "Change", "Copy", "Link", "Ask again", "Edit",
        "Read in context", "Ask",
    }  # fmt: skip


def test_reduced_motion_is_respected(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    answer = ask(page, "What will it cost?")
    assert answer.evaluate("element => getComputedStyle(element).animationName") == "none"
