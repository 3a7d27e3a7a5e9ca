"""Find the files to read: single files, folders with everything in them, and globs."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corpus.readers.formats import format_by_suffix
from corpus.records import Failure

_MAGIC = frozenset("*?[")
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files that can be read, the places that cannot, and files of formats not read."""

    files: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()
    skipped: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Found:
    """What was found so far; a dict keeps the order and drops what is named twice."""

    files: dict[Path, None] = field(default_factory=dict)
    failures: dict[Failure, None] = field(default_factory=dict)
    skipped: dict[Path, None] = field(default_factory=dict)

    def take(self, path: Path) -> None:
        """Add a file; a name that is no text can be neither stored nor shown."""
        try:
            str(path).encode()
        except UnicodeEncodeError:
            self.fail(path, "its name is not in UTF-8: rename it, or its folder")
        else:
            self.files[path] = None

    def fail(self, path: Path, reason: str) -> None:
        shown = str(path).encode("utf-8", "replace").decode()
        self.failures[Failure(shown, reason)] = None


def find_files(paths: Iterable[str | os.PathLike[str]]) -> FoundFiles:
    """Return the files under `paths`, each once, as absolute paths without links in them.

    A file named itself is taken whatever its suffix. Folders are searched to the bottom in sorted
    order, without hidden entries and without following links; a glob ("news/*.html", "news/**")
    finds what a folder search would find among its matches. A place that is missing, closed, no
    ordinary file, or a link that leads out of its folder is a failure with its reason.
    """
    found = _Found()
    for path in paths:
        _find(os.fspath(path), found)
    return FoundFiles(tuple(found.files), tuple(found.failures), tuple(found.skipped))


def is_found(place: Path, roots: Iterable[Path]) -> bool:
    """Tell whether a search of `roots`, files and folders without links in them, finds a place.

    The place may be a folder; then it tells whether the search looks into it.
    """
    for root in roots:
        if place == root:
            return True
        if not place.is_relative_to(root):
            continue
        inner = place.relative_to(root).parts
        hidden = any(part.startswith(".") for part in inner)
        ends = (root.joinpath(*inner[: n + 1]) for n in range(len(inner)))
        if not hidden and not any(end.is_symlink() for end in ends):
            return place.is_dir() or format_by_suffix(place) is not None
    return False


def _find(name: str, found: _Found) -> None:
    """Add what one argument names."""
    place = Path.cwd() / Path(name).expanduser() if name.strip() else None
    if place is None or "\x00" in name:
        found.fail(Path(name), "expected the path of a file or folder, found none")
    elif os.path.lexists(place):
        _add_named(place, found)
    elif _MAGIC & set(name):
        _add_glob(place, found)
    else:
        found.fail(place, "no such file or folder")


def _add_named(place: Path, found: _Found) -> None:
    """Add a file or folder that was named itself; a link is followed, as the name asks for it."""
    try:
        real = place.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError) as error:
        found.fail(place, _reason(error))
        return
    if stat.S_ISDIR(mode):
        _walk(real, real, found)
    elif stat.S_ISREG(mode):
        found.take(real)
    else:
        found.fail(place, _kind(mode))


def _add_glob(pattern: Path, found: _Found) -> None:
    """Add what matches a pattern, or a failure where nothing does."""
    parts = pattern.parts
    fixed = next(n for n, part in enumerate(parts) if _MAGIC & set(part))
    base = Path(*parts[:fixed])
    matches = dict.fromkeys(_matches(base, parts[fixed:]))
    for match in matches:
        _add_entry(match, base.resolve(), found)
    if not matches:
        found.fail(pattern, "no file matches this pattern")


def _matches(base: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """Yield what matches the pattern's parts below `base`; `**` is any number of folders."""
    if not parts:
        yield base
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _matches(base, rest)
        for folder in _entries(base):
            if folder.is_dir() and not folder.is_symlink():
                yield from _matches(folder, parts)
        return
    for entry in _entries(base, hidden=part.startswith(".")):
        if fnmatch.fnmatchcase(entry.name, part):
            yield from _matches(entry, rest)


def _entries(folder: Path, *, hidden: bool = False) -> list[Path]:
    """Return the entries of a folder that are not hidden, sorted; nothing for what is no folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [entry for entry in entries if hidden or not entry.name.startswith(".")]


def _walk(folder: Path, root: Path, found: _Found) -> None:
    """Add everything in a folder, sorted, without recursion in Python."""
    pending = [folder]
    while pending:
        place = pending.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            found.fail(place, _reason(error))
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                _add_entry(Path(entry.path), root, found)
        pending.extend(reversed(folders))


def _add_entry(place: Path, root: Path, found: _Found) -> None:
    """Add an entry met in a folder or by a glob: a link only tells where it leads, if outside."""
    try:
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = place.resolve(strict=True)
            if not target.is_relative_to(root):
                found.fail(place, "a link that leads out of the folder: not followed")
            return
    except (OSError, RuntimeError) as error:
        found.fail(place, _reason(error))
        return
    if stat.S_ISDIR(mode):
        _walk(place.resolve(), root, found)
    elif not stat.S_ISREG(mode):
        found.fail(place, _kind(mode))
    elif format_by_suffix(place) is None:
        found.skipped[place.resolve()] = None
    else:
        found.take(place.resolve())


def _kind(mode: int) -> str:
    """Return the reason for something that is neither a file nor a folder."""
    kind = next((name for test, name in _KINDS if test(mode)), "something else")
    return f"expected a file or a folder, found {kind}: not opened"


def _reason(error: OSError | RuntimeError) -> str:
    """Return in plain words why the system refused a path."""
    if isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    if isinstance(error, RuntimeError) or "symbolic link" in str(error):
        return "a link that leads back to itself"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return error.strerror or type(error).__name__
