"""The MCP server through the official client: over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("mcp")

from chat_fakes import FakeArchive
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp.exceptions import ToolError
from mcp.shared.memory import create_connected_server_and_client_session

from corpus.errors import ArchiveDamagedError
from qa import serving
from qa.archive import Archive
from qa.searching import search
from qa.web.access import Access, make_token, read_access
from qa.web.admission import Queue
from qa.web.doors import Doors, Rules
from qa.web.mcp import PATH, Tools, build_mcp
from tests.archives import ROOT
from tests.web_clients import QUESTION, filled_archive

SERVER = """
import sys
from pathlib import Path
from qa.archive import Archive
from qa.web.mcp import serve_stdio
from tests.fakes import HashingEncoder
with Archive.open(sys.argv[1], encoder=HashingEncoder()) as archive:
    serve_stdio(archive)
"""

Use = Callable[[ClientSession], Awaitable[None]]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with filled_archive(tmp_path_factory.mktemp("mcp")) as archive:
        yield archive


def text_of(result: Any) -> str:
    """Return the one text that a tool gave."""
    (part,) = result.content
    assert part.type == "text"
    return str(part.text)


async def use_every_tool(client: ClientSession, archive: Archive) -> None:
    """List the tools and call each; what they give is what Python gives."""
    await client.initialize()
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == ["ask", "search", "read"]
    assert all(tool.annotations and tool.annotations.readOnlyHint for tool in listed)
    assert all(tool.description for tool in listed)

    asked = await client.call_tool("ask", {"question": QUESTION, "k": 2})
    assert json.loads(text_of(asked)) == json.loads(
        json.dumps(archive.ask(QUESTION, k=2).to_dict())
    )

    found = json.loads(text_of(await client.call_tool("search", {"question": QUESTION, "k": 3})))
    assert found["passages"] == [passage.to_dict() for passage in search(archive, QUESTION, k=3)]

    wanted = found["passages"][0]["article_id"]
    read = json.loads(text_of(await client.call_tool("read", {"article_id": wanted})))
    assert read["text"] == archive.article(wanted).text
    assert "path" not in read


async def make_mistakes(client: ClientSession) -> None:
    """Every mistake comes back as an error of the tool, in our words."""
    await client.initialize()
    for tool, arguments, told in (
        ("ask", {"question": "?"}, "there is no question"),
        ("ask", {"question": "bridge", "since": "soon"}, "is no date"),
        ("ask", {"question": "bridge", "k": 500}, "less than or equal to 50"),
        ("search", {"question": "bridge", "sources": ["Nowhere"]}, "no article is from"),
        ("read", {"article_id": "none"}, "no article has the id"),
    ):
        result = await client.call_tool(tool, arguments)
        assert result.isError
        assert told in text_of(result)


def test_tools_answer_as_python_does(archive: Archive) -> None:
    async def run() -> None:
        server = build_mcp(archive)._mcp_server
        async with create_connected_server_and_client_session(server) as client:
            await use_every_tool(client, archive)
            await make_mistakes(client)

    asyncio.run(run())


def test_model_is_not_told_where_a_damaged_archive_lies(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeArchive):
        def ask(self, question: str, **limits: Any) -> Any:
            raise ArchiveDamagedError("/home/ada/news is damaged: `qa verify --repair`")

    with pytest.raises(ToolError) as raised:
        asyncio.run(Tools(Broken(), Queue()).ask(QUESTION))
    assert "/home/ada" not in str(raised.value)
    assert "/home/ada/news is damaged" in caplog.text


def test_over_stdio(archive: Archive) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-c", SERVER, str(archive.directory)],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )

    async def run() -> None:
        async with stdio_client(command) as streams, ClientSession(*streams) as client:
            await use_every_tool(client, archive)

    asyncio.run(run())


def test_command_ends_quietly_with_its_input(archive: Archive) -> None:
    """Stdout holds the protocol alone, and stderr nothing."""
    asked = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "qa.cli", "mcp", "--archive", str(archive.directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    for line in asked:
        server.stdin.write(json.dumps(line) + "\n")
    server.stdin.flush()
    assert [json.loads(server.stdout.readline())["id"] for _ in range(2)] == [1, 2]
    out, err = server.communicate(timeout=60)
    assert (server.returncode, out, err) == (0, "", "")


def test_over_http_with_a_token(archive: Archive, tmp_path: Path) -> None:
    token = make_token(tmp_path / "access", "robot")
    rules = Rules(access=Access(read_access(tmp_path / "access")))
    ready = threading.Event()
    listener = serving.bind("127.0.0.1", 0)
    app = Doors(build_mcp(archive).streamable_http_app(), rules)
    server = serving.Server(app, listener, ready=ready.set)
    thread = threading.Thread(target=server.serve_until_stopped)
    thread.start()
    assert ready.wait(30)

    async def run(headers: dict[str, str]) -> None:
        address = serving.address_of(listener) + PATH
        async with (
            httpx.AsyncClient(headers=headers) as caller,
            streamable_http_client(address, http_client=caller) as (read, write, _),
            ClientSession(read, write) as client,
        ):
            await use_every_tool(client, archive)

    try:
        asyncio.run(run({"Authorization": f"Bearer {token}"}))
        with pytest.raises(BaseExceptionGroup) as refused:
            asyncio.run(asyncio.wait_for(run({"Authorization": "Bearer wrong"}), 10))
        assert "401" in repr(refused.value.exceptions)
    finally:
        server.should_exit = True
        thread.join()
