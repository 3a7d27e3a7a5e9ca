"""Who gets to the routes: the right host, no other site's page, who is known, not too often."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.markup import Html
from qa.web.access import Access, TooSoonError
from qa.web.admission import Rate, client_of
from qa.web.login import WRONG, render_login, too_soon
from qa.web.problems import Problem
from qa.web.sessions import SESSION_SECONDS, Sessions

COOKIE = "qa-session"
LOGIN, LOGOUT = "/login", "/logout"
OPEN = ("/api/health", "/api/ready", "/favicon.ico")
OPEN_BELOW = "/qa-static/"
"""What anybody may see: it tells nothing of the articles."""

COUNTED = ("/gradio_api/queue/join", "/mcp", LOGIN)
COUNTED_BELOW = ("/api/", "/gradio_api/run/", "/gradio_api/api/", "/gradio_api/call/")
NEVER_COUNTED = ("/api/health", "/api/ready", "/api/metrics")
"""Which requests count towards the number a minute; a page's scripts and styles do not. The
page asks through Gradio's queue; Gradio has three more ways to the same, which cannot be closed."""

LARGEST_FORM = 8_192
"""Bytes of a login form."""

LOGIN_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self';"
    " img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # with none, a browser sends "Origin: null" with a form
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of the login page, which comes before all that adds headers to the others."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may do what.

    `hosts` are the names under which the server may be called (None: any), which keeps out pages
    whose own name was made to point here. `access` says who is known (None: everybody may in).
    `a_minute` is the number of requests that each client may make in a minute (None: no limit).
    """

    hosts: frozenset[str] | None = None
    access: Access | None = None
    a_minute: int | None = None


@dataclass(slots=True)
class _State:
    """What the doors remember."""

    sessions: Sessions = field(default_factory=Sessions)
    rate: Rate | None = None


class Doors:
    """ASGI middleware that lets requests through or refuses them, see Rules."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules
        self._state = _State(rate=Rate(rules.a_minute) if rules.a_minute else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":  # no route of ours is a web socket
            await send({"type": "websocket.close", "code": 1008})
        else:
            response = await self._answer(scope, receive)
            await (response or self.app)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the response of a request that goes no further, or None."""
        request = Request(scope, receive)
        refusal = self._misdirected(request) or _foreign(request)
        if refusal:
            return refusal.to_response()
        path = scope["path"]
        name = None
        if self.rules.access is not None:
            name = self._known(request, self.rules.access)
            if path == LOGIN:
                return self._too_often(request, None) or await self._log_in(
                    request, self.rules.access
                )
            if path == LOGOUT and request.method == "POST":
                self._state.sessions.end(request.cookies.get(COOKIE, ""))
                return RedirectResponse(LOGIN, 303)
            if name is None and not _is_open(path):
                return _unknown(request)
        return self._too_often(request, name)

    def _misdirected(self, request: Request) -> Problem | None:
        hosts = self.rules.hosts
        if hosts is None or _host_name(request.headers.get("host", "")) in hosts:
            return None
        detail = "This server does not go by that name: open it by the address that it printed."
        return Problem(421, "misdirected", detail)

    def _known(self, request: Request, access: Access) -> str | None:
        """Return who asks, by token or by session; None for a stranger."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return access.who_has_token(token.strip())
        return self._state.sessions.name(request.cookies.get(COOKIE, ""))

    def _too_often(self, request: Request, name: str | None) -> Response | None:
        """Refuse where a client has made too many requests in the last minute."""
        rate = self._state.rate
        if rate is None or not _counts(request.scope["path"]):
            return None
        wait = rate.wait(f"name {name}" if name else _address(request))
        if not wait:
            return None
        detail = f"More than {rate.a_minute} requests came from you in a minute: wait a little."
        headers = {"Retry-After": str(math.ceil(wait))}
        return Problem(429, "too-often", detail, headers=headers).to_response()

    async def _log_in(self, request: Request, access: Access) -> Response:
        if request.method != "POST":
            return _page(render_login(_local(request.query_params.get("next", "/"))), 200)
        form = await _form(request)
        place = _local(form.get("next", "/"))
        try:
            right = await asyncio.to_thread(
                access.check_password,
                form.get("name", ""),
                form.get("password", ""),
                _address(request),
            )
        except TooSoonError as error:
            seconds = math.ceil(error.seconds)
            page = _page(render_login(place, too_soon(seconds)), 429)
            page.headers["Retry-After"] = str(seconds)
            return page
        if not right:
            return _page(render_login(place, WRONG), 403)
        response = RedirectResponse(place, 303)
        response.set_cookie(
            COOKIE,
            self._state.sessions.begin(form["name"]),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response


def _foreign(request: Request) -> Problem | None:
    """Refuse what a page of another site makes a browser send; programs send no Origin."""
    if request.method in SAFE_METHODS:
        return None
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    elsewhere = origin is not None and _place(origin) != host
    if not elsewhere and request.headers.get("sec-fetch-site") != "cross-site":
        return None
    return Problem(403, "foreign", "Only the archive's own page may ask this in a browser.")


def _host_name(host: str) -> str:
    """Return the name in a Host header, without its port; "" where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # "[" begins an address of IPv6 that has to end
        return ""


def _place(origin: str) -> str | None:
    """Return host and port of an Origin header; None where it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _unknown(request: Request) -> Response:
    """Send a person to the login page, and tell a program that it needs a token."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{LOGIN}?{urlencode({'next': place})}", 303)
    detail = "Send a token: `Authorization: Bearer TOKEN`. The archive's keeper makes one."
    return Problem(401, "unknown", detail, headers={"WWW-Authenticate": "Bearer"}).to_response()


def _page(body: Html, status: int) -> Response:
    return HTMLResponse(body, status, headers=LOGIN_HEADERS)


def _local(place: str) -> str:
    """Return a path of this server, to go to after the login; "/" for what leads elsewhere."""
    local = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if local and place.isprintable() else "/"


async def _form(request: Request) -> dict[str, str]:
    """Read a login form; what is too large counts as empty."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


def _address(request: Request) -> str:
    return client_of(request.client.host if request.client else "")


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


def _counts(path: str) -> bool:
    below = path.startswith(COUNTED_BELOW) and path not in NEVER_COUNTED
    return below or path in COUNTED
