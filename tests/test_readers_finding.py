"""Finding files: what a path, a folder and a glob bring, and what they never touch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from corpus.readers import find_files


def write(folder: Path, *names: str) -> None:
    """Write a file with a word in it under each of the names."""
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("word", encoding="utf-8")


def names(folder: Path, *paths: object) -> list[str]:
    """Return what is found, relative to `folder`; fail where anything failed."""
    found = find_files([str(path) for path in paths])
    assert found.failures == ()
    return [file.relative_to(folder).as_posix() for file in found.files]


def reasons(*paths: object) -> list[str]:
    """Return the reasons of the failures."""
    return [failure.reason for failure in find_files([str(path) for path in paths]).failures]


def test_a_folder_brings_its_articles_sorted(tmp_path: Path) -> None:
    """A folder is searched to the bottom; files of other kinds and hidden ones are left out."""
    write(
        tmp_path, "b.txt", "a/z.html", "a/y.JSONL", "c.md", "d.csv", "e.doc", ".f.txt", ".g/h.txt"
    )
    found = find_files([tmp_path])
    assert names(tmp_path, tmp_path) == ["b.txt", "c.md", "d.csv", "a/y.JSONL", "a/z.html"]
    assert [file.name for file in found.skipped] == ["e.doc"]


def test_every_format_is_found(tmp_path: Path) -> None:
    """All suffixes of the formats that are read are found in a folder."""
    suffixes = (
        "txt text md markdown html htm xhtml json jsonl ndjson csv tsv parquet pdf docx odt rtf"
        " epub eml mhtml mht rss atom xml zip tar tgz tar.gz json.gz warc warc.gz"
    ).split()
    write(tmp_path, *(f"a.{suffix}" for suffix in suffixes))
    assert sorted(names(tmp_path, tmp_path)) == sorted(f"a.{suffix}" for suffix in suffixes)


def test_a_named_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    """A file named itself is found also when it is hidden or has an unknown suffix."""
    write(tmp_path, "story.log", ".hidden")
    found = names(tmp_path, tmp_path / "story.log", tmp_path / ".hidden")
    assert found == ["story.log", ".hidden"]


def test_each_file_comes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is named, in a named folder, and behind a link is one file, absolute."""
    write(tmp_path, "a.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    monkeypatch.chdir(tmp_path)
    assert names(tmp_path, "a.txt", "link.txt", "./a.txt", ".", "*.txt") == ["a.txt"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.html", ["a.html"]),
        ("**/*.html", ["a.html", "n/b.html", "n/o/c.html"]),
        ("n/*.html", ["n/b.html"]),
        ("n/**", ["n/b.html", "n/o/c.html"]),
        ("?/[ab].html", ["n/b.html"]),
        ("**/o", ["n/o/c.html"]),
    ],
)
def test_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    """A glob brings the files that match and the articles in folders that do."""
    write(tmp_path, "a.html", "n/b.html", "n/o/c.html", "n/d.doc", ".h/e.html")
    assert names(tmp_path, tmp_path / pattern) == expected


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    """A path that exists is that file, brackets or not."""
    write(tmp_path, "story[1].txt")
    assert names(tmp_path, tmp_path / "story[1].txt") == ["story[1].txt"]


@pytest.mark.parametrize("name", ["none.txt", "none/*.txt", "*.none", "", "a\x00b"])
def test_nothing_there(tmp_path: Path, name: str) -> None:
    """A path or pattern that brings nothing is one failure with a reason."""
    found = find_files([str(tmp_path / name) if name else ""])
    assert found.files == ()
    assert len(found.failures) == 1
    assert found.failures[0].reason


def test_links_out_of_the_folder_are_reported_and_not_followed(tmp_path: Path) -> None:
    """A link to a file or folder outside the given folder brings a failure, nothing else."""
    write(tmp_path, "outside/secret.txt", "news/a.txt")
    (tmp_path / "news/out.txt").symlink_to(tmp_path / "outside/secret.txt")
    (tmp_path / "news/out").symlink_to(tmp_path / "outside")
    found = find_files([tmp_path / "news"])
    assert [file.name for file in found.files] == ["a.txt"]
    assert [Path(failure.path).name for failure in found.failures] == ["out", "out.txt"]
    assert all("leads out" in failure.reason for failure in found.failures)
    assert "leads out" in reasons(tmp_path / "news/*.txt")[0]


def test_link_loops_end(tmp_path: Path) -> None:
    """Links in a circle, to a parent, and to nowhere cost a failure at most, never a hang."""
    write(tmp_path, "a/a.txt")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "x").symlink_to(tmp_path / "y")
    (tmp_path / "y").symlink_to(tmp_path / "x")
    (tmp_path / "z").symlink_to(tmp_path / "gone")
    found = find_files([tmp_path])
    assert [file.name for file in found.files] == ["a.txt"]
    assert [failure.reason.split(" leads ")[1] for failure in found.failures] == [
        "back to itself",
        "back to itself",
        "nowhere",
    ]


def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    """A named pipe or device is a failure, in a folder and when named; nothing waits for it."""
    os.mkfifo(tmp_path / "pipe.txt")
    assert "a named pipe" in reasons(tmp_path)[0]
    assert "a named pipe" in reasons(tmp_path / "pipe.txt")[0]
    assert "a device" in reasons("/dev/null")[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_closed_folders_are_reported(tmp_path: Path) -> None:
    """A folder without permission is a failure, the rest is found."""
    write(tmp_path, "a/a.txt", "b/b.txt")
    (tmp_path / "a").chmod(0)
    try:
        found = find_files([tmp_path])
    finally:
        (tmp_path / "a").chmod(0o755)
    assert [file.name for file in found.files] == ["b.txt"]
    assert found.failures[0].reason == "no permission to read it"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="all names are text there")
def test_a_name_that_is_no_text_costs_one_file(tmp_path: Path) -> None:
    """A name in an older encoding is a failure that can be shown, the rest is found."""
    write(tmp_path, "b.txt")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("word", "utf-8")
    for named in (tmp_path, tmp_path / "*.txt"):
        found = find_files([named])
        assert [file.name for file in found.files] == ["b.txt"]
        (failure,) = found.failures
        assert failure.path == str(tmp_path / "caf?.txt")
        assert "not in UTF-8" in failure.reason
