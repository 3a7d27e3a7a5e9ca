"""Floors given on the command line: `--fail-under quote.Success@1=0.5`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpus.errors import UsageError
from qa.evaluation.showing import shown
from qa.evaluation.summary import ABSTENTION, LOWER_IS_BETTER, PER_QUESTION, STANDALONE, Measures

FLOORED = (*PER_QUESTION, *ABSTENTION, "answered", "answered.precision")
"""Measures that a floor can stand under."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A measure and the least value that it may have."""

    measure: str
    least: float


def read_floors(texts: Iterable[str]) -> tuple[Floor, ...]:
    """Read `measure=value` texts. Raises `UsageError` for a measure or value that is none."""
    return tuple(_floor(text) for text in texts)


def _floor(text: str) -> Floor:
    name, _, value = text.partition("=")
    name = name.strip()
    plain = name.removeprefix(STANDALONE)
    if plain in LOWER_IS_BETTER:
        raise UsageError(f"--fail-under {text}: less {name} is better, so no floor can hold it")
    if plain not in FLOORED:
        raise UsageError(
            f"--fail-under {text}: no measure {name!r}; expected one of {', '.join(FLOORED)}"
        )
    try:
        return Floor(name, float(value))
    except ValueError:
        raise UsageError(
            f"--fail-under {text}: {value!r} is no number; expected {name}=0.5, say"
        ) from None


def below(floors: Sequence[Floor], measures: Measures) -> list[str]:
    """Return a line for each floor that does not hold; an undefined measure holds none."""
    found = []
    for floor in floors:
        value = measures.get(floor.measure)
        if value is None or value < floor.least:
            found.append(f"{floor.measure} is {shown(floor.measure, value)}, under {floor.least:g}")
    return found
