"""One real file of every format: the right title, date, text and outlet come out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.cleaning import clean
from corpus.errors import PassingReadError
from corpus.readers import find_files, parquet, read_file
from corpus.records import Article
from tests import article_files as files
from tests.article_files import WRITERS


def read(folder: Path, name: str, data: bytes) -> tuple[Article, ...]:
    """Write a file, read it without a failure, and return its articles, cleaned."""
    place = folder / name
    place.write_bytes(data)
    source = read_file(place)
    assert source.failures == ()
    return tuple(map(clean, source.articles))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_article(tmp_path: Path, name: str) -> None:
    """Title, date and the kept text are the article's, whichever program wrote the file."""
    found = read(tmp_path, name, WRITERS[name]())[0]
    assert found.title == files.TITLE
    assert found.published == files.DATE
    assert found.clean_text == files.TEXT


@pytest.mark.parametrize(
    "name",
    "b.txt a.md a.json b.json a.jsonl a.csv a.parquet a.html a.epub a.eml a.mbox a.mhtml a.rss "
    "a.atom b.xml a.warc a.warc.gz a.zip a.tar.gz".split(),
)
def test_outlets_are_named(tmp_path: Path, name: str) -> None:
    """Formats that outlets publish in say which outlet it was."""
    assert read(tmp_path, name, WRITERS[name]())[0].source == files.OUTLET


@pytest.mark.parametrize("name", "a.html a.mhtml a.rss a.atom a.warc.gz a.zip a.html.gz".split())
def test_addresses_are_kept(tmp_path: Path, name: str) -> None:
    """An article with an address has it as its id too."""
    found = read(tmp_path, name, WRITERS[name]())[0]
    assert found.id == found.url == files.URL


@pytest.mark.parametrize(
    "name", "a.html a.pdf a.docx a.odt a.rtf a.epub a.atom a.mhtml a.zip".split()
)
def test_authors_are_named(tmp_path: Path, name: str) -> None:
    """The author is the one that the file names."""
    assert read(tmp_path, name, WRITERS[name]())[0].authors == (files.AUTHOR,)


@pytest.mark.parametrize("name", WRITERS)
def test_formats_are_known_without_their_suffix(tmp_path: Path, name: str) -> None:
    """A file whose name tells nothing is known by its first bytes; e-mail is not."""
    if name in ("a.md", "a.csv", "a.eml", "a.mhtml", "a.mbox", "a.tar"):
        pytest.skip("these look like plain text or nothing in particular")
    assert read(tmp_path, "story.bin", WRITERS[name]())[0].title == files.TITLE


def test_a_folder_of_every_format(tmp_path: Path) -> None:
    """All are found in a folder, and one that is broken in half costs only itself."""
    for name, write in WRITERS.items():
        (tmp_path / name).write_bytes(write())
    (tmp_path / "broken.docx").write_bytes(files.docx()[:3000])
    found = find_files([tmp_path])
    sources = [read_file(path) for path in found.files]
    assert len(found.files) == len(WRITERS) + 1
    assert sum(bool(source.articles) for source in sources) == len(WRITERS)
    assert [Path(f.path).name for s in sources for f in s.failures] == ["broken.docx"]


def test_a_letter_has_an_author(tmp_path: Path) -> None:
    """A person's message names its author, and the host of the address as its source."""
    found = read(tmp_path, "a.eml", files.mail(listed=False))[0]
    assert (found.authors, found.source) == ((files.AUTHOR,), "herald.example")


def test_each_chapter_of_a_book_is_an_article(tmp_path: Path) -> None:
    """Chapters have their own headings and ids; title pages are left out."""
    first, second = read(tmp_path, "a.epub", files.epub())
    assert (first.title, second.title) == (files.TITLE, "Second story of the day")
    assert first.id != second.id


def test_words_cut_at_the_end_of_a_line_are_whole(tmp_path: Path) -> None:
    """In a PDF a word that a line's end cuts is put together; one with a hyphen keeps it."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))
    lines = ["A well-known owner said that the govern-", "ment closed the bridge of the well-"]
    for n, line in enumerate([*lines, "known man for a year."]):
        canvas.drawString(72, 700 - 14 * n, line)
    canvas.drawString(72, 630, "Nobody had been asked.")
    canvas.save()
    assert read_file(tmp_path / "a.pdf").articles[0].text.split("\n\n") == [
        "A well-known owner said that the government closed the bridge of the well-known man for"
        " a year.",
        "Nobody had been asked.",
    ]


def test_running_titles_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    """What stands on top and at the bottom of each page of a PDF is no part of the text."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))
    for page in range(1, 5):
        canvas.drawString(72, 800, "The Herald, a daily paper")
        for n in range(20):
            canvas.drawString(72, 750 - 14 * n, f"This is line {page * 100 + n} of the story, and")
        canvas.drawString(300, 30, f"Page {page} of 4")
        canvas.showPage()
    canvas.save()
    text = read_file(tmp_path / "a.pdf").articles[0].text
    assert "Herald" not in text
    assert "Page" not in text
    assert text.count("This is line") == 80


def test_members_are_named_with_their_archive(tmp_path: Path) -> None:
    """A member's path is the archive's with its own behind it, and so is that of its failure."""
    data = files.zipped({"n/a.html": files.html(), "n/b.html": b"", "n/c.txt": b"Words of news."})
    (tmp_path / "a.zip").write_bytes(data)
    source = read_file(tmp_path / "a.zip")
    assert [a.path for a in source.articles] == [
        f"{tmp_path}/a.zip/n/a.html",
        f"{tmp_path}/a.zip/n/c.txt",
    ]
    assert [f.path for f in source.failures] == [f"{tmp_path}/a.zip/n/b.html"]


def test_parquet_without_pyarrow_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is missing, the reason is the command that installs it, and passes by."""
    data = files.parquet()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PassingReadError, match=r'pip install "news-archive-qa\[parquet\]"'):
        parquet.read(tmp_path / "a.parquet", data)


@pytest.mark.parametrize("kind", ["epub", "rtf", "odt", "docx", "html"])
def test_what_pandoc_writes(tmp_path: Path, kind: str) -> None:
    """Documents that another program wrote from the same text give the same article."""
    if shutil.which("pandoc") is None:
        pytest.skip("pandoc is not installed")
    source = f"---\ntitle: {files.TITLE}\nauthor: {files.AUTHOR}\ndate: {files.DATE}\n---\n\n"
    place = tmp_path / f"a.{kind}"
    subprocess.run(
        ["pandoc", "-s", "-f", "markdown-smart", "-o", str(place)],
        input=f"{source}# {files.TITLE}\n\n{files.TEXT}\n".encode(),
        check=True,
    )
    (article,) = map(clean, read_file(place).articles)
    assert article.title == files.TITLE
    assert article.clean_text.replace("\n\n", "\n").split("\n")[-3:] == list(files.PARAGRAPHS)


def test_a_table_of_addresses_names_the_way(tmp_path: Path) -> None:
    """A bookmark service's export holds no text: the reason says how its pages can be had."""
    (tmp_path / "a.csv").write_text("title,url,time_added,status\nT,https://a.example/,1,x\n")
    assert "`qa index --urls`" in read_file(tmp_path / "a.csv").failures[0].reason


@pytest.mark.parametrize("name", ["feeds.opml", "feeds.xml", "feeds"])
def test_a_list_of_feeds_is_named(tmp_path: Path, name: str) -> None:
    """What feed readers export as their list of feeds holds no articles, and says so."""
    outline = '<outline type="rss" text="The Herald" xmlUrl="https://herald.example/rss"/>'
    (tmp_path / name).write_text(
        f'<?xml version="1.0"?><opml version="2.0"><head/><body>{outline}</body></opml>'
    )
    assert "list of feeds" in read_file(tmp_path / name).failures[0].reason


def test_feed_readers_say_where_an_article_is_from(tmp_path: Path) -> None:
    """Saved items keep outlet, address and author of the feed that they came with."""
    for name in ("b.txt", "a.json", "b.json"):
        article = read(tmp_path, name, WRITERS[name]())[0]
        assert (article.source, article.url, article.authors) == (
            files.OUTLET,
            files.URL,
            (files.AUTHOR,),
        )


def test_each_message_of_a_mailbox_is_an_article(tmp_path: Path) -> None:
    """Messages come one by one; a line that starts with "From" is whole again."""
    first, second = read(tmp_path, "a.mbox", files.mailbox_file())
    assert (first.title, second.title) == (files.TITLE, "From the second story")
    assert first.path == f"{tmp_path}/a.mbox/message-1.eml"
    (tmp_path / "b.mbox").write_bytes(b"Not a mailbox")
    assert "mailbox" in read_file(tmp_path / "b.mbox").failures[0].reason


def test_a_paragraph_of_a_message_starts_no_other(tmp_path: Path) -> None:
    """A paragraph that starts with "From" belongs to its message, marked or not."""
    told = (
        "The bridge opened on Monday, the mayor said.\n\nFrom London came praise.\n\nAll is well."
    )
    message = f"From a@b Mon Jan  6 10:00:00 2025\nSubject: Bridge\n\n{told}\n\n"
    (tmp_path / "a.mbox").write_text(message * 2, "utf-8")
    source = read_file(tmp_path / "a.mbox")
    assert source.failures == ()
    assert [article.text.strip() for article in source.articles] == [told, told]
