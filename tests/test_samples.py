"""The shipped samples are what their notice says, and their archive is built when first needed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpus.duplicates import same_story
from qa.archive import Archive
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD, open_samples
from tests.archives import finish, flip, run_python
from tests.fakes import HashingEncoder, make_article

OUTLETS = {"Kelderwick Gazette", "Ferrow FM", "The Tidewrack"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def articles() -> dict[str, dict[str, Any]]:
    return {article["id"]: article for article in lines(SAMPLE_ARTICLES)}


@pytest.fixture(scope="module")
def gold() -> list[dict[str, Any]]:
    return lines(SAMPLE_GOLD)


@pytest.fixture(scope="module")
def annotations() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads(
        (SAMPLE_ARTICLES.parent / "annotations.json").read_text("utf-8")
    )
    return found


def test_articles_are_short_whole_and_invented(articles: dict[str, dict[str, Any]]) -> None:
    """60 or more, 120 to 400 words each, three outlets of one year, addresses that lead nowhere."""
    assert len(articles) == len(lines(SAMPLE_ARTICLES)) >= 60
    assert {article["source"] for article in articles.values()} == OUTLETS
    for article in articles.values():
        assert 120 <= len(article["text"].split()) <= 400, article["id"]
        assert article["title"]
        assert article["published"].startswith("2025-")
        assert ".example/" in article["url"]


def test_gold_spans_lie_inside_articles_and_hold_an_answer(
    articles: dict[str, dict[str, Any]], gold: list[dict[str, Any]]
) -> None:
    """Offsets are characters in the article's text, and a span says what the answers say."""
    assert len({question["id"] for question in gold}) == len(gold) >= 120
    for question in gold:
        assert question["answerable"] == bool(question["relevant"]) == bool(question["answers"])
        quotes = []
        for span in question["relevant"]:
            text = articles[span["article"]]["text"]
            assert 0 <= span["start"] < span["end"] <= len(text), question["id"]
            quotes.append(text[span["start"] : span["end"]])
            assert quotes[-1] == quotes[-1].strip()


def test_gold_has_every_kind_of_question(gold: list[dict[str, Any]]) -> None:
    """At least 25 that nothing answers and 15 that follow up on a conversation."""
    kinds = Counter(question["kind"] for question in gold)
    assert kinds["unanswerable"] >= 25
    assert kinds["follow-up"] >= 15
    assert {"fact", "outlet", "date", "developing", "two-article"} <= kinds.keys()
    for question in gold:
        assert (question["kind"] == "follow-up") == bool(question.get("history"))
        assert question["kind"] != "unanswerable" or not question["answerable"]


def test_annotations_name_articles_that_are_there(
    articles: dict[str, dict[str, Any]], annotations: dict[str, list[Any]]
) -> None:
    """Ids are known, values that disagree stand in the texts, stories are in order of time."""
    groups = [*annotations["wire"], *annotations["events"]]
    groups += [entry["articles"] for entry in annotations["disagree"] + annotations["developing"]]
    groups += [[entry["correction"], entry["corrects"]] for entry in annotations["corrections"]]
    assert {article_id for group in groups for article_id in group} <= articles.keys()
    for entry in annotations["disagree"]:
        for article_id, value in zip(entry["articles"], entry["values"], strict=True):
            assert value in articles[article_id]["text"]
    for entry in annotations["developing"]:
        dates = [articles[article_id]["published"] for article_id in entry["articles"]]
        assert dates == sorted(dates)


def test_wire_stories_are_told_from_reports_of_the_same_event(
    articles: dict[str, dict[str, Any]], annotations: dict[str, list[Any]]
) -> None:
    """A wire story in two outlets is one story; one event in several outlets' words is not."""

    def same(group: list[str]) -> bool:
        one, other = (make_article(i, articles[i]["text"]) for i in group[:2])
        return same_story(one, other)

    assert all(map(same, annotations["wire"]))
    assert not any(map(same, annotations["events"]))


def test_the_notice_counts_right(
    articles: dict[str, dict[str, Any]], gold: list[dict[str, Any]]
) -> None:
    """NOTICE.md says that all is invented and how much there is."""
    notice = (SAMPLE_ARTICLES.parent / "NOTICE.md").read_text("utf-8")
    assert "invented" in notice
    assert f"{len(articles)} articles" in notice
    assert f"{len(gold)} questions" in notice


# Their archive


def test_samples_are_built_once_and_opened_after(encoder: HashingEncoder) -> None:
    """The second opening encodes nothing."""
    with open_samples(encoder=encoder) as archive:
        assert archive.is_samples
        assert archive.status().articles == len(lines(SAMPLE_ARTICLES))
        assert archive.verify() == []
    calls = encoder.calls
    with Archive.open(encoder=encoder) as archive:
        assert archive.is_samples
    assert encoder.calls == calls


def test_a_half_built_sample_archive_is_completed(encoder: HashingEncoder, tmp_path: Path) -> None:
    """A build that was stopped goes on, and only then counts as the samples."""
    with open_samples(encoder=encoder) as archive:
        directory = archive.directory
        some = [article.id for article in archive.articles()][:30]
        archive.remove(some)
        with archive._store.transaction():
            archive._store.put_setting("samples", False)
    with open_samples(encoder=encoder) as archive:
        assert (archive.directory, archive.is_samples) == (directory, True)
        assert archive.status().articles == len(lines(SAMPLE_ARTICLES))


def test_damaged_samples_are_built_again(encoder: HashingEncoder) -> None:
    """They can be made anew, so a person is not bothered."""
    with open_samples(encoder=encoder) as archive:
        path = archive.directory / "archive.sqlite"
    flip(path, 3)
    with open_samples(encoder=encoder) as archive:
        assert archive.status().articles == len(lines(SAMPLE_ARTICLES))


BUILD = """
from qa.samples import open_samples
from tests.fakes import HashingEncoder
with open_samples(encoder=HashingEncoder()) as archive:
    print(archive.is_samples, archive.status().articles)
"""


def test_two_processes_build_them_together() -> None:
    """The second waits for the first and finds all there."""
    started = [run_python(BUILD) for _ in range(2)]
    for process in started:
        assert finish(process) == f"True {len(lines(SAMPLE_ARTICLES))}\n"
