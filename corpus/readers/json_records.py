"""Read JSON and JSON lines: objects whose fields are articles; one bad record stops no other."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from corpus.errors import ReadError
from corpus.readers.decoding import decode
from corpus.readers.fields import NAMES, Origin, article_of, is_fruitless, told_once, with_own_ids
from corpus.readers.formats import Parsed
from corpus.records import Article, Failure

WRAPPERS = (
    "articles",
    "items",
    "results",
    "records",
    "docs",
    "documents",
    "entries",
    "data",
    "news",
)
"""Keys under which exports and feeds put their list of articles."""

_FEED_MARKS = frozenset({"home_page_url", "feed_url"})
"""Keys that only a JSON feed has: the title beside them is the outlet's name."""

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class _Item:
    """One record's value with the line that it starts on, or what is wrong with it."""

    place: str
    value: object = None
    problem: str | None = None


def read_json(path: Path, data: bytes) -> Parsed:
    """Return the articles of a JSON file: one object, a list, or an object that holds the list.

    Values one after another are read as well. Raises `ReadError` where the file is no text.
    """
    text, warnings = decode(data)
    return _parsed(path, _values(text), warnings)


def read_json_lines(path: Path, data: bytes) -> Parsed:
    """Return the articles of a file with one JSON object a line.

    A file that is one JSON list after all is read as that. Raises `ReadError` where the file is no
    text.
    """
    text, warnings = decode(data)
    items = _values(text) if text.lstrip().startswith("[") else _lines(text)
    return _parsed(path, items, warnings)


def _parsed(path: Path, items: Iterator[_Item], warnings: tuple[str, ...]) -> Parsed:
    """Return the articles of the items, and a failure for each that makes none."""
    articles: list[tuple[Article, Origin]] = []
    failures: list[Failure] = []
    notes = list(warnings)
    for n, item in enumerate(items, 1):
        origin = Origin(path, n, item.place)
        try:
            if item.problem:
                raise ReadError(item.problem)
            article, more = article_of(item.value, origin)
        except ReadError as error:
            failures.append(origin.fail(str(error)))
            if is_fruitless(failures, articles):
                break
            continue
        articles.append((article, origin))
        notes += more
    if not articles and not failures:
        failures.append(Failure(str(path), "no records: expected objects with a field text"))
    kept, more = with_own_ids(articles)
    return Parsed(kept, told_once(failures, len(kept)), (*notes, *more))


def _lines(text: str) -> Iterator[_Item]:
    """Yield the records of each line that is not blank."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            item = _item(line.strip(), f"line {number}")
            yield from (item,) if item.problem else _unwrapped(item.value, item.place)


def _item(text: str, place: str) -> _Item:
    """Return the value of a text that is to be one JSON value."""
    try:
        return _Item(place, _DECODER.decode(text))
    except (ValueError, RecursionError) as error:
        return _Item(place, problem=_problem(error, text))


def _values(text: str) -> Iterator[_Item]:
    """Yield the records of a JSON text: of each of its values, or of the list that it is."""
    at = _skip_space(text, 0)
    if text.startswith("[", at):
        yield from _list_items(text, at + 1)
        return
    line = _LineCounter(text)
    while at < len(text):
        place = line.at(at)
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield _Item(line.at_error(error, at), problem=_problem(error, text))
            return
        yield from _unwrapped(value, place)
        at = _skip_space(text, at)


def _list_items(text: str, at: int) -> Iterator[_Item]:
    """Yield the items of the list whose first item starts at `at`, up to its end or first fault."""
    line = _LineCounter(text)
    at = _skip_space(text, at)
    while not text.startswith("]", at):
        place = line.at(at)
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield _Item(line.at_error(error, at), problem=_problem(error, text))
            return
        yield _Item(place, value)
        at = _skip_space(text, at)
        if text.startswith(",", at):
            at = _skip_space(text, at + 1)
        elif not text.startswith("]", at):
            yield _Item(line.at(at), problem=_missing_comma(text, at))
            return


def _unwrapped(value: object, place: str) -> Iterator[_Item]:
    """Yield the records in an object that wraps a list of them, else the value itself."""
    if isinstance(value, dict) and not any(isinstance(value.get(n), str) for n in NAMES["text"]):
        for key in WRAPPERS:
            if isinstance(value.get(key), list):
                outlet = value.get("title") if _FEED_MARKS & value.keys() else None
                for n, item in enumerate(value[key], 1):
                    yield _Item(f"{key}, record {n}", _of_outlet(item, outlet))
                return
    yield _Item(place, value)


def _of_outlet(item: object, outlet: object) -> object:
    """Return an item of a JSON feed with the feed's title as its source, unless it names one."""
    return {"source": outlet, **item} if outlet and isinstance(item, dict) else item


def _missing_comma(text: str, at: int) -> str:
    """Return what is wrong where a list neither goes on nor ends."""
    if at >= len(text):
        return "the file ends inside a list: it was cut off, the records before were read"
    return f"expected a comma or the end of the list, found {text[at]!r}; the rest was not read"


def _problem(error: Exception, text: str) -> str:
    """Return in one line what is wrong with a JSON text."""
    if isinstance(error, RecursionError):
        return "nested too deeply: expected an object with plain fields"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return "not whole JSON: it was cut off, or a quotation mark is missing"
    return f"not JSON: {error.msg.lower()} at column {error.colno}"


class _LineCounter:
    """Turns growing offsets in a text into line numbers, in time linear over all calls."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._number = 1

    def at(self, offset: int) -> str:
        """Return the line of an offset, in words."""
        self._number += self._text.count("\n", self._at, offset)
        self._at = offset
        return f"line {self._number}"

    def at_error(self, error: Exception, offset: int) -> str:
        """Return the line that a JSON error names, else that of the value's start."""
        return (
            f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else self.at(offset)
        )


def _skip_space(text: str, at: int) -> int:
    """Return the offset of the next character that is not white space."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _refuse_constant(name: str) -> NoReturn:
    """Raise for NaN and the infinities, which are not JSON."""
    raise ValueError(f"{name} is not JSON: write null instead")


def _int(digits: str) -> int:
    """Return the number; raise in our words where Python refuses its length."""
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"a number of {len(digits):,} digits: write it as a string") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; raise where a key occurs twice, since one value would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = counts.most_common(1)[0][0]
        raise ValueError(f"the key {twice[:40]!r} occurs twice: expected one value a key")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_int
)
