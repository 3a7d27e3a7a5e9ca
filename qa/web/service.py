"""Answer programs over HTTP: ask, search, read, status, health, metrics. Mounted at /api.

Questions wait in a bounded queue, and who finds no place is told so at once; refusals are problem
details (RFC 9457). Nothing of a question or an article goes to the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.errors import NewsArchiveError
from corpus.records import Article
from qa.records import Answer, Standing, Status
from qa.searching import FoundPassage, search
from qa.serving import SecurityHeaders
from qa.web import schemas
from qa.web.admission import Queue
from qa.web.metrics import MEDIA_TYPE as METRICS_TYPE
from qa.web.metrics import Metrics
from qa.web.problems import FAULT, MEDIA_TYPE, Problem, ProblemError, log_fault, problem_of, to_json
from qa.web.readiness import PASSING, check_ready

API = "/api"
"""Where the routes are mounted."""

WORKERS = 4
"""Threads for questions. The archive takes them one at a time; the next ones stand ready."""

HIDDEN_STATUS = ("directory",)
"""What `Archive.status()` tells of this machine and nobody else needs to know."""

UNKNOWN_ROUTE = "other"
"""Label of requests for no route of ours, whose paths come from outside."""

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Id = Annotated[str, Path(min_length=1, max_length=schemas.LONGEST_NAME, description="Article id")]


class Served(Protocol):
    """The part of an archive that programs reach; any thread may call it."""

    @property
    def ask(self) -> Callable[..., Answer]:
        """Answer a question, as `Archive.ask` does."""
        ...

    def article(self, article_id: str, version: int | None = None) -> Article:
        """Return an article, as it is or as an earlier version."""
        ...

    def has(self, article_id: str) -> bool:
        """Tell whether there is such an article."""
        ...

    def status(self) -> Status:
        """Return what the archive holds."""
        ...

    def standing(self) -> Standing:
        """Return how far behind a shared archive this process is, without asking anybody."""
        ...


class Service:
    """The routes over one archive, with their queue and counts."""

    def __init__(self, archive: Served, queue: Queue, metrics: Metrics) -> None:
        self.archive = archive
        self.queue = queue
        self.metrics = metrics
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="qa-service")
        metrics.watch("qa_queue_places_taken", "Questions that wait or are worked on.", self._taken)

    def _taken(self) -> float:
        return float(self.queue.taken)

    def close(self) -> None:
        """End the threads."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def ask(self, body: schemas.QuestionBody) -> Response:
        """Answer a question with a quote and its sources, or say why there is no answer."""
        work = partial(
            self.archive.ask, body.question, k=body.k, max_error=body.max_error, **body.options()
        )
        answer = await self._work(work)
        self.metrics.count_question(answered=answer.answered)
        return _json(answer_body(answer))

    async def search(self, body: schemas.SearchBody) -> Response:
        """Return the passages that match a question best."""
        work = partial(search, self.archive, body.question, k=body.k, **body.options())
        found = await self._work(work)
        return _json(passages_body(found))

    async def article(self, article_id: Id) -> Response:
        """Return an article with its whole text."""
        return _json(await self._work(partial(self._read, article_id)))

    def _read(self, article_id: str) -> dict[str, Any]:
        return article_body(article_of(self.archive, article_id))

    async def status(self) -> Response:
        """Tell what the archive holds."""
        told = (await asyncio.to_thread(self.archive.status)).to_dict()
        model = FilePath(told["model"] or "")
        if model.is_absolute():  # a folder is kept by its whole path
            told["model"] = model.name
        return _json({name: value for name, value in told.items() if name not in HIDDEN_STATUS})

    async def health(self) -> Response:
        """Tell that the server answers, and how far behind a shared archive it is."""
        return _json(self.archive.standing().to_dict())

    async def ready(self) -> Response:
        """Tell that the archive can be asked; 503 where it cannot. What is behind still answers."""
        standing = self.archive.standing()
        check_ready(standing)
        await asyncio.to_thread(self.archive.status)
        return _json(standing.to_dict())

    async def counts(self) -> Response:
        """Return counts for Prometheus."""
        return Response(self.metrics.write(), media_type=METRICS_TYPE)

    async def _work(self, work: Callable[[], Result]) -> Result:
        """Do work in a thread while holding a place in the queue."""
        with self.queue.place():
            return await asyncio.get_running_loop().run_in_executor(self._workers, work)


class Holding(Protocol):
    """The part of an archive that gives articles."""

    @property
    def article(self) -> Callable[[str], Article]:
        """Return an article."""
        ...

    @property
    def has(self) -> Callable[[str], bool]:
        """Tell whether there is such an article."""
        ...


def article_of(archive: Holding, article_id: str) -> Article:
    """Return an article; a problem of 404 where there is none."""
    if not archive.has(article_id):
        raise ProblemError(Problem(404, "no-article", "No article has this id."))
    return archive.article(article_id)


def answer_body(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain JSON types, without links to files of this machine."""
    told = answer.to_dict()
    return told | {"citations": [_without_file(cited) for cited in told["citations"]]}


def passages_body(found: Sequence[FoundPassage]) -> dict[str, Any]:
    """Return passages as plain JSON types, without links to files of this machine."""
    return {"passages": [_without_file(passage.to_dict()) for passage in found]}


def _without_file(cited: dict[str, Any]) -> dict[str, Any]:
    """Leave a link to a file out: it opens for nobody else, and tells where the file lies."""
    link = cited["link"]
    return cited | {"link": None} if link and link.startswith("file:") else cited


def article_body(article: Article) -> dict[str, Any]:
    """Return an article as plain JSON types. Where its file lies is nobody else's business."""
    return {
        "id": article.id,
        "text": article.text,
        "title": article.title,
        "source": article.source,
        "published": article.published,
        "updated": article.updated,
        "url": article.url,
        "authors": list(article.authors),
        "clean_text": article.clean_text,
        "kept": [[span.start, span.end] for span in article.kept],
    }


def build_service(
    archive: Served,
    *,
    queue: Queue | None = None,
    metrics: Metrics | None = None,
    guarded: bool = False,
) -> FastAPI:
    """Build the application to mount at /api; `guarded` says in OpenAPI that it wants a token."""
    service = Service(archive, queue or Queue(), metrics or Metrics())

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="News archive",
        version=version("news-archive-qa"),
        summary="Ask a collection of news articles; get the sentence that answers, word for word.",
        openapi_url="/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        lifespan=running,
        middleware=[Middleware(Counting, metrics=service.metrics)],
        exception_handlers=_HANDLERS,
    )
    _add_routes(app, service, guarded)
    app.__dict__["openapi"] = lru_cache(maxsize=1)(partial(_describe, app))
    return app


def _add_routes(app: FastAPI, service: Service, guarded: bool) -> None:
    token = [Depends(HTTPBearer(auto_error=False))] if guarded else []
    asking, reading = (400, 413, 422, 429, 503), (400, 404, 429, 503)
    one_article = "/articles/{article_id:path}"
    for method, path, handler, model, refusals in (
        ("POST", "/ask", service.ask, schemas.AnswerBody, asking),
        ("POST", "/search", service.search, schemas.SearchResult, asking),
        ("GET", one_article, service.article, schemas.ArticleBody, reading),
        ("GET", "/status", service.status, schemas.StatusBody, (429, 503)),
        ("GET", "/health", service.health, schemas.HealthBody, ()),
        ("GET", "/ready", service.ready, schemas.HealthBody, (503,)),
        ("GET", "/metrics", service.counts, None, (429,)),
    ):
        is_open = path in ("/health", "/ready")
        codes = (*refusals, 401) if guarded and not is_open else refusals
        app.add_api_route(
            path,
            handler,
            methods=[method],
            response_model=model,
            response_class=Response if model is None else JSONResponse,
            responses=_documented(codes),
            dependencies=[] if is_open else token,
        )
        _match_lines(app.routes[-1])


def mount_service(app: FastAPI | Starlette, service: FastAPI) -> None:
    """Mount the routes at /api of another application."""
    app.mount(API, SecurityHeaders(service))
    _match_lines(app.routes[-1])


def _match_lines(route: BaseRoute) -> None:
    """Let a route's "any path" match a line break too: an article's id may hold one."""
    if isinstance(route, Route | Mount):
        route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)


def _documented(codes: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of refusals."""
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {
        code: {"description": HTTPStatus(code).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for code in codes
    }


def _describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document with our problems in place of FastAPI's validation error."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        routes=app.routes,
        servers=app.servers or [{"url": API}],
    )
    parts = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        parts.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            told = operation["responses"].get("422", {}).get("content", {})
            if told and MEDIA_TYPE not in told:
                del operation["responses"]["422"]
    problem = schemas.ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    parts |= problem.pop("$defs")
    parts["ProblemBody"] = problem
    return document


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json", headers=_NOT_KEPT)


_NOT_KEPT = {"Cache-Control": "no-store"}


# Refusals


async def _refuse(_: Request, error: Exception) -> Response:
    """Answer with the problem that an error is."""
    if isinstance(error, ProblemError):
        return error.problem.to_response()
    if isinstance(error, NewsArchiveError):
        problem = problem_of(error)
        if problem.status >= 500 and problem.name not in PASSING:
            log_fault(log, "a request failed", error)
        return problem.to_response()
    if isinstance(error, RequestValidationError):
        return _invalid(error).to_response()
    if isinstance(error, ClientDisconnect):  # nobody is there to hear of it
        return Problem(400, "invalid", "The request broke off.").to_response()
    if isinstance(error, HTTPException):
        return _http(error).to_response()
    log_fault(log, "a request failed", error)
    return Problem(500, "fault", FAULT).to_response()


def _invalid(error: RequestValidationError) -> Problem:
    """Name the fields that are wrong; what they held is left out."""
    errors = [
        {"field": ".".join(map(str, item["loc"][1:])) or "body", "message": item["msg"]}
        for item in error.errors()
    ]
    return Problem(400, "invalid", "The request is not as the OpenAPI document says.", errors)


def _http(error: HTTPException) -> Problem:
    names = {400: "invalid", 404: "no-such-route", 405: "no-such-method"}
    detail = "This is no route of the archive; /api/openapi.json lists them."
    headers: Mapping[str, str] = error.headers or {}
    name = names.get(error.status_code, "refused")
    if name == "invalid":
        detail = "The request's body cannot be read: send JSON as application/json."
    return Problem(error.status_code, name, detail, headers=headers)


_HANDLERS: dict[int | type[Exception], Any] = {
    ProblemError: _refuse,
    NewsArchiveError: _refuse,
    RequestValidationError: _refuse,
    HTTPException: _refuse,
}


class Counting:
    """ASGI middleware that counts responses, and turns what nobody expected into a problem."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if status:
                raise
            response = await _refuse(Request(scope), error)
            status = response.status_code
            await response(scope, receive, send)
        finally:
            route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
            self.metrics.count_request(route, status, time.perf_counter() - began)
