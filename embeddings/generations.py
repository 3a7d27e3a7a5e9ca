"""Generations of derived files on disk: each whole and named before anyone is pointed to it.

One directory a generation, under `derived/`, with a manifest that gives the archive's id, the
generation and a checksum of every file. `derived/CURRENT` names the directory in use and the
manifest's own checksum; it is replaced last, so a reader finds either the old or the new one. Files
that stay from one generation to the next are hard links: they are neither copied nor read again.
"""

from __future__ import annotations

import errno
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from corpus.errors import StorageError
from embeddings.checked import UnusableFilesError, file_sum
from embeddings.durable import remove_folder, replace_file, sync

DERIVED = "derived"
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
FORMAT = 3
"""Version of the layout; files of another version are made anew."""

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors of a system that has no more files or memory to give."""

LOCK_FILES = frozenset({".tantivy-writer.lock", ".tantivy-meta.lock"})
"""What tantivy leaves beside its files; not part of a generation."""


Stamps = dict[tuple[int, int], str]
"""Device and inode of a file -> its size and checksum."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a directory of derived files was made from: an archive, as a commit left it.

    `removed` counts the passages that were taken out since its word counts were last made anew;
    `source` is the checksum of the database that it was made from, "" where that is too large.
    """

    archive: str
    generation: int
    commit: str
    dimension: int
    removed: int = 0
    source: str = ""
    format: int = FORMAT
    files: dict[str, str] = field(default_factory=dict)


def pointer(root: Path) -> bytes:
    """Return what the file says that points to the directory in use; b"" where it is missing."""
    try:
        return (root / CURRENT).read_bytes()
    except OSError:
        return b""


def current_manifest(root: Path) -> tuple[Path, Manifest]:
    """Return the directory in use and its manifest.

    Raises UnusableFilesError where there is none, or where it is not what was written.
    """
    try:
        line = (root / CURRENT).read_text("utf-8")
        name, digest = line.split()
        path = root / Path(name).name / MANIFEST
        if file_sum(path) != digest or line != _pointer_to(path.parent, digest):
            raise UnusableFilesError(f"{path} is damaged")
        manifest = Manifest(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise UnusableFilesError(f"{error.filename} is missing") from error
    except (OSError, ValueError, TypeError) as error:
        _raise_exhaustion(error)
        raise UnusableFilesError(f"{root / CURRENT} cannot be followed ({error})") from error
    if manifest.format != FORMAT:
        raise UnusableFilesError(f"{path} has format {manifest.format}, not {FORMAT}")
    return path.parent, manifest


def damaged_files(
    folder: Path, manifest: Manifest, read: Callable[[str], bool] = lambda _: True
) -> list[str]:
    """Return the names of the files of a generation that are missing or not what was written.

    Of those whose names `read` turns down only the size is looked at.
    """
    return [
        name
        for name, stamp in manifest.files.items()
        if _stamp(folder / name, read=read(name)) not in (stamp, stamp.partition(":")[0])
    ]


def _stamp(path: Path, *, read: bool) -> str:
    """Return a file's size and, where it is to be read, its checksum; "" where it is missing."""
    try:
        size = path.stat().st_size
        return f"{size}:{file_sum(path)}" if read else str(size)
    except FileNotFoundError:
        return ""
    except OSError as error:
        _raise_exhaustion(error)
        raise


def _raise_exhaustion(error: Exception) -> None:
    """Raise StorageError where the system has run out of something, which is no damage."""
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        raise StorageError(
            f"the search indices cannot be read ({error.strerror}): close other programs or raise"
            " the limit (`ulimit -n`), and try again"
        ) from error


def publish(root: Path, generation: int, write: Callable[[Path], Manifest], base: Stamps) -> Stamps:
    """Write a new generation, make it durable, point to it and remove what it replaces.

    `write` fills the new directory and says what it holds; files that it links from `base` are
    taken for what they were. Returns the stamps of the new files. The caller holds the archive's
    lock.
    Raises StorageError where the disk refuses; the generation before stays in use then.
    """
    folder = root / f"{generation:08d}-{uuid.uuid4().hex[:8]}"
    try:
        root.mkdir(exist_ok=True)
        manifest = write(folder)
        files = {file: _linked_stamp(file, base) for file in _files_below(folder)}
        manifest = replace(manifest, files=_named(folder, files))
        digest = _write_manifest(folder, manifest)
        new = [file for file, stamp in files.items() if stamp is None]
        folders = [path for path in folder.rglob("*") if path.is_dir()]
        for path in [*new, folder / MANIFEST, *folders, folder, root]:
            sync(path)
        replace_file(root / CURRENT, _pointer_to(folder, digest).encode())
    except BaseException as error:
        remove_folder(folder)
        if isinstance(error, OSError):
            raise refusal(root, error) from error
        raise
    _sweep(root, folder)
    return stamps(folder, manifest)


def _pointer_to(folder: Path, digest: str) -> str:
    """Return the line that points to a directory whose manifest has this checksum."""
    return f"{folder.name} {digest}\n"


def refusal(root: Path, error: OSError) -> StorageError:
    """Return the error that says why derived files cannot be written, and what is kept."""
    return StorageError(
        f"the search indices in {root} cannot be written ({error.strerror or error}):"
        " free some space or fix the permissions; the articles are stored, and the next"
        " `qa index` or `qa ask` goes on from there"
    )


def stamps(folder: Path, manifest: Manifest) -> Stamps:
    """Return what a generation's files are known by, for the next one that links them."""
    present = ((folder / name, stamp) for name, stamp in manifest.files.items())
    return {_inode(file): stamp for file, stamp in present if file.exists()}


def names_of(folder: Path, manifest: Manifest, known: Stamps) -> set[str]:
    """Return the names of a generation's files that are known files under new names."""
    present = ((name, stamp) for name, stamp in manifest.files.items() if (folder / name).exists())
    return {name for name, stamp in present if known.get(_inode(folder / name)) == stamp}


def _linked_stamp(path: Path, base: Stamps) -> str | None:
    """Return the stamp of a file that has another name in `base`, else None.

    A file with no other name is new: it may have the inode of one that somebody has removed.
    """
    return base.get(_inode(path)) if path.stat().st_nlink > 1 else None


def _inode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _files_below(folder: Path) -> list[Path]:
    found = (file for file in sorted(folder.rglob("*")) if file.name not in LOCK_FILES)
    return [file for file in found if file.is_file()]


def _named(folder: Path, files: dict[Path, str | None]) -> dict[str, str]:
    """Return the stamps of all files by their names in the folder."""
    return {
        file.relative_to(folder).as_posix(): stamp or _stamp(file, read=True)
        for file, stamp in files.items()
    }


def _write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write the manifest; return its own checksum."""
    path = folder / MANIFEST
    path.write_text(json.dumps(asdict(manifest), indent=1), "utf-8")
    return file_sum(path)


def _sweep(root: Path, folder: Path) -> None:
    """Remove older generations and what killed processes left; readers keep what they have open."""
    for entry in root.iterdir():
        if entry.is_dir() and entry != folder:
            remove_folder(entry)
        elif entry.name.startswith(f".{CURRENT}."):
            entry.unlink(missing_ok=True)
