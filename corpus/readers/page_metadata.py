"""Find in a parsed HTML page what it says of its article: JSON-LD, OpenGraph, meta tags, <time>."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from corpus.dates import parse_date
from corpus.names import author_names
from corpus.readers.fields import date_of, host_of, source_name, web_address
from corpus.readers.stubs import is_walled

MAX_JSON_LD_CHARS = 1_000_000
"""Characters of JSON-LD that are parsed; news pages have some thousands."""

MAX_JSON_LD_DEPTH = 6
"""Levels of JSON-LD that are searched for the article; the standard's @graph adds two."""

MAX_WORDS = 100_000
"""Words that a page may count in its article: a larger number is a mistake."""

_ARTICLE_KINDS = frozenset({"article", "news", "newsarticle", "blog", "story"})
_ARTICLE_TYPE = re.compile(r"(?:Article|BlogPosting|LiveBlogPosting|Report)\Z")
_SAVED_FROM = re.compile(r"\bsaved from url=\(\d{1,9}\)\s?(\S{1,2000})")
_PATH_DATE = re.compile(
    r"/(?P<year>[12][0-9]{3})/(?P<month>[0-9]{1,2}|[a-z]{3})/(?P<day>[0-9]{1,2})(?:/|\Z)",
    re.IGNORECASE,
)
_SITE_MARK = re.compile(r"\s+(?:[|\-\u2013\u2014:•·»]|::)\s+")

_META: Mapping[str, tuple[str, ...]] = {
    "title": ("og:title", "twitter:title", "dc.title", "headline", "parsely-title"),
    "source": ("og:site_name", "dc.publisher", "publisher", "application-name"),
    "published": (
        "article:published_time", "article:published", "og:published_time", "date", "pubdate",
        "publishdate", "publish-date", "dc.date.issued", "dc.date", "dcterms.created",
        "parsely-pub-date", "sailthru.date", "datepublished", "og:article:published_time",
        "article.published", "cxenseparse:recs:publishtime", "originalpublicationdate",
    ),
    "updated": (
        "article:modified_time", "og:updated_time", "lastmod", "last-modified", "datemodified",
        "dcterms.modified", "article.updated",
    ),
    "url": ("og:url", "twitter:url", "parsely-link"),
    "author": (
        "author", "article:author", "dc.creator", "byl", "parsely-author", "sailthru.author",
        "article:author_name",
    ),
}  # fmt: skip
"""Names of meta tags for each field, best first, in lower case."""


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """What a page states of its article.

    `fields` are title, source, published, updated, url and author, each where the page has it, and
    `places` where each was found. `body` is the text in JSON-LD, its paragraphs perhaps glued, and
    `words` how many words the page counts in it. `declared` tells whether the page calls itself an
    article, `walled` whether it says that the article is not free, or is (None: neither).
    """

    fields: dict[str, object]
    places: dict[str, str]
    body: str = ""
    words: int = 0
    declared: bool = False
    walled: bool | None = None


def page_metadata(tree: HtmlElement) -> PageMetadata:
    """Return what the page states of its article, and where it states each field.

    JSON-LD counts before OpenGraph and meta tags, these before <time>, <title>, <h1> and the date
    in the address ("/2023/03/02/").
    """
    linked = _json_ld_article(tree)
    tags = _meta_tags(tree)
    found = _found(tree, linked, tags)
    fields = {name: value for name, (_, value) in found.items()}
    body, words = linked.get("articleBody"), linked.get("wordCount")
    kind = tags.get("og:type", "").lower()
    return PageMetadata(
        fields,
        {"authors" if name == "author" else name: place for name, (place, _) in found.items()},
        body=body if isinstance(body, str) else "",
        words=min(int(str(words)[:9]), MAX_WORDS) if str(words).isdecimal() else 0,
        declared=bool(linked or kind in _ARTICLE_KINDS or _first_date(tags, "published")),
        walled=is_walled(linked, tags),
    )


def _found(
    tree: HtmlElement, linked: Mapping[str, object], tags: Mapping[str, str]
) -> dict[str, tuple[str, object]]:
    """Return each field that the page states, with its place."""
    place, url = _address(tree, linked, tags)
    outlet, source = _outlet(linked, tags)
    site = source or host_of(url)
    candidates: dict[str, Iterable[tuple[str, object]]] = {
        "title": (
            (where, without_site(unescape(t), site)) for where, t in _titles(tree, linked, tags)
        ),
        "source": [(outlet, source)],
        "published": (
            ("json-ld", date_of(linked.get("datePublished"))),
            ("meta", _first_date(tags, "published")),
            ("page", _time_tag(tree)),
            ("url", _date_in_address(url)),
        ),
        "updated": (
            ("json-ld", date_of(linked.get("dateModified"))),
            ("meta", _first_date(tags, "updated")),
        ),
        "url": [(place, url)],
        "author": (
            ("json-ld", author_names(linked.get("author"))),
            ("meta", _meta_authors(tags)),
        ),
    }
    first = {name: next(filter(_has_value, choice), None) for name, choice in candidates.items()}
    return {name: both for name, both in first.items() if both}


def _has_value(found: tuple[str, object]) -> bool:
    """Tell whether a candidate is one."""
    return bool(found[1])


def without_site(title: str, site: str | None) -> str:
    """Return a page title without the outlet's name at its end ("... - BBC News") or start."""
    title = " ".join(title.split())
    marks = list(_SITE_MARK.finditer(title))
    if not site or not marks:
        return title
    if _same_site(title[marks[-1].end() :], site):
        return title[: marks[-1].start()]
    return title[marks[0].end() :] if _same_site(title[: marks[0].start()], site) else title


def _json_ld_article(tree: HtmlElement) -> Mapping[str, object]:
    """Return the first object of an article type in the page's JSON-LD, or an empty one."""
    for script in tree.iter("script"):
        kind = (script.get("type") or "").lower()
        source = script.text or ""
        if "ld+json" in kind and len(source) <= MAX_JSON_LD_CHARS:
            try:
                value = json.loads(source.strip().rstrip(";"), strict=False)
            except (ValueError, RecursionError):
                continue
            if article := next(_articles_in(value, 0), None):
                return article
    return {}


def _articles_in(value: object, depth: int) -> Iterator[Mapping[str, object]]:
    """Yield the objects of an article type, outer ones first."""
    if depth > MAX_JSON_LD_DEPTH:
        return
    if isinstance(value, dict):
        kind = value.get("@type")
        kinds = kind if isinstance(kind, list) else [kind]
        if any(isinstance(name, str) and _ARTICLE_TYPE.search(name) for name in kinds):
            yield value
        for name in ("@graph", "mainEntity", "mainEntityOfPage"):
            yield from _articles_in(value.get(name), depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _articles_in(item, depth + 1)


def _meta_tags(tree: HtmlElement) -> dict[str, str]:
    """Return the first content of each meta tag, by its name in lower case."""
    tags: dict[str, str] = {}
    for tag in tree.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or ""
        content = " ".join((tag.get("content") or "").split())
        if name and content:
            tags.setdefault(name.strip().lower(), content)
    return tags


def _titles(
    tree: HtmlElement, linked: Mapping[str, object], tags: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the page's titles, best first; the outlet's name may stand in them."""
    heading = next(tree.iter("h1"), None)
    page_title = next(tree.iter("title"), None)
    candidates = (
        ("json-ld", linked.get("headline")),
        *(("meta", tags.get(name)) for name in _META["title"]),
        ("page", heading.text_content() if heading is not None else None),
        ("page", page_title.text_content() if page_title is not None else None),
    )
    return ((place, c) for place, c in candidates if isinstance(c, str) and c.strip())


def _outlet(linked: Mapping[str, object], tags: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the outlet: og:site_name, else the JSON-LD publisher, else other meta tags."""
    publisher = linked.get("publisher")
    if isinstance(publisher, list):
        publisher = publisher[0] if publisher else None
    name = publisher.get("name") if isinstance(publisher, Mapping) else publisher
    candidates = (
        ("meta", tags.get("og:site_name")),
        ("json-ld", name),
        *(("meta", tags.get(tag)) for tag in _META["source"]),
    )
    named = ((place, source_name(c)) for place, c in candidates if isinstance(c, str) and c.strip())
    return next(named, ("meta", None))


def _address(
    tree: HtmlElement, linked: Mapping[str, object], tags: Mapping[str, str]
) -> tuple[str, str | None]:
    """Return the page's own address; a site's front page is never one of an article."""
    saved = next(filter(None, map(_saved_from, tree.xpath("//comment()[position() <= 5]"))), None)
    base = saved or tags.get("og:url") or ""
    links = (link.get("href") for link in tree.iter("link") if _is_canonical(link.get("rel")))
    page = linked.get("mainEntityOfPage")
    page_id = page.get("@id") if isinstance(page, Mapping) else page
    candidates = (
        *(("page", link) for link in links),
        *(("meta", tags.get(name)) for name in _META["url"]),
        ("json-ld", linked.get("url")),
        ("json-ld", page_id),
        ("page", saved),
    )
    for place, candidate in candidates:
        address = _joined(base, candidate) if isinstance(candidate, str) else None
        if address and (urlsplit(address).path.strip("/") or urlsplit(address).query):
            return place, address
    return "page", None


def _joined(base: str, address: str) -> str | None:
    """Return a full web address, or None where it is not one."""
    try:
        return web_address(urljoin(base, address.strip()))
    except ValueError:
        return None


def _is_canonical(rel: str | None) -> bool:
    """Tell whether a link's rel says that it is the page's own address."""
    return "canonical" in (rel or "").lower().split()


def _saved_from(comment: HtmlElement) -> str | None:
    """Return the address in the comment that browsers write into a saved page."""
    match = _SAVED_FROM.search((comment.text or "")[:3000])
    return match[1] if match else None


def _first_date(tags: Mapping[str, str], field: str) -> str | None:
    """Return the first date among the meta tags of a field."""
    return next(filter(None, (date_of(tags.get(name)) for name in _META[field])), None)


def _time_tag(tree: HtmlElement) -> str | None:
    """Return the first date of a <time> element, or of an element marked as datePublished."""
    for tag in tree.iter("time", "span", "abbr", "div", "p"):
        if tag.tag == "time" or (tag.get("itemprop") or "").lower() == "datepublished":
            stated = tag.get("datetime") or tag.get("content") or tag.get("title")
            if found := date_of(stated or tag.text_content()):
                return found
    return None


def _date_in_address(url: str | None) -> str | None:
    """Return the date that the path of an address names, as many outlets file their stories."""
    match = _PATH_DATE.search(url or "")
    if not match:
        return None
    return parse_date(f"{match['day']} {match['month']} {match['year']}") or parse_date(
        f"{match['year']}-{match['month']}-{match['day']}"
    )


def _meta_authors(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in the first meta tag that holds any; profile addresses are none."""
    return next(filter(None, (author_names(tags.get(name)) for name in _META["author"])), ())


def _same_site(part: str, site: str) -> bool:
    """Tell whether a part of a title is the outlet's name, or its host without the top level."""
    bare_part, bare_site = (re.sub(r"\W|^(?:www|the)\b", "", name.lower()) for name in (part, site))
    first_label = re.sub(r"\W", "", site.lower().split(".")[0])
    return bool(bare_part) and (
        bare_part in (bare_site, first_label)
        or (len(bare_site) > 2 and bare_part.startswith(bare_site))
        or (len(bare_part) > 2 and bare_site.startswith(bare_part))
    )
