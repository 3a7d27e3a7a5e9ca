"""Counts for Prometheus: requests, seconds, questions, the queue, the archive. No text in them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA_TYPE = CONTENT_TYPE_LATEST

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of the histogram's buckets: a question takes some 30 ms alone and seconds in a queue."""


class Metrics:
    """The counts of one server. Labels come from the program alone: their number is bounded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = Counter(
            "qa_requests", "Requests to the routes for programs.", ["route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "qa_request_seconds", "Seconds until a response.", ["route"], buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._questions = Counter(
            "qa_questions", "Questions by outcome: answered, or not in the articles.", ["outcome"],
            registry=self._registry,
        )  # fmt: skip

    def watch(self, name: str, told: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when it is asked for."""
        Gauge(name, told, registry=self._registry).set_function(read)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count one response."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_question(self, *, answered: bool) -> None:
        """Count one question that was asked of the articles."""
        self._questions.labels("answered" if answered else "not_in_articles").inc()

    def write(self) -> bytes:
        """Return all counts in Prometheus's text format."""
        return generate_latest(self._registry)
