"""Word pieces of passages: put together from those of sentences, they are those of the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, pre_tokenizers

from corpus.records import Span
from embeddings.encoder import PassageText
from embeddings.late_chunking import PassageTokenizer, Tokens
from embeddings.models import bundled_model

LIMIT = 24
SENTENCE = st.text("ab AB.é日\u0301[]-'\u200b\x1f\x00ﬁ", min_size=1, max_size=12) | st.sampled_from(
    ["Two ministers met.", "[SEP]", "Unbelievably long-winded.", "word.Word", "x" * 120]
)
SENTENCES = st.lists(SENTENCE, min_size=1, max_size=6)
GAP = st.sampled_from([" ", "\n", "\r\n\t", "", "\x1f", " - "])


def tokenizer(prompt: str = "") -> PassageTokenizer:
    file = Path(bundled_model()) / "tokenizer.json"
    return PassageTokenizer(Tokenizer.from_file(str(file)), LIMIT, prompt)


COUNTING, WHOLE = tokenizer(), tokenizer()


def passage(title: str | None, sentences: list[str], gap: str) -> PassageText:
    spans: list[Span] = []
    for sentence in sentences:
        start = spans[-1].end + len(gap) if spans else 0
        spans.append(Span(start, start + len(sentence)))
    return PassageText(title, gap.join(sentences), tuple(spans))


def as_lists(tokens: Tokens) -> tuple[list[int], list[int], list[bool]]:
    return list(tokens.ids), tokens.starts.tolist(), tokens.body.tolist()


@given(st.none() | SENTENCE, SENTENCES, GAP)
def test_counted_sentences_make_the_passage(
    title: str | None, sentences: list[str], gap: str
) -> None:
    """Ids, starts and body are equal to those of the text tokenised whole, cut off or not."""
    text = passage(title, sentences, gap)
    COUNTING.count([title or "", *sentences])
    assert as_lists(COUNTING.passage(text)) == as_lists(WHOLE.passage(text))


class Counted:
    """A tokenizer that notes what it is asked to encode by itself."""

    def __init__(self, known: Tokenizer) -> None:
        self.known = known
        self.texts: list[str] = []

    def encode(self, text: str, **options: bool) -> object:
        self.texts.append(text)
        return self.known.encode(text, **options)


def noted(tokens: PassageTokenizer) -> list[str]:
    """Return the texts that are encoded one by one from now on."""
    counted = Counted(tokens._tokenizer)
    tokens._tokenizer = counted
    return counted.texts


def test_what_was_counted_is_not_tokenised_again() -> None:
    """A passage of counted sentences and headline costs nothing more; an unknown one does."""
    tokens = tokenizer()
    tokens.count(["A headline"])
    assert tokens.count(["Two met.", "They left."]) == [3, 3]
    asked = noted(tokens)
    found = tokens.passage(passage("A headline", ["Two met.", "They left."], " "))
    assert (asked, len(found.ids), sum(found.body)) == ([], 2 + 2 + 6, 6)
    tokens.passage(passage(None, ["Two met.", "He left."], " "))
    assert asked == ["Two met. He left."]


def test_a_prompt_stands_in_front_of_the_whole() -> None:
    """With a prompt nothing is put together: what it ends with may join the first word."""
    tokens = tokenizer("passage: ")
    tokens.count(["Two met."])
    asked = noted(tokens)
    found = tokens.passage(passage(None, ["Two met."], ""))
    assert (asked, sum(found.body)) == (["passage: Two met."], 3)


def test_words_that_depend_on_others_are_not_put_together() -> None:
    """A tokenizer that cuts otherwise than between words tokenises each passage whole."""
    other = Tokenizer.from_file(str(Path(bundled_model()) / "tokenizer.json"))
    other.pre_tokenizer = pre_tokenizers.ByteLevel()  # type: ignore[assignment]
    tokens = PassageTokenizer(other, LIMIT)
    tokens.count(["Two met."])
    asked = noted(tokens)
    tokens.passage(passage(None, ["Two met."], ""))
    assert asked == ["Two met."]


@pytest.mark.parametrize(
    "added",
    [AddedToken("met. They"), AddedToken("They", lstrip=True), AddedToken(".", rstrip=True)],
)
def test_a_token_across_sentences_is_found(added: AddedToken) -> None:
    """Where a model's own token takes the space between sentences, a passage is tokenised whole."""
    file = str(Path(bundled_model()) / "tokenizer.json")
    known = [Tokenizer.from_file(file) for _ in range(2)]
    for other in known:
        other.add_tokens([added])
    counting, whole = (PassageTokenizer(other, LIMIT) for other in known)
    counting.count(["Two met.", "They left."])
    text = passage(None, ["Two met.", "They left."], " ")
    assert as_lists(counting.passage(text)) == as_lists(whole.passage(text))


def test_few_counted_sentences_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the last word pieces a number is known, however many came, and memory does not grow."""
    monkeypatch.setattr("embeddings.late_chunking.COUNTED", 9)
    tokens = tokenizer()
    for number in range(9):
        assert tokens.count([f"Sentence {number}."]) == [3]
        held = [*tokens._counted.values(), *tokens._before.values()]
        assert sum(len(found.ids) for found in held) <= 2 * 9
    asked = noted(tokens)
    for number in (6, 7, 8):
        tokens.passage(passage(None, [f"Sentence {number}."], ""))
    assert asked == []
    text = passage(None, ["Sentence 0."], "")
    assert as_lists(tokens.passage(text)) == as_lists(WHOLE.passage(text))
    assert asked == ["Sentence 0."]


def test_what_is_too_long_to_keep_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book's sentences are counted, but not kept."""
    monkeypatch.setattr("embeddings.late_chunking.COUNTED", 9)
    tokens = tokenizer()
    tokens.count(["Two met."])
    assert tokens.count(["They left."] * 4) == [3] * 4
    assert [*tokens._counted, *tokens._before] == ["Two met."]
