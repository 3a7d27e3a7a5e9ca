"""Find files and read them as articles: one module a format, chosen by suffix and content."""

from __future__ import annotations

from corpus.readers.finding import FoundFiles, find_files, is_found
from corpus.readers.reading import read_file
from corpus.versions import READER_VERSION

__all__ = ["READER_VERSION", "FoundFiles", "find_files", "is_found", "read_file"]
