"""The version of reading, apart from the readers: who compares it need not import them all."""

from __future__ import annotations

READER_VERSION = "3"
"""Names what readers and cleaning do; a file is read again when it changes."""
