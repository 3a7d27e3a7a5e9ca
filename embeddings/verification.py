"""Check a whole archive: the database, every offset, every vector, every derived file."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.errors import ArchiveDamagedError, NewsArchiveError
from corpus.records import Article
from embeddings import derived
from embeddings.store import Store, StoredPassage


def verify(store: Store) -> list[str]:
    """Return what is wrong, in plain words; nothing where every byte and offset is right."""
    with store.snapshot():
        found = [f"{store.path}: {problem}" for problem in store.integrity()]
        found += _articles(store)
        found += derived.problems(store)
    return found


def _articles(store: Store) -> Iterator[str]:
    """Yield the problems of articles, their passages and vectors."""
    for article_id, key in store.article_ids():
        try:
            article = store.articles_by_key([key])[key]
            keys = store.passage_keys_of([key])
            vectors = store.vectors(keys)
            for passage in store.passages(keys):
                yield from _offsets(article, passage)
                rows = vectors[passage.key].sentences.shape[0] if passage.key in vectors else 0
                if rows != len(passage.sentences):
                    yield f"{article_id}: passage {passage.n} lacks vectors"
        except (NewsArchiveError, ValueError, KeyError) as error:
            wrong = str(error) if isinstance(error, ArchiveDamagedError) else repr(error)
            yield f"{article_id}: {wrong}"


def _offsets(article: Article, passage: StoredPassage) -> Iterator[str]:
    """Yield a problem where a passage or a sentence of it lies where it cannot."""
    where = f"{article.id}: passage {passage.n}"
    if not 0 <= passage.span.start < passage.span.end <= len(article.text):
        yield f"{where} lies outside the article's {len(article.text)} characters"
    outside = [span for span in passage.sentences if not passage.span.contains(span)]
    if outside:
        yield f"{where} has a sentence outside itself, at {outside[0].start}"
