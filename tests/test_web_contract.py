"""The OpenAPI document against the routes, by schemathesis: what it says is what happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.applications import Starlette

from qa.archive import Archive
from qa.web.service import build_service, mount_service
from tests.web_clients import filled_archive

schemathesis = pytest.importorskip("schemathesis")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # of the tools that the test is made with
]

EXAMPLES = 150
"""Requests for each route and kind of data."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with filled_archive(tmp_path_factory.mktemp("contract")) as archive:
        yield archive


@pytest.fixture(scope="module")
def document(archive: Archive) -> Any:
    app = Starlette()
    mount_service(app, build_service(archive))
    config = schemathesis.Config.from_dict(
        {
            # A question may be as the document says and still none, such as "?!": that is 422.
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 404, 422]}},
        }
    )
    return schemathesis.openapi.from_asgi("/api/openapi.json", app, config=config)


ROUTES = [
    ("/ask", "POST"),
    ("/search", "POST"),
    ("/articles/{article_id}", "GET"),
    ("/status", "GET"),
    ("/health", "GET"),
    ("/ready", "GET"),
    ("/metrics", "GET"),
]


def test_every_route_is_tried(document: Any) -> None:
    found = [result.ok() for result in document.get_all_operations()]
    assert {(route.path, route.method.upper()) for route in found} == set(ROUTES)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_routes_do_what_the_document_says(document: Any, path: str, method: str, mode: str) -> None:
    """Data as the document says is taken, other data refused, and each response is as it says."""
    route = document[path][method]
    if mode == "negative" and not (route.body or route.path_parameters):
        pytest.skip("nothing can be sent to this route")

    @given(case=route.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    def hold(case: Any) -> None:
        case.call_and_validate()

    hold()
