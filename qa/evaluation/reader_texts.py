"""SQuAD's paragraphs -> passages and questions that a reader learns from, some of them held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from corpus.errors import UsageError
from corpus.passages import PassageSettings, split_passages
from corpus.records import Article, Passage, Span
from embeddings.analysis import Flags, Ints
from embeddings.encoder import Encoder, PassageText
from embeddings.writing import text_of
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
class SquadFile:
    """The paragraphs of a file as records with "id", "text" and "title", and its questions."""

    paragraphs: tuple[dict[str, Any], ...]
    questions: tuple[GoldQuestion, ...]


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

    @property
    def others(self) -> int:
        """Return how many passages there are, for any question, beside its own paragraph's."""
        return len(self.passages) - int(np.bincount(self.paragraphs).max(initial=0))

    def held_out(self) -> Flags:
        """Tell which questions are held out, (questions,): all of a HELD_OUT share of paragraphs.

        A paragraph's checksum decides: it is the same paragraphs for any seed and order of files,
        and what occurs twice is held out twice.
        """
        checksums = np.array(self.checksums, dtype=np.int64)[self.answered]
        apart = np.unique(checksums)
        return np.asarray(checksums <= apart[int(HELD_OUT * len(apart))], dtype=np.bool_)


def read_file(path: Path) -> SquadFile:
    """Read a SQuAD file.

    Raises UsageError where it cannot be opened or none of its questions has an answer, ReadError
    where it is not SQuAD's.
    """
    try:
        data = squad.load(path)
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}; expected questions as SQuAD's JSON"
        ) from error
    answered = tuple(asked for asked in squad.questions(path, data) if asked.answerable)
    if not answered:
        raise UsageError(f"no question in {path} has an answer: there is nothing to learn from it")
    return SquadFile(tuple(squad.articles(data)), answered)


def read_texts(
    files: Sequence[SquadFile], encoder: Encoder, random: np.random.Generator, watch: Watch
) -> Texts:
    """Cut paragraphs into passages; TITLED of them keep their headlines, `random` chooses which."""
    texts = Texts()
    for number, file in enumerate(files):
        _add(texts, number, file, encoder, random)
        watch("cutting passages", number + 1, len(files))
    return texts


def _add(
    texts: Texts,
    number: int,
    file: SquadFile,
    encoder: Encoder,
    random: np.random.Generator,
) -> None:
    """Add a file's paragraphs and what is asked of them."""
    settings = PassageSettings(encoder.settings.max_tokens)
    passages: dict[str, list[tuple[int, Passage]]] = {}
    for record in file.paragraphs:
        text, name = record["text"], record["id"]
        keeps = random.random() < TITLED
        title = record.get("title") if keeps else None
        article = Article(id=name, text=text, title=title, kept=(Span(0, len(text)),))
        split = split_passages(article, settings, encoder.count_tokens)
        first, paragraph = len(texts.passages), texts.paragraphs[-1] + 1 if texts.paragraphs else 0
        passages[name] = list(enumerate(split, first))
        texts.passages += [text_of(article, passage) for passage in split]
        texts.paragraphs += [paragraph] * len(split)
        texts.files += [number] * len(split)
        texts.checksums += [crc32(text.encode("utf-8", "surrogatepass"))] * len(split)
    for question in file.questions:
        spans = [relevant.span for relevant in question.relevant if relevant.span]
        texts.asked += _asked(question.question, passages[question.relevant[0].article], spans)


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
