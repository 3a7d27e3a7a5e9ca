"""Open what is evaluated, ask it with progress on stderr, and go on where a run was broken off."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from embeddings.encoder import Encoder
from qa.archive import Archive
from qa.evaluation.archives import opened
from qa.evaluation.baselines import Baseline
from qa.evaluation.gold import GoldQuestion
from qa.evaluation.inputs import Gold
from qa.evaluation.inside import Inside
from qa.evaluation.journal import RunJournal
from qa.evaluation.locating import locate
from qa.evaluation.run import Asker, Evaluation, evaluate
from qa.evaluation.writing import write_json_lines
from qa.terminal import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an evaluation may be told besides gold and articles.

    `topics` holds the questions of TREC qrels, `split` names BEIR's judgements. `run` is a TREC run
    to judge in place of an archive, `baseline` a plain search over it. `rows` (JSON lines), `table`
    (CSV) and `trec` (a TREC run) are files to write. `fail_under` are floors, `measure=value`.
    Where not `resumes`, an interrupted run of the same begins anew.
    """

    topics: Path | None = None
    split: str | None = None
    run: Path | None = None
    baseline: str | None = None
    rows: Path | None = None
    table: Path | None = None
    trec: Path | None = None
    fail_under: tuple[str, ...] = ()
    resumes: bool = True
    reranker: str | None = None


def ask_archive(
    gold: Gold,
    place: tuple[str | Path | None, Path | None],
    options: Options,
    errors: Console,
    *,
    encoder: Encoder | None = None,
) -> Evaluation:
    """Evaluate the archive in a folder, or one of a file of articles: `place` names one of both.

    Where neither is named and gold brings articles along, an archive of these is made. `encoder`
    replaces the archive's model; warnings go to `errors`.
    """
    archive, articles = place
    with ExitStack() as stack:
        if archive is None and articles is None and gold.articles is not None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="evaluation-"))
            articles = Path(folder) / "articles.jsonl"
            write_json_lines(articles, gold.articles())
        with errors.status("reading the articles"):
            asked = stack.enter_context(
                opened(archive, articles, lambda line: warn(errors, line), encoder=encoder)
            )
            asked.rerank_with(options.reranker)
        questions, problems = gold.questions, tuple[str, ...]()
        if gold.is_loose:
            questions, problems = locate(questions, asked.articles())
        evaluation = _asked(asked, questions, options, errors)
    return replace(evaluation, warnings=(*problems, *evaluation.warnings))


def _asked(
    archive: Archive, questions: tuple[GoldQuestion, ...], options: Options, errors: Console
) -> Evaluation:
    """Evaluate with a bar on stderr that goes when done; without a terminal there is no bar."""
    asker: Asker = archive if options.baseline is None else Baseline(archive, options.baseline)
    journal = RunJournal.named(_identity(archive, questions, options))
    if not options.resumes:
        journal.done()
    known = len(journal.known())
    if known:
        warn(errors, f"{known:,} of {len(questions):,} questions are known", "going on")
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("asking", total=len(questions), completed=known)
        evaluation = evaluate(
            asker,
            questions,
            progress=lambda done, _: bar.update(task, completed=done),
            insight=Inside(archive),
            journal=journal,
        )
    journal.done()
    return evaluation


def _identity(
    archive: Archive, questions: tuple[GoldQuestion, ...], options: Options
) -> tuple[str, ...]:
    """Return what the rows of a run depend on."""
    status = archive.status()
    return (
        hashlib.sha256(repr(questions).encode("utf-8", "backslashreplace")).hexdigest(),
        status.directory,
        str(status.generation),
        str(status.model_digest),
        str(options.baseline),
        str(options.reranker),
    )


def warn(errors: Console, line: str, label: str = "warning") -> None:
    """Print one line on stderr, brackets and all as they are."""
    errors.print(f"{label}: {visible(line)}", markup=False, highlight=False, soft_wrap=True)
