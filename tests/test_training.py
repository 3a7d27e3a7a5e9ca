"""Weights are replaced by better ones only, and what is learned from is marked as gold says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.records import Span
from qa.evaluation.examples import FOLDS, Example, folds, is_hit
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.evaluation.parts import Report
from qa.evaluation.ranker import (
    HEADINGS,
    RETRIEVED,
    Weights,
    outcomes,
    quote_is_right,
    retrieved,
)
from qa.evaluation.train import WORSE, Fitted, Trained, _replace, main, worse
from qa.features import describe
from qa.odds import Bent, Sureness
from qa.ranking import FOLLOW_UP, FOLLOW_UP_UNREAD, UNREAD, WITH_READER, stored_weights, weighed
from tests.fakes import stories, write_articles
from tests.questions import make_candidates, story

TEXT = "The regatta was rowed in rain. Eastmarsh won the skiffs. Nobody fell in. A band played."
QUESTION = "Who won the skiffs?"


def gold(*, span: Span | None, answers: tuple[str, ...] = ("Eastmarsh",)) -> GoldQuestion:
    return GoldQuestion(
        id="q",
        question=QUESTION,
        answerable=True,
        relevant=(Relevant("s0", span),),
        answers=answers,
    )


def example(question: GoldQuestion, group: str = "s0") -> Example:
    candidates = make_candidates(QUESTION, [story("s0", TEXT, "Post", None)])
    rows = describe(candidates)
    count = len(rows.passage)
    return Example(
        *("mine", question, group, candidates, rows),
        *(np.ones(count), None),
    )


def sureness(sign: str, weight: float) -> Sureness:
    """Return a model of one sign."""
    own = Bent.straight([sign], np.array([weight]), -1.0)
    both = Bent.straight(["answerable", "right"], np.array([0.5, 0.5]), 0.0)
    level = Bent.straight(["both"], np.ones(1), 0.0)
    return Sureness(
        own, own, both, level, np.full(len(own.names), -np.inf), np.full(len(own.names), np.inf)
    )


def test_a_fall_is_named() -> None:
    """Only a cross-validated measure of ranking that fell by more than WORSE counts."""
    before = {"newsqa": {"quote.Success@1": 0.5, "p to fused": 0.9}, "gone": {"quote.Success@1": 1}}
    after = {"newsqa": {"quote.Success@1": 0.5 - 2 * WORSE, "p to fused": 0.0}}
    assert worse(before, after) == ["newsqa quote.Success@1 fell from 0.500 to 0.490"]
    assert worse(before, {"newsqa": {"quote.Success@1": 0.5 - WORSE / 2}}) == []
    assert worse({}, after) == []


def test_worse_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file stays as it was, and the reason is told; `anyway` replaces it."""
    one = example(gold(span=None))
    report = Report()
    report.figures["mine"] = {
        "cross-validated": {"quote.Success@1": 0.4},
        "confidence, cross-validated": {"calibration.ECE": 0.1},
    }
    names = one.rows.names
    weights = Weights(names, np.array([range(len(names)), [0.5] * len(names)], dtype=np.float64))
    reading = Weights(("reader",), np.array([[2.0], [1.0]]))
    fitted = {
        UNREAD: Fitted(weights, sureness("share", 0.5), [(0.1, 0.9)]),
        WITH_READER: Fitted(reading, sureness("read", 0.25), []),
    }
    leaning = {FOLLOW_UP: Weights(("reader",), np.arange(4.0)[:, None])}
    trained = Trained(("mine",), fitted, leaning)
    stored = tmp_path / "ranking.json"
    stored.write_text(json.dumps({"cross-validated": {"mine": {"quote.Success@1": 0.6}}}))
    assert _replace(tmp_path, report, trained, False) == 1
    assert "quote.Success@1 fell from 0.600 to 0.400" in capsys.readouterr().err
    assert "weights" not in json.loads(stored.read_text())
    assert _replace(tmp_path, report, trained, True) == 0
    ranker = json.loads(stored.read_text())
    assert ranker[UNREAD] == {name: [float(at), 0.5] for at, name in enumerate(names)}
    assert ranker[WITH_READER] == {"reader": [2.0, 1.0]}
    assert ranker["trained on"] == ["mine"]
    assert ranker[FOLLOW_UP] == {"reader": [0.0, 1.0, 2.0, 3.0]}
    assert ranker[FOLLOW_UP_UNREAD] == stored_weights()[FOLLOW_UP_UNREAD]  # was not trained
    assert '"reader": [0.0, 1.0, 2.0, 3.0]' in stored.read_text()  # a feature a line
    sure = json.loads((tmp_path / "confidence.json").read_text())
    assert sure["right"]["weights"] == {"read": 0.25}
    assert sure[UNREAD]["right"]["weights"] == {"share": 0.5}


def test_a_quote_is_right_by_its_span_or_by_an_answer() -> None:
    """With a span it must hold it; without one it must hold an answer's words."""
    weights = np.zeros((2, len(describe(example(gold(span=None)).candidates).names)))
    even = weighed(example(gold(span=None)).rows, weights)  # all alike: the first two are quoted
    start = TEXT.index("Eastmarsh")
    for question, right in (
        (gold(span=Span(start, start + 9)), True),
        (gold(span=Span(TEXT.index("band"), TEXT.index("band") + 4)), False),
        (gold(span=None), True),
        (gold(span=None, answers=("a band",)), False),
        (gold(span=None, answers=()), True),
        (replace(gold(span=None), answerable=False), False),
    ):
        assert quote_is_right(example(question), even) is right


def test_retrievers_and_ranker_are_judged_by_all_that_was_found() -> None:
    """What is not looked at closely comes behind; a question without an answer is left out."""
    others = [story(f"s{n}", f"Nobody won at the fair of {n}.", "Post", None) for n in range(1, 50)]
    candidates = make_candidates(QUESTION, [*others, story("s0", TEXT, "Post", None)])
    rows = describe(candidates)
    assert len(rows.chosen) < len(candidates.found)
    one = Example("mine", gold(span=None), "s0", candidates, rows, np.ones(len(rows.passage)), None)
    none = replace(one, gold=replace(one.gold, answerable=False))
    for by in RETRIEVED.values():
        found = retrieved([one, none], by)
        assert found.shape == (1, len(HEADINGS))
    last = np.array([float(item.article_id == "s0") for item in candidates.found])
    assert retrieved([one], lambda _: last)[0].tolist()[:2] == [1, 1]
    assert retrieved([one], lambda _: -last)[0].tolist() == [0, 0, 0, 0, 0]
    weights = np.zeros((2, len(rows.names)))
    assert outcomes([one, none], [weights, weights]).shape == (1, len(HEADINGS))


def test_a_hit_is_of_the_article() -> None:
    """The same offsets in another article are none."""
    question = gold(span=Span(0, 5))
    (candidate,) = make_candidates(QUESTION, [story("s1", TEXT, "Post", None)]).found
    assert not is_hit(question, candidate, Span(0, 10))


def test_questions_of_an_article_stay_together() -> None:
    """A fold is of articles: no article is in two, and each fold has some."""
    examples = [example(gold(span=None), group=f"article {n // 3}") for n in range(60)]
    fold = folds(examples).reshape(-1, 3)
    assert (fold == fold[:, :1]).all()
    assert set(fold[:, 0]) == set(range(FOLDS))


def test_a_missing_folder_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Minutes of fitting are not lost to it: not even the gold, which is not there, is read."""
    gold, articles = (str(tmp_path / name) for name in ("gold.jsonl", "articles.jsonl"))
    assert main([gold, "--articles", articles, "--write", str(tmp_path / "nowhere")]) == 2
    told = capsys.readouterr().err
    assert "nowhere" in told
    assert "expected a file name in a folder that exists" in told


@pytest.mark.slow
@pytest.mark.parametrize("asks_again", [True, False])
def test_a_run_from_gold_to_weights(
    asks_again: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All four weights are written; without conversations those of follow-ups stay."""
    articles = stories(24)
    lines: list[dict[str, object]] = []
    for number, article in enumerate(articles):
        text = str(article["text"])
        asked = {
            f"How many visitors did Name{number}son count?": str(1000 + 7 * number),
            "And when does the council meet about it?": "Friday",
        }
        for at, (question, answer) in enumerate(asked.items()):
            start = text.index(answer)
            place = {"article": article["id"], "start": start, "end": start + len(answer)}
            told = {"id": f"{number}-{at}", "question": question, "answerable": True}
            lines.append(told | {"relevant": [place], "answers": [answer], "standalone": True})
    lines = lines if asks_again else lines[::2]
    lines += [
        {"id": f"n{n}", "question": f"Who painted the ceiling of ward {n}?", "answerable": False}
        for n in range(24)
    ]
    folder = tmp_path / "mine"
    folder.mkdir()
    gold = write_articles(folder / "gold.jsonl", lines)
    place = write_articles(folder / "articles.jsonl", articles)
    written = tmp_path / "weights"
    written.mkdir()
    assert main([str(gold), "--articles", str(place), "--write", str(written)]) == 0
    told = capsys.readouterr()
    ranker, shipped = json.loads((written / "ranking.json").read_text("utf-8")), stored_weights()
    assert ranker["trained on"] == ["mine"]
    assert {"mine"} <= set(ranker["cross-validated"]) <= {"mine", "mine in conversation"}
    for which in (UNREAD, WITH_READER, FOLLOW_UP, FOLLOW_UP_UNREAD):
        assert set(ranker[which]) == set(shipped[which])
    is_kept = ranker[FOLLOW_UP] == shipped[FOLLOW_UP]
    assert is_kept is not asks_again
    assert ("too few articles are asked of twice" in told.err) is is_kept
    assert ("mine in conversation" in told.out) is asks_again
