"""A real Ray: on this machine, and on two of which one is killed (`python -m tests.ray_nodes`)."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from qa import Archive
from qa.samples import SAMPLE_ARTICLES
from tests.ray_nodes import compare, missing, rows

NAMES = ("raylet", "gcs_server", "ray::")
"""How the names of Ray's processes begin."""

LISTENS = "0A"
"""State of a socket that listens, in Linux' tables."""

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # ray leaves sockets and files open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # of what ray will change
]


@pytest.mark.shared
def test_a_cluster_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is that of a plain loop; nothing listens beyond this machine, nothing is left."""
    if find_spec("ray") is None or not Path("/proc/net/tcp").exists():
        pytest.skip("ray is not installed, or this is no Linux, which tells who listens")
    monkeypatch.setenv("QA_THREADS", "2")
    heard: set[IPv4Address | IPv6Address] = set()
    home = Path(os.environ["HOME"])
    for place, workers in (("here", None), ("there", "ray"), ("again", "ray")):
        with Archive.create(tmp_path / place) as archive:
            listen = (lambda _: heard.update(listening())) if workers else None
            report = archive.add([SAMPLE_ARTICLES], workers=workers, progress=listen)
            assert report.warnings == ()
    for place in ("there", "again"):
        assert rows(tmp_path / place) == rows(tmp_path / "here")
    assert heard
    assert {address for address in heard if not address.is_loopback} == set()
    assert not (home / ".ray").exists()


def listening() -> set[IPv4Address | IPv6Address]:
    """Return the addresses at which Ray's processes listen, by Linux' own tables."""
    ours = {link for process in Path("/proc").glob("[0-9]*") for link in sockets(process)}
    found: set[IPv4Address | IPv6Address] = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text("ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENS and f"socket:[{words[9]}]" in ours:
                found.add(address_of(words[1].split(":")[0]))
    return found


def sockets(process: Path) -> set[str]:
    """Return the sockets of a process, none where it is not Ray's or has ended."""
    found = set()
    with suppress(OSError):
        if (process / "comm").read_text("utf-8").startswith(NAMES):
            for link in (process / "fd").iterdir():
                with suppress(OSError):
                    found.add(str(link.readlink()))
    return found


def address_of(told: str) -> IPv4Address | IPv6Address:
    """Return an address that is told as words of 32 bits in the machine's own byte order."""
    words = [int(told[at : at + 8], 16) for at in range(0, len(told), 8)]
    address = ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
    return getattr(address, "ipv4_mapped", None) or address


def test_the_tables_are_read() -> None:
    """Loopback, everywhere, and an address of four that is written as one of six."""
    if sys.byteorder != "little":
        pytest.skip("these are as a little-endian machine tells them")
    assert address_of("0100007F") == ip_address("127.0.0.1")
    assert not address_of("00000000").is_loopback
    assert address_of("0000000000000000FFFF00000100007F").is_loopback
    assert address_of("00000000000000000000000001000000").is_loopback
    assert not address_of("00000000000000000000000000000000").is_loopback


@pytest.mark.slow
def test_two_machines_of_which_one_is_killed(tmp_path: Path) -> None:
    """Nor does it matter that the writer is: the archive is that of a plain loop."""
    if told := missing():
        pytest.skip(told)
    for line in compare(tmp_path, [SAMPLE_ARTICLES]):
        assert ", identical;" in line
