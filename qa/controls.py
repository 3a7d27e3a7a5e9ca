"""Render what can be done with an answer: buttons, by whose `data-qa` the page's script goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from qa import texts
from qa.markup import Html, join, tag, text
from qa.records import Query
from qa.understood import Understood, understood


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands: its place in the conversation, and whether feedback can be given."""

    at: int = 0
    writable: bool = False
    today: date | None = None


def button(
    action: str, label: str, *, told: str | None = None, class_: str = "", **data: str
) -> Html:
    """Render a button of an action; `told` says more to who cannot see where it stands."""
    return tag(
        "button",
        text(label),
        type="button",
        class_=f"qa-act {class_}".strip(),
        data_qa=action,
        aria_label=told,
        title=told,
        **data,
    )


def render_navigation() -> Html:
    """Render where else one can go from the page."""
    archive = tag("a", text(texts.ARCHIVE), href="archive", class_="qa-act")
    return tag("nav", button("history", texts.HISTORY), archive, class_="qa-nav")


def render_chips(query: Query, at: int) -> Iterator[Html]:
    """Yield a list item for each thing that was understood, and one to change them."""
    told = list(understood(query))
    for item in told:
        yield _render_chip(item, at)
    change = button("change", texts.CHANGE, told=texts.CHANGE_TOLD, data_at=str(at))
    yield tag("li", change, class_="qa-chip-change")


def _render_chip(item: Understood, at: int) -> Html:
    words = tag("bdi", text(item.text))
    if item.kind is None:
        return tag("li", words, class_="qa-chip qa-notice", dir="auto")
    remove = button(
        "free",
        "×",
        told=texts.REMOVE_LIMIT.format(limit=item.text),
        class_="qa-remove",
        data_at=str(at),
        data_kind=item.kind,
    )
    return tag("li", words, remove, class_="qa-chip qa-limit", dir="auto")


def render_actions(place: Place, *, answered: bool) -> Html:
    """Render the row of buttons under an answer."""
    at = str(place.at)
    parts = [
        button("copy", texts.COPY, data_at=at) if answered else Html(""),
        button("share", texts.SHARE, data_at=at),
        button("retry", texts.RETRY, data_at=at),
        button("edit", texts.EDIT, data_at=at),
    ]
    if place.writable:
        parts.append(button("good", texts.GOOD, data_at=at))
        parts.append(button("bad", texts.BAD, data_at=at))
    return tag(
        "div", *filter(None, parts), class_="qa-actions", role="group", aria_label=texts.ACTIONS
    )


def render_card_actions(n: int, place: Place) -> Html:
    """Render the buttons of one source."""
    where = {"data_at": str(place.at), "data_n": str(n)}
    parts = [button("read", texts.READ, **where)]
    if place.writable:
        parts.append(button("right", texts.RIGHT, **where))
    return tag("div", join(*parts), class_="qa-card-actions")
