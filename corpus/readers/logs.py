"""Keep the remarks of parsers back: what matters of them becomes a failure's reason."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def silent(name: str) -> Iterator[None]:
    """Keep a library's log messages back: what matters of them becomes a failure's reason."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
