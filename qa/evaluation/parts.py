"""What each part of the ranker gives: baselines, the whole, and the whole without each part."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qa.evaluation.examples import Sets
from qa.evaluation.measures import paired_randomisation_p
from qa.evaluation.ranker import RETRIEVED, figures, fit, outcomes, retrieved, weights_by_fold
from qa.kinds import Kind
from qa.reading import COLUMNS
from qa.wording import Floats

WITHOUT = ", without the reader"
"""What ends the name of a system that has no reader."""

UNREAD_FIGURES = f"cross-validated{WITHOUT}"
"""Name of what ranks without a reader, by weights that had not seen the article."""


@dataclass(slots=True)
class Report:
    """Figures by set and system, and the rows behind them for tests of significance."""

    figures: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, name: str, system: str, figures: Mapping[str, float]) -> None:
        """Keep and print one line."""
        self.figures.setdefault(name, {})[system] = dict(figures)
        shown = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
        sys.stdout.write(f"{name:24} {system:34} {shown}\n")
        sys.stdout.flush()


def _parts() -> dict[str, Callable[[str], bool]]:
    """Return a name for each part of the features and what belongs to it."""
    groups = {
        "sentence vectors": ("cosine", "pair cosine", "passage best cosine", "article best cosine"),
        "refined vector": ("passage refined cosine",),
        "retrievers' article": ("article bm25", "article bm25 to best", "article fused"),
        "names apart": ("name share", "passage names", "article names", "article names missing"),
        "place": (
            "first passage",
            "first sentence",
            "position",
            "relative position",
            "sentence number",
            "specific: position",
            "long: position",
            "terms: position",
        ),
        "looks": (
            "length",
            "length squared",
            "short",
            "new names",
            "figures",
            "opens with pronoun",
            "speech",
            "asks",
        ),
        "pairs": ("pairs", "pairs around", "article pairs"),
        "words as written": (
            "form bm25",
            "form share",
            "form share around",
            "passage form share",
            "article form share",
            "article form nats",
            "below passage best",
            "below article best",
            "long: form share",
        ),
        "pronouns": ("same pronoun", "passage same pronoun"),
        "by question": (
            "specific: share",
            "specific: cosine",
            "specific: fused",
            "share: cosine",
            "specific: position",
            "long: position",
            "long: form share",
            "terms: position",
        ),
    }
    kinds = tuple(f"{kind}: " for kind in Kind)
    parts: dict[str, Callable[[str], bool]] = {
        "kind of answer": lambda name: name.startswith((*kinds, "kind ")),
        "reader": frozenset(COLUMNS).__contains__,
    }
    for name, columns in groups.items():
        parts[name] = frozenset(columns).__contains__
    return parts


def compare(
    sets: Sets,
    unseen: Mapping[str, Sequence[Floats]],
    report: Report,
    *,
    parts: bool,
) -> None:
    """Report baselines, the model, and, if asked for, the model without each of its parts.

    `unseen` has each set's weights by example, which never saw its article.
    """
    whole: dict[str, Floats] = {}
    for name, examples in sets.items():
        others = [example for other in sets if other != name for example in sets[other]]
        baselines = {system: retrieved(examples, by) for system, by in RETRIEVED.items()}
        for system, found in baselines.items():
            report.add(name, system, figures(examples, found))
        whole[name] = outcomes(examples, unseen[name])
        p = paired_randomisation_p(whole[name][:, 0], baselines["fused"][:, 0])
        report.add(name, "cross-validated", figures(examples, whole[name]) | {"p to fused": p})
        if others and any(example.is_list for example in others):
            foreign = outcomes(examples, [fit(others)] * len(examples))
            report.add(name, "from the other sets alone", figures(examples, foreign))
    if parts:
        _compare_parts(sets, whole, report)


def _compare_parts(sets: Sets, whole: Mapping[str, Floats], report: Report) -> None:
    """Report each set's figures without each part, and the p of the passages and the quotes."""
    names = next(iter(sets.values()))[0].rows.names
    for part, belongs in _parts().items():
        columns = [at for at, column in enumerate(names) if not belongs(column)]
        unseen = weights_by_fold(sets, columns)
        for name, examples in sets.items():
            found = outcomes(examples, unseen[name])
            tested = {
                f"p {heading}": paired_randomisation_p(whole[name][:, at], found[:, at])
                for at, heading in ((0, "passage"), (2, "quote"))
            }
            report.add(name, f"without {part}", figures(examples, found) | tested)
