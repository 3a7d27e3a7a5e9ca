"""Cleaning marks spans of a text; it finds headline, date and byline and drops the furniture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.cleaning import clean
from corpus.readers import read_file
from corpus.records import Article, Span
from tests.pace import within

BENCH = Path(__file__).parents[2] / "shared" / "bench"
SEED = BENCH / "seed" / "000_5726d6a920990b83.txt"
ONE = "The council voted on Monday to close the old bridge for a year."
TWO = "Traders in the market street said that they had not been asked."
THREE = "The mayor said the work would cost 2.4 million and start in May."


def cleaned(*lines: str, title: str | None = None) -> Article:
    """Return the article of these lines after cleaning."""
    return clean(Article(id="a", text="\n".join(lines), title=title))


def page(*furniture: str) -> Article:
    """Return a cleaned page with the given lines between its second and third paragraph."""
    return cleaned("Bridge to close for a year", "", ONE, "", TWO, "", *furniture, "", THREE)


@pytest.mark.parametrize(
    "line",
    [
        "Advertisement",
        "ADVERTISEMENT",
        "Share",
        "Share this article",
        "Read more",
        "Read more: Bridge repairs delayed again",
        "Read more about the bridge",
        "READ MORE: Bridge repairs delayed again",
        "Related: Traders fear for Christmas",
        "See also: Traders fear for Christmas",
        "Image source, Getty Images",
        "Image caption, The bridge in 2019",
        "Media caption, Watch the mayor speak",
        "A bridge over a river, seen from above.Image source, Getty Images",
        "Photo: Jane Doe/Reuters",
        "AFP/Getty Images",
        "Getty Images",
        "This video can not be played",
        "To play this video you need to enable JavaScript in your browser.",
        "Sign up for our newsletter and get the news every morning",
        "Get our daily newsletter in your inbox",
        "Follow us on Twitter and Facebook",
        "Follow Jane Doe on Twitter: @janedoe",
        "We use cookies to improve your experience. Accept all or manage your choices.",
        "Accept all cookies",
        "Skip to main content",
        "© 2023 BBC. The BBC is not responsible for the content of external sites.",
        "Copyright 2010 Reuters. All rights reserved.",
        "E-mail to a friend",
        "Watch the mayor explain the plan »",
        "3 min read",
        "14:05 GMT",
        "2 hours ago",
        "Published 2 March 2023",
        "* * *",
        "__________",
        "CNN —",
    ],
)
def test_furniture_is_in_no_span(line: str) -> None:
    """A line of furniture between paragraphs is dropped, the paragraphs around it are kept."""
    assert page(line).clean_text.split("\n\n") == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    "line",
    [
        "Share prices fell by a third after the mayor spoke.",
        "Follow the money, the auditor told the council.",
        "Watch the river, she said, and it will tell you everything.",
        "Published reports had put the cost at 1.2 million.",
        "By Tuesday the bridge was closed.",
        "Related talks took place in the town hall.",
        "Read the small print, he said.",
        "Photographs of the bridge show cracks in three places.",
        "2 March 2023 was a cold day.",
        "March 2, 2021",
        "1930",
        "100",
        "What happens next?",
        "Learn more about the people who were essential to the early years of the bridge, he said.",
        "Get out of my town, the mayor told the inspector.",
        "The image source, he said, was a drone.",
        "See you in court!",
        "• The bridge was built in 1930",
        "Sign up sheets hung on every door of the school.",
        "Like many traders, she had no warning.",
    ],
)
def test_the_story_stays(line: str) -> None:
    """A line that may be the story's is kept, also where it starts as furniture does."""
    assert page(line).clean_text.replace("\n\n", "|") == "|".join((ONE, TWO, line, THREE))


def test_caption_goes_with_the_line_that_announces_it() -> None:
    """The line after "Image caption," is a caption; the paragraph after that one stays."""
    article = page("Image caption,", "", "Jane Doe (left) and Ann Bell (right) last met in 2022")
    assert article.clean_text.split("\n\n") == [ONE, TWO, THREE]


def test_lists_of_other_stories_go_up_to_the_next_sentence() -> None:
    """Headlines under "More on this story" are dropped; the sentence after them stays."""
    article = page("More on this story", "", "Bridge repairs delayed", "Who pays for the bridge?")
    assert article.clean_text.split("\n\n") == [ONE, TWO, THREE]


def test_a_list_at_the_end_goes_whole() -> None:
    """Related links at the end of a page are dropped to the last one."""
    article = cleaned(ONE, "", TWO, "", "Related stories", "Bridge repairs delayed", "Fears grow")
    assert article.clean_text.split("\n\n") == [ONE, TWO]


def test_prompt_inside_a_paragraph_is_cut_out() -> None:
    """CNN's "Watch ... »" at the end of a paragraph goes, its sentences stay."""
    article = cleaned("Bridge to close for a year", "", f"{ONE} Watch the mayor speak »", "", TWO)
    assert [span.of(article.text) for span in article.kept] == [ONE, TWO]


def test_headline_date_and_byline_are_read_off() -> None:
    """Headline, byline, role and dates above the story become fields and are in no span."""
    article = cleaned(
        "BBC News",
        "",
        "Bridge to close for a year",
        "By Jane Doe and Ann Bell, BBC News",
        "Published 2 March 2023",
        "Updated 3 March 2023, 14:05 GMT",
        "",
        ONE,
        "",
        TWO,
    )
    assert article.title == "Bridge to close for a year"
    assert article.authors == ("Jane Doe", "Ann Bell")
    assert (article.published, article.updated) == ("2023-03-02", "2023-03-03")
    assert article.clean_text.split("\n\n") == [ONE, TWO]


@pytest.mark.parametrize(
    ("lines", "published", "updated"),
    [
        (("March 2, 2023",), "2023-03-02", None),
        (("Thursday, 2 March 2023, 14:05 GMT",), "2023-03-02", None),
        (("  • Published", "2 March 2023"), "2023-03-02", None),
        (("Published: March 2, 2023 | Updated: March 3, 2023",), "2023-03-02", "2023-03-03"),
        (("Last updated on 3 March 2023",), None, "2023-03-03"),
        (("2 hours ago",), None, None),
    ],
)
def test_dates_above_the_story(
    lines: tuple[str, ...], published: str | None, updated: str | None
) -> None:
    """A stamp above the story gives the date of publication or update, and is in no span."""
    article = cleaned("Bridge to close for a year", *lines, "", ONE, "", TWO)
    assert (article.published, article.updated) == (published, updated)
    assert article.clean_text.split("\n\n") == [ONE, TWO]


def test_a_bare_date_inside_the_story_is_no_publication_date() -> None:
    """A date as a heading of a timeline stays, and says nothing about publication."""
    article = page("2 March 2021")
    assert article.published is None
    assert "2 March 2021" in article.clean_text


@pytest.mark.parametrize(
    "first",
    [
        ONE,
        "LONDON, England (CNN) -- The council voted",
        "the bridge is closed to cars",
        "Bridge:",
        "Bridge closed",
    ],
)
def test_a_first_line_that_is_no_headline_stays(first: str) -> None:
    """A sentence, a dateline, a small letter or a word or two is not taken as the headline."""
    article = cleaned(first, "", TWO, "", THREE)
    assert article.title is None
    assert article.clean_text.startswith(first)


def test_a_wrapped_paragraph_has_no_headline_and_no_furniture() -> None:
    """In text wrapped at a column, lines are parts of sentences and all are kept."""
    article = cleaned(
        "The council of the town voted on Monday evening to close the old",
        "share of the bridge that carries cars and to spend the money on",
        "read more rooms in the schools, as the mayor had promised in May.",
    )
    assert article.title is None
    assert article.kept == (Span(0, len(article.text)),)


def test_metadata_counts_before_what_the_text_says() -> None:
    """Fields that are set stay; a first line that repeats the known title is in no span."""
    before = Article(
        id="a",
        text=f"Bridge to Close — for a year\n\n2 March 2023\n\n{ONE}",
        title="Bridge to close for a year",
        published="2023-01-01",
    )
    after = clean(before)
    assert (after.title, after.published) == (before.title, before.published)
    assert after.clean_text == ONE


def test_a_known_title_that_differs_leaves_the_first_line() -> None:
    """Where the title is known and the first line is another, that line stays in the story."""
    article = cleaned("Bridge to close for a year", "", ONE, title="Town news of the week")
    assert article.clean_text.startswith("Bridge to close")


def test_dateline_names_the_source_and_stays() -> None:
    """A dateline names the outlet of an article without one, and stays in the text."""
    text = f"LONDON, England (CNN) -- {ONE}"
    article = cleaned(text, "", TWO)
    assert article.source == "CNN"
    assert article.clean_text.startswith(text)


def test_spans_of_a_reader_are_respected() -> None:
    """What a reader left out stays out."""
    text = f"{ONE}\n\n<!-- {TWO} -->\n\n{THREE}"
    cut = (Span(0, len(ONE)), Span(text.index(THREE), len(text)))
    assert clean(Article(id="a", text=text, kept=cut)).clean_text.split("\n\n") == [ONE, THREE]


@pytest.mark.parametrize("text", ["Share", "Bridge to close for a year\n\nShare", "© 2023 BBC"])
def test_a_text_of_nothing_but_furniture_is_kept_whole(text: str) -> None:
    """Cleaning never leaves an article without words."""
    assert clean(Article(id="a", text=text)).clean_text == text


def test_cleaning_twice_changes_nothing() -> None:
    """Cleaning is idempotent: a second pass finds the same spans and fields."""
    once = page("Read more", "Image caption,", "The bridge in 2019")
    assert clean(once) == once


LINES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            *("Read more", "Image caption,", "Related topics", "2 March 2023", "By Ann Bell", ONE),
            *("• Published", "Watch this »", f"{TWO} See it »", "Image source, X", "© 2020 The X"),
        ]
    ),
)
ENDS = st.sampled_from(["\n", "\n\n", "\r\n", "\r", " ", "\u2028", "\n \n"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.one_of(st.none(), LINES))
def test_spans_are_ordered_disjoint_and_inside(
    parts: list[tuple[str, str]], title: str | None
) -> None:
    """For any text the kept spans are in order, disjoint, not blank, and the text is untouched."""
    text = "".join(line + end for line, end in parts)
    article = clean(Article(id="a", text=text, title=title))
    assert article.text == text
    assert bool(article.kept) == bool(text.strip())
    at = 0
    for span in article.kept:
        assert at <= span.start < span.end <= len(text)
        assert span.of(text).strip() == span.of(text) or len(article.kept) == 1
        at = span.end


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a ",
            "Watch ",
            "Watch a»",
            "1 ",
            "11:11 ",
            "\n",
            "=\n",
            "a\n",
            "Image source, ",
            "By A ",
        ),
        *(
            "Related\n",
            "Image caption,\n",
            "Published\n",
            "•",
            "\r",
            "© 2020 A ",
            "Jan ",
            "» ",
            ".",
        ),
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """A hundred thousand hostile characters, on one line or many, take less than a second."""
    text = (unit * 100_000)[:100_000]
    for hostile in (text, f"{ONE}\n\n{text}\n\n{text[:250]}"):
        with within(1):
            clean(Article(id="a", text=hostile))


def test_a_million_characters_take_linear_time() -> None:
    """A text of a million characters is cleaned in a few seconds at most."""
    text = "\n\n".join([ONE, "Read more", TWO, "Image caption,", THREE] * 5_000)
    with within(3):
        article = clean(Article(id="a", text=text[:1_000_000]))
    assert "Read more" not in article.clean_text


@pytest.mark.bench
@pytest.mark.skipif(not SEED.exists(), reason="../shared/bench is not there")
def test_the_seed_page() -> None:
    """Of the copied BBC page all paragraphs are kept, and none of the furniture."""
    article = clean(read_file(SEED).articles[0])
    assert article.title == (
        "Antony Blinken and Sergei Lavrov meet for first time since Ukraine war"
    )
    paragraphs = article.clean_text.split("\n\n")
    assert paragraphs[0].startswith("US Secretary of State Antony Blinken has told")
    assert paragraphs[-1].endswith("and two-thirds of its population.")
    assert len(paragraphs) == 18
    for furniture in ("Image", "Related", "Published", "last met in Geneva in January 2022", "(L)"):
        assert furniture not in article.clean_text


@pytest.mark.bench
@pytest.mark.skipif(not BENCH.exists(), reason="../shared/bench is not there")
def test_no_gold_span_is_dropped() -> None:
    """Of the 1,597 gold spans of newsqa none lies in what cleaning drops."""
    articles = {a.id: clean(a) for a in read_file(BENCH / "newsqa" / "articles.jsonl").articles}
    lost = [
        relevant
        for line in (BENCH / "newsqa" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
        for relevant in json.loads(line)["relevant"]
        if not any(
            span.contains(Span(relevant["start"], relevant["end"]))
            for span in articles[relevant["article"]].kept
        )
    ]
    assert lost == []


LIVE = """Flood waters rise in Kelderwick

Live Reporting
Edited by Jane Doe and Ann Bell
Key events
Show key events only
Please turn on JavaScript to use this feature

14:05 GMT
Water reaches the market hall
The water reached the market hall shortly before two, the fire service said.
From CNN's Jane Doe and Ann Bell
Share this post
Copied

3h ago 13.40 GMT
Updated at 13.52 GMT
The mayor asked everyone in the lower town to leave their homes at once.

1 hr 5 min ago
Posted at 12:15 2 March
Trains to the coast stopped at noon, and no buses run in their place.

Summary
On 5 March 2019 the same streets stood under water for a whole week.
Load more updates
"""


def test_live_pages_lose_their_stamps() -> None:
    """Of a live page the entries stay, in order, without clocks, bylines and buttons."""
    article = cleaned(LIVE)
    assert article.clean_text.split("\n") == [
        "Water reaches the market hall",
        "The water reached the market hall shortly before two, the fire service said.",
        "",
        "The mayor asked everyone in the lower town to leave their homes at once.",
        "",
        "Trains to the coast stopped at noon, and no buses run in their place.",
        "",
        "On 5 March 2019 the same streets stood under water for a whole week.",
    ]


@pytest.mark.parametrize("line", ["5 March", "Analysis of the vote", "Live music returns"])
def test_headings_that_look_like_stamps_stay(line: str) -> None:
    """A day by itself, and words that only begin like a button, are headings of the story."""
    first = "The water reached the market hall shortly before two, the fire service said."
    assert line in cleaned(f"{first}\n\n{line}\n\n{first}\n").clean_text
