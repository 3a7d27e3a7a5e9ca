"""Yield the files in ZIP, tar and gzip archives from memory, within limits; nothing is extracted.

Links, devices, names that lead out, members with a password and archives in archives are refused
one by one; a bomb is refused as a whole before it is unpacked.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from corpus.errors import ReadError
from corpus.readers.decoding import binary_kind, scrub
from corpus.readers.formats import SNIFFED_BYTES, Member, format_by_suffix
from corpus.readers.limits import MAX_MEMBER_BYTES, MAX_MEMBERS
from corpus.readers.unpacking import gunzipped, open_zip, unpacked_member

_TAR_MARK = b"ustar"
"""What stands at byte 257 of all tar files but the oldest."""

_TAR_HEAD_BYTES = 262


def zip_members(_path: Path, data: bytes) -> Iterator[Member]:
    """Yield the members of a ZIP file that have a format that is read.

    Raises `ReadError` for what is no ZIP file, has too many members, or would unpack to too much.
    """
    with open_zip(data) as opened:
        for member in opened.infolist():
            if _is_wanted(member.filename):
                yield _zip_member(opened, member)


def _zip_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Member:
    """Return a member with its bytes, or why it is not read."""
    try:
        name = _safe_name(member.filename)
        if (member.external_attr >> 28) == 0o12:
            raise ReadError("a link: not followed")
        return Member(name, unpacked_member(opened, member, MAX_MEMBER_BYTES))
    except ReadError as error:
        return Member(_shown(member.filename), problem=str(error))


def tar_members(_path: Path, data: bytes) -> Iterator[Member]:
    """Yield the members of a tar file, packed with gzip or not, that have a format that is read.

    Raises `ReadError` for what is no tar file, has too many members, or unpacks to too much.
    """
    packed = data.startswith(b"\x1f\x8b")
    yield from _members_of_tar(gunzipped(data) if packed else io.BytesIO(data))


def _members_of_tar(stream: io.BytesIO) -> Iterator[Member]:
    """Yield the members of a tar file that is not packed."""
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as opened:
            n = 0
            while member := opened.next():
                n += 1
                if n > MAX_MEMBERS:
                    raise ReadError(f"over {MAX_MEMBERS:,} members: expected fewer, split it up")
                if not member.isdir() and _is_wanted(member.name):
                    yield _tar_member(opened, member)
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        head = stream.getvalue()[:SNIFFED_BYTES]
        is_tar = head[:_TAR_HEAD_BYTES].endswith(_TAR_MARK)
        if kind := None if is_tar else binary_kind(head):
            raise ReadError(f"expected a tar file, found {kind}") from error
        raise ReadError(f"not a whole tar file ({error}): was it cut off?") from error


def _tar_member(opened: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    """Return a member with its bytes, or why it is not read."""
    try:
        name = _safe_name(member.name)
        if not member.isreg() or member.issparse():
            raise ReadError("a link, device or file with holes: not read")
        if member.size > MAX_MEMBER_BYTES:
            raise ReadError(f"{member.size:,} bytes: expected at most {MAX_MEMBER_BYTES:,}")
        stream = opened.extractfile(member)
        content = stream.read(MAX_MEMBER_BYTES) if stream else b""
        if len(content) < member.size:
            raise ReadError("damaged: the archive ends inside it, was it cut off?")
        return Member(name, content)
    except ReadError as error:
        return Member(_shown(member.name), problem=str(error))


def gzip_member(path: Path, data: bytes) -> Iterator[Member]:
    """Yield the one file that a gzip file holds, named as the file without ".gz".

    A tar or WARC file in it is taken as one, whatever its name. Raises `ReadError` for a damaged
    file, a bomb, or a file that is too large.
    """
    stream = gunzipped(data)
    head = stream.read(_TAR_HEAD_BYTES)
    if head.endswith(_TAR_MARK):
        yield from _members_of_tar(stream)
    elif head.startswith(b"WARC/"):
        from corpus.readers import warc  # hardly ever needed

        yield from warc.members(path, data)
    else:
        content = stream.getvalue()
        if len(content) > MAX_MEMBER_BYTES:
            raise ReadError(f"it unpacks to {len(content):,} bytes: at most {MAX_MEMBER_BYTES:,}")
        yield Member(path.stem if path.suffix.lower() == ".gz" else path.name, content)


def _is_wanted(name: str) -> bool:
    """Tell whether a member is of a format that is read and not hidden, as in a folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)
    is_folder = name.endswith(("/", "\\"))
    return not hidden and not is_folder and format_by_suffix(Path(name)) is not None


def _safe_name(name: str) -> str:
    """Return a member's name; raise where it leads out of the archive."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or ":" in plain[:3] or ".." in plain.split("/"):
        raise ReadError("a name that leads out of the archive: not read")
    return _printable(plain)


def _shown(name: str) -> str:
    """Return a member's name as it may stand in a message: it leads nowhere."""
    parts = (part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
    return _printable("/".join(parts))


def _printable(name: str) -> str:
    """Return a name without control characters and of a length that fits a line."""
    return scrub("".join(c if c.isprintable() else "\ufffd" for c in name[:500]))[0]
