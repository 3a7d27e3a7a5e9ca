"""HTML: the article in the page, and what the page says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus.cleaning import clean
from corpus.readers import read_file
from corpus.readers.restoring import restored
from corpus.records import PLACES, Article, SourceFile
from tests.article_files import WRITERS
from tests.pace import within

ONE = "The council voted on Monday evening to close the old bridge for a whole year."
TWO = "Traders in the market street said that they had not been asked about the plan."
THREE = "The mayor said the work would cost 2.4 million and start in the first week of May."
BODY = f"""
<nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article><h1>Bridge to close for a year</h1>
<p>{ONE}</p><p>{TWO}</p>
<figure><img src="a.jpg" alt="The bridge"><figcaption>The bridge in 2019</figcaption></figure>
<p>{THREE}</p></article>
<aside><a href="/b">Another story</a></aside><footer>Privacy policy</footer>
"""
LINKED = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "WebSite", "name": "Nothing"},
        {
            "@type": ["NewsArticle", "Report"],
            "headline": "Bridge to close &amp; reopen",
            "datePublished": "2023-03-02T22:00:00-05:00",
            "dateModified": "2023-03-03T09:00:00Z",
            "author": [{"@type": "Person", "name": "Jane Doe"}, {"name": "Ann Bell"}],
            "publisher": {"@type": "Organization", "name": "The Herald"},
            "mainEntityOfPage": {"@id": "https://herald.example/bridge"},
        },
    ],
}


def read(folder: Path, data: str | bytes, name: str = "a.html") -> SourceFile:
    """Write a file and read it."""
    place = folder / name
    place.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_file(place)


def page(folder: Path, head: str = "", body: str = BODY) -> Article:
    """Return the article of a page without failures."""
    source = read(folder, f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>")
    assert source.failures == ()
    return source.articles[0]


def json_ld(value: object) -> str:
    """Return a script element with JSON-LD."""
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


def meta(**tags: str) -> str:
    """Return meta elements; two underscores in a name stand for a colon."""
    return "".join(
        f'<meta property="{name.replace("__", ":")}" content="{content}">'
        for name, content in tags.items()
    )


def test_the_text_is_the_article_in_paragraphs(tmp_path: Path) -> None:
    """Paragraphs are parted by blank lines; menus, captions and footers are not in the text."""
    paragraphs = page(tmp_path).text.split("\n\n")
    assert [text for text in paragraphs if text != "Bridge to close for a year"] == [
        ONE,
        TWO,
        THREE,
    ]


def test_a_paragraph_that_comes_again_stays(tmp_path: Path) -> None:
    """A sentence that the article repeats later is kept both times."""
    body = f"<article><p>{ONE}</p><p>{TWO}</p><p>{THREE}</p><p>{ONE}</p></article>"
    assert page(tmp_path, body=body).text.count(ONE) == 2


def test_json_ld(tmp_path: Path) -> None:
    """JSON-LD of a news article gives every field, and counts before OpenGraph."""
    found = page(
        tmp_path,
        meta(og__title="Other", article__published_time="2020-01-01") + json_ld(LINKED),
    )
    assert found.title == "Bridge to close & reopen"
    assert (found.published, found.updated) == ("2023-03-02", "2023-03-03")
    assert found.authors == ("Jane Doe", "Ann Bell")
    assert found.source == "The Herald"
    assert found.id == found.url == "https://herald.example/bridge"


@pytest.mark.parametrize("script", ['{"a": ', "[" * 50_000, "null", '"x"', '[{"@type": 3}]'])
def test_broken_json_ld_is_passed_over(tmp_path: Path, script: str) -> None:
    """JSON-LD that cannot be read costs nothing: OpenGraph counts then."""
    head = f'<script type="application/ld+json">{script}</script>' + meta(og__title="Bridge")
    assert page(tmp_path, head).title == "Bridge"


def test_open_graph_and_meta_tags(tmp_path: Path) -> None:
    """OpenGraph and meta tags give what JSON-LD does not."""
    found = page(
        tmp_path,
        meta(
            og__title="Bridge to close - The Herald",
            og__site_name="The Herald",
            og__url="https://herald.example/bridge?id=1#top",
            article__published_time="2023-03-02T10:00:00Z",
            article__modified_time="2023-03-03T10:00:00Z",
            author="By Jane Doe",
        ),
    )
    assert (found.title, found.source) == ("Bridge to close", "The Herald")
    assert (found.published, found.updated) == ("2023-03-02", "2023-03-03")
    assert found.authors == ("Jane Doe",)
    assert found.url == "https://herald.example/bridge?id=1"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Bridge to close - BBC News", "Bridge to close"),
        ("Bridge to close | BBC", "Bridge to close"),
        ("BBC News | Bridge to close", "Bridge to close"),
        ("Bridge to close – who pays?", "Bridge to close – who pays?"),
        ("Bridge - closed - BBC News", "Bridge - closed"),
        ("BBC News", "BBC News"),
    ],
)
def test_titles_lose_the_outlet_and_nothing_else(tmp_path: Path, title: str, expected: str) -> None:
    """The outlet's name at an end of the title goes, other parts stay."""
    head = f"<title>{title}</title>" + meta(og__site_name="BBC News")
    body = BODY.replace("h1>", "h2>")
    assert page(tmp_path, head, body).title == expected


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("", '<p><time datetime="2023-03-02T10:00">2 hours ago</time></p>'),
        ("", "<p><time>March 2, 2023</time></p>"),
        ('<meta itemprop="datePublished" content="2023-03-02">', ""),
        ('<link rel="canonical" href="https://a.example/2023/03/02/bridge">', ""),
        ('<link rel="canonical" href="https://a.example/2023/mar/02/bridge">', ""),
    ],
)
def test_other_places_of_the_date(tmp_path: Path, head: str, body: str) -> None:
    """The date is found in <time>, in itemprop and in the address."""
    assert page(tmp_path, head, body + BODY).published == "2023-03-02"


def test_the_host_is_the_outlet_of_a_page_without_one(tmp_path: Path) -> None:
    """An address names the outlet where nothing else does."""
    head = '<link rel="canonical" href="https://www.herald.example/bridge">'
    found = page(tmp_path, head)
    assert (found.source, found.url) == ("herald.example", "https://www.herald.example/bridge")


@pytest.mark.parametrize(
    "href", ["https://herald.example/", "/bridge", "javascript:x", "http://[", ""]
)
def test_what_is_no_address_of_an_article_is_not_taken(tmp_path: Path, href: str) -> None:
    """A front page, a relative or broken address is none: the article's id is its path."""
    found = page(tmp_path, f'<link rel="canonical" href="{href}">')
    assert found.url is None
    assert found.id == str(tmp_path / "a.html")


def test_a_page_that_a_browser_saved(tmp_path: Path) -> None:
    """The comment that browsers write names the address, also for a relative canonical link."""
    saved = "<!-- saved from url=(0029)https://herald.example/bridge -->"
    source = read(tmp_path, f"<!DOCTYPE html>\n{saved}\n<html><body>{BODY}</body></html>")
    assert source.articles[0].url == "https://herald.example/bridge"


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("windows-1251", "cp1251"), ("iso-8859-1", "cp1252"), ("shift_jis", "cp932"), ("x", "utf-8")],
)
def test_the_declared_charset_counts(tmp_path: Path, charset: str, encoding: str) -> None:
    """A page is decoded as it declares; where it declares nonsense, as UTF-8."""
    word = {"cp1251": "мост", "cp1252": "café “so”", "cp932": "東京", "utf-8": "東京 мост"}[
        encoding
    ]
    html = f'<meta charset="{charset}"><article><p>{word} {ONE}</p><p>{TWO} {THREE}</p></article>'
    source = read(tmp_path, html.encode(encoding))
    assert source.articles[0].text.startswith(word)
    assert source.warnings == ()


def test_utf8_counts_before_a_wrong_declaration(tmp_path: Path) -> None:
    """A page saved as UTF-8 that still declares Latin-1 is read as UTF-8."""
    html = f'<meta charset="iso-8859-1"><article><p>Café {ONE}</p><p>{TWO} {THREE}</p></article>'
    assert read(tmp_path, html).articles[0].text.startswith("Café")


@pytest.mark.parametrize(
    "html",
    ["<html></html>", "<html><body><script>var a = 1</script></body></html>", "<!-- -->"],
)
def test_a_page_without_an_article(tmp_path: Path, html: str) -> None:
    """A page without text is one failure that says what was expected."""
    source = read(tmp_path, html)
    assert source.articles == ()
    assert len(source.failures) == 1
    assert "expected" in source.failures[0].reason


@pytest.mark.parametrize(
    "html",
    [
        "<b></b>" * 200_000,
        "<div>" * 100_000,
        "<p>" * 200_000,
        "<" * 1_000_000,
        "<a " + "x=1 " * 100_000,
        "<!--" * 200_000,
        "<table>" * 50_000,
        "<script>" * 100_000,
        "&" * 500_000,
    ],
    ids=lambda html: html[:8],
)
def test_pathological_pages_are_refused_quickly(tmp_path: Path, html: str) -> None:
    """Pages of nothing but tags or marks take under two seconds and bring a reason."""
    with within(2):
        source = read(tmp_path, html)
    assert source.articles or source.failures


def test_entities_are_not_loaded(tmp_path: Path) -> None:
    """External and exploding entities in XHTML are not resolved."""
    (tmp_path / "secret").write_text("the secret", encoding="utf-8")
    doctype = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    html = f'<?xml version="1.0"?>{doctype}<html><body>{BODY}<p>&x; {ONE}</p></body></html>'
    source = read(tmp_path, html, "a.xhtml")
    assert all("the secret" not in article.text for article in source.articles)


def test_json_ld_puts_lost_paragraphs_back(tmp_path: Path) -> None:
    """Paragraphs that the extraction loses come back where the page's JSON-LD text has them."""
    lost = [f"{THREE} This is paragraph {n} of the report on it." for n in range(8)]
    sentences = [*(f"{ONE} It was vote {n}." for n in range(6)), *lost]
    body = "".join(f"<p>{text}</p>" for text in sentences[:6])
    aside = "".join(f'<div class="comments-list"><p>{text}</p></div>' for text in lost)
    linked = {"@type": "NewsArticle", "articleBody": "".join(sentences)}
    without = page(tmp_path, "", f"<article>{body}</article>{aside}").text
    found = page(tmp_path, json_ld(linked), f"<article>{body}</article>{aside}").text
    assert lost[0] not in without
    assert found.split("\n\n") == sentences


@pytest.mark.parametrize("stated", ["x" * 5_000, ONE, "", [ONE], None])
def test_a_stated_text_of_something_else_changes_nothing(tmp_path: Path, stated: object) -> None:
    """JSON-LD text that is short, another's or no text leaves the extraction as it is."""
    linked = {"@type": "NewsArticle", "articleBody": stated}
    assert page(tmp_path, json_ld(linked)).text == page(tmp_path).text


def test_only_words_of_the_page_are_restored() -> None:
    """What JSON-LD states and the page does not show is not in the text."""
    found = [f"{ONE} It was vote {n}." for n in range(10)]
    stated = " ".join([*found, "Words that no reader of this page can see. " * 40])
    assert list(restored(found, found, stated)) == found


def test_where_each_field_was_found_is_noted(tmp_path: Path) -> None:
    """Each field says where it comes from: JSON-LD, meta tags, the page, its address, its text."""
    linked = '{"@type": "NewsArticle", "headline": "T of the story", "dateModified": "2023-03-05"}'
    place = tmp_path / "a.html"
    place.write_text(
        f'<html><head><script type="application/ld+json">{linked}</script>'
        '<meta name="author" content="Jane Doe">'
        '<link rel="canonical" href="https://herald.example/2023/03/02/bridge"></head>'
        "<body><p>The council voted on Monday evening to close the old bridge for a year.</p>"
        "<p>Traders in the market street said that they had not been asked.</p></body></html>",
        "utf-8",
    )
    assert dict(read_file(place).articles[0].stated) == {
        "title": "json-ld",
        "updated": "json-ld",
        "authors": "meta",
        "url": "page",
        "published": "url",
        "source": "url",
    }


@pytest.mark.parametrize(
    ("name", "title", "published"),
    [
        ("a.html", "page", "meta"),
        ("a.pdf", "text", "text"),
        ("a.docx", "text", "document"),
        ("a.rtf", "document", "document"),
        ("a.eml", "mail", "mail"),
        ("a.atom", "feed", "feed"),
        ("a.warc", "page", "meta"),
    ],
)
def test_every_reader_notes_where(tmp_path: Path, name: str, title: str, published: str) -> None:
    """Title and date of each format say where they stand in it."""
    (tmp_path / name).write_bytes(WRITERS[name]())
    stated = dict(read_file(tmp_path / name).articles[0].stated)
    assert set(stated.values()) <= PLACES.keys()
    assert (stated["title"], stated["published"]) == (title, published)


def test_what_cleaning_finds_stands_in_the_text(tmp_path: Path) -> None:
    """A headline and a date read off a copied text are noted as such; what was known stays."""
    (tmp_path / "a.txt").write_text(
        "Bridge to close for a year\n\nBy Jane Doe\n\n2 March 2023\n\n"
        "The council voted on Monday evening to close the old bridge for a whole year.\n",
        "utf-8",
    )
    article = clean(read_file(tmp_path / "a.txt").articles[0])
    assert dict(article.stated) == {"title": "text", "published": "text", "authors": "text"}
    assert clean(article).stated == article.stated
