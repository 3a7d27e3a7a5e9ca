"""Words as arrays: those that the regular expression finds, with equal numbers for equals."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpus.tokens import FEW, KNOWN, LETTER, LINE, ODD, are_among, codes, codes_of_slips, tokens
from embeddings.sparse import analyze, english_stems

WORD = re.compile(r"[^\W_]+")
LETTERS = st.text(
    st.one_of(
        st.sampled_from("abcXYZ019 _-.\n\u2019\u201c\u00e9\u00c9\u00df\u0130\u03a3\u0301"),
        st.characters(max_codepoint=KNOWN - 1),
    ),
    max_size=60,
)


@given(LETTERS)
def test_words_are_those_of_the_regular_expression(text: str) -> None:
    """Offsets are exact; where "_" joins words as well."""
    found, joined = tokens(text), tokens(text, LETTER | LINE)
    assert found is not None
    assert joined is not None
    for pattern, words in ((WORD, found), (re.compile(r"\w+"), joined)):
        spans = list(zip(words.starts.tolist(), words.ends.tolist(), strict=True))
        assert spans == [match.span() for match in pattern.finditer(text)]


@given(LETTERS)
def test_equal_words_have_equal_codes(text: str) -> None:
    """In small letters, wherever they stand; words with odd letters may be lowered otherwise."""
    found = tokens(text)
    assert found is not None
    for start, end, code in zip(found.starts, found.ends, found.codes.tolist(), strict=True):
        if not (found.letters[start:end] & ODD).any():
            assert code == codes([text[start:end].lower()])[0]


@given(st.lists(st.text(max_size=9) | LETTERS, max_size=9))
def test_few_words_have_the_codes_that_many_have(words: list[str]) -> None:
    """One by one as side by side: empty ones, lone surrogates and letters of any script too."""
    many = codes([*words, *["more"] * FEW])
    assert codes(words).tolist() == many[: len(words)].tolist()


def test_different_words_have_different_codes() -> None:
    """Also those that are another's letters in another order, or its beginning."""
    words = [*map(str, range(20_000)), "ab", "ba", "a", "aa", "aab", "aba", ""]
    assert len(set(codes(words).tolist())) == len(words)


@given(st.text(st.sampled_from("abz\u00e9\u6771"), max_size=12))
def test_slips_are_one_letter_away(word: str) -> None:
    """A letter left out, put in, changed or swapped; two of them are another word."""
    gaps = range(len(word) + 1)
    slips = {word[:at] + word[at + 1 :] for at in gaps[:-1]}
    slips |= {word[:at] + word[at : at + 2][::-1] + word[at + 2 :] for at in gaps[:-2]}
    slips |= {word[:at] + letter + word[at + 1 :] for at in gaps[:-1] for letter in "abx"}
    slips |= {word[:at] + letter + word[at:] for at in gaps for letter in "abx"}
    assert set(codes_of_slips(word, "abx").tolist()) == set(codes(slips).tolist())


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_which_codes_are_among_others(sought: list[int], known: list[int]) -> None:
    """Whatever is known, nothing too."""
    arrays = [np.array(numbers, dtype=np.int64) for numbers in (sought, known)]
    assert are_among(*arrays).tolist() == [number in known for number in sought]


def test_letters_beyond_the_tables_are_told() -> None:
    """None stands for a text that is to be split by other means."""
    assert tokens("the \u6771\u4eac tower") is None
    empty = tokens("")
    assert empty is not None
    assert len(empty.codes) == 0


def test_plain_letters_are_split_and_stemmed_alike_by_the_index() -> None:
    """Each letter that counts as plain stays in its word, or parts words, there as well."""
    found = tokens("".join(map(chr, range(KNOWN))))
    assert found is not None
    plain = [chr(point) for point in range(KNOWN) if not found.letters[point] & ODD]
    assert len(plain) > 500
    for letter in plain:
        text = f"ab{letter}cd {letter} x{letter}"
        words = [word.lower() for word in WORD.findall(text)]
        assert analyze(text) == english_stems(words), ascii(letter)
