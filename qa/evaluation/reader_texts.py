"""SQuAD's paragraphs -> passages and questions that a reader learns from, some of them held out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from corpus.errors import UsageError
from corpus.passages import PassageSettings, split_passages
from corpus.records import Article, Passage, Span
from embeddings.encoder import Encoder, PassageText
from embeddings.writing import text_of
from qa.analysis import Flags, Ints
from qa.evaluation import squad
from qa.evaluation.gold import GoldQuestion

HELD_OUT = 0.03
"""Share of the paragraphs that are measured and not learned from: some 1,100 of 37,000 questions,
whose Success@1 has a standard error of .013."""

TITLED = 0.5
"""Share of the paragraphs that keep their headline: a reader meets passages with and without."""

Watch = Callable[[str, int, int], None]
"""Is told what goes on, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the passage that answers it, and the sentences there that hold the answer."""

    question: str
    passage: int
    sentences: tuple[int, ...]


@dataclass(slots=True)
class Texts:
    """Passages and the questions asked of them.

    Of each passage it is known which paragraph and which file it came from, both as numbers, and
    the checksum of its paragraph.
    """

    passages: list[PassageText] = field(default_factory=list)
    paragraphs: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def answered(self) -> Ints:
        """Return for each question the passage that answers it, (questions,)."""
        return np.array([asked.passage for asked in self.asked], dtype=np.int64)

    def held_out(self) -> Flags:
        """Tell which questions are held out, (questions,): all of a HELD_OUT share of paragraphs.

        A paragraph's checksum decides: it is the same paragraphs for any seed and order of files,
        and what occurs twice is held out twice.
        """
        checksums = np.array(self.checksums, dtype=np.int64)[self.answered]
        apart = np.unique(checksums)
        return np.asarray(checksums <= apart[int(HELD_OUT * len(apart))], dtype=np.bool_)


def read_texts(
    paths: Sequence[Path], encoder: Encoder, random: np.random.Generator, watch: Watch
) -> Texts:
    """Read SQuAD files; TITLED of the paragraphs keep their headlines, `random` chooses which.

    Raises UsageError where a file cannot be opened or no question has an answer, and ReadError
    where it is not SQuAD's.
    """
    texts = Texts()
    for number, path in enumerate(paths):
        try:
            data = squad.load(path)
        except OSError as error:
            raise UsageError(
                f"cannot read {path}: {error.strerror}; expected questions as SQuAD's JSON"
            ) from error
        _add(texts, number, squad.articles(data), squad.questions(path, data), encoder, random)
        watch("reading", number + 1, len(paths))
    if not texts.asked:
        names = ", ".join(map(str, paths))
        raise UsageError(f"no question in {names} has an answer: there is nothing to learn from")
    return texts


def _add(
    texts: Texts,
    file: int,
    records: Iterable[dict[str, Any]],
    questions: Iterable[GoldQuestion],
    encoder: Encoder,
    random: np.random.Generator,
) -> None:
    """Add a file's paragraphs and what is asked of them."""
    settings = PassageSettings(encoder.settings.max_tokens)
    passages: dict[str, list[tuple[int, Passage]]] = {}
    for record in records:
        text, name = record["text"], record["id"]
        keeps = random.random() < TITLED
        title = record.get("title") if keeps else None
        article = Article(id=name, text=text, title=title, kept=(Span(0, len(text)),))
        split = split_passages(article, settings, encoder.count_tokens)
        first, paragraph = len(texts.passages), texts.paragraphs[-1] + 1 if texts.paragraphs else 0
        passages[name] = list(enumerate(split, first))
        texts.passages += [text_of(article, passage) for passage in split]
        texts.paragraphs += [paragraph] * len(split)
        texts.files += [file] * len(split)
        texts.checksums += [crc32(text.encode("utf-8", "surrogatepass"))] * len(split)
    for question in questions:
        spans = [relevant.span for relevant in question.relevant if relevant.span]
        if spans:
            name = question.relevant[0].article
            texts.asked += _asked(question.question, passages[name], spans)


def _asked(
    question: str, passages: Sequence[tuple[int, Passage]], spans: Sequence[Span]
) -> list[Asked]:
    """Return the question with the passage of which most sentences hold an answer, if any does."""
    told = question if question.endswith((".", "?", "!")) else f"{question}?"
    found = [
        Asked(told, number, tuple(_holding(passage.sentences, spans)))
        for number, passage in passages
    ]
    best = max(found, key=lambda asked: len(asked.sentences), default=None)
    return [best] if best and best.sentences else []


def _holding(sentences: Sequence[Span], spans: Sequence[Span]) -> list[int]:
    """Return which sentences hold a part of a span."""
    return [
        number
        for number, sentence in enumerate(sentences)
        if any(sentence.start < span.end and span.start < sentence.end for span in spans)
    ]
