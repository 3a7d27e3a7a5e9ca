"""The chat's server: ports, headers, bodies, the address it prints, and its end on Ctrl-C."""

from __future__ import annotations

import base64
import hashlib
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from chat_fakes import FakeArchive
from starlette.testclient import TestClient

from corpus.errors import UsageError
from qa import opening, serving
from tests.pace import within

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
CANARY = "canary-zyxwv"
END_SECONDS = 8

PROGRAM = """
import ipaddress, signal, sys

def watch(event, arguments):
    address = arguments[1] if event == "socket.connect" else None
    if isinstance(address, tuple) and not ipaddress.ip_address(address[0]).is_loopback:
        print("BEYOND", address, file=sys.stderr)
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost", None):
        print("BEYOND", arguments[0], file=sys.stderr)

sys.addaudithook(watch)
from chat_fakes import FakeArchive
from qa.opening import serve
signal.signal(signal.SIGINT, getattr(signal, sys.argv[2]))
try:
    serve(FakeArchive(), port=int(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(opening.build_app(FakeArchive())) as client:
        yield client


@contextmanager
def running(on_interrupt: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the chat in a process of its own; give it with the line that it printed."""
    path = f"{ROOT}:{ROOT / 'tests'}"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "0", on_interrupt],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], START_SECONDS)[0], "nothing was printed"
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


# Ports


def test_taken_port_is_named_with_the_way_out() -> None:
    with serving.bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"{port}: Address already in use.*--port"):
            serving.bind("127.0.0.1", port)


def test_next_free_port_is_taken_where_none_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving.bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(serving, "DEFAULT_PORT", port)
        with serving.bind("127.0.0.1", None) as found:
            assert port < found.getsockname()[1] < port + serving.PORTS_TRIED


def test_no_free_port_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving.bind("127.0.0.1", 0) as taken:
        monkeypatch.setattr(serving, "DEFAULT_PORT", taken.getsockname()[1])
        monkeypatch.setattr(serving, "PORTS_TRIED", 1)
        with pytest.raises(UsageError, match="in use: choose a free one with --port"):
            serving.bind("127.0.0.1", None)


@pytest.mark.parametrize(
    ("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 99_999), ("192.0.2.1", 0)]
)
def test_address_that_cannot_be_had_is_a_usage_error(host: str, port: int) -> None:
    with pytest.raises(UsageError, match="--port"):
        serving.bind(host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 -- closed at once
def test_shown_address_can_be_opened(host: str) -> None:
    with serving.bind(host, 0) as listener:
        assert serving.address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


# Headers and bodies


def test_page_may_run_only_its_own_scripts(client: TestClient) -> None:
    """Each inline script of the page is named by its hash; handlers in markup are not allowed."""
    page = client.get("/")
    sources = re.search(r"script-src ([^;]*)", page.headers["content-security-policy"])
    assert sources
    allowed = sources[1].split()
    assert "'unsafe-inline'" not in allowed
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page.text, re.DOTALL)
    inline = [code for code in scripts if code.strip()]
    digests = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in inline]
    assert digests
    assert [f"'sha256-{digest}'" for digest in digests] == allowed[2:]


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", "/no-such-page"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_page_names_no_outside_resource(client: TestClient) -> None:
    page = client.get("/").text
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=[\"']([^\"']+)", page)
    assert loaded
    assert not [url for url in loaded if "//" in url]
    assert "googleapis" not in page


def test_style_sheet_is_served_and_loads_nothing(client: TestClient) -> None:
    sheet = client.get(f"/{opening.STATIC_ROUTE}/chat.css")
    assert sheet.headers["content-type"].startswith("text/css")
    assert not re.search(r"url\(|@import|@font-face", sheet.text)


def test_large_body_is_refused(client: TestClient) -> None:
    body = b"x" * (serving.MAX_BODY_BYTES + 1)
    assert client.post("/gradio_api/queue/join", content=body).status_code == 413


def test_large_body_of_unknown_length_is_refused(client: TestClient) -> None:
    chunks = (b"x" * (1 << 16) for _ in range(20))
    response = client.post("/gradio_api/queue/join", content=chunks)
    assert response.status_code == 413


def test_uploads_are_refused(client: TestClient) -> None:
    response = client.post("/gradio_api/upload", files={"files": ("a.txt", b"text")})
    assert response.status_code == 413


def test_gradio_offers_no_endpoint_to_programs(client: TestClient) -> None:
    """Programs get routes of their own; the page's events are nobody's interface."""
    info = client.get("/gradio_api/info").json()
    assert info["named_endpoints"] == {}
    assert info["unnamed_endpoints"] == {}


# The process


@pytest.mark.parametrize("on_interrupt", ["default_int_handler", "SIG_IGN"])
def test_address_is_printed_and_ctrl_c_ends_it(on_interrupt: str) -> None:
    """Also where a shell started it in the background, with the signal ignored.

    Meanwhile nothing is asked for beyond this machine, and the log tells of a fault without text.
    """
    with running(on_interrupt) as (process, line):
        address = re.fullmatch(r"The chat is at (http://127\.0\.0\.1:(\d+))", line)
        assert address, line
        with httpx.Client(base_url=address[1], timeout=START_SECONDS) as client:
            assert client.post("/api/ask", json={"question": CANARY}).status_code == 200
            assert client.get("/").status_code == 200
            assert client.post("/api/ask", json={"question": "break"}).status_code == 500
        with socket.create_connection(("127.0.0.1", int(address[2]))) as stream:
            stream.sendall(b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in stream.recv(1 << 12)
            with within(END_SECONDS, clock=time.monotonic):
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "BEYOND" not in errors
    assert "canary" not in errors
    assert "a request failed: RuntimeError at" in errors


# Colours


def _luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted([_luminance(one), _luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [":root", "body.dark, html.dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"),
        ("ink", "card"),
        ("ink", "chip"),
        ("muted", "paper"),
        ("muted", "card"),
        ("muted", "chip"),
        ("accent", "paper"),
        ("accent", "card"),
        ("accent", "accent-soft"),
        ("ink", "accent-soft"),
        ("on-accent", "accent"),
        ("mark-ink", "mark"),
    ],
)
def test_text_has_the_contrast_of_wcag_aa(theme: str, ink: str, ground: str) -> None:
    sheet = (opening.STATIC / "chat.css").read_text("utf-8")
    block = sheet[sheet.index(theme + " {") :].split("}")[0]
    colours = dict(re.findall(r"--qa-([\w-]+): (#[0-9a-f]{6});", block))
    assert _contrast(colours[ink], colours[ground]) >= 4.5
