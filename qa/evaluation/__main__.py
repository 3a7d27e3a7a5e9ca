"""Evaluate from a shell: `python -m qa.evaluation [GOLD] [--archive DIR | --articles FILE]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from corpus.errors import NewsArchiveError
from qa.evaluation.command import evaluate_command

EXIT_INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    arguments = argparse.ArgumentParser(
        prog="python -m qa.evaluation",
        description="Measure an archive over gold questions; with no arguments, the samples.",
    )
    arguments.add_argument("gold", nargs="?", type=Path, help="gold questions, JSON lines")
    among = arguments.add_mutually_exclusive_group()
    among.add_argument("--archive", type=Path, metavar="DIR", help="the archive to ask")
    among.add_argument("--articles", type=Path, metavar="FILE", help="articles to build one from")
    arguments.add_argument(
        "--json", type=Path, metavar="OUT", help="write the measures here, - for stdout"
    )
    arguments.add_argument("--report", type=Path, metavar="HTML", help="write a page here")
    return arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the evaluation and return the exit code; a person's mistake is one line on stderr."""
    given = parser().parse_args(arguments)
    try:
        return evaluate_command(given.gold, given.archive, given.articles, given.json, given.report)
    except NewsArchiveError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run it again, what was encoded is kept\n")
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
