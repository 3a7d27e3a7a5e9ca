"""Read Markdown: front matter is metadata, the text after it is the article as it came."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from corpus.readers.decoding import decode
from corpus.readers.fields import checked_text, described
from corpus.readers.formats import Parsed
from corpus.readers.stubs import STUB_CHARS, STUB_LINES, check_whole
from corpus.records import Span, iter_gaps, noted

MAX_FRONT_MATTER_CHARS = 32_768
"""Characters: front matter is a few lines; PyYAML takes about a second for this much."""

MAX_LINE_CHARS = 5_000
"""Characters of a line up to which it is looked at for links; a paragraph has some hundreds."""

_FENCED = re.compile(r"\s{0,99}?(---|\+\+\+)[ \t]*\r?\n")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_TITLE = re.compile(r"[ ]{0,3}#[ \t]+(\S.*?)[ \t#]*\Z")
_TARGET = r"\([^()\n]{0,2000}\)"
_ONLY_LINK = re.compile(
    rf"""(?: (?:[-*+][ \t]+)? !?\[[^\[\]]{{0,500}}\]{_TARGET}      # nothing but a picture or a link
           | \[!\[[^\[\]]{{0,500}}\]{_TARGET}\]{_TARGET}           # a picture that is a link
           | \[[^\[\]]{{1,200}}\]:[ \t]*\S.*                       # the target of a link
           | [-*_](?:[ \t]*[-*_]){{2,99}}                          # a rule
           | ={{3,}}                                               # the line under a heading
         )\Z""",
    re.VERBOSE,
)
_PICTURE = re.compile(rf"!\[[^\[\]\n]{{0,500}}\]{_TARGET}")


def read(path: Path, data: bytes) -> Parsed:
    """Return the file's one article, its prose marked: comments, code and pictures are left out.

    Metadata comes from YAML ("---") or TOML ("+++") front matter, the title else from the first
    heading. Raises `ReadError` for a file that is empty or no text.
    """
    whole, warnings = decode(data)
    fields, text, more = split_front_matter(whole)
    text, _ = checked_text(text)
    check_whole(text, text[-STUB_CHARS:].splitlines()[-STUB_LINES:])
    article = described(fields, text, path, own_id=str(path))
    kept = tuple(_prose(text))
    article = noted(replace(article, title=article.title or _title(text, kept), kept=kept), "text")
    return Parsed((article,), (), (*warnings, *more))


def split_front_matter(text: str) -> tuple[Mapping[str, object], str, tuple[str, ...]]:
    """Return the fields of the front matter, the text after it, and a warning where it is broken.

    A text without front matter comes back whole. Broken front matter is left out all the same.
    """
    opening = _FENCED.match(text)
    if not opening:
        return {}, text, ()
    mark = opening[1]
    limit = opening.end() + MAX_FRONT_MATTER_CHARS
    closing = re.compile(rf"^{re.escape(mark)}[ \t]*\r?(?:\n|\Z)", re.MULTILINE).search(
        text, opening.end(), limit
    )
    if not closing:
        return {}, text, ()
    source = text[opening.end() : closing.start()]
    try:
        fields = tomllib.loads(source) if mark == "+++" else yaml.safe_load(source)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        return {}, text[closing.end() :], (f"front matter not read: {problem}",)
    if not isinstance(fields, dict):
        return {}, text, ()
    return fields, text[closing.end() :], ()


def _title(text: str, kept: tuple[Span, ...]) -> str | None:
    """Return the first heading of the first level that stands in the prose."""
    for span in kept:
        for line in span.of(text).splitlines():
            if match := _TITLE.match(line[:MAX_LINE_CHARS]):
                return match[1]
    return None


def _prose(text: str) -> Iterator[Span]:
    """Yield the spans between what is no prose."""
    furniture: list[Span] = []
    for span in sorted([*_comments(text), *_furniture_lines(text)]):
        if not furniture or span.start >= furniture[-1].end:
            furniture.append(span)
        elif span.end > furniture[-1].end:
            furniture[-1] = Span(furniture[-1].start, span.end)
    yield from (gap for gap in iter_gaps(tuple(furniture), len(text)) if gap.of(text).strip())


def _comments(text: str) -> Iterator[Span]:
    """Yield the HTML comments that are closed."""
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            return
        yield Span(start, end + 3)
        start = text.find("<!--", end + 3)


def _furniture_lines(text: str) -> Iterator[Span]:
    """Yield blocks of code, lines that are nothing but links or marks, and pictures in lines."""
    code_start, fence, at = 0, "", 0
    for line in text.splitlines(keepends=True):
        span = Span(at, at + len(line.rstrip("\r\n")))
        at += len(line)
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                yield Span(code_start, span.end)
                fence = ""
        elif mark:
            code_start, fence = span.start, mark[1]
        elif len(line) <= MAX_LINE_CHARS:
            yield from _links(line, span)


def _links(line: str, span: Span) -> Iterator[Span]:
    """Yield the whole line where it is nothing but a link or marks, else the pictures in it."""
    if _ONLY_LINK.match(line.strip()):
        yield span
        return
    for match in _PICTURE.finditer(line):
        yield Span(span.start + match.start(), span.start + match.end())
