"""Refit the ranker and the confidence from gold sets: `python -m qa.evaluation.train GOLD ...`.

Every figure is of questions whose articles the weights had not seen: cross-validated by article,
and, for each set, from the other sets alone. Needs the [train] extra (scipy).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import NewsArchiveError, UsageError
from corpus.records import Span
from embeddings.encoder import PassageVectors
from qa import confidence, ranking
from qa.archive import Archive, _understand
from qa.evaluation.archives import opened
from qa.evaluation.fitting import Lists, Logistic, calibrated, fit_logistic, fit_ranker
from qa.evaluation.gold import GoldQuestion, read_gold
from qa.evaluation.measures import (
    auroc,
    expected_calibration_error,
    paired_randomisation_p,
    reliability,
)
from qa.features import Rows, describe
from qa.kinds import Kind
from qa.ranking import Shares, softmax
from qa.records import Query
from qa.retrieval import Candidate, Candidates, retrieve
from qa.wording import Floats, Ints

FOLDS = 5
"""Parts of a set's articles, each judged by weights that were fitted on the others."""

PENALTY = 5.0
"""Penalty on the ranker's weights: held-out loss is flat from 3 to 20 on newsqa."""

QUOTE_SHARE = 0.5
"""Share of the right sentences in the ranker's loss, their passages have the rest."""

SIGN_PENALTY = 30.0
"""Penalty on the confidence's weights; figures are flat from 3 to 100."""

TAKEN_OUT_WEIGHT = 0.3
"""Weight of a question whose articles were taken out, against one that gold calls unanswerable."""

ANSWERABLE_SHARE = 0.8
"""Share of "can be answered" in the confidence's log odds; "the quote is right" has the rest."""

RUN = 12
"""Unanswerable questions in a row that stay in one fold: neighbours ask about one article."""

LEAST_GIVEN = 20
"""Answers from which on an error rate is believed."""

MAX_ERROR = 0.4
"""Default error rate: of ten answers that gold judges, six are right."""

ERRORS = tuple(round(0.05 * step, 2) for step in range(1, 13))
"""Error rates for which thresholds are kept."""

WORSE = 0.005
"""By how much a cross-validated figure may fall before the new weights count as worse."""

DIGITS = 4
"""Digits of a weight that are kept."""

HEADINGS = ("passage.Success@1", "passage.Success@5", "quote.Success@1", "article.Success@1")


@dataclass(frozen=True, slots=True)
class Example:
    """One gold question with the rows of its candidates, and of those left without its articles.

    `right` (sentences,) and `hits` (passages,) mark what holds an answer; `articles` (passages,)
    what is of a relevant article. `group` names its article, for folds.
    """

    set: str
    gold: GoldQuestion
    group: str
    candidates: Candidates
    rows: Rows
    right: Floats
    hits: Floats
    articles: Floats
    without: tuple[Candidates, Rows] | None

    @property
    def is_list(self) -> bool:
        """Tell whether the ranker can learn from it: an answer is among the rows."""
        return bool(self.right.any())


@dataclass(slots=True)
class Report:
    """Figures by set and system, and the rows behind them for tests of significance."""

    figures: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, name: str, system: str, figures: Mapping[str, float]) -> None:
        """Keep and print one line."""
        self.figures.setdefault(name, {})[system] = dict(figures)
        shown = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
        sys.stdout.write(f"{name:12} {system:34} {shown}\n")
        sys.stdout.flush()


# From gold to examples


def examples_of(name: str, archive: Archive, gold: Sequence[GoldQuestion]) -> Iterator[Example]:
    """Yield the examples of a set; a question without any candidate is left out."""
    kept: dict[int, PassageVectors] = {}
    for at in range(0, len(gold), 64):
        portion = gold[at : at + 64]
        for place, (question, found) in enumerate(
            zip(portion, _candidates(archive, portion), strict=True), start=at
        ):
            if found.found:
                yield _example(name, question, _shared(found, kept), place)


def _candidates(archive: Archive, gold: Sequence[GoldQuestion]) -> list[Candidates]:
    store = archive._store
    outlets, dates = [outlet for outlet, _ in store.sources()], store.dates()
    queries = [_query(question, outlets, dates) for question in gold]
    with archive._agreed() as indices:
        return retrieve(store, indices, archive._load_encoder(), queries)


def _query(
    gold: GoldQuestion, outlets: Sequence[str], dates: tuple[str | None, str | None]
) -> Query:
    """Return the query of a question; one that is refused as too vague is searched as it is."""
    try:
        return _understand(gold.to_request(), outlets, dates)
    except UsageError:
        return Query(gold.question, gold.question)


def _shared(candidates: Candidates, kept: dict[int, PassageVectors]) -> Candidates:
    """Let questions share the vectors of the passages that they have in common."""
    found = tuple(
        replace(item, vectors=kept.setdefault(item.stored.key, item.vectors))
        for item in candidates.found
    )
    return replace(candidates, found=found)


def _example(name: str, gold: GoldQuestion, candidates: Candidates, place: int) -> Example:
    rows = _light(describe(candidates))
    close = [candidates.found[row] for row in rows.chosen]
    wanted = {item.article for item in gold.relevant} if gold.answerable else set()
    right = np.concatenate([_right(gold, item) for item in close])
    left = tuple(item for item in candidates.found if item.article.id not in wanted)
    without = None
    if left and len(left) < len(candidates.found):
        others = replace(candidates, found=left)
        without = (others, _light(describe(others)))
    return Example(
        set=name,
        gold=gold,
        group=min(wanted, default=f"unanswerable {place // RUN}"),
        candidates=candidates,
        rows=rows,
        right=right,
        hits=np.array([_is_hit(gold, item, item.stored.span) for item in close], dtype=np.float64),
        articles=np.array([item.article.id in wanted for item in close], dtype=np.float64),
        without=without,
    )


def _light(rows: Rows) -> Rows:
    return replace(rows, values=rows.values.astype(np.float32))


def _right(gold: GoldQuestion, item: Candidate) -> Floats:
    """Mark the sentences that hold a part of a gold span, or an answer's words without one."""
    spans = [entry.span for entry in gold.relevant if entry.article == item.article.id]
    if not gold.answerable or not spans:
        return np.zeros(len(item.stored.sentences))
    known = [span for span in spans if span and item.stored.span.contains(span)]
    if any(spans):
        marks = [
            any(_touch(sentence, span) for span in known) for sentence in item.stored.sentences
        ]
    else:
        text = item.article.text
        answers = [answer.lower() for answer in gold.answers]
        marks = [
            any(answer in sentence.of(text).lower() for answer in answers)
            for sentence in item.stored.sentences
        ]
    return np.array(marks, dtype=np.float64)


def _touch(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _is_hit(gold: GoldQuestion, item: Candidate, span: Span) -> bool:
    return gold.answerable and any(entry.held_by(item.article.id, span) for entry in gold.relevant)


# Ranking


def fit(examples: Iterable[Example], columns: Sequence[int] | None = None) -> Floats:
    """Return the ranker's weights, fitted on the examples that hold an answer."""
    lists = [_list(example) for example in examples if example.is_list]
    if not lists:
        raise UsageError("no question has its answer among its candidates: check the gold sets")
    if columns is None:
        return fit_ranker(Lists.of(lists), PENALTY, QUOTE_SHARE)
    chosen = Lists.of([(values[:, columns], right, held) for values, right, held in lists])
    weights = np.zeros(lists[0][0].shape[1])
    weights[columns] = fit_ranker(chosen, PENALTY, QUOTE_SHARE)
    return weights


def _list(example: Example) -> tuple[Floats, Floats, Floats]:
    held = np.maximum.reduceat(example.right, example.rows.starts)
    return example.rows.values, example.right, held[example.rows.passage]


def folds(examples: Sequence[Example]) -> Ints:
    """Return a fold (0..FOLDS - 1) an example: an article's questions stay together."""
    groups = sorted({example.group for example in examples})
    order = np.random.default_rng(0).permutation(len(groups))
    fold = {group: int(order[at]) % FOLDS for at, group in enumerate(groups)}
    return np.array([fold[example.group] for example in examples])


def weights_by_fold(
    examples: Sequence[Example], others: Sequence[Example], columns: Sequence[int] | None = None
) -> list[Floats]:
    """Return for each example weights that never saw its fold; `others` are of other sets."""
    fold = folds(examples)
    fitted = [
        fit([*(e for e, at in zip(examples, fold, strict=True) if at != k), *others], columns)
        for k in range(FOLDS)
    ]
    return [fitted[at] for at in fold]


def shares_of(rows: Rows, weights: Floats) -> Shares:
    """Return what the weights make of rows."""
    return Shares(rows, softmax((rows.values @ weights).astype(np.float64)))


def outcomes(examples: Sequence[Example], weights: Sequence[Floats]) -> Floats:
    """Return (answerable examples, HEADINGS): 1 where the example has a hit."""
    return np.array(
        [
            _outcome(example, shares_of(example.rows, own))
            for example, own in zip(examples, weights, strict=True)
            if example.gold.answerable
        ],
        dtype=np.float64,
    )


def _outcome(example: Example, shares: Shares) -> tuple[bool, bool, bool, bool]:
    order = np.argsort(-shares.passages, kind="stable")
    return (
        bool(example.hits[order[0]]),
        bool(example.hits[order[:5]].any()),
        quote_is_right(example, shares),
        bool(example.articles[order[0]]),
    )


def quote_is_right(example: Example, shares: Shares) -> bool:
    """Tell whether the first passage's quote holds a gold span."""
    place = int(np.argmax(shares.passages))
    item = example.candidates.found[shares.rows.chosen[place]]
    first, last = shares.quote(place)
    start = int(shares.rows.starts[place])
    sentences = item.stored.sentences[first - start : last - start]
    return _is_hit(example.gold, item, Span(sentences[0].start, sentences[-1].end))


def figures(examples: Sequence[Example], found: Floats) -> dict[str, float]:
    """Return the means of outcomes, those that stand alone apart."""
    result = dict(zip(HEADINGS, found.mean(axis=0).tolist(), strict=True))
    alone = np.array([bool(e.gold.standalone) for e in examples if e.gold.answerable])
    if alone.any() and not alone.all():
        part = zip(HEADINGS[:3], found[alone].mean(axis=0).tolist(), strict=False)
        result |= {f"standalone.{name}": value for name, value in part}
    return result


# Confidence


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of questions, (n, signs), with what they should tell.

    `taken_out` marks copies of questions whose articles were taken out; `number` (n,) is the
    example that a row comes from.
    """

    names: tuple[str, ...]
    values: Floats
    answerable: Floats
    right: Floats
    taken_out: Floats
    number: Ints


def signs_of(examples: Sequence[Example], weights: Sequence[Floats]) -> Signs:
    """Return the signs of examples, ranked by weights that had not seen them."""
    rows: list[tuple[dict[str, float], bool, bool, bool, int]] = []
    for number, (example, own) in enumerate(zip(examples, weights, strict=True)):
        shares = shares_of(example.rows, own)
        told = confidence.signs(example.candidates, shares)
        rows.append((told, example.gold.answerable, quote_is_right(example, shares), False, number))
        if example.without is not None:
            candidates, without = example.without
            told = confidence.signs(candidates, shares_of(without, own))
            rows.append((told, False, False, True, number))
    return Signs(
        tuple(rows[0][0]),
        np.array([list(row[0].values()) for row in rows]),
        np.array([row[1] for row in rows], dtype=np.float64),
        np.array([row[2] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array([row[4] for row in rows]),
    )


def fit_confidence(signs: Signs, among: Floats) -> Logistic:
    """Fit the confidence on the rows that `among` marks."""
    kept = among.astype(bool)
    asked = kept & (signs.taken_out == 0)
    weight = np.where(signs.taken_out[kept] > 0, TAKEN_OUT_WEIGHT, 1.0)
    answerable = fit_logistic(signs.values[kept], signs.answerable[kept], weight, SIGN_PENALTY)
    even = np.ones(int(asked.sum()))
    right = fit_logistic(signs.values[asked], signs.right[asked], even, SIGN_PENALTY)
    mixed = answerable.mixed(right, ANSWERABLE_SHARE)
    return calibrated(mixed, signs.values[asked], signs.right[asked])


def held_out(signs: Signs, fold: Ints) -> Floats:
    """Return each row's confidence by a model that never saw its fold."""
    result = np.zeros(len(signs.values))
    own = fold[signs.number]
    for k in range(FOLDS):
        model = fit_confidence(signs, (own != k).astype(np.float64))
        result[own == k] = model.probability(signs.values[own == k])
    return result


def confidence_figures(
    examples: Sequence[Example], signs: Signs, probability: Floats
) -> dict[str, float]:
    """Return how well confidence tells unanswerable questions apart, and how true it is."""
    asked = signs.taken_out == 0
    alone = asked & np.array([bool(examples[at].gold.standalone) for at in signs.number])
    result = {}
    for prefix, rows in (("", asked), ("standalone.", alone)):
        if 0 < signs.answerable[rows].sum() < rows.sum():
            can = signs.answerable[rows] > 0
            value = auroc(probability[rows][can], probability[rows][~can])
            result[f"{prefix}abstention.AUROC"] = float(value or 0.0)
    error = expected_calibration_error(reliability(probability[asked], signs.right[asked]))
    return result | {"calibration.ECE": float(error or 0.0)}


def thresholds(probability: Floats, right: Floats) -> list[tuple[float, float]]:
    """Return (error rate, least confidence at which no more of the answers are wrong)."""
    order = np.argsort(-probability, kind="stable")
    given = np.arange(1, len(order) + 1)
    error = 1 - np.cumsum(right[order]) / given
    table = []
    for rate in ERRORS:
        fits = np.flatnonzero((error <= rate) & (given >= LEAST_GIVEN))
        least = float(probability[order[fits[-1]]]) if fits.size else 1.0
        table.append((rate, round(least, DIGITS)))
    return table


# The parts, and the whole


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
        "kind of answer": lambda name: name.startswith((*kinds, "kind "))
    }
    for name, columns in groups.items():
        parts[name] = frozenset(columns).__contains__
    return parts


def _alone(names: Sequence[str], column: str) -> Floats:
    """Return weights by which one column ranks the passages, its cosine choosing the quote."""
    weights = np.zeros(len(names))
    weights[names.index(column)] = 1_000.0
    weights[names.index("cosine")] += 1.0
    return weights


def compare(sets: Mapping[str, Sequence[Example]], report: Report, *, parts: bool) -> None:
    """Report baselines, the model, and, if asked for, the model without each of its parts."""
    for name, examples in sets.items():
        others = [example for other in sets if other != name for example in sets[other]]
        names = examples[0].rows.names
        baselines = {
            "FAISS alone": "passage cosine",
            "BM25 alone": "passage bm25",
            "fused": "fused",
        }
        for system, column in baselines.items():
            alone = outcomes(examples, [_alone(names, column)] * len(examples))
            report.add(name, system, figures(examples, alone))
        whole = outcomes(examples, weights_by_fold(examples, others))
        fused = outcomes(examples, [_alone(names, "fused")] * len(examples))
        p = paired_randomisation_p(whole[:, 0], fused[:, 0])
        report.add(name, "cross-validated", figures(examples, whole) | {"p to fused": p})
        if others and any(example.is_list for example in others):
            unseen = outcomes(examples, [fit(others)] * len(examples))
            report.add(name, "from the other sets alone", figures(examples, unseen))
        if parts:
            _compare_parts(name, examples, others, whole, report)


def _compare_parts(
    name: str,
    examples: Sequence[Example],
    others: Sequence[Example],
    whole: Floats,
    report: Report,
) -> None:
    for part, belongs in _parts().items():
        columns = [at for at, column in enumerate(examples[0].rows.names) if not belongs(column)]
        found = outcomes(examples, weights_by_fold(examples, others, columns))
        tested = {
            f"p {heading}": paired_randomisation_p(whole[:, at], found[:, at])
            for at, heading in ((0, "passage"), (2, "quote"))
        }
        report.add(name, f"without {part}", figures(examples, found) | tested)


def train_confidence(
    sets: Mapping[str, Sequence[Example]], report: Report
) -> tuple[Logistic, Signs, list[tuple[float, float]]]:
    """Report the confidence's figures and return the model of all sets, with its thresholds."""
    every = [example for examples in sets.values() for example in examples]
    weights = [
        own
        for name, examples in sets.items()
        for own in weights_by_fold(examples, [e for e in every if e.set != name])
    ]
    signs = signs_of(every, weights)
    fold = np.concatenate([folds(examples) for examples in sets.values()])
    probability = held_out(signs, fold)
    set_of = np.array([every[at].set for at in signs.number])
    for name in sets:
        own = _rows(signs, set_of == name)
        found = confidence_figures(every, own, probability[set_of == name])
        report.add(name, "confidence, cross-validated", found)
        if len(sets) > 1:
            model = fit_confidence(signs, (set_of != name).astype(np.float64))
            found = confidence_figures(every, own, model.probability(own.values))
            report.add(name, "confidence, from the other sets", found)
    asked = signs.taken_out == 0
    table = thresholds(probability[asked], signs.right[asked])
    return fit_confidence(signs, np.ones(len(signs.values))), signs, table


def _rows(signs: Signs, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Signs:
    return Signs(
        signs.names,
        signs.values[chosen],
        signs.answerable[chosen],
        signs.right[chosen],
        signs.taken_out[chosen],
        signs.number[chosen],
    )


# Files


def write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write one weights file."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / name).write_text(text, "utf-8")


def worse(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say which cross-validated figures fell by more than WORSE, set by set."""
    return [
        f"{name} {figure} fell from {old:.3f} to {new:.3f}"
        for name, told in before.items()
        for figure, old in told.items()
        if figure in HEADINGS and (new := after.get(name, {}).get(figure, old)) < old - WORSE
    ]


def rounded(names: Sequence[str], weights: Floats) -> dict[str, float]:
    """Return name -> weight, with DIGITS digits."""
    pairs = zip(names, weights.tolist(), strict=True)
    return {name: float(f"{weight:.{DIGITS}g}") for name, weight in pairs}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    arguments = argparse.ArgumentParser(prog="python -m qa.evaluation.train", description=__doc__)
    arguments.add_argument("gold", nargs="+", type=Path, help="gold questions, JSON lines")
    arguments.add_argument(
        "--articles",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="the articles of each gold set, in the same order",
    )
    arguments.add_argument("--parts", action="store_true", help="also leave out part after part")
    arguments.add_argument("--write", type=Path, metavar="DIR", help="write the weights here")
    arguments.add_argument(
        "--anyway", action="store_true", help="replace weights even where figures fell"
    )
    return arguments


def train(given: argparse.Namespace) -> int:
    """Fit, report and write; return the exit code."""
    if len(given.gold) != len(given.articles):
        raise UsageError(
            f"{len(given.gold)} gold sets and {len(given.articles)} articles files were given;"
            " expected one of each a set"
        )
    sets: dict[str, list[Example]] = {}
    for gold, articles in zip(given.gold, given.articles, strict=True):
        name = gold.parent.name
        with opened(None, articles, _warn) as archive:
            sets[name] = list(examples_of(name, archive, read_gold(gold)))
    report = Report()
    compare(sets, report, parts=given.parts)
    model, signs, table = train_confidence(sets, report)
    if given.write is None:
        return 0
    every = [example for examples in sets.values() for example in examples]
    return _replace(given.write, report, fit(every), every, (model, signs, table), given.anyway)


def _warn(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _replace(
    folder: Path,
    report: Report,
    weights: Floats,
    every: Sequence[Example],
    fitted: tuple[Logistic, Signs, list[tuple[float, float]]],
    anyway: bool,
) -> int:
    """Write both files unless a figure fell; return the exit code."""
    told = {name: systems["cross-validated"] for name, systems in report.figures.items()}
    stored = folder / ranking.WEIGHTS
    before = json.loads(stored.read_text("utf-8")) if stored.is_file() else {}
    fell = worse(before.get("cross-validated", {}), told)
    if fell and not anyway:
        sys.stderr.write("the weights stay as they were: " + "; ".join(fell) + "\n")
        return 1
    model, signs, table = fitted
    by = {"about": "written by python -m qa.evaluation.train", "trained on": list(report.figures)}
    write(
        folder,
        ranking.WEIGHTS,
        by
        | {
            "cross-validated": {
                name: rounded(list(f), np.array(list(f.values()))) for name, f in told.items()
            },
            "weights": rounded(every[0].rows.names, weights),
        },
    )
    write(
        folder,
        confidence.WEIGHTS,
        by
        | {
            "cross-validated": {
                name: rounded(list(f), np.array(list(f.values())))
                for name, systems in report.figures.items()
                if (f := systems["confidence, cross-validated"])
            },
            "max_error": MAX_ERROR,
            "thresholds": table,
            "bias": round(model.bias, DIGITS),
            "weights": rounded(signs.names, model.weights),
        },
    )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the training and return the exit code; a person's mistake is one line on stderr."""
    try:
        return train(parser().parse_args(arguments))
    except NewsArchiveError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
