"""The routes of the archive page: list, add and remove articles; note feedback.

Listing is for everybody; what changes the archive is there only where the server may write.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import Field

from corpus.errors import NewsArchiveError
from corpus.records import Article, Span
from embeddings.reports import IndexProgress, IndexReport
from qa.feedback import Feedback, note
from qa.question import MAX_QUESTION
from qa.web import schemas
from qa.web.catalogue import Catalogue, Listed
from qa.web.problems import FAULT, Problem, ProblemError, log_fault, problem_of, to_json
from qa.web.service import Id, article_of, log

MAX_FILE_BYTES = 64 << 20
"""Largest file that can be dropped in. `qa index` takes larger ones."""

LONGEST_FILE_NAME = 200
MOST_NAME_BYTES = 240
"""Bytes of a kept file's name: file systems take 255, and our own suffixes must fit."""
LONGEST_SUFFIX = 16
"""Characters of what counts as a suffix, such as ".html"; the rest of a name may be cut."""
ADDED = "-added"
"""Files that were dropped in are kept in a folder beside the archive's, with this after its name:
the articles name them, and indexing that folder again costs nothing."""

LINES = "application/x-ndjson"
_UNSAFE = re.compile(r"[^\w.() -]")


class Editable(Listed, Protocol):
    """The part of an archive that can be changed from the page."""

    @property
    def home(self) -> Path:
        """Return the folder for what people give the archive."""
        ...

    @property
    def is_samples(self) -> bool:
        """Tell whether these are the samples, which stay as they are."""
        ...

    @property
    def add(self) -> Callable[..., IndexReport]:
        """Index files."""
        ...

    @property
    def remove(self) -> Callable[[str], int]:
        """Remove an article."""
        ...

    @property
    def article(self) -> Callable[[str], Article]:
        """Return an article."""
        ...

    @property
    def has(self) -> Callable[[str], bool]:
        """Tell whether there is such an article."""
        ...


class FeedbackBody(schemas.Strict):
    """What a person says of an answer."""

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    verdict: Literal["right", "good", "bad"]
    answerable: bool
    article: schemas.Name | None = None
    start: schemas.Count | None = Field(default=None, ge=0)
    end: schemas.Count | None = Field(default=None, ge=0)


class Editing:
    """The handlers over one archive."""

    def __init__(self, archive: Editable) -> None:
        self.archive = archive
        self.catalogue = Catalogue(archive)

    async def articles(
        self,
        words: Annotated[str, Query(max_length=MAX_QUESTION)] = "",
        start: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """List articles, newest first, with headline, outlet and day."""
        count, rows = await asyncio.to_thread(self.catalogue.find, words, start)
        listed = {"count": count, "articles": [asdict(row) for row in rows]}
        return Response(to_json(listed), media_type="application/json")

    async def remove(self, article_id: Id) -> Response:
        """Take an article out."""
        await asyncio.to_thread(article_of, self.archive, article_id)
        self._refuse_samples()
        removed = await asyncio.to_thread(self.archive.remove, article_id)
        return JSONResponse({"removed": removed})

    async def feedback(self, body: FeedbackBody) -> Response:
        """Note what a person says of an answer, to be reviewed as a gold question."""
        article = span = None
        if body.answerable:
            article = await asyncio.to_thread(article_of, self.archive, body.article or "")
            span = Span(body.start or 0, body.end or 0)
        said = Feedback(body.question, body.verdict, article, span)
        await asyncio.to_thread(note, self.archive.home, said)
        return JSONResponse({"noted": True}, status_code=201)

    async def add(
        self,
        request: Request,
        name: Annotated[str, Query(min_length=1, max_length=LONGEST_FILE_NAME)],
    ) -> Response:
        """Add the articles of a file, which is the body; lines of JSON tell how far it is."""
        self._refuse_samples()
        path = await self._receive(request, name)
        return StreamingResponse(self._index(path), media_type=LINES)

    def _refuse_samples(self) -> None:
        if self.archive.is_samples:
            detail = "The samples stay as they are: index articles of your own."
            raise ProblemError(Problem(403, "samples", detail))

    async def _receive(self, request: Request, name: str) -> Path:
        """Write the body to the folder of added files; one of the same name is replaced."""
        folder = added_folder(self.archive.home)
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
            path = folder / file_name(name)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return path

    async def _index(self, path: Path) -> AsyncIterator[bytes]:
        """Index a file in a thread; yield a line for each step, and last the report."""
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def say(line: dict[str, Any] | None) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, line)

        def tell(progress: IndexProgress) -> None:
            say({"progress": asdict(progress)})

        def work() -> None:
            try:
                report = self.archive.add([path], progress=tell).to_dict()
                for failed in report["failed"]:
                    failed["path"] = Path(failed["path"]).name
                say({"report": report})
            except NewsArchiveError as error:
                say({"problem": problem_of(error).to_dict()})
            except Exception as error:  # the page must hear of it; the log says where it was
                log_fault(log, "a file could not be added", error)
                say({"problem": Problem(500, "fault", FAULT).to_dict()})
            finally:
                say(None)

        task = asyncio.create_task(asyncio.to_thread(work))
        while (line := await lines.get()) is not None:
            yield json.dumps(line).encode() + b"\n"
        await task


def added_folder(directory: Path) -> Path:
    """Return where files that were dropped in are kept."""
    return directory.with_name(directory.name + ADDED)


def file_name(name: str) -> str:
    """Return a name that stays in its folder and can be typed, with the same suffix."""
    plain = _UNSAFE.sub("_", Path(name.replace("\\", "/")).name).strip(". ")
    stem, suffix = Path(plain).stem, Path(plain).suffix
    if len(suffix) > LONGEST_SUFFIX:
        stem, suffix = plain, ""
    room = MOST_NAME_BYTES - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + suffix if plain else "articles.txt"


def add_editing(app: FastAPI, archive: Editable, *, writable: bool) -> Catalogue:
    """Add the routes to the service; return the catalogue, which the page needs too."""
    editing = Editing(archive)
    app.add_api_route("/articles", editing.articles, methods=["GET"], include_in_schema=False)
    if writable:
        for path, method, handler in (
            ("/articles", "POST", editing.add),
            ("/articles/{article_id:path}", "DELETE", editing.remove),
            ("/feedback", "POST", editing.feedback),
        ):
            app.add_api_route(path, handler, methods=[method], include_in_schema=False)
    return editing.catalogue
