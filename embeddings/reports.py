"""What is told of an index run: how far it is, and in the end what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from corpus.records import Failure


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """Where a run stands: files read, passages encoded, and how many there may be in all."""

    files: int
    total_files: int
    passages: int
    total_passages: int


ProgressCallback = Callable[[IndexProgress], None]


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run did, in articles; `passages` counts those that the archive holds afterwards."""

    added: int
    updated: int
    unchanged: int
    removed: int
    passages: int
    failed: tuple[Failure, ...]
    warnings: tuple[str, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types, with the names of the contract."""
        counts = asdict(self)
        counts["failed"] = [{"path": part.path, "reason": part.reason} for part in self.failed]
        counts["warnings"] = list(self.warnings)
        counts["seconds"] = round(self.seconds, 3)
        return counts
