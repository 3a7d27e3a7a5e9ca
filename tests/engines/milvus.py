"""Milvus 2.3.5, from its wheel: one server with all in it, or a cluster of eight processes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import yaml

from tests.engines import installing
from tests.engines.processes import Processes, answers_ok

ADDRESS = "http://127.0.0.1:19530"
"""Where Milvus listens, inside the network that the engines have for themselves."""

METRICS = 9101
"""First port of the pages of health and metrics, one a process."""

NODE_PORTS = 21_123, 10
"""Port of the first query node, and from one to the next."""

ETCD, ETCD_PEERS = "http://127.0.0.1:2379", "http://127.0.0.1:2380"

_BLANK = re.compile(r"\{\{\s*(\w+)(?:\(\w+\))?(?::\s*([^}]*?))?\s*\}\}")


def start_server(folder: Path) -> Processes:
    """Start one server that keeps everything in the folder; return it once it answers."""
    programs, data = installing.milvus()
    settings = _settings(folder, data)
    settings["etcd"]["use"] = {"embed": True}
    settings["mq"]["type"] = "rocksmq"
    processes = Processes(folder)
    _start_milvus(processes, programs, settings, "standalone", METRICS, mode="STANDALONE")
    return _ready(processes, METRICS)


def start_cluster(folder: Path, query_nodes: int = 2) -> Processes:
    """Start the coordinators, a data, an index and some query nodes, and a proxy, as processes.

    They share etcd, a folder in place of an object store, and a broker that keeps nothing when it
    ends.
    """
    programs, data = installing.milvus()
    processes = Processes(folder)
    try:
        return _started(processes, programs, data, query_nodes)
    except BaseException:
        processes.stop()
        raise


def _started(processes: Processes, programs: Path, data: Path, query_nodes: int) -> Processes:
    broker = _start_broker(processes)
    etcd = f"--listen-client-urls {ETCD} --advertise-client-urls {ETCD}"
    peers = f"--listen-peer-urls {ETCD_PEERS} --initial-advertise-peer-urls {ETCD_PEERS}"
    flags = f"--data-dir etcd {etcd} {peers} --initial-cluster default={ETCD_PEERS}"
    processes.start("etcd", [installing.etcd(), *flags.split()])
    processes.wait_for("etcd", _is_healthy_etcd)
    settings = _settings(processes.folder, data)
    settings["etcd"]["use"] = {"embed": False}
    settings["mq"]["type"] = "kafka"
    settings.pop("pulsar", None)
    settings["kafka"] = {
        "brokerList": broker,
        "securityProtocol": "PLAINTEXT",
        "saslMechanisms": "",
        "readTimeout": 10,
    }
    roles = ["rootcoord", "datacoord", "querycoord", "datanode", "indexnode"]
    roles += [f"querynode{number}" for number in range(query_nodes)] + ["proxy"]
    for number, role in enumerate(roles):
        _start_milvus(processes, programs, settings, role, METRICS + number)
    return _ready(processes, METRICS + len(roles) - 1)


def start_query_node(processes: Processes, number: int, metrics: int) -> None:
    """Start one more query node of a running cluster, such as one in place of one that died."""
    programs, _ = installing.milvus()
    role = f"querynode{number}"
    _run(processes, programs, role, metrics, "DISTRIBUTED")


def _is_healthy_etcd() -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(f"{ETCD}/health", timeout=2) as page:  # noqa: S310 - loopback
            return b"true" in page.read()
    except OSError:
        return False


def _start_broker(processes: Processes) -> str:
    """Start the broker; return its address."""
    script = Path(__file__).with_name("broker.py")
    log = processes.folder / "logs" / "broker.log"
    processes.start("broker", [installing.python(), script])
    processes.wait_for("the broker", lambda: bool(log.read_text("utf-8").strip()))
    return log.read_text("utf-8").strip()


def _settings(folder: Path, data: Path) -> dict[str, Any]:
    """Return Milvus' settings, from the wheel's template, with places in the folder."""
    places = {
        "etcd_data_dir": folder / "data" / "etcd",
        "etcd_log_path": folder / "logs" / "etcd.log",
        "local_storage_dir": folder / "data",
        "rocksmq_data_dir": folder / "data" / "rocksmq",
        "system_log_path": "",
    }
    (folder / "data").mkdir(parents=True, exist_ok=True)
    template = (data / "config.yaml.template").read_text("utf-8")
    filled = _BLANK.sub(lambda blank: str(places.get(blank[1], blank[2] or "")), template)
    settings: dict[str, Any] = yaml.safe_load(filled)
    settings["etcd"]["endpoints"] = "127.0.0.1:2379"
    settings["log"]["level"] = "warn"
    for section in settings.values():
        if isinstance(section, dict) and "ip" in section:
            section["ip"] = "127.0.0.1"  # it would take the first address that others can reach
    conf = folder / "conf"
    conf.mkdir(exist_ok=True)
    (conf / "glog.conf").write_bytes((data / "glog.conf").read_bytes())
    return settings


def _start_milvus(
    processes: Processes,
    programs: Path,
    settings: dict[str, Any],
    role: str,
    metrics: int,
    *,
    mode: str = "DISTRIBUTED",
) -> None:
    text = yaml.safe_dump(settings)
    (processes.folder / "conf" / "milvus.yaml").write_text(text, "utf-8")
    _run(processes, programs, role, metrics, mode)


def _run(processes: Processes, programs: Path, role: str, metrics: int, mode: str) -> None:
    environment = {
        "LD_LIBRARY_PATH": str(programs),
        "MILVUSCONF": str(processes.folder / "conf"),
        "DEPLOY_MODE": mode,
        "METRICS_PORT": str(metrics),
        "MILVUS_RUN_DIR": str(processes.folder / "run" / role),
    }
    command: list[str | Path] = [programs / "milvus", "run", role.rstrip("0123456789")]
    if role.startswith("querynode"):
        first, step = NODE_PORTS
        environment["QUERYNODE_PORT"] = str(first + step * int(role.removeprefix("querynode")))
        command += ["-alias", role]
    processes.start(role, command, environment)


def _ready(processes: Processes, metrics: int) -> Processes:
    health = f"http://127.0.0.1:{metrics}/healthz"
    try:
        processes.wait_for("Milvus", lambda: answers_ok(health))
        time.sleep(1)  # the proxy says OK a moment before it takes requests
    except BaseException:
        processes.stop()
        raise
    return processes
