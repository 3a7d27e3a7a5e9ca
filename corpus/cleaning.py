"""Mark which spans of a text are the article, and read headline, date and byline off the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corpus.dates import parse_date
from corpus.furniture import Kind, byline_names, is_role, kind_of, says_when
from corpus.names import author_names
from corpus.records import FIELDS, Article, Span, iter_gaps, noted, whole

MAX_TITLE_CHARS = 180
"""Characters: the longest headline in shared/bench/realtimeqa has 79, features go up to 150."""

MIN_TITLE_WORDS = 3
"""Words: a first line with fewer is more often a section ("World", "BBC News") than a headline."""

MIN_PROSE_WORDS = 8
"""Words from which on a line that ends like a sentence is taken as the article's prose."""

MIN_WRAPPED_CHARS = 45
"""Characters: a line this long that does not end a sentence runs on into the next line."""

MAX_CAPTION_CHARS = 300
"""Characters: captions and alt texts have one or two sentences; longer lines are paragraphs."""

MAX_ITEM_WORDS = 25
"""Words: headlines in lists of other stories have up to 20."""

HEAD_LINES = 12
"""Lines from the top in which a byline belongs to the page and not to the story."""

TAIL_LINES = 12
"""Lines from the end in which a byline does."""

_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")
_SENTENCE_END = (*".!?:;…", "\u3002", "\uff01", "\uff1f")
"""Marks at the end of a sentence; the last three are Chinese and Japanese."""
_CLOSERS = "\"'\u201d\u2019»)] \t"
_DATELINE = re.compile(
    r"(?:[A-Z][^()\n]{0,60})?\((?P<agency>CNN|BBC|Reuters|REUTERS|AP|AFP|UPI|dpa|Xinhua|PTI|ANI)\)"
    r"\s{0,3}(?:--|[\-\u2013\u2014])"
)
_CREDIT = re.compile(r"Image (?:source|caption|copyright),")
_NO_TITLE = (" -- ", "](")
"""What a dateline and a Markdown link have and no headline has."""
_UPDATED = re.compile(r"\b(?:updated|last update|modified)\b", re.IGNORECASE)
_PROMPT = re.compile(
    r"(?<![^\s.!?\"\u201d])(?:Watch|See|Read|Listen|Learn|Explore|Hear|View|Find out)\b"
    r"[^.!?»\n\"]{1,150}»"
)
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|Copyright|\s){1,9}(?:[12][0-9]{3}\s{1,3})?(?P<owner>[A-Z][\w ]{1,40})\b"
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank: its offsets without white space around, and what it is."""

    span: Span
    text: str
    kind: Kind
    apart: bool


@dataclass(slots=True)
class _Page:
    """A text under examination: its lines, those to drop, and what they said of the article."""

    lines: Sequence[_Line]
    body: int
    dropped: set[int]
    title: str | None = None
    published: str | None = None
    updated: str | None = None
    authors: tuple[str, ...] = ()
    source: str | None = None


def clean(article: Article) -> Article:
    """Return the article with `kept` set, and title, source, dates and authors where they lacked.

    `kept` are the spans of the text that are the story, in order, disjoint, within the text and
    within what a reader had marked before; the text itself stays as it came. A headline that
    stands in the first line is left out of them. A text of which nothing would be left is kept
    whole. Takes time linear in the text and raises nothing.
    """
    page = _examined(article.text, article.title)
    cleaned = replace(
        article,
        kept=_kept(article, page),
        title=article.title or page.title,
        source=article.source or page.source,
        published=article.published or page.published,
        updated=article.updated or page.updated,
        authors=article.authors or page.authors,
    )
    found = [field for field in FIELDS if not getattr(article, field)]
    return noted(cleaned, "text", fields=found)


def _examined(text: str, title: str | None) -> _Page:
    """Return the page with every line judged, first by itself, then by where it stands."""
    lines = tuple(_lines(text))
    body = next((n for n, line in enumerate(lines) if _is_prose(line)), len(lines))
    page = _Page(lines, body, set())
    _drop_furniture(page)
    _drop_captions(page)
    _take_title(page, title)
    _take_stamps(page)
    _take_bylines(page)
    _drop_lists(page)
    _take_source(page)
    return page


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines that are not blank; a line in the middle of a wrapped sentence is prose."""
    before, previous = 0, ""
    for match in _LINE.finditer(text):
        line = match[0]
        words = line.strip()
        if not words:
            continue
        start = match.start() + len(line) - len(line.lstrip())
        apart = _is_apart(text, before, match.start())
        runs_on = not apart and len(previous) >= MIN_WRAPPED_CHARS and not _ends_sentence(previous)
        kind = kind_of(words)
        if kind is not Kind.PROSE and runs_on and not words[0].isupper():
            kind = Kind.PROSE
        yield _Line(Span(start, start + len(words)), words, kind, apart)
        before, previous = match.end(), words if kind is Kind.PROSE else ""


def _is_apart(text: str, before: int, start: int) -> bool:
    """Tell whether a blank line, or the text's start, stands between two lines."""
    gap = text[before:start]
    return before == 0 or gap.count("\n") > 1 or gap.count("\r") > 1 or "\u2029" in gap


def _drop_furniture(page: _Page) -> None:
    """Drop the lines that are furniture wherever they stand, and alt texts with their credit."""
    for n, line in enumerate(page.lines):
        if line.kind not in (Kind.PROSE, Kind.STAMP, Kind.BYLINE) or _is_credited(line.text):
            page.dropped.add(n)


def _is_credited(text: str) -> bool:
    """Tell whether a line is an alt text that runs into its credit ("2022.Image source, Getty")."""
    credit = _CREDIT.search(text[: 2 * MAX_CAPTION_CHARS])
    return (
        credit is not None
        and credit.start() <= MAX_CAPTION_CHARS
        and len(text) <= 2 * MAX_CAPTION_CHARS
    )


def _drop_captions(page: _Page) -> None:
    """Drop the caption in the line after one that announces it."""
    for n, line in enumerate(page.lines[:-1]):
        after = page.lines[n + 1]
        if line.kind is Kind.CAPTION_MARK and len(after.text) <= MAX_CAPTION_CHARS:
            page.dropped.add(n + 1)


def _take_title(page: _Page, title: str | None) -> None:
    """Find the headline above the story, and drop it with what stands over it.

    A known title is looked for in all lines up to the first sentence; else the first line that is
    neither furniture nor a single word or two is taken where it fits.
    """
    for n, line in enumerate(page.lines[: page.body + 1]):
        if line.kind is not Kind.PROSE or n in page.dropped:
            continue
        if title is not None:
            found = _same_words(line.text, title)
        elif len(line.text.split()) < MIN_TITLE_WORDS and n < page.body:
            continue
        else:
            found = n + 1 < len(page.lines) and _is_headline(line, page.lines[n + 1])
        if found:
            page.title = " ".join(line.text.lstrip("# ").split())
            page.dropped.update(range(n + 1))
        if found or title is None:
            return


def _take_stamps(page: _Page) -> None:
    """Take the dates of publication and update near the top, and drop the stamps there.

    Stamps that say "Published" or hold no day ("14:05 GMT") go everywhere; a bare date further
    down is a heading of the story.
    """
    announced = -2
    for n, line in enumerate(page.lines):
        if line.kind is Kind.STAMP_MARK:
            announced = n
        if line.kind is not Kind.STAMP:
            continue
        under_mark = announced == n - 1
        near = n < page.body or under_mark
        if near or says_when(line.text) or parse_date(line.text) is None:
            page.dropped.add(n)
        if near:
            mark = page.lines[n - 1].text if under_mark else ""
            _note_dates(page, f"{mark} {line.text}")


def _note_dates(page: _Page, stamp: str) -> None:
    """Note the date after "updated" as the update's, the one before as the publication's."""
    first, *later = _UPDATED.split(stamp, maxsplit=1)
    page.published = page.published or parse_date(first)
    page.updated = page.updated or (parse_date(later[0]) if later else None)


def _take_bylines(page: _Page) -> None:
    """Take the authors from a byline near the top; drop bylines there and at the end."""
    for n, line in enumerate(page.lines):
        at_end = n >= len(page.lines) - TAIL_LINES
        if line.kind is not Kind.BYLINE or not (n < HEAD_LINES or at_end):
            continue
        page.dropped.add(n)
        page.authors = page.authors or author_names(byline_names(line.text))
        if n + 1 < len(page.lines) and is_role(page.lines[n + 1].text):
            page.dropped.add(n + 1)


def _drop_lists(page: _Page) -> None:
    """Drop the topics or headlines under a mark such as "Related topics", up to a sentence."""
    listing = False
    for n, line in enumerate(page.lines):
        if line.kind is Kind.LIST_MARK:
            listing = True
        elif listing and n not in page.dropped:
            listing = _is_item(line)
            if listing:
                page.dropped.add(n)


def _take_source(page: _Page) -> None:
    """Take the outlet from the first dateline ("LONDON, England (CNN) --") or a copyright line."""
    if page.body < len(page.lines) and (match := _DATELINE.match(page.lines[page.body].text)):
        page.source = match["agency"]
        return
    for line in page.lines[-TAIL_LINES:]:
        if line.kind is Kind.FURNITURE and (match := _COPYRIGHT.match(line.text)):
            page.source = match["owner"].strip()


def _kept(article: Article, page: _Page) -> tuple[Span, ...]:
    """Return the runs of lines that stay, within what the reader had marked."""
    text = article.text
    allowed = article.kept or whole(text)
    cuts = [line.span for n, line in enumerate(page.lines) if n in page.dropped]
    cuts += [prompt for line in page.lines for prompt in _prompts(line)]
    cuts += iter_gaps(allowed, len(text))
    gaps = iter_gaps(_joined(cuts), len(text))
    kept = tuple(_trimmed(text, span) for span in gaps if span.of(text).strip())
    return kept or tuple(span for span in allowed if span.of(text).strip())


def _prompts(line: _Line) -> Iterator[Span]:
    """Yield CNN's prompts inside a paragraph: "... he said. Watch the speech »"."""
    for match in _PROMPT.finditer(line.text) if "»" in line.text else ():
        yield Span(line.span.start + match.start(), line.span.start + match.end())


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans in order, those that overlap as one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def _trimmed(text: str, span: Span) -> Span:
    """Return the span, which is not blank, without white space at its ends."""
    words = span.of(text)
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, span.start + len(words.rstrip()))


def _is_prose(line: _Line) -> bool:
    """Tell whether a line is a sentence of the story rather than a heading or furniture."""
    words = line.text.count(" ") + 1
    return line.kind is Kind.PROSE and words >= MIN_PROSE_WORDS and _ends_sentence(line.text)


def _is_headline(line: _Line, after: _Line) -> bool:
    """Tell whether a first line can be the headline, given the line after it."""
    text = line.text.lstrip("# ")
    if len(text) > MAX_TITLE_CHARS or text.count(" ") + 1 < MIN_TITLE_WORDS:
        return False
    if text.endswith((".", ":", ";", ",")) or not _starts_high(text):
        return False
    if any(mark in text for mark in _NO_TITLE):
        return False
    return after.apart or after.kind is not Kind.PROSE or _ends_sentence(after.text)


def _is_item(line: _Line) -> bool:
    """Tell whether a line can be a topic or a headline in a list."""
    ends = line.text.rstrip(_CLOSERS).endswith((".", "!", ":", ";"))
    return line.text.count(" ") < MAX_ITEM_WORDS and not ends


def _ends_sentence(text: str) -> bool:
    """Tell whether a line ends as sentences do."""
    return text.rstrip(_CLOSERS).endswith(_SENTENCE_END)


def _starts_high(text: str) -> bool:
    """Tell whether the first letter is not a small one; scripts without case pass."""
    letter = next((character for character in text if character.isalpha()), "")
    return bool(letter) and not letter.islower()


def _same_words(line: str, title: str) -> bool:
    """Tell whether a line is the title, apart from case, marks and white space."""
    return bool(_words(line)) and _words(line) == _words(title)


def _words(text: str) -> str:
    """Return the letters and figures of a text in lower case."""
    return "".join(filter(str.isalnum, text.casefold()))
