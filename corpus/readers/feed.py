"""Read RSS and Atom files: each entry is an article, the feed its source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from corpus.errors import ReadError
from corpus.readers.decoding import binary_kind
from corpus.readers.fields import (
    Origin,
    checked_text,
    described,
    told_once,
    with_own_ids,
)
from corpus.readers.formats import SNIFFED_BYTES, Parsed
from corpus.readers.markup import markup_to_text
from corpus.readers.xml_parts import local_name, parse_xml, text_of
from corpus.records import Article

_ROOTS = frozenset({"rss", "feed", "RDF"})
_TEXTS = ("encoded", "content", "description", "summary")
"""Elements that hold an entry's text, the fullest first."""
_DATES = ("pubDate", "published", "date", "issued", "created")
_MAX_DEPTH = 4
"""Levels at which entries stand: rss/channel/item."""


def read(path: Path, data: bytes) -> Parsed:
    """Return one article an entry, its text the full one where the feed carries it.

    A feed that is not quite XML is read as far as it goes, with a warning. Raises `ReadError` for
    what is no feed or has no entries.
    """
    root, warnings = _root(data)
    if local_name(root).lower() == "opml":
        raise ReadError("a list of feeds (OPML) and no articles: save what the feeds hold")
    if local_name(root) not in _ROOTS:
        raise ReadError(f"expected an RSS or Atom feed, found <{local_name(root)[:40]}>")
    outlet = _plain(_child(root, "title") or _child(_first(root, "channel"), "title"))
    articles, failures = [], []
    for n, entry in enumerate(_entries(root), 1):
        origin = Origin(path, n, f"entry {n}")
        try:
            articles.append((_article(entry, outlet, origin), origin))
        except ReadError as error:
            failures.append(origin.fail(str(error)))
    if not articles and not failures:
        raise ReadError("no entries in this feed: expected one article an entry")
    kept, more = with_own_ids(articles)
    return Parsed(kept, told_once(failures, len(kept)), (*warnings, *more))


def _root(data: bytes) -> tuple[etree._Element, tuple[str, ...]]:
    """Return the feed's root, and a warning where it had to be mended."""
    if kind := binary_kind(data[:SNIFFED_BYTES]):
        raise ReadError(f"expected an RSS or Atom feed, found {kind}")
    plain = data.lstrip()
    try:
        return parse_xml(plain), ()
    except ReadError as error:
        if "not XML" not in str(error):
            raise
        return parse_xml(plain, forgiving=True), (f"{error}; read as far as it goes",)


def _entries(root: etree._Element) -> Iterator[etree._Element]:
    """Yield the entries in order."""
    for node in root.iter("{*}item", "{*}entry"):
        if sum(1 for _ in node.iterancestors()) <= _MAX_DEPTH:
            yield node


def _article(entry: etree._Element, outlet: str, origin: Origin) -> Article:
    """Return an entry's article; raise where it has no text."""
    text, _ = checked_text(_plain(next(filter(None, (_child(entry, n) for n in _TEXTS)), "")))
    fields: dict[str, object] = {
        "title": " ".join(_plain(_child(entry, "title")).split()),
        "url": _address(entry),
        "published": next(filter(None, (_child(entry, name) for name in _DATES)), None),
        "updated": _child(entry, "updated") or _child(entry, "modified"),
        "source": outlet,
        "author": [name for name in _authors(entry) if name],
    }
    own_id = f"{origin.path}#{origin.n}"
    return described(fields, text, origin.path, own_id=own_id, place="feed")


def _address(entry: etree._Element) -> str:
    """Return the entry's address: RSS has it as text, Atom in the link to the page itself."""
    for link in entry.iterfind("{*}link"):
        if link.get("rel", "alternate") == "alternate" and (link.get("href") or text_of(link)):
            return str(link.get("href") or text_of(link))
    guid = _first(entry, "guid")
    is_address = guid is not None and guid.get("isPermaLink", "true") == "true"
    return text_of(guid) if is_address else ""


def _authors(entry: etree._Element) -> Iterator[str]:
    """Yield the names of the authors; RSS puts an e-mail address before a name in brackets."""
    for node in entry.iterfind("{*}author"):
        name = _child(node, "name") or text_of(node)
        address, _, inner = name.partition("(")
        yield inner.rstrip(") ") if "@" in address else name
    for node in entry.iterfind("{*}creator"):
        yield text_of(node)


def _first(node: etree._Element | None, name: str) -> etree._Element | None:
    """Return the first child of a name, whatever its namespace."""
    return node.find(f"{{*}}{name}") if node is not None else None


def _child(node: etree._Element | None, name: str) -> str:
    """Return the text of the first child of a name; of elements in it (XHTML), their markup."""
    child = _first(node, name)
    if child is None:
        return ""
    if len(child) and name in _TEXTS:
        return str(etree.tostring(child, encoding="unicode"))
    return "".join(child.itertext()).strip()


def _plain(text: str) -> str:
    """Return the words of a text that may be HTML."""
    return markup_to_text(text) if "<" in text or "&" in text else text
