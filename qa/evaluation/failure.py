"""The kinds of failure, what each means and what to try; and the record of one failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """Where the line lost an answer. The order is that of the line: see `STAGES`."""

    REFUSED = "question refused"
    NOT_INDEXED = "article not indexed"
    CLEANED_AWAY = "cleaned away"
    SPLIT = "answer split across passages"
    FILTERED_OUT = "filtered out by date or outlet"
    NOT_CANDIDATE = "not among candidates"
    RANKED_BELOW = "ranked below k"
    OUTRANKED = "shown, but not first"
    WRONG_SENTENCE = "right passage but wrong sentence"
    WRONGLY_ABSTAINED = "wrongly abstained"
    WRONGLY_ANSWERED = "wrongly answered"
    GOLD_DOUBTFUL = "gold itself doubtful"


STAGES = tuple(FailureKind)
"""The kinds in the order of the line. Of several right articles, the one that came farthest says
what failed: the others would not have been needed."""

MEANING: dict[FailureKind, str] = {
    FailureKind.REFUSED: "the archive would not take the question",
    FailureKind.NOT_INDEXED: "no article that gold names is in the archive",
    FailureKind.CLEANED_AWAY: "the answer stands in a part of the text that was taken for furniture"
    " of the page",
    FailureKind.SPLIT: "no passage holds the whole of the answer",
    FailureKind.FILTERED_OUT: "the question was understood to ask for other dates or outlets",
    FailureKind.NOT_CANDIDATE: "neither FAISS nor BM25 found a passage with the answer",
    FailureKind.RANKED_BELOW: "a passage with the answer was found, but ranked below those that are"
    " shown",
    FailureKind.OUTRANKED: "a passage with the answer was shown, but the quote came from a better"
    " ranked one",
    FailureKind.WRONG_SENTENCE: "the first passage holds the answer, the quote is another sentence"
    " of it",
    FailureKind.WRONGLY_ABSTAINED: "the quote was right, but held to be too unsure to give",
    FailureKind.WRONGLY_ANSWERED: "nothing answers the question, but an answer was given",
    FailureKind.GOLD_DOUBTFUL: "the quote holds gold's answer at another place than gold's, or gold"
    " names no place that there is",
}

ADVICE: dict[FailureKind, str] = {
    FailureKind.REFUSED: "Read the reason under the warnings: mostly a question of no words, or one"
    ' that leans on a conversation that gold does not give; add "history".',
    FailureKind.NOT_INDEXED: "Index the articles (`qa index`), look at what failed there, and check"
    " that gold's ids are those of `qa export`.",
    FailureKind.CLEANED_AWAY: "Compare `text` and `clean_text` in `qa export --articles`: give the"
    " article as plain text or JSON where its page hides what matters.",
    FailureKind.SPLIT: "Look whether gold's span is longer than a sentence or two: shorten it, or"
    ' give each part as a "relevant" of its own.',
    FailureKind.FILTERED_OUT: "Check the dates and outlets of the articles (`qa status`); ask"
    ' without the period or outlet; give gold the day of asking ("asked").',
    FailureKind.NOT_CANDIDATE: "Question and article share neither words nor sense: another model"
    " (`qa index --model`), or headlines where the articles have none, may bridge that.",
    FailureKind.RANKED_BELOW: "Try `--reranker`, or refit the weights on your own gold (`python -m"
    " qa.evaluation.train GOLD --articles FILE`).",
    FailureKind.OUTRANKED: "Compare the two passages: if the first answers too, gold lacks it; if"
    " not, try `--reranker` or refit the weights.",
    FailureKind.WRONG_SENTENCE: "The reader has the answer in view. Refit the weights on your own"
    " gold; check that gold's span is the sentence that answers.",
    FailureKind.WRONGLY_ABSTAINED: "Allow more errors (`qa ask --max-error`), or refit the"
    " confidence on your own gold: see the calibration below.",
    FailureKind.WRONGLY_ANSWERED: "Allow fewer errors (`qa ask --max-error`): the table of"
    " thresholds says what that costs; add unanswerable questions to gold and refit.",
    FailureKind.GOLD_DOUBTFUL: "Read the pairs: where the quote answers, add its place to gold's"
    ' "relevant"; such questions say nothing about the archive until then.',
}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of an article, cut for showing, with the part that matters at `start:end` of it.

    `start` = `end` marks nothing. `cut_before` and `cut_after` say where a passage goes on.
    """

    article: str
    title: str | None
    source: str | None
    published: str | None
    text: str
    start: int = 0
    end: int = 0
    cut_before: bool = False
    cut_after: bool = False

    @property
    def parts(self) -> tuple[str, str, str]:
        """Return what stands before the mark, the marked, and what stands behind it."""
        return self.text[: self.start], self.text[self.start : self.end], self.text[self.end :]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one question was missed.

    `detail` says what was seen, in half a sentence. `missed_by` names the retrievers ("FAISS",
    "BM25") that did not find a passage with the answer among their candidates. `wanted` is the
    passage that gold points at, `instead` the one that was ranked first.
    """

    kind: FailureKind
    detail: str = ""
    missed_by: tuple[str, ...] = ()
    wanted: Excerpt | None = None
    instead: Excerpt | None = None
