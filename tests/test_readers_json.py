"""JSON and JSON lines: field names, identities, and one clear line for every bad record."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import read_file
from corpus.records import Article, SourceFile
from tests.pace import within

TEXT = "The council voted on Monday to close the bridge."


def read(folder: Path, data: str | bytes, name: str = "a.jsonl") -> SourceFile:
    """Write a file and read it."""
    place = folder / name
    place.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_file(place)


def record(folder: Path, **fields: Any) -> Article:
    """Return the article of one record."""
    source = read(folder, json.dumps(fields))
    assert source.failures == ()
    return source.articles[0]


def test_the_contract_format(tmp_path: Path) -> None:
    """The fields of the contract become the article's fields, the text as it is."""
    found = record(
        tmp_path,
        id="x1",
        text=f" {TEXT}\r\n\n\n",
        title="Bridge to close",
        source="The Herald",
        published="2023-03-02",
        url="https://herald.example/a",
        authors=["Jane Doe", "Ann Bell"],
    )
    assert found == Article(
        id="x1",
        text=f" {TEXT}\r\n\n\n",
        title="Bridge to close",
        source="The Herald",
        published="2023-03-02",
        url="https://herald.example/a",
        authors=("Jane Doe", "Ann Bell"),
        path=str(tmp_path / "a.jsonl"),
        stated=tuple((n, "record") for n in ("title", "source", "published", "url", "authors")),
    )


@pytest.mark.parametrize(
    "name", ["text", "BODY", "content", "full_text", "articleBody", "maintext"]
)
def test_names_of_the_text(tmp_path: Path, name: str) -> None:
    """The text is found under the names that exports give it, whatever their case."""
    assert record(tmp_path, **{name: TEXT}).text == TEXT


@pytest.mark.parametrize(
    ("fields", "attribute", "expected"),
    [
        ({"headline": "A  b\n"}, "title", "A b"),
        ({"title": {"rendered": "A b"}}, "title", "A b"),
        ({"source": {"id": None, "name": "BBC News"}}, "source", "BBC News"),
        ({"publisher": "The Herald"}, "source", "The Herald"),
        ({"site": "https://www.herald.example/"}, "source", "herald.example"),
        ({"link": "https://www.herald.example/a"}, "source", "herald.example"),
        ({"datePublished": "2023-03-02T10:00:00Z"}, "published", "2023-03-02"),
        ({"pub_date": "Thu, 02 Mar 2023 14:05:00 GMT"}, "published", "2023-03-02"),
        ({"date": "soon", "created_at": 1677715200}, "published", "2023-03-02"),
        ({"date": {"$date": "2023-03-02T00:00:00Z"}}, "published", "2023-03-02"),
        ({"dateModified": "2023-03-03"}, "updated", "2023-03-03"),
        ({"canonical-url": "https://a.example/b#c"}, "url", "https://a.example/b"),
        ({"url": "javascript:alert(1)"}, "url", None),
        ({"url": "/relative"}, "url", None),
        ({"byline": "By Jane Doe and Ann Bell, BBC News"}, "authors", ("Jane Doe", "Ann Bell")),
        ({"author": [{"name": "Jane Doe"}, {"name": "Ann"}]}, "authors", ("Jane Doe", "Ann")),
        ({"creator": {"name": "Jane Doe"}}, "authors", ("Jane Doe",)),
        ({"authors": "Jane Doe; Ann Bell & Jane Doe"}, "authors", ("Jane Doe", "Ann Bell")),
        ({"guid": 7}, "id", "7"),
        ({"_id": {"$oid": "5f"}}, "id", "5f"),
        ({"id": "", "url": "https://a.example/b"}, "id", "https://a.example/b"),
        ({"title": True, "published": [], "authors": 3}, "title", None),
    ],
)
def test_other_names_and_shapes(
    tmp_path: Path, fields: dict[str, Any], attribute: str, expected: object
) -> None:
    """Fields are found under their common names, in the shapes that exports give them."""
    assert getattr(record(tmp_path, text=TEXT, **fields), attribute) == expected


def test_paragraphs_in_a_list_are_joined(tmp_path: Path) -> None:
    """A text given as a list of paragraphs has blank lines between them."""
    assert record(tmp_path, body=[TEXT, TEXT]).text == f"{TEXT}\n\n{TEXT}"


def test_markup_in_a_feed_becomes_text(tmp_path: Path) -> None:
    """HTML in a content field becomes paragraphs; scripts and pictures go, entities are read."""
    markup = (
        f"<p>{TEXT} &amp; <b>so</b> on.</p><script>x()</script><img src=a><p>Two<br/>lines.</p>"
    )
    expected = f"{TEXT} & so on.\n\nTwo\nlines."
    assert record(tmp_path, content=markup).text == expected
    assert record(tmp_path, text=markup).text == expected


@pytest.mark.parametrize("text", [f"{TEXT} He wrote </p> and a < b.", "<3 <p>", "a &amp; b"])
def test_a_text_with_a_stray_tag_stays(tmp_path: Path, text: str) -> None:
    """The field "text" is kept as it is unless it is HTML from its first character."""
    assert record(tmp_path, text=text).text == text


def test_without_an_id_or_address_the_place_counts(tmp_path: Path) -> None:
    """A record without id and address is known by the file's path and its number from 1."""
    lines = [json.dumps({"text": f"{TEXT} {n}"}) for n in (1, 2)]
    found = read(tmp_path, "\n".join(lines)).articles
    assert [article.id for article in found] == [f"{tmp_path}/a.jsonl#1", f"{tmp_path}/a.jsonl#2"]


def test_an_id_twice(tmp_path: Path) -> None:
    """Of records with one id, the same one is dropped and another gets its own id, both told."""
    rows = [{"id": "x", "text": TEXT}, {"id": "x", "text": TEXT}, {"id": "x", "text": "Other."}]
    source = read(tmp_path, "\n".join(map(json.dumps, rows)))
    assert [(article.id, article.text) for article in source.articles] == [
        ("x", TEXT),
        ("x#3", "Other."),
    ]
    assert [warning.split(":")[0] for warning in source.warnings] == ["line 2", "line 3"]


BAD = {
    "nested too deeply": '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "NaN is not JSON": '{"text": "a", "score": NaN}',
    "Infinity is not JSON": '{"text": "a", "score": -Infinity}',
    "occurs twice": '{"text": "a", "text": "b"}',
    "5,000 digits": '{"text": "a", "n": ' + "9" * 5000 + "}",
    "cut off": '{"text": "The council voted on Mon',
    "not JSON: ": "{'text': 'a'}",
    "expected an object": '"text"',
    "no text: expected": '{"title": "a"}',
    "the text is empty": '{"text": " "}',
}


@pytest.mark.parametrize("reason", list(BAD))
def test_a_bad_record_is_one_line_and_the_others_go_on(tmp_path: Path, reason: str) -> None:
    """A bad line is one failure with its number and cause; the lines around it are articles."""
    good = json.dumps({"text": TEXT, "id": 1}), json.dumps({"text": TEXT, "id": 2})
    source = read(tmp_path, f"{good[0]}\n\n{BAD[reason]}\n{good[1]}\n")
    assert [article.id for article in source.articles] == ["1", "2"]
    assert len(source.failures) == 1
    assert source.failures[0].reason.startswith("line 3: ")
    assert reason in source.failures[0].reason
    assert len(source.failures[0].reason) < 200


@pytest.mark.parametrize("reason", list(BAD))
def test_a_bad_item_of_a_list_names_its_line(tmp_path: Path, reason: str) -> None:
    """In a JSON list the records before a fault are read, and the fault has its line number."""
    source = read(tmp_path, f"[\n{json.dumps({'text': TEXT})},\n{BAD[reason]}\n]", "a.json")
    assert [article.text for article in source.articles] == [TEXT]
    assert source.failures[0].reason.startswith("line 3: ")


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"text": TEXT, "id": 1}),
        json.dumps([{"text": TEXT, "id": 1}]),
        json.dumps({"status": "ok", "articles": [{"text": TEXT, "id": 1}]}),
        json.dumps({"items": [{"content": TEXT, "id": 1}]}, indent=2),
        json.dumps({"text": TEXT, "id": 1}) + "\n",
    ],
)
def test_shapes_of_a_json_file(tmp_path: Path, data: str) -> None:
    """One object, a list, and a list under a usual key are read alike."""
    assert [article.id for article in read(tmp_path, data, "a.json").articles] == ["1"]


def test_lines_and_lists_under_each_other_s_suffix(tmp_path: Path) -> None:
    """JSON lines in a .json file, and a list in a .jsonl file, are read for what they are."""
    lines = '{"text": "One story."}\n{"text": "Two stories."}\n'
    assert len(read(tmp_path, lines, "a.json").articles) == 2
    assert len(read(tmp_path, json.dumps([{"text": TEXT}], indent=1), "b.jsonl").articles) == 1


def test_a_list_that_was_cut_off(tmp_path: Path) -> None:
    """Of a list cut in half the whole records are read, and the cut is told."""
    whole = json.dumps([{"text": TEXT, "id": n} for n in range(4)], indent=1)
    source = read(tmp_path, whole[: len(whole) // 2], "a.json")
    assert [article.id for article in source.articles] == ["0", "1"]
    assert len(source.failures) == 1
    assert "cut off" in source.failures[0].reason


def test_no_records(tmp_path: Path) -> None:
    """A list or file without records says so."""
    assert "no records" in read(tmp_path, "[]", "a.json").failures[0].reason


def test_another_kind_of_file_is_told_once(tmp_path: Path) -> None:
    """A file of a thousand records of which none is an article is one failure, not a thousand."""
    source = read(tmp_path, '{"question": "Where?"}\n' * 999)
    assert len(source.failures) == 1
    assert source.failures[0].reason.startswith(
        "none of 999 records is an article; line 1: no text"
    )


def test_a_file_without_articles_is_not_read_to_its_end(tmp_path: Path) -> None:
    """A million records that are none cost no more than a thousand; a late article is found."""
    with within(5, clock=time.perf_counter):
        reason = read(tmp_path, "[" + "1," * 1_000_000 + "1]").failures[0].reason
    assert reason.startswith("none of the first 1,000 records is an article")
    source = read(tmp_path, '{"n": 1}\n' * 900 + '{"text": "Words of news."}')
    assert len(source.articles) == 1


def test_previews_of_news_services_are_named(tmp_path: Path) -> None:
    """A text that a service has cut off, and says so, is no article."""
    failures = read(tmp_path, json.dumps({"text": f"{TEXT}\u2026 [+2345 chars]"})).failures
    assert "2345 characters are missing" in failures[0].reason
    assert record(tmp_path, text=f"{TEXT} He typed [+5 chars] and left.").text


def test_lone_surrogates_and_nuls(tmp_path: Path) -> None:
    """Escaped NULs and lone surrogates become U+FFFD one for one in every field, with a warning."""
    data = r'{"text": "a\ud800b\u0000c \ud83d\ude00.", "title": "t\udc00", "id": "\ud800"}'
    source = read(tmp_path, data + '\n{"text": "a", "authors": ["\\ud800 b"]}')
    first, second = source.articles
    assert (first.text, first.title, first.id) == ("a\ufffdb\ufffdc 😀.", "t\ufffd", "\ufffd")
    assert second.authors == ("\ufffd b",)
    assert source.warnings[0].startswith("line 1: 2 NULs")


def test_ten_megabytes_on_one_line(tmp_path: Path) -> None:
    """A line longer than any article is one failure; the next line is read."""
    huge = json.dumps({"text": "word " * 2_000_000})
    source = read(tmp_path, f"{huge}\n{json.dumps({'text': TEXT})}")
    assert len(source.articles) == 1
    assert "10,000,000 characters" in source.failures[0].reason


def test_line_separators_inside_strings(tmp_path: Path) -> None:
    """U+2028 inside a string does not end a line."""
    source = read(tmp_path, json.dumps({"text": f"{TEXT}\u2028{TEXT}"}, ensure_ascii=False))
    assert source.articles[0].text == f"{TEXT}\u2028{TEXT}"
