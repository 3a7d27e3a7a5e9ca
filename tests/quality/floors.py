"""The floors under the measures: read from and written to floors.json, compared with a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.errors import UsageError
from qa.evaluation.summary import HIGHER_IS_BETTER, STANDALONE, Measures
from qa.evaluation.writing import write_file

FLOORS_FILE = Path(__file__).with_name("floors.json")
ROOT = Path(__file__).resolve().parents[2]

MARGIN = 0.01
"""A floor stands this much below what was measured: about what equal code scores on another
machine, whose rounding may swap neighbours in a ranking. One question of 100 is .01."""

DIGITS = 3
"""Decimals of a floor; it is rounded down."""

FLOORED = (*HIGHER_IS_BETTER, *(STANDALONE + name for name in HIGHER_IS_BETTER))

ABOUT = (
    "Floors under the measures of `python -m tests.quality.gate`, and the digests of the data that "
    "they hold for. Raise them with --raise. Lowering one takes --lower MEASURE --reason TEXT, "
    "other data takes --repin --reason TEXT; both are recorded under `changes`."
)


@dataclass(frozen=True, slots=True)
class GoldSet:
    """A gold set: its files relative to the repository, their digests, the floors measured on it.

    `sha256` holds the digests of "articles" and "gold" and is empty until `--raise` pins them. A
    set that is not `required` is skipped where its files are not there. One `on_request` takes many
    minutes to encode, and is measured only where it is named.
    """

    name: str
    articles: str
    gold: str
    required: bool
    on_request: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)

    def files(self, root: Path = ROOT) -> dict[str, Path]:
        """Return the paths of its files by role."""
        return {"articles": root / self.articles, "gold": root / self.gold}


@dataclass(frozen=True, slots=True)
class Change:
    """A floor that was lowered or data that were exchanged: what, from, to, and why."""

    set: str
    what: str
    before: Any
    after: Any
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Floors:
    """All that floors.json holds."""

    sets: tuple[GoldSet, ...]
    changes: tuple[Change, ...] = ()

    def with_set(self, new: GoldSet) -> Floors:
        """Return the floors with one set put in the place of that of its name."""
        return replace(self, sets=tuple(new if s.name == new.name else s for s in self.sets))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of a run against its floor (None: no floor yet)."""

    name: str
    floor: float | None
    measured: float | None

    @property
    def holds(self) -> bool:
        """Tell whether the measure is at or above its floor; an undefined one is not."""
        return self.floor is None or (self.measured is not None and self.measured >= self.floor)


def read_floors(path: Path = FLOORS_FILE) -> Floors:
    """Read floors.json; `UsageError` where it is not there or not what `write_floors` writes."""
    try:
        content = json.loads(path.read_text("utf-8"))
        sets = [GoldSet(name=name, **fields) for name, fields in content["sets"].items()]
        changes = [Change(**change) for change in content["changes"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"cannot read {path}: {error!r}; restore it from git") from error
    return Floors(tuple(sets), tuple(changes))


def write_floors(floors: Floors, path: Path = FLOORS_FILE) -> None:
    """Write floors.json."""
    content = {
        "about": ABOUT,
        "margin": MARGIN,
        "sets": {gold_set.name: _fields(gold_set) for gold_set in floors.sets},
        "changes": [
            {name: getattr(change, name) for name in Change.__slots__} for change in floors.changes
        ],
    }
    write_file(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _fields(gold_set: GoldSet) -> dict[str, Any]:
    """Return a set as JSON, its name apart."""
    return {
        "articles": gold_set.articles,
        "gold": gold_set.gold,
        "required": gold_set.required,
        "on_request": gold_set.on_request,
        "sha256": dict(gold_set.sha256),
        "floors": dict(gold_set.floors),
    }


def compare(floors: Mapping[str, float], measures: Measures) -> tuple[Comparison, ...]:
    """Compare a run with its floors: every measure that can have one, and every floor there is."""
    names = dict.fromkeys([*(name for name in FLOORED if name in measures), *floors])
    return tuple(Comparison(name, floors.get(name), measures.get(name)) for name in names)


def floor_under(measured: float) -> float:
    """Return the floor for a measured value: `MARGIN` below it, rounded down, at least 0."""
    scale: int = 10**DIGITS
    return max(0.0, math.floor((measured - MARGIN) * scale + 1e-6) / scale)


def raised(floors: Mapping[str, float], measures: Measures) -> dict[str, float]:
    """Return floors that are nowhere lower, and as high as the run allows."""
    return dict(floors) | {
        name: max(floors.get(name, 0.0), floor_under(measured))
        for name, measured in _measured(measures)
    }


def _measured(measures: Measures) -> Iterator[tuple[str, float]]:
    """Yield the measures that can have a floor and have a value."""
    for name in FLOORED:
        value = measures.get(name)
        if value is not None:
            yield name, value


def lowered(
    floors: Floors, gold_set: GoldSet, measures: Measures, name: str, reason: str, date: str
) -> Floors:
    """Return floors with one set under what was measured, and the reason on record.

    Raises `UsageError` where the set has no such floor, or the run does not fall short of it.
    """
    before, measured = gold_set.floors.get(name), measures.get(name)
    if before is None or measured is None:
        raise UsageError(
            f"{gold_set.name} has no floor and value for {name!r}; "
            f"expected one of {', '.join(gold_set.floors)}"
        )
    if measured >= before:
        raise UsageError(f"{name} of {gold_set.name} is {measured:.3f}, above its floor {before}")
    after = floor_under(measured)
    change = Change(gold_set.name, name, before, after, reason, date)
    new = replace(gold_set, floors=dict(gold_set.floors) | {name: after})
    return replace(floors.with_set(new), changes=(*floors.changes, change))
