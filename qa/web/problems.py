"""Errors as problem details (RFC 9457): what programs that call over HTTP are told.

A problem has a stable `type`, which programs go by, and a `detail` for people. It never holds more
than the caller sent; a fault of ours is told without its cause, which goes to the log.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from corpus.errors import (
    ArchiveError,
    ArchiveLockedError,
    NewsArchiveError,
    NotReadyError,
    StorageError,
    UnreachableError,
    UsageError,
)
from qa.web.admission import BusyError

MEDIA_TYPE = "application/problem+json"
TYPES = "urn:news-archive:problem:"
"""What every problem's `type` starts with."""

RETRY_SECONDS = 2
"""How long a caller is asked to wait where the archive is busy or being written to."""

FAULT = "Something went wrong while this was worked on. The archive is unharmed; try again."

STARTING = "The search indices are being made on this machine; try again in a moment."

UNREACHABLE = "What the archive is kept in does not answer now; try again in a moment."


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal: HTTP status, stable name, and a sentence for people.

    `errors` lists what is wrong with a request, field by field; `headers` go with the response.
    """

    status: int
    name: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        members: dict[str, Any] = {
            "type": TYPES + self.name,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return members | ({"errors": list(self.errors)} if self.errors else {})

    def to_response(self) -> Response:
        """Return the problem as an HTTP response."""
        return Response(
            to_json(self.to_dict()),
            status_code=self.status,
            headers={**self.headers, "Cache-Control": "no-store"},
            media_type=MEDIA_TYPE,
        )


class ProblemError(Exception):
    """Raised where a request is refused with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.name)
        self.problem = problem


def to_json(value: Any) -> bytes:
    """Encode as JSON in UTF-8; where a text holds half a surrogate pair, in ASCII with escapes."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def problem_of(error: NewsArchiveError) -> Problem:
    """Return the problem that one of our own errors is to a caller."""
    match error:
        case UsageError():
            return Problem(422, "unusable", str(error))
        case BusyError():
            found = wait("busy", str(error))
        case ArchiveLockedError():
            found = wait("locked", str(error))
        case NotReadyError():
            found = wait("starting", STARTING)
        case UnreachableError():
            found = wait("unreachable", UNREACHABLE)
        case ArchiveError():
            found = Problem(503, "archive", "The archive cannot be used now; its keeper is told.")
        case StorageError():
            found = Problem(503, "storage", "The archive's disk refuses now; its keeper is told.")
        case _:
            found = Problem(500, "fault", FAULT)
    return found


def wait(name: str, detail: str) -> Problem:
    """Return the problem of what will do in a moment."""
    return Problem(503, name, detail, headers={"Retry-After": str(RETRY_SECONDS)})


def told(log: logging.Logger, what: str, error: NewsArchiveError) -> str:
    """Return what the caller is told; where the archive lies and what ails it goes to the log."""
    if isinstance(error, ArchiveError | StorageError):
        log.error("%s: %s", what, error)
    return problem_of(error).detail


def log_fault(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log where an unexpected error came from, without its message: that may quote an article."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    log.error("%s: %s at %s", what, type(error).__name__, places)
