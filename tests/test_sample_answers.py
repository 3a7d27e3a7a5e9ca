"""What the samples' gold asks of outlets and dates, and wrong answers that were mended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embeddings.encoder import Encoder
from qa.archive import Archive
from qa.evaluation.gold import GoldQuestion, read_gold
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples(model: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return an archive of the samples, with the real model."""
    with Archive.create(tmp_path_factory.mktemp("samples"), encoder=model) as archive:
        archive.add([SAMPLE_ARTICLES])
        yield archive


def asked(kind: str) -> list[GoldQuestion]:
    found = [question for question in read_gold(SAMPLE_GOLD) if question.kind == kind]
    assert found
    return found


@pytest.mark.parametrize(("kind", "field"), [("outlet", "source"), ("date", "published")])
def test_a_question_that_names_one_is_answered_from_it(
    samples: Archive, kind: str, field: str
) -> None:
    """The first card of every such question is of the outlet, or the day, that gold has."""
    questions = asked(kind)
    answers = samples.ask_many([question.to_request() for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        wanted = {getattr(samples.article(item.article), field) for item in question.relevant}
        assert getattr(answer.citations[0], field) in wanted, question.question


def test_a_correction_is_quoted_with_what_it_corrects(samples: Archive) -> None:
    """The sentence that repeats the withdrawn claim does not stand alone."""
    answer = samples.ask("Who won the coxed skiffs at the Lantern Regatta?")
    assert "Eastmarsh Oars" in answer.citations[0].quote
