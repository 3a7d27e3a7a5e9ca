"""Read ODT: the headings and paragraphs of an OpenDocument text, what its properties say."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from corpus.errors import ReadError
from corpus.readers.documents import Block, document
from corpus.readers.formats import Parsed
from corpus.readers.unpacking import open_zip, part
from corpus.readers.xml_parts import local_name, parse_xml, text_of

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_FIELDS = {
    "title": "title",
    "initial-creator": "author",
    "creator": "byline",
    "creation-date": "published",
    "date": "updated",
}
"""Properties, and the fields of an article that they are; the first writer counts as the author."""
_LEFT_OUT = frozenset({"note", "annotation", "tracked-changes", "frame", "deletion"})


def read(path: Path, data: bytes) -> Parsed:
    """Return the document's one article.

    Raises `ReadError` for what is no ODT, is a bomb, or holds no text.
    """
    with open_zip(data) as opened:
        try:
            content = parse_xml(part(opened, "content.xml"))
        except KeyError as error:
            raise ReadError("expected an ODT document, found another ZIP file") from error
        return document(path, _blocks(content), _properties(opened))


def _blocks(content: etree._Element) -> Iterator[Block]:
    """Yield the headings and paragraphs in order, without notes, boxes and deletions."""
    walker = etree.iterwalk(content, events=("start",))
    for _, node in walker:
        if local_name(node) in _LEFT_OUT:
            walker.skip_subtree()
        elif node.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            yield Block(_text(node), _style(node))
            walker.skip_subtree()


def _style(node: etree._Element) -> str:
    """Return what a block's style is called, as `Block` has it."""
    if node.tag == f"{_TEXT}h":
        return f"heading {node.get(f'{_TEXT}outline-level', '1')}"
    name: str = node.get(f"{_TEXT}style-name", "")
    return name.replace("_20_", " ").lower()


def _text(block: etree._Element) -> str:
    """Return a block's words, breaks as line ends."""
    words = []
    walker = etree.iterwalk(block, events=("start", "end"))
    for event, node in walker:
        if event == "end":
            words.append((node.tail or "") if node is not block else "")
        elif local_name(node) in _LEFT_OUT:
            walker.skip_subtree()
        elif node.tag == f"{_TEXT}line-break":
            words.append("\n")
        else:
            is_space = node.tag in (f"{_TEXT}s", f"{_TEXT}tab")
            words.append(" " if is_space else (node.text or "").replace("\n", " "))
    return "\n".join(" ".join(line.split()) for line in "".join(words).split("\n"))


def _properties(opened: zipfile.ZipFile) -> dict[str, object]:
    """Return title, author and dates as the document's properties say."""
    with contextlib.suppress(KeyError, ReadError):
        tags = parse_xml(part(opened, "meta.xml")).iter()
        return {_FIELDS[n]: text_of(tag) for tag in tags if (n := local_name(tag)) in _FIELDS}
    return {}
