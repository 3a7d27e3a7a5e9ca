"""CSV and TSV: columns by their names, one article a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.readers import read_file
from corpus.records import SourceFile

TEXT = "The council voted on Monday to close the bridge."


def read(folder: Path, data: str, name: str = "a.csv") -> SourceFile:
    """Write a file and read it."""
    place = folder / name
    place.write_bytes(data.encode())
    return read_file(place)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_columns_by_name(tmp_path: Path, mark: str) -> None:
    """Whatever separates the columns, their names say what they hold."""
    rows = [
        ["Id", "Headline", "Body", "Pub_Date"],
        ["7", "Bridge; closed, now", TEXT, "2023-03-02"],
    ]
    data = "\r\n".join(mark.join(f'"{cell}"' for cell in row) for row in rows)
    found = read(tmp_path, data).articles[0]
    assert (found.id, found.title, found.text) == ("7", "Bridge; closed, now", TEXT)
    assert found.published == "2023-03-02"
    assert found.path == str(tmp_path / "a.csv")


def test_tabs(tmp_path: Path) -> None:
    """A .tsv file is read with tabs, commas being part of its cells."""
    assert read(tmp_path, "text\ttitle\nOne, two.\tT, t", "a.tsv").articles[0].title == "T, t"


def test_line_breaks_and_quotes_inside_a_cell_stay(tmp_path: Path) -> None:
    """A quoted cell keeps its line ends and its doubled quotation marks as one."""
    found = read(tmp_path, 'title,text\nT,"One ""two"".\r\n\r\nThree."\n').articles[0]
    assert found.text == 'One "two".\r\n\r\nThree.'


def test_identity_counts_rows_from_one(tmp_path: Path) -> None:
    """Without id and address, a row is known by the file's path and its number."""
    found = read(tmp_path, "text\nOne.\n\nTwo.\n").articles
    assert [article.id for article in found] == [f"{tmp_path}/a.csv#1", f"{tmp_path}/a.csv#2"]


def test_bad_rows_are_told_with_their_line(tmp_path: Path) -> None:
    """A row without text or with too many cells is a failure with its line; the others go on."""
    source = read(tmp_path, "title,text\nT,One.\nT,\nT,One,two\nT\nT,Five.\n")
    assert [article.text for article in source.articles] == ["One.", "Five."]
    assert [failure.reason.split(":")[0] for failure in source.failures] == [
        "line 3",
        "line 4",
        "line 5",
    ]
    assert "3 cells: expected 2" in source.failures[1].reason


def test_old_line_ends(tmp_path: Path) -> None:
    """Files with carriage returns alone as line ends are read."""
    assert len(read(tmp_path, "title,text\rT,One.\rT,Two.\r").articles) == 2


def test_a_table_without_a_text_column(tmp_path: Path) -> None:
    """A header that names no text says what it names and what was expected."""
    reason = read(tmp_path, "name,price\na,1\n").failures[0].reason
    assert "name, price" in reason
    assert "text, body or content" in reason


def test_a_header_alone(tmp_path: Path) -> None:
    """A header without rows is a failure."""
    assert "no rows" in read(tmp_path, "title,text\n").failures[0].reason


def test_a_cell_over_the_limit(tmp_path: Path) -> None:
    """A cell longer than any article ends the table with a reason; rows before it are read."""
    source = read(tmp_path, "text\nOne.\n" + "a" * 5_000_001 + "\n")
    assert [article.text for article in source.articles] == ["One."]
    assert source.failures[0].reason.startswith("line 3: not CSV")
