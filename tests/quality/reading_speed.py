"""Read and clean many small files: `python -m tests.quality.reading_speed [FILES]`.

Writes FILES (10,000) files, of each ten four pages, three texts, one Markdown file, one of JSON and
one newsletter, every one with words of its own, and reads and cleans them one after the other as
indexing does, in one process and its sandbox. Prints files a second, by the clock and by the
processor time of both, and the memory of both over the run. Exit code 1 below 200 files a second of
processor time, or where memory grows by over a tenth after the first thousand files.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from corpus.cleaning import clean
from corpus.readers import find_files, read_file
from corpus.readers.sandbox import SANDBOX
from tests import article_files as files
from tests.quality.bad_inputs import tree_megabytes

FLOOR = 200
GROWTH = 1.1
SUFFIXES = ("html", "txt", "html", "txt", "html", "md", "html", "txt", "json", "eml")


def write(folder: Path, count: int) -> None:
    """Write the files, a thousand a folder."""
    templates = {suffix: files.WRITERS[f"a.{suffix}"]() for suffix in set(SUFFIXES)}
    for n in range(count):
        suffix = SUFFIXES[n % len(SUFFIXES)]
        data = templates[suffix].replace(b"Monday", f"Monday {n}".encode())
        place = folder / f"{n // 1000}" / f"{n}.{suffix}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data.replace(b"/bridge", f"/bridge-{n}".encode()))


def main(arguments: Sequence[str]) -> int:
    """Measure and print; return the exit code."""
    count = int(arguments[0]) if arguments else 10_000
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch), count)
        found = find_files([scratch]).files
        read_file(found[0])
        memory: list[float] = []
        started, used = time.monotonic(), _processor_seconds()
        for n, path in enumerate(found):
            source = read_file(path)
            if source.failures or not all(clean(article).kept for article in source.articles):
                print(f"not read: {path}: {source.failures}")
                return 1
            if n % 1000 == 999:
                memory.append(tree_megabytes())
        seconds = time.monotonic() - started
        processor = _processor_seconds() - used
    rates = f"{count / seconds:.0f} a second by the clock, {count / processor:.0f} of one core"
    shown = ", ".join(f"{megabytes:.0f}" for megabytes in memory)
    print(f"{count:,} files read and cleaned, {rates}; MB after each thousand: {shown}")
    grows = len(memory) > 1 and max(memory[1:]) > GROWTH * memory[0]
    return 1 if count / processor < FLOOR or grows else 0


def _processor_seconds() -> float:
    """Return the processor time of this process, its ended children and the sandbox's process."""
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    process = SANDBOX.process_id
    if process is not None:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
