"""Models of two layers with random weights and a vocabulary of letters, made in a moment."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SIGNS = string.ascii_lowercase + string.digits
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", *SIGNS, *(f"##{c}" for c in SIGNS)]

SIZES = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


def _tokenizer() -> PreTrainedTokenizerBase:
    from transformers import BertTokenizerFast

    numbers = {piece: number for number, piece in enumerate(VOCABULARY)}
    return BertTokenizerFast(vocab=numbers, model_max_length=64)


def save_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """Save a BERT that gives `labels` scores to a pair of texts; return the folder."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(**SIZES, num_labels=labels, initializer_range=0.5)
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def save_sentence_transformer(folder: Path, prompts: dict[str, str]) -> Path:
    """Save a mean-pooled BERT with prompts for queries and documents; return the folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    bare = folder / "bare"
    torch.manual_seed(0)
    BertModel(BertConfig(**SIZES, initializer_range=0.5)).eval().save_pretrained(bare)
    _tokenizer().save_pretrained(bare)
    transformer = Transformer(str(bare), max_seq_length=64)
    pooling = Pooling(transformer.get_embedding_dimension())
    model = SentenceTransformer(modules=[transformer, pooling], prompts=prompts, device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"
