"""Generations of derived files on disk: each whole and named before anyone is pointed to it.

One directory a generation, under `derived/`, with a manifest that gives the archive's id, the
generation and a SHA-256 of every file. `derived/CURRENT` names the directory in use and the
manifest's own digest; it is replaced last, so a reader finds either the old one or the new one.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from corpus.errors import StorageError
from embeddings.durable import replace_file, sync
from embeddings.encoder import file_sha256

DERIVED = "derived"
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
FORMAT = 2
"""Version of the layout; files of another version are made anew."""

LOCK_FILES = frozenset({".tantivy-writer.lock", ".tantivy-meta.lock"})
"""What tantivy leaves beside its files; not part of a generation."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a directory of derived files was made from: an archive, as a commit left it.

    `removed` counts the passages that were taken out since its word counts were last made anew.
    """

    archive: str
    generation: int
    commit: str
    dimension: int
    removed: int = 0
    format: int = FORMAT
    files: dict[str, str] = field(default_factory=dict)


class UnusableFilesError(Exception):
    """Derived files are missing, damaged, of another layout or of another archive; says which."""


def current_manifest(root: Path) -> tuple[Path, Manifest]:
    """Return the directory in use and its manifest.

    Raises UnusableFilesError where there is none, or where it is not what was written.
    """
    try:
        name, digest = (root / CURRENT).read_text("utf-8").split()
        path = root / Path(name).name / MANIFEST
        if file_sha256(path) != digest:
            raise UnusableFilesError(f"{path} is damaged")
        manifest = Manifest(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise UnusableFilesError(f"{error.filename} is missing") from error
    except (OSError, ValueError, TypeError) as error:
        raise UnusableFilesError(f"{root / CURRENT} cannot be followed ({error})") from error
    if manifest.format != FORMAT:
        raise UnusableFilesError(f"{path} has format {manifest.format}, not {FORMAT}")
    return path.parent, manifest


def damaged_files(folder: Path, manifest: Manifest) -> list[Path]:
    """Return the files of a generation that are missing or not what was written."""
    return [
        folder / name
        for name, digest in manifest.files.items()
        if not (folder / name).is_file() or file_sha256(folder / name) != digest
    ]


def publish(root: Path, manifest: Manifest, write: Callable[[Path], Any]) -> Path:
    """Write a new generation, make it durable, point to it and remove what it replaces.

    `write` fills the new directory; the caller holds the archive's lock. Raises StorageError where
    the disk refuses; the generation before stays in use then.
    """
    folder = root / f"{manifest.generation:08d}-{uuid.uuid4().hex[:8]}"
    try:
        root.mkdir(exist_ok=True)
        write(folder)
        digest = _write_manifest(folder, manifest)
        for path in [*folder.rglob("*"), folder, root]:
            sync(path)
        replace_file(root / CURRENT, f"{folder.name} {digest}\n".encode())
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise refusal(root, error) from error
        raise
    _sweep(root, folder)
    return folder


def refusal(root: Path, error: OSError) -> StorageError:
    """Return the error that says why derived files cannot be written, and what is kept."""
    return StorageError(
        f"the search indices in {root} cannot be written ({error.strerror or error}):"
        " free some space or fix the permissions; the articles are stored, and the next"
        " `qa index` or `qa ask` goes on from there"
    )


def _write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write the manifest with the digests of all files; return its own digest."""
    files = {
        file.relative_to(folder).as_posix(): file_sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in LOCK_FILES
    }
    path = folder / MANIFEST
    path.write_text(json.dumps(asdict(manifest) | {"files": files}, indent=1), "utf-8")
    return file_sha256(path)


def _sweep(root: Path, folder: Path) -> None:
    """Remove older generations and what killed processes left; readers keep what they have open."""
    for entry in root.iterdir():
        if entry.is_dir() and entry != folder:
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name.startswith(f".{CURRENT}."):
            entry.unlink(missing_ok=True)
