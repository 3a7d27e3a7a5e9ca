"""Check a whole archive: the database, every offset, every vector, every derived file."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.errors import ArchiveDamagedError, NewsArchiveError
from corpus.records import Article
from embeddings import catching_up, derived, onnx
from embeddings.rows import StoredPassage
from embeddings.store import Store


def verify(store: Store) -> list[str]:
    """Return what is wrong, in plain words; nothing where every byte and offset is right."""
    try:
        with store.snapshot():
            found = [f"{store.place}: {problem}" for problem in store.integrity()]
            _ = store.generation, store.encoder, store.files()  # raises where they are damaged
            found += [f"{store.place}: {problem}" for problem in store.miscounted()]
            if spares := store.damaged_spares():
                found.append(
                    f"{store.place}: {len(spares)} vectors of removed passages are damaged"
                )
            found += [f"{article_id}: {problem}" for article_id, problem in article_problems(store)]
            found += derived.problems(store) + onnx.problems(store.directory)
            found += catching_up.problems(store)
    except ArchiveDamagedError as error:
        return [str(error)]
    return found


def article_problems(store: Store) -> Iterator[tuple[str, str]]:
    """Yield (id, problem) of articles, their earlier versions, passages and vectors."""
    for article_id, key in store.article_ids():
        try:
            article = store.articles_by_key([key])[key]
            store.versions(article_id)  # raises where one is damaged
            passages = store.passages_of([key])
            vectors = store.vectors(passage.key for passage in passages)
            for passage in passages:
                for problem in _offsets(article, passage):
                    yield article_id, problem
                if vectors[passage.key].sentences.shape[0] != len(passage.sentences):
                    yield article_id, f"passage {passage.n} lacks vectors"
            if not passages:
                yield article_id, "it has no passages, so no question finds it"
        except (NewsArchiveError, ValueError, KeyError) as error:
            yield article_id, str(error) if isinstance(error, ArchiveDamagedError) else repr(error)


def _offsets(article: Article, passage: StoredPassage) -> Iterator[str]:
    """Yield a problem where the passage or a sentence does not lie inside the article's text."""
    where = f"passage {passage.n}"
    if not 0 <= passage.span.start < passage.span.end <= len(article.text):
        yield f"{where} lies outside the article's {len(article.text)} characters"
    outside = [span for span in passage.sentences if not passage.span.contains(span)]
    if outside:
        yield f"{where} has a sentence outside itself, at {outside[0].start}"
