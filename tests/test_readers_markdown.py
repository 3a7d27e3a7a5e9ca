"""Markdown: front matter, the first heading, and which spans are prose."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.cleaning import clean
from corpus.readers import read_file
from corpus.records import Article, SourceFile
from tests.pace import within

TEXT = "The council voted on Monday to [close](https://a.example/b) the *old* bridge."


def read(folder: Path, data: str) -> SourceFile:
    """Write a file and read it."""
    place = folder / "a.md"
    place.write_bytes(data.encode())
    return read_file(place)


def article(folder: Path, data: str) -> Article:
    """Return the one article of a file without failures."""
    source = read(folder, data)
    assert source.failures == ()
    return source.articles[0]


def test_yaml_front_matter(tmp_path: Path) -> None:
    """YAML front matter becomes metadata; the text is what follows it, as it came."""
    body = f"\n# Another heading\r\n\r\n{TEXT}\n"
    found = article(
        tmp_path,
        "---\ntitle: 'Bridge: closed'\ndate: 2023-03-02\nauthor: [Jane Doe, Ann Bell]\n"
        f"source: The Herald\nurl: https://herald.example/a\nlastmod: 2023-03-03\n---\n{body}",
    )
    assert found.text == body
    assert (found.title, found.source) == ("Bridge: closed", "The Herald")
    assert (found.published, found.authors) == ("2023-03-02", ("Jane Doe", "Ann Bell"))
    assert found.id == found.url == "https://herald.example/a"


def test_toml_front_matter(tmp_path: Path) -> None:
    """TOML front matter between plus signs is read as well."""
    found = article(tmp_path, f'+++\ntitle = "T"\ndate = 2023-03-02T10:00:00Z\n+++\n{TEXT}')
    assert (found.title, found.published, found.text) == ("T", "2023-03-02", TEXT)
    assert found.id == str(tmp_path / "a.md")


@pytest.mark.parametrize(
    "matter", ["title: [", "a: !!python/object:os.system x", "- " * 9000, "\ttitle: x"]
)
def test_broken_front_matter_costs_the_metadata_alone(tmp_path: Path, matter: str) -> None:
    """Front matter that cannot be read is a warning; the article after it is read."""
    source = read(tmp_path, f"---\n{matter}\n---\n{TEXT}")
    assert source.articles[0].text == TEXT
    assert "front matter" in source.warnings[0]


@pytest.mark.parametrize("start", ["---\n", "--- a rule\n", "----\n"])
def test_a_rule_is_no_front_matter(tmp_path: Path, start: str) -> None:
    """A line of dashes at the top without a second one belongs to the text."""
    assert article(tmp_path, start + TEXT).text == start + TEXT


@pytest.mark.parametrize(
    "data",
    [
        f"# Bridge to close\n\n{TEXT}",
        f"<!-- # Draft -->\n\n# Bridge to close #\n\n{TEXT}",
        f"Bridge to close\n===============\n\n{TEXT}",
    ],
)
def test_the_first_heading_is_the_title(tmp_path: Path, data: str) -> None:
    """Without one in the front matter, the first heading is the title, and in no kept span."""
    found = clean(article(tmp_path, data))
    assert found.title == "Bridge to close"
    assert found.clean_text == TEXT


@pytest.mark.parametrize(
    "furniture",
    [
        "![The bridge](bridge.jpg)",
        '![The bridge](bridge.jpg "In 2019")',
        "[![The bridge](a.jpg)](https://a.example/b)",
        "[Read the other story](https://a.example/b)",
        "- [Read the other story](https://a.example/b)",
        "<!-- a note\n\nto the editor -->",
        "```python\nprint('one')\n\nprint('two')\n```",
        "~~~\ncode\n~~~",
        "* * *",
        "-----",
        "[1]: https://a.example/b 'A title'",
    ],
)
def test_what_is_no_prose_is_in_no_span(tmp_path: Path, furniture: str) -> None:
    """Pictures, lines that are one link, comments, code and rules are left out."""
    found = clean(article(tmp_path, f"{TEXT}\n\n{furniture}\n\n{TEXT}\n"))
    assert found.clean_text == f"{TEXT}\n\n{TEXT}"


@pytest.mark.parametrize(
    "prose",
    [
        "## What comes next",
        "- A list of one thing",
        "> We saw it, she said.",
        "A [link](https://a.example) in a line.",
        "``` not closed",
        "<!-- not closed",
        "He paid 5 * 4 - 3 = 17 pounds.",
    ],
)
def test_prose_stays(tmp_path: Path, prose: str) -> None:
    """Headings, lists, quotations and sentences with links are kept, verbatim."""
    found = clean(article(tmp_path, f"{TEXT}\n\n{prose}\n\n{TEXT}\n"))
    assert prose in found.clean_text


def test_a_picture_inside_a_paragraph_is_cut_out(tmp_path: Path) -> None:
    """A picture in a line is left out, the words before and after it are kept."""
    found = article(tmp_path, "One day ![a](b.jpg) in May.")
    assert [span.of(found.text).strip() for span in found.kept] == ["One day", "in May."]


@pytest.mark.parametrize(
    "unit", ["<!--", "```\n", "![", "[](", "![a](", "# ", "- [a](b)\n", "---\n", "[a]: ", "* "]
)
def test_hostile_markdown_takes_linear_time(tmp_path: Path, unit: str) -> None:
    """A hundred thousand hostile characters take less than a second, as text and front matter."""
    with within(1):
        read(tmp_path, (unit * 100_000)[:100_000])
    with within(1):
        read(tmp_path, "---\n" + (unit * 100_000)[:100_000] + "\n---\nText.")
