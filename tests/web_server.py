"""A web server on this machine that stands for the internet: names and addresses are made up."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from corpus.web.network import Network, connect

PUBLIC = "93.184.215.14"
"""An address of the public internet, which the opener below leads to the server on this machine."""


@dataclass
class Reply:
    """What the server says to a path: `chunks` are sent one by one, `pause` seconds apart."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})
    chunks: Sequence[bytes] = ()
    pause: float = 0.0


class FakeInternet:
    """Hosts with replies, a resolver that knows them, and an opener that leads here alone.

    The checks of the code under test stay on: they see the made-up addresses. `opened` lists the
    addresses that were connected to, `asked` the hosts and paths that arrived, with their headers.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.replies: dict[tuple[str, str], Reply | Callable[[Mapping[str, str]], Reply]] = {}
        self.names: dict[str, Sequence[Sequence[str]]] = {}
        self.opened: list[str] = []
        self.resolved: list[str] = []
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.times: list[float] = []
        internet = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                internet._answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._tls = ssl.create_default_context(cafile=str(certificate))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(
        self, host: str, path: str, reply: Reply | bytes | Callable[[Mapping[str, str]], Reply]
    ) -> str:
        """Put a reply under a host and path; return the address."""
        self.names.setdefault(host, [[PUBLIC]])
        self.replies[host, path] = Reply(reply) if isinstance(reply, bytes) else reply
        return f"http://{host}{path}"

    def network(self, seconds: float = 5.0) -> Network:
        return Network(self._resolve, self._open, seconds, self._tls)

    def _resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the host's addresses: its next answer, the last one for ever."""
        self.resolved.append(host)
        if host not in self.names:
            raise socket.gaierror(-2, "Name or service not known")
        answers = list(self.names[host])
        self.names[host] = answers[1:] or answers
        return answers[0]

    def _open(self, ip: str, port: int, seconds: float) -> socket.socket:
        self.opened.append(ip)
        assert ip == PUBLIC, f"a connection to {ip}"
        return connect("127.0.0.1", self._server.server_address[1], seconds)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        host = request.headers["Host"]
        self.asked.append(host + request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.times.append(time.monotonic())
        reply = self.replies.get((host, request.path), Reply(b"none", 404))
        if callable(reply):
            reply = reply(self.headers[-1])
        request.send_response(reply.status)
        for name, value in reply.headers.items():
            request.send_header(name, value)
        request.end_headers()
        for chunk in reply.chunks or (reply.body,):
            try:
                request.wfile.write(chunk)
                request.wfile.flush()
            except OSError:
                return
            time.sleep(reply.pause)
