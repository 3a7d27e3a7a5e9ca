"""What is no whole article is named and not read: paywalls' beginnings, and lists of stories."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.readers import read_file
from tests import article_files as files

BEGINNING = files.PARAGRAPHS[0]
LD = '<script type="application/ld+json">{{"@type": "NewsArticle", {}}}</script>'
NOT_FREE = LD.format('"isAccessibleForFree": "False"')


def page(body: str, head: str = "") -> str:
    """Return a page of an outlet."""
    return (
        f"<html><head><title>Bridge to close | The Herald</title>{head}</head><body>"
        f"<h1>Bridge to close</h1>{body}</body></html>"
    )


def reason(folder: Path, name: str, text: str) -> str:
    """Return why a file is not read, or nothing where it is."""
    (folder / name).write_text(text, "utf-8")
    source = read_file(folder / name)
    assert bool(source.articles) != bool(source.failures)
    return source.failures[0].reason if source.failures else ""


@pytest.mark.parametrize(
    "notice",
    [
        "Subscribe to continue reading",
        "To continue reading this article, log in or take out a subscription.",
        "This article is for subscribers only.",
        "Already a subscriber? Sign in",
        "Create a free account to read the rest of the story",
        "You have reached your limit of free articles this month.",
        "You have 2 articles left this month",
        "Register for free to unlock this article",
        "This content is only available to premium members",
    ],
)
def test_a_beginning_before_a_paywall_is_named(tmp_path: Path, notice: str) -> None:
    """A short text under which the page asks for a subscription is reported, page and copy."""
    body = f"<article><p>{BEGINNING}</p></article><div class='wall'><p>{notice}</p></div>"
    assert "paywall" in reason(tmp_path, "a.html", page(body))
    assert "paywall" in reason(tmp_path, "a.txt", f"Bridge to close\n\n{BEGINNING}\n\n{notice}\n")
    assert "paywall" in reason(tmp_path, "a.md", f"# Bridge to close\n\n{BEGINNING}\n\n{notice}\n")


@pytest.mark.parametrize(
    "head",
    [
        NOT_FREE,
        LD.format('"isAccessibleForFree": false'),
        LD.format('"isAccessibleForFree": "http://schema.org/False"'),
        '<meta property="article:content_tier" content="locked">',
    ],
)
def test_a_page_that_says_it_is_not_free(tmp_path: Path, head: str) -> None:
    """A short text on a page that declares the article as paid for is reported."""
    assert "paywall" in reason(tmp_path, "a.html", page(f"<p>{BEGINNING}</p>", head))


def test_a_page_that_counts_more_words_than_it_shows(tmp_path: Path) -> None:
    """A long beginning is reported where the page counts many more words in the article."""
    head = LD.format('"isAccessibleForFree": false, "wordCount": 2400')
    body = "".join(f"<p>{paragraph}</p>" for paragraph in files.PARAGRAPHS * 4)
    assert "paywall" in reason(tmp_path, "a.html", page(body, head))


def test_whole_articles_of_outlets_with_paywalls_are_read(tmp_path: Path) -> None:
    """A page saved while signed in is whole though it says that it is not free."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in files.PARAGRAPHS * 4)
    assert reason(tmp_path, "a.html", page(f"{body}<p>Already a subscriber?</p>", NOT_FREE)) == ""
    counted = LD.format('"isAccessibleForFree": false, "wordCount": 360')
    open_end = f"{body}<p>What else is planned</p><p>Already a subscriber?</p>"
    assert reason(tmp_path, "a.html", page(open_end, counted)) == ""


def test_short_articles_are_read(tmp_path: Path) -> None:
    """A short text is an article where nothing speaks of a paywall; nor does a story about one."""
    about = "The club lets members only into its hall, and a subscriber reads more than others do."
    for name, text in (("a.txt", f"{BEGINNING}\n\n{about}"), ("a.html", page(f"<p>{BEGINNING}"))):
        assert reason(tmp_path, name, text) == ""


def test_what_a_site_asks_of_every_reader_counts_not(tmp_path: Path) -> None:
    """A request to subscribe above a short article, or on one declared as free, is no paywall."""
    asked = "<p>Already a subscriber? Sign in. Subscribe to unlock this article and others.</p>"
    body = f"<article><p>{BEGINNING}</p></article>"
    assert reason(tmp_path, "a.html", page(f"{asked}{body}")) == ""
    free = LD.format('"isAccessibleForFree": true')
    assert reason(tmp_path, "a.html", page(f"{body}{asked}", free)) == ""
    assert "paywall" in reason(tmp_path, "a.html", page(f"{body}{asked}"))


def listing(stories: int, teaser: str = "Officials said on Monday that work begins soon.") -> str:
    """Return the body of a page that lists stories."""
    return "".join(
        f'<div><h3><a href="/{n}">The council of ward {n} votes on its budget</a></h3>'
        f"<p>{teaser}</p></div>"
        for n in range(stories)
    )


def test_a_page_that_lists_stories_is_named(tmp_path: Path) -> None:
    """Headlines with a teaser each are no article; also where a card is a link as a whole."""
    cards = "".join(
        f'<a href="/{n}"><h3>The council of ward {n} votes on its budget</h3>'
        "<p>Officials said on Monday that work begins soon.</p></a>"
        for n in range(20)
    )
    for body in (listing(20), cards):
        assert "lists stories" in reason(tmp_path, "a.html", page(body))


def test_an_article_among_links_is_read(tmp_path: Path) -> None:
    """Thirty related headlines under a story change nothing, whether or not it declares itself."""
    story = "".join(f"<p>{paragraph}</p>" for paragraph in files.PARAGRAPHS)
    declared = '<meta property="og:type" content="article">'
    assert reason(tmp_path, "a.html", page(f"<article>{story}</article>{listing(30)}")) == ""
    short = page(f"<article><p>{BEGINNING}</p></article>{listing(30)}", declared)
    assert reason(tmp_path, "a.html", short) == ""


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Just a moment...", "Please enable JavaScript and cookies to continue, then try again."),
        ("The Herald", "Verifying that you are human. This may take a few seconds."),
        ("Access Denied", "You have no permission to see this on this server. Reference 18."),
        ("404 Not Found", "Nothing was found under this address, try the search."),
        ("The Herald", "The page you requested has moved, or was never there."),
        ("Home", "Home"),
    ],
)
def test_what_servers_show_instead_is_named(tmp_path: Path, title: str, text: str) -> None:
    """Checks for robots, errors and empty pages are no articles."""
    markup = f"<html><head><title>{title}</title></head><body><p>{text}</p></body></html>"
    assert "no article" in reason(tmp_path, "a.html", markup)


def test_scripts_without_spaces_are_not_taken_for_empty(tmp_path: Path) -> None:
    """A page in Chinese has no spaces, and words all the same."""
    text = "市议会周一晚上投票决定关闭老桥整整一年，因为政府发现桥墩对公共汽车不再安全。"
    assert reason(tmp_path, "a.html", page(f"<p>{text}</p>")) == ""
