"""Bombs, traversal, entities and parsers that run wild: each costs one file and little else."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.errors import ReadError
from corpus.readers import read_file, unpacking
from corpus.readers.formats import Format
from corpus.readers.sandbox import Sandbox
from tests import article_files as files
from tests.pace import within

MEGABYTE = 1024 * 1024
ZEROS = bytes(MEGABYTE)
LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(12)
)


def reasons(folder: Path, name: str, data: bytes) -> list[str]:
    """Return why a file brings no article, or which parts of it do not."""
    place = folder / name
    place.write_bytes(data)
    return [failure.reason for failure in read_file(place).failures]


def only_reason(folder: Path, name: str, data: bytes) -> str:
    """Return the one reason, on one line, why a file brings no article."""
    (folder / name).write_bytes(data)
    source = read_file(folder / name)
    assert source.articles == ()
    assert len(source.failures) == 1
    assert "\n" not in source.failures[0].reason
    return source.failures[0].reason


def zip_bomb(name: str, megabytes: int = 120) -> bytes:
    """Return a ZIP file with one member of zeros."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(name, "w") as member,
    ):
        for _ in range(megabytes):
            member.write(ZEROS)
    return stream.getvalue()


def gzip_bomb(head: bytes = b"", megabytes: int = 120) -> bytes:
    """Return a gzip file of zeros."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb") as packed:
        packed.write(head)
        for _ in range(megabytes):
            packed.write(ZEROS)
    return stream.getvalue()


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Return bombs of every packed format, 120 MB in 120 kB each."""
    gz = gzip_bomb()
    return {
        "a.zip": zip_bomb("a.txt"),
        "a.docx": zip_bomb("word/document.xml"),
        "a.odt": zip_bomb("content.xml"),
        "a.epub": zip_bomb("META-INF/container.xml"),
        "a.txt.gz": gz,
        "a.tar.gz": gz,
        "a.warc.gz": gzip_bomb(b"WARC/1.0\r\n"),
    }


@pytest.mark.parametrize("name", "a.zip a.docx a.odt a.epub a.txt.gz a.tar.gz a.warc.gz".split())
def test_bombs_are_refused_before_they_unpack(
    tmp_path: Path, bombs: dict[str, bytes], name: str
) -> None:
    """A bomb is named as one in under a second, and under 100 MB go to it."""
    read_file(tmp_path / "none.html")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with within(1, clock=time.perf_counter):
        assert "unpack" in only_reason(tmp_path, name, bombs[name])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_gzip_file_of_nothing_but_ends_takes_no_time() -> None:
    """Short members, 20 bytes each, cost what their bytes cost, however many there are."""
    data = gzip.compress(b"") * 50_000
    with within(1.5, clock=time.perf_counter):
        assert unpacking.gunzipped(data).read() == b""
    mixed = b"".join(gzip.compress(bytes([n]) * 3**n) for n in range(12))
    expected = b"".join(bytes([n]) * 3**n for n in range(12))
    assert unpacking.gunzipped(mixed).read() == expected


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    """A member that declares little and holds much is not unpacked beyond what it declares."""
    data = bytearray(zip_bomb("a.txt", 50))
    real = struct.pack("<I", 50 * MEGABYTE)
    while (at := data.find(real)) >= 0:
        data[at : at + 4] = struct.pack("<I", 100)
    assert only_reason(tmp_path, "a.zip", bytes(data))


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of more members than the limit is refused by its table of contents."""
    data = files.zipped({f"{n}.txt": b"word" for n in range(30)})
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 20)
    assert "30 members" in only_reason(tmp_path, "a.zip", data)
    monkeypatch.setattr(unpacking, "MAX_DIRECTORY_BYTES", 100)
    assert "table of contents" in only_reason(tmp_path, "b.zip", data)


@pytest.mark.parametrize("name", ["../up.txt", "/etc/up.txt", "a/../../up.txt", "..\\up.txt"])
@pytest.mark.parametrize("archive", ["a.zip", "a.tar", "a.tar.gz"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, archive: str) -> None:
    """A member whose name leads out of its archive is refused, the others are read."""
    members = {name: b"Words that lead out.", "good.txt": b"Words of news."}
    if archive == "a.zip":
        data = files.zipped(members)
    else:
        data = files.tarred(members, "w:gz" if archive.endswith("gz") else "w")
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / archive).write_bytes(data)
    source = read_file(folder / archive)
    assert [article.text for article in source.articles] == ["Words of news."]
    assert ["leads out" in failure.reason for failure in source.failures] == [True]
    assert all(Path(f.path).is_relative_to(folder) for f in source.failures)
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([archive, "inner"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, b"3"])
def test_links_and_devices_in_a_tar_file_are_refused(tmp_path: Path, kind: bytes) -> None:
    """A link, pipe or device is refused and not followed."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert "link, device" in only_reason(tmp_path, "a.tar", stream.getvalue())


def test_links_in_a_zip_file_are_refused(tmp_path: Path) -> None:
    """A member that is a link by its attributes is refused."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert "a link" in only_reason(tmp_path, "a.zip", stream.getvalue())


def test_archives_in_archives_are_refused(tmp_path: Path) -> None:
    """An archive in an archive is refused, whatever it is called; documents in it are read."""
    inner = files.zipped({"a.txt": b"Words of news."})
    data = files.zipped(
        {"b.zip": inner, "c.tar.gz": files.tarred({}, "w:gz"), "d.docx": files.docx()}
    )
    (tmp_path / "a.zip").write_bytes(data)
    source = read_file(tmp_path / "a.zip")
    assert [f.reason for f in source.failures] == ["an archive in an archive: unpack it first"] * 2
    assert [a.title for a in source.articles] == [files.TITLE]


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("a.rss", lambda xml: xml.replace("ROOT", "rss").encode()),
        ("a.docx", lambda xml: files.zipped({"word/document.xml": xml.encode()})),
        ("a.odt", lambda xml: files.zipped({"content.xml": xml.encode()})),
        ("a.epub", lambda xml: files.zipped({"META-INF/container.xml": xml.encode()})),
    ],
)
@pytest.mark.parametrize(
    "xml",
    [
        f"<!DOCTYPE rss [{LAUGHS}]><rss><item><title>A</title><description>&l11;</description>"
        "</item></rss>",
        f'<!DOCTYPE rss [{LAUGHS}]><rss a="&l11;"><item><title>A</title></item></rss>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><description>&x;'
        "</description></item></rss>",
        '<!DOCTYPE rss [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><rss><item/></rss>',
    ],
    ids=["laughs", "laughs in an attribute", "file", "address"],
)
def test_entities_are_refused(
    tmp_path: Path, name: str, packed: Callable[[str], bytes], xml: str
) -> None:
    """XML that declares entities is refused, quickly, and no file is read through them."""
    with within(1, clock=time.perf_counter):
        reason = only_reason(tmp_path, name, packed(xml))
    assert "entities" in reason or "not XML" in reason
    assert "root:" not in reason


@pytest.mark.parametrize("name", files.WRITERS)
def test_files_cut_off_anywhere(tmp_path: Path, name: str) -> None:
    """A file cut off anywhere brings articles or reasons; nothing raises or takes long."""
    data = files.WRITERS[name]()
    for n in range(1, 12):
        (tmp_path / name).write_bytes(data[: len(data) * n // 12])
        source = read_file(tmp_path / name)
        assert source.articles or source.failures


@pytest.mark.parametrize("name", files.WRITERS)
def test_files_with_flipped_bits(tmp_path: Path, name: str) -> None:
    """A file with one wrong byte here and there brings articles or reasons."""
    data = bytearray(files.WRITERS[name]())
    for n in range(0, len(data), max(1, len(data) // 15)):
        data[n] ^= 0x55
        (tmp_path / name).write_bytes(data)
        source = read_file(tmp_path / name)
        assert source.articles or source.failures


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.rss", files.rss().replace(b"<rss", b"<feettps:")),
        ("a.rtf", files.rtf().replace(b"\\pard", b"\\u99999999999999?\\pard")),
        ("a.warc", files.warc(packed=False).replace(b"WARC-Target-URI", b"WARC-Nothing")),
        ("a.pdf", files.pdf().replace(b"FlateDecode", b"lateDecode")),
        ("a.zip", files.zipped({"a.txt/": b""})),
    ],
)
def test_what_fuzzing_found(tmp_path: Path, name: str, data: bytes) -> None:
    """Files that broke a reader once bring a reason in our words, not an error's name."""
    assert "gave up" not in only_reason(tmp_path, name, data)


def test_a_damaged_header_costs_only_itself(tmp_path: Path) -> None:
    """A date in no time zone of this earth still names its day, and text and subject stay."""
    data = files.mail().replace(b"09:30:00 +0000", b"09:30:00 +99999999999999")
    (tmp_path / "a.eml").write_bytes(data)
    article = read_file(tmp_path / "a.eml").articles[0]
    assert (article.title, article.published) == (files.TITLE, files.DATE)


def test_control_characters_in_a_page(tmp_path: Path) -> None:
    """A page with a control character in its text is read all the same."""
    (tmp_path / "a.html").write_bytes(files.html().replace(b"council", b"coun\x01cil"))
    assert "coun cil" in read_file(tmp_path / "a.html").articles[0].text


def test_one_damaged_page_of_many(tmp_path: Path) -> None:
    """A damaged page of a PDF is left out with a warning, the others are read."""
    data = files.pdf(files.PARAGRAPHS * 40)
    first = data.index(b"stream\n") + 40
    (tmp_path / "a.pdf").write_bytes(data[:first] + b"\xff\xff\xff" + data[first + 3 :])
    source = read_file(tmp_path / "a.pdf")
    assert source.articles
    assert "page 1 left out" in source.warnings[0]


def test_readers_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is wrong with a file stands in its reasons, never on standard error."""
    for name, write in files.WRITERS.items():
        data = write()
        for n in (3, 5, 8):
            (tmp_path / name).write_bytes(data[: len(data) // n] + data[len(data) // 2 :])
            read_file(tmp_path / name)
    assert capfd.readouterr() == ("", "")


def test_one_bad_member_among_good_ones(tmp_path: Path) -> None:
    """Each bad member of an archive is named with its reason, the good ones are read."""
    good = {
        f"{n}.html": files.html(f"Story {n} of the day", url=f"{files.URL}/{n}") for n in range(9)
    }
    bad = {"x.pdf": b"%PDF-1.7 nothing", "y.docx": b"PK\x03\x04", "z.json": b"{", "e.txt": b" "}
    (tmp_path / "a.zip").write_bytes(files.zipped(good | bad))
    source = read_file(tmp_path / "a.zip")
    assert [article.title for article in source.articles] == [
        f"Story {n} of the day" for n in range(9)
    ]
    named = {failure.path.removeprefix(f"{tmp_path}/a.zip") for failure in source.failures}
    assert named == {"/x.pdf", "/y.docx", "/z.json", "/e.txt"}


def test_an_archive_that_ends_too_early_keeps_what_was_read(tmp_path: Path) -> None:
    """The members before the fault of a tar file are read, the rest is reported."""
    data = files.tarred({"a.txt": b"Words of news.", "b.txt": b"More words." * 999})
    (tmp_path / "a.tar").write_bytes(data[:3000])
    source = read_file(tmp_path / "a.tar")
    assert [article.text for article in source.articles] == ["Words of news."]
    assert len(source.failures) == 1


def test_a_password_is_named(tmp_path: Path) -> None:
    """Locked PDF files and ZIP members say that they are locked."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(files.pdf())))
    writer.encrypt("secret", algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    assert "password" in only_reason(tmp_path, "a.pdf", stream.getvalue())
    data = bytearray(files.zipped({"a.txt": b"Words."}))
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    assert "password" in only_reason(tmp_path, "a.zip", bytes(data))


def test_a_scan_is_named(tmp_path: Path) -> None:
    """A PDF without text says that it may be a scan."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.rect(10, 10, 100, 100)
    canvas.save()
    assert "scan" in read_file(tmp_path / "a.pdf").failures[0].reason


def test_a_reader_that_hangs_is_killed(tmp_path: Path) -> None:
    """A file that takes too long brings a reason in time, and the next file is read."""
    place = tmp_path / "a.html"
    sandbox = Sandbox()
    assert sandbox.read(Format.HTML, place, files.html()).articles
    os.kill(sandbox._process.pid, signal.SIGSTOP)
    sandbox._seconds = 1
    with within(2, clock=time.perf_counter), pytest.raises(ReadError, match="over 1 s"):
        sandbox.read(Format.HTML, place, files.html())
    sandbox.close()
    sandbox = Sandbox()
    assert sandbox.read(Format.HTML, place, files.html()).articles
    sandbox.close()


def test_a_reader_that_dies_is_replaced(tmp_path: Path) -> None:
    """A process that ended between two files, idle or killed, is replaced unseen."""
    sandbox = Sandbox()
    for _ in range(3):
        assert sandbox.read(Format.HTML, tmp_path / "a.html", files.html()).articles
        os.kill(sandbox._process.pid, signal.SIGKILL)
    sandbox.close()
    sandbox.close()
    assert sandbox._process is None


def test_threads_wait_in_line(tmp_path: Path) -> None:
    """Several threads may read at once; each gets its own file's article."""
    titles: list[str | None] = [None] * 8

    def read(n: int) -> None:
        (tmp_path / f"{n}.html").write_bytes(files.html(f"Story {n} of the whole day"))
        titles[n] = read_file(tmp_path / f"{n}.html").articles[0].title

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert titles == [f"Story {n} of the whole day" for n in range(8)]
