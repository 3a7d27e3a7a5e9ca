"""The evaluation on a gold set that is not shipped: 1,912 questions on 257 stories."""

from __future__ import annotations

import time

import pytest

from qa.evaluation.archives import opened
from qa.evaluation.gold import read_gold
from qa.evaluation.inside import Inside
from qa.evaluation.page import render_page
from qa.evaluation.run import evaluate
from tests.archives import ROOT
from tests.pace import within

NEWSQA = ROOT.parent / "shared" / "bench" / "newsqa"
SECONDS = 120
"""For all questions, beyond indexing, on one slow core."""

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not NEWSQA.exists(), reason="the gold set is not here"),
]


def test_newsqa_is_evaluated_and_every_miss_explained() -> None:
    """In time, with one kind a miss, and a page that stays small."""
    gold = read_gold(NEWSQA / "gold.jsonl")
    with opened(None, NEWSQA / "articles.jsonl", lambda _: None) as archive:
        begun = time.perf_counter()
        with within(SECONDS, clock=time.perf_counter):
            result = evaluate(archive, gold, insight=Inside(archive))
            page = render_page(result, "newsqa")
        seconds = time.perf_counter() - begun
    print(f"{len(gold):,} questions in {seconds:.1f} s, {len(page.encode()):,} bytes of page")
    print(result.failures)
    assert all((row.failure is not None) == row.is_miss for row in result.rows)
    assert sum(result.failures.values()) == sum(row.is_miss for row in result.rows)
    assert len(page.encode()) < 2_000_000
