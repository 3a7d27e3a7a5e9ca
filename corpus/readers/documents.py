"""Turn the blocks of an office document into an article: headings, paragraphs, what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.dates import parse_date
from corpus.furniture import Kind, kind_of
from corpus.readers.fields import checked_text, described
from corpus.readers.formats import Parsed

BLANK_TITLES = frozenset(
    {"untitled", "untitled document", "document", "document1", "word document"}
)
"""What programs write into the title field by themselves, in lower case."""

TITLE_SUFFIXES = (".doc", ".docx", ".odt", ".rtf", ".pdf", ".indd", ".qxd", ".dvi")
"""Ends of a title field that holds a file's name."""

STAMP_BLOCKS = 8
"""Paragraphs from the top in which a date by itself is that of publication."""

TITLE_STYLES = ("title", "heading 1", "heading1", "heading")
"""Names of styles of a headline, best first, in lower case."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of a document and the name of its style in lower case."""

    text: str
    style: str = ""


def document(path: Path, blocks: Iterable[Block], fields: Mapping[str, object]) -> Parsed:
    """Return a document's one article, its paragraphs separated by blank lines.

    The title is the block styled as one, else the document's title field. Raises `ReadError` where
    there is no text or too much of it.
    """
    kept = [block for block in blocks if block.text.strip()]
    text, warnings = checked_text("\n\n".join(block.text.strip() for block in kept))
    styled = min(
        (block for block in kept[:20] if block.style in TITLE_STYLES),
        key=lambda block: TITLE_STYLES.index(block.style),
        default=None,
    )
    title = styled.text if styled else stated_title(fields.get("title"))
    stamp = _stamp(kept)
    described_as = {**fields, "title": title, "published": stamp or fields.get("published")}
    found = {"title": styled, "published": stamp}
    places = {name: "text" for name, in_text in found.items() if in_text}
    article = described(described_as, text, path, own_id=str(path), place="document", places=places)
    return Parsed((article,), (), warnings)


def stated_title(value: object) -> str | None:
    """Return a title field's words, or None where a program or a file's name filled it."""
    title = " ".join(str(value or "").split())
    lowered = title.lower()
    is_file = lowered.endswith(TITLE_SUFFIXES) or lowered.startswith("microsoft word - ")
    return None if not title or is_file or lowered in BLANK_TITLES else title


def _stamp(blocks: Sequence[Block]) -> str | None:
    """Return the date that a line of its own near the top states.

    It counts before the properties: those tell when the file, or its template, was made.
    """
    for block in blocks[:STAMP_BLOCKS]:
        if kind_of(block.text) is Kind.STAMP and (found := parse_date(block.text)):
            return found
    return None
