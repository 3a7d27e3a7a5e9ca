"""Passages are looked at all at once as they would be one by one, in any language and script."""

from __future__ import annotations

import dataclasses
import hashlib
import random

import numpy as np
import pytest

from corpus.sentences import split_sentences
from corpus.tokens import codes, tokens
from embeddings import analysis
from embeddings.analysis import Text, pack, stems_of, unpack, wordings_of
from embeddings.sparse import analyze, english_stems
from embeddings.verbs import _FORMS, base_forms
from embeddings.vocabulary import COMMON, Vocabulary

ENGLISH = (
    "The council said on Tuesday that the harbour, which had been shut for 12 weeks, will open. "
    "\u201cWe won,\u201d Anna said. He said it was not easy for them. Did 3 of 10 people agree?",
    "Our report on Monday said the bridge had cost \u00a33m. In fact it was \u00a32m. They were "
    "told of the error by the mayor at the time and have said they are sorry to all of those hurt.",
    "The two men from Na\u00efve Caf\u00e9s and the \u00c9cole of Zo\u00eb were in the town with "
    "the Mayor, who has had to say that they were there for the 2nd time. It's SAID so. Who?",
    "Yes.",
    "",
    "The snake_case word and a soft\u00adhyphen of the text that was on it, as they are at this.",
    f"The {'long' * 40} word is in the text that was to be at the end of this, as it has been.",
    "The {0} and {1} of the {1}\u00c9 are in the text that was to be".format(
        "\u023a" * 29, "\u00c9" * 29
    ),
    "The \u00bd of the \u0130stanbul \ufb01sh was for the men that are in the house, as at this.",
)
OTHERS = (
    "Der Bürgermeister hat am Dienstag gesagt, dass die Brücke nicht vor dem Winter geöffnet wird. "
    "Die Stadt und das Land haben sich auf einen Plan geeinigt.",
    "東京の市長は火曜日に、橋が開通すると述べた。 The mayor said so.",
    "Мэр сказал, что мост откроют.",
)

CLAIMS = (
    "Our report said that it cost 3. In fact it was 2.",
    "An article stated that it cost 3. This is wrong: it was 2.",
    "The story gave 3. That was incorrect: it was 2.",
    "Our item named 3. It was an error, and it is 2.",
    "Our caption described 3. This was a mistake, and it is 2.",
    "The headline reported 3. That is untrue: it was 2.",
    "Our column wrongly had 3. It is false: it was 2.",
    "Our review incorrectly had 3. This is not so: it was 2.",
    "We wrote that it cost 3. We should have said 2.",
)
"""Reports that the next sentence takes back."""


def as_text(text: str) -> Text:
    """Return a passage with its sentences' offsets."""
    return text, tuple((span.start, span.end) for span in split_sentences(text))


def assert_equal(one: analysis.Wording, other: analysis.Wording) -> None:
    """Compare all arrays, their types too."""
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert left.dtype == right.dtype, field.name
        np.testing.assert_array_equal(left, right, err_msg=field.name)


def test_all_at_once_is_as_one_by_one() -> None:
    """Whatever stands beside a passage; the plain ones are not taken apart one by one."""
    texts = [as_text(text) for text in (*ENGLISH, *OTHERS) if text]
    for found, text in zip(wordings_of(texts), texts, strict=True):
        assert_equal(found, analysis._apart(text))
    chance = random.Random(1)  # noqa: S311 - the same order every time
    for _ in range(5):
        chance.shuffle(texts)
        for found, text in zip(wordings_of(texts), texts, strict=True):
            assert_equal(found, analysis._apart(text))


def test_packed_words_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any language, of a passage without words too; not those that other rules made."""
    texts = [as_text(text) for text in (*ENGLISH, *OTHERS)]
    texts.append(("...", ((0, 3),)))
    for text, words in zip(texts, wordings_of(texts), strict=True):
        found = unpack(pack(words))
        assert found is not None, text
        assert_equal(found, words)
        assert len(pack(words)) == 17 * len(words.stems) + 26 * len(text[1]) + 10
    assert unpack(b"") is None
    packed = pack(wordings_of(texts[:1])[0])
    monkeypatch.setattr(analysis, "RULES", analysis.RULES + 1)
    assert unpack(packed) is None


def test_other_rules_have_another_number() -> None:
    """Where this fails, words are worked out otherwise: raise RULES, or stored ones stay in use."""
    texts = [*ENGLISH, *OTHERS, "Кто открыл мост?", _FORMS.replace(";", "."), *CLAIMS]
    packed = b"".join(map(pack, wordings_of([as_text(text) for text in texts])))
    made = hashlib.sha256(packed).hexdigest()[:16]
    assert (analysis.RULES, made) == (1, "13cf2576993a9217")


def test_plain_english_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be slow; of the others each is."""
    apart: list[Text] = []
    original = analysis._apart
    monkeypatch.setattr(analysis, "_apart", lambda text: apart.append(text) or original(text))
    wordings_of([as_text(text) for text in ENGLISH[:4]])
    assert apart == []
    others = [as_text(text) for text in (*ENGLISH[5:], *OTHERS)]
    wordings_of(others)
    assert sorted(apart) == sorted(others)


def test_a_word_that_the_index_splits_otherwise_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should there ever be one that counts as plain, its passages are taken one by one."""
    texts = [as_text(text) for text in ENGLISH[:3]]
    monkeypatch.setattr(analysis, "_VOCABULARY", Vocabulary())
    monkeypatch.setattr("embeddings.vocabulary.english_stems", lambda _: english_stems(["a b"]))
    for found, text in zip(wordings_of(texts), texts, strict=True):
        assert_equal(found, analysis._apart(text))
    for stems, text in zip(stems_of(ENGLISH), ENGLISH, strict=True):
        assert stems.tolist() == codes(analyze(text)).tolist()


def test_what_is_taken_back_and_who_is_meant() -> None:
    """The sentence that the next one takes back, and those that open with "He" or "The two"."""
    found = wordings_of([as_text(text) for text in ENGLISH[:3]])
    assert [item.withdrawn.tolist() for item in found] == [
        [False] * 4, [True, False, False], [False] * 3,
    ]  # fmt: skip
    assert [item.refers.tolist() for item in found] == [
        [False, False, True, False], [False, False, True], [True, False, False],
    ]  # fmt: skip


def test_terms_are_those_of_the_index() -> None:
    """Of headlines and leads, in any language, as the analyzer has them."""
    texts = [*ENGLISH, *OTHERS]
    for found, text in zip(stems_of(texts), texts, strict=True):
        assert found.tolist() == codes(analyze(text)).tolist()
    assert stems_of([]) == wordings_of([]) == []


def test_a_small_vocabulary_forgets_and_errs_not() -> None:
    """Words that drive one another out of their place have their own stems all the same."""
    vocabulary = Vocabulary([["met"]], room_bits=2)
    for text in (*ENGLISH[:4], "They met and meet, meeting.", *ENGLISH[:4]):
        found = tokens(text)
        assert found is not None
        words = [
            text[start:end].lower() for start, end in zip(found.starts, found.ends, strict=True)
        ]
        stems = english_stems(words)
        known = vocabulary.look_up(text, found, np.ones(len(words), dtype=np.bool_))
        assert known.stems.tolist() == codes(stems).tolist()
        assert known.bases.tolist() == codes(base_forms(stems)).tolist()
        is_met = known.bits & np.uint64(COMMON + 1) > 0
        assert is_met.tolist() == [word == "met" for word in words]
