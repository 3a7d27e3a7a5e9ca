"""Sentence spans: they cover the text, do not overlap, and end where sentences end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syntok import segmenter

from corpus import sentences as stage
from corpus.records import Span
from corpus.sentences import MAX_BLOCK, paragraph_starts, split_sentences
from tests.pace import within

NEWS = st.text(
    alphabet=st.sampled_from(list("ab AB.!?\"'“”’()[]•-–\n\r\t\u2028\u00a0\u200b\x1f\x0015é東。…")),
    max_size=300,
)
ANY = st.text(max_size=300) | NEWS
WORDS = st.sampled_from(
    "one two three Four it He said, don't well-known word.Word wordWord U.S. Mr. Jan. no. No. I V 3"
    " 2020 3.5 end. end.” “Yes, ’no ... … . ! ? ; ( [ ) ] (CNN) -- – \" ' [1] (He said.)"
    " However Inc. \u200b a\u200bb \x1f 日本。 über * •".split(" ")
)
PLAIN_WORDS = st.sampled_from(["one", "two", "Three", "said", "it"])
PROSE = st.lists(
    st.tuples(
        st.lists(PLAIN_WORDS, max_size=9), WORDS, st.sampled_from([" ", " ", "  ", "\n", ""])
    ),
    max_size=30,
).map(lambda parts: "".join(" ".join([*run, word]) + gap for run, word, gap in parts))


def split(text: str) -> list[str]:
    return [span.of(text) for span in split_sentences(text)]


@given(ANY)
def test_sentences_cover_every_character_that_is_not_space(text: str) -> None:
    """Sentences are ordered, disjoint, trimmed, and leave only whitespace between them."""
    last, left = 0, []
    for span in split_sentences(text):
        assert last <= span.start < span.end <= len(text)
        assert span.of(text) == span.of(text).strip()
        left.append(text[last : span.start])
        last = span.end
    left.append(text[last:])
    assert not "".join(left).strip()


@given(PROSE | ANY)
def test_words_that_are_not_shown_change_no_cut(text: str) -> None:
    """The segmenter, shown the words next to marks alone, cuts as where it is shown all."""
    whole = [sentence[0].offset for part in segmenter.analyze(text) for sentence in part]
    assert stage._joined(text, stage._segmented(text)) == stage._joined(text, whole)


def test_plain_words_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long sentence the segmenter sees three words before the mark, of one alone nothing."""
    shown: list[str] = []
    known = segmenter.analyze
    monkeypatch.setattr(segmenter, "analyze", lambda text: shown.append(text) or known(text))
    text = "The two ministers from both countries met again. They left."
    assert split(text) == ["The two ministers from both countries met again.", "They left."]
    assert shown == ["The two met again. They left."]
    assert len(split("The two ministers met again and again.")) == 1
    assert len(shown) == 1


@given(ANY, st.integers(0, 300), st.integers(0, 300))
def test_sentences_stay_within_the_spans_given(text: str, one: int, other: int) -> None:
    """No sentence crosses the border of a span, and the rest of the text is not touched."""
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    window = Span(start, end)
    found = split_sentences(text, [window])
    assert all(window.contains(span) for span in found)
    outside = sum(len(span.of(text).strip()) for span in found)
    assert outside <= len(window.of(text))
    kept = "".join("".join(span.of(text).split()) for span in found)
    assert kept == "".join(window.of(text).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He came. She left.", ["He came.", "She left."]),
        ("Mr. Blinken met Mrs. Hall.", ["Mr. Blinken met Mrs. Hall."]),
        ("The U.S. envoy spoke. It rained.", ["The U.S. envoy spoke.", "It rained."]),
        ("J. K. Rowling wrote it. He read it.", ["J. K. Rowling wrote it.", "He read it."]),
        ("It rose 3.5% to £1.20. Then it fell.", ["It rose 3.5% to £1.20.", "Then it fell."]),
        ("No. 7 won. No. 8 lost.", ["No. 7 won.", "No. 8 lost."]),
        ("“We won.” She smiled.", ["“We won.”", "She smiled."]),
        ('"Is it over?" he asked.', ['"Is it over?" he asked.']),
        ("Lt. Gov. Sam Page resigned.", ["Lt. Gov. Sam Page resigned."]),
        ("A heading\n\nThe first line.", ["A heading", "The first line."]),
        ("• one thing\n• another thing", ["• one thing", "• another thing"]),
        ("1. First rule\n2. Second rule", ["1. First rule", "2. Second rule"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentence_ends(text: str, expected: list[str]) -> None:
    """Titles, initials, decimals and quotes end no sentence; bullets and headings stand alone."""
    assert split(text) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_wrapped_by_a_program_are_joined(end: str) -> None:
    """A long line that does not end a sentence goes on in the next, whatever ends lines."""
    text = (
        f"The council decided on Tuesday evening that the{end}bridge would open in May. It rained."
    )
    assert len(split(text)) == 2
    assert split(text)[0].endswith("open in May.")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028"])
def test_paragraphs_start_after_any_line_break(end: str) -> None:
    """The first sentence and those behind a line break start paragraphs."""
    text = f"One is here. Two is here.{end}{end}Three is here."
    assert paragraph_starts(text, split_sentences(text)) == [True, False, True]


@pytest.mark.parametrize(
    "unit", ["(", "a.", "A. ", '." ', "?!", "x\n", "word", "'", "- ", "… ", "Mr. ", "J. ", "\ud800"]
)
def test_hostile_texts_take_less_than_a_second(unit: str) -> None:
    """100,000 characters of anything are cut in about linear time (FAULTS, row 25)."""
    text = (unit * 100_000)[:100_000]
    with within(1):
        split_sentences(text)


def test_a_million_characters_take_seconds() -> None:
    """Time grows with the text and not with its square (FAULTS, row 16)."""
    text = "The council met on Tuesday and decided about the harbour wall.\n" * 16_000
    with within(5):
        assert len(split_sentences(text)) == 16_000


def test_a_text_without_spaces_is_cut_into_blocks() -> None:
    """The segmenter never gets more than MAX_BLOCK characters."""
    spans = split_sentences("x" * (2 * MAX_BLOCK + 5))
    assert max(map(len, spans)) <= MAX_BLOCK
    assert sum(map(len, spans)) == 2 * MAX_BLOCK + 5


@pytest.mark.parametrize(
    "sentences",
    [
        (
            "市议会周一投票决定关闭老桥。",
            "市长说：“工程将耗资240万。”",
            "为什么呢？",
            "他们不知道！",
        ),
        ("市長は「費用は240万だ。」と述べた。", "商人は「驚いた。」"),
        ("परिषद ने पुल बंद किया। ", "लोग नाराज़ हैं।"),
        ("قال رئيس البلدية إن العمل سيبدأ في مايو؟ ", "لم يسأل أحد التجار."),
        ("Der Rat stimmte am 3. Mai zu. ", "Dr. Müller sagte nichts."),
    ],
)
def test_sentences_of_other_languages(sentences: tuple[str, ...]) -> None:
    """The marks of other scripts end sentences, with or without a space after them."""
    text = "".join(sentences)
    assert [span.of(text) for span in split_sentences(text)] == [s.strip() for s in sentences]
