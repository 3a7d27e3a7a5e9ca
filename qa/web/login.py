"""The login page: a plain form that works without scripts."""

from __future__ import annotations

from qa.markup import Html, join, tag, text

WRONG = "This name and password do not go together."
_STYLES = "/qa-static/chat.css"


def too_soon(seconds: int) -> str:
    """Return what a person is told who tries again too soon."""
    return f"After several wrong passwords the next try has to wait: {seconds} s."


def render_login(place: str, message: str = "") -> Html:
    """Render the page; `place` is where to go afterwards, `message` what went wrong."""
    told = tag("p", text(message), class_="qa-hint", role="alert") if message else Html("")
    form = tag(
        "form",
        tag("h1", text("News Archive"), class_="qa-title"),
        told,
        _field("name", "Name", "username", kind="text", focused=True),
        _field("password", "Password", "current-password", kind="password"),
        tag("input", type="hidden", name="next", value=place),
        tag("button", text("Log in"), type="submit", class_="qa-primary"),
        method="post",
        action="/login",
        class_="qa-login",
    )
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", text("Log in · News Archive")),
        tag("link", rel="stylesheet", href=_STYLES),
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
