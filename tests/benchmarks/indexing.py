"""Indexing on one thread, against sentence-transformers over the same passages in the same run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.machine import encoder_operations, matmul_peak
from tests.benchmarks.rows import BENCH, Row, alone, worked

ARTICLES = 60
"""Articles that are indexed: some 600 passages, two minutes for all ways."""

INCLUDED = "passages/s, one thread, all included"

ROUNDS = 2
"""Turns in which both ways go through a part of the articles, so that both see the same machine."""

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "QA_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}


def rows(articles: int = ARTICLES) -> list[Row]:
    """Return passages a second, the ratio, and the encoder's share of the matmul peak."""
    found = alone(measure, articles, cores=1, env=ONE_THREAD)
    plain = found["plain"]
    return [
        Row(
            "indexing",
            INCLUDED,
            found["ours"],
            "1/s",
            floor=plain,
            floor_is="SentenceTransformer.encode alone",
        ),
        Row(
            "indexing",
            "as a ratio to SentenceTransformer.encode",
            found["ours"] / plain,
            "x",
            limit=1.2,
            at_most=False,
        ),
        Row(
            "indexing",
            "encoder's share of the matmul peak",
            found["encoder_share"],
            "",
            limit=0.75,
            at_most=False,
            floor=found["peak"] / 1e9,
            floor_is="GFLOP/s of numpy float32",
        ),
        Row("indexing", "encoder alone", found["encoder"], "1/s"),
    ]


def real_articles() -> Path:
    """Return the articles that are indexed."""
    from qa.samples import SAMPLE_ARTICLES

    bench = BENCH / "realtimeqa" / "articles.jsonl"
    return bench if bench.is_file() else SAMPLE_ARTICLES


def measure(articles: int) -> dict[str, Any]:
    """Measure both ways in turns; on as many threads as the environment says."""
    from sentence_transformers import SentenceTransformer

    from embeddings.models import bundled_model
    from embeddings.writing import text_of
    from qa.archive import Archive

    lines = real_articles().read_text("utf-8").splitlines()
    chosen = np.random.default_rng(0).permutation(len(lines))[: articles + 1]
    plain = SentenceTransformer(bundled_model(), device="cpu")
    seconds = {"ours": 0.0, "plain": 0.0, "encoder": 0.0}
    count, operations = 0, 0.0
    with tempfile.TemporaryDirectory() as folder, Archive.create(Path(folder) / "a") as archive:
        source = Path(folder) / "part.jsonl"
        source.write_text(lines[chosen[-1]] + "\n", "utf-8")
        archive.add([source])  # both are loaded and warm
        plain.encode(["A first text."], batch_size=32)
        encoder = archive._load_encoder()
        for turn in range(ROUNDS):
            part = [lines[at] for at in chosen[turn:-1:ROUNDS]]
            source.write_text("".join(line + "\n" for line in part), "utf-8")
            seconds["ours"] += worked(lambda: archive.add([source]))
            held = {
                name: archive.article(name) for name in (json.loads(line)["id"] for line in part)
            }
            texts = [
                text_of(held[passage.article_id], passage)
                for passage in archive.passages()
                if passage.article_id in held
            ]
            whole = [f"{text.title}\n{text.text}" if text.title else text.text for text in texts]
            seconds["plain"] += worked(lambda whole=whole: plain.encode(whole, batch_size=32))
            seconds["encoder"] += worked(lambda texts=texts: list(encoder.encode_passages(texts)))
            count += len(texts)
            operations += sum(encoder_operations(n + 2) for n in encoder.count_tokens(whole))
    peak = matmul_peak(460)
    share = operations / seconds["encoder"] / peak
    speeds = {name: count / spent for name, spent in seconds.items()}
    return speeds | {"peak": peak, "encoder_share": share, "threads": os.environ["QA_THREADS"]}
