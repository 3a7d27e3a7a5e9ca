"""The retrievers for other frameworks, against the real packages where they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qa.archive import Archive
from qa.searching import search
from tests.fakes import HashingEncoder
from tests.web_clients import QUESTION, filled_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with filled_archive(tmp_path_factory.mktemp("adapters")) as archive:
        yield archive


def check(archive: Archive, texts: list[str], metadata: list[dict[str, Any]]) -> None:
    """Check that the passages are those of the archive, in its order, and slice back."""
    expected = search(archive, QUESTION, k=3, sources=["Post", "Echo"])
    assert texts == [passage.text for passage in expected]
    for text, told in zip(texts, metadata, strict=True):
        article = archive.article(told["article_id"])
        assert article.text[told["start"] : told["end"]] == text
        assert article.text[told["quote_start"] : told["quote_end"]] == told["quote"]
        assert article.source in {"Post", "Echo"}


@pytest.mark.filterwarnings("default")  # what the framework itself does is not ours
def test_langchain(archive: Archive) -> None:
    pytest.importorskip("langchain_core")
    from qa.adapters.langchain import ArchiveRetriever

    retriever = ArchiveRetriever(archive=archive, k=3, sources=("Post", "Echo"))
    found = retriever.invoke(QUESTION)
    check(archive, [d.page_content for d in found], [d.metadata for d in found])


@pytest.mark.filterwarnings("default")
def test_llama_index(archive: Archive) -> None:
    pytest.importorskip("llama_index.core")
    from qa.adapters.llama_index import ArchiveRetriever

    retriever = ArchiveRetriever(archive, k=3, sources=["Post", "Echo"])
    found = retriever.retrieve(QUESTION)
    check(archive, [n.node.text for n in found], [n.node.metadata for n in found])
    assert [node.score for node in found] == sorted((n.score for n in found), reverse=True)


@pytest.mark.filterwarnings("default")
def test_haystack(archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    haystack = pytest.importorskip("haystack")
    from qa.adapters.haystack import ArchiveRetriever

    opened = Archive.open(archive.directory, encoder=HashingEncoder())
    monkeypatch.setattr(Archive, "open", lambda directory: opened)
    made = ArchiveRetriever(str(archive.directory), top_k=3, sources=["Post", "Echo"])
    pipeline = haystack.Pipeline()
    pipeline.add_component("retriever", ArchiveRetriever.from_dict(made.to_dict()))
    found = pipeline.run({"retriever": {"query": QUESTION}})["retriever"]["documents"]
    check(archive, [d.content for d in found], [d.meta for d in found])
    opened.close()
