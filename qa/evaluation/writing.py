"""Write results to files so that a reader sees the old file or the new one, never half of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from corpus.errors import StorageError, UsageError
from qa.evaluation.run import Evaluation


def to_json(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON text with a newline at the end; undefined measures are null."""
    return json.dumps(evaluation.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def encode(text: str) -> bytes:
    """Return `text` as UTF-8; a lone surrogate becomes its escape, in JSON the same character."""
    return text.encode("utf-8", "backslashreplace")


def write_file(path: Path, text: str) -> None:
    """Write `text` in place of `path`, whole or not at all.

    Raises `StorageError` where the folder cannot be written.
    """
    try:
        _replace(path, encode(text))
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that can be written"
        ) from error


def check_folder(path: Path) -> None:
    """Raise `UsageError` where `path` cannot be a file: known before hours of work, not after."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"cannot write {path}; expected a file name in a folder that exists")


def _replace(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, then move it there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
