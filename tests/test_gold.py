"""Making gold: drafts from sentences, near-duplicates, the queue, the commands."""

from __future__ import annotations

import json
import threading
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import UsageError
from corpus.records import Article, Span, whole
from qa import Archive, cli
from qa.cli_gold import gold_app
from qa.evaluation.drafting import CLOZE, GAP, TEMPLATE, draft
from qa.evaluation.gold import read_gold
from qa.evaluation.queue import Candidate, Queue, identity
from qa.evaluation.reviewing import passage_of
from qa.evaluation.similar import AskedBefore
from qa.evaluation.suggesting import queue_of, suggest
from qa.feedback import Feedback, note
from qa.samples import SAMPLE_ARTICLES
from tests.archives import ROOT
from tests.fakes import HashingEncoder, stories, write_articles

README = (ROOT / "README.md").read_text("utf-8")


def drafts_of(text: str, most: int = 3) -> list[tuple[str, str]]:
    """Return question and answer of each draft of a text; the offsets must hold the answer."""
    article = Article("a", text, kept=whole(text))
    made = draft(article, most)
    assert all(text[item.start : item.end] == item.answer for item in made)
    return [(item.question, item.answer) for item in made]


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "Sixty-three homes were flooded in Eastmarsh this morning.",
            "How many homes were flooded in Eastmarsh this morning?",
            "Sixty-three",
        ),
        (
            "Some 140 people spent the night at the Methodist Hall.",
            "How many people spent the night at the Methodist Hall?",
            "140",
        ),
        (
            "Edna Sillitoe, 83, was carried from her bungalow by a neighbour.",
            "Who was carried from her bungalow by a neighbour?",
            "Edna Sillitoe",
        ),
        (
            "The Quenby Bridge was opened to cars on March 24 after repairs.",
            "When was the Quenby Bridge opened to cars after repairs?",
            "March 24",
        ),
        (
            "The number 17 bus in Upper Sallow costs £11.20 a journey.",
            "Which amount is missing: “The number 17 bus in Upper Sallow costs ____ a journey”?",
            "£11.20",
        ),
    ],
)
def test_a_sentence_becomes_a_question(sentence: str, question: str, answer: str) -> None:
    """People, counts and days are asked for by templates; what is left becomes a gap to fill."""
    assert drafts_of(sentence) == [(question, answer)]


@pytest.mark.parametrize(
    "sentence",
    [
        "He was carried from the bungalow by a neighbour on Monday.",
        "“Nine houses were flooded in Eastmarsh,” the mayor said on Monday.",
        "Short on Monday.",
        "nine houses were flooded in Eastmarsh by the river and the sea.",
        "It was.",
        "",
    ],
)
def test_a_sentence_that_leans_on_others_is_left_out(sentence: str) -> None:
    """Pronouns, speech and fragments make questions that nobody can answer."""
    assert drafts_of(sentence) == []


def test_nobody_asks_who_of_a_school_or_when_of_a_telling() -> None:
    """A body is no person, and the day in "he said on Tuesday" is not the day of the event."""
    school = drafts_of("Staithe Primary School would close its doors under a new plan.")
    assert not [question for question, _ in school if question.startswith("Who")]
    told = drafts_of("The cannery is to shut with the loss of 118 jobs, its owner said on Tuesday.")
    assert not [question for question, _ in told if question.startswith("When")]


@pytest.mark.parametrize(
    ("sentence", "never"),
    [
        ("While Obama spoke Saturday about equality, he did not speak on the issue.", "Who"),
        ("Thirteen Israelis have died in the operation and from rocket strikes.", "Who"),
        ("The show is now winding down, and the last part airs on October 29 there.", "When"),
        ("LONDON, England (CNN) -- The museum was opened on Monday by the old mayor.", ""),
    ],
)
def test_what_only_looks_like_a_template_is_none(sentence: str, never: str) -> None:
    """Openers and counts are no people, "is winding" is no passive, a dateline no subject."""
    assert not [question for question, _ in drafts_of(sentence) if question.startswith(never)]


def test_a_gap_is_never_half_a_figure() -> None:
    """Neither "one" of "one-third" nor "15" of "10 to 15" is left out alone."""
    third = "However, only about one-third of people with the disorder seek any treatment."
    assert "one" not in [answer for _, answer in drafts_of(third)]
    answers = [answer for _, answer in drafts_of("Some of them, 10 to 15 percent, sleep all day.")]
    assert "15 percent" not in answers


def test_drafts_of_the_samples_are_many_marked_and_exact() -> None:
    """Most articles give some; kinds are marked; gaps have a gap; questions end as such."""
    kinds: dict[str, int] = {}
    for line in SAMPLE_ARTICLES.read_text("utf-8").splitlines():
        record = json.loads(line)
        article = Article(record["id"], record["text"], kept=whole(record["text"]))
        for item in draft(article):
            kinds[item.kind] = kinds.get(item.kind, 0) + 1
            assert article.text[item.start : item.end] == item.answer
            assert item.question.endswith("?")
            assert (GAP in item.question) == (item.kind == CLOZE)
    assert kinds[TEMPLATE] > 50
    assert kinds[CLOZE] > 50


@given(st.text(alphabet="Ab 9.,\n“", max_size=300), st.integers(1, 5))
def test_any_text_gives_drafts_that_hold(text: str, most: int) -> None:
    """No text breaks it, no more drafts come than were asked for, each answer is in its place."""
    assert len(drafts_of(text, most)) <= most


@pytest.mark.parametrize(
    "run", ["Aa " * 30_000, "Nine of " * 20_000, "9" * 100_000, "A, " * 50_000]
)
def test_a_hostile_text_is_drafted_from_in_time(run: str) -> None:
    """Expressions that could run wild see no more than a sentence's worth."""
    drafts_of(f"{run} was opened on Monday.")


class TestAskedBefore:
    """Near-duplicates ask the same of the same."""

    def test_rewording_repeats_and_another_name_or_number_does_not(self) -> None:
        """Stop words and endings do not count; who and how many do."""
        asked = AskedBefore()
        asked.remember("one", "How many homes were flooded in Eastmarsh by Storm Hesper?")
        assert asked.repeats("How many homes did Storm Hesper flood in Eastmarsh?") == "one"
        assert asked.repeats("How many homes were flooded in Kelderwick by Storm Hesper?") is None
        assert asked.repeats("How many boats were moored in Eastmarsh harbour?") is None
        asked.remember("two", "What opened in ward 3 last week, the bridge or the school?")
        assert asked.repeats("What opened in ward 4 last week, the bridge or the school?") is None

    def test_the_nearest_is_named(self) -> None:
        """Of several, the most similar; of equals, the first."""
        asked = AskedBefore()
        for name in ("first", "again"):
            asked.remember(name, "who opened the old harbour museum gates")
        assert asked.repeats("Who opened the old harbour museum gates?") == "first"
        assert AskedBefore().repeats("who?") is None


FLOOD = Candidate("How many houses were flooded?", "flood", 26, 30, "Nine", "draft-template")
FIRE = Candidate("Where did the fire break out?", "fire", 27, 38, "the harbour", "feedback")


class TestQueue:
    """A file of events that is only ever added to."""

    def test_added_decided_edited_and_read_again(self, tmp_path: Path) -> None:
        """What one object wrote, another reads; the last decision holds; edits keep the id."""
        queue = Queue(tmp_path / "new" / "queue.jsonl")
        assert queue.pending() == []
        assert queue.add([FLOOD, FIRE]).new == 2
        first, second = queue.pending()
        queue.decide(first.id, "rejected")
        queue.edit(second.id, "  Where did \n the fire start? ")
        queue.decide(second.id, "accepted")
        queue.decide(first.id, "accepted")
        again = Queue(queue.path)
        assert again.pending() == []
        assert [item.question for item in again.accepted()] == [
            FLOOD.question, "Where did the fire start?",
        ]  # fmt: skip
        assert again.accepted()[1].id == second.id

    def test_nothing_is_added_twice(self, tmp_path: Path) -> None:
        """Known ones, near-duplicates of what is there, and of one another."""
        queue = Queue(tmp_path / "queue.jsonl")
        queue.add([FLOOD])
        near = Candidate("How many of the houses flooded?", "fire", 0, 4)
        added = queue.add([FLOOD, near, FIRE, FIRE])
        assert (added.new, added.known, added.repeated) == (1, 2, 1)

    def test_a_line_cut_short_costs_itself_alone(self, tmp_path: Path) -> None:
        """After a crash in the middle of a write, what was before and comes after is whole."""
        queue = Queue(tmp_path / "queue.jsonl")
        queue.add([FLOOD])
        with queue.path.open("a") as file:
            file.write('{"event": "accepted", "id": "')
        queue.add([FIRE])
        assert [item.question for item in queue.pending()] == [FLOOD.question, FIRE.question]

    def test_lines_of_other_programs_are_taken_or_passed_over(self, tmp_path: Path) -> None:
        """A bare {question, article, start, end} is a candidate; what makes no sense is not."""
        path = tmp_path / "queue.jsonl"
        bare = {"question": "Who won?", "article": "match", "start": 0, "end": 13}
        nothing = {"question": "Who paid?", "article": None}
        strange = [{"question": 3}, [1], {"event": "accepted", "id": "none"},
                   {"question": "Who?", "article": "a", "start": 9, "end": 3},
                   {"question": "Who?", "article": ["a"], "start": 0, "end": 3}]  # fmt: skip
        lines = [json.dumps(record) for record in (bare, *strange, nothing)]
        path.write_text("\n".join([*lines, "{", "[" * 50_000]), "utf-8")
        first, second = Queue(path).pending()
        assert first == Candidate("Who won?", "match", 0, 13, id=first.id)
        assert second.to_gold()["answerable"] is False
        assert first.to_gold()["relevant"] == [{"article": "match", "start": 0, "end": 13}]

    def test_many_at_once_lose_nothing(self, tmp_path: Path) -> None:
        """Eight threads add and decide; every event is there afterwards, none is broken."""
        path = tmp_path / "queue.jsonl"

        def work(number: int) -> None:
            queue = Queue(path)
            for n in range(10):
                item = Candidate(f"Who saw the ship of day {10 * number + n}?", "a", 0, 1 + n)
                queue.add([item])
                queue.decide(identity(item), "accepted")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(Queue(path).accepted()) == 80

    def test_an_unknown_id_and_a_blank_question_are_refused(self, tmp_path: Path) -> None:
        """With the way to the ids."""
        queue = Queue(tmp_path / "queue.jsonl")
        queue.add([FLOOD])
        with pytest.raises(UsageError, match="no candidate 'x'"):
            queue.decide("x", "accepted")
        with pytest.raises(UsageError, match="cannot be blank"):
            queue.edit(identity(FLOOD), " ")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return the folder of an archive of eight stories."""
    path = write_articles(tmp_path / "stories.jsonl", stories(8))
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as made:
        made.add([path])
    return tmp_path / "archive"


def test_drafts_reach_gold_by_way_of_the_commands(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Suggest, list, edit, accept, reject, export; what comes out is gold that can be read."""
    where = ["--archive", str(archive)]
    assert cli.run(["gold", "suggest", *where, "-n", "1", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["new"] == counts["drafts"] - counts["repeated"] > 1
    assert cli.run(["gold", "suggest", *where, "-n", "1"]) == 0
    assert capsys.readouterr().out.startswith("0 new drafts from 8 articles")
    assert cli.run(["gold", "export", *where]) == 2
    capsys.readouterr()
    assert cli.run(["gold", "review", *where, "--json"]) == 0
    first, second, *rest = map(json.loads, capsys.readouterr().out.splitlines())
    edit = ["--edit", first["id"], "Who counted the visitors?"]
    decide = ["--accept", first["id"], "--accept", second["id"], "--reject", rest[0]["id"]]
    assert cli.run(["gold", "review", *where, *edit, *decide]) == 0
    assert f"2 accepted, 1 rejected, {len(rest) - 1} waiting" in capsys.readouterr().out
    out = tmp_path / "gold.jsonl"
    assert cli.run(["gold", "export", *where, str(out)]) == 0
    gold = read_gold(out)
    assert [question.question for question in gold] == [
        "Who counted the visitors?", second["question"],
    ]  # fmt: skip
    capsys.readouterr()
    assert cli.run(["gold", "export", *where]) == 0
    assert capsys.readouterr().out == out.read_text("utf-8")


@pytest.mark.parametrize("command", gold_app.registered_commands)
def test_every_command_is_described(command: Any) -> None:
    """By a docstring, help for each parameter, and a mention in the README."""
    name, callback = command.callback.__name__, command.callback
    assert callback.__doc__
    hints = get_type_hints(callback, include_extras=True)
    assert all(hints[field].__metadata__[0].help for field in signature(callback).parameters)
    assert f"`{name}`" in README or f"qa gold {name}" in README


def test_the_list_shows_the_answer_in_its_passage(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal too; a candidate whose article changed says so."""
    queue = Queue(tmp_path / "own.jsonl")
    queue.add([Candidate("Who paid \x1b[31m?", "story-0", 4, 10, "bridge"),
               Candidate("Who left the old harbour?", "story-0", 0, 3, "Not")])  # fmt: skip
    where = ["--archive", str(archive), "--queue", str(queue.path)]
    assert cli.run(["gold", "review", *where, "--list"]) == 0
    text = capsys.readouterr().out
    assert "The [bridge] in ward 0" in text
    assert "(its article has changed)" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--accept", "zz"], "no candidate zz"),
        (["--accept", "a", "--reject", "a"], "accepted and rejected at once"),
        (["--edit", "zz", "Who?"], "no candidate 'zz'"),
    ],
)
def test_a_decision_that_cannot_be_carried_out_is_a_usage_error(
    archive: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit code 2, nothing decided."""
    assert cli.run(["gold", "review", "--archive", str(archive), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_what_people_say_in_the_chat_waits_beside_the_drafts(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence pointed at, an answer called good, a good refusal; a bad answer names nothing."""
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        bridge = opened.article("story-0")
    for question, verdict, article in (
        ("What opened in ward 0?", "right", bridge),
        ("Who paid for the gates?", "good", None),
        ("Who shut the harbour?", "bad", bridge),
        ("Who left first?", "bad", None),
    ):
        quote = Span(4, 10) if article else None
        note(archive, Feedback(question, verdict, article, quote))  # type: ignore[arg-type]
    with (archive / "feedback.jsonl").open("a") as file:
        file.write('{"question": "cut')
    where = ["--archive", str(archive)]
    for _ in range(2):  # it is taken over once
        assert cli.run(["gold", "review", *where, "--json"]) == 0
        pointed, nothing = map(json.loads, capsys.readouterr().out.splitlines())
    assert pointed["question"] == "What opened in ward 0?"
    assert pointed["answers"] == ["bridge"]
    assert pointed["relevant"] == [{"article": "story-0", "start": 4, "end": 10}]
    assert nothing["answerable"] is False


def test_each_archive_has_a_queue_of_its_own_outside_of_it(archive: Path) -> None:
    """A new build of the archive does not take the work of reviewing with it."""
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        path = queue_of(opened)
        assert archive not in path.parents
        assert path == queue_of(opened)
        suggest(Queue(path), opened.articles())
        shown = passage_of(opened, Queue(path).pending()[0])
        assert shown is not None
        assert shown.parts[1] == Queue(path).pending()[0].answer
        assert opened.verify() == []
