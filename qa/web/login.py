"""The login page: a plain form that works without scripts."""

from __future__ import annotations

from qa import texts
from qa.markup import Html, join, tag, text

WRONG = texts.WRONG_PASSWORD
_STYLES, _THEME = "/qa-static/chat.css", "/qa-static/theme.js"


def too_soon(seconds: int) -> str:
    """Return what a person is told who tries again too soon."""
    return texts.TOO_SOON.format(seconds=seconds)


def render_login(place: str, message: str = "") -> Html:
    """Render the page; `place` is where to go afterwards, `message` what went wrong."""
    told = tag("p", text(message), class_="qa-hint", role="alert") if message else Html("")
    form = tag(
        "form",
        tag("h1", text(texts.TITLE), class_="qa-title"),
        told,
        _field("name", texts.NAME, "username", kind="text", focused=True),
        _field("password", texts.PASSWORD, "current-password", kind="password"),
        tag("input", type="hidden", name="next", value=place),
        tag("button", text(texts.LOG_IN), type="submit", class_="qa-primary"),
        method="post",
        action="/login",
        class_="qa-login",
    )
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", text(f"{texts.LOG_IN} · {texts.TITLE}")),
        tag("link", rel="stylesheet", href=_STYLES),
        tag("script", src=_THEME),
    )
    page = tag("html", tag("head", head), tag("body", tag("main", form)), lang="en")
    return Html("<!doctype html>" + page)


def _field(name: str, label: str, fills: str, *, kind: str, focused: bool = False) -> Html:
    control = tag(
        "input",
        id=name,
        name=name,
        type=kind,
        autocomplete=fills,
        required=True,
        autofocus=focused,
    )
    return join(tag("label", text(label), for_=name), control)
