"""Encoding on a GPU, against the same on the processor: `python -m tests.benchmarks.gpu`.

It needs torch, sentence-transformers and the bundled model, and nothing else of this project's
requirements, so that a machine that is lent for minutes can run it. Half precision is used where
`SentenceTransformerEncoder.halve` finds that it changes no ranking of its probes; what it does to
rankings of the passages encoded here is told beside.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus.records import Span
from embeddings.encoder import PassageText, Vectors
from embeddings.transformer import SentenceTransformerEncoder
from tests.benchmarks.rows import Row

SAMPLES = Path(__file__).parents[2] / "corpus" / "samples"

ON_GPU, ON_CPU = 20_000, 400
"""Passages that are encoded: seconds of a GPU, and some twenty of a processor."""

WORDS = 150
"""Words of a passage, as many as fill one of an archive."""

TOP, RANKED, QUESTIONS = 10, 4_000, 200
"""Nearest passages that must stay the same, among how many, for how many questions."""

SAME = 0.99
"""Least share of questions whose nearest passages half precision leaves as they are."""

GPU = Path("/dev/nvidiactl")
"""Is there where there may be a GPU."""

_SENTENCE = re.compile(r"\S.*?(?:[.?!](?=\s)|\Z)", re.DOTALL)


def passages(count: int) -> list[PassageText]:
    """Return passages of real words: those of the samples, shuffled sentence by sentence."""
    lines = (SAMPLES / "articles.jsonl").read_text("utf-8").splitlines()
    told = [match[0] for line in lines for match in _SENTENCE.finditer(json.loads(line)["text"])]
    chance = np.random.default_rng(0)
    made = []
    for _ in range(count):
        text, spans = "", []
        while text.count(" ") < WORDS:
            sentence = told[chance.integers(len(told))]
            spans.append(Span(len(text), len(text) + len(sentence)))
            text += sentence + " "
        made.append(PassageText(None, text.rstrip(), tuple(spans)))
    return made


def measure() -> dict[str, Any]:
    """Encode on the processor and on the GPU, whole and by halves; return figures by name."""
    import torch

    encoder = SentenceTransformerEncoder()
    if encoder.model.device.type != "cuda":
        return {"device": "none", "torch": torch.__version__}
    texts = passages(ON_GPU)
    _passage_vectors(encoder, texts[:500])  # kernels are chosen and memory is taken
    whole, whole_speed = _timed(encoder, texts)
    used = encoder.halve()
    half, half_speed = _timed(encoder, texts) if used else (whole, whole_speed)
    encoder.model.to("cpu")
    encoder._half = False
    on_cpu, cpu_speed = _timed(encoder, texts[:ON_CPU])
    questions = encoder.encode_questions([text.text[:80] for text in texts[-QUESTIONS:]])
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "threads of the processor": torch.get_num_threads(),
        "half precision is used": used,
        "GPU, passages/s": half_speed,
        "GPU in float32, passages/s": whole_speed,
        "processor, passages/s": cpu_speed,
        "GPU to processor": half_speed / cpu_speed,
        "least cosine, half to float32": float((whole * half).sum(axis=1).min()),
        "least cosine, GPU to processor": float((whole[:ON_CPU] * on_cpu).sum(axis=1).min()),
        "same ten nearest, half to float32": _same(questions, whole[:RANKED], half[:RANKED]),
    }


def rows() -> list[Row]:
    """Return how fast a GPU encodes, beside the processor; nothing where there is none."""
    if not GPU.exists():
        return []
    found = measure()
    if found["device"] == "none":
        return []
    part = f"GPU, {found['device']}"
    return [
        Row(part, "passages/s", found["GPU, passages/s"], "1/s", found["processor, passages/s"],
            "by the processor"),
        Row(part, "the same in float32", found["GPU in float32, passages/s"], "1/s"),
        Row(part, "as a ratio to the processor", found["GPU to processor"], "x", limit=1.0,
            at_most=False),
        Row(part, "same ten nearest as in float32", found["same ten nearest, half to float32"], "",
            limit=SAME, at_most=False),
    ]  # fmt: skip


def _timed(
    encoder: SentenceTransformerEncoder, texts: Sequence[PassageText]
) -> tuple[Vectors, float]:
    """Return the passages' vectors, and how many were encoded a second."""
    started = time.perf_counter()
    vectors = _passage_vectors(encoder, texts)
    return vectors, len(texts) / (time.perf_counter() - started)


def _passage_vectors(encoder: SentenceTransformerEncoder, texts: Sequence[PassageText]) -> Vectors:
    """Return the passages' vectors, float32 (n, dimension), in their order."""
    found = dict(encoder.encode_passages(texts))
    return np.array([found[number].passage for number in range(len(texts))])


def _same(questions: Vectors, one: Vectors, other: Vectors) -> float:
    """Return the share of questions that have the same TOP nearest passages in the same order.

    Scores that differ by less than a thousandth are ties.
    """
    scores = questions @ one.T
    orders = [np.argsort(-(questions @ v.T), axis=1)[:, :TOP] for v in (one, other)]
    told = [np.take_along_axis(scores, order, axis=1) for order in orders]
    return float((np.abs(told[0] - told[1]) < 1e-3).all(axis=1).mean())


def main() -> int:
    """Print the figures as JSON."""
    print(json.dumps(measure(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
