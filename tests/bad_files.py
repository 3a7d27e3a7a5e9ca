"""Files that nobody can read as articles: `KINDS` names what writes each; `n` makes them differ."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests import article_files as files
from tests.article_files import tarred, zipped

MEGABYTE = 1024 * 1024


def _zeros_in_zip(name: str, megabytes: int) -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w") as member,
    ):
        for _ in range(megabytes):
            member.write(bytes(MEGABYTE))
    return stream.getvalue()


def _noise(n: int, size: int = 5_000) -> bytes:
    return random.Random(n).randbytes(size)  # noqa: S311 - the same noise each time


def _cut(data: bytes, n: int) -> bytes:
    """Return the start of a file, up to nine tenths of it."""
    return data[: len(data) * (n % 9 + 1) // 12]


def _laughs(n: int) -> bytes:
    lines = [f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 12)]
    entities = f'<!ENTITY l0 "ha{n}">' + "".join(lines)
    return (
        f"<!DOCTYPE rss [{entities}]><rss><channel><item><title>&l11;</title>"
        "<description>&l11;</description></item></channel></rss>"
    ).encode()


def _outside_file(n: int) -> bytes:
    return (
        f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname?{n}">]><rss><channel><item>'
        "<description>&x;</description></item></channel></rss>"
    ).encode()


def _locked_pdf(n: int) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(files.pdf())))
    writer.encrypt(f"secret{n}", algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def _scan(n: int) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream)
    canvas.rect(10 + n, 10, 100, 100)
    canvas.save()
    return stream.getvalue()


def _ring_of_pages(n: int) -> bytes:
    """Return a PDF whose tree of pages is a ring."""
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count %d>>endobj\n"
        b"3 0 obj<</Type/Pages/Kids[2 0 R]/Parent 2 0 R/Count 9>>endobj\n"
        b"trailer<</Root 1 0 R/Size 4>>\n%%%%EOF" % (n + 1)
    )


def _links_in_tar(n: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for kind, name in ((tarfile.SYMTYPE, "a.txt"), (tarfile.LNKTYPE, "b.txt")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, f"/etc/passwd{n}"
            archive.addfile(info)
        info = tarfile.TarInfo("c.txt")
        info.type = tarfile.FIFOTYPE
        archive.addfile(info)
    return stream.getvalue()


def _stub(n: int) -> bytes:
    page = files.html(f"Story {n} of the whole day", files.PARAGRAPHS[:1])
    return page.replace(b"</article>", b"<p>Subscribe to continue reading</p></article>")


def _list_of_stories(n: int) -> bytes:
    items = "".join(
        f'<div><h3><a href="/{k}">Story {k} of ward {n} is told here</a></h3><p>In short.</p></div>'
        for k in range(30)
    )
    return f"<html><body><h1>News of ward {n}</h1>{items}</body></html>".encode()


def _broken_warc(n: int) -> bytes:
    data = bytearray(files.warc())
    for at in range(40 + n, len(data), 50):
        data[at] ^= 0xFF
    return bytes(data)


def _flipped_zip(n: int) -> bytes:
    """Return an archive whose one member does not have the bytes that it should have."""
    data = bytearray(zipped({"a.html": files.html() * 3}))
    data[60 + n] ^= 0xFF
    return bytes(data)


def _no_text_message(n: int) -> bytes:
    return (
        f"From: a@b.example\nSubject: picture {n}\nMIME-Version: 1.0\n"
        "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n"
    ).encode()


def _book_of_nothing(n: int) -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="a.opf"/></rootfiles></container>'
    )
    return zipped({"META-INF/container.xml": container.encode(), "a.opf": b"<package/>" + b" " * n})


KINDS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "empty": (".txt", lambda n: b""),
    "blank": (".html", lambda n: b" \r\n\t" * (n + 1)),
    "noise called text": (".txt", _noise),
    "noise called PDF": (".pdf", _noise),
    "a picture called a page": (".html", lambda n: b"\x89PNG\r\n\x1a\n" + _noise(n)),
    "ZIP bomb": (".zip", lambda n: _zeros_in_zip("a.txt", 40 + n)),
    "DOCX bomb": (".docx", lambda n: _zeros_in_zip("word/document.xml", 40 + n)),
    "gzip bomb": (".txt.gz", lambda n: gzip.compress(bytes((40 + n) * MEGABYTE), 1)),
    "billion laughs": (".rss", _laughs),
    "a file through an entity": (".xml", _outside_file),
    "deep tags": (".html", lambda n: b"<div>" * (100_000 + n) + b"words"),
    "empty tags": (".html", lambda n: b"<p>" + b"<b></b>" * (200_000 + n) + b"</p>"),
    "PDF cut off": (".pdf", lambda n: _cut(files.pdf(), n)),
    "DOCX cut off": (".docx", lambda n: _cut(files.docx(), n)),
    "ZIP cut off": (".zip", lambda n: _cut(zipped({"a.html": files.html()}), n)),
    "ZIP with flipped bits": (".zip", _flipped_zip),
    "JSON cut off": (".json", lambda n: json.dumps(files.record(n=n)).encode()[: 200 + n]),
    "deep JSON": (".json", lambda n: b'{"text":' + b"[" * (50_000 + n) + b"]" * (50_000 + n)),
    "JSON that is none": (".jsonl", lambda n: b'{"text": "a", "text": "b", "n": NaN}' + b" " * n),
    "a long line of numbers": (".json", lambda n: b"[" + b"1234567, " * 1_000_000 + b"%d]" % n),
    "a table without texts": (".csv", lambda n: b"name,age\n" + b"a,1\n" * (n + 1)),
    "names that lead out": (".zip", lambda n: zipped({f"../../../evil{n}.txt": b"out"})),
    "paths that lead out": (".tar", lambda n: tarred({f"/tmp/evil{n}.txt": b"out"})),  # noqa: S108
    "links in a tar file": (".tar", _links_in_tar),
    "a locked PDF": (".pdf", _locked_pdf),
    "a scan": (".pdf", _scan),
    "a ring of pages": (".pdf", _ring_of_pages),
    "a paywall's beginning": (".html", _stub),
    "a list of stories": (".html", _list_of_stories),
    "a list of feeds": (".opml", lambda n: b"<opml><body/></opml>" + b" " * n),
    "a damaged crawl": (".warc.gz", _broken_warc),
    "a message without text": (".eml", _no_text_message),
    "a book without chapters": (".epub", _book_of_nothing),
    "broken Parquet": (".parquet", lambda n: b"PAR1" + _noise(n) + b"PAR1"),
    "braces without end": (".rtf", lambda n: b"{\\rtf1 " + b"{" * (300_000 + n)),
}
"""Kind -> suffix and what writes it."""

PLACES = ("a pipe", "a link to itself", "a link that leads out", "a file of 65 MB")
"""Kinds that are no bytes: `put_place` makes them."""


def put_place(folder: Path, kind: str, n: int) -> Path:
    """Make a place of a kind in a folder; return it."""
    place = folder / f"{kind.replace(' ', '-')}-{n}.txt"
    if kind == "a pipe":
        os.mkfifo(place)
    elif kind == "a link to itself":
        place.symlink_to(place.name)
    elif kind == "a link that leads out":
        place.symlink_to("/etc/hostname")
    else:
        place.touch()
        os.truncate(place, 65 * MEGABYTE + n)
    return place


def put_all(folder: Path, each: int) -> list[Path]:
    """Write every kind some times; return the places."""
    places = []
    for kind, (suffix, write) in KINDS.items():
        for n in range(each):
            place = folder / f"{kind.replace(' ', '-')}-{n}{suffix}"
            place.write_bytes(write(n))
            places.append(place)
    places += [put_place(folder, kind, n) for kind in PLACES for n in range(each)]
    return places
