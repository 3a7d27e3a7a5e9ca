"""The command `qa evaluate`: measuring an archive, comparing runs.

Attached to the command line by `qa.cli`; everything is done in `qa.evaluation`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import UsageError
from qa.options import ArchiveOption, RerankerOption

GoldFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[GOLD]",
        help="Questions: JSON lines, a BEIR folder, TREC qrels, SQuAD's JSON, CSV.",
    ),
]
ArticlesFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Articles to build an archive of.")
]
JsonOut = Annotated[
    Path | None, typer.Option("--json", metavar="OUT", help="Write measures as JSON; - prints.")
]
ReportOut = Annotated[
    Path | None, typer.Option(metavar="HTML", help="Write a report as a web page.")
]
RowsOut = Annotated[
    Path | None, typer.Option(metavar="OUT", help="Write a line of JSON a question.")
]
TableOut = Annotated[
    Path | None, typer.Option("--csv", metavar="OUT", help="Write a table, a row a question.")
]
TrecOut = Annotated[
    Path | None, typer.Option(metavar="OUT", help="Write the ranked articles as a TREC run.")
]
RunFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Judge this TREC run, ask no archive.")
]
TopicsFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Questions of TREC qrels: id, tab, question."),
]
SplitName = Annotated[
    str | None, typer.Option(metavar="NAME", help="BEIR's judgements: test, dev or train.")
]
BaselineName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Measure plain search instead: dense, bm25 or fused."),
]
TwoRuns = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="A.json B.json", help="Compare two runs written by --json."),
]
Floors = Annotated[
    list[str] | None,
    typer.Option(metavar="MEASURE=VALUE", help="Exit with 1 where less; repeatable."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the tests of --compare.")]
Resume = Annotated[bool, typer.Option(help="Go on with an interrupted run of the same.")]


def evaluate(  # noqa: PLR0913, PLR0917 - the options of the command
    gold: GoldFile = None,
    archive: ArchiveOption = None,
    articles: ArticlesFile = None,
    json_out: JsonOut = None,
    report: ReportOut = None,
    rows: RowsOut = None,
    table: TableOut = None,
    trec: TrecOut = None,
    run: RunFile = None,
    topics: TopicsFile = None,
    split: SplitName = None,
    baseline: BaselineName = None,
    compare: TwoRuns = None,
    fail_under: Floors = None,
    seed: Seed = 0,
    resume: Resume = True,
    reranker: RerankerOption = None,
) -> int:
    """Measure answers against gold questions; with no arguments, on the shipped samples.

    Says of every question that failed why it did, and for each kind of failure what to try.
    """
    from qa.evaluation.asking import Options
    from qa.evaluation.command import compare_command, evaluate_command

    if compare is not None:
        if gold or archive or articles or run or fail_under:
            raise UsageError("--compare takes two runs and asks nothing; leave out GOLD and others")
        return compare_command(compare, json_out, report, seed=seed)
    options = Options(
        topics=topics,
        split=split,
        run=run,
        baseline=baseline,
        rows=rows,
        table=table,
        trec=trec,
        fail_under=tuple(fail_under or ()),
        resumes=resume,
        reranker=reranker,
    )
    return evaluate_command(gold, archive, articles, json_out, report, options)
