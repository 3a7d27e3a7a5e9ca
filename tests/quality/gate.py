"""Hold the measures above their floors: `python -m tests.quality.gate`, exit code 1 below one.

python -m tests.quality.gate                 evaluate every set that is there, compare
python -m tests.quality.gate --set samples   that set alone; some are measured only so
... --raise                                  set the floors up to measured - margin, pin digests
... --lower MEASURE --reason TEXT            let one floor down where it does not hold
... --repin --reason TEXT                    accept other data; its floors start anew
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from corpus.errors import NewsArchiveError, UsageError
from embeddings.encoder import file_sha256
from qa.evaluation.archives import opened
from qa.evaluation.gold import read_gold
from qa.evaluation.run import Evaluation, evaluate
from tests.quality.floors import (
    FLOORED,
    FLOORS_FILE,
    Change,
    Comparison,
    Floors,
    GoldSet,
    compare,
    lowered,
    raised,
    read_floors,
    write_floors,
)

EXIT_HELD = 0
EXIT_BELOW = 1

Measure = Callable[[GoldSet, Console], Evaluation]


@dataclass(frozen=True, slots=True)
class Request:
    """What a run of the gate was asked to do besides comparing."""

    only: str | None = None
    raises: bool = False
    lower: str | None = None
    repin: bool = False
    reason: str | None = None

    def __post_init__(self) -> None:
        """Raise `UsageError` where a change lacks its reason or names no measure."""
        if self.lower is not None and self.lower not in FLOORED:
            raise UsageError(f"no floor can stand under {self.lower!r}; expected one of {FLOORED}")
        if (self.lower or self.repin) and not (self.reason or "").strip():
            raise UsageError("--lower and --repin need --reason TEXT: why may quality go down?")


def run_gate(request: Request, path: Path = FLOORS_FILE, measure: Measure | None = None) -> int:
    """Evaluate the sets that are there, change floors as asked, compare; return the exit code.

    `measure` evaluates a set, by default over an archive of its articles. Raises `UsageError`
    where data are missing or are not those that the floors were measured on.
    """
    console = Console()
    floors = read_floors(path)
    names = [gold_set.name for gold_set in _present(floors, request.only, console)]
    for name in names:
        floors = _with_digests(floors, _named(floors, name), request)
    held = True
    for name in names:
        evaluation = (measure or _evaluate)(_named(floors, name), console)
        floors = _changed(floors, _named(floors, name), evaluation, request)
        comparisons = compare(_named(floors, name).floors, evaluation.measures)
        _print(name, comparisons, evaluation, console)
        held &= _holds(_named(floors, name), comparisons, evaluation)
    if request.raises or request.lower or request.repin:
        write_floors(floors, path)
    console.print("every floor holds" if held else "failed: see the lines marked BELOW")
    return EXIT_HELD if held else EXIT_BELOW


def _holds(gold_set: GoldSet, comparisons: Sequence[Comparison], evaluation: Evaluation) -> bool:
    """Tell whether a set passes; one without floors does not, or an empty file would pass."""
    return (
        bool(gold_set.floors)
        and all(item.holds for item in comparisons)
        and not evaluation.offsets_wrong
    )


def _named(floors: Floors, name: str) -> GoldSet:
    return next(gold_set for gold_set in floors.sets if gold_set.name == name)


def _present(floors: Floors, only: str | None, console: Console) -> list[GoldSet]:
    """Return the sets to evaluate; one that is absent is said so, and refused where required."""
    names = [gold_set.name for gold_set in floors.sets]
    if only is not None and only not in names:
        raise UsageError(f"no set {only!r}; expected one of {', '.join(names)}")
    present = []
    for gold_set in floors.sets:
        missing = [path for path in gold_set.files().values() if not path.is_file()]
        if only not in (None, gold_set.name):
            continue
        if gold_set.on_request and only is None:
            console.print(f"{gold_set.name}: measured on request, with --set {gold_set.name}")
            continue
        if missing and (gold_set.required or only):
            raise UsageError(f"{missing[0]} is missing; the set {gold_set.name!r} needs it")
        if missing:
            console.print(f"{gold_set.name}: not on this machine, skipped")
        else:
            present.append(gold_set)
    return present


def _with_digests(floors: Floors, gold_set: GoldSet, request: Request) -> Floors:
    """Return the floors with the set's data pinned; `UsageError` where they are not the pinned."""
    digests = {role: file_sha256(path) for role, path in gold_set.files().items()}
    if digests == gold_set.sha256:
        return floors
    if not gold_set.sha256 and not gold_set.floors:
        return floors.with_set(replace(gold_set, sha256=digests)) if request.raises else floors
    if not request.repin:
        changed = [name for name in digests if digests[name] != gold_set.sha256.get(name)]
        raise UsageError(
            f"{gold_set.name}: {' and '.join(changed)} changed since the floors were measured; "
            "restore the files, or measure anew with --repin --reason TEXT"
        )
    change = Change(
        gold_set.name, "sha256", dict(gold_set.sha256), digests, request.reason or "", _today()
    )
    new = floors.with_set(replace(gold_set, sha256=digests, floors={}))
    return replace(new, changes=(*floors.changes, change))


def _evaluate(gold_set: GoldSet, console: Console) -> Evaluation:
    """Evaluate a set over a kept archive of its articles."""
    files = gold_set.files()
    with opened(None, files["articles"], lambda line: console.print(line, markup=False)) as archive:
        return evaluate(archive, read_gold(files["gold"]))


def _changed(floors: Floors, gold_set: GoldSet, evaluation: Evaluation, request: Request) -> Floors:
    """Return the floors as lowered or raised by request."""
    measures = evaluation.measures
    below = [item.name for item in compare(gold_set.floors, measures) if not item.holds]
    if request.lower in below:
        return lowered(floors, gold_set, measures, request.lower, request.reason or "", _today())
    if request.raises or (request.repin and not gold_set.floors):
        return floors.with_set(replace(gold_set, floors=raised(gold_set.floors, measures)))
    return floors


def _print(
    name: str, comparisons: Sequence[Comparison], evaluation: Evaluation, console: Console
) -> None:
    """Print a set's measures beside their floors, those below one marked."""
    table = Table(title=f"{name}: {len(evaluation.rows):,} questions", box=box.SIMPLE_HEAD)
    table.add_column("measure")
    for heading in ("measured", "floor"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for item in comparisons:
        mark = "" if item.holds else "BELOW"
        table.add_row(item.name, _shown(item.measured), _shown(item.floor), mark)
    console.print(table)
    if all(item.floor is None for item in comparisons):
        console.print(f"BELOW {name} has no floors yet: set them with --raise")
    for line in evaluation.offsets_wrong:
        console.print(f"BELOW wrong offset: {line}", markup=False)


def _shown(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _request(arguments: Sequence[str] | None) -> Request:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.gate")
    parser.add_argument("--set", dest="only", metavar="NAME", help="this set alone")
    parser.add_argument("--raise", dest="raises", action="store_true", help="set floors up")
    parser.add_argument("--lower", metavar="MEASURE", help="let this floor down, needs --reason")
    parser.add_argument("--repin", action="store_true", help="accept other data, needs --reason")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the record")
    return Request(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gate from a shell; a mistake is one line on stderr."""
    try:
        return run_gate(_request(arguments))
    except NewsArchiveError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
