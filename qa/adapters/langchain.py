"""The archive as a LangChain retriever."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from qa.adapters.passages import metadata_of
from qa.searching import DEFAULT_PASSAGES, search


class ArchiveRetriever(BaseRetriever):
    """Retrieves passages as documents: `ArchiveRetriever(archive=Archive.open("news"), k=5)`.

    A document's text is the passage, `article.text[start:end]`; its metadata tell where it is from
    and hold the sentence that matches best, `quote`. `sources`, `since` and `until` narrow the
    articles. Raises UsageError for a question or a limit that cannot be used.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    archive: Any
    k: int = DEFAULT_PASSAGES
    sources: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it by name
    ) -> list[Document]:
        found = search(
            self.archive,
            query,
            k=self.k,
            sources=self.sources,
            since=self.since,
            until=self.until,
        )
        return [
            Document(page_content=passage.text, metadata=metadata_of(passage)) for passage in found
        ]
