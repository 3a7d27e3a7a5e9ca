"""The evaluation line over a small archive held in memory: gold in, measures out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import ReadError, UsageError
from corpus.records import Article, Span
from qa.evaluation import GoldQuestion, Relevant, evaluate, read_gold
from qa.evaluation.judging import judge
from qa.evaluation.run import BATCH
from qa.records import Answer, Citation, Hit, Query

FLOOD = "The river rose on Monday. Nine houses were flooded. The mayor opened a school."
FIRE = "A fire broke out in the harbour. Two ships burned."
TEXTS = {"flood": FLOOD, "fire": FIRE, "match": "The home team won the match by three goals."}
NINE = Span(26, 51)


class FakeArchive:
    """Answers by shared words; a passage is a whole article, its quote the best sentence."""

    def __init__(self, texts: Mapping[str, str] = TEXTS) -> None:
        self.texts = dict(texts)
        self.batches: list[list[str | Mapping[str, Any]]] = []

    def article(self, article_id: str) -> Article:
        """Return an article, `UsageError` for an unknown id."""
        if article_id not in self.texts:
            raise UsageError(f"no article {article_id!r}")
        return Article(article_id, self.texts[article_id])

    def ask_many(self, questions: Sequence[str | Mapping[str, Any]]) -> list[Answer]:
        """Answer each question; one that says "refuse" is refused."""
        self.batches.append(list(questions))
        texts = [str(q if isinstance(q, str) else q["question"]) for q in questions]
        if any("refuse" in text for text in texts):
            raise UsageError("this question cannot be asked")
        return [self._answer(text) for text in texts]

    def _answer(self, question: str) -> Answer:
        words = set(re.findall(r"\w+", question.lower()))
        scored = [
            (len(words & set(re.findall(r"\w+", text[m.start() : m.end()].lower()))), name, m)
            for name, text in self.texts.items()
            for m in re.finditer(r"[^.]+\.", text)
        ]
        best = {
            name: (-n, name, Span(m.start(), m.end())) for n, name, m in sorted(scored, key=str)
        }
        ranked = sorted(item for item in best.values() if item[0] < 0)
        return answer(self.texts, question, [(name, quote) for _, name, quote in ranked])


def answer(
    texts: Mapping[str, str],
    question: str,
    ranked: Sequence[tuple[str, Span]],
    confidence: float = 0.8,
) -> Answer:
    """Return an answer with one passage an article, the whole of it, and a quote in each."""
    hits = tuple(
        Hit(rank, name, 0, len(texts[name]), quote, 1 / rank, len(texts[name].split()))
        for rank, (name, quote) in enumerate(ranked, start=1)
    )
    citations = tuple(
        Citation(
            n=hit.rank,
            article_id=hit.article_id,
            title=None,
            source=None,
            published=None,
            url=None,
            link=None,
            quote=hit.quote.of(texts[hit.article_id]),
            start=hit.quote.start,
            end=hit.quote.end,
            passage=texts[hit.article_id],
            passage_start=0,
            score=hit.score,
        )
        for hit in hits
    )
    return Answer(
        question=question,
        answered=bool(hits),
        text=citations[0].quote if citations else None,
        confidence=confidence if hits else 0.0,
        reason=None if hits else "nothing",
        citations=citations,
        query=Query(question, question),
        hits=hits,
    )


def gold_file(folder: Path, *records: object) -> Path:
    """Write records as JSON lines; a `str` is written as it is."""
    path = folder / "gold.jsonl"
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


PLAIN = {"id": "q1", "question": "Who?", "answerable": True, "relevant": [{"article": "flood"}]}


class TestReadGold:
    """Gold files are read whole and exactly, or refused with the line that is wrong."""

    def test_reads_every_field(self, tmp_path: Path) -> None:
        """Each field of the contract arrives, unknown ones are ignored, blank lines skipped."""
        full = PLAIN | {
            "relevant": [{"article": "flood", "start": 26, "end": 51}, {"article": "fire"}],
            "answers": ["Nine"],
            "history": [{"role": "user", "content": "Floods?"}],
            "standalone": True,
            "asked": "2024-02-29",
            "kind": "number",
            "other": 1,
        }
        got = read_gold(gold_file(tmp_path, "", full))
        assert got == (
            GoldQuestion(
                id="q1",
                question="Who?",
                answerable=True,
                relevant=(Relevant("flood", NINE), Relevant("fire")),
                answers=("Nine",),
                history=(("user", "Floods?"),),
                standalone=True,
                asked="2024-02-29",
                kind="number",
                line=2,
            ),
        )
        assert got[0].to_request() == {
            "question": "Who?",
            "history": [{"role": "user", "content": "Floods?"}],
            "asked": "2024-02-29",
        }

    def test_a_byte_order_mark_and_unicode_line_separators_are_no_trouble(
        self, tmp_path: Path
    ) -> None:
        """Only a newline ends a line: U+2028 inside a question stays there."""
        path = tmp_path / "gold.jsonl"
        record = PLAIN | {"question": "Who\u2028there?"}
        path.write_bytes(b"\xef\xbb\xbf" + json.dumps(record, ensure_ascii=False).encode())
        assert read_gold(path)[0].question == "Who\u2028there?"

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"id": ""}, '"id" is ""'),
            ({"id": 7}, '"id" is 7'),
            ({"question": "  "}, '"question" is "  "'),
            ({"answerable": None}, '"answerable" is missing'),
            ({"answerable": "yes"}, '"answerable" is "yes"; expected true or false'),
            ({"standalone": 1}, '"standalone" is 1'),
            ({"relevant": "flood"}, '"relevant" is "flood"; expected a list of objects'),
            ({"relevant": [{"article": 3}]}, '"article" of "relevant" is 3'),
            ({"relevant": [{"article": "a", "start": 1}]}, "is 1 to missing; expected whole"),
            ({"relevant": [{"article": "a", "start": 5, "end": 5}]}, "is 5 to 5"),
            ({"relevant": [{"article": "a", "start": -1, "end": 5}]}, "is -1 to 5"),
            ({"relevant": [{"article": "a", "start": True, "end": 5}]}, "is true to 5"),
            ({"answers": [1]}, '"answers" is [1]; expected a list of texts'),
            ({"history": [{"role": "system", "content": ""}]}, 'a turn of "history"'),
            ({"asked": "last week"}, '"asked" is "last week"; expected a date as YYYY-MM-DD'),
        ],
    )
    def test_a_bad_value_is_named_with_file_and_line(
        self, tmp_path: Path, change: dict[str, object], complaint: str
    ) -> None:
        """The complaint names file, line and value."""
        path = gold_file(tmp_path, PLAIN | {"id": "q0"}, PLAIN | change)
        with pytest.raises(ReadError) as caught:
            read_gold(path)
        assert str(caught.value).startswith(f"{path}:2: ")
        assert complaint in str(caught.value)

    @pytest.mark.parametrize("line", ['{"id": "q1",', "[1]", "[" * 100_000, "NaN", '"text"'])
    def test_a_line_that_is_no_object_is_named(self, tmp_path: Path, line: str) -> None:
        """Cut, deeply nested or other JSON is one clear line, never a traceback."""
        with pytest.raises(ReadError, match=r"gold\.jsonl:2: .{1,200}$"):
            read_gold(gold_file(tmp_path, PLAIN, line))

    def test_an_id_used_twice_names_both_lines(self, tmp_path: Path) -> None:
        """Results are looked up by id, so ids are unique."""
        with pytest.raises(ReadError, match=r":3: id 'q1' stands on line 1 too"):
            read_gold(gold_file(tmp_path, PLAIN, "", PLAIN))

    def test_no_file_no_questions_or_no_utf8(self, tmp_path: Path) -> None:
        """A missing or empty file is a usage error, another encoding names its line."""
        with pytest.raises(UsageError, match="cannot read the gold questions"):
            read_gold(tmp_path / "none.jsonl")
        with pytest.raises(UsageError, match="holds no question"):
            read_gold(gold_file(tmp_path, ""))
        (tmp_path / "gold.jsonl").write_bytes('{"id": "é"}'.encode("cp1252"))
        with pytest.raises(ReadError, match=":1: not UTF-8"):
            read_gold(tmp_path / "gold.jsonl")


def question(name: str, text: str, *relevant: Relevant, **fields: Any) -> GoldQuestion:
    """Return a gold question; answerable where something is relevant."""
    return GoldQuestion(name, text, bool(relevant), relevant, **fields)


class TestJudge:
    """What counts as a hit."""

    def test_a_passage_must_hold_the_whole_gold_span(self) -> None:
        """Right article, but one character short, is a miss; the whole span is a hit."""
        gold = question("q", "?", Relevant("flood", NINE))
        whole = answer(TEXTS, "?", [("flood", NINE)])
        short = replace(whole, hits=(replace(whole.hits[0], end=NINE.end - 1),))
        assert judge(gold, whole).passage_hits == (True,)
        assert judge(gold, short).passage_hits == (False,)
        assert judge(gold, short).article_hits == (True,)

    def test_a_quote_must_hold_the_whole_gold_span(self) -> None:
        """The first citation decides, even where the answer is withheld."""
        gold = question("q", "?", Relevant("flood", NINE))
        held = replace(answer(TEXTS, "?", [("flood", NINE), ("fire", Span(0, 9))]), answered=False)
        assert judge(gold, held).quote_hit
        assert judge(gold, held).verdict == "right quote, withheld"
        other = answer(TEXTS, "?", [("fire", Span(0, 9)), ("flood", NINE)])
        assert not judge(gold, other).quote_hit
        assert not judge(gold, answer(TEXTS, "?", [("flood", Span(27, 51))])).quote_hit

    def test_without_a_span_the_article_alone_counts(self) -> None:
        """Any passage and any quote of the article is a hit; of another article none is."""
        gold = question("q", "?", Relevant("fire"))
        row = judge(gold, answer(TEXTS, "?", [("flood", NINE), ("fire", Span(0, 5))]))
        assert row.passage_hits == (False, True)
        assert not row.quote_hit
        assert judge(gold, answer(TEXTS, "?", [("fire", Span(0, 5))])).quote_hit

    def test_articles_rank_by_their_first_passage_then_by_citation(self) -> None:
        """A second passage of an article takes no rank; a cited one without a hit comes last."""
        full = answer(TEXTS, "?", [("flood", NINE), ("fire", Span(0, 5)), ("match", Span(0, 3))])
        hits = (full.hits[1], full.hits[1], full.hits[0])
        row = judge(question("q", "?", Relevant("match")), replace(full, hits=hits))
        assert row.articles == ("fire", "flood", "match")
        assert row.article_hits == (False, False, True)
        assert row.passage_hits == (False, False, False)

    def test_recall_counts_articles_not_spans(self) -> None:
        """Two gold spans in one article are one relevant article; one that is gone still counts."""
        relevant = (Relevant("flood", NINE), Relevant("flood", Span(0, 9)), Relevant("gone"))
        row = judge(question("q", "?", *relevant), answer(TEXTS, "?", [("flood", NINE)]))
        assert row.relevant_articles == 2
        assert sum(row.article_hits) == 1

    def test_unanswerable_questions_have_no_hits(self) -> None:
        """Even where gold names articles, an unanswerable question cannot be answered rightly."""
        gold = GoldQuestion("q", "?", answerable=False, relevant=(Relevant("flood"),))
        row = judge(gold, answer(TEXTS, "?", [("flood", NINE)]))
        assert not row.quote_hit
        assert not any(row.article_hits + row.passage_hits)
        assert row.verdict == "answered, but nothing answers it"


# Asked of FakeArchive: right, right article but wrong sentence, nothing found, unanswerable.
GOLD = (
    question("q1", "How many houses were flooded?", Relevant("flood", NINE), standalone=True),
    question("q2", "What broke out?", Relevant("fire", Span(33, 50)), kind="thing"),
    question("q3", "Zebra?", Relevant("match"), Relevant("gone"), kind="thing"),
    question("q4", "Which fire was it?", standalone=True),
)


class TestEvaluate:
    """A whole run."""

    def test_measures_by_hand(self) -> None:
        """Every measure of the contract, over four questions whose outcomes are known."""
        began = time.perf_counter()
        measures = evaluate(FakeArchive(), GOLD).measures
        seconds = measures.pop("seconds")
        assert isinstance(seconds, float)
        assert 0 <= seconds <= time.perf_counter() - began
        assert {k: v for k, v in measures.items() if not k.startswith("standalone.")} == {
            "article.Success@1": pytest.approx(2 / 3),
            "article.RR@10": pytest.approx(2 / 3),
            "article.R@10": pytest.approx(2 / 3),
            "passage.Success@1": pytest.approx(2 / 3),
            "passage.Success@5": pytest.approx(2 / 3),
            "passage.RR@10": pytest.approx(2 / 3),
            "quote.Success@1": pytest.approx(1 / 3),
            "article.nDCG@10": pytest.approx(2 / 3),
            "article.AP": pytest.approx(2 / 3),
            "article.P@5": pytest.approx(2 / 3 / 5),
            "article.P@10": pytest.approx(2 / 3 / 10),
            "article.Judged@10": pytest.approx(2 / 3),
            "quote.F1": None,
            "quote.exact": pytest.approx(0.0),
            "abstention.AUROC": pytest.approx((0.5 + 0.5 + 0) / 3),
            "abstention.coverage@95": 0.0,
            "abstention.ECE": pytest.approx(0.8 - 1 / 3),
            "abstention.AURC": pytest.approx((3 * 2 / 3 + 3 / 4) / 4),
            "answered": 0.75,
            "answered.precision": pytest.approx(1 / 3),
            "passage.tokens": pytest.approx((14 + 10 + 10) / 3),
            "questions": 4,
            "offsets.wrong": 0,
        }

    def test_standalone_questions_are_reported_apart(self) -> None:
        """Marked questions have their own numbers; without a mark there is no such name."""
        leaning = question("q5", "And the ships?", Relevant("fire"), standalone=False)
        measures = evaluate(FakeArchive(), [*GOLD, leaning]).measures
        assert measures["standalone.questions"] == 2
        assert measures["standalone.quote.Success@1"] == 1.0
        unmarked = evaluate(FakeArchive(), GOLD[1:3]).measures
        assert not [name for name in unmarked if name.startswith("standalone.")]

    def test_undefined_measures_are_none(self) -> None:
        """Without an unanswerable question nothing can be told apart; without answerable, all."""
        assert evaluate(FakeArchive(), GOLD[:3]).measures["abstention.AUROC"] is None
        unanswerable = evaluate(FakeArchive(), GOLD[3:]).measures
        assert unanswerable["passage.Success@1"] is None
        assert unanswerable["abstention.coverage@95"] is None

    def test_kinds_are_broken_down(self) -> None:
        """Each kind has its measures; questions without one are in none."""
        by_kind = evaluate(FakeArchive(), GOLD).by_kind
        assert list(by_kind) == ["thing"]
        assert by_kind["thing"]["questions"] == 2
        assert by_kind["thing"]["article.Success@1"] == 0.5

    def test_rows_keep_the_order_and_name_the_ranks(self) -> None:
        """One row a question, as in the file; a rank is None where nothing relevant came."""
        rows = [row.to_dict() for row in evaluate(FakeArchive(), GOLD).rows]
        assert [row["id"] for row in rows] == ["q1", "q2", "q3", "q4"]
        assert [row["passage_rank"] for row in rows] == [1, 1, None, None]
        assert [row["quote_hit"] for row in rows] == [True, False, False, False]
        assert rows[0]["quote"] == " Nine houses were flooded."
        assert rows[2]["quote"] is None
        assert rows[2]["verdict"] == "no answer, but there is one"

    def test_gold_that_the_archive_cannot_meet_is_warned_of(self) -> None:
        """Missing articles, spans outside the text and empty judgements each get one line."""
        gold = [
            question("q1", "flooded?", Relevant("flood", Span(5, 1000)), line=1),
            GoldQuestion("q2", "fire?", answerable=True, line=2),
            GOLD[2],
        ]
        warnings = evaluate(FakeArchive(), gold).warnings
        assert [re.sub(r"line \d+, question ", "", line)[:44] for line in warnings] == [
            "'q1': its span ends at 1000, but article 'fl",
            "'q2': answerable, but \"relevant\" names no ar",
            "'q3': article 'gone' is not in the archive; ",
        ]

    def test_questions_go_in_batches_with_progress(self) -> None:
        """No batch is longer than `BATCH`, and progress ends at all of them."""
        archive, seen = FakeArchive(), []
        gold = [question(f"q{n}", "fire?") for n in range(BATCH + 3)]
        evaluate(archive, gold, progress=lambda done, total: seen.append((done, total)))
        assert [len(batch) for batch in archive.batches] == [BATCH, 3]
        assert seen == [(BATCH, BATCH + 3), (BATCH + 3, BATCH + 3)]

    def test_a_refused_question_is_a_miss_and_the_others_still_count(self) -> None:
        """One question that the archive refuses costs itself alone, with a warning."""
        refused = question("bad", "refuse this", Relevant("flood"), line=9)
        result = evaluate(FakeArchive(), [refused, *GOLD])
        assert [row.quote_hit for row in result.rows] == [False, True, False, False, False]
        assert result.measures["article.Success@1"] == pytest.approx(2 / 4)
        assert "line 9, question 'bad': refused, this question cannot be asked" in result.warnings

    @pytest.mark.parametrize(
        "change",
        [
            {"start": 1},
            {"quote": "nine"},
            {"passage_start": 1},
            {"article_id": "x"},
            {"start": -len(FIRE)},
        ],
    )
    def test_every_citation_is_sliced_back(self, change: dict[str, Any]) -> None:
        """Any quote or passage that is not the article's text at its offsets is counted."""

        class Wrong(FakeArchive):
            def _answer(self, question: str) -> Answer:
                good = answer(self.texts, question, [("flood", NINE), ("fire", Span(0, 9))])
                second = replace(good.citations[1], **change)
                return replace(good, citations=(good.citations[0], second))

        result = evaluate(Wrong(), GOLD)
        assert result.measures["offsets.wrong"] == 4
        assert len(result.offsets_wrong) == 4
