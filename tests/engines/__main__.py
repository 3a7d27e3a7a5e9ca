"""Run a command beside an engine, both in a network of their own.

    python -m tests.engines ENGINE -- COMMAND ...

ENGINE is `server` (Milvus in one process), `cluster` or `clusterN` (N query nodes, 2 by default).
What is missing on the machine is installed first; PostgreSQL starts as well. The command finds the
addresses in $QA_TEST_MILVUS and $QA_TEST_DATABASE, and the engine's folder and process ids in
$QA_TEST_ENGINE (JSON). Everything ends with the command.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.engines import installing
from tests.engines.milvus import ADDRESS, start_cluster, start_server
from tests.engines.namespace import leave_the_network
from tests.engines.processes import Processes
from tests.postgres import serving

TRIES = 3
"""Times that an engine is started before it is given up."""


def main(arguments: list[str]) -> int:
    """Start the engine, run the command, stop the engine; return the command's exit code."""
    engine, _, *command = [*arguments, "", ""]
    command = [part for part in command if part]
    wanted = re.fullmatch(r"server|cluster(\d*)", engine)
    if not wanted or arguments[1:2] != ["--"] or not command:
        print(__doc__, file=sys.stderr)
        return 2
    installing.milvus()
    if engine != "server":
        installing.etcd()
    leave_the_network()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the engine ends with its starter
    with tempfile.TemporaryDirectory(prefix="qa-engines-") as place:
        folder = Path(os.environ.get("QA_TEST_ENGINE_FOLDER") or place)
        processes = _start(engine, int(wanted[1] or 2), folder)
        try:
            with serving(folder / "postgres") as database:
                environment = _environment(processes, database.uri)
                return subprocess.run(command, env=environment, check=False).returncode
        finally:
            processes.stop()


def _start(engine: str, nodes: int, folder: Path) -> Processes:
    """Start the engine; on a busy machine a process of Milvus may give up while others start."""
    for number in range(1, TRIES + 1):
        place = folder / f"engine-{number}"
        try:
            return start_server(place) if engine == "server" else start_cluster(place, nodes)
        except RuntimeError as error:
            if number == TRIES:
                raise
            print(f"{error}\nMilvus is started once more", file=sys.stderr, flush=True)
    raise AssertionError("no try was made")


def _environment(processes: Processes, database: str) -> dict[str, str]:
    return {
        **os.environ,
        "QA_TEST_MILVUS": ADDRESS,
        "QA_TEST_DATABASE": database,
        "QA_TEST_ENGINE": json.dumps(
            {"folder": str(processes.folder), "pids": processes.pids()},
        ),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
