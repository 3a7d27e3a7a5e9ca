"""Turn the bytes of a file into text, and say what had to be guessed or replaced."""

from __future__ import annotations

import codecs
import re

from corpus.errors import ReadError
from corpus.readers.formats import SNIFFED_BYTES

GUESS_BYTES = 65_536
"""Bytes shown to charset-normalizer: its verdict is stable by then and its time grows with size."""

DECLARATION_BYTES = 2048
"""Bytes searched for a declared charset; browsers look at the first 1024 only."""

MAX_BROKEN_SHARE = 0.1
"""Broken sequences for each good one up to which text counts as UTF-8 with damage; other encodings
read as UTF-8 are broken nearly everywhere."""

MIN_NUL_SHARE = 0.2
"""Share of NUL bytes in the even or the odd places that shows UTF-16 without a mark: Latin text
has about half of them, mixed scripts fewer, every 8-bit encoding none."""

MAX_CONTROL_SHARE = 0.02
"""Share of control characters from which on bytes are no text; text of any encoding has none but
tabs, line ends and an occasional NUL or form feed."""

REPLACEMENT = "\ufffd"

_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"BZh", "bzip2-compressed"),
    (b"\xfd7zXZ", "xz-compressed"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"\x7fELF", "a program"),
    (b"RIFF", "a picture, sound or film"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b\x00"))
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""(?:charset|encoding)\s{0,9}=\s{0,9}["']?\s{0,9}([A-Za-z0-9_:.\-]{2,40})"""
)
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
}
"""Encodings that pages declare and do not mean, by the WHATWG encoding standard, section 4.2."""
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒßàáâãäåæçèéêëìíîïñòóôõöøùúûüœ"
    "\u2018\u2019\u201c\u201d\u2013\u2014\u2026•€£§©®°ºª¿¡«»·\xa0"
)
"""What text in a Western language has beyond ASCII; charset-normalizer takes much of it for Central
European."""
_GUESSABLE = [
    "cp1252", "cp1251", "cp1250", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "iso8859_2",
    "gb18030", "big5", "cp932", "euc_jp", "cp949",
]  # fmt: skip
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def decode(data: bytes, *, declares: bool = False) -> tuple[str, tuple[str, ...]]:
    """Return the text of `data` without a byte order mark, and warnings on what was guessed.

    In order: byte order mark, UTF-16 without one, UTF-8, the charset that the file declares (where
    `declares`: HTML), UTF-8 with a few broken places, a guess. Line ends stay as they are. NULs and
    lone surrogates become U+FFFD one for one. Raises `ReadError` for bytes that are no text.
    """
    if kind := binary_kind(data[:SNIFFED_BYTES]):
        raise ReadError(f"expected text, found {kind}: convert it to text, HTML or JSON first")
    text, warnings = _decoded(data, declares=declares)
    text, more = scrub(text)
    return text, (*warnings, *more)


def expect_start(data: bytes, starts: bytes | tuple[bytes, ...], wanted: str) -> None:
    """Raise `ReadError` where a file does not start as its format does, with what it is instead."""
    if not data.startswith(starts):
        found = binary_kind(data[:SNIFFED_BYTES]) or "none: is its suffix right?"
        raise ReadError(f"expected {wanted}, found {found}")


def scrub(text: str) -> tuple[str, tuple[str, ...]]:
    """Replace each NUL and lone surrogate, which no file may hold, by U+FFFD; offsets stay."""
    cleaned, count = _UNFIT.subn(REPLACEMENT, text)
    if not count:
        return text, ()
    return cleaned, (f"{count} NULs or lone surrogates replaced by U+FFFD",)


def _decoded(data: bytes, *, declares: bool) -> tuple[str, tuple[str, ...]]:
    """Return the text by the first way that fits, and a warning where it is not certain."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _forgiving(data[len(mark) :], encoding)
    if wide := _utf16_without_mark(data):
        text, broken = _forgiving(data, wide)
        return text, (f"no encoding named; read as {wide} by its NUL bytes", *broken)
    declared = _declared(data) if declares else None
    if declared and declared.startswith("iso2022"):
        return _forgiving(data, declared)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        return _decode_other(data, declared)


def _decode_other(data: bytes, declared: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the text of bytes that are not UTF-8: as declared, as damaged UTF-8, or guessed."""
    if declared and declared != "utf-8":
        return _forgiving(data, declared)
    mended = data.decode("utf-8", errors="replace")
    broken = mended.count(REPLACEMENT)
    good = sum(1 for character in mended if character > "\x7f") - broken
    if broken <= MAX_BROKEN_SHARE * good:
        return mended, (f"UTF-8 with {broken} broken places, replaced by U+FFFD",)
    encoding = _guess(data)
    text, warnings = _forgiving(data, encoding)
    return text, (f"not UTF-8; the encoding was guessed as {encoding}", *warnings)


def _forgiving(data: bytes, encoding: str) -> tuple[str, tuple[str, ...]]:
    """Decode and replace what does not fit the encoding, with a warning that counts it."""
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        broken = text.count(REPLACEMENT)
        return text, (f"{encoding} with {broken} broken places, replaced by U+FFFD",)


def binary_kind(head: bytes) -> str | None:
    """Return what kind of binary file `head` is the start of, or None where it may be text."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(tuple(mark for mark, _ in _MARKS)) or _utf16_without_mark(head):
        return None
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return "a binary file" if controls > MAX_CONTROL_SHARE * len(head) else None


def _utf16_without_mark(data: bytes) -> str | None:
    """Return the UTF-16 byte order that the places of the NUL bytes show, if any."""
    head = data[:DECLARATION_BYTES]
    half = max(1, len(head) // 2)
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if max(even, odd) < MIN_NUL_SHARE or min(even, odd) > max(even, odd) / 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _declared(data: bytes) -> str | None:
    """Return the encoding that the head of an HTML file declares, as Python names it, if any."""
    match = _DECLARED.search(data[:DECLARATION_BYTES])
    if not match:
        return None
    try:
        info = codecs.lookup(match[1].decode("ascii"))
    except LookupError:
        return None
    if not getattr(info, "_is_text_encoding", True) or info.name.startswith("utf-16"):
        return None
    return _SUPERSETS.get(info.name, info.name)


def _guess(data: bytes) -> str:
    """Return the likeliest encoding of bytes that name none."""
    sample = data[:GUESS_BYTES]
    western = sample.decode("cp1252", errors="replace")
    if all(character in _WESTERN for character in western if character > "\x7f"):
        return "cp1252"
    from charset_normalizer import from_bytes  # 0.1 s, hardly ever needed

    best = from_bytes(sample, cp_isolation=_GUESSABLE).best()
    return best.encoding if best else "cp1252"
