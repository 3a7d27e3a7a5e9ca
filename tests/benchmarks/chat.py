"""The chat's server: how soon it answers, and how long questions that come at once wait."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from typing import Any

import numpy as np

from tests.benchmarks.rows import ROOT, Row

PORT_SECONDS, QUESTION_SECONDS, LONGEST_WAIT = 3.0, 5.0, 8.0
AT_ONCE = 8
TURNS = 5

QUESTIONS = (
    "Which channel is going to show The Salt Widow?",
    "What did the auctioneer tell Ferrow FM the Farrant painting was worth?",
    "Which book was handed back to the library 58 years overdue?",
    "Is Quenby Bridge open to cars yet?",
    "What is the name of the cat that was taken off the ship in the storm?",
    "Who won the coxed skiffs at the Lantern Regatta?",
    "How many people watched the Lantern Regatta?",
    "When does the ferry start to run again?",
)


def rows() -> list[Row]:
    """Start the chat on the shipped samples, built before, and ask it."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "XDG_CACHE_HOME": home, "XDG_DATA_HOME": home, "PYTHONPATH": str(ROOT)}
        env.pop("QA_ARCHIVE", None)
        ask = [sys.executable, "-m", "qa.cli", "ask", QUESTIONS[0]]
        subprocess.run(ask, cwd=ROOT, env=env, capture_output=True, check=False)
        started = time.perf_counter()
        chat = [sys.executable, "-m", "qa.cli", "chat", "--port", "7893"]
        with subprocess.Popen(
            chat, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                address = process.stdout.readline().split()[-1]
                return _measured(address, started)
            finally:
                process.send_signal(signal.SIGINT)


def _measured(address: str, started: float) -> list[Row]:
    page = _get(address, "text/html")
    port = time.perf_counter() - started
    assert "<h1" in page
    _ask(address, QUESTIONS[0])
    first = time.perf_counter() - started
    _get(address, "text/plain")
    whole = time.perf_counter() - started
    for question in QUESTIONS:
        _ask(address, question)
    single = float(np.median([_ask(address, question) for question in QUESTIONS * 3]))
    longest = min(max(_together(address)) for _ in range(TURNS))
    return [
        Row("chat", "a page after the start", port, "s", limit=PORT_SECONDS),
        Row("chat", "first question answered after the start", first, "s", limit=QUESTION_SECONDS),
        Row("chat", "the chat's page after the start", whole, "s"),
        Row("chat", "one question over HTTP", 1e3 * single, "ms"),
        Row("chat", f"{AT_ONCE} at once, the longest wait", 1e3 * longest, "ms", single * 1e3,
            "one question", LONGEST_WAIT * single * 1e3),
    ]  # fmt: skip


def _together(address: str) -> list[float]:
    """Ask all questions at once; return how long each waited."""
    seconds: list[float] = []
    threads = [
        threading.Thread(target=lambda q=question: seconds.append(_ask(address, q)))
        for question in QUESTIONS[:AT_ONCE]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def _get(address: str, accept: str) -> str:
    request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own
        return str(answer.read().decode())


def _ask(address: str, question: str) -> float:
    """Ask one question; return the seconds until its answer is there."""
    body = json.dumps({"question": question}).encode()
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/ask", body, headers)  # noqa: S310 - our own
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own
        assert json.loads(answer.read())["question"] == question
    return time.perf_counter() - started
