"""A reader is trained from SQuAD's paragraphs, and replaces none that reads better."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from corpus.errors import StorageError
from embeddings.durable import replace_file
from embeddings.encoder import THREADS_VARIABLE, PassageText, TokenVectors, Vectors
from embeddings.reader import LAYERS, SCALE, WEIGHTS, Reader, even_layers, load_reader
from qa.evaluation.reader_examples import Basis, Examples, Ragged, _near
from qa.evaluation.reader_fitting import Figures, Recipe, _drawn, pairs_of
from qa.evaluation.reader_network import OUTSIDE, ReaderNetwork, exported
from qa.evaluation.reader_texts import Asked, Texts, read_file, read_texts
from qa.evaluation.train_reader import WORSE, main, packed, replaced
from tests.fakes import HashingEncoder, stories

WIDTH, HEADS, DIMENSION = 16, 4, 20

COUNTS = ([5, 7, 3], [4], [6, 0, 2], [0, 3], [0, 0], [2, 9, 1, 8])
"""Tokens in the sentences of passages: one alone, and some without a token of their own."""

ROUNDED = 0.005
"""Share of the range of scores that rounding may move one: half a byte's step is .02."""


def squad(count: int) -> dict[str, Any]:
    """Return `count` stories with four questions each, SQuAD's way."""
    groups = []
    for story in stories(count):
        text, n = str(story["text"]), str(story["id"]).split("-")[1]
        facts = {
            f"How many visitors did Name{n}son count": str(1000 + 7 * int(n)),
            f"On which day did ward {n} change?": "Tuesday",
            f"Who counted the visitors of ward {n}?": f"Name{n}son",
            f"When does the council meet about case {n}?": "Friday",
        }
        asked = [
            {
                "id": f"{n}-{place}",
                "question": question,
                "answers": [{"text": answer, "answer_start": text.index(answer)}],
            }
            for place, (question, answer) in enumerate(facts.items())
        ]
        paragraph = {"context": text, "qas": asked}
        groups.append({"title": story["title"], "paragraphs": [paragraph]})
    return {"version": "1.1", "data": groups}


def saved(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), "utf-8")
    return path


def unwatched(what: str, done: int, total: int) -> None:
    """Look away."""


def texts_of(*paths: Path, seed: int = 0) -> Texts:
    """Return the passages and questions of files, cut by words."""
    files = [read_file(path) for path in paths]
    encoder = HashingEncoder(max_tokens=30)
    return read_texts(files, encoder, np.random.default_rng(seed), unwatched)


@pytest.fixture(scope="module")
def network() -> ReaderNetwork:
    """Return a network with weights far from those it begins with, as float16 has them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = ReaderNetwork(LAYERS * DIMENSION, WIDTH, HEADS, dropout=0.5)
        for weight in made.parameters():
            weight.data = (weight.data + 0.3 * torch.randn(weight.shape)).half().float()
    return made.eval()


def basis_of(*, straight: bool) -> Basis:
    """Return a basis that keeps everything as it is, or turns and moves it."""
    size = LAYERS * DIMENSION
    if straight:
        return Basis(np.zeros(size, np.float32), np.eye(size, dtype=np.float32))
    random = np.random.default_rng(5)
    turned = np.linalg.qr(random.standard_normal((size, size)))[0]
    return Basis(np.full(size, 0.01, np.float32), turned.astype(np.float32) * 3)


def example_states() -> tuple[list[Vectors], list[Vectors]]:
    """Return random states of passages, by COUNTS, and of two questions of 4 and 9 tokens."""
    random = np.random.default_rng(0)
    lengths = [*map(sum, COUNTS), 4, 9]
    made = [
        random.standard_normal((length, LAYERS * DIMENSION)).astype(np.float32)
        for length in lengths
    ]
    return made[: len(COUNTS)], made[len(COUNTS) :]


def examples_of(passages: Sequence[Vectors], questions: Sequence[Vectors]) -> Examples:
    """Return examples without answers."""
    sizes = [len(counts) for counts in COUNTS]
    sentence = [np.repeat(np.arange(len(counts)), counts) for counts in COUNTS]
    none = np.zeros((len(questions), 1), dtype=np.int64)
    return Examples(
        tokens=Ragged.of(passages),
        sentence=np.concatenate(sentence),
        sentences=np.array(sizes),
        asked=Ragged.of(questions),
        answered=none[:, 0],
        right=none > 0,
        near=none,
        held_out=none[:, 0] > 0,
    )


def reader_from(network: ReaderNetwork, basis: Basis) -> Reader:
    """Return the reader of a network as it is written and read again."""
    reader, digest = load_reader(packed(exported(network, basis), HEADS, "d"))
    assert digest == "d"
    return reader


def by_torch(network: ReaderNetwork, examples: Examples) -> list[Vectors]:
    """Return each question's scores of all sentences; both questions go through at once."""
    count = len(COUNTS)
    with torch.no_grad():
        pairs = pairs_of(examples, np.repeat([0, 1], count), np.tile(np.arange(count), 2))
        scores = network(pairs).numpy()
    sizes = examples.sentences
    assert (scores[np.arange(scores.shape[1]) >= np.tile(sizes, 2)[:, None]] == OUTSIDE).all()
    rows = [scores[row, : sizes[row % count]] for row in range(len(scores))]
    return [np.concatenate(rows[:count]), np.concatenate(rows[count:])]


def test_the_network_and_the_reader_agree(network: ReaderNetwork) -> None:
    """Without rounding, to float32: several passages at once, sentences without tokens, padding."""
    basis = basis_of(straight=True)
    reader = reader_from(network, basis)
    passages, questions = example_states()
    even = [[even_layers(states) for states in part] for part in (passages, questions)]
    expected = by_torch(network, examples_of(*even))
    unrounded = [
        TokenVectors(reader._narrow(states, "passage") * SCALE, np.array(counts), 0)
        for counts, states in zip(COUNTS, passages, strict=True)
    ]
    for question, scores in zip(questions, expected, strict=True):
        found = reader.scores(reader.of_question(question), unrounded)[:, 0]
        np.testing.assert_allclose(found, scores, atol=1e-4)
        assert np.ptp(found) > 1


def test_what_is_stored_is_scored_alike(network: ReaderNetwork) -> None:
    """With a basis joined to the maps, weights of 16 bits and vectors in bytes."""
    basis = basis_of(straight=False)
    reader = reader_from(network, basis)
    passages, questions = example_states()
    projected = [[basis.project(states) for states in part] for part in (passages, questions)]
    expected = by_torch(network, examples_of(*projected))
    stored = [
        reader.of_passage(
            states, np.arange(len(counts))[:, None] == np.repeat(range(len(counts)), counts)
        )
        for counts, states in zip(COUNTS, passages, strict=True)
    ]
    for question, scores in zip(questions, expected, strict=True):
        found = reader.scores(reader.of_question(question), stored)[:, 0]
        np.testing.assert_allclose(found, scores, atol=ROUNDED * np.ptp(found))


def test_questions_are_told_what_answers_them(tmp_path: Path) -> None:
    """The passage with most of the answer's sentences, these sentences, and a question mark."""
    texts = texts_of(saved(tmp_path / "stories.json", squad(5)))
    assert len(texts.passages) == 10  # two of each story
    assert texts.paragraphs == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert len({passage.title for passage in texts.passages} - {None}) in range(1, 5)
    for asked in texts.asked:
        passage = texts.passages[asked.passage]
        (sentence,) = (passage.sentences[n].of(passage.text) for n in asked.sentences)
        ward = asked.question.split("Name")[-1].split("ward ")[-1].split("case ")[-1]
        number = ward.rstrip("?").removesuffix(" change").removesuffix("son count")
        assert asked.question.endswith("?")
        assert (
            f"ward {number} " in sentence or f"Name{number}son" in sentence or "Friday" in sentence
        )
        assert texts.paragraphs[asked.passage] == int(number)


def test_an_answer_may_run_over_sentences(tmp_path: Path) -> None:
    """All of them are right; what has no answer is left out."""
    content = squad(1)
    (first, second, *_) = content["data"][0]["paragraphs"][0]["qas"]
    text = content["data"][0]["paragraphs"][0]["context"]
    at, end = text.index("officials"), text.index("counted")
    first["answers"] = [{"text": text[at:end], "answer_start": at}]
    second["is_impossible"] = True
    texts = texts_of(saved(tmp_path / "stories.json", content))
    assert [asked.sentences for asked in texts.asked] == [(0, 1), (1,), (0,)]
    assert [asked.passage for asked in texts.asked] == [0, 0, 1]


def test_the_same_paragraphs_are_held_out(tmp_path: Path) -> None:
    """Whatever the seed, the order of files and what else there is to learn from."""
    whole = squad(70)
    one, two = whole | {"data": whole["data"][:30]}, whole | {"data": whole["data"][30:]}
    files = [saved(tmp_path / f"{n}.json", part) for n, part in enumerate((one, two, whole))]

    def held_out(texts: Texts) -> set[str]:
        chosen = texts.held_out()
        return {asked.question for asked, held in zip(texts.asked, chosen, strict=True) if held}

    first = held_out(texts_of(files[0], files[1]))
    assert len(first) == 3 * 4  # .03 of 70, and one more
    assert held_out(texts_of(files[1], files[0], seed=1)) == first
    twice = texts_of(*files)
    assert held_out(twice) == first
    assert twice.held_out().sum() == 2 * len(first)


def test_near_misses_are_of_other_paragraphs() -> None:
    """The nearest come first, those of the same file before others as near."""
    texts = Texts(passages=[PassageText(None, "", ())] * 5)
    texts.paragraphs, texts.files = [0, 0, 1, 2, 3], [0, 0, 0, 1, 1]
    texts.asked = [Asked("A?", 0, (0,)), Asked("B?", 3, (0,))]
    angles = np.radians([0, 10, 41, 20, 60])
    passages = np.column_stack([np.cos(angles), np.sin(angles)])
    found = _near(texts, passages, passages[[0, 3]], unwatched)
    assert found.tolist() == [[2, 3, 4], [1, 4, 0]]


def test_what_is_drawn_has_its_answer_or_none() -> None:
    """The answer's passage comes first, or is missing together with its right sentences."""
    near = np.tile(np.arange(1, 9), (400, 1))
    right = np.ones((400, 2), dtype=bool)
    zeros = np.zeros(400, dtype=np.int64)
    none = Ragged.of([np.zeros((1, 2), np.float16)])
    examples = Examples(none, zeros, zeros, none, zeros, right, near, zeros > 0)
    recipe = Recipe(width=4, epochs=1, batch=4, seed=0)
    questions, passages, marked = _drawn(examples, np.arange(400), recipe, np.random.default_rng(0))
    assert questions.tolist() == list(range(400))
    assert passages.shape == (400, recipe.misses + 1)
    assert ((passages[:, 0] == 0) == marked.all(axis=1)).all()
    assert (marked.all(axis=1) == marked.any(axis=1)).all()
    assert 0.7 < marked[:, 0].mean() < 0.9
    assert (passages[:, 1:] > 0).all()
    assert all(len(set(row)) == len(row) for row in passages.tolist())


@pytest.mark.slow
def test_a_run_writes_a_reader_and_its_loss_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the bundled encoder; the same run again finds what it wrote as good, and equal."""
    monkeypatch.setenv(THREADS_VARIABLE, "1")  # so little work is done sooner by one
    file = saved(tmp_path / "stories.json", squad(20))
    command = [str(file), "--write", str(tmp_path), "--width", "16", "--epochs", "2"]
    assert main([*command, "--batch", "12"]) == 0
    about, *epochs = capsys.readouterr().out.splitlines()
    assert about == "20 passages, 80 questions, 4 of them held out"
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in epochs]
    assert losses[1] < losses[0]
    first = (tmp_path / WEIGHTS).read_bytes()
    reader, _ = load_reader(first)
    assert (reader.width, reader.dimension) == (16, 384)
    assert main([*command, "--batch", "12"]) == 0
    _, before, *again = capsys.readouterr().out.splitlines()
    assert again == epochs
    assert before.split("held out ")[1] == epochs[-1].split("held out ")[1]
    assert (tmp_path / WEIGHTS).read_bytes() == first


@pytest.mark.slow
def test_worse_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file stays, and the reason is told in a line; a little worse, or `anyway`, is written."""
    file = tmp_path / WEIGHTS
    replace_file(file, b"old")
    before, fallen = Figures(0.7, 0.6), Figures(0.72, 0.6 - 2 * WORSE)
    assert replaced(file, b"new", before, fallen, False) == 1
    told = capsys.readouterr().err
    assert "sentence Success@1 fell from 0.600 to 0.590" in told
    assert "passage" not in told
    assert told.count("\n") == 1
    assert file.read_bytes() == b"old"
    assert replaced(file, b"new", before, Figures(0.7, 0.6 - WORSE / 2), False) == 0
    assert file.read_bytes() == b"new"
    assert replaced(file, b"newer", before, fallen, True) == 0
    assert file.read_bytes() == b"newer"
    with pytest.raises(StorageError, match=r"cannot write .*: No such file"):
        replaced(tmp_path / "none" / WEIGHTS, b"new", None, fallen, False)


@pytest.mark.parametrize(
    ("content", "told", "code"),
    [
        ("{}", "as in SQuAD", 1),
        ('{"id": "a", "text": "b"}\n{"id": "c", "text": "d"}', "not JSON", 1),
        ('{"data": [{"paragraphs": [{"context": "A.", "qas": []}]}]}', "no question", 2),
        (json.dumps(squad(1)).replace('"Friday"', '"Monday"'), "is not at", 1),
    ],
)
def test_a_file_that_is_not_squads_is_refused(
    content: str, told: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is computed, in one line with the file's name."""
    file = tmp_path / "other.json"
    file.write_text(content, "utf-8")
    assert main([str(file)]) == code
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert str(file) in printed.err
    assert told in printed.err
    assert (printed.err.count("\n"), printed.out) == (1, "")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["none.json"], "cannot read none.json: No such file or directory"),
        (["stories.json", "--write", "nowhere"], "there is no folder nowhere"),
        (["stories.json", "--width", "10"], "give a multiple of 4"),
        (["stories.json", "--epochs", "0"], "epochs 0 was asked for; expected 1 or more"),
        (["stories.json", "--seed", "-1"], "seed -1 was asked for; expected 0 or more"),
        (["stories.json", "--write", "broken"], "cannot be compared with"),
        (["stories.json"], "there are 8 questions to learn from, and 2 passages beside"),
    ],
)
def test_a_persons_mistake_is_a_line(
    options: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong, what was expected, exit code 2."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "stories.json", squad(3))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / WEIGHTS).write_bytes(b"no weights")
    assert main(options) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
