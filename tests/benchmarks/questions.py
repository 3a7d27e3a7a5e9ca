"""Questions: from a fresh process, warm, in batches; beside the encoder and the searches alone."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.rows import BENCH, ROOT, Row, alone, resident_bytes, timed, worked

COLD_TIMES = 5
"""Fresh processes that are started; the quickest counts, as the machine is not ours alone."""

WARM_UP, MEASURED = 600, 300
"""Questions that warm the caches, and different ones that are measured."""

BATCH = 64

COLD_SECONDS, COLD_SHARE, COLD_MEGABYTES = 1.5, 0.2, 350.0
WARM_RATIO, WARM_TAIL = 2.0, 3.0

QUESTION = "Where did the two ministers meet?"

_PLAIN = """
from embeddings.models import bundled_model
from sentence_transformers import SentenceTransformer
SentenceTransformer(bundled_model(), device="cpu").encode([{question!r}])
"""


def cold_rows() -> list[Row]:
    """Measure `qa ask` on the shipped samples, built before, from the start of the process."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "XDG_CACHE_HOME": home, "XDG_DATA_HOME": home, "PYTHONPATH": str(ROOT)}
        env.pop("QA_ARCHIVE", None)
        ask = [sys.executable, "-m", "qa.cli", "ask", QUESTION]
        first = timed(lambda: _run(ask, env))
        plain = [sys.executable, "-c", _PLAIN.format(question=QUESTION)]
        both = [(timed(lambda: _run(ask, env)), timed(lambda: _run(plain, env)))
                for _ in range(COLD_TIMES)]  # fmt: skip
        ours, theirs = (min(times) for times in zip(*both, strict=True))
        modules = _modules(ask, env)
        peak = alone(_peak_of, ask, env=env)
    return [
        Row("cold", "first command, samples built", first, "s"),
        Row("cold", "qa ask from a fresh process", ours, "s", theirs,
            "import sentence_transformers, load, encode", COLD_SECONDS),
        Row("cold", "the same as a share of that", ours / theirs, "", limit=COLD_SHARE),
        Row("cold", "memory at most", peak / 1e6, "MB", limit=COLD_MEGABYTES),
        Row("cold", "modules of torch imported", float(sum(m.split(".")[0] == "torch"
            for m in modules)), "", limit=0.0),
    ]  # fmt: skip


def _run(command: Sequence[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False)
    assert done.returncode in (0, 3), done.stderr


def _peak_of(command: Sequence[str]) -> int:
    """Return the most memory that a command held, in bytes."""
    _run(command, dict(os.environ))
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _modules(command: Sequence[str], env: dict[str, str]) -> set[str]:
    """Return the names of all modules that a command imports."""
    told = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(told, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}


def warm_rows(directory: Path) -> list[Row]:
    """Measure questions in one process on an archive that is warm, with a thread."""
    found = alone(measure_warm, directory, cores=1, env={"OMP_NUM_THREADS": "1"})
    part = f"warm, {found['passages']:,} passages"
    return [
        Row(part, "Archive.ask, p50", found["p50"], "ms", found["floor"],
            "encoder, FAISS and tantivy alone", WARM_RATIO * found["floor"]),
        Row(part, "as a ratio to that", found["p50"] / found["floor"], "x", limit=WARM_RATIO),
        Row(part, "p99 as a ratio to p50", found["p99"] / found["p50"], "x", limit=WARM_TAIL),
        Row(part, "the same questions again, p50", found["again"], "ms", found["again floor"],
            "as above", WARM_RATIO * found["again floor"]),
        Row(part, "as a ratio to that", found["again"] / found["again floor"], "x",
            limit=WARM_RATIO),
        Row(part, f"ask_many, {BATCH} at once", found["batch"], "1/s"),
        Row(part, "memory", found["memory"] / 1e6, "MB"),
    ]  # fmt: skip


def gold_questions(count: int) -> list[str]:
    """Return real questions, each once, in a fixed order of chance."""
    from qa.samples import SAMPLE_GOLD

    bench = BENCH / "newsqa" / "gold.jsonl"
    lines = (bench if bench.is_file() else SAMPLE_GOLD).read_text("utf-8").splitlines()
    asked = sorted({str(json.loads(line)["question"]) for line in lines})
    chosen = np.random.default_rng(0).permutation(len(asked))[:count]
    return [asked[at] for at in chosen if len(asked[at].split()) > 4]


def measure_warm(directory: str) -> dict[str, Any]:
    """Ask many questions one by one; time each, and its bare parts right before it.

    Three in four meet passages that no question before them has; asked again, none does.
    """
    from qa.archive import Archive

    with Archive.open(directory) as archive:
        questions = gold_questions(WARM_UP + MEASURED)
        warm_up = questions[: -min(MEASURED, len(questions) // 3)]
        for question in warm_up:
            archive.ask(question)
        bare = BareParts(archive)
        floors, asked = _side_by_side(archive, bare, questions[len(warm_up) :])
        again_floors, again = _side_by_side(archive, bare, questions[len(warm_up) :])
        batch = questions[-BATCH:]
        started = time.perf_counter()
        archive.ask_many(batch)
        seconds = time.perf_counter() - started
        return {
            "p50": float(np.median(asked)),
            "p99": float(np.percentile(asked, 99)),
            "floor": float(np.median(floors)),
            "again": float(np.median(again)),
            "again floor": float(np.median(again_floors)),
            "batch": len(batch) / seconds,
            "memory": resident_bytes(),
            "passages": archive.status().passages,
        }


def _side_by_side(archive: Any, bare: BareParts, questions: Sequence[str]) -> tuple[Any, Any]:
    """Return what the bare parts and all of each question took, ms, float64 (questions,) each."""
    pairs = [
        (worked(lambda q=question: bare.run(q)), worked(lambda q=question: archive.ask(q)))
        for question in questions
    ]
    floors, asked = (np.array(times) * 1e3 for times in zip(*pairs, strict=True))
    return floors, asked


class BareParts:
    """What no question can do without: one pass of the encoder, and the searches."""

    def __init__(self, archive: Any) -> None:
        self.encoder = archive._load_encoder()
        self.indices = archive._indices

    def run(self, question: str) -> None:
        """Encode the question and search with FAISS and tantivy as deep as a question does."""
        from qa.retrieval import ARTICLE_DEPTH, DEPTH
        from qa.words import content_terms

        vector = self.encoder.encode_questions([question])
        terms = dict.fromkeys(content_terms(question), 1.0)
        self.indices.dense.search(vector, DEPTH)
        self.indices.passages.search(terms, DEPTH)
        self.indices.articles.search(terms, ARTICLE_DEPTH)
