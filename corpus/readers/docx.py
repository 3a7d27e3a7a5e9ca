"""Read DOCX: the paragraphs of the document's body, what its properties say of them."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lxml import etree

from corpus.errors import ReadError
from corpus.readers.documents import TITLE_STYLES, Block, document
from corpus.readers.formats import Parsed
from corpus.readers.unpacking import open_zip, part
from corpus.readers.xml_parts import local_name, parse_xml, text_of

_BODY = "word/document.xml"
_PROPERTIES = "docProps/core.xml"
_STYLES = "word/styles.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FIELDS = {"title": "title", "creator": "author", "created": "published", "modified": "updated"}
"""Properties, and the fields of an article that they are."""
_BREAKS = frozenset({f"{_W}br", f"{_W}cr"})
_LEFT_OUT = ("del", "moveFrom", "txbxContent", "Fallback", "instrText", "delText")
"""What was deleted, boxes beside the text, and the codes of fields."""


def read(path: Path, data: bytes) -> Parsed:
    """Return the document's one article.

    Raises `ReadError` for what is no DOCX, is a bomb, or holds no text.
    """
    with open_zip(data) as opened:
        try:
            body = parse_xml(part(opened, _BODY))
        except KeyError as error:
            raise ReadError("expected a DOCX document, found another ZIP file") from error
        blocks = list(_blocks(body))
        if not any(block.style in TITLE_STYLES for block in blocks):
            names = _style_names(opened) if any(block.style for block in blocks) else {}
            blocks = [replace(block, style=names.get(block.style, "")) for block in blocks]
        return document(path, blocks, _properties(opened))


def _blocks(body: etree._Element) -> Iterator[Block]:
    """Yield the paragraphs, also those in tables, in order, with the ids of their styles."""
    for paragraph in body.iter(f"{_W}p"):
        if _is_left_out(paragraph):
            continue
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        name = style.get(f"{_W}val", "") if style is not None else ""
        yield Block(_text(paragraph), name.lower())


def _is_left_out(paragraph: etree._Element) -> bool:
    """Tell whether a paragraph stands in a box or in what was deleted."""
    return any(local_name(outer) in _LEFT_OUT for outer in paragraph.iterancestors())


def _text(paragraph: etree._Element) -> str:
    """Return a paragraph's words, tabs as spaces and breaks as line ends."""
    words = []
    walker = etree.iterwalk(paragraph, events=("start",))
    for _, node in walker:
        if local_name(node) in _LEFT_OUT:
            walker.skip_subtree()
        elif node.tag == f"{_W}t":
            words.append(node.text or "")
        elif node.tag in _BREAKS:
            words.append("\n")
        elif node.tag in (f"{_W}tab", f"{_W}noBreakHyphen"):
            words.append(" " if node.tag == f"{_W}tab" else "-")
    return "\n".join(" ".join(line.split()) for line in "".join(words).split("\n"))


def _style_names(opened: zipfile.ZipFile) -> dict[str, str]:
    """Return the names of the styles by their ids, both in lower case.

    Ids are in the language of the program that wrote the file, names are not; a template's styles
    may take ten times as long to parse as the text.
    """
    with contextlib.suppress(KeyError, ReadError):
        styles = parse_xml(part(opened, _STYLES)).iter(f"{_W}style")
        named = ((style.get(f"{_W}styleId", ""), style.find(f"{_W}name")) for style in styles)
        return {
            key.lower(): name.get(f"{_W}val", "").lower() for key, name in named if name is not None
        }
    return {}


def _properties(opened: zipfile.ZipFile) -> dict[str, object]:
    """Return title, author and dates as the document's properties say."""
    with contextlib.suppress(KeyError, ReadError):
        core = parse_xml(part(opened, _PROPERTIES))
        return {_FIELDS[n]: text_of(tag) for tag in core if (n := local_name(tag)) in _FIELDS}
    return {}
