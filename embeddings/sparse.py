"""BM25 with tantivy: documents of a headline and a body, each under an integer key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from corpus.languages import language_of
from embeddings.checked import UnusableFilesError
from embeddings.keys import Keys, as_keys, is_in

TOKENIZER = "news"
"""Name under which the analyzer below is registered with tantivy."""

LONGEST_TERM = 60
"""Characters: longer runs of letters are no words and are not indexed."""

WRITER_BYTES = 64_000_000
"""Memory of the writer before it flushes a segment (tantivy's least is 15 MB a thread)."""

FILTER_ROOM = 3
"""Times as many documents as would hold k of the wanted ones, if they were spread evenly."""

FEW = 200
"""Keys up to which each is looked up by itself: a fifth of the time that a set of them takes, in
which tantivy goes through the index's list of keys."""

MOST_FILTERED = 20_000
"""Documents that are looked through for wanted ones, in some 20 ms; where they are rarer, tantivy
is told their keys, which takes it longer the more there are."""

TITLE_BOOST = 0.6
"""Weight of a term in the headline against one in the body; tuned on shared/bench by article."""


FIELDS = (("body", 1.0), ("title", TITLE_BOOST), ("own", 1.0))
"""Where a term is looked for, and its weight there; "own" holds the stems of other languages."""

LANGUAGES = frozenset(
    """
    arabic danish dutch finnish french german greek hungarian italian norwegian portuguese romanian
    russian spanish swedish tamil turkish
    """.split()
)
"""Languages that tantivy has a stemmer for, beside English."""

QUERIES = 64
"""Queries that are kept: the passages are searched twice for one, and the articles once."""

SHORT, KNOWN_TEXTS = 64, 8_192
"""Characters of a text whose terms are kept, and how many such texts are."""

KEYS = 16_384
"""Keys whose clauses are kept: making those of 40 takes 0.03 ms of a question."""

_UNSPACED = (
    "\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17dd"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese
    "\uac00-\ud7a3"  # Korean, whose spaces part more than words
)
_MARKS = "\u2019\u2018\u201c\u201d\u2013\u2014\u2026\u00a0"
"""Quotation marks, dashes, dots and spaces of print: no part of a word, as the analyzer has it."""
_BEYOND_LATIN = re.compile("[\u00ad\u0900-\U0010ffff]")
_RUN = re.compile(f"[{_UNSPACED}]+")
_JOINERS = re.compile(
    "[\u00ad\u200b-\u200d\u2060\ufeff"  # what may stand inside a word and shows nothing
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d]"  # marks that join Indic letters
)


@cache
def _analyzer(language: str) -> Any:
    """Return a language's text analyzer: words of letters and digits, lower case, plain, stems."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.stemmer(language))
        .filter(tantivy.Filter.ascii_fold())
        .build()
    )


@cache
def _english() -> Any:
    """Return the analyzer of all texts; accents go first, as few English words have any."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def analyze(text: str) -> list[str]:
    """Return the terms of a text, in order, as the index holds them.

    They are English stems, and behind each the stem in the text's own language where this is known
    and another one. Scripts without spaces come in overlapping pairs of letters.
    """
    return [*_known_terms(text)] if len(text) <= SHORT else _terms(text)


@lru_cache(maxsize=KNOWN_TEXTS)
def _known_terms(text: str) -> tuple[str, ...]:
    """Return the terms of a name or a word, which questions ask for again and again."""
    return tuple(_terms(text))


def _terms(text: str) -> list[str]:
    plain = _plain(text)
    terms: list[str] = _english().analyze(plain)
    own = _own_stems(plain)
    if len(own) != len(terms):
        return terms
    pairs = zip(terms, own, strict=True)
    return [stem for term, other in pairs for stem in ((term,) if term == other else (term, other))]


def english_stems(words: Sequence[str]) -> list[str]:
    """Return the English stem of each word, in lower case, as the index has it.

    Words are runs of letters and digits that are plain (`corpus.tokens`) and shorter than
    LONGEST_TERM; ValueError for others.
    """
    stems: list[str] = _english().analyze("\n".join(words))
    if len(stems) != len(words):
        raise ValueError(f"{len(words)} words have {len(stems)} stems: expected plain words")
    return stems


def has_own_stems(text: str) -> bool:
    """Tell whether `analyze` gives stems of another language beside English ones."""
    return language_of(_plain(text)) in LANGUAGES


def _own_stems(plain: str) -> list[str]:
    """Return the stems of a text in its language; nothing for English and what is not certain."""
    language = language_of(plain)
    return list(_analyzer(language).analyze(plain)) if language in LANGUAGES else []


def _plain(text: str) -> str:
    """Return a text in the form that is analysed: composed letters, pairs where no spaces are."""
    if text.isascii():
        return text
    for mark in _MARKS:  # in most texts these are all there is beyond ASCII
        text = text.replace(mark, " ")
    if text.isascii():
        return text
    text = text.encode("utf-8", "replace").decode()
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    if not _BEYOND_LATIN.search(text):
        return text
    return _RUN.sub(_in_pairs, _JOINERS.sub("", text))


def _in_pairs(run: re.Match[str]) -> str:
    """Return a run of letters without spaces as its overlapping pairs, vowel signs left out."""
    letters = "".join(filter(str.isalnum, run[0]))
    pairs = map("".join, pairwise(letters)) if len(letters) > 1 else letters
    return f" {' '.join(pairs)} "


@cache
def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", stored=False, indexed=True, fast=True)
    builder.add_text_field("title", stored=False, tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_text_field("body", stored=False, tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_text_field("own", stored=False, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


class SparseIndex:
    """A tantivy index in a folder. Scores are BM25 (k1 = 1.2, b = 0.75), ties break by key.

    Raises UnusableFilesError where the folder holds something else, OSError where the disk
    refuses; tantivy writes a lock file even to read.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._index = tantivy.Index(_schema(), path=str(folder), reuse=True)
            self._index.register_tokenizer(TOKENIZER, _english())
            self._searcher = self._index.searcher()
            self._gone: frozenset[int] = frozenset()
        except (ValueError, OSError) as error:
            _raise_refusal(error)
            raise UnusableFilesError(f"{folder} is no tantivy index: it is rebuilt") from error

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def update(self, add: Iterable[tuple[int, str, str]], remove: Sequence[int] = ()) -> None:
        """Add (key, headline, body) and remove keys, in one commit.

        Raises OSError where the disk refuses.
        """
        try:
            writer = self._index.writer(WRITER_BYTES, 1)
            if remove:  # by query: delete_documents_by_term finds no integer (tantivy 0.27)
                writer.delete_documents_by_query(self._having(remove))
            for document in add:
                writer.add_document(_document(*document))
            writer.commit()
            writer.wait_merging_threads()
            self._index.reload()
        except ValueError as error:
            _raise_refusal(error)
            raise
        self._searcher = self._index.searcher()

    def without(self, removed: Iterable[int]) -> SparseIndex:
        """Return the index without these keys, in memory alone; it is not to be updated."""
        other = copy(self)
        other._gone = self._gone.union(removed)
        return other

    def search(
        self, terms: dict[str, float], k: int, allowed: Sequence[int] | Keys | None = None
    ) -> list[tuple[int, float]]:
        """Return the k best (key, score) for weighted terms, best first.

        `allowed` limits the search to these keys.
        """
        if not terms or k < 1 or (allowed is not None and not len(allowed)):
            return []
        query = _query(tuple(sorted(terms.items())))
        if allowed is None:
            hits = self._best(query, k + len(self._gone))
            return [hit for hit in hits if hit[0] not in self._gone][:k]
        wanted = as_keys(allowed)
        if self._gone:
            wanted = wanted[~is_in(wanted, as_keys([*self._gone]))]
        found = self._filtered(query, k, wanted) if len(wanted) > FEW else None
        return self._best(self._within(query, wanted), k) if found is None else found

    def _filtered(self, query: Any, k: int, wanted: Keys) -> list[tuple[int, float]] | None:
        """Return the k best of the wanted, picked from the best of all; None where they are few."""
        depth = FILTER_ROOM * k * len(self) // max(len(wanted), 1) + 1
        if depth > MOST_FILTERED:
            return None
        hits = self._searcher.search(query, depth, count=False).hits
        keys = as_keys(self._keys_of(hits))
        scores = np.array([score for score, _ in hits])
        inside = is_in(keys, wanted)
        keys, own = keys[inside], scores[inside]
        order = np.lexsort((keys, -own))
        pairs = list(zip(keys[order].tolist(), own[order].tolist(), strict=True))
        is_whole = len(hits) < depth or (len(pairs) >= k and pairs[k - 1][1] > scores[-1])
        return pairs[:k] if is_whole else None

    def _best(self, query: Any, k: int) -> list[tuple[int, float]]:
        """Return the k best (key, score), best first."""
        depth = k + 1
        hits = self._searcher.search(query, depth, count=False).hits
        while len(hits) == depth and hits[-1][0] == hits[k - 1][0]:
            depth *= 2  # the k-th score has equals that were not seen yet
            hits = self._searcher.search(query, depth, count=False).hits
        keys = self._keys_of(hits)
        ordered = sorted([(-score, key) for (score, _), key in zip(hits, keys, strict=True)])
        return [(key, -score) for score, key in ordered[:k]]

    def _keys_of(self, hits: Sequence[tuple[float, Any]]) -> list[int]:
        """Return the keys of documents that were found."""
        values = self._searcher.fast_field_values("key", [address for _, address in hits])
        return [int(value) for value in values if value is not None]

    def document_frequency(self, term: str) -> int:
        """Return in how many bodies a term occurs."""
        return max(int(self._searcher.doc_freq(field, term)) for field in ("body", "own"))

    def occur_together(self, terms: Iterable[str]) -> bool:
        """Tell whether a document holds all of the terms, in the headline or the body."""
        each = [
            (tantivy.Occur.Must, tantivy.Query.boolean_query(list(self._in_either_field(term))))
            for term in terms
        ]
        return bool(self._searcher.search(tantivy.Query.boolean_query(each), 1, count=False).hits)

    def _in_either_field(self, term: str) -> Iterator[tuple[Any, Any]]:
        for field in ("body", "title", "own"):
            query = tantivy.Query.term_query(self._index.schema, field, term, "freq")
            yield tantivy.Occur.Should, query

    def _having(self, keys: Sequence[int] | Keys) -> Any:
        listed = as_keys(keys).tolist()
        if len(listed) > FEW:
            return tantivy.Query.term_set_query(self._index.schema, "key", listed)
        return tantivy.Query.boolean_query([*map(_with_key, listed)])

    def _within(self, query: Any, allowed: Sequence[int] | Keys) -> Any:
        silent = tantivy.Query.const_score_query(self._having(allowed), 0.0)
        required = [(tantivy.Occur.Must, silent), (tantivy.Occur.Must, query)]
        return tantivy.Query.boolean_query(required)


@lru_cache(maxsize=KEYS)
def _with_key(key: int) -> Any:
    """Return the clause that takes a document by its key."""
    return tantivy.Occur.Should, tantivy.Query.term_query(_schema(), "key", key, "basic")


@lru_cache(maxsize=QUERIES)
def _query(terms: tuple[tuple[str, float], ...]) -> Any:
    """Return the query for weighted terms, of any index here: all have one schema."""
    clauses = []
    schema = _schema()
    for term, weight in terms:
        for field, boost in FIELDS:
            query = tantivy.Query.term_query(schema, field, term, "freq")
            query = tantivy.Query.boost_query(query, weight * boost)
            clauses.append((tantivy.Occur.Should, query))
    return tantivy.Query.boolean_query(clauses)


def _document(key: int, title: str, body: str) -> Any:
    document = tantivy.Document()
    document.add_unsigned("key", key)
    title, body = _plain(title), _plain(body)
    document.add_text("title", title)
    document.add_text("body", body)
    if own := _own_stems(f"{body}\n{title}"):
        common = {*_english().analyze(body)}
        document.add_text("own", " ".join(stem for stem in own if stem not in common))
    return document


def _raise_refusal(error: Exception) -> None:
    """Raise OSError where tantivy's error, which is a ValueError for all causes, is the disk's."""
    if isinstance(error, OSError):
        raise error
    if "IoError" in str(error) or "os error" in str(error):
        told = re.search(r'message: "([^"]+)"', str(error))
        raise OSError(told[1] if told else f"tantivy: {error}") from error
