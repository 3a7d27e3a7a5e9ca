"""Why there is no answer: one honest sentence, with the nearest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date

import pytest

from corpus.records import Article
from embeddings.encoder import Encoder
from qa.archive import Archive
from qa.periods import Period
from qa.reasons import Search, explain
from qa.records import Query
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD
from tests.fakes import make_article
from tests.questions import Shelf, make_ranking, story

BOAT = story(
    "Boat found",
    "A medieval boat was found in the mud by a digger. Experts were delighted.",
    "Radio",
    "2025-12-18",
)
RESCUE = story(
    "Rescue",
    "The coxswain, Owen Maskell, led the rescue in a gale. Nobody was hurt.",
    "Gazette",
    "2025-01-06",
)
ALL = (BOAT, RESCUE)
MARCH = Period(date(2025, 3, 1), date(2025, 3, 31), "of March 2025")
NEAREST_BOAT = "the nearest is “Boat found” (Radio, 18 December 2025)"


def why(
    question: str,
    ranked: Sequence[Article] = ALL,
    wider: Sequence[Article] = (),
    *,
    asked: Query | None = None,
    max_error: float | None = None,
    **limits: object,
) -> str:
    """Explain why these articles do not answer; the archive holds both stories."""
    query = Query(question, question, **limits)  # type: ignore[arg-type]
    search = Search(asked or query, query, make_ranking(ranked), make_ranking(wider), max_error)
    return explain(search, Shelf(ALL))


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What did Fenella Stroud say?", "Fenella Stroud"),
        ("Who is Stroud’s successor?", "Stroud"),
        ("What happened to Owen Stroud?", "Owen Stroud"),
        ("Was the town's MP consulted?", "MP"),
    ],
)
def test_a_name_that_no_article_mentions(question: str, name: str) -> None:
    """The name is quoted as the question has it; one unknown word makes a name unknown."""
    assert why(question) == f"No article mentions “{name}”; {NEAREST_BOAT}."


@pytest.mark.parametrize(
    "question",
    [
        "Who found the boat?",
        "What did Owen Maskell's crew see?",
        "WHO FOUND THE TREASURE OF NARNIA?",
        "how was stroud?",
        "When Did The Strouds Meet Whom?",
    ],
)
def test_what_is_no_unknown_name(question: str) -> None:
    """Words that open a question, names that are known, and capitals everywhere name nobody."""
    assert "mentions" not in why(question)


def test_two_that_are_never_together() -> None:
    """A name and a thing that the articles mention, but no article both; of two things, not."""
    assert why("What did Coxswain Maskell say about the medieval boat?") == (
        "The articles mention “Maskell” and “medieval boat”, but never together."
    )
    together = why("Did Owen Maskell row in the gale?")
    assert "never together" not in together
    assert "never together" not in why("Was the medieval boat lost in the gale?")


@pytest.mark.parametrize("question", ["What in March 2025?", "What happened in March?"])
def test_a_question_of_an_outlet_and_a_time_alone(question: str) -> None:
    """Where no topic is named, that is the reason; with one, it is not."""
    limits = {"sources": ("Gazette",), "since": "2025-03-01", "until": "2025-03-31"}
    march = Period(date(2025, 3, 1), date(2025, 3, 31), "of March 2025", ("march",))
    told = why(question, [RESCUE], [BOAT], period=march, **limits)
    assert told.startswith("The question names no topic")
    assert "the articles from Gazette of March 2025" in told
    assert "no topic" not in why("Who found the boat?", [RESCUE], period=march, **limits)
    assert "no topic" not in why("What happened?")


def test_limits_that_leave_out_the_nearest() -> None:
    """Outlet and period in words, and the nearest outside of them with its day."""
    limits = {"sources": ("Gazette",), "since": "2025-03-01", "until": "2025-03-31"}
    assert why("Who found the boat?", [RESCUE], [BOAT], period=MARCH, **limits) == (
        f"No article from Gazette of March 2025 answers this surely enough; {NEAREST_BOAT}."
    )
    assert why("Who found the boat?", [], [BOAT], **limits) == (
        "No article from Gazette from 1 March 2025 to 31 March 2025 has anything to do with this"
        f" question; {NEAREST_BOAT}."
    )
    assert why("Who found the boat?", [RESCUE], [BOAT], until="2025-06-01") == (
        f"No article until 1 June 2025 answers this surely enough; {NEAREST_BOAT}."
    )


def test_limits_that_hold_the_nearest_are_only_named() -> None:
    """Where the nearest is inside of the limits, they are not to blame."""
    found = why("Did the crew hide the boat?", [BOAT], [BOAT], since="2025-12-01")
    assert found == f"No sentence since 1 December 2025 answers this surely enough; {NEAREST_BOAT}."


def test_a_period_that_no_article_is_of() -> None:
    """Where the period gave way, there is no article of it, and the nearest has another day."""
    asked = Query("Who found it in March?", "Who found it?", period=MARCH)
    assert why("Who found it?", [BOAT], asked=asked) == (
        f"No article is of March 2025; {NEAREST_BOAT}."
    )


def test_nothing_of_the_kind() -> None:
    """The nearest article holds no number where a number is asked for; a date is none."""
    assert why("How much did the boat cost?", [BOAT]) == (
        "What comes nearest, in “Boat found” (Radio, 18 December 2025), does not give an amount of"
        " money."
    )
    assert "not give a name" in why("Who found the boat?", [BOAT])
    assert "a reason" in why("Why was the boat there?", [make_article("a", "The boat sank.")])


def test_an_error_rate_is_named() -> None:
    """Who asks for sure answers is told that this is why."""
    assert why("Did the crew hide the boat?", [BOAT], max_error=0.05) == (
        f"No sentence in these articles answers this surely enough for an error rate of 5%;"
        f" {NEAREST_BOAT}."
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"title": "T"}, "the nearest is “T”."),
        ({"source": "S"}, "the nearest is an article (S)."),
        ({"published": "2025-03-02"}, "the nearest is an article (2 March 2025)."),
        ({}, "the nearest is the first below."),
    ],
)
def test_the_nearest_is_named_by_what_is_known(fields: dict[str, str], named: str) -> None:
    """Headline, outlet, day, or just its place."""
    article = make_article("a", "The boat was hidden by them. It was old.", **fields)
    assert why("Did the crew hide the boat?", [article]).endswith(f"surely enough; {named}")


def test_nothing_found_at_all() -> None:
    """A search that finds nothing says so."""
    assert why("Did the crew hide the boat?", []) == (
        "Nothing in these articles has anything to do with this question."
    )


@pytest.mark.slow
def test_reasons_of_the_samples(samples: Archive) -> None:
    """Each unanswerable question gets one sentence, of several kinds, and no machine's date."""
    starts = set()
    for line in SAMPLE_GOLD.read_text("utf-8").splitlines():
        gold = json.loads(line)
        if gold["answerable"]:
            continue
        answer = samples.ask(gold["question"], asked=gold.get("asked"), max_error=0.01)
        assert answer.reason is not None
        assert answer.reason.endswith(".")
        assert "\n" not in answer.reason
        assert not re.search(r"\d{4}-\d\d", answer.reason), answer.reason
        starts.add(" ".join(answer.reason.split()[:2]))
    assert starts >= {"No article", "The articles", "No sentence"}


@pytest.fixture(scope="module")
def samples(model: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return an archive of the samples, with the real model."""
    with Archive.create(tmp_path_factory.mktemp("samples"), encoder=model) as archive:
        archive.add([SAMPLE_ARTICLES])
        yield archive
