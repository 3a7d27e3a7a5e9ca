"""Put back the paragraphs that an extraction lost and that the page's own JSON-LD text confirms."""

from __future__ import annotations

from collections.abc import Sequence

from lxml.html import HtmlElement

from corpus.readers.markup import visible_paragraphs

MIN_BODY_CHARS = 600
"""Letters and figures: shorter texts in JSON-LD are often teasers."""

MIN_CONFIRMED = 0.8
"""Share of the extraction that the JSON-LD text must have too, to be of the same article."""

MIN_GAIN = 1.08
"""Ratio of lengths from which on paragraphs were lost; below it, what differs are headings and
lists, which JSON-LD leaves out. All three were set on every other page of shared/bench/extraction.
"""

MAX_COMPARED_CHARS = 200_000
"""Characters of JSON-LD text that paragraphs are looked for in; the search takes time with each."""


def page_prose(tree: HtmlElement) -> tuple[str, ...]:
    """Return all visible paragraphs of a page, in order."""
    return tuple(visible_paragraphs(tree))


def restored(found: Sequence[str], prose: Sequence[str], stated: str) -> Sequence[str]:
    """Return the paragraphs of a page that its stated text confirms, if these are more, else found.

    `found` are the extracted paragraphs, `prose` all of the page, `stated` the text in JSON-LD.
    Only words that stand in the page itself are returned, so that they can be shown there.
    """
    body = _bare(stated[:MAX_COMPARED_CHARS])
    extracted = [_bare(paragraph) for paragraph in found]
    length = sum(map(len, extracted))
    confirmed = sum(len(paragraph) for paragraph in extracted if paragraph in body)
    if len(body) < max(MIN_BODY_CHARS, MIN_GAIN * length) or confirmed < MIN_CONFIRMED * length:
        return found
    named = {key: paragraph for paragraph in reversed(prose) if (key := _bare(paragraph)) in body}
    kept = [paragraph for key, paragraph in reversed(named.items()) if key]
    return kept if sum(map(len, filter(None, named))) >= MIN_GAIN * length else found


def _bare(text: str) -> str:
    """Return the letters and figures of a text in lower case."""
    return "".join(filter(str.isalnum, text.casefold()))
