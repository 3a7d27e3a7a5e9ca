"""The archive page: what is in it, a plot over time, files to drop in, articles to take out.

Plain HTML; static/archive.js fills in the list and sends files. The page is made on the server, so
that what is in the archive can be read without scripts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from qa import texts
from qa.conversation import Collection
from qa.markup import Html, join, tag, text
from qa.rendering import describe

PLOT_HEIGHT = 100
"""Units of the plot's picture, which is stretched to the page's width."""


def render_archive_page(
    collection: Collection, over_time: Sequence[tuple[str, int]], *, editable: bool, samples: bool
) -> Html:
    """Render the whole page."""
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", text(f"{texts.ARCHIVE} · {texts.TITLE}")),
        tag("link", rel="icon", href="qa-static/favicon.svg"),
        tag("link", rel="stylesheet", href="qa-static/chat.css"),
        tag("meta", name="qa-texts", content=json.dumps(texts.SCRIPT)),
        tag("script", src="qa-static/theme.js"),
        tag("script", src="qa-static/archive.js", defer=True),
    )
    back = tag("a", text(texts.BACK), href="./", class_="qa-act")
    title = tag("h1", text(texts.ARCHIVE), class_="qa-page-title")
    body = tag(
        "main",
        tag("header", title, back, class_="qa-page-head"),
        _render_contents(collection, over_time, samples=samples),
        _render_adding(empty=collection.articles == 0) if editable else _render_read_only(samples),
        _render_list(editable=editable),
        class_="qa-page",
    )
    return Html("<!doctype html>" + tag("html", tag("head", head), tag("body", body), lang="en"))


def _render_contents(
    collection: Collection, over_time: Sequence[tuple[str, int]], *, samples: bool
) -> Html:
    if collection.articles == 0:
        return tag("p", text(texts.EMPTY_ARCHIVE), class_="qa-lead")
    said = f"{describe(collection)}."
    note = tag("p", text(texts.SAMPLES_NOTE), class_="qa-note") if samples else Html("")
    outlets = [
        tag("li", tag("bdi", text(name or texts.NO_OUTLET)), tag("span", text(f" {count:,}")))
        for name, count in collection.sources
    ]
    return join(
        tag("p", text(said), class_="qa-lead"),
        note,
        render_plot(over_time),
        tag("h2", text(texts.OUTLETS), class_="qa-page-part"),
        tag("ul", *outlets, class_="qa-outlets"),
    )


def render_plot(over_time: Sequence[tuple[str, int]]) -> Html:
    """Render articles over time as bars, with the numbers in a table for who cannot see them."""
    if not over_time:
        return Html("")
    most = max(count for _, count in over_time)
    bars = []
    for at, (when, count) in enumerate(over_time):
        height = PLOT_HEIGHT * count / most
        shape = tag(
            "rect",
            tag("title", text(f"{when}: {count:,}")),
            x=f"{at + 0.1:.1f}",
            y=f"{PLOT_HEIGHT - height:.1f}",
            width="0.8",
            height=f"{height:.1f}",
        )
        bars.append(shape)
    first, last = over_time[0][0], over_time[-1][0]
    picture = tag(
        "svg",
        *bars,
        viewBox=f"0 0 {len(over_time)} {PLOT_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=texts.PLOT_TOLD.format(first=first, last=last, most=f"{most:,}"),
        class_="qa-plot",
    )
    ends = tag("p", tag("span", text(first)), tag("span", text(last)), class_="qa-plot-ends")
    rows = [
        tag("tr", tag("th", text(when), scope="row"), tag("td", text(f"{count:,}")))
        for when, count in over_time
    ]
    numbers = tag(
        "details",
        tag("summary", text(texts.NUMBERS)),
        tag("table", tag("tbody", *rows)),
        class_="qa-numbers",
    )
    heading = tag("h2", text(texts.OVER_TIME), class_="qa-page-part")
    return join(heading, picture, ends, numbers)


def _render_read_only(samples: bool) -> Html:
    told = texts.SAMPLES_STAY if samples else texts.READ_ONLY
    return tag("p", text(told), class_="qa-note")


def _render_adding(*, empty: bool) -> Html:
    """Render the place to drop files on; the file field in it works with the keyboard too."""
    field = tag("input", type="file", id="qa-files", multiple=True, class_="qa-input")
    zone = tag(
        "div",
        tag("label", text(texts.DROP), for_="qa-files"),
        field,
        tag("p", text(texts.DROP_TOLD), class_="qa-note"),
        id="qa-drop",
        class_="qa-drop qa-drop-first" if empty else "qa-drop",
    )
    progress = tag("progress", id="qa-progress", hidden=True, aria_label=texts.ADDING)
    report = tag("div", tag("ul", id="qa-report", class_="qa-report"), role="status")
    heading = tag("h2", text(texts.ADD), class_="qa-page-part")
    return tag("section", heading, zone, progress, report)


def _render_list(*, editable: bool) -> Html:
    search = join(
        tag("label", text(texts.FILTER), for_="qa-filter", class_="qa-label"),
        tag("input", type="search", id="qa-filter", class_="qa-input"),
    )
    count = tag("p", id="qa-count", class_="qa-note", role="status")
    rows = tag("ol", id="qa-articles", class_="qa-rows", data_editable=editable)
    heading = tag("h2", text(texts.ARTICLES), class_="qa-page-part")
    return tag("section", heading, search, count, rows)
