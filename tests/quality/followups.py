"""Measure conversations: `python -m tests.quality.followups [--archives FOLDER]`.

Each set is asked twice: the last turns alone and with what was said before them. Three of the sets
are made: questions that stand alone, behind an unrelated conversation that must not harm them, and
newsqa's behind other questions to their story, where the sentence is what matters.
A line below tells how many of newsqa's questions of a few words, which the samples cannot answer,
are answered by them behind one of their own and its answer.
FOLDER holds ready archives named samples, followups and newsqa; others are built once and kept.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from qa.archive import Archive
from qa.evaluation.archives import opened
from qa.evaluation.gold import GoldQuestion, read_gold
from qa.evaluation.judging import judge
from qa.evaluation.measures import mean, recall_at, success_at
from qa.evaluation.talks import talks, turns_of
from qa.follow_up import FEW_TERMS, telling

ROOT = Path(__file__).parents[2]
BENCH = ROOT.parent / "shared" / "bench"
SAMPLES = ROOT / "corpus" / "samples"

TURNS = 2
"""Questions of the unrelated conversation, each with its answer."""

STANDALONE = 150
"""Questions of newsqa that are asked behind an unrelated conversation."""

SAME_STORY = 3
"""One in so many of newsqa's questions is asked behind others to its own story."""

FOREIGN = 250
"""Questions of newsqa that are asked of the samples, behind one of TALKS turns."""

TALKS = 60
"""Questions of the samples that stand before them."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one set of questions comes to: means over its answerable questions."""

    name: str
    questions: int
    success_1: float
    recall_5: float
    recall_10: float
    quoted: float | None


def measure(archive: Archive, name: str, gold: Sequence[GoldQuestion]) -> Row:
    """Ask questions and return how their articles rank, and how many quotes hold gold's words."""
    gold = [question for question in gold if question.answerable]
    answers = archive.ask_many([question.to_request() for question in gold])
    scores = []
    quotes = []
    for question, answer in zip(gold, answers, strict=True):
        judged = judge(question, answer)
        if any(item.span for item in question.relevant):
            quotes.append(float(judged.quote_hit))
        ranking, number = judged.article_hits, judged.relevant_articles
        scores.append((success_at(ranking, 1), *(recall_at(ranking, k, number) for k in (5, 10))))
    means = [mean(column) or 0.0 for column in zip(*scores, strict=True)]
    return Row(name, len(gold), *means, mean(quotes))


def alone(gold: Sequence[GoldQuestion]) -> list[GoldQuestion]:
    """Return questions without what was said before them."""
    return [replace(question, history=()) for question in gold]


def behind_others(
    archive: Archive, gold: Sequence[GoldQuestion], *, seed: int = 0
) -> list[GoldQuestion]:
    """Return questions behind a conversation about other articles, drawn from the same set."""
    chance = random.Random(seed)  # noqa: S311 - which questions stand in front is no secret
    made = []
    for question in gold:
        mine = {item.article for item in question.relevant}
        others = [o for o in gold if mine.isdisjoint(item.article for item in o.relevant)]
        history = [
            turn for other in chance.sample(others, TURNS) for turn in turns_of(archive, other)
        ]
        made.append(replace(question, history=tuple(history)))
    return made


def foreign(archive: Archive, seed: int = 1) -> list[GoldQuestion]:
    """Return newsqa's questions of a few words behind a question to the samples and its answer."""
    chance = random.Random(seed)  # noqa: S311 - which questions are asked is no secret
    news = read_gold(BENCH / "newsqa" / "gold.jsonl")
    few = [q for q in news if len(telling(q.question)) <= FEW_TERMS and len(q.question.split()) > 3]
    facts = [q for q in read_gold(SAMPLES / "gold.jsonl") if q.answerable and q.kind == "fact"]
    asked = [question.question for question in chance.sample(facts, TALKS)]
    told = [
        (("user", question), ("assistant", answer.text or answer.reason or ""))
        for question, answer in zip(asked, archive.ask_many(asked), strict=True)
    ]
    return [
        replace(chance.choice(few), history=chance.choice(told), answerable=False)
        for _ in range(FOREIGN)
    ]


def rows(archives: Path | None) -> list[Row]:
    """Measure every set that is there."""
    found = []
    with opened(*_place(archives, "samples", SAMPLES), print) as archive:
        gold = read_gold(SAMPLES / "gold.jsonl")
        leaning = [question for question in gold if question.kind == "follow-up"]
        found += _pair(archive, "samples, follow-ups", alone(leaning), leaning)
        facts = [q for q in gold if q.answerable and q.kind in {"fact", "developing"}]
        found += _pair(archive, "samples, unrelated", facts, behind_others(archive, facts))
    for name in ("followups", "newsqa"):
        if not (BENCH / name).is_dir():
            continue
        with opened(*_place(archives, name, BENCH / name), print) as archive:
            gold = read_gold(BENCH / name / "gold.jsonl")
            if name == "followups":
                found += _pair(archive, name, alone(gold), gold)
            else:
                clear = [q for q in gold if q.answerable and q.standalone][:STANDALONE]
                found += _pair(archive, "newsqa, unrelated", clear, behind_others(archive, clear))
                same = [*talks(archive, gold)][::SAME_STORY]
                found += _pair(archive, "newsqa, same story", alone(same), same)
    return found


def _place(archives: Path | None, name: str, folder: Path) -> tuple[Path | None, Path | None]:
    """Return the archive of a set, where there is one, else its articles."""
    if archives is not None and (archives / name).is_dir():
        return archives / name, None
    return None, folder / "articles.jsonl"


def _pair(
    archive: Archive, name: str, before: Sequence[GoldQuestion], after: Sequence[GoldQuestion]
) -> list[Row]:
    return [
        measure(archive, f"{name}: last turn alone", before),
        measure(archive, f"{name}: with the turns before", after),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--archives", type=Path, help="folder of ready archives, by set")
    archives = parser.parse_args(arguments).archives
    table = Table("set", "questions", "Success@1", "R@5", "R@10", "quoted", box=box.SIMPLE)
    for row in rows(archives):
        figures = (row.success_1, row.recall_5, row.recall_10, row.quoted)
        shown = ["" if figure is None else f"{figure:.3f}" for figure in figures]
        table.add_row(row.name, str(row.questions), *shown)
    Console().print(table)
    if (BENCH / "newsqa").is_dir():
        with opened(*_place(archives, "samples", SAMPLES), print) as archive:
            asked = foreign(archive)
            answers = archive.ask_many([question.to_request() for question in asked])
        given = sum(answer.answered for answer in answers)
        print(f"{given} of {len(asked)} questions that the samples cannot answer are answered")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
