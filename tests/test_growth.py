"""What a change costs does not grow with the archive.

QA_GROWN sets the passages of the large archive; the figure of the README is
`QA_GROWN=100000 python -m pytest -m slow tests/test_growth.py -s`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qa import Archive
from tests.fakes import write_articles
from tests.growth import RandomEncoder, grow, grown_articles
from tests.pace import measure_pace, within

GROWN = int(os.environ.get("QA_GROWN", "20000"))
SMALL = 1_000
ROUNDS = 9
"""Times that each change is made; the median counts."""

pytestmark = pytest.mark.slow


class Grown:
    """An archive, and the seconds that changes to it take beyond encoding."""

    def __init__(self, place: Path, passages: int) -> None:
        grow(place / "archive", passages).close()
        self.encoder = RandomEncoder()
        self.archive = Archive.open(place / "archive", encoder=self.encoder)
        self.news = place / "news"
        self.news.mkdir()
        self.added: list[str] = []
        self.archive.ask("w1 w20 w300?")

    def add(self, number: int) -> float:
        """Add ten articles."""
        articles = [article for article, _ in grown_articles(10, first=10_000_000 + 10 * number)]
        records = [
            {"id": a.id, "text": a.text, "title": a.title, "published": a.published}
            for a in articles
        ]
        write_articles(self.news / f"{number}.jsonl", records)
        self.added = [article.id for article in articles]
        self.encoder.seconds = 0.0
        seconds = _seconds(lambda: self.archive.add(self.news / f"{number}.jsonl"))
        return seconds - self.encoder.seconds

    def remove(self, _: int) -> float:
        """Remove the ten articles that were added last, one by one in name, at once in time."""
        return _seconds(lambda: self.archive.remove(self.added))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Grown, Grown]:
    """Return a small and a large archive."""
    place = tmp_path_factory.mktemp("growth")
    for name in ("small", "large"):
        (place / name).mkdir()
    return Grown(place / "small", SMALL), Grown(place / "large", GROWN)


def test_ten_articles_cost_what_ten_articles_cost(pair: tuple[Grown, Grown]) -> None:
    """Under 2 s beyond encoding, and under 1.5 times what they cost in a small archive."""
    small, large = pair
    seconds: dict[str, list[tuple[float, float]]] = {"add": [], "remove": []}
    for number in range(ROUNDS):  # in turns, so that a busy machine is busy for both
        seconds["add"].append((small.add(number), large.add(number)))
        if number % 3 == 2:
            seconds["remove"].append((small.remove(number), large.remove(number)))
    for what, pairs in seconds.items():
        little, much = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{what} 10: {little:.3f} s at {SMALL:,} passages, {much:.3f} s at {GROWN:,}")
        assert much < 2 * max(1.0, measure_pace(time.perf_counter))
        assert much < 1.5 * little
    assert large.archive.status().passages > GROWN


def open_and_ask(grown: Grown) -> None:
    with Archive.open(grown.archive.directory, encoder=RandomEncoder()) as archive:
        archive.ask("w1 w20 w300?")


def test_opening_and_asking(pair: tuple[Grown, Grown]) -> None:
    """A large archive opens in a moment, and its vectors are found."""
    _, large = pair
    with within(1, clock=time.perf_counter):
        seconds = _seconds(lambda: open_and_ask(large))
    print(f"opened and asked in {seconds:.3f} s")
    indices = large.archive._indices
    assert indices is not None
    articles = [*grown_articles(20)]
    first = [passages[0].vectors for _, passages in articles]
    questions = np.stack([vectors.passage for vectors in first if vectors is not None])
    found = indices.dense.search(questions, 1)
    assert [round(hits[0][1], 1) for hits in found] == [1.0] * len(articles)
