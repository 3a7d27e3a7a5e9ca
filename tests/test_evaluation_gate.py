"""The quality gate: floors rise with the measures, fall with a reason, hold for pinned data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from corpus.errors import UsageError
from qa.evaluation.run import Evaluation
from tests.quality.floors import (
    FLOORS_FILE,
    Floors,
    GoldSet,
    compare,
    floor_under,
    raised,
    read_floors,
    write_floors,
)
from tests.quality.gate import Request, run_gate

NAME = "passage.Success@1"


class Gate:
    """A gate over one set in a folder of its own, whose measured value the test chooses."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "floors.json"
        self.articles = folder / "articles.jsonl"
        gold = folder / "gold.jsonl"
        self.articles.write_text("articles")
        gold.write_text("gold")
        write_floors(Floors((GoldSet("mine", str(self.articles), str(gold), True),)), self.path)

    def run(self, value: float | None, offsets_wrong: tuple[str, ...] = (), **request: str) -> int:
        """Run the gate where `value` is measured; `raises="yes"` and `repin="yes"` are flags."""
        result = Evaluation({NAME: value, "seconds": 1.0}, {}, (), (), offsets_wrong)

        def measure(_: GoldSet, __: Console) -> Evaluation:
            return result

        return run_gate(Request(**request), self.path, measure)  # type: ignore[arg-type]

    @property
    def floor(self) -> float | None:
        """Return the floor that the file holds now."""
        return read_floors(self.path).sets[0].floors.get(NAME)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Return a gate whose one set has a floor of .79."""
    gate = Gate(tmp_path)
    assert gate.run(0.8, raises="yes") == 0
    assert gate.floor == 0.79
    return gate


def test_floors_lie_a_margin_below_and_are_rounded_down() -> None:
    """.8 gives .79, .8006 gives .79 too, and no floor is below 0."""
    assert floor_under(0.8) == 0.79
    assert floor_under(0.8006) == 0.79
    assert floor_under(0.8012) == 0.791
    assert floor_under(0.004) == 0


def test_raising_never_lowers() -> None:
    """A worse run leaves its floors, a better one lifts them, other measures get none."""
    floors = raised({NAME: 0.5, "article.RR@10": 0.5}, {NAME: 0.3, "article.RR@10": 0.9, "x": 1.0})
    assert floors == {NAME: 0.5, "article.RR@10": 0.89}


def test_an_undefined_or_missing_measure_is_below_its_floor() -> None:
    """A measure that vanished does not pass the gate unseen."""
    assert not compare({NAME: 0.1}, {NAME: None})[0].holds
    assert not compare({NAME: 0.1}, {})[0].holds
    assert compare({}, {NAME: 0.1})[0].holds


def test_the_gate_fails_below_a_floor(gate: Gate) -> None:
    """At the floor it holds; under it, or with one wrong offset, the exit code is 1."""
    assert gate.run(0.79) == 0
    assert gate.run(0.789) == 1
    assert gate.run(0.9, offsets_wrong=("a [0:3]: wrong",)) == 1
    assert gate.floor == 0.79


def test_a_set_without_floors_does_not_pass(tmp_path: Path) -> None:
    """A gate that holds nothing is not passed by holding nothing."""
    assert Gate(tmp_path).run(0.9) == 1


def test_raising_does_not_paper_over_a_fall(gate: Gate) -> None:
    """--raise with a worse run still fails, and the floor stays."""
    assert gate.run(0.5, raises="yes") == 1
    assert gate.floor == 0.79


def test_lowering_needs_a_reason_and_is_recorded(gate: Gate) -> None:
    """--lower sets the floor under the run, with before, after and why on record."""
    with pytest.raises(UsageError, match="need --reason"):
        gate.run(0.5, lower=NAME)
    assert gate.run(0.5, lower=NAME, reason="smaller model") == 0
    assert gate.floor == 0.49
    (change,) = read_floors(gate.path).changes
    assert (change.set, change.what, change.before, change.after, change.reason) == (
        ("mine", NAME, 0.79, 0.49, "smaller model")
    )


def test_lowering_touches_only_what_falls_short(gate: Gate) -> None:
    """A floor that holds is not lowered, and a name that is no measure is refused."""
    assert gate.run(0.8, lower=NAME, reason="why not") == 0
    assert gate.floor == 0.79
    with pytest.raises(UsageError, match="no floor can stand under 'seconds'"):
        gate.run(0.8, lower="seconds", reason="x")


def test_other_data_are_refused_until_repinned(gate: Gate) -> None:
    """Floors hold for the data they were measured on; new data start anew, with a reason."""
    gate.articles.write_text("other articles")
    with pytest.raises(UsageError, match="articles changed since the floors were measured"):
        gate.run(0.9, raises="yes")
    assert gate.run(0.4, repin="yes", reason="more articles") == 0
    assert gate.floor == 0.39
    assert read_floors(gate.path).changes[0].what == "sha256"
    assert gate.run(0.4) == 0


def test_missing_data_are_refused_where_required_else_skipped(gate: Gate) -> None:
    """A required set cannot be skipped by deleting it; an optional one may be absent."""
    gate.articles.unlink()
    with pytest.raises(UsageError, match="is missing; the set 'mine' needs it"):
        gate.run(0.9)
    content = json.loads(gate.path.read_text())
    content["sets"]["mine"]["required"] = False
    gate.path.write_text(json.dumps(content))
    assert gate.run(None) == 0


def test_a_set_on_request_waits_for_its_name(gate: Gate) -> None:
    """What takes minutes to encode is not measured in passing, and is where it is named."""
    assert gate.run(0.8, raises="yes") == 0
    content = json.loads(gate.path.read_text())
    content["sets"]["mine"]["on_request"] = True
    gate.path.write_text(json.dumps(content))
    assert gate.run(None) == 0
    assert gate.run(0.1, only="mine") == 1


def test_the_shipped_floors_are_readable_and_round_trip(tmp_path: Path) -> None:
    """floors.json of the repository reads, and writing it changes nothing."""
    floors = read_floors(FLOORS_FILE)
    write_floors(floors, tmp_path / "floors.json")
    assert (tmp_path / "floors.json").read_text() == FLOORS_FILE.read_text()
    assert {gold_set.name for gold_set in floors.sets} >= {"samples", "newsqa"}
