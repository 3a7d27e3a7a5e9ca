"""Candidates -> a row of numbers for every sentence that may answer: what the ranker weighs.

Only the best passages of a first fused score are looked at closely. Each of their sentences is a
row: what it says itself, what its neighbours, its passage and its article say, and where it stands.
The ranker compares rows of one question, so a number that is the same in all of them is no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.tokens import codes
from qa.first import first_scores
from qa.kinds import Kind, answers
from qa.retrieval import Candidates
from qa.scene import Scene, find, specific
from qa.wording import Floats, Ints, next_cosines, of_kind, sentence_starts

SATURATION = 1.2
"""BM25's k1."""

USUAL_SENTENCE = 25
"""Words of a usual sentence, with which BM25's length normalisation compares."""

USUAL_PASSAGE = 150
"""Words of a usual passage, likewise."""

FEEDBACK = 3
"""Passages whose vectors refine the question's (Rocchio 1971, pseudo-relevance feedback)."""

FEW = 6
"""Words under which a sentence is a heading, a caption or an exclamation."""

PRONOUNS = (
    frozenset(("he", "his", "him", "himself")),
    frozenset(("she", "her", "hers", "herself")),
    frozenset(("they", "their", "them", "themselves")),
)
"""Who an unnamed person of the question may be."""


_APART = {
    kind: tuple(f"{kind}: {name}" for name in ("holds", "position", "length", "new names"))
    for kind in Kind
}
"""Features that each kind of answer weighs apart from the others."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The numbers of one question: `values` is float64 (sentences, features), named by `names`.

    `passage` (sentences,) says to which of `chosen` a sentence belongs, `starts` (chosen,) which
    row is each one's first; `chosen` holds positions in `Candidates.found`, ascending, `article`
    (chosen,) numbers their articles; `fused` (found,) is the first score of every candidate,
    `nearest` (found,) its sentence that is most similar to the question. `withdrawn` (sentences,)
    marks what the next sentence takes back. `specific` tells how much more the question's words
    tell than a usual one's.
    """

    names: tuple[str, ...]
    values: Floats
    passage: Ints
    starts: Ints
    chosen: Ints
    fused: Floats
    nearest: Ints
    article: Ints
    withdrawn: npt.NDArray[np.bool_]
    specific: float


def describe(candidates: Candidates) -> Rows:
    """Return the features of the sentences of the best passages. `candidates` must not be empty."""
    first = first_scores(candidates)
    close = [candidates.found[row] for row in first.chosen.tolist()]
    scene = _Columns(candidates, close, first.fused[first.chosen], first.cosines_of_chosen)
    columns = {
        **scene.similarity(),
        **scene.retrieved(),
        **scene.stems(),
        **scene.names(),
        **scene.forms(),
        **scene.place(),
        **scene.looks(),
        **scene.kind_of_answer(),
        **scene.by_question(),
    }
    return Rows(
        names=tuple(columns),
        values=_side_by_side([*columns.values()], scene.none),
        passage=scene.passage,
        starts=scene.starts,
        chosen=first.chosen,
        fused=first.fused,
        nearest=first.nearest,
        article=scene.article,
        withdrawn=np.concatenate([item.withdrawn for item in scene.wordings]),
        specific=specific(scene.nats),
    )


def _side_by_side(columns: Sequence[Floats], none: Floats) -> Floats:
    """Return columns as a matrix, column by column in memory; those that are `none` are zero."""
    values = np.zeros((len(columns), len(none)))
    for at, column in enumerate(columns):
        if column is not none:
            values[at] = column
    return values.T


class _Columns(Scene):
    """What each sentence is told by: a method a group of columns, name -> float64 (S,)."""

    @cached_property
    def none(self) -> Floats:
        """Return zeros, (S,): one array for all columns that say nothing."""
        return np.zeros(len(self.passage))

    @cached_property
    def share(self) -> Floats:
        """Return the share of the question's stems, by rarity, that each sentence holds, (S,)."""
        return np.asarray(self.present @ self.weights, dtype=np.float64)

    @cached_property
    def form_present(self) -> Floats:
        """Tell which of the question's words each sentence holds as they are written, (S, W)."""
        return (self.form_counts > 0).astype(np.float64)

    @cached_property
    def form_share(self) -> Floats:
        """Return the share of these words, by rarity just here, that each sentence holds, (S,)."""
        return np.asarray(self.form_present @ _share(_rarity(self.form_present)), dtype=np.float64)

    def similarity(self) -> dict[str, Floats]:
        """Compare vectors: the question's with sentences, passages and articles."""
        question = self.candidates.vector
        passages = np.concatenate([item.vectors.passage for item in self.close])
        passages = passages.reshape(len(self.close), -1)
        nearest = passages[np.argsort(-self.fused, kind="stable")[:FEEDBACK]].sum(axis=0)
        refined = _unit(nearest + 2 * question)
        best = self.best_of_passage(self.cosine)
        return {
            "cosine": self.cosine,
            "pair cosine": self._pair_cosine(),
            "passage cosine": self.of_passages([item.dense for item in self.close]),
            "passage best cosine": self.of_passages(best),
            "passage refined cosine": self.of_passages(passages @ refined),
            "article best cosine": self.of_articles(self.best_of_article(best)),
        }

    def _pair_cosine(self) -> Floats:
        """Compare the question's vector with the sum of each sentence's and the next one's."""
        products = np.concatenate(next_cosines(self.close))
        has_next = self.after(np.ones(len(products)))
        length = np.sqrt(np.maximum(1 + has_next * (1 + 2 * products), 1e-9))
        return (self.cosine + self.after(self.cosine)) / length

    def retrieved(self) -> dict[str, Floats]:
        """Repeat what the retrievers say: BM25 as a share of the most that it could be."""
        most = (1 + SATURATION) * self.nats or 1.0
        bm25 = np.array([item.bm25 for item in self.close])
        of_article = np.array([item.article_bm25 for item in self.close])
        return {
            "passage bm25": self.of_passages(bm25) / most,
            "passage bm25 to best": self.of_passages(bm25) / (bm25.max() or 1.0),
            "article bm25": self.of_passages(of_article) / most,
            "article bm25 to best": self.of_passages(of_article) / (of_article.max() or 1.0),
            "fused": self.of_passages(self.fused),
            "article fused": self.of_articles(self.best_of_article(self.fused)),
        }

    def stems(self) -> dict[str, Floats]:
        """Weigh the question's stems that a sentence, its neighbours, passage and article hold."""
        weights, count = self.weights, len(self.weights)
        squared = weights**2 / (float((weights**2).sum()) or 1.0)
        of_passages = np.add.reduceat(self.counts, self.starts, axis=0)
        sizes = np.add.reduceat(self.lengths, self.starts)
        of_passage = self.of_passages(self.in_passages @ weights)
        of_article = self.in_articles @ weights
        return {
            "bm25": _saturated(self.counts, 0.6 + 0.4 * self.lengths / USUAL_SENTENCE) @ weights,
            "share": self.share,
            "rare share": self.present @ squared,
            "rare share around": self.around(self.present) @ squared,
            "terms": self.present.sum(axis=1) / count,
            "passage share": of_passage,
            "passage share squared": of_passage**2,
            "passage terms": self.of_passages(self.in_passages.sum(axis=1) / count),
            "passage saturated": self.of_passages(
                _saturated(of_passages, 0.5 + 0.5 * sizes / USUAL_PASSAGE) @ weights
            ),
            "article share": self.of_articles(of_article),
            "article rare share": self.of_articles(self.in_articles @ squared),
            "article missing": self.of_articles((1 - of_article) * self.nats),
            "article terms": self.of_articles(self.in_articles.sum(axis=1) / count),
            "article density": self.of_articles(np.log1p(self._of_articles(of_passages)) @ weights),
            "lead share": self.of_articles(self.in_leads @ weights),
        }

    def _of_articles(self, values: Floats) -> Floats:
        """Sum the values of each article's passages."""
        return np.asarray(np.add.reduceat(values[self.by_article], self.of_each, axis=0))

    def names(self) -> dict[str, Floats]:
        """Weigh the question's names apart."""
        weights = self.weights * self.are_names
        return {
            "name share": self.present @ weights,
            "passage names": self.of_passages(self.in_passages @ weights),
            "article names": self.of_articles(self.in_articles @ weights),
            "article names missing": self.of_articles((1 - self.in_articles) @ weights),
        }

    def forms(self) -> dict[str, Floats]:
        """Weigh the words as they are written, stop words too, by how rare they are just here."""
        present = self.form_present
        nats = _rarity(present)
        share = _share(nats)
        in_passages = self.best_of_passage(present)
        in_articles = self.best_of_article(in_passages)
        rare = _rarity(in_articles)
        of_article = in_articles @ rare
        bm25 = _saturated(self.form_counts, 0.4 + 0.6 * self.lengths / USUAL_SENTENCE) @ nats
        best = self.best_of_passage(bm25)
        pairs = self._pairs(dict(zip(self.written, nats.tolist(), strict=True)))
        return {
            "form bm25": bm25,
            "form share": self.form_share,
            "form share around": self.around(present) @ share,
            "passage form share": self.of_passages(in_passages @ _share(_rarity(in_passages))),
            "article form share": self.of_articles(of_article / (float(rare.sum()) or 1.0)),
            "article form nats": self.of_articles(of_article),
            "below passage best": bm25 - self.of_passages(best),
            "below article best": bm25 - self.of_articles(self.best_of_article(best)),
            "pairs": pairs,
            "pairs around": self.around(pairs),
            "article pairs": self.of_articles(self.best_of_article(self.best_of_passage(pairs))),
            **self._pronouns(),
        }

    def _pairs(self, nats: dict[str, float]) -> Floats:
        """Weigh the neighbouring words of the question that are neighbours in a sentence."""
        pairs = {
            pair: nats.get(pair[0], 0.0) + nats.get(pair[1], 0.0)
            for pair in zip(self.asked, self.asked[1:], strict=False)
        }
        which, places = self.forms_found
        number = {word: at for at, word in enumerate(dict.fromkeys(self.asked))}
        numbers = np.full(len(self.words.forms) + 1, -1)
        numbers[places] = which
        numbers[:-1][self.words.opens] = -1  # what stands first follows nothing
        table = np.full((len(number), len(number) + 1), -1)  # nothing has the last column
        for at, (left, right) in enumerate(pairs):
            table[number[left], number[right]] = at
        found = table[which, numbers[places + 1]]
        pair = np.flatnonzero(found >= 0)
        held = np.zeros((len(self.passage), len(pairs)))  # once, however often it is there
        held[self.words.sentence[places[pair] + 1], found[pair]] = 1
        weights = np.array([*pairs.values()], dtype=np.float64)
        return np.asarray(held @ weights / (float(weights.sum()) or 1.0), dtype=np.float64)

    def _pronouns(self) -> dict[str, Floats]:
        """Count the pronouns of a person whom the question does not name either."""
        wanted = [word for group in PRONOUNS if group.intersection(self.asked) for word in group]
        if not wanted:
            return {"same pronoun": self.none, "passage same pronoun": self.none}
        held = np.zeros(len(self.passage))
        held[self.words.sentence[find(self.words.forms, codes(wanted))[1]]] = 1
        in_passages = np.add.reduceat(held, self.starts) / np.bincount(self.passage)
        return {"same pronoun": held, "passage same pronoun": self.of_passages(in_passages)}

    def place(self) -> dict[str, Floats]:
        """Say where in its article a sentence stands: news leads first."""
        starts = np.concatenate(sentence_starts(self.close))
        sizes = self.of_articles([max(len(item.article.text), 1) for item in self.firsts])
        first = self.of_passages(self.numbers == 0)
        return {
            "first passage": first,
            "first sentence": first * (self.in_passage == 0),
            "position": self.place_in_article,
            "relative position": starts / sizes,
            "sentence number": np.log1p(self.in_passage),
        }

    def looks(self) -> dict[str, Floats]:
        """Say what a sentence looks like."""
        length = np.log1p(self.lengths)
        return {
            "length": length,
            "length squared": length**2,
            "short": (self.lengths < FEW).astype(np.float64),
            "new names": np.log1p(np.maximum(self.new_names, 0)),
            "figures": np.log1p(self.looked[:, 2]),
            "opens with pronoun": self.looked[:, 3],
            "speech": self.looked[:, 4],
            "asks": self.looked[:, 5],
        }

    def kind_of_answer(self) -> dict[str, Floats]:
        """Say whether the kind asked for occurs, and let kinds weigh some features apart."""
        count = np.minimum(self._of_kind(), 3.0)
        holds = (count > 0).astype(np.float64)
        apart = (
            holds,
            self.place_in_article,
            np.log1p(self.lengths),
            np.log1p(np.maximum(self.new_names, 0)),
        )
        columns = {"kind count": count, "kind after": self.after(holds)}
        for kind, names in _APART.items():
            for name, values in zip(names, apart, strict=True):
                columns[name] = values if kind is self.kind else self.none
        return columns

    def _of_kind(self) -> Floats:
        """Count what each sentence holds of the kind asked for, (S,)."""
        if self.kind in {Kind.PERSON, Kind.ORGANISATION}:
            return np.maximum(self.new_names, 0)
        known = frozenset(self.asked)
        counts = np.zeros(len(self.passage))
        for start, held in zip(self.starts.tolist(), of_kind(self.close, self.kind), strict=True):
            for sentence, found in held:
                if answers(self.kind, found, known):
                    counts[start + sentence] += 1
        return counts

    def by_question(self) -> dict[str, Floats]:
        """Let long and specific questions weigh words and place otherwise than vague ones."""
        rare, long = np.log1p(self.nats), np.log1p(len(self.asked))
        return {
            "specific: share": rare * self.share,
            "specific: cosine": rare * self.cosine,
            "specific: fused": rare * self.of_passages(self.fused),
            "specific: position": rare * self.place_in_article,
            "long: position": long * self.place_in_article,
            "long: form share": long * self.form_share,
            "terms: position": np.log1p(len(self.terms)) * self.place_in_article,
            "share: cosine": self.share * self.cosine,
        }


def _saturated(counts: Floats, length: Floats) -> Floats:
    """Return BM25's term frequency part, (n, terms), for lengths (n,) relative to the usual."""
    return counts / (counts + SATURATION * length[:, None])


def _rarity(present: Floats) -> Floats:
    """Return each column's inverse document frequency in nats, over the rows at hand."""
    n = present.sum(axis=0)
    return np.asarray(np.log1p((len(present) - n + 0.5) / (n + 0.5)), dtype=np.float64)


def _share(nats: Floats) -> Floats:
    return nats / (float(nats.sum()) or 1.0)


def _unit(vectors: npt.NDArray[Any]) -> Floats:
    """Scale vectors along the last axis to length 1; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float64)
