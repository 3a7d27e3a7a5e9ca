"""Train the reader of the bundled model: `python -m qa.evaluation.train_reader SQUAD.json ...`.

The files are SQuAD's JSON, any that have its form. 3% of their paragraphs are held out, and what is
printed is the share of their questions whose best sentence, among those of the right passage and of
the 15 most like the question, is in that passage, and holds the answer.

Archives encode their passages anew for a new reader, and the ranker's weights are refitted after it
by `python -m qa.evaluation.train`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from corpus.errors import ModelError, NewsArchiveError, UsageError
from embeddings.carrying import carry_bundled
from embeddings.onnx import FOLDER, OnnxEncoder
from embeddings.reader import WEIGHTS, Reader, load_reader
from qa.evaluation.reader_examples import encoded
from qa.evaluation.reader_texts import Texts, read_file, read_texts
from qa.evaluation.writing import write_file

if TYPE_CHECKING:
    from qa.evaluation.reader_fitting import Epoch, Figures

EXIT_REFUSED = 1
EXIT_INTERRUPTED = 130

WORSE = 0.005
"""By how much a figure may fall before the new weights count as worse."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    arguments = argparse.ArgumentParser(
        prog="python -m qa.evaluation.train_reader", description=__doc__
    )
    add = arguments.add_argument
    add("files", nargs="+", type=Path, metavar="SQUAD", help="questions, SQuAD's JSON")
    add("--write", type=Path, metavar="DIR", help=f"write the weights here, as {WEIGHTS}")
    add("--anyway", action="store_true", help="replace weights even where figures fell")
    for name, value, about in (
        ("--width", 64, "numbers kept of a token"),
        ("--epochs", 4, "times through the questions"),
        ("--batch", 64, "questions at a time"),
        ("--seed", 0, "the same seed makes the same weights"),
    ):
        add(name, type=int, default=value, metavar="N", help=f"{about} (default: {value})")
    return arguments


def train(given: argparse.Namespace) -> int:
    """Read, encode, train, report and write; return the exit code."""
    from qa.evaluation.reader_fitting import Recipe, check, fit, measured_known
    from qa.evaluation.reader_network import exported

    if given.write is not None and not given.write.is_dir():
        raise UsageError(f"there is no folder {given.write} to write to: make it first")
    recipe = Recipe(given.width, epochs=given.epochs, batch=given.batch, seed=given.seed)
    files = [read_file(path) for path in given.files]
    random = np.random.default_rng(recipe.seed)
    found = None if given.write is None else _in_place(given.write / WEIGHTS)
    with _encoder() as encoder, _Bar() as bar:
        digest = encoder.settings.digest
        reader = found[0] if found and found[1] == digest else None
        texts = read_texts(files, encoder, random, bar.show)
        check(texts, recipe)
        _say(_about(texts))
        basis, examples, known = encoded(texts, encoder, reader, random, bar.show)
        before = measured_known(known, examples, bar.show) if known else None
        if before is not None:
            _say(f"the weights in place: {_shown(before)}")
        network, after = fit(examples, recipe, _tell, bar.show)
    if given.write is None:
        return 0
    content = packed(exported(network, basis), recipe.heads, digest)
    return replaced(given.write / WEIGHTS, content, before, after, given.anyway)


def replaced(
    file: Path, content: bytes, before: Figures | None, after: Figures, anyway: bool
) -> int:
    """Write weights unless a figure fell from those of the weights there; return the exit code."""
    fell = worse(before, after) if before else []
    if fell and not anyway:
        sys.stderr.write(f"the weights stay as they were: {'; '.join(fell)} (or use --anyway)\n")
        return EXIT_REFUSED
    write_file(file, content)
    return 0


def worse(before: Figures, after: Figures) -> list[str]:
    """Say which figures fell by more than WORSE."""
    return [
        f"{name} Success@1 fell from {old:.3f} to {new:.3f}"
        for name, old, new in (
            ("passage", before.passage, after.passage),
            ("sentence", before.sentence, after.sentence),
        )
        if new < old - WORSE
    ]


def packed(weights: Mapping[str, npt.NDArray[np.float16]], heads: int, digest: str) -> bytes:
    """Return the content of a file of weights, for the model with this digest."""
    content = BytesIO()
    stored: dict[str, Any] = {"model": np.array(digest), "heads": np.array(heads), **weights}
    np.savez_compressed(content, allow_pickle=False, **stored)
    return content.getvalue()


def _in_place(file: Path) -> tuple[Reader, str] | None:
    """Return the reader in a file and the digest of its model, None where there is no file."""
    if not file.is_file():
        return None
    try:
        return load_reader(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file} cannot be compared with ({error}): move it away to train without"
        ) from error


@contextmanager
def _encoder() -> Iterator[OnnxEncoder]:
    """Give the bundled model as archives carry it."""
    with tempfile.TemporaryDirectory(prefix="reader-") as folder:
        if not carry_bundled(Path(folder)):
            raise ModelError(
                f"the bundled model cannot be written to {folder}, or gives other vectors there:"
                " check the space, else reinstall onnxruntime"
            )
        yield OnnxEncoder(Path(folder) / FOLDER)


class _Bar:
    """A bar on stderr for each thing that goes on; none without a terminal."""

    def __init__(self) -> None:
        self._errors = Console(stderr=True)
        self._open = ExitStack()
        self._what = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def show(self, what: str, done: int, total: int) -> None:
        """Show how far something is; the bar goes when it is done."""
        if what != self._what:
            self._open.close()
            quiet = not self._errors.is_terminal
            bar = Progress(console=self._errors, transient=True, disable=quiet)
            self._bar = self._open.enter_context(bar)
            self._task = bar.add_task(what, total=total)
            self._what = what
        self._bar.update(self._task, completed=done)
        if done == total:
            self._open.close()
            self._what = ""


def _about(texts: Texts) -> str:
    held_out = int(texts.held_out().sum())
    return (
        f"{len(texts.passages):,} passages, {len(texts.asked):,} questions,"
        f" {held_out:,} of them held out"
    )


def _tell(epoch: Epoch) -> None:
    _say(f"epoch {epoch.number}: loss {epoch.loss:.4f}, {_shown(epoch.figures)}")


def _shown(figures: Figures) -> str:
    return f"held out passage Success@1 {figures.passage:.4f}, sentence {figures.sentence:.4f}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the training and return the exit code; a person's mistake is one line on stderr."""
    try:
        return train(parser().parse_args(arguments))
    except NewsArchiveError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the weights stay as they were\n")
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
