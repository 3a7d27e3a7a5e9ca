"""Read one file: open it safely, choose the reader, and turn every fault into a reason."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from corpus.errors import PassingReadError, ReadError
from corpus.readers import dispatch
from corpus.readers.fields import Origin, host_of, with_own_ids
from corpus.readers.formats import CONTAINERS, UNSANDBOXED, Format, Member, Parsed, format_of
from corpus.readers.limits import MAX_FILE_BYTES
from corpus.readers.sandbox import SANDBOX
from corpus.readers.worker import gave_up
from corpus.records import Article, Failure, SourceFile, noted


def read_file(path: str | os.PathLike[str]) -> SourceFile:
    """Return the articles of one file, and a failure for each part that cannot be read.

    `digest` is the SHA-256 of the file's bytes in hex, or empty where they could not be read.
    Nothing about the file raises: what is wrong stands in `failures`, what was guessed or mended
    in `warnings`. Only ordinary files are opened. A member of an archive has the path
    "archive.zip/member"; nothing is unpacked onto the disk.
    """
    place = Path.cwd() / path
    try:
        data = _bytes(place)
    except ReadError as error:
        return SourceFile(str(place), failures=(_failure(place, error),))
    digest = hashlib.sha256(data).hexdigest()
    parsed = _parsed(place, data)
    return SourceFile(str(place), parsed.articles, parsed.failures, digest, parsed.warnings)


def _parsed(place: Path, data: bytes) -> Parsed:
    """Return what the readers make of a file; a fault is a failure."""
    try:
        _check_not_empty(data)
        kind = format_of(place, data)
        if kind in CONTAINERS:
            return _unpacked(kind, place, data)
        return _read(kind, place, data)
    except ReadError as error:
        return Parsed(failures=(_failure(place, error),))
    except Exception as error:  # a parser's fault must cost one file, not the run
        return Parsed(failures=(Failure(str(place), gave_up(error)),))


def _failure(place: Path, error: ReadError) -> Failure:
    """Return the failure that an error is."""
    return Failure(str(place), str(error), isinstance(error, PassingReadError))


def _check_not_empty(data: bytes) -> None:
    """Raise for a file of nothing but white space."""
    if not data.strip():
        raise ReadError("the file is empty: expected an article")


def _read(kind: Format, place: Path, data: bytes) -> Parsed:
    """Return what the reader of a format makes of a file, in the sandbox where it can run wild."""
    read = dispatch.parse if kind in UNSANDBOXED else SANDBOX.read
    return read(kind, place, data)


def _unpacked(kind: Format, place: Path, data: bytes) -> Parsed:
    """Return the articles of an archive's members, each under an id of its own."""
    articles: list[tuple[Article, Origin]] = []
    failures: list[Failure] = []
    notes: list[str] = []
    for n, member in enumerate(_members(kind, place, data), 1):
        parsed = _parsed_member(place, member)
        articles += [(article, Origin(place, n, member.name)) for article in parsed.articles]
        failures += parsed.failures
        notes += [f"{member.name}: {warning}" for warning in parsed.warnings]
    if not articles and not failures:
        raise ReadError("no member of this archive is of a format that is read")
    kept, more = with_own_ids(articles)
    return Parsed(kept, tuple(failures), (*notes, *more))


def _members(kind: Format, place: Path, data: bytes) -> Iterator[Member]:
    """Yield an archive's members; what stops it halfway is the last one's problem."""
    members = dispatch.opener_of(kind)(place, data)
    n = 0
    while True:
        try:
            member = next(members, None)
        except ReadError as error:
            if not n:
                raise
            member = Member("", problem=f"the rest was not read: {error}")
        except Exception as error:  # an opener's fault must not cost the members before it
            member = Member("", problem=f"the rest was not read: {gave_up(error)}")
        if member is None:
            return
        n += 1
        yield member


def _parsed_member(place: Path, member: Member) -> Parsed:
    """Return what the readers make of a member, its failures with its address where it has one."""
    parsed = _parsed_inner(place / member.name, member)
    url = member.fields.get("url")
    failures = parsed.failures
    if url:
        failures = tuple(replace(part, reason=f"{part.reason} ({url})") for part in failures)
    articles = tuple(_told(found, member) for found in parsed.articles)
    return replace(parsed, articles=articles, failures=failures)


def _parsed_inner(inner: Path, member: Member) -> Parsed:
    """Return what the readers make of a member; another archive in it is refused."""
    try:
        if member.problem:
            raise ReadError(member.problem)
        _check_not_empty(member.data)
        kind = member.kind or format_of(inner, member.data)
        if kind in CONTAINERS:
            raise ReadError("an archive in an archive: unpack it first")
        return _read(kind, inner, member.data)
    except ReadError as error:
        return Parsed(failures=(_failure(inner, error),))
    except Exception as error:  # as above
        return Parsed(failures=(Failure(str(inner), gave_up(error)),))


def _told(article: Article, member: Member) -> Article:
    """Return an article with what its archive says of it, where it does not say so itself."""
    url = article.url or member.fields.get("url")
    told = replace(
        article,
        id=url if url and article.id == article.path else article.id,
        url=url,
        source=article.source or host_of(url),
        published=article.published or member.fields.get("published"),
    )
    return noted(told, "archive", {"source": "url"})


def _bytes(place: Path) -> bytes:
    """Return the bytes of an ordinary file; raise `ReadError` for anything else."""
    try:
        with open(place, "rb", opener=_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ReadError("expected an ordinary file: a pipe or device is not read")
            if status.st_size > MAX_FILE_BYTES:
                limit = f"{MAX_FILE_BYTES:,}"
                raise ReadError(f"{status.st_size:,} bytes: expected at most {limit}, split it up")
            return file.read(MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise ReadError(_refusal(error)) from error


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting, so that a pipe with nobody at its other end stops no run."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refusal(error: OSError | ValueError) -> str:
    """Return in plain words why a file could not be opened or read."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return getattr(error, "strerror", None) or str(error)
