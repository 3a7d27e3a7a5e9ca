"""Say which web addresses may be asked: public hosts by http(s), checked before each request."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from corpus.errors import ReadError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_ADDRESS_CHARS = 2_000
"""Characters of an address: what servers and sitemaps accept."""

_PORTS = {"http": 80, "https": 443}
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PRIVATE_NAMES = (
    "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private",
    "home.arpa", "onion", "test", "invalid",
)  # fmt: skip
"""Ends of names that lead into a private network or nowhere (RFC 6761, 6762, 8375, and use)."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""Networks whose addresses hold an IPv4 address in their last 32 bits (RFC 6052, RFC 4291)."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A web address in its parts; `host` is in ASCII and lower case, `target` starts with "/"."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Return scheme, host and port, for which one robots.txt counts."""
        usual = self.port == _PORTS[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if usual else f":{self.port}")

    def __str__(self) -> str:
        return self.origin + self.target


def web_target(address: str, base: WebAddress | None = None) -> WebAddress:
    """Return an address in its parts, a relative one resolved against `base`.

    Raises `ReadError` for what is no http(s) address, carries a password, or by its very name leads
    into a private network.
    """
    if len(address) > MAX_ADDRESS_CHARS:
        raise ReadError(f"an address of {len(address):,} characters: at most {MAX_ADDRESS_CHARS:,}")
    try:
        parts = urlsplit(urljoin(str(base) if base else "", address.strip()))
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ReadError(f"no web address: {error}") from error
    if parts.scheme not in _PORTS:
        raise ReadError("expected an address that starts with http:// or https://")
    if "@" in parts.netloc:
        raise ReadError("an address with a name or password in it: not asked")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    full = urlunsplit(("", "", target, query, ""))
    return WebAddress(parts.scheme, checked_host(host), port or _PORTS[parts.scheme], full)


def checked_host(host: str) -> str:
    """Return a host in ASCII and lower case.

    Raises `ReadError` where it is none, or stands for a private place: a name such as "localhost",
    a private address, or an address in one of the notations that hide it (2130706433, 0177.0.0.1).
    """
    name = _ascii(host)
    if not name:
        raise ReadError("no host in this address")
    if ":" in name or _NUMERIC.fullmatch(name):
        return _checked_number(name)
    labels = name.split(".")
    if not all(map(_LABEL.fullmatch, labels)) or len(name) > 253:
        raise ReadError(f"no host name: {host[:80]!r}")
    if len(labels) == 1 or any(name.endswith(f".{end}") for end in _PRIVATE_NAMES):
        raise ReadError(f"{name[:80]!r} is a name in a private network: not asked")
    return name


def check_public(address: str) -> None:
    """Raise `ReadError` for an IP address that is not on the public internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError as error:
        raise ReadError(f"no IP address: {address[:80]!r}") from error
    if not all(map(_is_public, _meanings(ip))):
        raise ReadError(f"{address} is an address in a private network: not asked")


def _checked_number(name: str) -> str:
    """Return an IP address as it is usually written; raise where it is private or disguised."""
    try:
        ip = ipaddress.ip_address(name)
    except ValueError as error:
        reason = f"{name[:80]!r} is an address in an unusual notation: not asked"
        raise ReadError(reason) from error
    check_public(str(ip))
    return str(ip)


def _ascii(host: str) -> str:
    """Return a host as the name system knows it; raise where it has no such form."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare.isascii():
        return bare
    try:
        return bare.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ReadError(f"no host name: {host[:80]!r}") from error


def _meanings(ip: IpAddress) -> Iterator[IpAddress]:
    """Yield an address and the IPv4 addresses that it may carry in it."""
    yield ip
    if isinstance(ip, ipaddress.IPv4Address):
        return
    last = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _NAT64 or ip in _COMPATIBLE:
        yield last
    carried = (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ()))
    yield from (address for address in carried if address is not None)


def _is_public(ip: IpAddress) -> bool:
    """Tell whether an address is one of the public internet."""
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or ip in _NAT64):
        return True  # what it carries is looked at by itself
    return ip.is_global and not (
        ip.is_private
        or ip.is_loopback
        or ip.is_link_local
        or ip.is_multicast
        or ip.is_reserved
        or ip.is_unspecified
    )
