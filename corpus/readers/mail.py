"""Read e-mail, such as newsletters, and pages that a browser saved as MHTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from pathlib import Path

from corpus.dates import parse_date
from corpus.errors import ReadError
from corpus.readers import webpage
from corpus.readers.decoding import decode
from corpus.readers.fields import checked_text, described, host_of, web_address
from corpus.readers.formats import Parsed
from corpus.readers.markup import markup_to_text
from corpus.records import Article, noted

MAX_PARTS = 1_000
"""Parts of a message: a saved page has one for each picture."""

MAX_HEADER_CHARS = 1_000
"""Characters of a header that are looked at."""

_LIST_HEADERS = ("List-Id", "List-Unsubscribe", "List-Post")
"""Headers that only a list's messages have: there the sender is the outlet, not the author."""


def read(path: Path, data: bytes) -> Parsed:
    """Return the message's text as an article: its HTML part read as a page, else its plain part.

    The subject is the title, the date that of publication. A newsletter's sender is the source, a
    person's is the author. Attachments are left out. Raises `ReadError` for what is no message or
    has no text.
    """
    message = _message(data)
    text = _text(message, path)
    article = described(_fields(message), text, path, own_id=str(path), place="mail")
    return Parsed((article,))


def read_saved_page(path: Path, data: bytes) -> Parsed:
    """Return the article of the page that an MHTML file holds.

    Raises `ReadError` for what is no MHTML, or where the page holds no article.
    """
    message = _message(data)
    page = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
    if page is None:
        raise ReadError("expected a saved page, found no HTML in it")
    parsed = webpage.read(path, _bytes(page))
    address = _header(message, "Snapshot-Content-Location") or _header(page, "Content-Location")
    url = web_address(address)
    return replace(parsed, articles=tuple(_placed(found, url) for found in parsed.articles))


def _placed(article: Article, url: str | None) -> Article:
    """Return an article with the address that its page was saved from, if it states none."""
    if article.url or not url:
        return article
    placed = replace(article, id=url, url=url, source=article.source or host_of(url))
    return noted(placed, "archive", {"source": "url"})


def _message(data: bytes) -> Message:
    """Return the message; raise where it has no header or too many parts."""
    decode(data[:4096])  # refuses what is no text
    message = message_from_bytes(data, policy=policy.compat32)
    if not message.keys():
        raise ReadError("expected an e-mail or a saved page, found no header lines at its start")
    if sum(1 for _ in message.walk()) > MAX_PARTS:
        raise ReadError(f"over {MAX_PARTS:,} parts: expected fewer")
    return message


def _text(message: Message, path: Path) -> str:
    """Return the words of the HTML part, else of the plain one."""
    parts = list(_own_parts(message))
    page = next((part for part in parts if part.get_content_type() == "text/html"), None)
    plain = next((part for part in parts if part.get_content_type() == "text/plain"), None)
    if page is not None:
        try:
            return webpage.read(path, _bytes(page)).articles[0].text
        except ReadError:  # a few lines are no article to trafilatura, and a letter all the same
            if plain is None:
                return checked_text(markup_to_text(_bytes(page).decode()))[0]
    if plain is not None:
        return checked_text(_bytes(plain).decode())[0]
    raise ReadError("no text in this message: expected an HTML or a plain part")


def _own_parts(message: Message) -> Iterator[Message]:
    """Yield the parts that are the message itself: no attachments, no messages that it carries."""
    pending = [message]
    while pending:
        part = pending.pop()
        if part.get_content_disposition() == "attachment":
            continue
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            inner = part.get_payload()
            pending += reversed([piece for piece in inner if isinstance(piece, Message)])
        else:
            yield part


def _bytes(part: Message) -> bytes:
    """Return a part's text as UTF-8, decoded as the part declares, else as it looks."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        text = data.decode(part.get_content_charset() or "")
    except (LookupError, ValueError):
        text, _ = decode(data, declares=True)
    return text.encode("utf-8", "replace")


def _fields(message: Message) -> dict[str, object]:
    """Return title, date, and source or author as the headers say."""
    name, address = parseaddr(_header(message, "From"))
    host = address.rpartition("@")[2] or None
    listed = any(header in message for header in _LIST_HEADERS)
    return {
        "title": _header(message, "Subject"),
        "published": parse_date(_header(message, "Date")),
        "source": (name or host) if listed else host,
        "author": None if listed else name,
    }


def _header(message: Message, name: str) -> str:
    """Return a header on one line, decoded; nothing where it is missing or damaged."""
    try:
        value = str(make_header(decode_header(message.get(name, ""))))
    except Exception:  # the e-mail package raises all kinds over damaged headers
        return ""
    return " ".join(value.split())[:MAX_HEADER_CHARS]
