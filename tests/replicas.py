"""A serving replica of a shared archive for tests: `python -m tests.replicas ADDRESS`.

It serves the routes for programs, without the page and without a model, prints its address, and
runs until it is killed.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI

from qa import Archive
from qa.serving import Server, address_of, bind
from qa.web.service import build_service, mount_service
from tests.archives import ROOT
from tests.fakes import HashingEncoder

START_SECONDS = 60
ANSWER_SECONDS = 30


class Replica:
    """A replica in a process of its own, with folders of its own, as on another machine."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self._process = process
        self._host = urlsplit(address).netloc

    def get(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return status and body."""
        return self._request("GET", path, None)

    def ask(self, question: str) -> tuple[int, Mapping[str, Any]]:
        """Ask a question; return status and body."""
        return self._request("POST", "/api/ask", json.dumps({"question": question}))

    def _request(self, method: str, path: str, body: str | None) -> tuple[int, Mapping[str, Any]]:
        connection = http.client.HTTPConnection(self._host, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def wait_until(self, status: str) -> None:
        """Wait until the replica's readiness is of this status."""
        deadline = time.monotonic() + START_SECONDS
        while (told := self.get("/api/ready"))[1].get("status") != status:
            assert time.monotonic() < deadline, told
            time.sleep(0.05)


@contextmanager
def replica(address: str, home: Path) -> Iterator[Replica]:
    """Give a replica that runs within the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.replicas", address],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home)},
    )
    try:
        assert process.stdout is not None
        yield Replica(process, process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.communicate()


def serve(address: str) -> None:
    """Serve an archive on a free port until the process is killed."""
    with Archive.open(address, encoder=HashingEncoder()) as archive, archive.following():
        service = build_service(archive)
        app = FastAPI(openapi_url=None, lifespan=service.router.lifespan_context)
        mount_service(app, service)
        listener = bind("127.0.0.1", 0)
        line = f"The replica is at {address_of(listener)}"
        Server(app, listener, ready=lambda: print(line, flush=True)).serve_until_stopped()


if __name__ == "__main__":
    serve(sys.argv[1])
