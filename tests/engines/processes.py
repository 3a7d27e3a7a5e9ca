"""Processes that an engine is made of: started with a log each, and ended by their ids."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE = 120.0
"""Seconds that an engine may take to answer; a cluster takes some 20 on two cores."""

STOP = 5.0
"""Seconds from the polite signal to the other: Milvus may not heed the first within 8."""


class Processes:
    """Named processes of one engine, in the order in which they were started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process in the folder, its output in `logs/NAME.log`."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._running[name]

    def pids(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {name: process.pid for name, process in self._running.items()}

    def check(self) -> None:
        """Raise RuntimeError where a process has ended by itself, with the end of its log."""
        for name, process in self._running.items():
            if process.poll() is not None:
                log = (self.folder / "logs" / f"{name}.log").read_text("utf-8", "replace")
                told = log.partition("\n\ngoroutine ")[0][-1_500:]  # what went on before it fell
                raise RuntimeError(f"{name} ended with {process.returncode}:\n{told}")

    def wait_for(self, what: str, is_ready: Callable[[], bool]) -> None:
        """Wait until something is ready; RuntimeError where it is not in PATIENCE seconds."""
        deadline = time.monotonic() + PATIENCE
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not answer within {PATIENCE:.0f} seconds")
            time.sleep(0.2)

    def stop(self) -> None:
        """End all processes, the last first."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()
        self._running.clear()


def answers_ok(url: str) -> bool:
    """Tell whether a health page of this machine says OK."""
    try:
        with urllib.request.urlopen(url, timeout=2) as page:  # noqa: S310 - a loopback address
            return b"OK" in page.read()
    except OSError:
        return False
