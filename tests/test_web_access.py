"""Passwords, tokens and the slowing of guesses; who gets past the doors, and how often."""

from __future__ import annotations

import io
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from corpus.errors import NewsArchiveError, UsageError
from qa.web import access, doors
from qa.web.access import Access, Guesses, TooSoonError, make_token, read_access, set_password
from qa.web.admission import BusyError, Queue, Rate
from qa.web.admission import client_of as one_client
from qa.web.commands import A_MINUTE_FROM_OUTSIDE, is_loopback, rules_for
from qa.web.doors import Rules
from qa.web.sessions import SESSION_SECONDS, Sessions
from tests.web_clients import behind_doors, client_of

PASSWORD = "correct horse battery"  # noqa: S105 - of a test


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the least work that scrypt has."""
    monkeypatch.setattr(access, "SCRYPT", {**access.SCRYPT, "n": 2, "p": 1})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people"
    set_password(path, "ada", PASSWORD)
    return path


# The access file


def test_password_is_kept_as_a_hash_for_the_owner_alone(file: Path) -> None:
    assert PASSWORD not in file.read_text()
    assert re.fullmatch(r"ada password [0-9a-f]{32} [0-9a-f]{64}\n", file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Access(read_access(file)).check_password("ada", PASSWORD, "here")


def test_equal_passwords_have_different_hashes(file: Path) -> None:
    set_password(file, "bob", PASSWORD)
    (_, one), (_, other) = read_access(file).passwords.values()
    assert one != other


def test_new_password_replaces_the_old_one(file: Path) -> None:
    set_password(file, "ada", "another password")
    known = Access(read_access(file))
    assert not known.check_password("ada", PASSWORD, "here")
    assert known.check_password("ada", "another password", "here")


def test_token_is_known_by_its_name_and_stands_nowhere(file: Path) -> None:
    token = make_token(file, "robot")
    known = Access(read_access(file))
    assert known.who_has_token(token) == "robot"
    assert known.who_has_token(token[:-1]) is None
    assert known.who_has_token("") is None
    assert token not in file.read_text()
    assert known.check_password("ada", PASSWORD, "here")


def test_name_is_taken_out(file: Path) -> None:
    make_token(file, "robot")
    assert access.remove_name(file, "ada") == 1
    assert access.remove_name(file, "ada") == 0
    assert list(read_access(file).passwords) == []


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 65, "#a"])
def test_name_that_would_break_the_file_is_refused(file: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        set_password(file, name, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 1_001])
def test_password_of_no_use_is_refused(file: Path, password: str) -> None:
    with pytest.raises(UsageError, match="8 to 1000"):
        set_password(file, "bob", password)


@pytest.mark.parametrize("line", ["ada", "ada password xx yy", "ada secret 00", "ada token zz"])
def test_line_that_is_none_of_ours_is_named(file: Path, line: str) -> None:
    file.write_text(f"# people\n\n{line}\n")
    with pytest.raises(UsageError, match=r"people:3: .*qa access"):
        read_access(file)


def test_missing_or_empty_access_file_lets_nobody_in(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="qa access"):
        read_access(tmp_path / "none")
    (tmp_path / "empty").write_text("# nobody\n")
    with pytest.raises(UsageError, match="lets nobody in"):
        read_access(tmp_path / "empty")


# Guessing


def test_thirty_wrong_passwords_take_over_a_minute(file: Path) -> None:
    """For one who waits exactly as long as told, whatever address each guess comes from."""
    clock = Clock()
    known = Access(read_access(file), Guesses(clock))
    for at in range(30):
        while True:
            try:
                assert not known.check_password("ada", f"guess {at}", f"address {at}")
            except TooSoonError as error:
                clock.now += error.seconds
            else:
                break
    assert clock.now - 1_000.0 > 60


def test_one_address_that_tries_many_names_waits_as_well(file: Path) -> None:
    known = Access(read_access(file), Guesses(Clock()))
    for at in range(3):
        assert not known.check_password(f"name {at}", "guess", "here")
    with pytest.raises(TooSoonError):
        known.check_password("name 3", "guess", "here")


def test_right_password_too_soon_is_refused_and_later_forgets_the_wrong_ones(file: Path) -> None:
    clock = Clock()
    known = Access(read_access(file), Guesses(clock))
    for _ in range(3):
        known.check_password("ada", "guess", "here")
    with pytest.raises(TooSoonError):
        known.check_password("ada", PASSWORD, "here")
    clock.now += access.LONGEST_WAIT
    assert known.check_password("ada", PASSWORD, "here")
    assert not known.check_password("ada", "guess", "here")
    assert not known.check_password("ada", "guess", "here")


def test_memory_of_guesses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "REMEMBERED", 10)
    guesses = Guesses(Clock())
    for at in range(100):
        guesses.note_wrong(f"name {at}")
    assert len(guesses._wrong) == 10


def test_wrong_password_is_logged_without_it(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    known = Access(read_access(file), Guesses(Clock()))
    known.check_password("ada", "the-guess", "192.0.2.7")
    known.check_password("my-password-typed-as-name", "the-guess", "192.0.2.8")
    assert [record.getMessage() for record in caplog.records] == [
        "wrong password for ada from 192.0.2.7 (1 in a row)",
        "wrong password for a name that is not known from 192.0.2.8 (1 in a row)",
    ]


# The doors


def log_in(client: TestClient, password: str = PASSWORD, **fields: str) -> int:
    data = {"name": "ada", "password": password, **fields}
    response = client.post("/login", data=data, follow_redirects=False)
    return int(response.status_code)


def test_stranger_sees_only_the_login_page(file: Path) -> None:
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        page = client.get("/?q=a b", headers={"Accept": "text/html"}, follow_redirects=False)
        assert (page.status_code, page.headers["location"]) == (
            303,
            "/login?next=%2F%3Fq%3Da%2520b",
        )
        told = client.post("/api/ask")
        assert (told.status_code, told.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/gradio_api/queue/data").status_code == 401
        assert client.get("/api/metrics").status_code == 401
        assert client.get("/api/health").text == "inside"
        form = client.get("/login?next=/x")
        assert 'type="password"' in form.text
        assert "inside" not in form.text
        assert "default-src 'none'" in form.headers["content-security-policy"]
        assert form.headers["x-frame-options"] == "DENY"


def test_login_opens_the_page_until_logout(file: Path) -> None:
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        assert log_in(client, "wrong") == 403
        assert client.get("/").status_code == 401
        assert log_in(client) == 303
        assert client.get("/").text == "inside"
        cookie = client.cookies[doors.COOKIE]
        client.post("/logout")
        client.cookies.set(doors.COOKIE, cookie)
        assert client.get("/").status_code == 401


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(file: Path) -> None:
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        data = {"name": "ada", "password": PASSWORD}
        told = client.post("/login", data=data, follow_redirects=False).headers["set-cookie"]
    assert "httponly" in told.lower()
    assert "samesite=lax" in told.lower()


@pytest.mark.parametrize(
    ("place", "shown"),
    [("/?q=x", "/?q=x"), ("//evil.test", "/"), ("https://evil.test", "/"), ("/\\evil.test", "/")],
)
def test_login_leads_nowhere_else(file: Path, place: str, shown: str) -> None:
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        data = {"name": "ada", "password": PASSWORD, "next": place}
        told = client.post("/login", data=data, follow_redirects=False)
        assert told.headers["location"] == shown


def test_token_opens_the_routes_for_programs(file: Path) -> None:
    token = make_token(file, "robot")
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        assert client.get("/api/status", headers={"Authorization": f"Bearer {token}"}).is_success
        wrong = client.get("/api/status", headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 401


def test_guesses_over_http_are_slowed_down(file: Path) -> None:
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        codes = [log_in(client, f"guess {at}") for at in range(6)]
        assert codes[:3] == [403] * 3
        assert set(codes[3:]) == {429}
        assert log_in(client, "x" * 20_000) == 429


@pytest.mark.slow
def test_a_minute_is_not_enough_for_thirty_guesses(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock, and for one who waits as long as the server says."""
    began, guesses = time.monotonic(), 0
    with client_of(behind_doors(Rules(access=Access(read_access(file))))) as client:
        while time.monotonic() - began < 60:
            data = {"name": "ada", "password": f"guess {guesses}"}
            reply = client.post("/login", data=data)
            guesses += reply.status_code == 403
            time.sleep(float(reply.headers.get("retry-after", 0)))
    assert 3 <= guesses < 30


def test_foreign_page_cannot_make_a_browser_ask() -> None:
    with client_of(behind_doors(Rules())) as client:
        own = {"Origin": "http://127.0.0.1"}
        assert client.post("/api/ask", headers=own).text == "inside"
        assert client.post("/api/ask").text == "inside"
        for headers in (
            {"Origin": "https://evil.test"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:9"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            assert client.post("/api/ask", headers=headers).status_code == 403


def test_name_that_was_made_to_point_here_is_refused() -> None:
    with client_of(behind_doors(rules_for("127.0.0.1", None, None))) as client:
        assert client.get("/", headers={"Host": "evil.test"}).status_code == 421
        assert client.get("/", headers={"Host": ""}).status_code == 421
        for host in ("127.0.0.1:7860", "localhost", "[::1]:80"):
            assert client.get("/", headers={"Host": host}).text == "inside"


@pytest.mark.parametrize("broken", ["[", "[::1", "a]b["])
def test_host_or_origin_that_is_none_is_refused_not_a_fault(broken: str) -> None:
    with client_of(behind_doors(rules_for("127.0.0.1", None, None))) as client:
        assert client.get("/", headers={"Host": broken}).status_code == 421
        origin = {"Origin": f"http://{broken}"}
        assert client.post("/", headers=origin).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "localhost"])
def test_server_goes_by_the_address_it_listens_on(host: str) -> None:
    with client_of(behind_doors(rules_for(host, None, None))) as client:
        assert client.get("/", headers={"Host": f"{host}:7860"}).status_code == 200
        assert client.get("/", headers={"Host": "news.example"}).status_code == 421


def test_requests_a_minute_are_counted_where_they_cost_something() -> None:
    with client_of(behind_doors(Rules(a_minute=2))) as client:
        codes = [client.post("/api/ask").status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        refused = client.get("/api/status")
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert client.get("/assets/index.js").text == "inside"
        assert client.get("/api/health").text == "inside"
        assert client.post("/gradio_api/queue/join").status_code == 429
        for way in ("call/respond", "run/predict", "api/predict"):
            assert client.post(f"/gradio_api/{way}").status_code == 429


def test_served_to_others_there_is_a_limit_and_a_warning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rules_for("0.0.0.0", file, None).a_minute == A_MINUTE_FROM_OUTSIDE  # noqa: S104
    assert capsys.readouterr().err == ""
    assert rules_for("0.0.0.0", None, 7).a_minute == 7  # noqa: S104
    assert "--auth FILE" in capsys.readouterr().err
    assert rules_for("127.0.0.1", None, None).a_minute is None


@pytest.mark.parametrize(
    ("host", "own"),
    [("localhost", True), ("127.0.0.5", True), ("::1", True), ("0.0.0.0", False), ("box", False)],  # noqa: S104
)
def test_loopback_is_told_from_the_rest(host: str, own: bool) -> None:
    assert is_loopback(host) is own


# Places and rates


def test_queue_gives_back_its_places_whatever_happens() -> None:
    queue = Queue(places=1)
    for _ in range(3):
        with suppress(ZeroDivisionError), queue.place():
            assert queue.taken == 1
            with pytest.raises(BusyError), queue.place():
                pass
            raise ZeroDivisionError
    assert queue.taken == 0
    assert issubclass(BusyError, NewsArchiveError)


def test_rate_fills_evenly() -> None:
    clock = Clock()
    rate = Rate(60, clock=clock)
    assert [rate.wait("one") for _ in range(60)] == [0.0] * 60
    assert rate.wait("one") == pytest.approx(1.0)
    assert rate.wait("other") == 0.0
    clock.now += 1.0
    assert rate.wait("one") == 0.0
    assert rate.wait("one") > 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("testclient", "testclient"),
    ],
)
def test_network_of_ipv6_counts_as_one_client(address: str, client: str) -> None:
    assert one_client(address) == client


def test_sessions_end() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    key = sessions.begin("ada")
    assert sessions.name(key) == "ada"
    assert sessions.name("") is None
    clock.now += SESSION_SECONDS
    assert sessions.name(key) is None


# The command


def test_access_command_adds_people_and_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from qa.cli import run

    path = tmp_path / "people"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert run(["access", str(path), "ada"]) == 0
    assert run(["access", str(path), "robot", "--token"]) == 0
    token = capsys.readouterr().out.strip()
    known = Access(read_access(path))
    assert known.check_password("ada", PASSWORD, "here")
    assert known.who_has_token(token) == "robot"
    assert run(["access", str(path), "ada", "--remove"]) == 0
    assert run(["access", str(path), "ada", "--remove"]) == 2
    assert "its lines begin with the names" in capsys.readouterr().err
