"""Fetching lists of addresses: politely, within limits, and never from a private network."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.cleaning import clean
from corpus.errors import ReadError, UsageError
from corpus.readers import read_file
from corpus.records import Failure
from corpus.web import fetching, network
from corpus.web.addresses import check_public, web_target
from corpus.web.fetching import Fetcher, listed_addresses
from corpus.web.robots import robots_of
from tests import article_files as files
from tests.web_server import PUBLIC, FakeInternet, Reply

HOST = "herald.example"
PAGE = files.html()


@pytest.fixture
def internet() -> Iterator[FakeInternet]:
    internet = FakeInternet()
    yield internet
    internet.close()


def fetch(internet: FakeInternet, folder: Path, *addresses: str) -> fetching.Fetched:
    """Fetch addresses without waiting between them."""
    return Fetcher(internet.network(), delay=0).fetch(addresses, folder)


def reason(internet: FakeInternet, folder: Path, address: str) -> str:
    """Return the one reason why an address brings nothing."""
    fetched = fetch(internet, folder, address)
    assert fetched.files == ()
    (failure,) = fetched.failures
    assert failure.path == address
    return failure.reason


def moved(to: str) -> Reply:
    return Reply(status=302, headers={"Location": to})


def test_a_page_becomes_an_article(internet: FakeInternet, tmp_path: Path) -> None:
    """A fetched page is kept as a file that is read with its address; the site is asked once."""
    page = files.html().replace(b'rel="canonical"', b'rel="other"')
    address = internet.serve(HOST, "/2023/bridge?id=1", page)
    fetched = fetch(internet, tmp_path, address)
    assert fetched.failures == ()
    source = read_file(fetched.files[0])
    article = clean(source.articles[0])
    assert (article.id, article.url, article.title) == (address, address, files.TITLE)
    assert dict(article.stated)["url"] == "archive"
    assert article.clean_text == files.TEXT
    assert internet.asked == [f"{HOST}/robots.txt", f"{HOST}/2023/bridge?id=1"]


PRIVATE = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f000001/",
    "http://127.1/",
    "http://0/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST:8080/",
    "http://a.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://intranet/",
    "http://１２７.０.０.１/",
    "http://ⓛocalhost/",
    "http://herald.example@127.0.0.1/",
    "http://127.0.0.1#@herald.example/",
    "http://127.0.0.1\\@herald.example/",
    "http://127%2e0%2e0%2e1/",
    "ftp://herald.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "http://",
    "http:///etc/passwd",
    "http://herald.example:99999/",
    "http://[::1",
    "http://her ald.example/",
]


NO_HOST = ("http:///etc/passwd", "http://")
"""Addresses that mean the page itself where a page leads on to them."""


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_never_asked(
    internet: FakeInternet, tmp_path: Path, address: str
) -> None:
    """No form of a private address is looked up or connected to."""
    assert reason(internet, tmp_path, address)
    assert (internet.resolved, internet.opened, internet.asked) == ([], [], [])


@pytest.mark.parametrize("address", [a for a in PRIVATE if a not in NO_HOST])
def test_pages_do_not_lead_to_private_addresses(
    internet: FakeInternet, tmp_path: Path, address: str
) -> None:
    """Where an address leads on is checked as the address itself was."""
    if address.startswith("//"):
        address = f"http:{address}"
    start = internet.serve(HOST, "/a", moved(address))
    assert reason(internet, tmp_path, start)
    assert set(internet.opened) == {PUBLIC}
    assert internet.asked == [f"{HOST}/robots.txt", f"{HOST}/a"]


@pytest.mark.parametrize(
    "ip", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"]
)
def test_names_do_not_lead_to_private_addresses(
    internet: FakeInternet, tmp_path: Path, ip: str
) -> None:
    """A public name with a private address, be it one of several, is not connected to."""
    address = internet.serve(HOST, "/a", PAGE)
    for answer in ([ip], [PUBLIC, ip]):
        internet.names[HOST] = [answer]
        assert "private network" in reason(internet, tmp_path, address)
    assert internet.opened == []


def test_a_name_that_changes_its_mind_leads_nowhere(internet: FakeInternet, tmp_path: Path) -> None:
    """A name is looked up once a request, and the connection goes where the check looked."""
    address = internet.serve(HOST, "/a", PAGE)
    internet.names[HOST] = [[PUBLIC], [PUBLIC], ["127.0.0.1"]]
    assert fetch(internet, tmp_path, address).failures == ()
    assert internet.resolved == [HOST, HOST]
    assert internet.opened == [PUBLIC, PUBLIC]
    internet.names[HOST] = [[PUBLIC], ["127.0.0.1"]]
    failures = fetch(internet, tmp_path, address).failures
    assert "private network" in failures[0].reason
    assert internet.opened == [PUBLIC] * 3


def test_public_addresses_pass() -> None:
    """Ordinary hosts, also with letters beyond ASCII, and public IP addresses may be asked."""
    assert str(web_target("HTTPS://Www.Herald.Example:443/a b?q=ü#x")) == (
        "https://www.herald.example/a%20b?q=%C3%BC"
    )
    assert web_target("http://bücher.example/").host == "xn--bcher-kva.example"
    assert web_target("http://93.184.215.14:8080/").origin == "http://93.184.215.14:8080"
    assert web_target("http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/").origin == (
        "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"
    )
    assert str(web_target("../b", web_target("http://a.example/x/y"))) == "http://a.example/b"
    check_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


def test_pages_that_lead_on(internet: FakeInternet, tmp_path: Path) -> None:
    """An address may lead on a few times, also to another site, whose robots.txt counts."""
    internet.serve("a.example", "/x", moved("/y"))
    internet.serve("a.example", "/y", moved("http://b.example/z"))
    internet.serve("b.example", "/z", files.html(url="http://b.example/z"))
    fetched = fetch(internet, tmp_path, "http://a.example/x")
    assert read_file(fetched.files[0]).articles[0].url == "http://b.example/z"
    assert "b.example/robots.txt" in internet.asked
    internet.serve("b.example", "/robots.txt", b"User-agent: *\nDisallow: /z")
    assert "forbids" in fetch(internet, tmp_path / "2", "http://a.example/x").failures[0].reason
    internet.serve("a.example", "/round", moved("/round"))
    assert "leads on" in reason(internet, tmp_path / "3", "http://a.example/round")


def test_robots_are_heeded(internet: FakeInternet, tmp_path: Path) -> None:
    """A path that robots.txt forbids is not asked for; robots.txt is asked once a site."""
    internet.serve(HOST, "/robots.txt", b"User-agent: *\nDisallow: /private\n")
    good = internet.serve(HOST, "/a", PAGE)
    fetched = fetch(internet, tmp_path, f"http://{HOST}/private/a", good, f"http://{HOST}/none")
    assert [failure.path for failure in fetched.failures] == [
        f"http://{HOST}/private/a",
        f"http://{HOST}/none",
    ]
    assert internet.asked == [f"{HOST}/robots.txt", f"{HOST}/a", f"{HOST}/none"]


@pytest.mark.parametrize("status", [429, 500, 503, 206])
def test_a_robots_file_that_fails_forbids_all(
    internet: FakeInternet, tmp_path: Path, status: int
) -> None:
    """While robots.txt cannot be had the site is not asked, and may be another time."""
    internet.serve(HOST, "/robots.txt", Reply(b"x", status))
    fetched = fetch(internet, tmp_path, f"http://{HOST}/a", f"http://{HOST}/b")
    assert all(failure.passing and "robots.txt" in failure.reason for failure in fetched.failures)
    assert internet.asked == [f"{HOST}/robots.txt"]


def test_a_robots_file_that_is_too_large_is_asked_for_once(
    internet: FakeInternet, tmp_path: Path
) -> None:
    """A robots.txt that cannot be taken is not asked for again with each page."""
    internet.serve(HOST, "/robots.txt", b"#" * (fetching.MAX_ROBOTS_BYTES + 1))
    fetched = fetch(internet, tmp_path, *(f"http://{HOST}/{n}" for n in range(3)))
    assert len(fetched.failures) == 3
    assert internet.asked == [f"{HOST}/robots.txt"]


def test_a_host_that_is_not_there_is_tried_once(internet: FakeInternet, tmp_path: Path) -> None:
    """Without a network, or without the host, each address says so, at the cost of one try."""
    fetched = fetch(internet, tmp_path, *(f"http://gone.example/{n}" for n in range(9)))
    assert len(fetched.failures) == 9
    assert all("no such host, or no network" in failure.reason for failure in fetched.failures)
    assert internet.resolved == ["gone.example"]


def test_a_site_is_asked_at_its_pace(internet: FakeInternet, tmp_path: Path) -> None:
    """Two requests to a site are a while apart; robots.txt may ask for longer, others wait not."""
    internet.serve(HOST, "/robots.txt", b"User-agent: *\nCrawl-delay: 0.2")
    addresses = [internet.serve(HOST, f"/{n}", PAGE) for n in range(3)]
    Fetcher(internet.network(), delay=0.1).fetch(addresses, tmp_path)
    pages = internet.times[1:]
    assert min(after - before for before, after in pairwise(pages)) >= 0.2
    waits: list[float] = []
    Fetcher(internet.network(), sleep=waits.append).fetch(addresses[:2], tmp_path)
    assert waits[0] == 0
    assert 0.5 < waits[1] <= fetching.DELAY_SECONDS


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(b"gone", 404), "404"),
        (Reply(b"later", 503), "503"),
        (Reply(b"%PDF-1.7", headers={"Content-Type": "application/pdf"}), "application/pdf"),
        (Reply(b"  "), "empty"),
        (Reply(b"x", headers={"Content-Length": "99999999999"}), "over 10,000,000 bytes"),
        (Reply(chunks=[bytes(1_000_000)] * 11), "over 10,000,000 bytes"),
        (Reply(gzip.compress(bytes(30_000_000)), headers={"Content-Encoding": "gzip"}), "unpack"),
        (Reply(b"x", headers={"Content-Encoding": "gzip"}), "gzip"),
        (Reply(b"x", headers={"Content-Encoding": "br"}), "'br'"),
        (Reply(b"x", headers={"Content-Length": "500"}), "broke off"),
        (Reply(b"x", headers={f"X-{n}": "y" for n in range(200)}), "broke off"),
        (Reply(b"x", headers={"X": "y" * 99_000}), "broke off"),
    ],
)
def test_answers_that_are_no_page(
    internet: FakeInternet, tmp_path: Path, reply: Reply, told: str
) -> None:
    """Errors, other content, bombs, too much and too little are named; nothing is written."""
    assert told in reason(internet, tmp_path, internet.serve(HOST, "/a", reply))
    assert list(tmp_path.iterdir()) == []


def test_a_slow_server_is_left(internet: FakeInternet, tmp_path: Path) -> None:
    """A server that drips is given up after the time limit, however steadily it drips."""
    address = internet.serve(HOST, "/a", Reply(chunks=[b"x"] * 200, pause=0.05))
    fetcher = Fetcher(internet.network(seconds=0.5), delay=0)
    (failure,) = fetcher.fetch([address], tmp_path).failures
    assert failure.passing
    assert "takes over 0.5 s" in failure.reason


def test_certificates_are_checked(tmp_path: Path) -> None:
    """A page comes over TLS from the host that the certificate names, and from no other."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate = tmp_path / "certificate.pem"
    names = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
    out = ("-keyout", certificate, "-out", tmp_path / "own.pem")
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *out)
    subprocess.run(command, check=True, capture_output=True)
    with certificate.open("a") as file:
        file.write((tmp_path / "own.pem").read_text())
    internet = FakeInternet(certificate)
    internet.serve(HOST, "/a", PAGE)
    internet.serve("other.example", "/a", PAGE)
    fetched = fetch(internet, tmp_path / "pages", f"https://{HOST}/a", "https://other.example/a")
    internet.close()
    assert len(fetched.files) == 1
    (failure,) = fetched.failures
    assert failure.path == "https://other.example/a"
    assert "CERTIFICATE_VERIFY_FAILED" in failure.reason or "certificate" in failure.reason


def test_packed_pages_and_charsets(internet: FakeInternet, tmp_path: Path) -> None:
    """A page packed with gzip is unpacked; one whose server names the charset is read in it."""
    text = "Совет решил в понедельник закрыть старый мост на целый год, сообщил мэр города. " * 9
    page = f"<html><body><h1>Мост закрыт</h1><p>{text}</p></body></html>".encode("cp1251")
    headers = {"Content-Type": "text/html; charset=windows-1251", "Content-Encoding": "gzip"}
    address = internet.serve(HOST, "/a", Reply(gzip.compress(page), headers=headers))
    article = read_file(fetch(internet, tmp_path, address).files[0]).articles[0]
    assert text.strip() in article.text


def test_an_unchanged_page_costs_nothing(internet: FakeInternet, tmp_path: Path) -> None:
    """The second run asks whether the page has changed; its file stays as it is if not."""

    def answer(headers: object) -> Reply:
        known = dict(headers).get("if-none-match") == '"1"'  # type: ignore[call-overload]
        return Reply(b"" if known else PAGE, 304 if known else 200, {"ETag": '"1"'})

    for path, reply in (("/tagged", answer), ("/plain", PAGE)):
        address = internet.serve(HOST, path, reply)
        (place,) = fetch(internet, tmp_path, address).files
        before = place.stat()
        again = fetch(internet, tmp_path, address)
        assert (again.files, again.failures) == ((place,), ())
        assert place.stat() == before or place.stat().st_mtime_ns == before.st_mtime_ns
    internet.serve(HOST, "/plain", files.html("Another title of the page"))
    (place,) = fetch(internet, tmp_path, address).files
    assert read_file(place).articles[0].title == "Another title of the page"


def test_a_page_that_is_gone_keeps_its_copy(internet: FakeInternet, tmp_path: Path) -> None:
    """A page that can no longer be fetched is named, and its earlier copy goes on counting."""
    address = internet.serve(HOST, "/a", PAGE)
    (place,) = fetch(internet, tmp_path, address).files
    internet.serve(HOST, "/a", Reply(b"gone", 410))
    fetched = fetch(internet, tmp_path, address)
    assert fetched.files == (place,)
    assert fetched.failures == (Failure(address, "the server answers 410: expected a page"),)


def test_a_bad_page_is_named_with_its_address(internet: FakeInternet, tmp_path: Path) -> None:
    """A fetched page without an article says which address it is of."""
    address = internet.serve(HOST, "/a", b"<html><body>Home</body></html>")
    source = read_file(fetch(internet, tmp_path, address).files[0])
    assert f"({address})" in source.failures[0].reason


def test_stopping_keeps_what_was_fetched(internet: FakeInternet, tmp_path: Path) -> None:
    """Ctrl-C between two pages leaves the first on disk, whole."""

    def stop(headers: object) -> Reply:
        raise KeyboardInterrupt

    addresses = [internet.serve(HOST, f"/{n}", PAGE) for n in range(2)]

    def progress(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Fetcher(internet.network(), delay=0).fetch(addresses, tmp_path, progress)
    (place,) = tmp_path.iterdir()
    assert read_file(place).articles


ROBOTS = """
# a comment
User-agent: other
User-agent: news-archive-qa/0.1
Disallow: /private # why
Allow: /private/open
Disallow: /*.pdf$
Disallow: /*/print/*/all
Crawl-delay: 2

User-agent: *
Disallow: /
"""


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("/", True),
        ("/private", False),
        ("/private/x", False),
        ("/private/open/x", True),
        ("/a.pdf", False),
        ("/a.pdf?x", True),
        ("/a/print/b/all", False),
        ("/a/print/all", True),
    ],
)
def test_rules_of_robots(target: str, allowed: bool) -> None:
    """The group that names the program counts, the longest rule wins, stars and ends are heeded."""
    robots = robots_of(ROBOTS, "news-archive-qa")
    assert robots.allows(target) == allowed
    assert robots.delay == 2
    assert not robots_of(ROBOTS, "else").allows(target)


def test_hostile_robots_take_no_time() -> None:
    """Rules of many stars, long lines, and delays without end are read and matched at once."""
    stars = "User-agent: *\nDisallow: /" + "*a" * 249 + "$\nCrawl-delay: 1e308\n"
    robots = robots_of(stars * 1000 + "x" * 500_000, "news-archive-qa")
    assert robots.allows("/" + "a" * 2000 + "b")
    assert robots.delay <= 30


@pytest.mark.parametrize("text", ["", "\n# nothing\n"])
def test_lists_without_addresses(tmp_path: Path, text: str) -> None:
    """An empty list is a mistake, and so is one that is not there."""
    (tmp_path / "list").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="one web address a line"):
        listed_addresses(tmp_path / "list")
    with pytest.raises(UsageError, match="cannot be read"):
        listed_addresses(tmp_path / "none")


def test_lists_of_addresses(tmp_path: Path) -> None:
    """One address a line, each once; blank lines and comments are left out."""
    (tmp_path / "list").write_text(
        "\ufeffhttp://a.example/\r\n\n# x\n http://b.example/ \n", "utf-8"
    )
    assert listed_addresses(tmp_path / "list") == ("http://a.example/", "http://b.example/")


def test_the_real_network_is_checked_too() -> None:
    """Without a fake resolver, a name of this machine is refused before any connection."""

    def refuse(ip: str, port: int, seconds: float) -> None:
        pytest.fail(f"a connection to {ip}")

    way = network.Network(lambda host, port: ["127.0.0.1"], refuse)  # type: ignore[arg-type]
    with pytest.raises(ReadError, match="private network"):
        way.get(web_target("https://herald.example/"), 1000)
    assert json.dumps(network.HEADERS["User-Agent"]).startswith('"news-archive-qa/')


def test_a_host_is_asked_at_its_other_addresses() -> None:
    """Where the first do not answer, within the same time; a private one among them stops all."""
    tried: list[tuple[str, float]] = []

    def refuse(ip: str, port: int, seconds: float) -> socket.socket:
        tried.append((ip, seconds))
        if ip == "1.0.0.2":
            return socket.create_connection(server.getsockname(), seconds)
        raise OSError(101, "Network is unreachable")

    def way(*addresses: str) -> network.Network:
        return network.Network(lambda host, port: addresses, refuse, seconds=6)

    asked = web_target("http://herald.example/")
    with socket.create_server(("127.0.0.1", 0)) as server:
        way("2606:4700::1", "1.0.0.1", "1.0.0.2", "1.0.0.3")._connected(asked).close()
        assert [ip for ip, _ in tried] == ["2606:4700::1", "1.0.0.1", "1.0.0.2"]
        assert all(0 < seconds < 6 for _, seconds in tried)
        tried.clear()
        with pytest.raises(ReadError, match="private network"):
            way("1.0.0.2", "10.0.0.1").get(asked, 1000)
        assert not tried
        with pytest.raises(ReadError, match="Network is unreachable"):
            way(*[f"1.0.1.{n}" for n in range(9)]).get(asked, 1000)
        assert len(tried) == network.MOST_TRIED


@given(st.text(max_size=60) | st.text(alphabet="htp:/.@[]%0x1a\u3002\u2488é#?\\ ", max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """Whatever a list holds is a public address in its parts, or a reason; nothing else comes."""
    for address in (text, f"http://{text}", f"http://{text}/"):
        try:
            target = web_target(address)
        except ReadError:
            continue
        assert target.host.isascii()
        assert target.target.startswith("/")
        assert str(target).isprintable()
        assert web_target(str(target)) == target


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_robots_file_is_read(text: str, path: str) -> None:
    """Whatever a robots.txt holds, it allows a path or not."""
    for source in (text, f"User-agent: *\nDisallow: {text}\n"):
        assert robots_of(source, "news-archive-qa").allows(f"/{path}") in (True, False)
