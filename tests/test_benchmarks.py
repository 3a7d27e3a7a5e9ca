"""The benchmarks' own arithmetic, and those of their limits that hold on a busy machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embeddings.encoder import TokenVectors
from embeddings.store import Store
from qa.archive import Archive
from tests.archives import put, some_articles
from tests.benchmarks import feeding, growth, projection, rankings
from tests.benchmarks.__main__ import main, number
from tests.benchmarks.growing import grow, grown_articles, material_of, mixed
from tests.benchmarks.machine import encoder_operations
from tests.benchmarks.questions import gold_questions
from tests.benchmarks.rows import BENCH, Row, alone, resident_bytes


def test_a_row_knows_whether_its_limit_is_kept() -> None:
    """At most, at least, or no limit at all."""
    assert Row("p", "w", 1.0, "s", limit=1.0).is_met
    assert not Row("p", "w", 1.1, "s", limit=1.0).is_met
    assert Row("p", "w", 1.1, "s", limit=1.0, at_most=False).is_met
    assert Row("p", "w", 1.1, "s").is_met is None
    assert Row("p", "w", 1.1, "s").to_dict()["is_met"] is None


def test_numbers_are_told_with_three_digits() -> None:
    assert [number(n) for n in (0.12345, 12.345, 1234.5, 0.0)] == ["0.123", "12.3", "1,234", "0"]


def test_a_function_runs_in_a_process_of_its_own() -> None:
    """Its memory counts from nothing, and its result comes back."""
    assert 1e6 < alone(resident_bytes, cores=1) < 1e9


def test_operations_of_a_pass_are_counted_as_by_hand() -> None:
    """One layer of width 2 and inner width 4 over 3 tokens: 2·3·(4·4 + 2·8) + 2·2·9·2."""
    assert encoder_operations(3, layers=1, width=2, inner=4) == 2 * 3 * 32 + 72


def test_rankings_differ_only_beyond_ties() -> None:
    """Equal scores may stand in any order; a passage that is clearly nearer may not be missing."""
    theirs = np.linspace(1, 0, 50, dtype=np.float32)[None, :].repeat(2, axis=0)
    ours = theirs.copy()
    ours[0, [3, 4]] = ours[0, [4, 3]]
    assert rankings.differing(theirs, theirs) == 0
    assert rankings.differing(ours, theirs) == 1
    assert rankings.differing(ours, theirs, tied=0.1) == 0


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Return an archive of twelve articles."""
    store = Store(tmp_path, create=True)
    put(store, some_articles(12))
    store.close()
    return tmp_path


def test_grown_archives_are_archives(real: Path, tmp_path: Path) -> None:
    """They verify, hold as many passages as were asked for, and exact search finds the same."""
    store = Store(real)
    material = material_of(store)
    store.close()
    grow(tmp_path / "grown", material, 160)
    vectors = mixed(material, 3, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    from tests.fakes import HashingEncoder

    with Archive.open(tmp_path / "grown", encoder=HashingEncoder()) as archive:
        assert archive.status().passages == 160
        assert all(vectors.words for vectors in archive._store.vectors(range(1, 161)).values())
        assert archive.verify() == []
        assert archive.ask("Which harbour closed?").citations
        assert growth._searches(archive, material)["recall"] == 1.0


def test_grown_passages_have_tokens_where_real_ones_do(real: Path) -> None:
    """A sentence has as many as a real one, cut out of real ones; none where none are."""
    store = Store(real)
    material = material_of(store)
    store.close()
    _, encoded = next(grown_articles(material, 0, 1))
    assert all(part.vectors and part.vectors.tokens is None for part in encoded)
    values = np.arange(120, dtype=np.int8).reshape(60, 2)
    tokens = TokenVectors(values, np.array([3, 5]), reader=7)
    _, encoded = next(grown_articles(replace(material, tokens=tokens), 0, 1))
    for part in encoded:
        assert part.vectors
        own = part.vectors.tokens
        assert own is not None
        assert len(own.counts) == len(part.passage.sentences)
        assert {*own.counts.tolist()} <= {3, 5}
        assert len(own.values) == own.counts.sum()
        assert {*np.diff(own.values[:, 0].astype(int))} <= {2, -118}  # a run, which may begin again


def test_the_questions_are_different_ones() -> None:
    """A question that is asked again would be answered from what is kept of it."""
    questions = gold_questions(100)
    assert len(questions) == len(set(questions)) > 50


def test_the_command_tells_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table, JSON, and exit code 1 where a limit is not kept and that was asked for."""
    found = [Row("chat", "a page", 4.0, "s", limit=3.0)]
    monkeypatch.setattr("tests.benchmarks.chat.rows", lambda: found)
    out = tmp_path / "out.json"
    assert main(["--only", "chat", "--json", str(out)]) == 0
    assert main(["--only", "chat", "--check"]) == 1
    assert json.loads(out.read_text("utf-8"))["rows"][0]["value"] == 4.0
    printed = capsys.readouterr().out
    assert "a page" in printed
    assert "NO" in printed


@pytest.mark.bench
@pytest.mark.parametrize("name", ["newsqa", "realtimeqa"])
def test_rankings_are_those_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    """The ten nearest of each question, ties aside, by the encoder that archives carry."""
    articles = BENCH / name / "articles.jsonl"
    if not articles.is_file():
        pytest.skip(f"{articles} is not here")
    part = tmp_path / "part.jsonl"
    part.write_text("".join(articles.read_text("utf-8").splitlines(keepends=True)[:40]), "utf-8")
    with Archive.create(tmp_path / "archive") as archive:
        archive.add([part])
    found = rankings.measure(str(tmp_path / "archive"), gold_questions(100), 150)
    assert found["cosine"] >= 0.9999
    assert found["differ"] == 0


def test_a_projection_is_arithmetic_over_what_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By hand: bytes and speeds a passage, and what FAISS and tantivy add to a question."""
    parts = {"truth": 9_000_000, "vectors": 400_000, "words": 200_000}
    measured = {
        100: {"memory": 60_000, "p50": 20.0, "floor": 5.0, "parts": parts},
        1_000: {"memory": 150_000, "p50": 70.0, "floor": 14.0, "parts": parts},
    }
    costs = projection.costs_of(measured, 20.0, 280.0)
    found = {line.what: line.of(10_000_000) for line in projection.lines(costs)}
    nodes = next(line.of for line in projection.lines(costs) if "query nodes" in line.what)
    assert found["disk: the truth"] == pytest.approx(9_000 * 1e7 / 1e9)
    assert found["disk: FAISS and tantivy"] == pytest.approx(600 * 1e7 / 1e9)
    assert found["memory of a process that asks"] == pytest.approx((50_000 + 100 * 1e7) / 1e9)
    assert found["a question, p50"] == pytest.approx(70 + 0.01 * (1e7 - 1_000))
    assert found["encoding all, one core"] == pytest.approx(1e7 / 20 / 86_400)
    assert found["cores that it keeps at work"] == pytest.approx(14)
    assert found["Milvus in place of FAISS: memory"] == pytest.approx(40)
    # at 2,000 B a node's 48.1 GB hold 24.05 million; each of two replicas has nodes of its own
    assert [nodes(n * 10**6) for n in (1, 24, 25, 48, 49, 100)] == [2, 2, 4, 4, 6, 10]
    projection.show(costs, [10_000_000])
    assert "9,000 B × N" in capsys.readouterr().out


def test_a_projection_needs_what_it_is_computed_from() -> None:
    """Two sizes at least, and the speeds."""
    for wrong in (["--grow", "1000"], ["--grow", "1000", "2000", "--only", "feeding"]):
        with pytest.raises(SystemExit):
            main([*wrong, "--project", "10000000"])


def test_a_writer_is_fed_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line from file to index runs with vectors that cost nothing, faster than any encoder."""
    assert feeding.measure(10) > 0
