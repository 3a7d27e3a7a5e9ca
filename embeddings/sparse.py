"""BM25 with tantivy: documents of a headline and a body, each under an integer key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy

from embeddings.checked import UnusableFilesError

Keys = npt.NDArray[np.int64]

TOKENIZER = "news"
"""Name under which the analyzer below is registered with tantivy."""

LONGEST_TERM = 60
"""Characters: longer runs of letters are no words and are not indexed."""

WRITER_BYTES = 64_000_000
"""Memory of the writer before it flushes a segment (tantivy's least is 15 MB a thread)."""

TITLE_BOOST = 0.6
"""Weight of a term in the headline against one in the body; tuned on shared/bench by article."""


@cache
def _analyzer() -> Any:
    """Return the one text analyzer: words of letters and digits, lower case, no accents, stems."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def analyze(text: str) -> list[str]:
    """Return the terms of a text, in order, as the index holds them."""
    terms: list[str] = _analyzer().analyze(text.encode("utf-8", "replace").decode())
    return terms


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", stored=False, indexed=True, fast=True)
    builder.add_text_field("title", stored=False, tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_text_field("body", stored=False, tokenizer_name=TOKENIZER, index_option="freq")
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
            self._index.register_tokenizer(TOKENIZER, _analyzer())
            self._searcher = self._index.searcher()
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

    def search(
        self, terms: dict[str, float], k: int, allowed: Sequence[int] | Keys | None = None
    ) -> list[tuple[int, float]]:
        """Return the k best (key, score) for weighted terms, best first.

        `allowed` limits the search to these keys.
        """
        if not terms or k < 1 or (allowed is not None and not len(allowed)):
            return []
        query = self._query(terms)
        if allowed is not None:
            query = self._within(query, allowed)
        depth = k + 1
        hits = self._searcher.search(query, depth, count=False).hits
        while len(hits) == depth and hits[-1][0] == hits[k - 1][0]:
            depth *= 2  # the k-th score has equals that were not seen yet
            hits = self._searcher.search(query, depth, count=False).hits
        keys = self._searcher.fast_field_values("key", [address for _, address in hits])
        pairs = [
            (int(key), float(score))
            for key, (score, _) in zip(keys, hits, strict=True)
            if key is not None
        ]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:k]

    def document_frequency(self, term: str) -> int:
        """Return in how many bodies a term occurs."""
        return int(self._searcher.doc_freq("body", term))

    def occur_together(self, terms: Iterable[str]) -> bool:
        """Tell whether a document holds all of the terms, in the headline or the body."""
        each = [
            (tantivy.Occur.Must, tantivy.Query.boolean_query(list(self._in_either_field(term))))
            for term in terms
        ]
        return bool(self._searcher.search(tantivy.Query.boolean_query(each), 1, count=False).hits)

    def _in_either_field(self, term: str) -> Iterator[tuple[Any, Any]]:
        for field in ("body", "title"):
            query = tantivy.Query.term_query(self._index.schema, field, term, "freq")
            yield tantivy.Occur.Should, query

    def _query(self, terms: dict[str, float]) -> Any:
        clauses = []
        for term, weight in sorted(terms.items()):
            for field, boost in (("body", 1.0), ("title", TITLE_BOOST)):
                query = tantivy.Query.term_query(self._index.schema, field, term, "freq")
                query = tantivy.Query.boost_query(query, weight * boost)
                clauses.append((tantivy.Occur.Should, query))
        return tantivy.Query.boolean_query(clauses)

    def _having(self, keys: Sequence[int] | Keys) -> Any:
        values = np.asarray(keys, dtype=np.int64).tolist()
        return tantivy.Query.term_set_query(self._index.schema, "key", values)

    def _within(self, query: Any, allowed: Sequence[int] | Keys) -> Any:
        silent = tantivy.Query.const_score_query(self._having(allowed), 0.0)
        required = [(tantivy.Occur.Must, silent), (tantivy.Occur.Must, query)]
        return tantivy.Query.boolean_query(required)


def _document(key: int, title: str, body: str) -> Any:
    document = tantivy.Document()
    document.add_unsigned("key", key)
    document.add_text("title", title.encode("utf-8", "replace").decode())
    document.add_text("body", body.encode("utf-8", "replace").decode())
    return document


def _raise_refusal(error: Exception) -> None:
    """Raise OSError where tantivy's error, which is a ValueError for all causes, is the disk's."""
    if isinstance(error, OSError):
        raise error
    if "IoError" in str(error) or "os error" in str(error):
        told = re.search(r'message: "([^"]+)"', str(error))
        raise OSError(told[1] if told else f"tantivy: {error}") from error
