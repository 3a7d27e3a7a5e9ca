"""Write an evaluation as one HTML page: no scripts, nothing loaded, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qa.evaluation.judging import MISSED, VERDICTS, WRONG, Judged
from qa.evaluation.measures import first_rank
from qa.evaluation.plot import reliability_plot
from qa.evaluation.run import Evaluation
from qa.evaluation.showing import (
    KIND_COLUMNS,
    UNDEFINED,
    kind_rows,
    measure_headings,
    measure_rows,
    share,
)
from qa.evaluation.summary import operating_points
from qa.markup import Html, join, tag, text

# Verdicts whose list is open when the page opens: what one wants to look at first.
OPEN = (WRONG, MISSED)
QUESTION_HEADINGS = ("question", "confidence", "article rank", "passage rank", "quote")
THRESHOLD_HEADINGS = ("answer from", "answerable answered", "unanswerable answered", "wrong")

# The policy is a second lock: a text that slipped through unescaped could load and send nothing.
HEAD = Html("""
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
  style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
""")
STYLE = Html("""
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fff; --line: #d4d4d8;
  --quiet: #5f5f67; --mark: #1d5fbf; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf0; --paper: #17171a; --line: #3a3a40; --quiet: #a5a5ae; --mark: #7db2ff; } }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
p, figcaption, small { color: var(--quiet); } figure { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.text { text-align: left; overflow-wrap: anywhere; min-width: 12.5rem; }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--quiet); font-size: 12px; }
.grid { stroke: var(--line); } .ideal { stroke: var(--quiet); stroke-dasharray: 4 4; }
.curve { fill: none; stroke: var(--mark); stroke-width: 2; } .dot { fill: var(--mark); }
""")


def render_page(evaluation: Evaluation, title: str) -> str:
    """Return the page; `title` names what was evaluated."""
    head = tag("head", HEAD, tag("title", text(title)), tag("style", STYLE))
    body = tag("body", tag("h1", text(title)), *_sections(evaluation))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _sections(evaluation: Evaluation) -> list[Html]:
    """Return the page's parts in the order in which one reads them."""
    return [
        *_notices(evaluation),
        tag("h2", text("Measures")),
        _text_table(measure_headings(evaluation), measure_rows(evaluation), texts=(0,)),
        *_kinds(evaluation),
        tag("h2", text("Calibration")),
        tag(
            "figure",
            reliability_plot(evaluation.reliability),
            tag("figcaption", text("Below the dashed line: too sure. Above it: not sure enough.")),
        ),
        tag("h2", text("What a threshold on the confidence would give")),
        _text_table(THRESHOLD_HEADINGS, _threshold_rows(evaluation.rows), texts=()),
        tag("h2", text("Questions")),
        *_questions(evaluation.rows),
    ]


def _notices(evaluation: Evaluation) -> list[Html]:
    """Return wrong offsets and warnings, where there are any."""
    lists = (
        ("Citations that do not slice back to their article", evaluation.offsets_wrong),
        ("Warnings", evaluation.warnings),
    )
    return [
        _details(f"{heading} ({len(lines)})", _list(lines), is_open=False)
        for heading, lines in lists
        if lines
    ]


def _kinds(evaluation: Evaluation) -> list[Html]:
    """Return the breakdown by kind of question, where gold has kinds."""
    if not evaluation.by_kind:
        return []
    table = _text_table(("kind", *KIND_COLUMNS), kind_rows(evaluation), texts=(0,))
    return [tag("h2", text("By kind of question")), table]


def _threshold_rows(rows: Sequence[Judged]) -> list[tuple[str, ...]]:
    return [
        (f"{at.threshold:g}", share(at.coverage), share(at.invented), share(at.risk))
        for at in operating_points(rows)
    ]


def _questions(rows: Sequence[Judged]) -> list[Html]:
    """Return the questions by verdict, the worst verdict first and the surest of it on top."""
    groups = ((verdict, [row for row in rows if row.verdict == verdict]) for verdict in VERDICTS)
    return [
        _details(f"{verdict} ({len(group)})", _question_table(group), is_open=verdict in OPEN)
        for verdict, group in groups
        if group
    ]


def _question_table(rows: Iterable[Judged]) -> Html:
    """Return a table of questions, surest first."""
    ordered = sorted(rows, key=lambda row: (-row.confidence, row.id))
    return _table(QUESTION_HEADINGS, map(_question_row, ordered), texts=(0, 4))


def _question_row(row: Judged) -> tuple[Html, ...]:
    """Return the cells of one question; its kind and id stand small below it."""
    origin = " · ".join(part for part in (row.kind, row.id) if part)
    question = join(_isolated(row.question), tag("br"), tag("small", _isolated(origin)))
    ranks = (row.article_hits, row.passage_hits)
    return (
        question,
        text(f"{row.confidence:.2f}"),
        *(text(_rank(hits) if row.answerable else UNDEFINED) for hits in ranks),
        join(_isolated(row.quote or "nothing found"), *_expected(row)),
    )


def _expected(row: Judged) -> list[Html]:
    """Return gold's answers, small, where the quote missed them."""
    if row.quote_hit or not row.answerable or not row.answers:
        return []
    return [tag("br"), tag("small", text("gold: "), _isolated(" / ".join(row.answers)))]


def _rank(hits: Sequence[bool]) -> str:
    return str(first_rank(hits) or "missed")


def _isolated(words: str) -> Html:
    """Return a text whose right-to-left marks cannot turn around what stands next to it."""
    return tag("bdi", text(words))


def _text_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[int]
) -> Html:
    """Return a table of plain texts, see `_table`."""
    return _table(headings, ([text(cell) for cell in row] for row in rows), texts)


def _table(headings: Sequence[str], rows: Iterable[Sequence[Html]], texts: Sequence[int]) -> Html:
    """Return a table that scrolls on its own; the columns numbered in `texts` are not numbers."""

    def line(name: str, cells: Sequence[Html]) -> Html:
        kinds = ("text" if number in texts else None for number in range(len(cells)))
        parts = zip(cells, kinds, strict=True)
        return tag("tr", *(tag(name, cell, class_=kind) for cell, kind in parts))

    head = tag("thead", line("th", [text(heading) for heading in headings]))
    body = tag("tbody", *(line("td", row) for row in rows))
    return tag("div", tag("table", head, body), class_="scroll")


def _list(lines: Iterable[str]) -> Html:
    return tag("ul", *(tag("li", _isolated(line)) for line in lines))


def _details(heading: str, content: Html, *, is_open: bool) -> Html:
    """Return a part that folds."""
    parts = (tag("summary", text(heading)), content)
    return tag("details", *parts, open=is_open)
