"""Article -> passages: whole sentences packed to the model's limit, as evenly as they go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpus.records import Article, Passage, Span
from corpus.sentences import paragraph_starts, split_sentences

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Returns the number of the model's word pieces in each text, special tokens not counted."""

SPLITTER_VERSION = "4"
"""Names this module's and the sentence splitter's rules; kept with the archive."""

MAX_HEADLINE_SHARE = 0.25
"""Share of the model's limit that the headline may take; the rest of a longer one is cut off."""

PARAGRAPH_COST = 0.10
"""Cost of ending a passage inside a paragraph, in squared shares of the limit (as slack is)."""


@dataclass(frozen=True, slots=True)
class PassageSettings:
    """What shapes passages: the limit in word pieces (headline in, special tokens not counted)."""

    max_tokens: int
    version: str = SPLITTER_VERSION


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a part of one that is longer than the limit."""

    span: Span
    tokens: int
    starts_paragraph: bool


def split_passages(
    article: Article, settings: PassageSettings, count_tokens: TokenCounter
) -> list[Passage]:
    """Return the article's passages, in order and disjoint.

    Together they hold every sentence of the kept spans. None crosses from one kept span into the
    next unless only whitespace parts the two, and none is longer than `settings.max_tokens` word
    pieces together with the headline. A sentence longer than that is cut between words.
    """
    limit = body_limit(article.title, settings, count_tokens)
    passages: list[Passage] = []
    for region in _regions(article):
        pieces = _pieces(article.text, region, limit, count_tokens)
        for first, last in _pack(pieces, limit):
            chosen = pieces[first:last]
            passages.append(_passage(article.id, len(passages), chosen))
    return passages


def body_limit(title: str | None, settings: PassageSettings, count_tokens: TokenCounter) -> int:
    """Return how many word pieces remain for a passage beside its headline."""
    if not title:
        return settings.max_tokens
    headline = min(count_tokens([title])[0], int(settings.max_tokens * MAX_HEADLINE_SHARE))
    return settings.max_tokens - headline


def _regions(article: Article) -> list[Span]:
    """Join kept spans that only whitespace parts; what is left apart has furniture between."""
    regions: list[Span] = []
    for span in article.kept:
        if regions and not article.text[regions[-1].end : span.start].strip():
            regions[-1] = Span(regions[-1].start, span.end)
        else:
            regions.append(span)
    return regions


def _pieces(text: str, region: Span, limit: int, count_tokens: TokenCounter) -> list[_Piece]:
    """Return the region's sentences with their sizes, those over the limit cut between words."""
    sentences = split_sentences(text, [region])
    if not sentences:
        return []
    counts = count_tokens([sentence.of(text) for sentence in sentences])
    starts = paragraph_starts(text, sentences)
    pieces: list[_Piece] = []
    for sentence, tokens, starts_paragraph in zip(sentences, counts, starts, strict=True):
        if tokens <= limit:
            pieces.append(_Piece(sentence, tokens, starts_paragraph))
        else:
            pieces.extend(_cut(text, sentence, limit, starts_paragraph, count_tokens))
    return pieces


def _cut(
    text: str, sentence: Span, limit: int, starts_paragraph: bool, count_tokens: TokenCounter
) -> list[_Piece]:
    """Cut a long sentence into parts within the limit: between words, inside one if it must."""
    parts: list[_Piece] = []
    words = _bounded(text, _words(text, sentence), limit, count_tokens)
    counts = count_tokens([word.of(text) for word in words])
    start, size = 0, 0
    for index, count in enumerate([*counts, limit + 1]):
        if size and size + count > limit:
            span = Span(words[start].start, words[index - 1].end)
            parts.append(_Piece(span, size, starts_paragraph and not parts))
            start, size = index, 0
        size += count
    return parts


def _words(text: str, sentence: Span) -> list[Span]:
    """Return the runs of the sentence between whitespace."""
    words, at = [], sentence.start
    for word in sentence.of(text).split():
        start = text.index(word, at)
        at = start + len(word)
        words.append(Span(start, at))
    return words


def _bounded(text: str, words: list[Span], limit: int, count_tokens: TokenCounter) -> list[Span]:
    """Halve words that are longer than the limit by themselves until each part fits."""
    counts = count_tokens([word.of(text) for word in words])
    fitting: list[Span] = []
    for word, count in zip(words, counts, strict=True):
        if count <= limit or len(word) == 1:
            fitting.append(word)
            continue
        middle = (word.start + word.end) // 2
        halves = [Span(word.start, middle), Span(middle, word.end)]
        fitting.extend(_bounded(text, halves, limit, count_tokens))
    return fitting


def _pack(pieces: list[_Piece], limit: int) -> list[tuple[int, int]]:
    """Group neighbours into passages of at most `limit` word pieces; return (first, last + 1).

    Minimises the sum over passages of the squared share of the limit that stays empty, plus a
    cost for ends inside a paragraph: as few passages as fit, of even length (the line breaking of
    Knuth and Plass, 1981, "Breaking paragraphs into lines", with sentences for words).
    """
    best = [0.0] + [float("inf")] * len(pieces)
    previous = [0] * (len(pieces) + 1)
    for end in range(1, len(pieces) + 1):
        closes = end == len(pieces) or pieces[end].starts_paragraph
        size = 0
        for start in range(end - 1, -1, -1):
            size += pieces[start].tokens
            if size > limit and start < end - 1:
                break
            slack = max(0.0, 1 - size / limit)
            cost = best[start] + slack * slack + (0.0 if closes else PARAGRAPH_COST)
            if cost < best[end]:
                best[end], previous[end] = cost, start
    groups, end = [], len(pieces)
    while end:
        groups.append((previous[end], end))
        end = previous[end]
    return groups[::-1]


def _passage(article_id: str, n: int, pieces: list[_Piece]) -> Passage:
    return Passage(
        article_id=article_id,
        n=n,
        start=pieces[0].span.start,
        end=pieces[-1].span.end,
        sentences=tuple(piece.span for piece in pieces),
        tokens=sum(piece.tokens for piece in pieces),
    )
