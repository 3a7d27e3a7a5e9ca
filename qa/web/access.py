"""Who may come in: people with a password, programs with a token; guessing is slowed down.

The access file has one line each: `NAME password SALT HASH` (scrypt, RFC 7914) or
`NAME token HASH` (SHA-256 of 256 random bits, which need no slow hash).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import StorageError, UsageError

SCRYPT = {"n": 1 << 14, "r": 8, "p": 5, "maxmem": 1 << 26, "dklen": 32}
"""OWASP's third setting for scrypt: 16 MiB, some 0.15 s a guess here."""

SALT_BYTES = 16
TOKEN_BYTES = 32
LEAST_PASSWORD = 8
"""Characters of a password, at least (NIST SP 800-63B)."""

MOST_PASSWORD = 1_000
"""Characters of a password that are looked at; more is refused unread."""

FREE_GUESSES = 2
"""Wrong passwords in a row that cost nothing: people mistype."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0
"""Seconds to wait after the next wrong one, doubled up to the longest. Thirty wrong passwords take
over four minutes; the longest is short, since anyone can make an account's owner wait for it."""

FORGOTTEN_AFTER = 3_600.0
"""Seconds after which wrong passwords are forgotten."""

REMEMBERED = 10_000
"""Names and addresses with wrong passwords that are remembered."""

_NAME = re.compile(r"[\w.@-]{1,64}")
_log = logging.getLogger(__name__)


class TooSoonError(Exception):
    """Another guess before its time; `seconds` says how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Guesses:
    """Counts wrong passwords by name and by address, and says when the next may be tried."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Raise TooSoonError where one of the keys has to wait."""
        now = self._clock()
        waits = [self._wait(*self._wrong[key]) - now for key in keys if key in self._wrong]
        if waits and max(waits) > 0:
            raise TooSoonError(max(waits))

    def _wait(self, count: int, last: float) -> float:
        """Return the time from which on another guess may be made."""
        over = count - FREE_GUESSES
        return last + min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (over - 1)) if over > 0 else last

    def note_wrong(self, *keys: str) -> int:
        """Count a wrong password; return how many there were in a row, by the worst of the keys."""
        now, most = self._clock(), 0
        for key in keys:
            count, last = self._wrong.pop(key, (0, now))
            count = 1 if now - last > FORGOTTEN_AFTER else count + 1
            self._wrong[key] = (count, now)
            most = max(most, count)
        while len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)
        return most

    def note_right(self, *keys: str) -> None:
        """Forget the wrong passwords of these keys."""
        for key in keys:
            self._wrong.pop(key, None)


@dataclass(frozen=True, slots=True)
class Entries:
    """What an access file holds: name -> (salt, hash) of a password, hash -> name of a token."""

    passwords: Mapping[str, tuple[bytes, bytes]]
    tokens: Mapping[bytes, str]


class Access:
    """Checks passwords and tokens against an access file. Safe for threads."""

    def __init__(self, entries: Entries, guesses: Guesses | None = None) -> None:
        self._entries = entries
        self._guesses = guesses or Guesses()
        self._one_at_a_time = threading.Lock()
        self._nobody = (secrets.token_bytes(SALT_BYTES), secrets.token_bytes(SCRYPT["dklen"]))

    def who_has_token(self, token: str) -> str | None:
        """Return the name of the program whose token this is, or None."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        return self._entries.tokens.get(digest)

    def check_password(self, name: str, password: str, address: str) -> bool:
        """Tell whether a password is the one of that name.

        A name that is not known takes as long as one that is. Raises TooSoonError after wrong
        passwords for the same name, or from the same address.
        """
        keys = f"name {name[: LEAST_PASSWORD * 8]}", f"address {address}"
        with self._one_at_a_time:  # many guesses at once must not share one wait, nor the memory
            self._guesses.check(*keys)
            salt, expected = self._entries.passwords.get(name, self._nobody)
            found = hash_password(password[: MOST_PASSWORD + 1], salt)
            if hmac.compare_digest(found, expected) and len(password) <= MOST_PASSWORD:
                self._guesses.note_right(*keys)
                return True
            count = self._guesses.note_wrong(*keys)
        known = name if name in self._entries.passwords else "a name that is not known"
        _log.warning("wrong password for %s from %s (%d in a row)", known, address, count)
        return False


def hash_password(password: str, salt: bytes) -> bytes:
    """Return the scrypt hash of a password, 32 bytes."""
    return hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, **SCRYPT)


def read_access(path: Path) -> Entries:
    """Read an access file. Raises UsageError where there is none, or a line is none of ours."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the access file {path} cannot be read: make it with `qa access {path} NAME`"
        ) from error
    passwords: dict[str, tuple[bytes, bytes]] = {}
    tokens: dict[bytes, str] = {}
    for number, line in enumerate(lines, start=1):
        try:
            match line.split():
                case [] | [str("#"), *_]:
                    pass
                case [name, "password", salt, digest]:
                    passwords[name] = bytes.fromhex(salt), bytes.fromhex(digest)
                case [name, "token", digest]:
                    tokens[bytes.fromhex(digest)] = name
                case _:
                    raise ValueError
        except ValueError as error:
            raise UsageError(
                f"{path}:{number}: this is no line of an access file: write it anew with"
                f" `qa access {path} NAME`"
            ) from error
    if not passwords and not tokens:
        raise UsageError(f"{path} lets nobody in: add somebody with `qa access {path} NAME`")
    return Entries(passwords, tokens)


def set_password(path: Path, name: str, password: str) -> None:
    """Write a person's password to an access file, in place of an earlier one.

    Raises UsageError for a name or a password that cannot be used.
    """
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise UsageError(
            f"the password has {len(password)} characters: take {LEAST_PASSWORD} to {MOST_PASSWORD}"
        )
    salt = secrets.token_bytes(SALT_BYTES)
    _write(path, name, "password", f"{salt.hex()} {hash_password(password, salt).hex()}")


def make_token(path: Path, name: str) -> str:
    """Write a new token of a program to an access file, and return it: it stands nowhere else."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    _write(path, name, "token", hashlib.sha256(token.encode()).hexdigest())
    return token


def remove_name(path: Path, name: str) -> int:
    """Take a name's password and token out of an access file; return how many lines went."""
    lines = _lines(path)
    kept = [line for line in lines if line.split()[:1] != [name]]
    _replace(path, kept)
    return len(lines) - len(kept)


def _write(path: Path, name: str, kind: str, rest: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"the name {name!r} cannot be used: take letters, digits and . _ @ -")
    kept = [line for line in _lines(path) if line.split()[:2] != [name, kind]]
    _replace(path, [*kept, f"{name} {kind} {rest}"])


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _replace(path: Path, lines: list[str]) -> None:
    """Write the file anew, for its owner's eyes only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"the access file {path} cannot be written ({error.strerror}): choose another place"
        ) from error
