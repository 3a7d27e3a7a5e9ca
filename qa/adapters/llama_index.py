"""The archive as a LlamaIndex retriever."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from qa.adapters.passages import id_of, metadata_of
from qa.searching import DEFAULT_PASSAGES, Searchable, search


class ArchiveRetriever(BaseRetriever):
    """Retrieves passages as nodes: `ArchiveRetriever(Archive.open("news"), k=5)`.

    A node's text is the passage, `article.text[start:end]`; its metadata tell where it is from and
    hold the sentence that matches best, `quote`. `sources`, `since` and `until` narrow the
    articles. Raises UsageError for a question or a limit that cannot be used.
    """

    def __init__(
        self,
        archive: Searchable,
        *,
        k: int = DEFAULT_PASSAGES,
        sources: Sequence[str] = (),
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        self._archive = archive
        self._k = k
        self._limits = {"sources": sources, "since": since, "until": until}
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = search(self._archive, query_bundle.query_str, k=self._k, **self._limits)
        return [
            NodeWithScore(
                node=TextNode(
                    id_=id_of(passage),
                    text=passage.text,
                    metadata=metadata_of(passage),
                    start_char_idx=passage.start,
                    end_char_idx=passage.end,
                ),
                score=passage.score,
            )
            for passage in found
        ]
