"""Check a whole archive: the database, every offset, every vector, every derived file."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.errors import ArchiveDamagedError, NewsArchiveError
from corpus.records import Article
from embeddings import derived
from embeddings.rows import StoredPassage
from embeddings.store import Store


def verify(store: Store) -> list[str]:
    """Return what is wrong, in plain words; nothing where every byte and offset is right."""
    try:
        with store.snapshot():
            found = [f"{store.path}: {problem}" for problem in store.integrity()]
            _ = store.generation, store.encoder, store.files()  # raises where they are damaged
            found += _articles(store)
            found += derived.problems(store)
    except ArchiveDamagedError as error:
        return [str(error)]
    return found


def _articles(store: Store) -> Iterator[str]:
    """Yield the problems of articles, their passages and vectors."""
    filed = store.filed()
    for article_id, key in store.article_ids():
        try:
            article = store.articles_by_key([key])[key]
            passages = store.passages_of([key])
            vectors = store.vectors(passage.key for passage in passages)
            for passage in passages:
                yield from _offsets(article, passage)
                rows = vectors[passage.key].sentences.shape[0] if passage.key in vectors else 0
                if rows != len(passage.sentences):
                    yield f"{article_id}: passage {passage.n} lacks vectors"
            if filed[key] != (article.source, article.published):
                yield f"{article_id}: filters take it for {filed[key]}, which it is not"
            if not passages:
                yield f"{article_id}: it has no passages, so no question finds it"
        except (NewsArchiveError, ValueError, KeyError) as error:
            wrong = str(error) if isinstance(error, ArchiveDamagedError) else repr(error)
            yield f"{article_id}: {wrong}"


def _offsets(article: Article, passage: StoredPassage) -> Iterator[str]:
    """Yield a problem where the passage or a sentence does not lie inside the article's text."""
    where = f"{article.id}: passage {passage.n}"
    if not 0 <= passage.span.start < passage.span.end <= len(article.text):
        yield f"{where} lies outside the article's {len(article.text)} characters"
    outside = [span for span in passage.sentences if not passage.span.contains(span)]
    if outside:
        yield f"{where} has a sentence outside itself, at {outside[0].start}"
