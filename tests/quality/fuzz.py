"""Read damaged files: `python -m tests.quality.fuzz [SECONDS] [SEED] [ENDING]`.

Without an ending, such as .pdf, of every format in turn. Seconds are of the processor.

Each file of `tests.article_files` is changed at random, also inside its ZIP, read without the
sandbox (but for Parquet, whose library may crash), cleaned, and cut into passages. Prints what
raised anything but `ReadError`, took over a second, or lost or moved text, and keeps the first file
of each finding in the temporary folder; exit code 1 if there was any.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus.cleaning import clean
from corpus.errors import ReadError
from corpus.passages import PassageSettings, split_passages
from corpus.readers import dispatch
from corpus.readers.formats import CONTAINERS, Format, format_of
from corpus.readers.sandbox import SANDBOX
from corpus.records import Article
from tests.article_files import WRITERS, zipped

SLOW_SECONDS = 1.0
SETTINGS = PassageSettings(max_tokens=60)
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
            sandboxed = kind is Format.PARQUET
            parsed = (SANDBOX.read if sandboxed else dispatch.parse)(kind, path, data)
            for article in parsed.articles:
                check(article)
    except ReadError:
        pass
    except Exception as error:
        return f"{kind.value}: {type(error).__name__}: {str(error)[:100]}"
    slow = time.process_time() - started > SLOW_SECONDS
    return f"{kind.value}: over {SLOW_SECONDS:g} s" if slow else None


def check(article: Article) -> None:
    """Clean an article and cut it; raise where its text is lost, moved, or not fit to be kept."""
    text = article.text
    text.encode("utf-8")
    cleaned = clean(article)
    if cleaned.text != text or not all(isinstance(value, str) for value in cleaned.authors):
        raise AssertionError("cleaning changed the text")
    ends = [0, *(offset for span in cleaned.kept for offset in (span.start, span.end)), len(text)]
    if ends != sorted(ends):
        raise AssertionError("kept spans overlap or lie outside the text")
    passages = split_passages(cleaned, SETTINGS, lambda texts: [len(t.split()) for t in texts])
    covered = "".join(passage.span.of(text) for passage in passages)
    wanted = "".join(span.of(text) for span in cleaned.kept)
    if "".join(covered.split()) != "".join(wanted.split()):
        raise AssertionError("passages do not cover what is kept")


def keep(name: str, data: bytes, label: str) -> None:
    """Write a file that broke its reader to where it can be looked at."""
    place = Path(tempfile.gettempdir()) / f"fuzz-{label}-{name}"
    place.write_bytes(data)
    print(f"kept {place}")


def main(arguments: Sequence[str]) -> int:
    """Fuzz for some seconds and print what was found; return the exit code."""
    numbers, endings = list(map(int, arguments[:2])), tuple(arguments[2:]) or ("",)
    seconds, seed = (*numbers, *(60, 0)[len(numbers) :])
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    seeds = {name: write() for name, write in WRITERS.items() if name.endswith(endings)}
    if not seeds:
        print(f"no file ends in {endings}; there are {', '.join(WRITERS)}")
        return 2
    found: Counter[str] = Counter()
    files, end = 0, time.process_time() + seconds
    while time.process_time() < end:
        name, data = chance.choice(list(seeds.items()))
        is_zip = data.startswith(b"PK") and chance.random() < 0.7
        changed = damaged_inside(data, chance) if is_zip else damaged(data, chance)
        if changed.strip() and (problem := read(Path("/fuzz") / name, changed)):
            found[problem] += 1
            if found[problem] == 1:
                keep(name, changed, f"{seed}-{len(found)}")
        files += 1
    kinds = " ".join(endings) or "of every format"
    print(f"{files:,} files {kinds} in {seconds} s, seed {seed}: {found.total()} findings")
    for problem, times in found.most_common():
        print(f"{times:6} {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
