"""A real Ray: on this machine, and on two of which one is killed (`python -m tests.ray_nodes`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from qa import Archive
from qa.samples import SAMPLE_ARTICLES
from tests.ray_nodes import compare, missing, rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # ray leaves sockets and files open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # of what ray will change
]


@pytest.mark.shared
def test_a_cluster_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is that of a plain loop; nothing listens beyond this machine, nothing is left."""
    if find_spec("ray") is None or shutil.which("ss") is None:
        pytest.skip("ray, or the command ss (Debian's iproute2), is not installed")
    monkeypatch.setenv("QA_THREADS", "2")
    heard: set[str] = set()
    home = Path(os.environ["HOME"])
    for place, workers in (("here", None), ("there", "ray"), ("again", "ray")):
        with Archive.create(tmp_path / place) as archive:
            listen = (lambda _: heard.update(listening())) if workers else None
            report = archive.add([SAMPLE_ARTICLES], workers=workers, progress=listen)
            assert report.warnings == ()
    for place in ("there", "again"):
        assert rows(tmp_path / place) == rows(tmp_path / "here")
    assert heard
    assert {
        address for address in heard if not address.startswith(("127.", "[::ffff:127."))
    } == set()
    assert not (home / ".ray").exists()


def listening() -> set[str]:
    """Return the addresses at which Ray's processes listen."""
    told = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in told.splitlines()]
    names = ("raylet", "gcs_server", "ray::")
    return {words[3] for words in lines if any(name in words[-1] for name in names)}


@pytest.mark.slow
def test_two_machines_of_which_one_is_killed(tmp_path: Path) -> None:
    """Nor does it matter that the writer is: the archive is that of a plain loop."""
    if told := missing():
        pytest.skip(told)
    for line in compare(tmp_path, [SAMPLE_ARTICLES]):
        assert ", identical;" in line
