"""Measure the text taken from HTML: `python -m tests.quality.extraction [FOLDER]`.

Computes what scrapinghub's article-extraction-benchmark defines
(https://github.com/scrapinghub/article-extraction-benchmark): a page's text and its ground truth
are bags of shingles of four tokens (runs of word characters); precision and recall are those of
the bags, averaged over the pages that have any; F1 is that of the two averages. The interval is
1.96 standard deviations over 1,000 draws of pages with replacement.

Prints the text as read and as cleaned, for all pages and for the even and the odd ones: settings
are tuned on the even ones, so the odd ones tell whether they hold. Exit code 1 below `FLOOR`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.cleaning import clean
from corpus.errors import ReadError
from corpus.readers import webpage

FOLDER = Path(__file__).parents[2].parent / "shared" / "bench" / "extraction"
SHINGLE_TOKENS = 4
DRAWS = 1_000
FLOOR = 0.965
"""F1 of the cleaned text below which something broke; trafilatura by itself is published at .958.
"""

_TOKEN = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Score:
    """Precision and recall of one page; None where there is nothing to divide by."""

    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class Mean:
    """Precision and recall averaged over pages, and their F1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Return how often each run of four tokens occurs; a shorter text is one run."""
    tokens = _TOKEN.findall(text)
    starts = range(max(1, len(tokens) - SHINGLE_TOKENS + 1)) if tokens else range(0)
    return Counter(tuple(tokens[n : n + SHINGLE_TOKENS]) for n in starts)


def score(found: str, true: str) -> Score:
    """Return how much of the found text is true, and how much of the true text was found."""
    bag, truth = shingles(found), shingles(true)
    shared = (bag & truth).total()
    return Score(
        shared / bag.total() if bag else None,
        shared / truth.total() if truth else None,
    )


def mean(scores: Sequence[Score]) -> Mean:
    """Return the averages over the pages for which each measure is defined."""
    return Mean(
        statistics.mean(s.precision for s in scores if s.precision is not None),
        statistics.mean(s.recall for s in scores if s.recall is not None),
    )


def interval(scores: Sequence[Score]) -> float:
    """Return 1.96 standard deviations of F1 over draws of as many pages with replacement."""
    chance = random.Random(0)  # noqa: S311 - the same draws each time
    draws = [mean(chance.choices(scores, k=len(scores))).f1 for _ in range(DRAWS)]
    return 1.96 * statistics.stdev(draws)


def texts(page: bytes) -> tuple[str, str]:
    """Return a page's text as read and as cleaned; nothing where the reader refuses it."""
    try:
        article = webpage.extract(Path("/page.html"), page).article
    except ReadError:
        return "", ""
    return article.text, clean(article).clean_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args(arguments).folder
    if not (folder / "ground-truth.json").is_file():
        print(f"no ground-truth.json in {folder}: name the benchmark's folder", file=sys.stderr)
        return 2
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    pages = [
        gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        for name in sorted(truth)
    ]
    started = time.process_time()
    found = [texts(page) for page in pages]
    seconds = time.process_time() - started
    bodies = [truth[name].get("articleBody", "") for name in sorted(truth)]
    print(f"{'':10}{'precision':>11}{'recall':>9}{'F1':>9}{'±':>7}{'even':>9}{'odd':>9}")
    for column, name in enumerate(("as read", "cleaned")):
        scores = [score(both[column], body) for both, body in zip(found, bodies, strict=True)]
        total = mean(scores)
        halves = (mean(scores[::2]).f1, mean(scores[1::2]).f1)
        print(
            f"{name:10}{total.precision:11.4f}{total.recall:9.4f}{total.f1:9.4f}"
            f"{interval(scores):7.4f}{halves[0]:9.4f}{halves[1]:9.4f}"
        )
    print(f"{len(pages)} pages, {1000 * seconds / len(pages):.1f} ms of one core each")
    return 0 if total.f1 >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
