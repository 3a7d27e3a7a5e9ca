"""The derived indices of one generation, and what is left of them to start the next one from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from embeddings.generations import Stamps
from embeddings.nearest import PassageIndex
from embeddings.shelf import Shelf
from embeddings.sparse import SparseIndex

DENSE = "dense"
PASSAGES = "passages"
ARTICLES = "articles"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Indices:
    """The derived indices of one generation, open for search.

    `removed` counts the passages taken out since BM25's word counts were last made anew; `stamps`
    tell the next generation what the published files are; `shelf` keeps what was read lately.
    Where they are `behind`, they are an older generation's without what was removed since, for want
    of space to catch up.
    """

    generation: int
    commit: str
    folder: Path
    dense: PassageIndex
    passages: SparseIndex
    articles: SparseIndex
    removed: int = 0
    stamps: Stamps = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf, compare=False)
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What a new generation can start from: `indices` where all is whole, else what is left.

    `dense` may lack segments; `sparse` names the BM25 indices that are whole.
    """

    generation: int
    commit: str
    folder: Path
    removed: int
    stamps: Stamps
    dense: PassageIndex | None
    sparse: frozenset[str]
    indices: Indices | None = None
