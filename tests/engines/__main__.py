"""Run a command beside an engine, both in a network of their own.

    python -m tests.engines ENGINE -- COMMAND ...

ENGINE is `server` (Milvus in one process), `cluster` or `clusterN` (N query nodes, 2 by default).
What is missing on the machine is installed first. The command finds the address in $QA_TEST_MILVUS
and the engine's folder and process ids in $QA_TEST_ENGINE (JSON). Everything ends with the command.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.engines import installing
from tests.engines.milvus import ADDRESS, start_cluster, start_server
from tests.engines.namespace import leave_the_network
from tests.engines.processes import Processes


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
    with tempfile.TemporaryDirectory(prefix="qa-engines-") as place:
        folder = Path(os.environ.get("QA_TEST_ENGINE_FOLDER") or place)
        processes = _start(engine, int(wanted[1] or 2), folder)
        try:
            return subprocess.run(command, env=_environment(processes), check=False).returncode
        finally:
            processes.stop()


def _start(engine: str, nodes: int, folder: Path) -> Processes:
    return start_server(folder) if engine == "server" else start_cluster(folder, nodes)


def _environment(processes: Processes) -> dict[str, str]:
    told = json.dumps({"folder": str(processes.folder), "pids": processes.pids()})
    return {**os.environ, "QA_TEST_MILVUS": ADDRESS, "QA_TEST_ENGINE": told}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
