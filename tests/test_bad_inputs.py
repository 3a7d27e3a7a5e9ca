"""Bad files in bulk among good ones: nothing stops, each is named, memory stays low."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.indexing import index_paths
from embeddings.store import Store
from tests import article_files as files
from tests.article_files import WRITERS
from tests.fakes import HashingEncoder
from tests.quality import bad_inputs


def test_every_bad_file_is_named_and_every_good_one_indexed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One file of each bad kind among ten good ones."""
    assert bad_inputs.main(["1", "10"]) == 0, capsys.readouterr().out
    assert "10 indexed" in capsys.readouterr().out


@pytest.mark.slow
def test_hundreds_of_bad_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten files of each bad kind, 390 in all, among a hundred good ones."""
    assert bad_inputs.main([]) == 0, capsys.readouterr().out


def test_every_format_is_indexed_with_title_date_and_text(tmp_path: Path) -> None:
    """A folder with one real file of every format: all are in the archive as they should be."""
    for name, write in WRITERS.items():
        (tmp_path / name).write_bytes(write())
    (tmp_path / "archive").mkdir()
    store = Store(tmp_path / "archive", create=True)
    encoder = HashingEncoder()
    report = index_paths(store, lambda: encoder, [tmp_path])
    assert report.failed == ()
    for name in WRITERS:
        article = store.article(store.files()[str(tmp_path / name)].articles[0])
        assert article is not None
        assert (article.title, article.published) == (files.TITLE, files.DATE), name
        assert article.clean_text == files.TEXT, name
        key = dict(store.article_ids())[article.id]
        passages = [passage.span.of(article.text) for passage in store.passages_of([key])]
        assert "".join("".join(passages).split()) == "".join(files.TEXT.split()), name
    store.close()
