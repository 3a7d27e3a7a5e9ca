"""Gold in every form, from end to end: BEIR, TREC, SQuAD, CSV; and runs written and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, Judged, P, R, Success, calc_aggregate, nDCG, read_trec_qrels
from ir_measures import read_trec_run as their_run

from corpus.errors import ReadError, UsageError
from corpus.records import Article, Span, whole
from qa.evaluation.asking import Options
from qa.evaluation.command import evaluate_command
from qa.evaluation.external import evaluate_run
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.evaluation.inputs import read_any
from qa.evaluation.locating import locate, places
from qa.evaluation.trec import read_run, to_run
from tests.fakes import HashingEncoder, stories

BRIDGE = "The bridge in ward 0 opened on Tuesday, officials said. Keeper Name0son counted 1000."


def beir_folder(folder: Path) -> Path:
    """Write a BEIR folder of six documents, three questions and graded judgements."""
    (folder / "qrels").mkdir(parents=True)
    documents = [
        {"_id": story["id"], "title": story["title"], "text": story["text"]} for story in stories(6)
    ]
    questions = [
        {"_id": f"q{n}", "text": f"How many visitors did Name{n}son count in ward {n}?"}
        for n in range(3)
    ]
    for name, records in (("corpus", documents), ("queries", questions)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq0\tstory-0\t2\nq0\tstory-1\t1\nq0\tstory-2\t0\n"
        "q1\tstory-1\t1\n",
        "utf-8",
    )
    (folder / "qrels" / "dev.tsv").write_text("q2\tstory-2\t1\n", "utf-8")
    return folder


def test_a_beir_folder_goes_through_end_to_end(tmp_path: Path) -> None:
    """Documents are indexed, questions asked, and every output written."""
    folder = beir_folder(tmp_path / "beir")
    out, rows, table, run = (tmp_path / name for name in ("o.json", "r.jsonl", "t.csv", "run"))
    page = tmp_path / "report.html"
    options = Options(rows=rows, table=table, trec=run)
    code = evaluate_command(folder, None, None, out, page, options, encoder=HashingEncoder())
    assert code == 0
    got = json.loads(out.read_text())
    assert got["questions"] == 2
    assert got["article.Success@1"] == 1.0
    assert got["article.Judged@10"] > 0
    assert [json.loads(line)["id"] for line in rows.read_text().splitlines()] == ["q0", "q1"]
    assert table.read_text().splitlines()[0].startswith("id,question,kind,")
    assert run.read_text().startswith("q0 Q0 story-0 1 1.000000 ")
    assert "Name0son" in page.read_text()


def test_a_beir_folder_has_grades_splits_and_judged_documents(tmp_path: Path) -> None:
    """Grade 0 is judged and not relevant; --split names the judgements, unjudged questions go."""
    folder = beir_folder(tmp_path / "beir")
    first = read_any(folder).questions[0]
    assert first.grades == {"story-0": 2, "story-1": 1}
    assert first.rejected == ("story-2",)
    assert [question.id for question in read_any(folder, split="dev").questions] == ["q2"]
    with pytest.raises(UsageError, match=r"no qrels/train\.tsv; there are dev, test"):
        read_any(folder, split="train")


def test_an_unfinished_beir_folder_is_named(tmp_path: Path) -> None:
    """The missing part, a judged question without text, and a broken line each have a message."""
    with pytest.raises(UsageError, match=r"has no qrels/test or dev or train\.tsv"):
        read_any(tmp_path)
    folder = beir_folder(tmp_path / "beir")
    (folder / "qrels" / "test.tsv").write_text("q9\tstory-0\t1\n", "utf-8")
    with pytest.raises(ReadError, match=r"test\.tsv:1: question 'q9' has no text"):
        read_any(folder)
    (folder / "qrels" / "test.tsv").write_text("q0\tstory-0\tgood\n", "utf-8")
    with pytest.raises(ReadError, match=r"test\.tsv:1: expected question, document"):
        read_any(folder)
    (folder / "queries.jsonl").unlink()
    with pytest.raises(UsageError, match=r"has no queries\.jsonl"):
        read_any(folder)


QRELS = "q1 0 a 2\nq1 0 b 0\nq1 0 c 1\nq2 0 b 1\nq3 0 d 1\n"
RUN = "q1 Q0 b 1 9.5 x\nq1 Q0 c 2 9.0 x\nq1 Q0 z 3 8 x\nq2 Q0 b 1 1 x\nq9 Q0 a 1 1 x\n"


def test_a_trec_run_goes_through_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of another system is judged by qrels alone, as ir_measures judges it."""
    qrels, run, out = tmp_path / "gold.qrels", tmp_path / "system.run", tmp_path / "o.json"
    qrels.write_text(QRELS, "utf-8")
    run.write_text(RUN, "utf-8")
    page = tmp_path / "report.html"
    assert evaluate_command(qrels, None, None, out, page, Options(run=run)) == 0
    got = json.loads(out.read_text())
    measures = [Success @ 1, RR @ 10, R @ 10, nDCG @ 10, AP, P @ 5, P @ 10, Judged @ 10]
    theirs = calc_aggregate(measures, list(read_trec_qrels(str(qrels))), list(their_run(str(run))))
    for measure, value in theirs.items():
        assert got[f"article.{measure}"] == pytest.approx(value, abs=1e-9), measure
    assert got["passage.Success@1"] is None
    assert got["failures"] == {"not among candidates": 1, "shown, but not first": 1}
    assert "1 questions of the run are not in gold" in capsys.readouterr().err
    assert "not among the 0 ranked" in page.read_text()


@pytest.mark.parametrize("line", ["q1 Q0 a 1", "q1 Q0 a 1 high x", "q1 Q0 a 1 2 x\nq1 Q0 a 2 1 x"])
def test_a_broken_run_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    """Too few columns, a score that is none, a document ranked twice."""
    path = tmp_path / "run"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(ReadError, match=r"run:[12]: "):
        read_run(path)


NAMES = st.text(min_size=1, max_size=12).filter(
    lambda name: bool(name.strip()) and name.isprintable()
)


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True))
def test_a_run_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, articles: list[str]
) -> None:
    """Ids with blanks or percent signs survive; the order is the same."""
    path = tmp_path_factory.mktemp("run") / "run"
    gold = GoldQuestion("q", "?", answerable=True, relevant=(Relevant(articles[0]),))
    row = evaluate_run([gold], {"q": articles}).rows[0]
    path.write_text(to_run([row]), "utf-8")
    assert read_run(path) == {"q": tuple(articles)}


def test_judgements_need_their_questions_to_be_asked(tmp_path: Path) -> None:
    """TREC qrels alone cannot be asked of an archive; with their topics they can."""
    qrels, topics = tmp_path / "gold.qrels", tmp_path / "topics.tsv"
    qrels.write_text(QRELS, "utf-8")
    with pytest.raises(UsageError, match="give their texts with --topics"):
        evaluate_command(qrels)
    topics.write_text("q1\tWho won?\nq2\tWho lost?\nq3\tWho drew?\n", "utf-8")
    texts = [question.question for question in read_any(qrels, topics=topics).questions]
    assert texts == ["Who won?", "Who lost?", "Who drew?"]
    topics.write_text('{"_id": "q1", "text": "Who won?"}\n', "utf-8")
    with pytest.raises(ReadError, match=r"gold\.qrels:4: question 'q2' has no text"):
        read_any(qrels, topics=topics)


def squad(**changes: Any) -> dict[str, Any]:
    """Return a SQuAD-style file of one paragraph and two questions."""
    answer = {"text": "Tuesday", "answer_start": BRIDGE.index("Tuesday")} | changes
    questions = [
        {"id": "s1", "question": "When did the bridge open?", "answers": [answer, answer]},
        {"id": "s2", "question": "Who paid?", "is_impossible": True, "answers": []},
    ]
    return {
        "version": "v2.0",
        "data": [{"title": "Ward_0", "paragraphs": [{"context": BRIDGE, "qas": questions}]}],
    }


def test_squad_goes_through_end_to_end(tmp_path: Path) -> None:
    """Paragraphs become articles, answers become spans, impossible questions unanswerable."""
    path, out = tmp_path / "dev.json", tmp_path / "o.json"
    path.write_text(json.dumps(squad()), "utf-8")
    gold = read_any(path)
    start = BRIDGE.index("Tuesday")
    assert gold.questions[0].relevant == (Relevant("Ward 0#0", Span(start, start + 7)),)
    assert [question.answerable for question in gold.questions] == [True, False]
    assert evaluate_command(path, None, None, out, encoder=HashingEncoder()) == 0
    got = json.loads(out.read_text())
    assert got["quote.Success@1"] == 1.0
    assert got["quote.F1"] > 0


def test_paragraphs_under_one_headline_stay_apart(tmp_path: Path) -> None:
    """Two groups may have the same headline: each question keeps its own paragraph."""
    data = squad()
    other = json.loads(json.dumps(data["data"][0]).replace('"id": "', '"id": "other-'))
    data["data"].append(other)
    path = tmp_path / "twice.json"
    path.write_text(json.dumps(data), "utf-8")
    gold = read_any(path)
    assert gold.articles is not None
    names = [article["id"] for article in gold.articles()]
    assert len(set(names)) == len(names) == 2 * len(data["data"][0]["paragraphs"])
    assert {item.article for asked in gold.questions for item in asked.relevant} == {*names}


def test_squad_that_does_not_hold_is_named(tmp_path: Path) -> None:
    """A misplaced answer, a missing question and another kind of JSON."""
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(squad(answer_start=3)), "utf-8")
    with pytest.raises(ReadError, match="'Tuesday' of 's1' is not at 3"):
        read_any(path)
    path.write_text('{"data": [{"paragraphs": [{"context": "", "qas": ["x"]}]}]}', "utf-8")
    with pytest.raises(ReadError, match='expected "data" with "paragraphs"'):
        read_any(path)
    path.write_text('{"data": [', "utf-8")
    with pytest.raises(ReadError, match="not JSON"):
        read_any(path)


def test_a_table_goes_through_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Articles are found by headline, answers by their words; what is not found is warned of."""
    table, articles, out = (tmp_path / name for name in ("gold.csv", "a.jsonl", "o.json"))
    record = {"id": "b", "title": "Bridge opens", "text": BRIDGE}
    articles.write_text(json.dumps(record) + "\n", "utf-8")
    table.write_text(
        "\ufeffQuestion;Answer;Article\r\nWhen did the bridge open?;tuesday;bridge  OPENS\r\n"
        '"Who; paid?";;\r\nWho counted?;Nobody;b\r\n',
        "utf-8",
    )
    assert evaluate_command(table, None, articles, out, encoder=HashingEncoder()) == 0
    got = json.loads(out.read_text())
    assert [row["question"] for row in got["per_question"]][1] == "Who; paid?"
    assert [row["answerable"] for row in got["per_question"]] == [True, False, True]
    assert got["quote.exact"] == 0.0
    assert "the answer 'Nobody' does not stand in 'b'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("question,answer\nx,y\n", "1: no column article"),
        ("question,answer,article\n,y,z\n", "2: the question is blank"),
        ("question,answer,article,id\nx,y,z,1\nv,y,z,1\n", "3: id '1' stands there twice"),
        ("question,answer,article,asked\nx,y,z,soon\n", "2: asked is 'soon'"),
    ],
)
def test_a_table_that_does_not_hold_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    """Each problem has its line."""
    path = tmp_path / "gold.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(ReadError, match=complaint):
        read_any(path)


def test_answers_are_found_whole_in_any_case_and_spacing() -> None:
    """The word "ten" is not in "often"; each place counts; other articles are left as they are."""
    text = "Often Ten  men came; ten\nmen left."
    assert [span.of(text) for span in places("ten men", text)] == ["Ten  men", "ten\nmen"]
    assert places(" ", text) == []
    gold = GoldQuestion("q", "?", True, (Relevant("a"), Relevant("gone")), ("ten men",))
    article = Article("a", text, kept=whole(text))
    located, problems = locate([gold], [article])
    assert located[0].relevant[:2] == tuple(Relevant("a", span) for span in places("ten men", text))
    assert located[0].relevant[2] == Relevant("gone")
    assert problems == ()


def test_options_that_do_not_fit_the_gold_are_refused(tmp_path: Path) -> None:
    """A split without BEIR, topics without qrels: said, not passed over."""
    path = tmp_path / "gold.jsonl"
    path.write_text('{"id": "q", "question": "Who?", "answerable": false}\n', "utf-8")
    with pytest.raises(UsageError, match="is no BEIR folder"):
        read_any(path, split="test")
    with pytest.raises(UsageError, match="holds no TREC qrels"):
        read_any(path, topics=path)
    with pytest.raises(UsageError, match="no gold questions were given"):
        evaluate_command(None, options=Options(run=path))


def test_a_spreadsheet_is_given_nothing_to_run(tmp_path: Path) -> None:
    """A cell that begins like a formula is written as text."""
    from qa.evaluation.writing import to_csv

    gold = GoldQuestion("q", "=HYPERLINK(1)", answerable=True, relevant=(Relevant("a"),))
    row = evaluate_run([gold], {"q": ["a"]}).rows[0]
    assert "\nq,'=HYPERLINK(1)," in to_csv([row])
    assert "'@x" in to_csv([replace(row, quote="@x")])
