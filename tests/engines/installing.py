"""What the engines need and a machine may lack: Milvus' wheel, in its own environment, and etcd."""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

MILVUS = "milvus==2.3.5"
"""The last release that PyPI has as a whole server."""

KAFKA = "confluent-kafka>=2.5"
"""Its librdkafka has a broker for tests in it; not durable."""


def home() -> Path:
    """Return the folder in which the engines are kept from one run to the next."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "news-archive-qa-engines"


def python() -> Path:
    """Return a Python that has Milvus' wheel, made where there is none: its pins suit no other."""
    place = home() / "milvus"
    done = place / "done"
    if not done.exists():
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        _say(f"installing {MILVUS} into {place}")
        install = [place / "bin" / "python", "-m", "pip", "install", "-q", MILVUS, KAFKA]
        subprocess.run(install, check=True, stdout=sys.stderr)
        done.touch()
    return place / "bin" / "python"


def milvus() -> tuple[Path, Path]:
    """Return the folder of Milvus' programs and libraries, and the template of its settings."""
    code = "import milvus, pathlib; print(pathlib.Path(milvus.__file__).parent / 'data')"
    found = subprocess.run([python(), "-c", code], check=True, capture_output=True, text=True)
    data, programs = Path(found.stdout.strip()), home() / "programs"
    if not (programs / "done").exists():
        _say(f"unpacking Milvus into {programs}: 246 MB")
        programs.mkdir(parents=True, exist_ok=True)
        for packed in sorted((data / "bin").glob("*.lzma")):
            with lzma.open(packed) as source, (programs / packed.stem).open("wb") as file:
                shutil.copyfileobj(source, file)
            (programs / packed.stem).chmod(0o755)
        (programs / "done").touch()
    return programs, data


def etcd() -> str:
    """Return etcd's program, installed from Debian where it is missing."""
    if not shutil.which("etcd"):
        _say("installing Debian's etcd-server")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("update", "install -y --no-install-recommends etcd-server"):
            subprocess.run(
                ["apt-get", "-qq", *command.split()],
                check=True,
                stdout=sys.stderr,
                env=environment,
            )
    return shutil.which("etcd") or "etcd"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
