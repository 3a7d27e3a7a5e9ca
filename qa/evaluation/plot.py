"""Draw the reliability table as inline SVG: confidence against the share that was right."""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.measures import Bin
from qa.markup import Html, tag, text

# Pixels: the side of the plotted square, and the margin around it that holds the axes' labels.
SIDE = 260
MARGIN = 44
SMALLEST_DOT, LARGEST_DOT = 3.0, 9.0


def reliability_plot(table: Sequence[Bin]) -> Html:
    """Return the plot; dots on the diagonal are perfectly calibrated, below it too confident."""
    points = " ".join(f"{_x(part.confidence)},{_y(part.accuracy)}" for part in table)
    largest = max((part.count for part in table), default=1)
    size = str(SIDE + 2 * MARGIN)
    return tag(
        "svg",
        tag("title", text("Reliability: confidence against the share of right quotes")),
        *_axes(),
        _line(0, 0, 1, 1, "ideal"),
        tag("polyline", points=points, class_="curve"),
        *(_dot(part, largest) for part in table),
        viewBox=f"0 0 {size} {size}",
        width=size,
        height=size,
        role="img",
    )


def _axes() -> list[Html]:
    """Return grid lines with their numbers, and what the axes are."""
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    middle, bottom = _x(0.5), str(SIDE + MARGIN + 36)
    return [
        *(_line(0, tick, 1, tick, "grid") for tick in ticks),
        *(_label(f"{tick:g}", _x(tick), str(SIDE + MARGIN + 16)) for tick in ticks),
        *(_label(f"{tick:g}", str(MARGIN - 18), _y(tick)) for tick in ticks),
        _label("confidence", middle, bottom),
        _label("share right", str(MARGIN), str(MARGIN - 16)),
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
