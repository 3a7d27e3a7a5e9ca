"""Turn the named fields of a record, under whatever names it uses, into an Article."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from corpus.dates import parse_date
from corpus.errors import ReadError
from corpus.names import author_names, scalar
from corpus.readers.decoding import scrub
from corpus.readers.markup import looks_like_markup, markup_to_text
from corpus.records import Article, Failure, noted

MAX_ARTICLE_CHARS = 5_000_000
"""Characters: longer than any book; such a text is a dump of many articles, not one."""

MAX_FAILURES_WITHOUT_ARTICLE = 20
"""Failures listed for a file in which no record is an article: it is another kind of file, and one
line says so better than a thousand."""

MAX_FRUITLESS = 1_000
"""Records in a row from a file's start, none of them an article, after which it is read no
further: it is another kind of file, and a million records would take a minute."""

MAX_SHOWN_FIELDS = 12
"""Field names listed in a message, to keep it on one line."""

SAVED_SUMMARY = "summary"
"""Field that holds the text of what feed readers export: an object there, elsewhere only a teaser.
"""

NAMES: Mapping[str, tuple[str, ...]] = {
    "text": (
        "text", "body", "content", "article", "articletext", "fulltext", "maintext", "articlebody",
        "bodytext", "contenttext", "contenthtml", "story", SAVED_SUMMARY,
    ),
    "title": ("title", "headline", "name", "articletitle"),
    "source": (
        "source", "outlet", "publisher", "publication", "site", "sitename", "newspaper",
        "sourcename", "sourcedomain", "domain", "origin",
    ),
    "published": (
        "published", "publishedat", "datepublished", "pubdate", "publishdate", "datepublish",
        "publicationdate", "publisheddate", "date", "created", "createdat", "datecreated",
        "timestamp", "time",
    ),
    "updated": (
        "updated", "updatedat", "modified", "modifiedat", "datemodified", "datemodify",
        "lastmodified", "lastupdated",
    ),
    "url": ("url", "link", "href", "canonicalurl", "weburl", "permalink", "sourceurl", "uri",
            "canonical", "alternate"),
    "authors": ("authors", "author", "byline", "creator", "writers"),
    "id": ("id", "guid", "uuid", "_id", "articleid"),
}  # fmt: skip
"""What feeds, exports and crawlers call an article's fields, best name first; compared without
case, hyphens, underscores and spaces."""


_PREVIEW = re.compile(r"\[\+([0-9]{1,7}) chars\]\s*\Z")
"""What news services put at the end of the beginning of a text that they hand out."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stands: its file, its number from 1, and its place in words ("line 12")."""

    path: Path
    n: int
    place: str

    def fail(self, reason: str) -> Failure:
        """Return the failure of this record, with its place in front of the reason."""
        return Failure(str(self.path), f"{self.place}: {reason}")


def article_of(record: object, origin: Origin) -> tuple[Article, tuple[str, ...]]:
    """Return the article that a record's fields make, and warnings.

    Its id is the record's own, else its address, else the file's path with "#" and the record's
    number. Raises `ReadError` for a record that is not a mapping or has no text.
    """
    if not isinstance(record, Mapping):
        raise ReadError(f"expected an object with fields, found {_kind(record)}")
    fields = {plain_name(str(key)): value for key, value in reversed(list(record.items()))}
    name, text = _text_of(fields)
    if name is None:
        shown = ", ".join(str(key)[:40] for key in list(record)[:MAX_SHOWN_FIELDS]) or "none"
        raise ReadError(
            f"no text: expected a field text, body or content, found the fields {shown}"
        )
    if looks_like_markup(text, whole=name == "text"):
        text = markup_to_text(text)
    text, warnings = checked_text(text)
    if preview := _PREVIEW.search(text[-100:]):
        raise ReadError(
            f"only a preview, {preview[1]} characters are missing: fetch the page itself"
        )
    article = described(fields, text, origin.path, own_id=f"{origin.path}#{origin.n}")
    return article, tuple(f"{origin.place}: {warning}" for warning in warnings)


def described(
    record: Mapping[str, object],
    text: str,
    path: Path,
    *,
    own_id: str,
    place: str = "record",
    places: Mapping[str, str] | None = None,
) -> Article:
    """Return the article of a text with what the other fields of `record` say of it.

    The id is the record's own, else its address, else `own_id`; the outlet is the one named, else
    the address's host. `place` is where the fields were found, `places` where single ones were.
    """
    fields = {plain_name(str(key)): value for key, value in reversed(list(record.items()))}
    url = web_address(_first(fields, "url"))
    source = source_name(_first(fields, "source"))
    article = Article(
        id=_first(fields, "id") or url or own_id,
        text=text,
        title=_one_line(_first(fields, "title")),
        source=source or host_of(url),
        published=_date(fields, "published"),
        url=url,
        authors=_authors(fields),
        updated=_date(fields, "updated"),
        path=str(path),
    )
    named = dict(places or {}) if source else {**(places or {}), "source": "url"}
    return noted(article, place, named)


def checked_text(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text without characters that no file may hold, and a warning if there were any.

    Raises `ReadError` where the text is blank or longer than `MAX_ARTICLE_CHARS`.
    """
    if not text.strip():
        raise ReadError("the text is empty: expected the words of an article")
    if len(text) > MAX_ARTICLE_CHARS:
        limit = f"{MAX_ARTICLE_CHARS:,}"
        raise ReadError(
            f"{len(text):,} characters: expected at most {limit}, split it into articles"
        )
    return scrub(text)


def told_once(failures: Sequence[Failure], articles: int) -> tuple[Failure, ...]:
    """Return the failures of a file's records; as one where many failed and none is an article."""
    if articles or len(failures) <= MAX_FAILURES_WITHOUT_ARTICLE:
        return tuple(failures)
    first, count = failures[0], f"{len(failures):,}"
    count = f"the first {count}" if len(failures) >= MAX_FRUITLESS else count
    return (replace(first, reason=f"none of {count} records is an article; {first.reason}"),)


def is_fruitless(failures: Sequence[Failure], articles: Sequence[object]) -> bool:
    """Tell whether a file has shown by its first records that it holds no articles."""
    return len(failures) >= MAX_FRUITLESS and not articles


def with_own_ids(
    articles: Iterable[tuple[Article, Origin]],
) -> tuple[tuple[Article, ...], tuple[str, ...]]:
    """Return the articles of one file under different ids, and warnings on those that were not.

    A later article with an id that was seen gets "#" and its record number behind the id; one that
    is the same in every field is dropped.
    """
    seen: dict[str, Article] = {}
    warnings = []
    for article, origin in articles:
        first = seen.get(article.id)
        if first is None:
            seen[article.id] = article
        elif first.digest == article.digest:
            warnings.append(f"{origin.place}: the same article as before, dropped: {article.id}")
        else:
            own = f"{article.id}#{origin.n}"
            warnings.append(f"{origin.place}: the id {article.id} was used before, now {own}")
            seen[own] = replace(article, id=own)
    return tuple(seen.values()), tuple(warnings)


def web_address(value: str | None) -> str | None:
    """Return an http(s) address without its fragment, or None for anything else."""
    if not value:
        return None
    address = value.strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or " " in address:
        return None
    return scrub(address.partition("#")[0])[0]


def host_of(url: str | None) -> str | None:
    """Return the host of a web address without "www.", as the name of an outlet that gives none."""
    if not url:
        return None
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    return host.removeprefix("www.") or None


def source_name(value: str | None) -> str | None:
    """Return an outlet's name on one line; of an address, its host."""
    return _one_line(host_of(web_address(value)) or value)


def date_of(value: object) -> str | None:
    """Return the ISO date in a field that holds a date, a string, or a Unix time."""
    if isinstance(value, date):
        return parse_date(value.isoformat())
    stated = scalar(value)
    return parse_date(stated) if stated else None


def _text_of(fields: Mapping[str, object]) -> tuple[str | None, str]:
    """Return the name of the field that holds the text, and the text; paragraphs are joined.

    A field that is there but blank counts only where no other holds a text.
    """
    blank = None
    for name in NAMES["text"]:
        value = fields.get(name)
        if name == SAVED_SUMMARY and not isinstance(value, Mapping):
            continue
        if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
            value = "\n\n".join(value)
        elif isinstance(value, Mapping):
            value = value.get("rendered") or value.get("content")
        if isinstance(value, str) and value.strip():
            return name, value
        blank = blank or (name if isinstance(value, str) else None)
    return blank, ""


def _first(fields: Mapping[str, object], field: str) -> str | None:
    """Return the first value, as a string, that stands under one of the field's names."""
    found = next(filter(None, (scalar(fields.get(name)) for name in NAMES[field])), None)
    return scrub(found)[0] if found else None


def _date(fields: Mapping[str, object], field: str) -> str | None:
    """Return the first value that reads as a date under one of the field's names."""
    return next(filter(None, (date_of(fields.get(name)) for name in NAMES[field])), None)


def _authors(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names under the first author field that holds any."""
    names = next(filter(None, (author_names(fields.get(name)) for name in NAMES["authors"])), ())
    return tuple(scrub(name)[0] for name in names)


def _one_line(value: str | None) -> str | None:
    """Return a value with all white space as single spaces, or None where nothing is left."""
    return " ".join(value.split()) or None if value else None


@lru_cache(maxsize=1024)  # a file has the same few names in every record
def plain_name(name: str) -> str:
    """Return a field's name as `NAMES` lists it: without case, separators and namespace."""
    bare = name.strip().lower().rpartition(":")[2]
    return bare if bare == "_id" else re.sub(r"[\s_\-]", "", bare)


def _kind(value: object) -> str:
    """Return what a JSON value is, in words."""
    kinds = {str: "a string", list: "a list", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
