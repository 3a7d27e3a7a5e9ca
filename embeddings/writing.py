"""Articles -> passages -> vectors -> commits; vectors that are stored are not computed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from corpus.errors import ArchiveDamagedError, ArchiveMismatchError
from corpus.passages import SPLITTER_VERSION, PassageSettings, split_passages
from corpus.records import Article, Passage, Span
from embeddings.analysis import pack, wordings_of
from embeddings.encoder import (
    WINDOW,
    Closeable,
    DistributedEncoder,
    Encoder,
    PassageText,
    PassageVectors,
    reading_of,
)
from embeddings.reader import reader_of
from embeddings.rows import EncodedPassage
from embeddings.store import Store

EncoderSource = Callable[[], Encoder]
"""Returns the encoder, loading it when it is first called."""

SPLITTER = "splitter"
"""Name of the setting that tells by which rules an archive's passages were cut, and for which
reader they were encoded."""

RESPLIT = 64
"""Articles that are cut anew at a time when the rules have changed."""

WORDED = 64
"""Passages whose words are worked out together, in arrays over their letters: 0.1 ms a passage of
English, and 1.5 where the index's analyzer takes them one by one."""


@dataclass(frozen=True, slots=True)
class SplitArticle:
    """An article with its passages, not encoded yet."""

    article: Article
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A portion whose encoding has begun: `new` holds the texts that are computed for it by key."""

    articles: list[SplitArticle]
    keys: list[bytes]
    new: dict[bytes, PassageText]
    encoding: Iterator[tuple[int, PassageVectors]]


class ArticleWriter:
    """Splits, encodes and commits articles; `encoded` tells after each passage what still waits.

    The caller holds the archive's lock.
    """

    def __init__(
        self, store: Store, encoder: EncoderSource, encoded: Callable[[int], None]
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._encoded = encoded
        self._begun: deque[_Begun] = deque()
        self.notes: tuple[str, ...] = ()
        """What a distributed encoder said of the run so far."""

    def split(self, article: Article) -> SplitArticle:
        """Return the article with its passages; none where it has no text."""
        encoder = self._encoder()
        settings = PassageSettings(encoder.settings.max_tokens)
        return SplitArticle(article, tuple(split_passages(article, settings, encoder.count_tokens)))

    def write(self, articles: Sequence[SplitArticle]) -> Iterator[list[Article]]:
        """Commit articles, some WINDOW passages at a time; yield what each commit held.

        Where encoding is distributed, commits lag behind: they go on in the calls that follow, in
        the order of the articles, and `finish` makes the last. Raises ArchiveMismatchError where
        the archive holds another model's vectors.
        """
        for portion in _portions(articles):
            self._begun.append(self._begin(portion, self._begun))
            yield from self._commit(down_to=self._ahead())

    def finish(self) -> Iterator[list[Article]]:
        """Commit all that `write` has begun; yield what each commit held."""
        yield from self._commit(down_to=0)

    def _ahead(self) -> int:
        """Return how many portions may be in the making while others are read."""
        encoder = self._encoder()
        return encoder.ahead if isinstance(encoder, DistributedEncoder) else 0

    def _commit(self, *, down_to: int) -> Iterator[list[Article]]:
        """Commit the portions begun first until so many are left."""
        while len(self._begun) > down_to:
            rows = self._rows(begun := self._as_due(self._begun.popleft()))
            with self._store.transaction():
                self._record_settings()
                for item, passages in zip(begun.articles, rows, strict=True):
                    self._store.put_article(item.article, passages)
            yield [item.article for item in begun.articles]

    def resplit(self) -> int:
        """Cut and encode all articles anew where other rules made them; return how many changed.

        What a stopped run has left is done again by the next one, with the vectors it computed.
        Damaged articles stay as they are: they are cut when their files are read again.
        """
        if self._store.setting(SPLITTER) in (None, self._rules()):
            return 0
        keys = [key for _, key in self._store.article_ids()]
        changed = 0
        for at in range(0, len(keys), RESPLIT):
            articles = self._whole_articles(keys[at : at + RESPLIT])
            split = [(key, self.split(article)) for key, article in sorted(articles.items())]
            differing = [item for key, item in split if not self._is_cut_so(key, item)]
            changed += sum(len(portion) for portion in self.write(differing))
        changed += sum(len(portion) for portion in self.finish())
        with self._store.transaction():
            self._record_rules()
        return changed

    def _reading(self) -> str:
        return reading_of(self._encoder())

    def _rules(self) -> str:
        """Return by which rules passages are to be made: how they are cut, for which reader."""
        stored = self._store.encoder
        reader = reader_of(stored) if stored else None
        return f"{SPLITTER_VERSION} {reader.name}" if reader else SPLITTER_VERSION

    def _made_by(self) -> str:
        """Return by which rules passages are made; an encoder may give nothing for the reader."""
        return f"{SPLITTER_VERSION} {self._reading()}".strip()

    def _record_rules(self) -> None:
        self._store.put_setting(SPLITTER, self._made_by())

    def _whole_articles(self, keys: Sequence[int]) -> dict[int, Article]:
        """Return articles by key, without the damaged ones."""
        with suppress(ArchiveDamagedError):
            return self._store.articles_by_key(keys)
        found: dict[int, Article] = {}
        for key in keys:
            with suppress(ArchiveDamagedError):
                found |= self._store.articles_by_key([key])
        return found

    def _is_cut_so(self, key: int, item: SplitArticle) -> bool:
        """Tell whether the stored passages are those of `item`; one without any stays as it is."""
        try:
            stored = [(p.span, p.sentences, p.tokens) for p in self._store.passages_of([key])]
        except ArchiveDamagedError:  # the article is whole, and its passages are made from it
            return False
        if not item.passages:
            return True
        as_now = stored == [(p.span, p.sentences, p.tokens) for p in item.passages]
        reading = self._reading()
        return as_now and self._store.hashes_of(key) == [
            text.key(reading) for text in _texts([item])
        ]

    def _begin(self, articles: list[SplitArticle], before: Iterable[_Begun] = ()) -> _Begun:
        """Begin to encode a portion, but for passages that are stored or part of one before it."""
        texts = _texts(articles)
        reading = self._reading()
        keys = [text.key(reading) for text in texts]
        stored = self._store.has_vectors(keys).union(*(begun.new for begun in before))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in stored}
        encoding = self._encoder().encode_passages(list(new.values())) if new else iter(())
        return _Begun(articles, keys, new, encoding)

    def _as_due(self, begun: _Begun) -> _Begun:
        """Return a portion whose turn has come, begun anew where its passages are not as foreseen.

        Vectors that were kept for later use may have made way for those of the portions before.
        """
        if not self._ahead():
            return begun
        stored = self._store.has_vectors(begun.keys)
        if {*begun.keys} - stored == begun.new.keys():
            return begun
        if isinstance(begun.encoding, Closeable):
            begun.encoding.close()
        return self._begin(begun.articles)

    def _rows(self, begun: _Begun) -> list[list[EncodedPassage]]:
        """Return each article's passages, those whose vectors are not stored yet with vectors."""
        vectors: dict[bytes, PassageVectors] = {}
        names, words = list(begun.new), packed_words(list(begun.new.values()))
        waiting = sum(len(other.new) for other in self._begun)
        for index, found in begun.encoding:
            vectors[names[index]] = replace(found, words=words[index])
            self._encoded(waiting + len(names) - len(vectors))
        if isinstance(encoder := self._encoder(), DistributedEncoder):
            self.notes = encoder.notes
        keys = iter(begun.keys)
        return [
            [_row(passage, next(keys), vectors) for passage in item.passages]
            for item in begun.articles
        ]

    def _record_settings(self) -> None:
        settings = self._encoder().settings
        stored = self._store.encoder
        if stored is None:
            self._store.put_encoder(settings)
            self._record_rules()
        elif stored != settings:
            raise ArchiveMismatchError(mismatch(self._store, stored.model, settings.model))
        elif self._store.setting(SPLITTER) == self._rules() != self._made_by():
            self._record_rules()  # what is added has nothing for the reader: a later run sees to it


def mismatch(store: Store, stored: str, asked: str) -> str:
    """Return the message for an archive that holds another model's vectors."""
    where = store.place if store.is_shared else store.directory
    return (
        f"the archive in {where} was made with the model {stored!r} and {asked!r} was"
        f" asked for, or its files differ: use `--model {stored}`,"
        " or index into another archive with the other model"
    )


def _portions(articles: Sequence[SplitArticle]) -> Iterator[list[SplitArticle]]:
    """Cut articles into runs of some WINDOW passages each."""
    portion: list[SplitArticle] = []
    size = 0
    for item in articles:
        portion.append(item)
        size += len(item.passages)
        if size >= WINDOW:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _texts(articles: Iterable[SplitArticle]) -> list[PassageText]:
    return [text_of(item.article, passage) for item in articles for passage in item.passages]


def text_of(article: Article, passage: Passage) -> PassageText:
    """Return a passage as it is encoded."""
    sentences = tuple(
        Span(span.start - passage.start, span.end - passage.start) for span in passage.sentences
    )
    return PassageText(article.title, passage.span.of(article.text), sentences)


def packed_words(texts: Sequence[PassageText]) -> list[bytes]:
    """Return the words of passages as they are stored."""
    found: list[bytes] = []
    for at in range(0, len(texts), WORDED):
        told = [
            (text.text, tuple([(span.start, span.end) for span in text.sentences]))
            for text in texts[at : at + WORDED]
        ]
        found += map(pack, wordings_of(told))
    return found


def _row(passage: Passage, key: bytes, vectors: dict[bytes, PassageVectors]) -> EncodedPassage:
    return EncodedPassage(passage, key, vectors.get(key))
