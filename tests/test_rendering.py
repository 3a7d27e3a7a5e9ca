"""The rendering: article text is inert, the quote is marked exactly, nothing is left unsaid."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import lxml.html
import pytest
from chat_fakes import (
    HOSTILE,
    Holdings,
    make_answer,
    make_citation,
    make_hostile_answer,
    make_no_answer,
)
from hypothesis import given
from hypothesis import strategies as st

from qa import rendering
from qa.controls import Place
from qa.days import age
from qa.markup import Html, join, tag, text
from qa.records import Answer, Figure, Query
from tests.pace import within

PLAIN = "harmless words"

Skeleton = list[tuple[str, tuple[str, ...]]]


def parse(markup: Html) -> lxml.html.HtmlElement:
    return lxml.html.fragment_fromstring(markup, create_parent="div")


def skeleton(markup: Html) -> Skeleton:
    """Return every element with the names of its attributes, in document order."""
    return [(element.tag, tuple(element.attrib)) for element in parse(markup).iter()]


_STEP = re.compile(r"(?P<tag>[\w*]*)(?P<classes>(?:\.[\w-]+)*)(?P<attribute>(?:\[\w+\])?)")


def select(root: lxml.html.HtmlElement, selector: str) -> list[lxml.html.HtmlElement]:
    """Find elements by the little of CSS that these tests need: `tag.class[attribute] below`."""
    paths = [".//" + "//".join(map(_xpath_step, part.split())) for part in selector.split(",")]
    return list(root.xpath(" | ".join(paths)))


def _xpath_step(step: str) -> str:
    found = _STEP.fullmatch(step)
    assert found, step
    tests = [
        f"[contains(concat(' ', @class, ' '), ' {name} ')]"
        for name in found["classes"].split(".")[1:]
    ]
    attribute = found["attribute"].replace("[", "[@")
    return (found["tag"] or "*") + "".join(tests) + attribute


def content(markup: Html, path: str) -> list[str]:
    found = select(parse(markup), path) if path else [parse(markup)]
    return [" ".join(element.text_content().split()) for element in found]


def render(answer: Answer) -> Html:
    return rendering.render_answer(answer)


# Safe by construction


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("answered", [True, False])
def test_hostile_text_adds_no_element_and_no_attribute(hostile: str, answered: bool) -> None:
    """A page with hostile text has the very elements of one with harmless text."""
    markup = render(make_hostile_answer(hostile, answered=answered))
    plain = skeleton(render(make_hostile_answer(PLAIN, answered=answered)))
    gaps = ("span", ("class",))
    assert [e for e in skeleton(markup) if e != gaps] == [e for e in plain if e != gaps]
    assert not select(parse(markup), "[href], [style], [src]")


@pytest.mark.parametrize("hostile", [h for h in HOSTILE if "\n" not in h])
def test_hostile_text_is_shown_as_it_is(hostile: str) -> None:
    markup = render(make_hostile_answer(hostile))
    assert select(parse(markup), "blockquote")[0].text_content() == hostile
    assert select(parse(markup), "mark")[0].text_content() == hostile


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_around_the_answer_are_inert(hostile: str) -> None:
    """The question, a message and what is told of the archive come from outside as well."""
    held = Holdings(sources=((hostile, 3),), first=hostile, last=hostile)
    for markup, plain in [
        (rendering.render_question(hostile), rendering.render_question(PLAIN)),
        (rendering.render_failure(hostile), rendering.render_failure(PLAIN)),
        (rendering.render_hint(hostile), rendering.render_hint(PLAIN)),
        (
            rendering.render_collection(held, samples=False),
            rendering.render_collection(Holdings(), samples=False),
        ),
    ]:
        assert skeleton(markup) == skeleton(plain)


@given(st.text())
def test_any_text_is_escaped_and_can_be_sent(value: str) -> None:
    """Whatever a text holds, it is one text node again, and UTF-8 can carry it."""
    escaped = text(value)
    escaped.encode()
    assert not set("<>\"'") & set(escaped)
    assert len(select(parse(tag("p", escaped)), "*")) == 1


def test_what_no_page_can_carry_is_replaced() -> None:
    assert text("a\x00b\ud800c\x1b\x85d\n\t") == "a\ufffdb\ufffdc\ufffd\ufffdd\n\t"


def test_tag_writes_attributes() -> None:
    markup = tag("a", text("<x>"), class_="k", aria_label='"q"', open=True, href=None, hidden=False)
    assert markup == '<a class="k" aria-label="&quot;q&quot;" open>&lt;x&gt;</a>'
    assert tag("br", class_="b") == '<br class="b">'
    assert join(text("a"), text(""), text("b"), separator=text(", ")) == "a, b"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "java\nscript:alert(1)",
        " https://post.test/",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//post.test/x",
        "/relative",
        "https:",
        "https://",
        "http://[broken",
        "https://post.test/\u202egpj.exe",
        "https://post.test/a b",
        "",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    markup = render(make_answer(make_citation(link=url, url=url)))
    assert not select(parse(markup), "a")


def test_link_opens_the_original_apart_from_the_page() -> None:
    (link,) = select(parse(render(make_answer())), "a")
    assert link.get("href") == "https://post.test/bridge#:~:text=The%20bridge"
    assert link.get("target") == "_blank"
    assert link.get("rel") == "noopener noreferrer nofollow"
    assert link.text_content() == "Read the original at post.test"


def test_link_falls_back_to_the_plain_address() -> None:
    (link,) = select(parse(render(make_answer(make_citation(link="file:///a#b")))), "a")
    assert link.get("href") == "https://post.test/bridge"


def test_address_is_escaped() -> None:
    url = 'https://post.test/"onmouseover="x"&a=<b>'
    (link,) = select(parse(render(make_answer(make_citation(link=url)))), "a")
    assert link.get("href") == url
    assert "onmouseover" not in link.attrib


def test_address_of_a_sample_is_called_invented() -> None:
    markup = render(make_answer(make_citation(link="https://post.example/x")))
    assert content(markup, ".qa-original") == [
        "Read the original at post.example (invented: leads nowhere)"
    ]


# The quote in its passage


@given(st.text(), st.text(min_size=1), st.text())
def test_exactly_the_quote_is_marked(before: str, quote: str, after: str) -> None:
    """Whatever stands around it, the mark covers the quote's offsets, and no text is lost."""
    cited = replace(
        make_citation(),
        quote=quote,
        passage=before + quote + after,
        start=7 + len(before),
        end=7 + len(before) + len(quote),
        passage_start=7,
    )
    markup = rendering.render_passage(cited)
    assert markup.count("<mark>") == 1
    head, rest = markup.split("<mark>")
    marked, tail = rest.split("</mark>")
    assert marked == text(quote)
    assert _words(head) == _words(text(before))
    assert _words(tail) == _words(text(after))


def _words(markup: str) -> list[str]:
    return markup.replace(rendering.GAP, "\n\n").split()


@pytest.mark.parametrize("shift", [-200, -1, 1, 10_000])
def test_passage_stays_unmarked_where_offsets_do_not_fit(shift: int) -> None:
    cited = make_citation()
    shifted = replace(cited, start=cited.start + shift, end=cited.end + shift)
    markup = rendering.render_passage(shifted)
    assert "<mark>" not in markup
    assert content(markup, "") == [" ".join(cited.passage.split())]


def test_blank_lines_are_one_gap() -> None:
    cited = replace(make_citation(), passage="one\ntwo\n \n\n\tthree\n\nfour", quote="absent")
    assert len(select(parse(rendering.render_passage(cited)), ".qa-gap")) == 2


def test_rendering_is_quick_on_hostile_white_space() -> None:
    for run in ["\n" * 100_000, "\n " * 100_000, " " * 100_000 + "\n", "\n" + "\t" * 100_000 + "x"]:
        cited = replace(make_citation(), passage=run, quote="absent", title=run, source=run)
        with within(1):
            render(make_answer(cited))


# What stands where


def test_answer_shows_quote_outlet_date_headline_and_confidence() -> None:
    markup = render(make_answer())
    assert content(markup, "blockquote") == ["The bridge will cost £14.2m."]
    assert content(markup, "figcaption .qa-outlet") == ["Harbour Post"]
    assert content(markup, "figcaption time") == ["2 March 2025"]
    assert content(markup, "h3") == ["1 source"]
    assert content(markup, "figcaption cite") == ["Council approves the bridge, part 1"]
    assert content(markup, "figcaption .qa-number") == ["[1]"]
    assert content(markup, ".qa-confidence") == ["Very likely the answer 93%"]


def test_each_source_is_a_numbered_card_and_the_first_stands_open() -> None:
    cited = [make_citation(n) for n in range(1, 6)]
    markup = render(make_answer(*cited))
    cards = select(parse(markup), "details")
    assert [card.get("open") is not None for card in cards] == [True, False, False, False, False]
    assert content(markup, "summary .qa-number") == ["[1]", "[2]", "[3]", "[4]", "[5]"]
    assert content(markup, "h3") == ["5 sources"]
    assert len(content(markup, ".qa-answer-label")) == 1
    assert all(len(select(card, "mark")) == 1 for card in cards)


def test_other_outlets_with_the_story_are_named() -> None:
    markup = render(make_answer(make_citation(also_in=("Radio Tern", "The Gull"))))
    assert content(markup, ".qa-also") == ["Also in: Radio Tern, The Gull"]


def test_the_outlet_that_had_a_story_first_is_marked() -> None:
    cited = make_citation(also_in=("Radio Tern", "The Gull"), first_in="Radio Tern")
    assert content(render(make_answer(cited)), ".qa-also") == [
        "Also in: Radio Tern (first), The Gull"
    ]


def test_figures_that_differ_are_listed_with_outlet_day_and_card() -> None:
    """With an answer and without one; nothing is shown where nothing differs."""
    figures = (
        Figure(1, "12,000", "Gazette", "2025-08-18", "a", 0, 6),
        Figure(2, "18,000", None, None, "b", 0, 6),
    )
    for answer in (make_answer(figures=figures), make_no_answer(figures=figures)):
        assert content(render(answer), ".qa-figures li") == [
            "12,000 Gazette 18 August 2025 [1]",
            "18,000 [2]",
        ]
    assert not content(render(make_answer()), ".qa-figures")


def test_outlets_that_say_the_same_are_named() -> None:
    markup = render(make_answer(supported_by=("Radio Tern", "The Gull")))
    assert "Also reported by Radio Tern, The Gull" in content(markup, ".qa-chip")


def test_unknown_outlet_date_title_and_address_are_left_out() -> None:
    bare = make_citation(title=None, source=None, published=None, url=None, link=None)
    markup = render(make_answer(bare))
    assert content(markup, "cite") == ["Untitled article"]
    assert not select(parse(markup), "time, .qa-outlet, .qa-dot, .qa-card-foot")


def test_no_answer_says_so_and_why_and_shows_the_nearest() -> None:
    markup = render(make_no_answer(make_citation(1), make_citation(2)))
    assert content(markup, "h3") == ["Not in these articles", "The nearest articles"]
    assert content(markup, ".qa-reason") == ["No sentence answers this."]
    assert not select(parse(markup), "blockquote, .qa-confidence, .qa-answer-label, [open]")
    assert len(select(parse(markup), "details")) == 2


def test_no_answer_without_nearest_articles_and_without_reason() -> None:
    markup = render(make_no_answer(reason=None))
    assert content(markup, ".qa-reason") == ["No sentence in the articles answers this."]
    assert not select(parse(markup), "details, section, .qa-chip")


def test_answer_without_citations_still_shows_its_quote() -> None:
    answer = Answer("q", True, "quote", 0.6, None, (), Query("q", "q"))
    assert content(render(answer), "blockquote") == ["quote"]


def test_what_was_understood_stands_as_chips() -> None:
    query = Query(
        "q",
        "q",
        sources=("Harbour Post", "Radio Tern"),
        since="2025-03-01",
        until="2025-03-31",
        notices=("No article is older: the date was left out.",),
    )
    assert content(render(make_answer(query=query)), ".qa-chip")[1:] == [
        "Only Harbour Post, Radio Tern×",
        "1 March 2025 to 31 March 2025×",
        "No article is older: the date was left out.",
    ]


def test_what_a_notice_says_is_said_once() -> None:
    """A limit and its notice are one chip, in the notice's words."""
    query = Query(
        "q",
        "q",
        sources=("Harbour Post",),
        since="2025-03-01",
        until="2025-03-31",
        topic=("Quenby Bridge",),
        notices=(
            "Asking about: Quenby Bridge.",
            "Only Harbour Post, as before.",
            "Articles of March 2025.",
        ),
    )
    assert content(render(make_answer(query=query)), ".qa-chip")[1:] == [
        "Asking about: Quenby Bridge×",
        "Only Harbour Post, as before×",
        "Articles of March 2025×",
    ]


def test_every_chip_of_a_limit_says_what_its_button_takes_back() -> None:
    query = Query("q", "q", sources=("Harbour Post",), notices=("Only Harbour Post.",))
    (button,) = select(parse(render(make_answer(query=query))), "button.qa-remove")
    assert button.get("aria-label") == "Ask again without: Only Harbour Post"
    assert (button.get("data-qa"), button.get("data-kind")) == ("free", "sources")


def test_words_that_answer_are_marked_and_the_quote_stays_whole() -> None:
    quote = "The bridge will cost £14.2m <b>soon</b>."
    answer = make_answer(make_citation(quote=quote), question="How much will the bridge cost?")
    (shown,) = select(parse(render(answer)), "blockquote")
    assert shown.text_content() == quote
    assert [mark.text_content() for mark in select(shown, "mark")] == ["£14.2m"]


@pytest.mark.parametrize(
    ("published", "today", "said"),
    [
        ("2025-03-02", date(2025, 3, 2), "today"),
        ("2025-03-02", date(2025, 3, 3), "yesterday"),
        ("2025-03-02", date(2025, 3, 30), "28 days ago"),
        ("2025-03-02", date(2025, 4, 3), "1 month ago"),
        ("2025-03-02", date(2027, 3, 5), "2 years ago"),
        ("2025-03-02", date(2025, 3, 1), ""),
        ("in March", date(2025, 3, 1), ""),
    ],
)
def test_age_stands_beside_the_date(published: str, today: date, said: str) -> None:
    assert age(published, today) == said
    place = Place(today=today)
    markup = rendering.render_answer(make_answer(make_citation(published=published)), place)
    parts = content(markup, "figcaption .qa-byline")[0].split(" · ")
    assert parts[2:] == ([said] if said else [])


def test_feedback_is_offered_only_where_it_can_be_kept() -> None:
    shown = rendering.render_answer(make_answer(), Place(writable=True))
    assert {"good", "bad", "right"} <= {b.get("data-qa") for b in select(parse(shown), "button")}
    shown = rendering.render_answer(make_answer(), Place(writable=False))
    assert not {"good", "bad", "right"} & {b.get("data-qa") for b in select(parse(shown), "button")}


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (None, None, ""),
        ("2025-03-01", None, "Since 1 March 2025"),
        (None, "2025-03-01", "Until 1 March 2025"),
        ("2025-03-01", "2025-03-01", "1 March 2025"),
        ("2024-12-31", "2025-03-01", "31 December 2024 to 1 March 2025"),
    ],
)
def test_dates_in_words(since: str | None, until: str | None, words: str) -> None:
    assert rendering.dates_in_words(since, until) == words


@pytest.mark.parametrize(
    ("iso", "readable"),
    [
        ("2025-03-02", "2 March 2025"),
        ("1999-12-31", "31 December 1999"),
        ("2025-02-30", "2025-02-30"),
        ("2025-03", "2025-03"),
        ("last week", "last week"),
        ("", ""),
    ],
)
def test_readable_date(iso: str, readable: str) -> None:
    assert rendering.readable_date(iso) == readable


def test_machine_date_is_given_only_where_there_is_one() -> None:
    good = select(parse(render(make_answer())), "time")[0]
    odd = select(parse(render(make_answer(make_citation(published="spring")))), "time")[0]
    assert good.get("datetime") == "2025-03-02"
    assert odd.get("datetime") is None


@pytest.mark.parametrize(
    ("confidence", "level"),
    [(1.0, "high"), (0.9, "high"), (0.89, "good"), (0.75, "good"), (0.5, "fair"), (0.49, "low")],
)
def test_confidence_in_words(confidence: float, level: str) -> None:
    assert rendering.confidence_words(confidence)[1] == level


@pytest.mark.parametrize("confidence", [0.0, -1.0, float("nan")])
def test_worst_confidence_has_words(confidence: float) -> None:
    assert rendering.confidence_words(confidence) == ("An uncertain answer", "low")


def test_long_question_is_cut_where_it_is_repeated() -> None:
    markup = rendering.render_question("q" * 1_000_000)
    assert len(markup) < 2 * rendering.QUESTION_SHOWN
    assert "…" in markup


# The archive, described


def test_samples_are_called_invented_with_the_way_out() -> None:
    note = content(rendering.render_collection(Holdings(), samples=True), "p")[0]
    assert "all invented" in note
    assert "qa index FOLDER" in note
    assert "Invented sample" in rendering.render_masthead(Holdings(), samples=True)


def test_other_archives_are_described() -> None:
    markup = rendering.render_collection(Holdings(), samples=False)
    assert content(markup, "") == [
        "In this archive: 64 articles from Harbour Post and Radio Tern,"
        " 2 April 2024 to 1 April 2025."
    ]
    assert "nvented" not in rendering.render_masthead(Holdings(), samples=False)


def test_empty_archive_says_how_to_fill_it() -> None:
    held = Holdings(articles=0, sources=(), first=None, last=None)
    assert "qa index FOLDER" in rendering.render_collection(held, samples=False)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "1,234 articles"),
        (["A"], "1,234 articles from A"),
        (["A", "B"], "1,234 articles from A and B"),
        (["A", "B", "C"], "1,234 articles from A, B and C"),
        (["A", "B", "C", "D"], "1,234 articles from A, B, C and one more"),
        (["A", "B", "C", "D", "E"], "1,234 articles from A, B, C and 2 more"),
    ],
)
def test_outlets_are_named_and_counted(names: list[str], words: str) -> None:
    held = Holdings(1234, tuple((name, 1) for name in names), None, None)
    assert rendering.describe(held) == words


def test_one_article_is_one() -> None:
    assert rendering.describe(Holdings(1, (), None, None)) == "1 article"


def test_citation_fake_slices_back() -> None:
    """The fakes keep the contract of the records, or the tests above would say little."""
    cited = make_citation()
    assert cited.quote_in_passage.of(cited.passage) == cited.quote
