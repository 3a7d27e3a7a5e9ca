"""Two runs compared: what is declared a difference, what is luck, what small sets cannot show."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, Judged, P, Qrel, R, ScoredDoc, Success, nDCG
from rich.console import Console
from scipy.stats import bootstrap

from corpus.errors import ReadError, UsageError
from qa.evaluation.asking import Options
from qa.evaluation.command import compare_command, evaluate_command
from qa.evaluation.comparing import (
    OUTCOME,
    Draws,
    RunFile,
    bootstrap_interval,
    compare,
    holm,
    read_run,
)
from qa.evaluation.external import evaluate_run
from qa.evaluation.floors import below, read_floors
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.evaluation.measures import area_under_risk_coverage, risk_coverage
from qa.evaluation.overlap import holds, token_f1
from qa.evaluation.terminal import print_comparison
from qa.evaluation.whole_runs import whole_differences

DOCUMENTS = [f"d{n:02d}" for n in range(16)]
JUDGED = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1, max_size=12)
RANKED = st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=16)


@given(st.lists(st.tuples(JUDGED, RANKED), min_size=1, max_size=6))
def test_every_shared_measure_equals_ir_measures(
    drawn: Sequence[tuple[Mapping[str, int], Sequence[str]]],
) -> None:
    """On random judgements and runs, each measure is that of ir_measures to 1e-9."""
    drawn = [(judged, ranked) for judged, ranked in drawn if any(judged.values())]
    if not drawn:
        return
    names = [f"q{n}" for n in range(len(drawn))]
    qrels = [
        Qrel(name, document, grade)
        for name, (judged, _) in zip(names, drawn, strict=True)
        for document, grade in judged.items()
    ]
    run = [
        ScoredDoc(name, document, -float(rank))
        for name, (_, ranked) in zip(names, drawn, strict=True)
        for rank, document in enumerate(ranked)
    ]
    gold = [
        GoldQuestion(
            name, "?", True,
            tuple(Relevant(d, grade=grade) for d, grade in judged.items() if grade),
            rejected=tuple(d for d, grade in judged.items() if not grade),
        )
        for name, (judged, _) in zip(names, drawn, strict=True)
    ]  # fmt: skip
    ours = evaluate_run(gold, {n: r for n, (_, r) in zip(names, drawn, strict=True)}).measures
    measures = [Success @ 1, RR @ 10, R @ 10, nDCG @ 10, AP, P @ 5, P @ 10, Judged @ 10]
    theirs = ir_measures.calc_aggregate(measures, qrels, run)
    for measure in measures:
        assert ours[f"article.{measure}"] == pytest.approx(theirs[measure], abs=1e-9), measure


def run_file(name: str, values: Sequence[float], measure: str = "quote.Success@1") -> RunFile:
    """Return a run whose questions have these values; a value of 1 is a right outcome."""
    return RunFile(
        name,
        {
            f"q{n}": {
                "id": f"q{n}",
                "question": f"question {n}",
                "verdict": "right" if value == 1 else "wrong quote given",
                "values": {measure: value, "article.RR@10": value},
            }
            for n, value in enumerate(values)
        },
    )


FEW_DRAWS = Draws(flips=999, resamples=100)


def test_two_runs_of_one_system_do_not_differ() -> None:
    """Of 100 pairs that differ by luck alone, at most five are declared different."""
    generator = np.random.default_rng(5)
    chance = generator.uniform(0.1, 0.9, size=120)  # how likely each question is answered rightly
    declared = 0
    for seed in range(100):
        first, second = (generator.random((2, 120)) < chance).astype(float)
        found = compare(run_file("a", first), run_file("b", second), seed=seed, draws=FEW_DRAWS)
        declared += any(item.is_declared for item in found.differences)
    assert declared <= 5


def test_the_same_run_twice_is_equal_with_p_1() -> None:
    """Nothing moved: no difference, p 1, no question won or lost."""
    values = [1.0, 0.0, 1.0, 1.0]
    found = compare(run_file("a", values), run_file("b", values))
    assert all(item.p == item.holm == 1.0 and item.difference == 0 for item in found.differences)
    assert (found.won, found.lost) == ((), ())


def test_a_real_difference_is_declared_with_what_was_won_and_lost() -> None:
    """30 of 80 questions won and 2 lost cannot be luck."""
    first = [0.0] * 30 + [1.0] * 2 + [1.0, 0.0] * 24
    second = [1.0] * 30 + [0.0] * 2 + [1.0, 0.0] * 24
    found = compare(run_file("a", first), run_file("b", second))
    main = next(item for item in found.differences if item.measure == "quote.Success@1")
    assert main.difference == pytest.approx(28 / 80)
    assert main.is_declared
    assert main.p <= main.holm < 0.01
    assert main.low < main.difference < main.high
    assert main.low > 0
    assert [name for name, _ in found.won] == [f"q{n}" for n in range(30)]
    assert [name for name, _ in found.lost] == ["q30", "q31"]
    assert found.is_small


def told(confidences: Sequence[float], answerable: Sequence[bool]) -> list[dict[str, Any]]:
    """Return records of questions with a right quote each where there is an answer."""
    return [
        {"confidence": sure, "answerable": able, "quote": "q", "quote_hit": able}
        for sure, able in zip(confidences, answerable, strict=True)
    ]


def test_abstention_is_compared_as_a_whole() -> None:
    """Telling answerable questions apart by luck or rightly: the difference is found, its size."""
    generator = np.random.default_rng(3)
    answerable = [True, False] * 60
    luck = told(generator.random(120).tolist(), answerable)
    right = told([0.6 * able + 0.4 * generator.random() for able in answerable], answerable)
    found = whole_differences(luck, right, flips=400, resamples=200)
    item = found["abstention.AUROC"]
    assert item.second == 1.0
    assert 0.3 < item.first < 0.7
    assert item.p == pytest.approx(1 / 401)
    assert item.low <= item.second - item.first <= item.high
    assert found["abstention.AURC"].second < found["abstention.AURC"].first
    same = whole_differences(luck, luck, flips=50, resamples=50)
    assert same["abstention.AUROC"].p == 1.0


def test_rankings_have_no_abstention_to_compare() -> None:
    """Without quotes, or in files that lack them, there is nothing to tell."""
    rows = told([0.5, 0.5], [True, False])
    silent = [row | {"quote": None} for row in rows]
    assert whole_differences(silent, silent) == {}
    assert whole_differences([{"confidence": 1}], [{"confidence": 1}]) == {}
    assert "abstention.AUROC" not in whole_differences(rows[:1], rows[:1], flips=9, resamples=9)


def test_holm_by_hand() -> None:
    """Three p-values, times three, two and one, never falling; and never above 1."""
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert adjusted == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}


def test_the_bootstrap_interval_is_that_of_scipy() -> None:
    """On 200 values the ends agree with scipy's percentile bootstrap to a few thousandths."""
    values = np.random.default_rng(1).normal(0.2, 1, size=200)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=9_999, rng=2)
    ours = bootstrap_interval(values)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    assert ours == bootstrap_interval(values)


def test_only_shared_questions_count_and_the_rest_is_told() -> None:
    """Questions of one run alone are left out, and said to be."""
    second = run_file("b", [1.0, 1.0, 1.0, 0.0, 0.0])
    found = compare(run_file("a", [1.0, 0.0, 1.0]), second)
    assert (found.questions, found.only_first, found.only_second) == (3, 0, 2)
    with pytest.raises(UsageError, match="a and b share no question"):
        compare(run_file("a", [1.0]), RunFile("b", {}))


def test_the_terminal_says_what_a_small_set_cannot_show() -> None:
    """Both runs, the verdict, the size, and the smallest difference that would be seen."""
    stream = io.StringIO()
    found = compare(
        run_file("a.json", [1.0, 0.0, 1.0] * 5), run_file("b.json", [0.0, 0.0, 1.0] * 5)
    )
    print_comparison(found, Console(file=stream, width=80))
    text = " ".join(stream.getvalue().split())
    assert "This is a small set. With 15 questions, a true difference in quote.Success@1" in text
    assert "No difference is declared" in text or "Declared different" in text
    assert "5 lost by quote.Success@1" in text
    assert max(map(len, stream.getvalue().splitlines())) <= 80


QRELS = "q1 0 a 1\nq2 0 b 1\nq3 0 c 1\n"


def saved_runs(folder: Path) -> tuple[Path, Path]:
    """Write two runs as `qa evaluate --json` does."""
    (folder / "gold.qrels").write_text(QRELS, "utf-8")
    saved = []
    for name, run in (("A", "q1 Q0 x 1 1 t\n"), ("B", "q1 Q0 a 1 1 t\nq2 Q0 b 1 1 t\n")):
        (folder / f"{name}.run").write_text(run, "utf-8")
        saved.append(folder / f"{name}.json")
        options = Options(run=folder / f"{name}.run")
        assert evaluate_command(folder / "gold.qrels", None, None, saved[-1], None, options) == 0
    return saved[0], saved[1]


def test_runs_are_compared_from_the_files_that_json_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON has every number, the page the questions; rankings are compared by articles."""
    out, page = tmp_path / "c.json", tmp_path / "c.html"
    assert compare_command(saved_runs(tmp_path), out, page, seed=3) == 0
    got = json.loads(out.read_text())
    assert got["deciding"] == "article.Success@1"
    assert got["won"] == [["q1", "q1"], ["q2", "q2"]]
    assert got["small"] is True
    measures = {item["measure"]: item["difference"] for item in got["differences"]}
    assert measures[OUTCOME] == pytest.approx(2 / 3)
    assert "passage.Success@1" not in measures
    assert "Won by article.Success@1 (2)" in page.read_text()
    assert "B - A" in capsys.readouterr().out


NO_NUMBER = '{"per_question": [{"id": 1, "question": "", "verdict": "", "values": {"x": "y"}}]}'


@pytest.mark.parametrize(
    "content", ["[1]", '{"per_question": [{"id": "q"}]}', NO_NUMBER, "{", "[" * 100_000]
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: str) -> None:
    """Another JSON file, or none, is named with what was expected."""
    path = tmp_path / "x.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ReadError, match=r"x\.json: (?:no \"per_question\"|not JSON)"):
        read_run(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_run(tmp_path / "none.json")


def test_floors_fail_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A floor that holds changes nothing; one that does not is named, with exit code 1."""
    saved_runs(tmp_path)
    gold, run = tmp_path / "gold.qrels", tmp_path / "B.run"
    held = Options(run=run, fail_under=("article.Success@1=0.6",))
    assert evaluate_command(gold, options=held) == 0
    fallen = Options(run=run, fail_under=("article.Success@1=0.7", "article.R@10=0.1"))
    assert evaluate_command(gold, options=fallen) == 1
    assert "below the floor: article.Success@1 is 0.667, under 0.7" in capsys.readouterr().err


def test_a_floor_under_nothing_does_not_hold() -> None:
    """An undefined measure holds no floor: CI must not pass because gold has no such question."""
    floors = read_floors(["standalone.quote.Success@1=0.1"])
    assert below(floors, {}) == ["standalone.quote.Success@1 is n/a, under 0.1"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("quote=1", "no measure 'quote'; expected one of"),
        ("quote.Success@1=high", "'high' is no number"),
        ("quote.Success@1", "'' is no number"),
        ("abstention.ECE=0.1", "less abstention.ECE is better"),
    ],
)
def test_a_floor_that_cannot_be_read_is_refused(text: str, complaint: str) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match=complaint):
        read_floors([text])


def test_risk_and_coverage_by_hand() -> None:
    """Right, wrong, right in falling confidence: risks 0, 1/2, 1/3; ties share their wrong ones."""
    coverage, risk = risk_coverage([0.9, 0.1, 0.5], [True, True, False])
    assert coverage == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk == pytest.approx([0, 1 / 2, 1 / 3])
    assert area_under_risk_coverage([0.9, 0.1, 0.5], [True, True, False]) == pytest.approx(5 / 18)
    _, tied = risk_coverage([0.5, 0.5], [True, False])
    assert tied == pytest.approx([0.5, 0.5])
    assert area_under_risk_coverage([], []) is None


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1), st.randoms()
)
def test_risk_does_not_depend_on_the_order(rows: list[tuple[float, bool]], shuffler: Any) -> None:
    """Shuffled questions have the same area, which lies between no risk and all."""
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    area, again = (area_under_risk_coverage(*zip(*r, strict=True)) for r in (rows, shuffled))
    assert area == pytest.approx(again)
    assert area is not None
    assert 0 <= area <= 1


def test_token_f1_by_hand() -> None:
    """Both words of two are wanted, and two of three are there: F1 of 1 and 2/3 is .8."""
    assert token_f1("The nine houses", "Nine flooded houses") == pytest.approx(
        2 * 1 * 2 / 3 / (5 / 3)
    )
    assert token_f1("1,000 men", "1000 men") == 1.0
    assert token_f1("red", "blue") == 0.0
    assert token_f1("the", "a") == 1.0


def test_holding_words_in_a_row() -> None:
    """Whole words only, in their order."""
    assert holds("Some 140 people, in all", "140 people")
    assert not holds("Some 1400 people", "140 people")
    assert not holds("people 140", "140 people")
    assert not holds("anything", "the")
