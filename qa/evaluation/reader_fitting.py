"""Fit a reader: of the sentences of some passages, the one that answers shall score the highest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from corpus.errors import ModelError, UsageError
from embeddings.analysis import Flags, Ints
from embeddings.encoder import default_threads
from qa.evaluation.reader_examples import INPUTS, Examples, Known
from qa.evaluation.reader_network import OUTSIDE, Pairs, ReaderNetwork
from qa.evaluation.reader_texts import Texts, Watch

DECAY = 0.02
"""Weight decay (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization")."""

WARMING = 0.1
"""Share of the steps in which the rate rises (Smith and Topin 2018, "Super-Convergence")."""

LONGEST_STEP = 1.0
"""Norm to which a gradient is cut."""

EASIER = 0.02
"""How much less likely a near miss is drawn than the one before it."""

TOGETHER = 96
"""Passages of like length that go through the network at once: what is padded stays small."""

OTHERS = 15
"""Near misses beside which the passage with the answer is looked for in what is held out."""

MOST_HELD_OUT = 1_200
"""Questions of those held out that are measured."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a reader is made: its shape, and how it is trained.

    `misses` near misses stand beside the passage with the answer, and for a share `unanswered` of
    the questions in its place, so that "none of these" is learned too. `rate` is the highest.
    """

    width: int
    epochs: int
    batch: int
    seed: int
    heads: int = 4
    misses: int = 5
    rate: float = 2e-3
    dropout: float = 0.1
    unanswered: float = 0.2

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("heads", 1), ("epochs", 1), ("batch", 1), ("seed", 0)):
            if (value := getattr(self, name)) < least:
                raise UsageError(f"{name} {value} was asked for; expected {least} or more")
        if self.width % self.heads:
            raise UsageError(
                f"a width of {self.width} cannot be divided among {self.heads} heads:"
                f" give a multiple of {self.heads}"
            )


@dataclass(frozen=True, slots=True)
class Figures:
    """Share of the questions held out whose best sentence is in the right passage, and is right."""

    passage: float
    sentence: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One time through the questions: its number from 1, mean loss, what was reached after it."""

    number: int
    loss: float
    figures: Figures


def fit(
    examples: Examples, recipe: Recipe, told: Callable[[Epoch], None], watch: Watch
) -> tuple[ReaderNetwork, Figures]:
    """Train a network; return it with what it reaches on what is held out. `told` is each epoch."""
    learned = np.flatnonzero(~examples.held_out)
    random = np.random.default_rng(recipe.seed)
    with _seeded(recipe.seed):
        network = ReaderNetwork(INPUTS, recipe.width, recipe.heads, recipe.dropout)
        steps = len(learned) // recipe.batch
        training = _Training(network, recipe, steps)
        for number in range(1, recipe.epochs + 1):
            network.train()
            order, losses = random.permutation(learned), []
            for step in range(steps):
                questions = order[step * recipe.batch : (step + 1) * recipe.batch]
                losses.append(training.step(examples, *_drawn(examples, questions, recipe, random)))
                watch(f"epoch {number} of {recipe.epochs}", step + 1, steps)
            figures = measured(network, examples, watch)
            told(Epoch(number, float(np.mean(losses)), figures))
        return network.eval(), figures


def check(texts: Texts, recipe: Recipe) -> None:
    """Raise UsageError where there are too few questions or passages to learn from."""
    learned, others = int((~texts.held_out()).sum()), texts.others
    if learned < recipe.batch or others <= recipe.misses:
        raise UsageError(
            f"there are {learned} questions to learn from, and {others} passages beside their own;"
            f" expected at least {recipe.batch} (--batch) and {recipe.misses + 1}: give more files"
        )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch and set its threads within a block."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(default_threads())
        try:
            yield
        finally:
            torch.set_num_threads(before)


class _Training:
    """A network with what changes its weights step by step."""

    def __init__(self, network: ReaderNetwork, recipe: Recipe, steps: int) -> None:
        self._network = network
        self._optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.rate, weight_decay=DECAY
        )
        self._rate = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, recipe.rate, total_steps=recipe.epochs * steps + 2, pct_start=WARMING
        )

    def step(self, examples: Examples, questions: Ints, passages: Ints, right: Flags) -> float:
        """Learn from a batch; return its loss."""
        loss = _loss(self._network, examples, questions, passages, right)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), LONGEST_STEP)
        self._optimiser.step()
        self._rate.step()
        value = float(loss.item())
        if not np.isfinite(value):
            raise ModelError(f"the loss became {value}: train with another --seed")
        return value


def _drawn(
    examples: Examples, questions: Ints, recipe: Recipe, random: np.random.Generator
) -> tuple[Ints, Ints, Flags]:
    """Draw passages for questions.

    Returns the questions, (n,), their passages, (n, misses + 1), and which sentences of the first
    passage answer, bool (n, most sentences): none where the answer's passage is left out.
    """
    near = examples.near[questions]
    liking = random.random(near.shape) + EASIER * np.arange(near.shape[1])
    chosen = np.argsort(liking, axis=1)[:, : recipe.misses + 1]
    passages = np.take_along_axis(near, chosen, axis=1)
    answered = random.random(len(questions)) >= recipe.unanswered
    passages[answered, 0] = examples.answered[questions][answered]
    return questions, passages, examples.right[questions] & answered[:, None]


def _loss(
    network: ReaderNetwork, examples: Examples, questions: Ints, passages: Ints, right: Flags
) -> Tensor:
    """Return the mean of -log of the share that the right sentences have in a softmax.

    It goes over the sentences of all passages of a question and "none of these".
    """
    n, count = passages.shape
    scores = scored(network, examples, np.repeat(questions, count), passages.ravel())
    most = scores.shape[1]
    wanted = np.zeros((n, count, most), dtype=np.bool_)
    wanted[:, 0] = right[:, :most]
    flat = wanted.reshape(n, -1)
    full = torch.from_numpy(np.column_stack([flat, ~flat.any(axis=1)]))
    every = torch.cat([scores.reshape(n, -1), network.unanswered.expand(n, 1)], 1)
    shares = torch.log_softmax(every, 1).masked_fill(~full, OUTSIDE)
    return -torch.logsumexp(shares, 1).mean()


def scored(network: ReaderNetwork, examples: Examples, questions: Ints, passages: Ints) -> Tensor:
    """Return the scores of sentences, (pairs, most sentences), of a passage a question each."""
    most = int(examples.sentences[passages].max())
    order = np.argsort(-examples.tokens.lengths[passages], kind="stable")
    parts = []
    for at in range(0, len(order), TOGETHER):
        rows = order[at : at + TOGETHER]
        scores = network(pairs_of(examples, questions[rows], passages[rows]))
        missing = most - scores.shape[1]
        parts.append(nn.functional.pad(scores, (0, missing), value=OUTSIDE))
    return torch.cat(parts)[torch.from_numpy(np.argsort(order))]


def pairs_of(examples: Examples, questions: Ints, passages: Ints) -> Pairs:
    """Return passages and their questions, padded."""
    places, own = examples.tokens.places(passages)
    asked, is_asked = examples.asked.places(questions)
    sizes = examples.sentences[passages]
    count = int(sizes.max())
    sentence = np.where(own, examples.sentence[places], count)
    return Pairs(
        tokens=torch.from_numpy(examples.tokens.values[places].astype(np.float32)),
        sentence=torch.from_numpy(sentence),
        is_sentence=torch.from_numpy(np.arange(count) < sizes[:, None]),
        asked=torch.from_numpy(examples.asked.values[asked].astype(np.float32)),
        is_asked=torch.from_numpy(is_asked),
    )


def _measured_on(examples: Examples, watch: Watch) -> Iterator[tuple[int, Ints]]:
    """Yield the questions that are measured, and passages for each, its own first."""
    questions = np.flatnonzero(examples.held_out)[:MOST_HELD_OUT]
    own = examples.answered[questions][:, None]
    passages = np.concatenate([own, examples.near[questions][:, :OTHERS]], axis=1)
    for number, question in enumerate(questions, 1):
        yield int(question), passages[number - 1]
        watch("measuring", number, len(questions))


@torch.no_grad()
def measured(network: ReaderNetwork, examples: Examples, watch: Watch) -> Figures:
    """Return what a network reaches on what is held out."""
    network.eval()
    hits = []
    for question, passages in _measured_on(examples, watch):
        scores = scored(network, examples, np.full(len(passages), question), passages)
        place, sentence = divmod(int(scores.argmax()), scores.shape[1])
        hits.append(_hit(examples, question, place, sentence))
    return _figures(hits)


def measured_known(known: Known, examples: Examples, watch: Watch) -> Figures:
    """Return what a reader in use reaches on the same."""
    hits = []
    for question, passages in _measured_on(examples, watch):
        read = [known.tokens[passage] for passage in passages]
        best = int(known.reader.scores(known.asked[question], read)[:, 0].argmax())
        ends = np.cumsum(examples.sentences[passages])
        place = int(np.searchsorted(ends, best, side="right"))
        sentence = best - int(ends[place] - examples.sentences[passages[place]])
        hits.append(_hit(examples, question, place, sentence))
    return _figures(hits)


def _hit(examples: Examples, question: int, place: int, sentence: int) -> tuple[bool, bool]:
    """Tell whether a choice is the question's own passage, which is the first, and is right."""
    return place == 0, place == 0 and bool(examples.right[question, sentence])


def _figures(hits: list[tuple[bool, bool]]) -> Figures:
    passage, sentence = np.mean(hits, axis=0)
    return Figures(float(passage), float(sentence))
