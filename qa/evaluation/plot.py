"""Draw the report's plots as inline SVG; narrow, so that a phone shows them at full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qa.evaluation.measures import Bin, FloatArray
from qa.markup import Html, tag, text

# Pixels: the side of the plotted square, and the margin around it that holds the axes' labels.
SIDE = 260
MARGIN = 44
SMALLEST_DOT, LARGEST_DOT = 3.0, 9.0

# Pixels: a bar's height and that of its label above it, and the width of the longest bar.
BAR, LABEL, LONGEST = 12, 18, 290
GAP = 8

CURVE_POINTS = 120
"""Points that a curve is drawn with: more than its pixels can show apart."""


@dataclass(frozen=True, slots=True)
class Axes:
    """What stands at the axes of a plot from 0 to 1 each: names with units, and the title."""

    title: str
    x: str
    y: str


def reliability_plot(table: Sequence[Bin]) -> Html:
    """Return the plot; dots on the diagonal are perfectly calibrated, below it too confident."""
    axes = Axes("Calibration", "confidence (0 to 1)", "share of quotes that are right (0 to 1)")
    points = " ".join(f"{_x(part.confidence)},{_y(part.accuracy)}" for part in table)
    largest = max((part.count for part in table), default=1)
    return _square(
        axes,
        _line(0, 0, 1, 1, "ideal"),
        tag("polyline", points=points, class_="curve"),
        *(_dot(part, largest) for part in table),
    )


def risk_coverage_plot(coverage: FloatArray, risk: FloatArray) -> Html:
    """Return the curve of risk over coverage; lower is better."""
    axes = Axes(
        "Risk and coverage",
        "coverage: share of questions answered (0 to 1)",
        "risk: share of those answers that are wrong (0 to 1)",
    )
    step = max(1, len(coverage) // CURVE_POINTS)
    kept = sorted({*range(0, len(coverage), step), len(coverage) - 1}) if len(coverage) else []
    points = " ".join(f"{_x(float(coverage[n]))},{_y(float(risk[n]))}" for n in kept)
    return _square(axes, tag("polyline", points=points, class_="curve"))


def bars(title: str, counts: Sequence[tuple[str, int]]) -> Html:
    """Return horizontal bars, each with its name and count above it."""
    most = max((count for _, count in counts), default=1)
    step = LABEL + BAR + GAP
    width, height = str(LONGEST + 4), str(step * len(counts) + GAP)
    parts = []
    for place, (name, count) in enumerate(counts):
        top = place * step
        label = f"{name}: {count:,}"
        parts += [
            tag("text", text(label), x="0", y=str(top + LABEL - 4), class_="name"),
            tag(
                "rect",
                x="0",
                y=str(top + LABEL),
                width=f"{max(1.0, LONGEST * count / most):.1f}",
                height=str(BAR),
                class_="bar",
            ),
        ]
    return tag(
        "svg",
        tag("title", text(title)),
        *parts,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
    )


def _square(axes: Axes, *drawn: Html) -> Html:
    """Return a square plot from 0 to 1 both ways."""
    size = str(SIDE + 2 * MARGIN)
    return tag(
        "svg",
        tag("title", text(axes.title)),
        *_axes(axes),
        *drawn,
        viewBox=f"0 0 {size} {size}",
        width=size,
        height=size,
        role="img",
    )


def _axes(axes: Axes) -> list[Html]:
    """Return grid lines with their numbers, and what the axes are."""
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    middle, bottom = _x(0.5), str(SIDE + MARGIN + 36)
    return [
        *(_line(0, tick, 1, tick, "grid") for tick in ticks),
        *(_label(f"{tick:g}", _x(tick), str(SIDE + MARGIN + 16)) for tick in ticks),
        *(_label(f"{tick:g}", str(MARGIN - 18), _y(tick)) for tick in ticks),
        _label(axes.x, middle, bottom),
        _label(axes.y, middle, str(MARGIN - 18)),
    ]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    return tag("line", x1=_x(x1), y1=_y(y1), x2=_x(x2), y2=_y(y2), class_=kind)


def _label(words: str, x: str, y: str) -> Html:
    return tag("text", text(words), x=x, y=y, text_anchor="middle", dominant_baseline="middle")


def _dot(part: Bin, largest: int) -> Html:
    """Return the dot of a bin, its area growing with its count, its numbers on hovering."""
    radius = SMALLEST_DOT + (LARGEST_DOT - SMALLEST_DOT) * (part.count / largest) ** 0.5
    note = f"{part.count} questions: confidence {part.confidence:.2f}, right {part.accuracy:.2f}"
    circle = tag(
        "circle", cx=_x(part.confidence), cy=_y(part.accuracy), r=f"{radius:.1f}", class_="dot"
    )
    return tag("g", tag("title", text(note)), circle)


def _x(value: float) -> str:
    return f"{MARGIN + SIDE * value:.1f}"


def _y(value: float) -> str:
    return f"{MARGIN + SIDE * (1 - value):.1f}"
