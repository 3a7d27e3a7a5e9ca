"""Write one article in every format with the programs that people write these formats with."""

from __future__ import annotations

import gzip
import io
import json
import mailbox
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

TITLE = "Bridge to close for a whole year"
DATE = "2023-03-02"
WHEN = datetime(2023, 3, 2, 9, 30, tzinfo=UTC)
AUTHOR = "Jane Doe"
OUTLET = "The Herald"
URL = "https://herald.example/bridge"
PARAGRAPHS = (
    "The council voted on Monday evening to close the old bridge for a whole year, because the "
    "government found that its pillars are no longer safe for buses and for heavy lorries.",
    "Traders in the market street said that they had not been asked about the plan. “We live from "
    "people who walk over that bridge,” the owner of a well-known café said.",
    "The mayor said the work would cost 2.4 million and start in the first week of May. A ferry is "
    "to carry cyclists and pedestrians until the new bridge opens.",
)
TEXT = "\n\n".join(PARAGRAPHS)


def html(title: str = TITLE, paragraphs: tuple[str, ...] = PARAGRAPHS, url: str = URL) -> bytes:
    """Return a page as an outlet has it."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    page = f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>
    <meta property="og:site_name" content="{OUTLET}"><meta name="author" content="{AUTHOR}">
    <meta property="article:published_time" content="{DATE}T09:30:00Z">
    <link rel="canonical" href="{url}"></head>
    <body><nav><a href="/">Home</a></nav><article><h1>{title}</h1>{body}</article></body></html>"""
    return page.encode()


def pdf(paragraphs: tuple[str, ...] = PARAGRAPHS) -> bytes:
    """Return a PDF as reportlab sets it, lines justified."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    stream = io.BytesIO()
    styles = getSampleStyleSheet()
    styles["BodyText"].alignment = 4
    flow = [Paragraph(TITLE, styles["Title"])]
    flow += [Paragraph("2 March 2023", styles["BodyText"])]
    flow += [Paragraph(paragraph, styles["BodyText"]) for paragraph in paragraphs]
    SimpleDocTemplate(stream, title="Microsoft Word - bridge.doc", author=AUTHOR).build(flow)
    return stream.getvalue()


def docx() -> bytes:
    """Return a document as python-docx writes it."""
    import docx as writer

    document = writer.Document()
    document.core_properties.author = AUTHOR
    document.core_properties.created = WHEN.replace(tzinfo=None)
    document.add_heading(TITLE, 0)
    for paragraph in PARAGRAPHS:
        document.add_paragraph(paragraph)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def odt() -> bytes:
    """Return a document as odfpy writes it."""
    from odf import dc, meta, opendocument
    from odf import text as odf_text

    document = opendocument.OpenDocumentText()
    document.meta.addElement(dc.Title(text=TITLE))
    document.meta.addElement(meta.InitialCreator(text=AUTHOR))
    document.meta.addElement(meta.CreationDate(text=WHEN.isoformat()))
    document.text.addElement(odf_text.H(outlinelevel=1, text=TITLE))
    for paragraph in PARAGRAPHS:
        document.text.addElement(odf_text.P(text=paragraph))
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def rtf() -> bytes:
    """Return a document in the form that Word saves, letters beyond ASCII as escapes."""

    def escaped(text: str) -> str:
        return "".join(c if c < "\x80" else f"\\u{ord(c)}?" for c in text)

    body = "".join(f"\\pard\\fs24 {escaped(paragraph)}\\par\n" for paragraph in PARAGRAPHS)
    return (
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\froman\fcharset0 Times New Roman;}}"
        rf"{{\info{{\title {TITLE}}}{{\author {AUTHOR}}}"
        r"{\creatim\yr2023\mo3\dy2\hr9\min30}}"
        f"\\pard\\b\\fs36 {TITLE}\\b0\\par\n{body}}}"
    ).encode("ascii")


def epub() -> bytes:
    """Return a book of two articles and a title page, packed as the EPUB standard says."""
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
        '<rootfiles><rootfile full-path="OEBPS/book.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    names = ("title", "one", "two")
    items = "".join(
        f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in names
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{OUTLET}</dc:title>'
        f"<dc:creator>{AUTHOR}</dc:creator><dc:date>{DATE}</dc:date></metadata>"
        f"<manifest>{items}</manifest><spine>"
        + "".join(f'<itemref idref="{n}"/>' for n in names)
        + "</spine></package>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", container)
        book.writestr("OEBPS/book.opf", package)
        book.writestr("OEBPS/title.xhtml", "<html><body><h1>The Herald</h1></body></html>")
        book.writestr("OEBPS/one.xhtml", html())
        book.writestr("OEBPS/two.xhtml", html("Second story of the day"))
    return stream.getvalue()


def mail(*, listed: bool = True) -> bytes:
    """Return a message with a plain and an HTML part, as a newsletter or as a person's letter."""
    message = EmailMessage()
    message["Subject"] = TITLE
    message["From"] = f"{OUTLET if listed else AUTHOR} <news@herald.example>"
    message["Date"] = WHEN
    if listed:
        message["List-Unsubscribe"] = "<https://herald.example/stop>"
    message.set_content(TEXT)
    message.add_alternative(html().decode(), subtype="html")
    return message.as_bytes()


def saved_page() -> bytes:
    """Return a page as Chromium saves it."""
    message = EmailMessage()
    message["Snapshot-Content-Location"] = URL
    message["Subject"] = "=?utf-8?Q?Saved?="
    message.add_related(html().decode().replace("canonical", "other"), subtype="html")
    return message.as_bytes()


def rss() -> bytes:
    """Return a feed as feedgen writes it, with the whole text of the entry."""
    return _feed().rss_str(pretty=True)


def atom() -> bytes:
    """Return the feed as Atom."""
    return _feed().atom_str(pretty=True)


def _feed() -> Any:
    from feedgen.feed import FeedGenerator

    feed = FeedGenerator()
    feed.id(URL)
    feed.title(OUTLET)
    feed.link(href="https://herald.example", rel="alternate")
    feed.description("News of the town")
    entry = feed.add_entry()
    entry.id(URL)
    entry.title(TITLE)
    entry.link(href=URL)
    entry.published(WHEN)
    entry.updated(WHEN)
    entry.author(name=AUTHOR, email="jane@herald.example")
    entry.content("".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS), type="html")
    return feed


def warc(*, packed: bool = True) -> bytes:
    """Return a crawl of a page, a picture and a missing page, as warcio writes it."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=packed)
    for status, kind, body, name in (
        ("404 Not Found", "text/html", html("Not found"), "none"),
        ("200 OK", "image/png", b"\x89PNG", "a.png"),
        ("200 OK", "text/html; charset=utf-8", html(), "bridge"),
    ):
        headers = StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.1")
        record = writer.create_warc_record(
            f"https://herald.example/{name}",
            "response",
            payload=io.BytesIO(body),
            length=len(body),
            http_headers=headers,
        )
        writer.write_record(record)
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP file of some members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    """Return a tar file of some members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def record(**more: object) -> dict[str, object]:
    """Return the article as a record."""
    fields = {"title": TITLE, "source": OUTLET, "url": URL, "author": AUTHOR}
    return {**fields, "published": WHEN.isoformat(), "text": TEXT, **more}


def csv_table() -> bytes:
    """Return a table as the csv module writes it for a spreadsheet."""
    import csv

    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fieldnames=list(record()), dialect="excel")
    writer.writeheader()
    writer.writerow(record())
    return stream.getvalue().encode("utf-8-sig")


def parquet() -> bytes:
    """Return a table as pyarrow writes it."""
    import pyarrow
    from pyarrow import parquet as writer

    stream = io.BytesIO()
    table = pyarrow.Table.from_pylist([record(published=WHEN)])
    writer.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def json_feed() -> bytes:
    """Return a JSON feed, as outlets publish it and feed readers export it."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    item = {
        "id": URL,
        "url": URL,
        "title": TITLE,
        "content_html": body,
        "date_published": WHEN.isoformat(),
        "authors": [{"name": AUTHOR}],
    }
    version = "https://jsonfeed.org/version/1.1"
    feed = {"version": version, "title": OUTLET, "home_page_url": "https://herald.example"}
    return json.dumps({**feed, "items": [item]}).encode()


def starred() -> bytes:
    """Return saved items as FreshRSS, Inoreader and others export them, after Google Reader."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    item = {
        "id": "tag:google.com,2005:reader/item/00062a",
        "categories": ["user/-/state/com.google/starred"],
        "title": TITLE,
        "published": int(WHEN.timestamp()),
        "canonical": [{"href": URL}],
        "alternate": [{"href": URL, "type": "text/html"}],
        "author": AUTHOR,
        "origin": {"streamId": "feed/1", "title": OUTLET, "htmlUrl": "https://herald.example"},
        "summary": {"content": body},
    }
    return json.dumps({"id": "user/-/starred", "title": "Starred", "items": [item]}).encode()


def newsboat() -> bytes:
    """Return an article as the feed reader newsboat saves it."""
    head = f"Feed: {OUTLET}\nTitle: {TITLE}\nAuthor: {AUTHOR}\n"
    return f"{head}Date: {format_datetime(WHEN)}\nLink: {URL}\n\n{TEXT}\n".encode()


def mailbox_file() -> bytes:
    """Return a mailbox of the message, as the mailbox module writes it."""
    with tempfile.TemporaryDirectory() as folder:
        box = mailbox.mbox(Path(folder) / "box")
        box.add(mail())
        box.add(mail().replace(TITLE.encode(), b"From the second story"))
        box.flush()
        box.close()
        return (Path(folder) / "box").read_bytes()


def markdown() -> bytes:
    """Return a Markdown file with front matter, as yaml writes it."""
    import yaml

    fields = {"title": TITLE, "date": WHEN.date(), "author": AUTHOR, "source": OUTLET, "url": URL}
    return f"---\n{yaml.safe_dump(fields)}---\n\n{TEXT}\n".encode()


def plain() -> bytes:
    """Return a text as people copy it from a page."""
    return f"{TITLE}\n\nBy {AUTHOR}\n\n2 March 2023\n\n{TEXT}\n\nShare\n".encode()


WRITERS: dict[str, Callable[[], bytes]] = {
    "a.txt": plain,
    "b.txt": newsboat,
    "a.md": markdown,
    "a.json": json_feed,
    "b.json": starred,
    "a.jsonl": lambda: json.dumps(record()).encode(),
    "a.csv": csv_table,
    "a.parquet": parquet,
    "a.mbox": mailbox_file,
    "a.html": html,
    "a.pdf": pdf,
    "a.docx": docx,
    "a.odt": odt,
    "a.rtf": rtf,
    "a.epub": epub,
    "a.eml": mail,
    "a.mhtml": saved_page,
    "a.rss": rss,
    "a.atom": atom,
    "b.xml": rss,
    "a.warc": lambda: warc(packed=False),
    "a.warc.gz": warc,
    "a.zip": lambda: zipped({"news/a.html": html(), "news/logo.png": b"\x89PNG"}),
    "a.tar": lambda: tarred({"news/a.html": html()}),
    "a.tar.gz": lambda: tarred({"news/a.html": html()}, "w:gz"),
    "a.html.gz": lambda: gzip.compress(html()),
}
"""A file's name and what writes it; each holds the article of this module, the book another."""
