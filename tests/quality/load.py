"""Load on the HTTP route: many clients on this machine, for a bounded time, every answer checked.

    python -m tests.quality.load --clients 128 --seconds 60

prints the responses by status, how long they took, the server's memory, and how many answers were
not the one that the archive gives to the question alone. Exit code 1 where that is not as it
should be: other statuses than 200, 429 and 503, a wrong answer, memory that grows, no recovery.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import select
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qa.archive import Archive
from qa.samples import SAMPLE_GOLD

SERVER = """
from qa.archive import Archive
from qa.opening import serve
with Archive.open() as archive:
    serve(archive, port=0)
"""
START_SECONDS = 120
QUESTIONS = 40
"""Different questions that the clients ask in turn."""

PAUSE = 0.05
"""Seconds that a refused client waits before it asks again."""

ALLOWED = {200, 429, 503}
GROWTH_MB = 64
"""Memory that the server may have more after the load than in its first second: buffers of 128
connections, and what the allocator keeps."""

LARGE_BODY = 20 << 20
HALF_OPEN = 500


@dataclass(slots=True)
class Tally:
    """What the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    broken: int = 0


@contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """Run the chat over the samples in a process of its own; give its process id and port."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            started = select.select([process.stdout], [], [], START_SECONDS)[0]
            assert started, "the server did not start"
            line = process.stdout.readline().rstrip()
            yield process.pid, int(line.rpartition(":")[2])
        finally:
            process.terminate()


def memory(pid: int) -> float:
    """Return a process's resident memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
) -> tuple[int, bytes]:
    """Send one question over an open connection; return status and body of the response."""
    head = f"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), await reader.readexactly(int(fields["content-length"]))


async def client(
    number: int, port: int, until: float, known: Mapping[str, Any], tally: Tally
) -> None:
    """Ask one question after the other until the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    questions = list(known)
    turn = number
    while time.monotonic() < until:
        question = questions[turn % len(questions)]
        turn += 1
        began = time.monotonic()
        status, body = await post(reader, writer, json.dumps({"question": question}).encode())
        tally.statuses[status] += 1
        if status == 200:
            tally.seconds.append(time.monotonic() - began)
            tally.wrong += json.loads(body) != known[question]
        else:
            await asyncio.sleep(PAUSE)
    writer.close()


async def run_clients(clients: int, seconds: float, port: int, known: Mapping[str, Any]) -> Tally:
    """Let many clients ask at once for some seconds."""
    tally, until = Tally(), time.monotonic() + seconds
    done = await asyncio.gather(
        *(client(number, port, until, known, tally) for number in range(clients)),
        return_exceptions=True,
    )
    tally.broken = sum(isinstance(result, BaseException) for result in done)
    return tally


async def send_large_body(port: int) -> int:
    """Send a body of 20 MB without saying how long it is; return the response's status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * (1 << 16) + b"\r\n"
    try:
        for _ in range(LARGE_BODY >> 16):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass  # refused before all was sent
    status = int((await reader.readuntil(b"\r\n")).split()[1])
    writer.close()
    return status


async def leave_half_open(port: int, known: Mapping[str, Any]) -> int:
    """Open many connections that never finish a request; return the status of a good one."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(HALF_OPEN)]
    for _, writer in opened:
        writer.write(b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
    good = await asyncio.open_connection("127.0.0.1", port)
    status, _ = await post(*good, json.dumps({"question": next(iter(known))}).encode())
    for _, writer in [*opened, good]:
        writer.close()
    return status


def answers_alone() -> dict[str, Any]:
    """Return question -> the answer that the archive gives to it alone, as JSON."""
    lines = SAMPLE_GOLD.read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines][:QUESTIONS]
    Archive.open().close()  # makes the samples where they are not there, with torch
    with Archive.open() as archive:
        return {q: json.loads(json.dumps(archive.ask(q).to_dict())) for q in questions}


def measure(clients: int, seconds: float) -> tuple[dict[str, Any], list[str]]:
    """Run the load; return its figures, and what is not as it should be."""
    known = answers_alone()
    with serving() as (pid, port):
        asyncio.run(run_clients(clients, 1.0, port, known))
        before = memory(pid)
        tally = asyncio.run(run_clients(clients, seconds, port, known))
        after = memory(pid)
        alone = asyncio.run(run_clients(1, 1.0, port, known))
        large = asyncio.run(send_large_body(port))
        half_open = asyncio.run(leave_half_open(port, known))
        end = memory(pid)
    spent = sorted(tally.seconds) or [0.0]
    figures = {
        "clients": clients,
        "seconds": seconds,
        "statuses": dict(sorted(tally.statuses.items())),
        "answers a second": round(len(tally.seconds) / seconds, 1),
        "median ms": round(1000 * statistics.median(spent), 1),
        "99% ms": round(1000 * spent[int(0.99 * (len(spent) - 1))], 1),
        "wrong answers": tally.wrong,
        "broken connections": tally.broken,
        "MB before, after, end": [round(before), round(after), round(end)],
        "statuses of one client afterwards": dict(alone.statuses),
        "status of a body of 20 MB": large,
        f"status beside {HALF_OPEN} half-sent requests": half_open,
    }
    checks = {
        "only 200, 429 and 503": set(tally.statuses) <= ALLOWED and not tally.broken,
        "every answer is the one asked alone": bool(tally.seconds) and not tally.wrong,
        "memory stays": end - before < GROWTH_MB,
        "it recovers at once": set(alone.statuses) == {200} and not alone.broken,
        "a large body is refused": large == 413,
        "half-sent requests stop nobody": half_open == 200,
    }
    return figures, [name for name, holds in checks.items() if not holds]


def main() -> int:
    """Run the load and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    figures, broken = measure(options.clients, options.seconds)
    for name, value in figures.items():
        print(f"{name}: {value}")
    print("broken: " + ", ".join(broken) if broken else "all as it should be")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
