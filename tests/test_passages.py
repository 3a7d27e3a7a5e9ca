"""Passages: whole sentences within the limit, nothing lost, exact offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from corpus.passages import MAX_HEADLINE_SHARE, PassageSettings, body_limit, split_passages
from corpus.records import Article, Passage, Span
from tests.fakes import make_article
from tests.test_sentences import ANY

SETTINGS = PassageSettings(20)
PROSE = st.lists(
    st.lists(st.sampled_from("the bridge of Mr. Hall opened 3.5 “so” he".split()), max_size=40).map(
        lambda words: " ".join(words) + "."
    ),
    max_size=12,
).map("\n\n".join)


def words(texts: Sequence[str]) -> list[int]:
    """Count words, as the hashing encoder does."""
    return [len(text.split()) for text in texts]


def split(article: Article, limit: int = 20) -> list[Passage]:
    return split_passages(article, PassageSettings(limit), words)


@given(PROSE | ANY, st.integers(1, 40))
def test_passages_hold_all_kept_text_and_never_exceed_the_limit(text: str, limit: int) -> None:
    """Ordered, disjoint, within the limit; between them stands only whitespace."""
    article = make_article("a", text)
    passages = split(article, limit)
    last, left = 0, ""
    for n, passage in enumerate(passages):
        assert passage.n == n
        assert last <= passage.start < passage.end <= len(text)
        assert words([passage.span.of(text)])[0] <= limit
        left, last = left + text[last : passage.start], passage.end
    assert not (left + text[last:]).strip()


@given(PROSE | ANY)
def test_passages_are_made_of_their_sentences(text: str) -> None:
    """A passage begins with its first sentence, ends with its last and counts their tokens."""
    for passage in split(make_article("a", text)):
        spans = passage.sentences
        assert (passage.start, passage.end) == (spans[0].start, spans[-1].end)
        assert all(one.end <= other.start for one, other in pairwise(spans))
        assert passage.tokens == sum(words([span.of(text) for span in spans]))


@given(PROSE, st.text(alphabet="ab ", max_size=120))
def test_the_headline_is_counted_but_takes_at_most_its_share(text: str, title: str) -> None:
    """Headline and passage fit the limit together."""
    article = replace(make_article("a", text), title=title or None)
    room = body_limit(article.title, SETTINGS, words)
    assert room >= SETTINGS.max_tokens * (1 - MAX_HEADLINE_SHARE)
    assert all(words([p.span.of(text)])[0] <= room for p in split(article))


def test_furniture_parts_passages() -> None:
    """No passage spans what cleaning left out, though both sides would fit into one."""
    text = "The wall fell. CAPTION It was rebuilt. Image source, Reuters"
    kept = (Span(0, 14), Span(23, 38))
    passages = split(Article("a", text, kept=kept))
    assert [p.span.of(text) for p in passages] == ["The wall fell.", "It was rebuilt."]


def test_kept_spans_that_only_space_parts_are_joined() -> None:
    """Where nothing was left out, a passage goes on."""
    text = "The wall fell.\n\nIt was rebuilt."
    passages = split(Article("a", text, kept=(Span(0, 14), Span(16, 31))))
    assert [p.span for p in passages] == [Span(0, 31)]


def test_sentences_are_spread_evenly() -> None:
    """Six sentences of five words make two passages of three, not one of four and one of two."""
    text = " ".join(f"Sentence number {n} is here." for n in range(6))
    assert [len(p.sentences) for p in split(make_article("a", text))] == [3, 3]


def test_passages_end_with_paragraphs_where_that_costs_little() -> None:
    """Of two even cuts the one between paragraphs is taken."""
    lead = "One two three four five. One two three four five."
    text = f"{lead}\n\nOne two three four five. One two three four five. One two three four five."
    passages = split(make_article("a", text))
    assert passages[0].end == len(lead)


def test_a_sentence_over_the_limit_is_cut_between_words() -> None:
    """50 words without a full stop become three parts that hold all of them."""
    text = " ".join(f"word{n}" for n in range(50))
    passages = split(make_article("a", text))
    assert " ".join(p.span.of(text) for p in passages) == text
    assert [p.tokens for p in passages] == [20, 20, 10]


def test_a_word_over_the_limit_is_cut_inside() -> None:
    """A word of more tokens than fit is halved until its parts do."""
    passages = split_passages(
        make_article("a", "x" * 100), PassageSettings(16), lambda texts: [len(t) for t in texts]
    )
    assert all(len(p.span) <= 16 for p in passages)
    assert sum(len(p.span) for p in passages) == 100


def test_nothing_kept_makes_no_passage() -> None:
    """An article of which cleaning kept nothing, or of blanks, has no passages."""
    assert split(Article("a", "some text")) == []
    assert split(make_article("a", " \n ")) == []
