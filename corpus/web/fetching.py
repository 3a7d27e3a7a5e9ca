"""Fetch the pages of a list of addresses, each into a WARC file of its own, and say what failed."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from corpus.errors import PassingReadError, ReadError, UsageError
from corpus.readers.decoding import decode
from corpus.readers.limits import MAX_PAGE_BYTES
from corpus.records import Failure
from corpus.web.addresses import WebAddress, web_target
from corpus.web.network import AGENT, Network, Response
from corpus.web.robots import Robots, robots_of

MAX_LIST_BYTES = 10_000_000
"""Bytes of a list of addresses: some 100,000 lines."""

MAX_REDIRECTS = 5
"""Times that an address may lead on to another; browsers allow 20, articles need two."""

DELAY_SECONDS = 1.0
"""Seconds between two requests to one site, unless its robots.txt asks for more."""

MAX_ROBOTS_BYTES = 500_000
"""Bytes of a robots.txt: the least that RFC 9309 asks a reader to take is 500 KiB."""

PAGES = ("text/html", "application/xhtml+xml")
"""Types of content that are pages."""

_MOVED = frozenset({301, 302, 303, 307, 308})
_KEPT_HEADERS = ("content-type", "etag", "last-modified")

FetchProgress = Callable[[int, int], None]
"""Is told how many of how many addresses are done."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The files in which the pages lie, new or from before, and the addresses that failed."""

    files: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True)
class _Site:
    """What is known of a site: its rules or why they cannot be had, and when it may be asked."""

    robots: Robots | None = None
    problem: str | None = None
    free_at: float = 0.0


@dataclass(slots=True)
class Fetcher:
    """Fetches pages one at a time, each site at the pace that it asks for."""

    network: Network = field(default_factory=Network)
    delay: float = DELAY_SECONDS
    sleep: Callable[[float], None] = time.sleep
    _sites: dict[str, _Site] = field(default_factory=dict)

    def fetch(
        self, addresses: Iterable[str], folder: Path, progress: FetchProgress | None = None
    ) -> Fetched:
        """Fetch each address into a file in `folder`; a page that has not changed stays as it is.

        What cannot be fetched is a failure with its reason; an earlier copy of it is kept. Every
        page is on disk before the next is asked for.
        """
        folder.mkdir(parents=True, exist_ok=True)
        wanted = list(dict.fromkeys(addresses))
        files: dict[Path, None] = {}
        failures: list[Failure] = []
        for n, address in enumerate(wanted):
            if progress:
                progress(n, len(wanted))
            place = folder / _name(address)
            try:
                self._fetch_one(address, place)
            except ReadError as error:
                passing = isinstance(error, PassingReadError)
                failures.append(Failure(address, str(error), passing))
            if place.exists():
                files[place] = None
        return Fetched(tuple(files), tuple(failures))

    def _fetch_one(self, address: str, place: Path) -> None:
        """Fetch a page into its file; raises `ReadError` for what is none or may not be fetched."""
        target = web_target(address)
        known = _headers_of(place)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._asked(target, known)
            if response.status not in _MOVED:
                break
            target, known = web_target(response.headers.get("location", ""), target), {}
        else:
            raise ReadError(f"it leads on over {MAX_REDIRECTS} times: give the last address")
        if response.status == 304 and place.exists():
            return
        _check_page(response)
        _save(place, str(target), response)

    def _asked(self, target: WebAddress, known: Mapping[str, str]) -> Response:
        """Return a site's answer, asked at its pace and where its robots.txt allows it."""
        site = self._sites.setdefault(target.origin, _Site())
        if site.problem is not None:
            raise PassingReadError(site.problem)
        if site.robots is None:
            try:
                site.robots = self._robots(target)
            except ReadError as error:
                site.problem = str(error)
                raise
        if not site.robots.allows(target.target):
            raise ReadError(f"the robots.txt of {target.host} forbids this page: not asked")
        self.sleep(max(0.0, site.free_at - time.monotonic()))
        try:
            return self.network.get(target, MAX_PAGE_BYTES, _conditions(known))
        finally:
            site.free_at = time.monotonic() + max(self.delay, site.robots.delay)

    def _robots(self, target: WebAddress) -> Robots:
        """Return a site's rules; a site without a robots.txt has none.

        Raises `PassingReadError` where it cannot be had: then nothing may be asked for (RFC 9309,
        section 2.3.1.4).
        """
        place = web_target("/robots.txt", target)
        for _ in range(MAX_REDIRECTS + 1):
            response = self.network.get(place, MAX_ROBOTS_BYTES)
            if response.status not in _MOVED:
                break
            place = web_target(response.headers.get("location", ""), place)
        if response.status in range(400, 500) and response.status != 429:
            return Robots()
        if response.status != 200:
            reason = f"the robots.txt of {target.host} cannot be had ({response.status})"
            raise PassingReadError(f"{reason}: the site is not asked")
        return robots_of(response.body.decode("utf-8", "replace"), AGENT)


def listed_addresses(path: Path) -> tuple[str, ...]:
    """Return the addresses in a file: one a line, blank lines and those after "#" left out.

    Raises `UsageError` for a file that is missing, too large, no text, or holds no address.
    """
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise UsageError(f"{path} has over {MAX_LIST_BYTES:,} bytes: split the list up")
        text, _ = decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except ReadError as error:
        raise UsageError(f"{path}: {error}") from error
    lines = (line.strip() for line in text.splitlines())
    found = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not found:
        raise UsageError(f"{path} lists nothing: expected one web address a line")
    return found


def _check_page(response: Response) -> None:
    """Raise `ReadError` where a server's answer is no page."""
    if response.status != 200:
        kind = PassingReadError if response.status >= 500 or response.status == 429 else ReadError
        raise kind(f"the server answers {response.status}: expected a page")
    kind_of_content = response.headers.get("content-type", "text/html").partition(";")[0]
    if kind_of_content.strip().lower() not in PAGES:
        raise ReadError(f"expected a web page, found {kind_of_content[:60]!r}: save it as a file")
    if not response.body.strip():
        raise ReadError("the page is empty: expected an article")


def _conditions(known: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that ask for a page only if it has changed."""
    asked = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    return {asked[name]: known[name] for name in asked if known.get(name)}


def _name(address: str) -> str:
    """Return the name of an address's file: the same each time, and of no letter of the address."""
    return hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:32] + ".warc.gz"


def _save(place: Path, url: str, response: Response) -> None:
    """Write a page as a WARC record, unless the file holds the same page already."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    digest = hashlib.sha256(response.body).hexdigest()
    if _headers_of(place).get("x-body-sha256") == digest:
        return
    kept = [(name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers]
    headers = StatusAndHeaders("200 OK", [*kept, ("x-body-sha256", digest)], protocol="HTTP/1.1")
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=True)
    record = writer.create_warc_record(
        url,
        "response",
        payload=io.BytesIO(response.body),
        length=len(response.body),
        http_headers=headers,
    )
    writer.write_record(record)
    scratch = place.with_name(f".{place.name}.{os.getpid()}")
    with scratch.open("wb") as file:
        file.write(stream.getvalue())
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(place)


def _headers_of(place: Path) -> dict[str, str]:
    """Return the headers in a page's file; none where there is no such file, or a damaged one."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    try:
        with place.open("rb") as file:
            record = next(iter(ArchiveIterator(file)), None)
            headers = record.http_headers.headers if record and record.http_headers else []
            return {name.lower(): value for name, value in headers}
    except (OSError, ArchiveLoadFailed, ValueError, AttributeError, EOFError):
        return {}
