"""Write an evaluation as one HTML page: no scripts, nothing loaded, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qa.evaluation import html_parts as parts
from qa.evaluation.comparing import Comparison
from qa.evaluation.failure import ADVICE, MEANING, FailureKind
from qa.evaluation.judging import MISSED, REFUSED, RIGHT, VERDICTS, WRONG, Judged
from qa.evaluation.measures import first_rank, risk_coverage
from qa.evaluation.plot import bars, reliability_plot, risk_coverage_plot
from qa.evaluation.run import Evaluation
from qa.evaluation.showing import (
    COMPARISON_HEADINGS,
    GLOSSARY,
    KIND_COLUMNS,
    UNDEFINED,
    comparison_notes,
    comparison_rows,
    few,
    interval_rows,
    kind_rows,
    measure_headings,
    measure_rows,
    share,
    slice_rows,
)
from qa.evaluation.summary import operating_points
from qa.markup import Html, join, tag, text

# Verdicts whose list is open when the page opens: what one wants to look at first.
OPEN = (WRONG, MISSED)
QUESTION_HEADINGS = ("question", "confidence", "article rank", "passage rank", "quote")
THRESHOLD_HEADINGS = ("answer from", "answerable answered", "unanswerable answered", "wrong")

EXAMPLES = 3
"""Examples of each kind of failure, spread evenly over the run."""
LISTED_BYTES = 1_500_000
"""Bytes of the list of questions; with the rest, the page stays under 2 MB."""
LONGEST_QUESTION, LONGEST_QUOTE = 300, 400
"""Characters that the list shows of a question, and of a quote or an answer."""


def render_page(evaluation: Evaluation, title: str) -> str:
    """Return the page; `title` names what was evaluated."""
    return parts.page(title, _sections(evaluation))


def _sections(evaluation: Evaluation) -> Iterator[Html]:
    """Yield the page's parts in the order in which one reads them."""
    yield parts.prose(_lead(evaluation), "lead")
    yield from _notices(evaluation)
    yield tag("h2", text("Measures"))
    name, every, *others = measure_headings(evaluation)
    headings = (name, every, "95% interval", *others)
    yield parts.text_table(headings, interval_rows(evaluation, measure_rows(evaluation)), (0,))
    yield parts.fold("What the measures mean", parts.bullets(GLOSSARY))
    yield from _failures(evaluation)
    yield from _parts_of_the_run(evaluation)
    yield from _confidence(evaluation)
    yield tag("h2", text("Questions"))
    yield from _questions(evaluation.rows)


def _lead(evaluation: Evaluation) -> str:
    """Say in a sentence or two how the run went and what to do first."""
    rows = evaluation.rows
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}
    missed = sum(row.is_miss for row in rows)
    said = (
        f"Of {len(rows):,} questions, {counts[RIGHT]:,} were answered rightly,"
        f" {counts[REFUSED]:,} rightly declined and {missed:,} missed."
    )
    if evaluation.failures:
        kind = FailureKind(next(iter(evaluation.failures)))
        said += f" Most misses failed as “{kind}”: {MEANING[kind]}. {ADVICE[kind]}"
    return said


def _notices(evaluation: Evaluation) -> Iterator[Html]:
    """Yield wrong offsets and warnings, where there are any."""
    for heading, lines in (
        ("Citations that do not slice back to their article", evaluation.offsets_wrong),
        ("Warnings", evaluation.warnings),
    ):
        if lines:
            yield parts.fold(f"{heading} ({len(lines)})", parts.bullets(lines))


def _failures(evaluation: Evaluation) -> Iterator[Html]:
    """Yield the kinds of failure: bars, a table with what to try, and examples."""
    if not evaluation.failures:
        return
    missed = sum(evaluation.failures.values())
    yield tag("h2", text("Why questions failed"))
    largest, count = next(iter(evaluation.failures.items()))
    yield parts.figure(
        "Misses by kind (questions)",
        bars("Misses by kind", list(evaluation.failures.items())),
        f"Every miss has one kind, the stage of the line that lost it: {share(count / missed)} of"
        f" {missed:,} misses failed as “{largest}”.",
    )
    if evaluation.missed_by:
        missed_by = "; ".join(f"{name}: {n:,}" for name, n in evaluation.missed_by.items())
        yield parts.paragraph(
            f"Answers that were not among the candidates of {missed_by}. What one of the two"
            " retrievers misses, the other may still bring; what both miss cannot be ranked."
        )
    for kind, count in evaluation.failures.items():
        yield from _kind_of_failure(evaluation, FailureKind(kind), share(count / missed))


def _kind_of_failure(evaluation: Evaluation, kind: FailureKind, of_all: str) -> Iterator[Html]:
    """Yield one kind of failure: how many, what it means, what to try, and some of it."""
    rows = [row for row in evaluation.rows if row.failure and row.failure.kind is kind]
    chosen = _spread(rows, EXAMPLES)
    meaning = f"{MEANING[kind][0].upper()}{MEANING[kind][1:]}."
    yield tag("h3", text(f"{kind.value}: {len(rows):,} ({of_all} of misses)"))
    yield parts.prose(f"{meaning} {ADVICE[kind]}")
    examples = [example for row in chosen for example in _example(row)]
    yield parts.fold(f"Examples: {len(chosen)} of {len(rows):,}", *examples)


def _spread(rows: Sequence[Judged], most: int) -> list[Judged]:
    """Return at most `most` rows at equal distances, so that the choice is nobody's."""
    if len(rows) <= most:
        return list(rows)
    return [rows[n * len(rows) // most] for n in range(most)]


def _example(row: Judged) -> Iterator[Html]:
    """Yield one failure: the question, and the two passages side by side."""
    failure = row.failure
    if failure is None:
        return
    yield tag("h4", parts.isolated(parts.cut(row.question, LONGEST_QUESTION)))
    missed_by = f"; not among the candidates of {' and '.join(failure.missed_by)}"
    answers = parts.cut(" / ".join(row.answers), LONGEST_QUOTE)
    notes = [
        parts.isolated(failure.detail + (missed_by if failure.missed_by else "")),
        *([join(text("gold: "), parts.isolated(answers))] if answers else []),
    ]
    yield tag("p", join(*notes, separator=text(" · ")), class_="note")
    yield tag(
        "div",
        parts.card("What gold points at", failure.wanted),
        parts.card("What was ranked first", failure.instead),
        class_="pair",
    )


def _parts_of_the_run(evaluation: Evaluation) -> Iterator[Html]:
    """Yield the breakdowns: by kind of question where gold has kinds, then by the other slices."""
    if evaluation.by_kind:
        yield tag("h2", text("By kind of question"))
        yield parts.text_table(("kind", *KIND_COLUMNS), kind_rows(evaluation.by_kind), (0,))
    others = {name: found for name, found in evaluation.slices.items() if name != "kind"}
    if others:
        yield tag("h2", text("By part of the run"))
        yield parts.paragraph(few(), "note")
    for name, found in others.items():
        yield tag("h3", text(name.capitalize()))
        yield parts.text_table((name, *KIND_COLUMNS), slice_rows(found), (0,))


def _confidence(evaluation: Evaluation) -> Iterator[Html]:
    """Yield what the confidence is worth: calibration, risk and coverage, thresholds."""
    rows = evaluation.rows
    if all(row.articles_only for row in rows):
        return
    ece, aurc = (evaluation.measures.get(f"abstention.{name}") for name in ("ECE", "AURC"))
    yield tag("h2", text("Confidence"))
    off = UNDEFINED if ece is None else f"{ece:.3f}"
    area = UNDEFINED if aurc is None else f"{aurc:.3f}"
    curve = risk_coverage([row.score for row in rows], [row.quote_hit for row in rows])
    plots = (
        parts.figure(
            "Calibration: confidence against share right",
            reliability_plot(evaluation.reliability),
            f"Each dot is a tenth of the quotes. Below the dashed line: too sure; above it: not"
            f" sure enough. The mean distance (ECE) is {off}.",
        ),
        parts.figure(
            "Risk and coverage: what answering more costs",
            risk_coverage_plot(*curve),
            "From the left, the surest questions are answered first; the curve is the share of"
            f" answers that are wrong by then. Lower is better; the mean risk (AURC) is {area}.",
        ),
    )
    yield tag("div", *plots, class_="plots")
    yield tag("h3", text("What a threshold on the confidence would give"))
    yield parts.text_table(THRESHOLD_HEADINGS, _threshold_rows(rows), ())


def _threshold_rows(rows: Sequence[Judged]) -> list[tuple[str, ...]]:
    return [
        (f"{at.threshold:g}", share(at.coverage), share(at.invented), share(at.risk))
        for at in operating_points(rows)
    ]


def _questions(rows: Sequence[Judged]) -> Iterator[Html]:
    """Yield the questions by verdict, the worst verdict first and the surest of it on top."""
    room = LISTED_BYTES
    for verdict in VERDICTS:
        group = [row for row in rows if row.verdict == verdict]
        listed = []
        for row in sorted(group, key=lambda row: (-row.confidence, row.id)):
            cells = _question_row(row)
            room -= sum(len(cell.encode("utf-8", "replace")) for cell in cells) + ROW_BYTES
            if room < 0:
                break
            listed.append(cells)
        if not group:
            continue
        content = [parts.table(QUESTION_HEADINGS, listed, (0, 4))]
        if len(listed) < len(group):
            more = f"{len(group) - len(listed):,} more do not fit here: see `--rows` or `--csv`."
            content.append(parts.paragraph(more, "note"))
        yield parts.fold(f"{verdict} ({len(group)})", *content, is_open=verdict in OPEN)


ROW_BYTES = 80
"""Bytes of the markup around the cells of a row."""


def _question_row(row: Judged) -> tuple[Html, ...]:
    """Return the cells of one question; its kind, id and failure stand small below it."""
    failure = row.failure.kind.value if row.failure else None
    origin = " · ".join(parts.cut(part, 80) for part in (failure, row.kind, row.id) if part)
    question = parts.isolated(parts.cut(row.question, LONGEST_QUESTION))
    ranks = (row.article_hits, row.passage_hits)
    quote = parts.cut(row.quote or "nothing found", LONGEST_QUOTE)
    return (
        join(question, tag("br"), tag("small", parts.isolated(origin))),
        text(f"{row.confidence:.2f}"),
        *(text(_rank(hits) if row.answerable else UNDEFINED) for hits in ranks),
        join(parts.isolated(quote), *_expected(row)),
    )


def _expected(row: Judged) -> list[Html]:
    """Return gold's answers, small, where the quote missed them."""
    if row.quote_hit or not row.answerable or not row.answers:
        return []
    answers = parts.cut(" / ".join(row.answers), LONGEST_QUOTE)
    return [tag("br"), tag("small", text("gold: "), parts.isolated(answers))]


def _rank(hits: Sequence[bool]) -> str:
    return str(first_rank(hits) or "missed")


def render_comparison(comparison: Comparison) -> str:
    """Return the page of two runs side by side."""
    sections = [
        *(parts.paragraph(note) for note in comparison_notes(comparison)),
        parts.text_table(COMPARISON_HEADINGS, comparison_rows(comparison), (0, 6)),
    ]
    for heading, moved in (("Won", comparison.won), ("Lost", comparison.lost)):
        lines = [f"{parts.cut(question, LONGEST_QUESTION)} ({name})" for name, question in moved]
        if lines:
            told = f"{heading} by {comparison.deciding} ({len(lines)})"
            sections.append(parts.fold(told, parts.bullets(lines)))
    return parts.page(f"{comparison.first} and {comparison.second}", sections)
