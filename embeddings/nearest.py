"""What finds passages by their vectors: one protocol, met by FAISS and by Milvus.

Whatever stands behind it only proposes: what it returns is read from the truth, and scored by the
vectors that the truth holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from corpus.errors import UnreachableError
from embeddings.encoder import Vectors
from embeddings.keys import Keys


class VectorsUnavailableError(UnreachableError):
    """The engine that holds the vectors does not answer, or holds those of another archive."""


class RestingError(VectorsUnavailableError):
    """The engine has not answered a moment ago, which was told then, and is not asked now."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the articles of a search have in common, in words that an engine may filter by.

    Each of `articles` (keys) is of one of the `outlets`, where there are any, and was published
    from `since` to `until` (ISO dates, inclusive), where they are given, or has no date.
    """

    articles: Sequence[int]
    outlets: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None


class PassageIndex(Protocol):
    """Passages by the vectors of a generation, each under its key and with its article's key."""

    @property
    def dimension(self) -> int:
        """Return the number of components of a vector."""
        ...

    @property
    def is_complete(self) -> bool:
        """Tell whether every passage of the generation can be found, not only the older ones."""
        ...

    def __len__(self) -> int: ...

    def keys(self) -> Keys:
        """Return the keys of all passages, ascending, int64 (n,)."""
        ...

    def keys_of(self, owners: Sequence[int] | Keys) -> Keys:
        """Return the keys of the passages of these articles, ascending, int64 (n,)."""
        ...

    def search(
        self,
        questions: Vectors,
        k: int,
        allowed: Sequence[int] | Keys | None = None,
        bounds: Bounds | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return for each question, float32 (n, dimension), its k best (key, score), best first.

        `allowed` limits the search to these passages; `bounds` say of them what they share, which
        an engine may use to search less. Raises VectorsUnavailableError where it cannot be asked.
        """
        ...

    def without(self, removed: Sequence[int] | Keys) -> PassageIndex:
        """Return the index without these passages, in memory alone."""
        ...
