"""The network of `embeddings.reader` in torch, to be trained, and its weights as they are written.

It computes what `Reader` computes, for passages padded to one length, from the tokens' states as
`reader_examples.Basis` keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from embeddings.reader import EPSILON, FLOOR, LOUD, PLAIN
from qa.evaluation.reader_examples import Basis

PLAIN_AT_FIRST = (10.0, 3.0, 0.0, 0.5)
"""What a score takes at first of a sentence's similarity, its passage's, 1, and the sentence alone:
the first is right about as often as the encoder's own, so that learning begins from there."""

NOTHING = 0.5
"""Spread of the key under which a token finds nothing in the question, at first."""

OUTSIDE = -1e4
"""Score of what is not there."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Passages, each with a question: padded, (n, longest) each way.

    `tokens` are float32 (n, T, inputs), `sentence` int64 (n, T) tells in which of its passage's
    sentences each stands, and is their largest number for padding; `is_sentence` is bool
    (n, sentences); `asked` float32 (n, L, inputs) and `is_asked` bool (n, L).
    """

    tokens: Tensor
    sentence: Tensor
    is_sentence: Tensor
    asked: Tensor
    is_asked: Tensor


class ReaderNetwork(nn.Module):
    """The network; `width` numbers a token, which `heads` divide among them."""

    def __init__(self, inputs: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.passage = nn.Linear(inputs, width)
        self.question = nn.Linear(inputs, width)
        self.question.load_state_dict(self.passage.state_dict())  # both are alike at first
        self.normed = nn.LayerNorm(width, eps=EPSILON, elementwise_affine=False)
        self.match = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.match.weight)
        self.share = nn.Linear(width, 1)
        self.best = nn.Linear(1, width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.no_key = nn.Parameter(torch.randn(1, width) * NOTHING)
        self.no_value = nn.Parameter(torch.zeros(1, width))
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.alone = nn.Linear(width, 1)
        self.judge, self.verdict = nn.Linear(4 * width + 3, 2 * width), nn.Linear(2 * width, 1)
        self.plain = nn.Parameter(torch.tensor(PLAIN_AT_FIRST))
        self.unanswered = nn.Parameter(torch.zeros(()))
        """Score of "none of these", against which the others are trained; it is not written."""
        self.dropped = nn.Dropout(dropout)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return the score of each sentence, (n, sentences), OUTSIDE where there is none."""
        tokens = self.normed(self.passage(pairs.tokens))
        asked = self.normed(self.question(pairs.asked))
        count = pairs.is_sentence.shape[1]
        matched = functional.normalize(self.match(asked), dim=-1, eps=1e-6)
        similar = functional.normalize(tokens, dim=-1, eps=1e-6) @ matched.transpose(1, 2)
        share = torch.sigmoid(self.share(asked))[..., 0] * pairs.is_asked
        share = share / share.sum(1, keepdim=True).clamp(min=1e-6)
        met = _most(similar, pairs.sentence, count).clamp(min=-1)
        own = (met * share[:, None]).sum(-1)
        whole = (met.amax(1) * share).sum(-1, keepdim=True).expand_as(own)
        best = (similar * share[:, None]).amax(-1, keepdim=True).clamp(min=0)
        tokens = self._informed(tokens, asked, pairs.is_asked, best)
        alone = _most(self.alone(tokens), pairs.sentence, count)
        sentences = _most(tokens, pairs.sentence, count)
        return self._judged(sentences, alone, own, whole, pairs.is_sentence)

    def _informed(self, tokens: Tensor, asked: Tensor, is_asked: Tensor, best: Tensor) -> Tensor:
        """Let each token gather from the question's, and think it over; (n, T, width)."""
        tokens = tokens + self.best(best * LOUD)
        n, width = len(asked), asked.shape[-1]
        keys = self._by_head(torch.cat([self.no_key.expand(n, 1, width), self.key(asked)], 1))
        held = self._by_head(torch.cat([self.no_value.expand(n, 1, width), self.value(asked)], 1))
        there = functional.pad(is_asked, (1, 0), value=True)[:, None, None, :]
        sought = self._by_head(self.query(self.normed(tokens)))
        alike = sought @ keys.transpose(2, 3) * (width // self.heads) ** -0.5
        attention = alike.masked_fill(~there, OUTSIDE).softmax(-1)
        gathered = (attention @ held).transpose(1, 2).reshape(tokens.shape)
        tokens = tokens + self.dropped(self.output(gathered))
        thought: Tensor = self.dropped(self.outer(functional.relu(self.inner(self.normed(tokens)))))
        return tokens + thought

    def _by_head(self, vectors: Tensor) -> Tensor:
        """Divide vectors among the heads, (n, heads, length, width / heads)."""
        n, length, width = vectors.shape
        return vectors.reshape(n, length, self.heads, width // self.heads).transpose(1, 2)

    def _judged(
        self, sentences: Tensor, alone: Tensor, own: Tensor, whole: Tensor, is_sentence: Tensor
    ) -> Tensor:
        """Score sentences by themselves, their neighbours and their passages, (n, sentences)."""
        there = is_sentence[..., None]
        best = torch.where(there, sentences, FLOOR).amax(1, keepdim=True).expand_as(sentences)
        sentences = sentences * there
        before = functional.pad(sentences, (0, 0, 1, 0))[:, :-1]
        after = functional.pad(sentences, (0, 0, 0, 1))[:, 1:]
        told = torch.cat([PLAIN * own[..., None], PLAIN * whole[..., None], alone], -1)
        seen = torch.cat([sentences, before, after, best, told], -1)
        scores: Tensor = self.verdict(self.dropped(functional.relu(self.judge(seen))))[..., 0]
        added = self.plain
        scores = scores + added[0] * own + added[1] * whole + added[2] + added[3] * alone[..., 0]
        return scores.masked_fill(~is_sentence, OUTSIDE)


def _most(values: Tensor, sentence: Tensor, count: int) -> Tensor:
    """Return the most of each number among a sentence's tokens, (n, count, width)."""
    n, _, width = values.shape
    found = torch.full((n, count + 1, width), FLOOR, dtype=values.dtype)
    index = sentence[..., None].expand(values.shape)
    return found.scatter_reduce(1, index, values, "amax", include_self=True)[:, :count]


def exported(network: ReaderNetwork, basis: Basis) -> dict[str, npt.NDArray[np.float16]]:
    """Return the weights as `embeddings.reader.Reader` takes them, with the basis joined to them.

    The first layer's input is (state - mean) @ axes: its map becomes axes @ map, of states.
    """
    found: dict[str, Tensor | npt.NDArray[np.float64]] = {}
    mean, axes = basis.mean.astype(np.float64), basis.axes.astype(np.float64)
    for name, layer in (("passage", network.passage), ("question", network.question)):
        joined = axes @ _numbers(layer.weight).T
        found[f"{name}.map"] = joined
        found[f"{name}.shift"] = _numbers(layer.bias) - mean @ joined
    for name in ("query", "key", "value", "output", "inner", "outer", "judge"):
        layer = getattr(network, name)
        found[name], found[f"{name}.shift"] = layer.weight.T, layer.bias
    for name in ("share", "alone", "verdict"):
        layer = getattr(network, name)
        found[name], found[f"{name}.shift"] = layer.weight[0], layer.bias[0]
    found |= {"best": network.best.weight[:, 0], "best.shift": network.best.bias}
    found |= {"no key": network.no_key, "no value": network.no_value}
    found |= {"match": network.match.weight.T, "plain": network.plain}
    return {name: np.asarray(_numbers(value), dtype=np.float16) for name, value in found.items()}


def _numbers(values: Tensor | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    array = values.detach().numpy() if isinstance(values, Tensor) else values
    return np.asarray(array, dtype=np.float64)
