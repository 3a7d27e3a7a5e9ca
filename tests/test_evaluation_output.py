"""What an evaluation is written as: a terminal's tables, a page, JSON."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from corpus.errors import StorageError, UsageError
from qa.evaluation.asking import warn
from qa.evaluation.comparing import RunFile, compare
from qa.evaluation.failure import Excerpt, Failure, FailureKind
from qa.evaluation.judging import Judged
from qa.evaluation.measures import Bin
from qa.evaluation.page import render_comparison, render_page
from qa.evaluation.run import Evaluation
from qa.evaluation.summary import (
    calibration,
    summarise_kinds,
    summarise_slices,
    summarise_with_standalone,
)
from qa.evaluation.terminal import print_evaluation
from qa.evaluation.writing import check_folder, encode, to_json, write_file

HOSTILE = "<script>alert(1)</script><img src=//evil.example/x onerror='a()'> \"'&\x00\udc80"
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "ul", "li"),
    *("div", "table", "thead", "tbody", "tr", "th", "td", "bdi", "small", "br"),
    *("details", "summary", "figure", "figcaption"),
    *("svg", "g", "line", "text", "circle", "polyline", "rect"),
    *("h3", "h4", "strong", "mark", "code"),
}


def row(name: str, *, answered: bool, right: bool, **fields: object) -> Judged:
    """Return a judged question; `fields` replace what does not matter to the test at hand."""
    values: dict[str, object] = {
        "id": name,
        "question": f"question {name}",
        "kind": None,
        "standalone": None,
        "answerable": True,
        "answered": answered,
        "confidence": 0.75,
        "quote": "a quote",
        "quote_hit": right,
        "answers": ("the answer",),
        "articles": ("a",),
        "article_hits": (right,),
        "passage_hits": (right,),
        "relevant_articles": 1,
        "tokens": (100,),
    }
    return Judged(**(values | fields))  # type: ignore[arg-type]  # a row of test values


def evaluation(*rows: Judged, **fields: object) -> Evaluation:
    """Return an evaluation of rows."""
    measures = summarise_with_standalone(rows) | {"seconds": 1.5, "offsets.wrong": 0}
    return Evaluation(
        measures=measures,
        by_kind=summarise_kinds(rows),
        rows=rows,
        reliability=calibration(rows),
        slices=summarise_slices(rows),
        **fields,  # type: ignore[arg-type]  # a warning or two
    )


class Page(HTMLParser):
    """Collects the elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data + "\n"


def test_json_is_flat_with_rows_and_kinds_and_null_where_undefined() -> None:
    """Measures stand at the top level under their names; what is undefined is null."""
    text = to_json(evaluation(row("q1", answered=True, right=True, kind="person")))
    got = json.loads(text)
    assert got["quote.Success@1"] == 1.0
    assert got["abstention.AUROC"] is None
    assert got["by_kind"]["person"]["questions"] == 1
    assert got["per_question"][0]["id"] == "q1"
    assert text.endswith("}\n")


def test_json_carries_a_lone_surrogate_through() -> None:
    """Half a character in a quote is written and read back as it was."""
    text = to_json(evaluation(row("q1", answered=True, right=True, quote=HOSTILE)))
    assert json.loads(encode(text))["per_question"][0]["quote"] == HOSTILE


def test_the_page_shows_hostile_text_as_text() -> None:
    """Markup in questions, quotes, ids, kinds and warnings is shown, never obeyed."""
    texts = {"question": HOSTILE, "quote": HOSTILE, "kind": HOSTILE, "answers": (HOSTILE,)}
    excerpt = Excerpt(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 2, 9)
    failure = Failure(FailureKind.OUTRANKED, HOSTILE, ("BM25",), excerpt, excerpt)
    slices = {"slices": (("outlet", HOSTILE),), "failure": failure}
    hostile = row(HOSTILE, answered=True, right=False, **texts, **slices)
    other = row("q", answered=True, right=True, slices=(("outlet", "Post"),))
    result = evaluation(hostile, other, warnings=(HOSTILE,), offsets_wrong=(HOSTILE,))
    text = render_page(result, HOSTILE)
    page = Page(text)
    assert page.elements <= ALLOWED
    assert not [
        name for name in page.attributes if name.startswith("on") or name in ("src", "href")
    ]
    assert page.text.count("<script>alert(1)</script>") == 22
    assert "default-src 'none'" in text
    text.encode("utf-8")


def test_the_page_lists_misses_before_what_was_right() -> None:
    """Wrong answers stand above missed ones, right ones last; the open lists are the misses."""
    rows = (
        row("right", answered=True, right=True),
        row("missed", answered=False, right=False, quote=None),
        row("wrong", answered=True, right=False),
    )
    text = render_page(evaluation(*rows), "t")
    places = [text.index(f"question {name}<") for name in ("wrong", "missed", "right")]
    assert places == sorted(places)
    assert text.count("<details open>") == 2


def test_the_page_shows_golds_answer_where_the_quote_missed_it() -> None:
    """A wrong quote stands beside the answer that gold expected; a right one needs none."""
    wrong = render_page(evaluation(row("q", answered=True, right=False)), "t")
    right = render_page(evaluation(row("q", answered=True, right=True)), "t")
    assert "gold: <bdi>the answer</bdi>" in wrong
    assert "the answer" not in right


def test_the_page_of_nothing_still_renders() -> None:
    """One question that returned nothing has no calibration and no kinds, and no error."""
    nothing = row("q", answered=False, right=False, quote=None, articles=(), tokens=())
    assert "n/a" in Page(render_page(evaluation(nothing), "t")).text


def test_the_page_of_2000_questions_stays_under_2_mb() -> None:
    """However long and strange the texts: what does not fit is counted, and no miss's kind lost."""
    long = "“Größe” & <b>" * 60
    excerpt = Excerpt("a", long, long, long, long[:420], 0, 9)
    failure = Failure(FailureKind.OUTRANKED, long[:80], ("FAISS",), excerpt, excerpt)
    fields = {"quote": long, "answers": (long,), "kind": "fact", "failure": failure}
    rows = [
        row(f"q{n}", answered=True, right=False, question=f"{n} {long}", **fields)
        for n in range(2_000)
    ]
    text = render_page(evaluation(*rows), "t")
    assert len(text.encode()) < 2_000_000
    assert "more do not fit here" in text
    assert "shown, but not first: 2,000 (100% of misses)" in text


def test_every_plot_has_a_title_units_and_a_sentence() -> None:
    """Each figure says above what it is, at its axes what is counted, below what it shows."""
    missed = Failure(FailureKind.OUTRANKED, "at rank 2")
    rows = (
        row("a", answered=True, right=True),
        row("b", answered=True, right=False, failure=missed, confidence=0.4),
    )
    text = render_page(evaluation(*rows), "t")
    figures = text.split("<figure>")[1:]
    assert len(figures) == 3
    for figure in figures:
        assert figure.startswith("<figcaption><strong>")
        assert "<svg" in figure
        assert "</svg><figcaption>" in figure
    assert "Misses by kind (questions)" in figures[0]
    assert "confidence (0 to 1)" in figures[1]
    assert "coverage: share of questions answered (0 to 1)" in figures[2]


def test_two_runs_side_by_side_are_shown_as_text() -> None:
    """A hostile question or file name stays text on the page of a comparison."""
    outcomes = (("right", 1.0), ("wrong quote given", 0.0))
    runs = [
        RunFile(
            HOSTILE,
            {
                HOSTILE: {
                    "question": HOSTILE,
                    "verdict": verdict,
                    "values": {"quote.Success@1": value},
                }
            },
        )
        for verdict, value in outcomes
    ]
    page = Page(render_comparison(compare(*runs)))
    assert page.elements <= ALLOWED
    assert page.text.count("<script>alert(1)</script>") >= 3


def test_the_plot_places_confidence_and_accuracy() -> None:
    """A bin at confidence 1 and accuracy 0 is the plot's lower right corner."""
    result = evaluation(row("q", answered=True, right=False, confidence=1.0))
    assert result.reliability == (Bin(1, 1.0, 0.0),)
    assert 'cx="304.0" cy="304.0"' in render_page(result, "t")


@pytest.mark.parametrize("width", [80, 20])
def test_the_terminal_tables_fit(width: int) -> None:
    """No line is longer than the terminal; at 80 characters no name or number is cut."""
    rows = (
        row("q1", answered=True, right=True, kind="[red]person", standalone=True),
        row("q2", answered=False, right=False, answerable=False, kind="place"),
    )
    stream = io.StringIO()
    print_evaluation(evaluation(*rows), Console(file=stream, width=width))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= width
    if width < 80:
        return
    assert "…" not in text
    for part in ("abstention.coverage@95", "1.000", "[red]person", "standalone", "100.0"):
        assert part in text


def test_kinds_and_warnings_cannot_command_the_terminal() -> None:
    """Gold of others may hold escape sequences: they are shown as marks."""
    hostile = "\x1b]0;title\x07\u202e\x9b31m"
    stream = io.StringIO()
    console = Console(file=stream, width=120)
    print_evaluation(evaluation(row("q", answered=True, right=True, kind=hostile)), console)
    warn(console, hostile)
    assert not set("\x1b\x07\u202e\x9b") & set(stream.getvalue())
    assert stream.getvalue().count("]0;title") == 2


def test_undefined_measures_read_na_in_the_terminal() -> None:
    """Without unanswerable questions AUROC is n/a, not 0."""
    stream = io.StringIO()
    print_evaluation(evaluation(row("q", answered=True, right=True)), Console(file=stream))
    line = next(line for line in stream.getvalue().splitlines() if "AUROC" in line)
    assert line.split() == ["abstention.AUROC", "n/a"]


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last step fails, the old content stays and no temporary file is left."""
    target = tmp_path / "out.json"
    write_file(target, "old")
    write_file(target, "new")
    assert target.read_text() == "new"

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match=r"cannot write .*out\.json: No space left"):
        write_file(target, "newer")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_impossible_output_is_refused_beforehand(tmp_path: Path) -> None:
    """A folder, or a file in a folder that is not there, is a usage error."""
    check_folder(tmp_path / "out.json")
    for path in (tmp_path, tmp_path / "none" / "out.json"):
        with pytest.raises(UsageError, match="expected a file name in a folder that exists"):
            check_folder(path)
