"""Connections that never finish a request are closed; all others are left in peace."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from qa import serving
from qa.web import patience
from qa.web.patience import BODY_SECONDS, HEAD_SECONDS, MOST_WAITING, Patience
from tests.pace import within


@dataclass(eq=False)
class Cycle:
    more_body: bool = True
    response_started: bool = False
    response_complete: bool = False


@dataclass(eq=False)
class Connection:
    """Stands for one of uvicorn's, and its own transport."""

    cycle: Cycle | None = None
    closed: bool = field(default=False)

    @property
    def transport(self) -> Connection:
        return self

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_slow_head_and_slow_body_are_closed_each_after_its_time() -> None:
    clock = Clock()
    watch = Patience(clock)
    head, body = Connection(), Connection(Cycle())
    working = Connection(Cycle(more_body=False))
    streaming = Connection(Cycle(response_started=True))
    everything = [head, body, working, streaming]
    watch.check(everything)
    clock.now = HEAD_SECONDS + 1
    assert watch.check(everything) == 1
    assert head.closed
    clock.now = BODY_SECONDS + 1
    assert watch.check(everything[1:]) == 1
    assert (body.closed, working.closed, streaming.closed) == (True, False, False)


def test_connection_that_is_used_again_and_again_stays_open() -> None:
    clock = Clock()
    watch = Patience(clock)
    busy = Connection()
    for _ in range(100):
        busy.cycle = Cycle(response_complete=True)
        watch.check([busy])
        clock.now += HEAD_SECONDS / 2
    assert not busy.closed


def test_of_too_many_the_first_are_closed() -> None:
    clock = Clock()
    watch = Patience(clock)
    first = [Connection() for _ in range(10)]
    watch.check(first)
    clock.now = 1.0
    later = [Connection() for _ in range(MOST_WAITING)]
    assert watch.check([*first, *later]) == 10
    assert all(connection.closed for connection in first)


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await Request(scope, receive).body()
        await PlainTextResponse("inside")(scope, receive, send)


def test_half_sent_requests_are_closed_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(patience._ALLOWED, "head", 0.5)
    ready = threading.Event()
    listener = serving.bind("127.0.0.1", 0)
    server = serving.Server(inside, listener, ready=ready.set)
    thread = threading.Thread(target=server.serve_until_stopped)
    thread.start()
    assert ready.wait(30)
    try:
        address = listener.getsockname()
        opened = [socket.create_connection(address, timeout=10) for _ in range(100)]
        for connection in opened:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half")
        with within(8, clock=time.monotonic):
            assert all(connection.recv(1) == b"" for connection in opened)
        with socket.create_connection(address, timeout=10) as good:
            good.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert good.recv(1 << 12).startswith(b"HTTP/1.1 200")
        for connection in opened:
            connection.close()
    finally:
        server.should_exit = True
        thread.join()
