"""Bits that turn and files that end early, anywhere in an archive: named, and no other answer.

QA_FLIPS sets how many bits are turned, and QA_CUTS how many files are cut; the full counts are
`QA_FLIPS=500 QA_CUTS=200 python -m pytest -m slow tests/test_damage.py`.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import NewsArchiveError
from embeddings import segments
from embeddings.durable import remove_folder
from embeddings.encoder import Encoder
from qa import Archive
from qa.records import Question
from tests.archives import flip
from tests.fakes import HashingEncoder, stories, write_articles

FLIPS = int(os.environ.get("QA_FLIPS", "60"))
CUTS = int(os.environ.get("QA_CUTS", "30"))

QUESTIONS: list[str | Question] = [
    "How many visitors did Keeper Name7son count?",
    "the harbour flooded",
    "What did the Post say about case 12?",
    {"question": "the bridge of the ward", "sources": ["Post"], "since": "2025-03-01"},
    {"question": "which orchard burned", "until": "2025-08-01"},
]

LOCKS = {"writer.lock", ".tantivy-writer.lock", ".tantivy-meta.lock"}
"""Empty files that hold nothing."""


def made(place: Path, encoder: Encoder | None, model: str | None = None) -> Path:
    """Make an archive with a history: compressed and small segments, changes and removals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "LARGE", 24)
        news = place / "news"
        news.mkdir()
        with Archive.create(place / "archive", encoder=encoder, model=model) as archive:
            archive.add(write_articles(news / "a.jsonl", stories(40)))
            changed = [story | {"text": f"{story['text']} It is over."} for story in stories(3)]
            archive.add(write_articles(news / "b.jsonl", [*changed, *stories(4, first=50)]))
            archive.remove(["story-9", "story-33"])
    return place / "archive"


def answers(directory: Path, encoder: Encoder | None) -> list[Any]:
    """Return what the archive says, but for the last digits of scores."""
    with Archive.open(directory, encoder=encoder) as archive:
        found = archive.ask_many(QUESTIONS, k=10)
        return [
            (
                answer.answered,
                answer.text,
                pytest.approx(answer.confidence, abs=0.01),  # of what else was found, as well
                [(c.article_id, c.start, c.end, c.title, c.published) for c in answer.citations],
                [(hit.article_id, hit.start, hit.end) for hit in answer.hits[:10]],
            )
            for answer in found
        ]


def problems(directory: Path, encoder: Encoder | None) -> list[str]:
    """Return what `verify` says; an error that stops it is a problem that it names."""
    try:
        with Archive.open(directory, encoder=encoder) as archive:
            return archive.verify()
    except NewsArchiveError as error:
        return [str(error)]


def damaged(path: Path, chance: random.Random) -> str:
    """Turn one bit of a file."""
    at, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
    flip(path, at, bit)
    return f"byte {at} bit {bit}"


def cut(path: Path, chance: random.Random) -> str:
    """End a file before its end."""
    size = chance.randrange(path.stat().st_size)
    os.truncate(path, size)
    return f"cut to {size}"


def check(
    template: Path, place: Path, encoder: Encoder | None, damage: Callable[..., str], count: int
) -> Counter[str]:
    """Damage copies of an archive; each is named, and answers as before or not at all."""
    chance = random.Random(count)  # noqa: S311 - the same places every time, not a secret
    expected = answers(template, encoder)
    assert problems(template, encoder) == []
    files = sorted(
        file.relative_to(template)
        for file in template.rglob("*")
        if file.is_file() and file.name not in LOCKS
    )
    outcomes: Counter[str] = Counter()
    for trial in range(count):
        archive = Path(shutil.copytree(template, place / "copy"))
        file = chance.choice(files) if trial >= len(files) else files[trial]
        where = f"{file} {damage(archive / file, chance)}"
        assert problems(archive, encoder), f"{where} is not named"
        try:
            assert answers(archive, encoder) == expected, f"{where} changes an answer"
            outcomes["healed"] += 1
            if file.parts[0] == "derived":
                assert problems(archive, encoder) == [], f"{where} does not heal"
        except NewsArchiveError:
            assert file.parts[0] != "derived", f"{where} does not heal"
            outcomes["refused"] += 1
        remove_folder(archive)
    print(f"{count} x {damage.__name__}: {dict(outcomes)}")
    return outcomes


def test_some_damage(tmp_path: Path, encoder: HashingEncoder) -> None:
    """One of each file at least, in a moment; the counts of FAULTS' row 7 are below."""
    template = made(tmp_path, encoder)
    assert check(template, tmp_path, encoder, damaged, 40)["healed"] > 20
    assert check(template, tmp_path, encoder, cut, 10)["healed"] > 0


@pytest.fixture(autouse=True)
def _compressing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compress what is made anew as the archive's own segments are."""
    monkeypatch.setattr(segments, "LARGE", 24)


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive that carries its encoder, as those of real models do."""
    from tests.tiny_models import save_sentence_transformer

    place = tmp_path_factory.mktemp("carrying")
    model = save_sentence_transformer(place, {})
    template = made(place, None, str(model))
    assert (template / "encoder" / "model.onnx").is_file()
    return template


@pytest.mark.slow
def test_turned_bits(tmp_path: Path, carrying: Path) -> None:
    """Every file of an archive, its encoder included."""
    assert check(carrying, tmp_path, None, damaged, FLIPS)


@pytest.mark.slow
def test_cut_files(tmp_path: Path, carrying: Path) -> None:
    """A file may end anywhere, at its start too."""
    assert check(carrying, tmp_path, None, cut, CUTS)
