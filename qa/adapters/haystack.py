"""The archive as a Haystack component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from embeddings.locations import locate
from qa.adapters.passages import id_of, metadata_of
from qa.archive import Archive
from qa.searching import DEFAULT_PASSAGES, search


@component
class ArchiveRetriever:
    """Retrieves passages as documents: `ArchiveRetriever("news", top_k=5)`.

    `archive` is the directory of an archive (None: the default one); it is opened for the first
    question. A document's content is the passage, `article.text[start:end]`; its meta tell where it
    is from and hold the sentence that matches best, `quote`. `sources`, `since` and `until` narrow
    the articles. Raises UsageError for a question or a limit that cannot be used.
    """

    def __init__(
        self,
        archive: str | None = None,
        top_k: int = DEFAULT_PASSAGES,
        sources: Sequence[str] = (),
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        self.archive = archive
        self.top_k = top_k
        self.sources = list(sources)
        self.since = since
        self.until = until
        self._opened: Archive | None = None

    def warm_up(self) -> None:
        """Open the archive."""
        self._open()

    def _open(self) -> Archive:
        if self._opened is None:
            self._opened = Archive.open(self.archive)
        return self._opened

    def to_dict(self) -> dict[str, Any]:
        """Return what the component is made from, for a pipeline that is saved.

        An address goes without its password, which $PGPASSWORD or ~/.pgpass gives.
        """
        place = None if self.archive is None else str(locate(self.archive))
        settings = {"archive": place, "top_k": self.top_k, "sources": self.sources}
        made: dict[str, Any] = default_to_dict(self, **settings, since=self.since, until=self.until)
        return made

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ArchiveRetriever:
        """Make the component again from what `to_dict` returned."""
        made: ArchiveRetriever = default_from_dict(cls, data)
        return made

    @component.output_types(documents=list[Document])
    def run(self, query: str, top_k: int | None = None) -> dict[str, list[Document]]:
        """Return the best-matching passages of a question, best first."""
        found = search(
            self._open(),
            query,
            k=top_k or self.top_k,
            sources=self.sources,
            since=self.since,
            until=self.until,
        )
        return {
            "documents": [
                Document(
                    id=id_of(passage),
                    content=passage.text,
                    meta=metadata_of(passage),
                    score=passage.score,
                )
                for passage in found
            ]
        }
