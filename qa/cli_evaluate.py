"""The commands `qa evaluate` and `qa gold ...`: measuring an archive, and making questions for it.

Attached to the command line by `qa.cli`; everything is done in `qa.evaluation`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import UsageError

ArchiveFolder = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        "-a",
        metavar="DIR",
        help="The archive's directory. Default: $QA_ARCHIVE, else your own archive, else the"
        " shipped samples.",
    ),
]


def evaluate(  # noqa: PLR0913, PLR0917 - the options of the command
    gold: Annotated[
        Path | None,
        typer.Argument(
            metavar="[GOLD]",
            help="Questions: JSON lines, a BEIR folder, TREC qrels, SQuAD's JSON, CSV.",
        ),
    ] = None,
    archive: ArchiveFolder = None,
    articles: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Articles to build an archive of.")
    ] = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write measures as JSON; - prints.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="Write a report as a web page.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a line of JSON a question.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="OUT", help="Write a table, a row a question.")
    ] = None,
    trec: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the ranked articles as a TREC run.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge this TREC run, ask no archive.")
    ] = None,
    topics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Questions of TREC qrels: id, tab, question."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="BEIR's judgements: test, dev or train.")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Measure plain search instead: dense, bm25 or fused."),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.json B.json", help="Compare two runs written by --json."),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=VALUE", help="Exit with 1 where less; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the tests of --compare.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted run of the same.")] = True,
    reranker: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Reorder the best passages with a CrossEncoder: a folder, or a cached model's"
            " name.",
        ),
    ] = None,
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
