"""The commands that serve: `qa chat` people, `qa mcp` models; `qa access` says who may come in."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus.errors import UsageError
from qa import terminal
from qa.options import ArchiveOption, open_archive

if TYPE_CHECKING:
    from qa.web.doors import Rules

LLM_KEY = "QA_LLM_KEY"
"""Environment variable: the key of the language model's address; a command line shows in `ps`."""

DEFAULT_HOST = "127.0.0.1"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

A_MINUTE_FROM_OUTSIDE = 120
"""Requests a minute from each client, where others than this machine can call and nobody says how
many: two a second are more than a person asks, and a tenth of what one core answers."""

HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on.")]
AuthOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Let in only who is in this access file (`qa access` makes one)."
    ),
]
MinuteOption = Annotated[
    int | None,
    typer.Option(
        "--requests-per-minute",
        min=1,
        metavar="N",
        help="Requests a minute from each client. Default: as many as they like on this machine,"
        f" {A_MINUTE_FROM_OUTSIDE} where --host lets others in.",
    ),
]


WritableOption = Annotated[
    bool | None,
    typer.Option(
        "--writable/--read-only",
        help="Whether articles can be added and removed in the page, and answers judged. Default:"
        " writable on this machine, read-only where --host lets others in.",
    ),
]


def chat(
    archive: ArchiveOption = None,
    host: HostOption = DEFAULT_HOST,
    port: PortOption = None,
    auth: AuthOption = None,
    a_minute: MinuteOption = None,
    writable: WritableOption = None,
    llm: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Let the language model at this OpenAI-compatible address phrase answers from the"
            " passages; what they do not support is struck. Its key, if any: $QA_LLM_KEY.",
        ),
    ] = None,
    llm_model: Annotated[
        str, typer.Option(metavar="NAME", help="The model's name there.")
    ] = "default",
) -> int:
    """Open the chat box in a web page, with /api for programs; prints its address when ready."""
    rules = rules_for(host, auth, a_minute)
    from qa.opening import serve
    from qa.written import Writer

    writer = Writer(llm, llm_model, os.environ.get(LLM_KEY)) if llm else None
    with open_archive(archive) as opened:
        may_write = is_loopback(host) if writable is None else writable
        with opened.following():
            serve(opened, host=host, port=port, rules=rules, writable=may_write, writer=writer)
    return 0


def mcp(
    archive: ArchiveOption = None,
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP, not stdio.")] = False,
    host: HostOption = DEFAULT_HOST,
    port: PortOption = None,
    auth: AuthOption = None,
    a_minute: MinuteOption = None,
) -> int:
    """Serve the archive to models (Model Context Protocol): the tools ask, search and read."""
    rules = rules_for(host, auth, a_minute) if http else None
    from qa.web.mcp import serve_http, serve_stdio

    with open_archive(archive) as opened, opened.following():
        if rules is None:
            serve_stdio(opened)
        else:
            serve_http(opened, host=host, port=port, rules=rules)
    return 0


def access(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The access file.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="A person, or a program.")],
    token: Annotated[
        bool, typer.Option("--token", help="Make a program's token, and print it once.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the name out.")] = False,
) -> int:
    """Let a person in with a password, which is asked for, or a program with a token."""
    from qa.web.access import make_token, remove_name, set_password

    if remove:
        if not remove_name(file, name):
            raise UsageError(f"{file} has no {name!r}: its lines begin with the names")
    elif token:
        print(make_token(file, name))  # noqa: T201 - the one time that it is shown
    else:
        set_password(file, name, _ask_password())
    return 0


def _ask_password() -> str:
    """Ask for a password twice without showing it; read one line where nobody types."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def rules_for(host: str, auth: Path | None, a_minute: int | None) -> Rules:
    """Return who may come in at an address; a word to the person where that is everybody."""
    from qa.web.access import Access, read_access
    from qa.web.doors import Rules

    access = Access(read_access(auth)) if auth else None
    if is_loopback(host):
        return Rules(hosts=names_of(host), access=access, a_minute=a_minute)
    if access is None:
        terminal.print_error(
            f"everybody who reaches {host} may ask: --auth FILE lets in only those you name"
        )
    return Rules(access=access, a_minute=a_minute or A_MINUTE_FROM_OUTSIDE)


def names_of(host: str) -> frozenset[str] | None:
    """Return the names by which a server at an address may be called; None: by any."""
    return LOOPBACK_NAMES | {host.strip("[]").lower()} if is_loopback(host) else None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can call at an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to a command line."""
    for command in (chat, mcp, access):
        app.command()(command)
