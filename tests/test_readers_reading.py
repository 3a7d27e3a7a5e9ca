"""Reading one file: bytes, encodings, plain text, and faults that cost one file at most."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.readers import dispatch, read_file, reading
from corpus.readers.formats import SUFFIXES
from corpus.records import Article, SourceFile

STORY = "Café owners in the old town said on Monday that “prices” rise.\n\nНовости — news.\n"
RUSSIAN = "Городской совет в понедельник решил закрыть старый мост на год для ремонта. " * 3


def read(folder: Path, name: str, data: bytes | str) -> SourceFile:
    """Write a file and read it."""
    place = folder / name
    place.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_file(place)


def article(folder: Path, name: str, data: bytes | str) -> Article:
    """Return the one article of a file without failures."""
    source = read(folder, name, data)
    assert source.failures == ()
    assert len(source.articles) == 1
    return source.articles[0]


def reason(folder: Path, name: str, data: bytes | str) -> str:
    """Return the one reason why a file brings no article."""
    source = read(folder, name, data)
    assert source.articles == ()
    assert len(source.failures) == 1
    assert source.failures[0].path == str(folder / name)
    assert "\n" not in source.failures[0].reason
    return source.failures[0].reason


def test_plain_text_stays_as_it_came(tmp_path: Path) -> None:
    """A text file is one article, its text unchanged, its id and path the file's absolute path."""
    found = article(tmp_path, "a.txt", STORY.replace("\n", "\r\n"))
    assert found.text == STORY.replace("\n", "\r\n")
    assert found.id == found.path == str(tmp_path / "a.txt")
    assert found.title is None


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    """`digest` is the SHA-256 of the file, so that an unchanged file is known without parsing."""
    data = b"\xef\xbb\xbf" + STORY.encode()
    assert read(tmp_path, "a.txt", data).digest == hashlib.sha256(data).hexdigest()
    assert read(tmp_path, "b.txt", b"").digest == hashlib.sha256(b"").hexdigest()


def test_a_relative_path_gives_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a file is named, its article has the absolute path."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(STORY, encoding="utf-8")
    assert read_file("a.txt").articles[0].path == str(tmp_path / "a.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_without_its_mark(tmp_path: Path, encoding: str) -> None:
    """UTF-8, UTF-16 and UTF-32 are read exactly; a byte order mark is no part of the text."""
    source = read(tmp_path, "a.txt", STORY.encode(encoding))
    assert source.articles[0].text == STORY
    assert source.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark(tmp_path: Path, encoding: str) -> None:
    """UTF-16 without a mark is read with a warning."""
    source = read(tmp_path, "a.txt", STORY.encode(encoding))
    assert source.articles[0].text == STORY
    assert encoding in source.warnings[0]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1251", RUSSIAN), ("koi8-r", RUSSIAN), ("cp1252", "The café’s naïve façade. " * 9)],
)
def test_other_encodings_are_guessed_and_said_so(tmp_path: Path, encoding: str, text: str) -> None:
    """Text in an older encoding is read right, with one warning that it was guessed."""
    source = read(tmp_path, "a.txt", text.encode(encoding))
    assert source.articles[0].text == text
    assert len(source.warnings) == 1
    assert "guessed" in source.warnings[0]


def test_damaged_utf8_stays_utf8(tmp_path: Path) -> None:
    """A broken byte in UTF-8 costs that byte and a warning, not the whole encoding."""
    source = read(tmp_path, "a.txt", (STORY * 3).encode() + b"\xff")
    assert source.articles[0].text == STORY * 3 + "\ufffd"
    assert "1 broken" in source.warnings[0]


def test_nuls_are_replaced_one_for_one(tmp_path: Path) -> None:
    """A NUL becomes U+FFFD in its place, with a warning; offsets stay."""
    source = read(tmp_path, "a.txt", b"One\x00two words of a story.")
    assert source.articles[0].text == "One\ufffdtwo words of a story."
    assert "1 NULs" in source.warnings[0]


@pytest.mark.parametrize("name", [f"a{suffix}" for suffix in SUFFIXES])
@pytest.mark.parametrize("data", [b"", b" \n\t ", b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf \n"])
def test_an_empty_file_is_one_failure(tmp_path: Path, name: str, data: bytes) -> None:
    """An empty file of any format brings no article and one line that says so."""
    assert reason(tmp_path, name, data)


@pytest.mark.parametrize("name", [f"a{suffix}" for suffix in SUFFIXES])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"PK\x03\x04\x14\x00", "ZIP"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (bytes(range(1, 32)) * 9, "binary"),
    ],
)
def test_binary_files_are_named(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    """A file that is no text whatever its name is refused with what it is."""
    assert kind in reason(tmp_path, name, data)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and a named pipe are failures; a pipe does not stop the run."""
    os.mkfifo(tmp_path / "pipe.txt")
    assert "no such file" in read_file(tmp_path / "none.txt").failures[0].reason
    assert read_file(tmp_path).failures[0].reason
    assert "pipe" in read_file(tmp_path / "pipe.txt").failures[0].reason
    assert read_file("a\x00b").failures[0].reason


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than the limit is refused by its size, before it is read."""
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 100)
    assert "101 bytes" in reason(tmp_path, "a.txt", b"a" * 101)
    assert article(tmp_path, "b.txt", b"a" * 100).text == "a" * 100


def test_a_parser_that_breaks_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error in a reader becomes that file's failure."""

    def broken(path: Path, data: bytes) -> None:
        raise KeyError(path)

    monkeypatch.setattr(dispatch, "reader_of", lambda kind: broken)
    assert "KeyError" in reason(tmp_path, "a.txt", STORY)


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ('{"text": "Words of a story.", "title": "T"}\n{"text": "Other words."}', "T"),
        ('[{"body": "Words of a story.", "title": "T"}]', "T"),
        ("<!DOCTYPE html><title>T</title><p>Words of a story that is long enough to be one.", "T"),
        ("Words of a story.", None),
    ],
)
def test_a_file_without_a_telling_name_is_known_by_its_content(
    tmp_path: Path, data: str, title: str | None
) -> None:
    """A file of unknown suffix is read as what its first bytes look like."""
    source = read(tmp_path, "story.dat", data)
    assert source.failures == ()
    assert source.articles[0].title == title


@pytest.mark.parametrize("suffix", list(SUFFIXES))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_any_bytes_give_articles_or_reasons(tmp_path: Path, suffix: str, data: bytes) -> None:
    """Whatever a file holds, reading it raises nothing and brings an article or a reason."""
    source = read(tmp_path, f"a{suffix}", data)
    assert source.articles or source.failures
    for found in source.articles:
        assert found.text.strip()
        assert "\x00" not in found.text
        found.text.encode("utf-8")
        assert found.id
        assert found.path == str(tmp_path / f"a{suffix}")


def test_heavy_libraries_wait_for_their_files() -> None:
    """Importing the readers brings in neither trafilatura nor PyYAML."""
    code = (
        "import sys, corpus.readers, corpus.cleaning;"
        "print(sorted({'trafilatura', 'yaml', 'charset_normalizer'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.strip() == "[]"
