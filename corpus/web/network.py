"""Ask one web server one thing: within limits of time and size, at an address that was checked."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from corpus.errors import PassingReadError, ReadError
from corpus.readers.unpacking import gunzipped
from corpus.web.addresses import WebAddress, check_public

SECONDS = 30.0
"""Seconds for one answer from the name's look-up to its last byte."""

MOST_TRIED = 4
"""Addresses of a host that are tried: a machine without IPv6 finds the IPv4 ones behind the first;
a longer list would leave each too little time."""

CHUNK_BYTES = 65_536
"""Bytes taken at a time; between two the limits are looked at."""

AGENT = "news-archive-qa"
"""What robots.txt files may call this program."""

HEADERS: Mapping[str, str] = {
    "User-Agent": f"{AGENT}/0.1",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "Connection": "close",
}

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the IP addresses of a host; raises OSError where there are none."""

Opener = Callable[[str, int, float], socket.socket]
"""Connects to an IP address and port within some seconds; raises OSError."""


@dataclass(frozen=True, slots=True)
class Response:
    """A server's answer: its status, its headers by lower-case name, its body unpacked."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def connect(ip: str, port: int, seconds: float) -> socket.socket:
    """Return a connection to an IP address."""
    return socket.create_connection((ip, port), timeout=seconds)


class Network:
    """The way to web servers. Tests put their own resolver and opener in its place.

    A host is looked up once a request; every address it has must be public, and the connection goes
    to one of those that were checked, so that a name that changes its mind leads nowhere else.
    Proxies of the environment are not used: they would look names up themselves.
    """

    def __init__(
        self,
        resolver: Resolver = resolve,
        opener: Opener = connect,
        seconds: float = SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._opener = opener
        self._seconds = seconds
        self._tls = tls

    def get(
        self, address: WebAddress, limit: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the answer to a GET request, not following where it may lead.

        Raises `ReadError` for a private address or a body of over `limit` bytes, and
        `PassingReadError` where the server cannot be reached or is too slow.
        """
        deadline = time.monotonic() + self._seconds
        try:
            sock = self._connected(address)
        except OSError as error:
            raise PassingReadError(f"{address.host} cannot be reached: {_cause(error)}") from error
        watch = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [sock])
        watch.daemon = True
        watch.start()
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            response = _received(_requested(sock, address, headers or {}), limit)
            if time.monotonic() >= deadline:
                raise TimeoutError
            return response
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                reason = f"{address.host} takes over {self._seconds:g} s to answer"
                raise PassingReadError(reason) from error
            raise PassingReadError(f"{address.host} broke off: {_cause(error)}") from error
        finally:
            watch.cancel()
            sock.close()

    def _connected(self, address: WebAddress) -> socket.socket:
        """Return a connection to an address of the host that was checked, not greeted yet."""
        addresses = self._resolver(address.host, address.port)
        for ip in addresses:
            check_public(ip)
        sock = self._opened(addresses[:MOST_TRIED], address.port)
        sock.settimeout(self._seconds)
        if address.scheme == "http":
            return sock
        tls = self._tls or ssl.create_default_context()
        return tls.wrap_socket(sock, server_hostname=address.host, do_handshake_on_connect=False)

    def _opened(self, addresses: Sequence[str], port: int) -> socket.socket:
        """Return a connection to the first of the addresses that answers.

        Each has its share of the time that is left. Raises the last one's OSError where none does.
        """
        deadline = time.monotonic() + self._seconds
        failed = OSError("it has no address")
        for n, ip in enumerate(addresses):
            seconds = max(0.0, deadline - time.monotonic()) / (len(addresses) - n)
            try:
                return self._opener(ip, port, seconds)
            except OSError as error:
                failed = error
        raise failed


def _requested(
    sock: socket.socket, address: WebAddress, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """Send a GET request over a connection; return the answer, its body not read yet."""
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = sock
    host = address.origin.partition("://")[2]
    connection.request("GET", address.target, headers={"Host": host, **HEADERS, **headers})
    return connection.getresponse()


def _received(response: http.client.HTTPResponse, limit: int) -> Response:
    """Return an answer with its body; raise `ReadError` where it is too large or oddly packed."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    declared = headers.get("content-length", "")
    too_large = f"over {limit:,} bytes: expected a page"
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise ReadError(too_large)
    body = bytearray()
    while chunk := response.read(min(CHUNK_BYTES, limit + 1 - len(body))):
        body += chunk
        if len(body) > limit:
            raise ReadError(too_large)
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    packing = headers.get("content-encoding", "identity").strip().lower()
    if packing in ("gzip", "x-gzip") and body:
        return Response(response.status, headers, gunzipped(bytes(body), limit).getvalue())
    if packing not in ("identity", "", "gzip", "x-gzip"):
        raise ReadError(f"packed with {packing[:20]!r}, which was not asked for")
    return Response(response.status, headers, bytes(body))


def _cut(sock: socket.socket) -> None:
    """End a connection under whoever waits for it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        return


def _cause(error: Exception) -> str:
    """Return an error's cause in a few words."""
    if isinstance(error, socket.gaierror):
        return "no such host, or no network"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error)[:120] or type(error).__name__
