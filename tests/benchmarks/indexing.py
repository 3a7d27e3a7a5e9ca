"""Indexing on one thread, against sentence-transformers over the same passages in the same run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.machine import encoder_operations, matmuls
from tests.benchmarks.rows import BENCH, Row, alone, worked

ARTICLES = 120
"""Articles that are indexed: some 1,100 passages, four minutes for all ways."""

INCLUDED = "passages/s, one thread, all included"

PRODUCTS, TOKENS = 2.0, 460
"""Seconds of matrix products in each turn, and their rows: the word pieces of two passages."""

ROUNDS = 4
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
            "encoder's share of what matmul reaches beside it",
            found["encoder_share"],
            "",
            limit=0.75,
            at_most=False,
            floor=found["reached"] / 1e9,
            floor_is="GFLOP/s of numpy float32",
        ),
        Row(
            "indexing",
            "the same of matmul's best moment",
            found["encoder_share"] * found["reached"] / found["best"],
            "",
            floor=found["best"] / 1e9,
            floor_is="GFLOP/s",
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
    products: list[tuple[float, float]] = []
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
            products += matmuls(TOKENS, PRODUCTS)  # the machine's speed changes by a third at times
            count += len(texts)
            operations += sum(encoder_operations(n + 2) for n in encoder.count_tokens(whole))
    reached = sum(done for done, _ in products) / sum(spent for _, spent in products)
    speeds = {name: count / spent for name, spent in seconds.items()}
    return speeds | {
        "reached": reached,
        "best": max(done / spent for done, spent in products),
        "encoder_share": operations / seconds["encoder"] / reached,
        "threads": os.environ["QA_THREADS"],
    }
