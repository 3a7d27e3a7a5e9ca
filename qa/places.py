"""Where things lie when nobody says: the person's archive, and what can be made again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

ARCHIVE_VARIABLE = "QA_ARCHIVE"
"""Environment variable: the archive to use where none is given."""

_NAME = "news-archive"


def default_archive() -> Path:
    """Return the archive's directory: $QA_ARCHIVE, else one in the person's data folder."""
    asked = os.environ.get(ARCHIVE_VARIABLE)
    if asked:
        return Path(asked).expanduser()
    return _home("XDG_DATA_HOME", ".local/share") / _NAME / "archive"


def cache_directory() -> Path:
    """Return a folder to write what can be made again; a temporary one where HOME is read-only."""
    folder = _home("XDG_CACHE_HOME", ".cache") / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"{_NAME}-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _home(variable: str, below_home: str) -> Path:
    asked = os.environ.get(variable)
    if asked and os.path.isabs(asked):
        return Path(asked)
    home = os.path.expanduser("~")
    if home == "~":
        return Path(tempfile.gettempdir()) / _NAME
    return Path(home) / below_home
