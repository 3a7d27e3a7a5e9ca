"""Serve an ASGI application over HTTP: a free port, safe headers, small bodies, a clean end."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import signal
import socket
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType

import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.errors import UsageError
from qa.web.patience import Patience
from qa.web.problems import Problem

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
"""Where Gradio's applications are looked for."""

LAST_PORT = 65_535

PORTS_TRIED = 20
"""Ports tried from the default one on, where none was asked for."""

MAX_BODY_BYTES = 1 << 20
"""Largest request body. A question and its filters need some kilobytes."""

SHUTDOWN_SECONDS = 2
"""How long a request that is being worked on may go on after Ctrl-C."""

_INLINE_SCRIPT = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self';"
    " form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy. Gradio compiles its event code ('unsafe-eval') and sets styles inline.
Inline scripts run only where they stood in the page that the server made, inline handlers never."""


class SecurityHeaders:
    """ASGI middleware that adds the security headers; a page's policy names its own scripts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with the headers added."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _Sealing(send))


class _Sealing:
    """Sends one response on with headers; a page is held back until its scripts are known."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.start: Message | None = None
        self.page = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self.start is not None:
            await self._hold(self.start, message)
        else:
            await self.send(message)

    async def _begin(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        headers.update(_HEADERS)
        if headers.get("content-type", "").startswith("text/html"):
            self.start = message
            return
        headers["Content-Security-Policy"] = _POLICY.format(hashes="")
        await self.send(message)

    async def _hold(self, start: Message, message: Message) -> None:
        self.page += message.get("body", b"")
        if message.get("more_body"):
            return
        headers = MutableHeaders(scope=start)
        headers["Content-Security-Policy"] = _POLICY.format(hashes=_script_hashes(self.page))
        await self.send(start)
        await self.send({"type": "http.response.body", "body": self.page})


def _script_hashes(page: bytes) -> str:
    """Return the policy's sources for the inline scripts of a page that is not compressed."""
    codes = [found["code"] for found in _INLINE_SCRIPT.finditer(page) if found["code"].strip()]
    digests = (base64.b64encode(hashlib.sha256(code).digest()).decode() for code in codes)
    return "".join(f" 'sha256-{digest}'" for digest in digests)


class BodyLimit:
    """ASGI middleware that refuses a request body of more than `MAX_BODY_BYTES` with 413.

    `larger` gives other limits to some (method, path).
    """

    def __init__(
        self, app: ASGIApp, larger: Mapping[tuple[str, str], int] = MappingProxyType({})
    ) -> None:
        self.app = app
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a body without a declared length is counted while it comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.larger.get((scope["method"], scope["path"]), MAX_BODY_BYTES)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > most:
            await _too_large(most).to_response()(scope, receive, send)
            return
        body = _Counting(receive, most)
        refused = False

        async def answer(message: Message) -> None:
            nonlocal refused
            if refused:
                return  # what the application makes of a body that broke off
            if body.is_too_large and message["type"] == "http.response.start":
                refused = True
                await _too_large(most).to_response()(scope, receive, send)
                return
            await send(message)

        await self.app(scope, body, answer)


class _Counting:
    """Receives a body and ends it as if the client had gone where it grows too large."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.receive = receive
        self.most = most
        self.seen = 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.is_too_large else message

    @property
    def is_too_large(self) -> bool:
        return self.seen > self.most


def _too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"The request's body is larger than {most:,} bytes.")


def bind(host: str, port: int | None) -> socket.socket:
    """Take the port, or the next free one after the default where `port` is None.

    Raises UsageError where the port is taken or the host is not one of this machine.
    """
    if port is not None:
        if not 0 <= port <= LAST_PORT:
            raise UsageError(f"--port {port} is no port: give one from 1 to {LAST_PORT}, or 0")
        return _bind_one(host, port)
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        with contextlib.suppress(_PortTakenError):
            return _bind_one(host, candidate)
    last = DEFAULT_PORT + PORTS_TRIED - 1
    message = f"all ports from {DEFAULT_PORT} to {last} are in use: choose a free one with --port"
    raise UsageError(message)


class _PortTakenError(UsageError):
    """Another program listens on the port, or this user may not."""


def _bind_one(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        message = f"cannot serve at {host!r}, port {port}: {error}; check --host and --port"
        raise UsageError(message) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        message = f"cannot serve at {host}, port {port}: {error.strerror}; choose another --port"
        raise _PortTakenError(message) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared only
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A server on a bound socket that calls back when it answers."""

    def __init__(self, app: ASGIApp, listener: socket.socket, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self.listener = listener
        self.ready = ready
        self.patience = Patience()
        self.interrupted = False

    def serve_until_stopped(self) -> None:
        """Answer requests until `should_exit` is set, or until Ctrl-C: KeyboardInterrupt."""
        with self.listener:
            self.run(sockets=[self.listener])
        if self.interrupted:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """End as soon as what is being worked on is answered."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note Ctrl-C: a process started in the background would be told of it by nobody else."""
        self.interrupted = sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Close connections that never finish a request, once a second."""
        if counter % 10 == 0:
            self.patience.check(self.server_state.connections)
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and call back."""
        await super().startup(sockets=sockets)
        if self.started:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open: Gradio's event streams would go on for ever."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets=sockets)
