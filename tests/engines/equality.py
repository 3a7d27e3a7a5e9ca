"""Compare an archive on shared engines with one in a folder: measures, and the best passages.

    python -m tests.engines cluster -- python -m tests.engines.equality GOLD_FOLDER

GOLD_FOLDER holds articles.jsonl and gold.jsonl. Passages are encoded once. Exit code 1 where a
measure differs by more than .005, or fewer than 95 of 100 of the ten best are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from corpus.records import Article
from embeddings.encoder import Encoder, EncoderSettings, PassageText, PassageVectors, Vectors
from qa.archive import Archive
from qa.evaluation.gold import read_gold
from qa.evaluation.run import evaluate
from qa.records import Answer, Question

MOST_DIFFERENT, LEAST_SHARED, BEST = 0.005, 0.95, 10


class RememberingEncoder:
    """An Encoder that encodes no passage twice."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[bytes, PassageVectors] = {}

    @property
    def settings(self) -> EncoderSettings:
        return self._encoder.settings

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._encoder.count_tokens(texts)

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        new = [n for n, passage in enumerate(passages) if passage.key not in self._known]
        for place, vectors in self._encoder.encode_passages([passages[n] for n in new]):
            self._known[passages[new[place]].key] = vectors
        for n, passage in enumerate(passages):
            yield n, self._known[passage.key]

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        return self._encoder.encode_questions(questions)


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replicas", type=int, default=2)
    options = parser.parse_args()
    address = f"milvus+{os.environ['QA_TEST_MILVUS']}/equal?replicas={options.replicas}"
    articles = options.folder / "articles.jsonl"
    from embeddings.transformer import SentenceTransformerEncoder

    encoder = RememberingEncoder(SentenceTransformerEncoder())
    with tempfile.TemporaryDirectory() as place:
        local = Archive.create(place, encoder=encoder)
        shared = Archive.create(address, encoder=encoder, database=os.environ["QA_TEST_DATABASE"])
        with local, shared:
            seconds = {}
            for name, archive in (("local", local), ("shared", shared)):
                started = time.perf_counter()
                archive.add(articles)
                seconds[name] = round(time.perf_counter() - started, 1)
            figures = compared(local, shared, options.folder / "gold.jsonl")
            figures["seconds to index: local (encoding too), shared"] = [*seconds.values()]
            figures["problems"] = shared.verify()
    print(json.dumps(figures, indent=1))
    return int(
        figures["largest difference"] > MOST_DIFFERENT
        or figures["ten best, shared"] < LEAST_SHARED
        or bool(figures["problems"])
    )


class _Recorded:
    """An archive that is evaluated, with its answers by question."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.answers: dict[str, Answer] = {}

    def ask_many(self, questions: Sequence[str | Question]) -> list[Answer]:
        answers = self._archive.ask_many(questions)
        for question, answer in zip(questions, answers, strict=True):
            self.answers[json.dumps(question)] = answer
        return answers

    def article(self, article_id: str) -> Article:
        return self._archive.article(article_id)


def compared(local: Archive, shared: Archive, gold: Path) -> dict[str, Any]:
    """Return both archives' measures, their largest difference, and what the ten best share."""
    questions = read_gold(gold)
    asked, asked_shared = _Recorded(local), _Recorded(shared)
    one, other = evaluate(asked, questions), evaluate(asked_shared, questions)
    differing = {
        name: [value, other.measures[name]]
        for name, value in one.measures.items()
        if name != "seconds" and value != other.measures[name]
    }
    sizes = [abs(a - b) for a, b in differing.values() if a is not None and b is not None]
    found, same, noticed = [], [], 0
    for question, mine in asked.answers.items():
        theirs = asked_shared.answers[question]
        best = [(hit.article_id, hit.start) for hit in mine.hits[:BEST]]
        again = {(hit.article_id, hit.start) for hit in theirs.hits[:BEST]}
        if best:
            found.append(len(again.intersection(best)) / len(best))
        same.append(mine.text == theirs.text)
        noticed += len(theirs.query.notices) > len(mine.query.notices)
    return {
        "questions": len(questions),
        "measures": {k: v for k, v in one.measures.items() if isinstance(v, float)},
        "measures that differ: local, shared": differing,
        "largest difference": max(sizes, default=0.0),
        "ten best, shared": round(sum(found) / len(found), 4),
        "same quote": round(sum(same) / len(same), 4),
        "answers with one more notice": noticed,
        "seconds to ask: local, shared": [one.measures["seconds"], other.measures["seconds"]],
    }


if __name__ == "__main__":
    sys.exit(main())
