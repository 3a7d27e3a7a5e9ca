"""Find files and read them as articles: one module a format, chosen by suffix and content."""

from __future__ import annotations

from corpus.readers.finding import FoundFiles, find_files, is_found
from corpus.readers.reading import read_file

READER_VERSION = "3"
"""Names what readers and cleaning do; a file is read again when it changes."""

__all__ = ["READER_VERSION", "FoundFiles", "find_files", "is_found", "read_file"]
