"""Read PDF: the words by pypdf, put together into paragraphs by where the lines stand."""

from __future__ import annotations

import io
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError

from corpus.errors import ReadError
from corpus.readers.decoding import expect_start
from corpus.readers.documents import Block, document
from corpus.readers.formats import Parsed
from corpus.readers.logs import silent

MAX_PAGES = 1_000
"""Pages: a Sunday paper has 200."""

PARAGRAPH_GAP = 1.3
"""Usual distances between lines from which on a gap parts paragraphs; set on print dialogues' and
word processors' output, where paragraphs are 1.4 and more apart."""

INDENT = 0.8
"""Letter heights by which a line starts further right where it starts a paragraph."""

OTHER_SIZE = 1.1
"""Ratio of letter heights from which on two lines are not of one paragraph."""

HEADLINE_SIZE = 1.25
"""Ratio to the usual letter height from which on a block of the first page can be the headline."""

MIN_REPEATED_PAGES = 3
"""Pages whose first or last line is the same, but for figures, for it to be a running title."""

_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
    | {"\ufb05": "st", "\ufb06": "st"}
)
"""Letters that printing has melted together; a reader, and a search, spell them out."""
_SENTENCE_END = re.compile(r"[.!?:\u2026\u3002][\"'\u201d\u2019»)]*\Z")
_CUT_WORD = re.compile(r"([^\W\d_]+)[\-\u00ad\u2010]\Z")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAGE_NUMBER = re.compile(r"(?:page\s)?\W*\d{1,4}(?:\s?(?:/|of)\s?\d{1,4})?\W*\Z", re.IGNORECASE)
_FIGURES = re.compile(r"\d+")
_DATE = re.compile(r"D:(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line on a page: where it starts, from the lower left in points, and its letters' height."""

    text: str
    x: float
    y: float
    size: float


def read(path: Path, data: bytes) -> Parsed:
    """Return the document's one article.

    Raises `ReadError` for what is no PDF, is locked with a password, or holds no text (a scan).
    """
    expect_start(data.lstrip()[:8], b"%PDF-", "a PDF document")
    with silent("pypdf"):
        return _parsed(path, data)


def _parsed(path: Path, data: bytes) -> Parsed:
    """Return the document's one article; raises as `read` does."""
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ReadError("locked with a password: unlock it first")
        if len(reader.pages) > MAX_PAGES:
            raise ReadError(f"{len(reader.pages):,} pages: expected at most {MAX_PAGES:,}")
        pages, warnings = _pages(reader)
        fields = _fields(reader)
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ReadError(f"not a whole PDF document ({error}): is it damaged?") from error
    lines = list(_without_running_titles(pages))
    if not lines and warnings:
        raise ReadError(f"none of its pages can be read: {warnings[0]}")
    if not lines:
        raise ReadError("no text in this PDF: is it a scan? Recognise its text first (OCR)")
    parsed = document(path, _blocks(lines), fields)
    return replace(parsed, warnings=(*warnings, *parsed.warnings))


def _pages(reader: PdfReader) -> tuple[list[list[_Line]], list[str]]:
    """Return the lines of each page, and a warning for each page that cannot be read."""
    pages, warnings = [], []
    for n, page in enumerate(reader.pages, 1):
        try:
            pages.append(list(_lines(page)))
        except Exception as error:  # pypdf raises all kinds; a bad page must not cost the others
            warnings.append(f"page {n} left out, it is damaged ({type(error).__name__})")
    return pages, warnings


def _lines(page: PageObject) -> Iterator[_Line]:
    """Yield the lines of a page in the order in which they were written."""
    pieces: list[tuple[str, float, float, float]] = []

    def note(text: str, cm: Sequence[float], tm: Sequence[float], _font: Any, size: float) -> None:
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        pieces.append((text.translate(_LIGATURES), x, y, abs(size * tm[3] * cm[3]) or size))

    page.extract_text(visitor_text=note)
    words, place = "", (0.0, 0.0, 0.0)
    for text, x, y, size in pieces:
        for n, part in enumerate(text.split("\n")):
            if n and words.strip():
                yield _Line(" ".join(words.split()), *place)
            if n:
                words = ""
            if part.strip() and not words.strip():
                place = (x, y, size)
            words += part
    if words.strip():
        yield _Line(" ".join(words.split()), *place)


def _without_running_titles(pages: Sequence[Sequence[_Line]]) -> Iterator[_Line]:
    """Yield the lines of all pages but page numbers and what stands on many pages' edges.

    The outermost lines may differ in figures, which count pages; those next to them may not.
    """
    for bare in (_without_figures, _as_it_stands):
        pages = list(_without_repeated_edges(pages, bare))
    for page in pages:
        yield from page


def _without_repeated_edges(
    pages: Sequence[Sequence[_Line]], bare: Callable[[str], str]
) -> Iterator[list[_Line]]:
    """Yield the pages without their highest and lowest line where it repeats or counts pages."""
    edges = [_edges(page) for page in pages]
    counts = Counter(words for edge in edges for words in {bare(line.text) for line in edge})
    for page, edge in zip(pages, edges, strict=True):
        furniture = [
            line
            for line in edge
            if counts[bare(line.text)] >= MIN_REPEATED_PAGES or _PAGE_NUMBER.match(line.text)
        ]
        yield [line for line in page if line not in furniture]


def _edges(page: Sequence[_Line]) -> list[_Line]:
    """Return the highest and the lowest line of a page, if it has any."""
    by_height = sorted(page, key=lambda line: line.y)
    return [*by_height[:1], *by_height[-1:]]


def _without_figures(text: str) -> str:
    """Return a line with each number as the same mark."""
    return _FIGURES.sub("#", text)


def _as_it_stands(text: str) -> str:
    """Return a line unchanged."""
    return text


def _blocks(lines: Sequence[_Line]) -> Iterator[Block]:
    """Yield the paragraphs; the first large one above the text is styled as the title."""
    leading = _usual_distance(lines)
    usual = statistics.median(line.size for line in lines)
    words = {word.lower() for line in lines for word in _WORD.findall(line.text)}
    titled = False
    for paragraph in _paragraphs(lines, leading):
        is_title = not titled and paragraph[0].size >= HEADLINE_SIZE * usual
        titled = titled or is_title
        text = ""
        for line in paragraph:
            text = _joined(text, line.text, words)
        yield Block(text, "title" if is_title else "")


def _paragraphs(lines: Sequence[_Line], leading: float) -> Iterator[list[_Line]]:
    """Yield the runs of lines that are one paragraph each."""
    paragraph = [lines[0]]
    for before, line in pairwise(lines):
        if _starts_paragraph(before, line, paragraph, leading):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    yield paragraph


def _starts_paragraph(
    before: _Line, line: _Line, paragraph: Sequence[_Line], leading: float
) -> bool:
    """Tell whether a line starts a paragraph, by its size, distance, indent and the line before."""
    large, small = max(before.size, line.size), min(before.size, line.size)
    if large >= OTHER_SIZE * small:
        return True
    gap = before.y - line.y
    ended = bool(_SENTENCE_END.search(before.text))
    if gap < 0 or gap > 4 * leading:  # another column or page, or a picture between
        return ended
    if gap > PARAGRAPH_GAP * leading:
        return True
    indented = line.x - paragraph[-1].x > INDENT * line.size
    return indented and ended


def _usual_distance(lines: Sequence[_Line]) -> float:
    """Return the usual distance of two lines of a paragraph in points.

    Of all distances it is that of the lower quarter: short paragraphs have more gaps than lines.
    """
    gaps = ((before.y - line.y, line.size) for before, line in pairwise(lines))
    near = sorted(gap for gap, size in gaps if 0.5 * size < gap < 2.5 * size)
    return near[len(near) // 4] if near else 1.2 * lines[0].size


def _joined(text: str, line: str, words: set[str]) -> str:
    """Return a paragraph with one more line; a word cut at the line's end becomes whole.

    It keeps its hyphen where the text has it with one elsewhere ("well-known").
    """
    cut = _CUT_WORD.search(text)
    rest = _WORD.match(line)
    if not (cut and rest and line[0].islower()):
        return f"{text} {line}" if text else line
    with_hyphen = f"{cut[1]}-{rest[0]}".lower()
    bare = text[: cut.end(1)]
    return f"{bare}-{line}" if with_hyphen in words else f"{bare}{line}"


def _fields(reader: PdfReader) -> dict[str, object]:
    """Return title, author and date as the document's information says."""
    info: Mapping[str, object] = reader.metadata or {}
    created = _DATE.match(str(info.get("/CreationDate", "")))
    return {
        "title": str(info.get("/Title", "")),
        "author": str(info.get("/Author", "")),
        "published": "-".join(created.groups()) if created else None,
    }
