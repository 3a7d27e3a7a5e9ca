"""Read damaged files of every format: `python -m tests.quality.fuzz [SECONDS] [SEED]`.

Each file of `tests.article_files` is changed at random, also inside its ZIP, and read without the
sandbox. Prints what raised anything but `ReadError` or took over a second; exit code 1 if any did.
"""

from __future__ import annotations

import io
import random
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus.errors import ReadError
from corpus.readers import dispatch
from corpus.readers.formats import CONTAINERS, format_of
from tests.article_files import WRITERS, zipped

SLOW_SECONDS = 1.0
PIECES = (
    *(b"<", b"{" * 50, b"\x00" * 9, b"\xff" * 4, b"9999999999", b"-1", b"&x;", b"<p>" * 50),
    *(b"\\u99999?", b"(", b")", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00", b"\x01"),
)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one to twenty changes: some replaced, cut, doubled or put in."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del changed[at : at + chance.randrange(1, 60)]
        elif kind == 2:
            start = chance.randrange(len(changed) + 1)
            changed[at:at] = changed[start : start + chance.randrange(1, 200)]
        elif kind == 3:
            changed[at : at + chance.choice((0, 4))] = chance.choice(PIECES)
        else:
            del changed[max(at, len(changed) // 3) :]
    return bytes(changed)


def damaged_inside(data: bytes, chance: random.Random) -> bytes:
    """Return a ZIP file with one of its members damaged and packed anew."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    return zipped({**members, name: damaged(members[name], chance)})


def read(path: Path, data: bytes) -> str | None:
    """Read a file; return what went wrong that should not, if anything."""
    started = time.process_time()
    kind = format_of(path, data)
    try:
        if kind in CONTAINERS:
            for _ in dispatch.opener_of(kind)(path, data):
                pass
        else:
            dispatch.parse(kind, path, data)
    except ReadError:
        pass
    except Exception as error:
        return f"{kind.value}: {type(error).__name__}: {str(error)[:100]}"
    slow = time.process_time() - started > SLOW_SECONDS
    return f"{kind.value}: over {SLOW_SECONDS:g} s" if slow else None


def main(arguments: Sequence[str]) -> int:
    """Fuzz for some seconds and print what was found; return the exit code."""
    seconds, seed = (*map(int, arguments), *(60, 0)[len(arguments) :])
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    seeds = {name: write() for name, write in WRITERS.items()}
    found: Counter[str] = Counter()
    files, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        name, data = chance.choice(list(seeds.items()))
        is_zip = data.startswith(b"PK") and chance.random() < 0.7
        changed = damaged_inside(data, chance) if is_zip else damaged(data, chance)
        if changed.strip() and (problem := read(Path("/fuzz") / name, changed)):
            found[problem] += 1
        files += 1
    print(f"{files:,} files in {seconds} s, seed {seed}: {found.total()} findings")
    for problem, times in found.most_common():
        print(f"{times:6} {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
