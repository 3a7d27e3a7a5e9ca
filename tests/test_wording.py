"""Words of passages as numbers: those of each sentence, in order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from corpus.records import Span, whole
from corpus.sentences import split_sentences
from corpus.tokens import codes
from embeddings.analysis import Text, Wording, pack, wordings_of
from embeddings.encoder import PassageVectors
from embeddings.rows import StoredArticle, StoredPassage
from embeddings.sparse import analyze
from embeddings.verbs import base_forms
from qa.retrieval import Candidate
from qa.wording import Words, wordings
from tests.fakes import make_article

TEXTS = (
    "The council met Mayor Holt on Tuesday. He went home. Did 3 of 10 people agree?",
    "“We won,” Anna said. ... The two ran on!\n\nNaïve cafés don't close: it's 1,234 o'clock.",
)


def candidate(text: str, words: bytes = b"") -> Candidate:
    """Return a candidate that is the whole of an article, with what is stored of its words."""
    sentences = tuple(split_sentences(text))
    stored = StoredPassage(1, 1, 0, Span(0, len(text)), sentences, 50)
    nothing = np.zeros((len(sentences), 4), dtype=np.float32)
    vectors = PassageVectors(nothing[0], nothing, words=words)
    assert whole(text)
    told = StoredArticle.of(make_article("a", text))
    return Candidate(stored, told, vectors, 0.0, 0.0, 0.0)


def test_words_are_those_of_each_sentence() -> None:
    """Stems as the index has them, verbs by their base form; forms in lower case."""
    for text in TEXTS:
        item = candidate(text)
        words = wordings([item])[0]
        for number, span in enumerate(item.stored.sentences):
            own = np.repeat(np.arange(len(words.looks)), words.looks[:, 0].astype(int)) == number
            sentence = span.of(text)
            forms = [word.lower() for word in re.findall(r"[^\W_]+", sentence)]
            assert words.forms[own].tolist() == codes(forms).tolist()
            stems = list(base_forms(analyze(sentence)))
            assert words.stems[own].tolist() == codes(stems).tolist()
            assert words.looks[number, 0] == len(forms)


def test_stored_words_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are worked out only where none are stored, or those of other rules."""
    [one, other] = (wordings([candidate(text)])[0] for text in TEXTS)
    worked_out: list[str] = []

    def noted(texts: Sequence[Text]) -> list[Wording]:
        worked_out.extend(text for text, _ in texts)
        return wordings_of(texts)

    monkeypatch.setattr("qa.wording.wordings_of", noted)
    of_other_rules = pack(one)[:-2] + b"\0\0"
    items = [
        candidate(TEXTS[0], pack(other)),
        candidate(TEXTS[0], of_other_rules),
        candidate(TEXTS[1], pack(other)),
    ]
    found = wordings(items)
    assert [item.stems.tolist() for item in found] == [
        item.stems.tolist() for item in (other, one, other)
    ]
    assert worked_out == [TEXTS[0]]
    wordings(items)
    assert worked_out == [TEXTS[0]]


def test_looks_are_counted_as_by_hand() -> None:
    """Words, names, figures, opens with a pronoun, speech, asks."""
    words = wordings([candidate(TEXTS[0])])[0]
    assert words.looks.tolist() == [[7, 3, 0, 0, 0, 0], [3, 0, 0, 1, 0, 0], [6, 0, 2, 0, 0, 1]]
    assert words.refers.tolist() == [False, True, False]
    assert words.capital.sum() == 3


def test_words_of_passages_stand_side_by_side() -> None:
    """Sentences count on; each passage's first word is marked, though one has no words at all."""
    items = wordings([candidate(text) for text in (*TEXTS, "…")])
    counts = [len(item.looks) for item in items]
    lengths = np.concatenate([item.looks[:, 0] for item in items])
    words = Words(items, lengths.astype(np.int64))
    assert len(words.forms) == sum(len(item.forms) for item in items)
    assert np.flatnonzero(words.opens).tolist() == [0, len(items[0].forms)]
    assert words.sentence.max() == counts[0] + 2
