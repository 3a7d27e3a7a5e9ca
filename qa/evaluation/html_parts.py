"""The parts that report pages are made of: head and style, tables, folds, figures, excerpts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from qa.evaluation.failure import Excerpt
from qa.markup import Html, join, tag, text

_BLANK_LINES = re.compile(r"\s*\n\s*")

# The policy is a second lock: a text that slipped through unescaped could load and send nothing.
HEAD = Html("""
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
  style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
""")
STYLE = Html("""
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fff; --line: #d4d4d8;
  --quiet: #5f5f67; --mark: #1d5fbf; --card: #f6f6f8; --lit: #ffe9a8; --bad: #b3341f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf0; --paper: #17171a; --line: #3a3a40; --quiet: #a5a5ae; --mark: #7db2ff;
    --card: #212126; --lit: #5c4a12; --bad: #ff9d8a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3, h4 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { max-width: 46rem; margin: .4rem 0; } .note, figcaption, small { color: var(--quiet); }
.lead { font-size: 1.1rem; } figure { margin: 1rem 0; max-width: 26rem; }
figcaption strong { color: var(--ink); display: block; }
.plots { display: flex; flex-wrap: wrap; gap: 0 3rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; }
.text { text-align: left; overflow-wrap: anywhere; min-width: 12rem; white-space: normal; }
@media (max-width: 34rem) { table { font-size: .9rem; } th, td { padding-right: .6rem; }
  .text { min-width: 10.75rem; } }
code { font: .92em ui-monospace, monospace; }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: .75rem; margin: .5rem 0 1.25rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .8rem; min-width: 0; overflow-wrap: anywhere; }
.card p { margin: .25rem 0 0; white-space: pre-line; }
mark { background: var(--lit); color: inherit; padding: 0 .1em; }
svg { max-width: 100%; height: auto; display: block; }
svg text { fill: var(--quiet); font-size: 12px; } svg .name { fill: var(--ink); }
.grid { stroke: var(--line); } .ideal { stroke: var(--quiet); stroke-dasharray: 4 4; }
.curve { fill: none; stroke: var(--mark); stroke-width: 2; } .dot, .bar { fill: var(--mark); }
@media print {
  :root { --ink: #000; --paper: #fff; --line: #bbb; --quiet: #444; --mark: #1d5fbf;
    --card: #fff; --lit: #eee; }
  body { max-width: none; font-size: 10pt; padding: 0; } h2 { break-after: avoid; }
  figure, .pair, tr { break-inside: avoid; } mark { font-weight: 700; } }
""")


def page(title: str, sections: Iterable[Html]) -> str:
    """Return a whole page that opens from disk and loads nothing."""
    head = tag("head", HEAD, tag("title", text(title)), tag("style", STYLE))
    body = tag("body", tag("h1", text(title)), *sections)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def paragraph(words: str, kind: str | None = None) -> Html:
    """Return a paragraph of plain words."""
    return tag("p", text(words), class_=kind)


def prose(words: str, kind: str | None = None) -> Html:
    """Return a paragraph of our own words, in which `backticks` stand around code."""
    pieces = words.split("`")
    shown = (
        tag("code", text(piece)) if place % 2 else text(piece) for place, piece in enumerate(pieces)
    )
    return tag("p", *shown, class_=kind)


def isolated(words: str) -> Html:
    """Return a text whose right-to-left marks cannot turn around what stands next to it."""
    return tag("bdi", text(words))


def cut(words: str, most: int) -> str:
    """Return a text of at most `most` characters, with an ellipsis where some are left out."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def text_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[int]
) -> Html:
    """Return a table of plain texts, see `table`."""
    return table(headings, ([isolated(cell) for cell in row] for row in rows), texts)


def table(headings: Sequence[str], rows: Iterable[Sequence[Html]], texts: Sequence[int]) -> Html:
    """Return a table that scrolls on its own; the columns numbered in `texts` are not numbers."""

    def line(name: str, cells: Sequence[Html]) -> Html:
        kinds = ("text" if number in texts else None for number in range(len(cells)))
        parts = zip(cells, kinds, strict=True)
        return tag("tr", *(tag(name, cell, class_=kind) for cell, kind in parts))

    head = tag("thead", line("th", [text(heading) for heading in headings]))
    body = tag("tbody", *(line("td", row) for row in rows))
    return tag("div", tag("table", head, body), class_="scroll")


def bullets(lines: Iterable[str]) -> Html:
    """Return a list of plain lines."""
    return tag("ul", *(tag("li", isolated(line)) for line in lines))


def fold(heading: str, *content: Html, is_open: bool = False) -> Html:
    """Return a part that folds."""
    return tag("details", tag("summary", text(heading)), *content, open=is_open)


def figure(title: str, plot: Html, sentence: str) -> Html:
    """Return a plot under its title, and over a sentence that says what it shows."""
    caption = tag("figcaption", text(sentence))
    name = tag("figcaption", tag("strong", text(title)))
    return tag("figure", name, plot, caption)


def card(heading: str, excerpt: Excerpt | None) -> Html:
    """Return a passage with what matters in it marked, under its outlet, day and headline."""
    if excerpt is None:
        return tag("div", tag("strong", text(heading)), paragraph("nothing", "note"), class_="card")
    told = (excerpt.title, excerpt.source, excerpt.published, excerpt.article)
    origin = " · ".join(cut(part, 100) for part in told if part)
    before, marked, after = (_flow(part) for part in excerpt.parts)
    passage = join(
        text("… ") if excerpt.cut_before else Html(""),
        before,
        tag("mark", marked) if marked else Html(""),
        after,
        text(" …") if excerpt.cut_after else Html(""),
    )
    return tag(
        "div",
        tag("strong", text(heading)),
        tag("br"),
        tag("small", isolated(origin)),
        tag("p", passage, dir="auto"),
        class_="card",
    )


def _flow(words: str) -> Html:
    """Return running text: blank lines, however many in a row, are one break."""
    return text(_BLANK_LINES.sub("\n", words))
