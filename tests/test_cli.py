"""The command line: exit codes, streams, JSON, and the surroundings it is run in."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from corpus.errors import NewsArchiveError
from corpus.web import fetching
from embeddings.locking import writer_lock
from qa import Archive, cli, terminal
from tests import article_files
from tests.archives import ROOT, files_below
from tests.conftest import is_root
from tests.fakes import HashingEncoder, stories, write_articles
from tests.web_server import FakeInternet

README = ROOT / "README.md"
QUESTION = "How many visitors did Keeper Name7son count?"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of an archive of twelve articles, made once."""
    place = tmp_path_factory.mktemp("template")
    write_articles(place / "stories.jsonl", stories(12))
    with Archive.create(place / "archive", encoder=HashingEncoder()) as made:
        made.add(place / "stories.jsonl")
    return place / "archive"


@pytest.fixture
def archive(tmp_path: Path, template: Path) -> Path:
    """Return the directory of an archive of twelve articles."""
    return Path(shutil.copytree(template, tmp_path / "archive"))


@pytest.fixture(autouse=True)
def _hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let archives that the commands open use the encoder without a model."""
    for name in ("open", "create"):
        original = getattr(Archive, name)

        def opened(*args: Any, _original: Any = original, **options: Any) -> Archive:
            model = options.pop("model", None)
            options.setdefault("encoder", HashingEncoder(model=model or "hashing"))
            made: Archive = _original(*args, **options)
            return made

        monkeypatch.setattr(Archive, name, opened)


# The same in a process of its own: for signals, pipes and surroundings.
SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from qa import Archive, cli
from tests.fakes import HashingEncoder
import embeddings.indexing, embeddings.writing
embeddings.indexing.WINDOW = embeddings.writing.WINDOW = 4
class Slow(HashingEncoder):
    def encode_passages(self, passages):
        for item in super().encode_passages(passages):
            time.sleep(SECONDS)
            yield item
def patched(original):
    return lambda *args, model=None, **options: original(*args, **{"encoder": Slow()} | options)
Archive.open, Archive.create = patched(Archive.open), patched(Archive.create)
cli.main()
"""


def start(
    *arguments: str | Path,
    seconds: float = 0,
    env: dict[str, str | None] | None = None,
    behind: tuple[str, ...] = (),
    text: bool = True,
) -> subprocess.Popen[Any]:
    """Start the command line; `behind` another command, `seconds` a passage in the encoder."""
    script = SCRIPT.replace("SECONDS", str(seconds))
    merged = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.Popen(
        [*behind, sys.executable, "-c", script, *map(str, arguments)],
        env={name: value for name, value in merged.items() if value is not None},
        text=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )


def qa(*arguments: str | Path, stdin: str = "", **options: Any) -> tuple[int, str, str]:
    """Run the command line in a process of its own; return code, stdout, stderr."""
    process = start(*arguments, **options)
    out, err = process.communicate(stdin, timeout=60)
    return process.returncode, out, err


def run(*arguments: str | Path) -> int:
    """Run the command line in this process."""
    return cli.run([str(argument) for argument in arguments])


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what was printed on stdout as JSON; nothing but JSON may be there."""
    return json.loads(capsys.readouterr().out)


# Documentation


def commands() -> Iterator[tuple[str, Any]]:
    for command in cli.app.registered_commands:
        assert command.callback is not None
        yield command.name or command.callback.__name__, command.callback


COMMANDS = sorted(commands())


def test_the_commands_of_the_contract_are_there() -> None:
    """DESIGN section 3 names them."""
    names = {name for name, _ in COMMANDS}
    assert names >= set("index ask chat evaluate status verify remove export".split())


@pytest.mark.parametrize(("name", "callback"), COMMANDS)
def test_every_command_is_described(name: str, callback: Any) -> None:
    """By a docstring, help for each parameter, and a mention in the README."""
    assert callback.__doc__
    hints = get_type_hints(callback, include_extras=True)
    assert all(hints[name].__metadata__[0].help for name in inspect.signature(callback).parameters)
    if README.exists():
        assert f"qa {name}" in README.read_text("utf-8")


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_help_is_printed_and_costs_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` ends well and says how to use the command."""
    assert run(name, "--help") == 0
    assert f"qa {name}" in capsys.readouterr().out


# Exit codes


def test_0_when_answered(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer goes to stdout with its source, and stderr stays empty."""
    code = run("ask", QUESTION, "--archive", archive)
    captured = capsys.readouterr()
    assert code in (0, 3)
    assert "Name7son" in captured.out
    assert captured.err == ""


def test_1_when_nothing_could_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there is a failure that is named."""
    assert run("index", tmp_path / "none", "--archive", tmp_path / "archive") == 1
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_1_with_strict_when_anything_failed(tmp_path: Path, news: Path) -> None:
    """Otherwise a bad file among good ones is reported and the run counts as done."""
    (news / "bad.json").write_text("{", "utf-8")
    assert run("index", news, "--archive", tmp_path / "archive") == 0
    assert run("index", news, "--strict", "--archive", tmp_path / "archive") == 1


def test_a_list_of_addresses_is_fetched_and_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages become articles, what cannot be fetched is named, and a second run changes nothing."""
    internet = FakeInternet()
    internet.serve("herald.example", "/bridge", article_files.html())
    monkeypatch.setattr(fetching, "Fetcher", partial(fetching.Fetcher, internet.network(), 0))
    (tmp_path / "list").write_text("http://herald.example/bridge\nhttp://127.0.0.1/\n", "utf-8")
    arguments = ("index", "--urls", tmp_path / "list", "--json", "--archive", tmp_path / "archive")
    assert run(*arguments) == 0
    first = printed(capsys)
    failed = [part["path"] for part in first["failed"]]
    assert (first["added"], failed) == (1, ["http://127.0.0.1/"])
    assert run(*arguments) == 0
    assert printed(capsys)["unchanged"] == 1
    internet.close()
    with Archive.open(tmp_path / "archive") as archive:
        (article,) = archive.export_articles()
    assert (article["url"], article["stated"]["url"]) == (article_files.URL, "page")


@pytest.mark.parametrize(
    "arguments",
    [
        ["index"],
        ["index", "--urls", "none.txt"],
        ["index", "--watch", "none"],
        ["ask"],
        ["ask", "why", "-k", "0"],
        ["ask", "why", "-k", "many"],
        ["no-such-command"],
        ["ask", "--no-such-option", "why"],
        ["remove"],
    ],
)
def test_2_for_a_command_line_that_cannot_be_read(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The parser's own words, on stderr."""
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", " "],
        ["ask", QUESTION, "--source", "Nobody"],
        ["ask", QUESTION, "--since", "someday"],
        ["export", "--articles", "--passages"],
    ],
)
def test_2_for_what_cannot_be_used(
    archive: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names it."""
    assert run(*arguments, "--archive", archive) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("qa: ")
    assert captured.err.count("\n") == 1


def test_3_when_the_articles_do_not_answer(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason stands on stdout, since it is the answer."""
    code = run("ask", "xylophone zebra quux", "--archive", archive)
    assert code == 3
    assert "Not in these articles" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["ask", "status", "verify", "remove", "export"])
def test_4_without_an_archive(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says how to make one, and nothing is made."""
    words = ["why"] if command in ("ask", "remove") else []
    assert run(command, *words, "--archive", tmp_path / "none") == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "qa index" in captured.err
    assert not (tmp_path / "none").exists()


def test_4_for_a_damaged_archive(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that is none, and what verify finds in one."""
    current = archive / "derived" / "CURRENT"
    current.write_text("nowhere", "utf-8")
    assert run("verify", "--archive", archive) == 4
    assert str(current) in "".join(capsys.readouterr().out.splitlines())
    (archive / "archive.sqlite").write_text("no database " * 99, "utf-8")
    assert run("ask", QUESTION, "--archive", archive) == 4
    assert "damaged" in capsys.readouterr().err


def test_4_for_another_model(archive: Path, news: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The way out is named."""
    assert run("index", news, "--model", "other", "--archive", archive) == 4
    assert "--model hashing" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["index", "."], ["remove", "story-1"]])
def test_5_while_another_process_writes(
    archive: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The holder is named."""
    with writer_lock(archive):
        assert run(*arguments, "--archive", archive) == 5
    assert str(os.getpid()) in capsys.readouterr().err


def test_130_and_what_was_finished_is_kept(tmp_path: Path) -> None:
    """Ctrl-C in the middle of indexing; the same command goes on behind it (FAULTS, row 32)."""
    news, archive = tmp_path / "news", tmp_path / "archive"
    news.mkdir()
    for n, story in enumerate(stories(40)):
        write_articles(news / f"{n:02d}.jsonl", [story])
    process = start("index", news, "--archive", archive, seconds=0.05)
    _wait_for_commit(archive, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert out == ""
    assert err == "qa: interrupted: what was finished is kept; the same command goes on\n"
    with Archive.open(archive) as opened:
        assert opened.verify() == []
        kept = opened.status().articles
        assert 0 < kept < 40
    code, out, err = qa("index", news, "--archive", archive, "--json")
    report = json.loads(out)
    assert (code, report["added"], report["unchanged"]) == (0, 40 - kept, kept)


def _wait_for_commit(archive: Path, process: subprocess.Popen[Any]) -> None:
    """Wait until a first window has been committed."""
    from embeddings.store import Store

    while process.poll() is None:
        try:
            if Store(archive).counts()["articles"]:
                return
        except NewsArchiveError:
            continue
    raise AssertionError(process.communicate())


def test_130_while_asking(archive: Path) -> None:
    """Ctrl-C while it waits for questions."""
    process = start("ask", "-", "--archive", archive)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(QUESTION + "\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.count("\n")) == (130, 1)


# JSON


def test_index_json(tmp_path: Path, news: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts with the names of the contract, failures with path and reason."""
    (news / "bad.json").write_text("{", "utf-8")
    assert run("index", news, "--archive", tmp_path / "archive", "--json") == 0
    report = printed(capsys)
    assert [report[n] for n in ("added", "updated", "unchanged", "removed")] == [12, 0, 0, 0]
    assert report["passages"] == 12
    assert report["seconds"] >= 0
    assert [sorted(failure) for failure in report["failed"]] == [["path", "reason"]]


def test_ask_json_is_the_answer(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same names as in Python."""
    run("ask", QUESTION, "--archive", archive, "--json", "-k", "2")
    found = printed(capsys)
    with Archive.open(archive) as opened:
        answer = opened.ask(QUESTION, k=2)
    assert found.keys() == answer.to_dict().keys()
    assert len(found["citations"]) == len(answer.citations) <= 2
    assert found["citations"][0]["article_id"] == answer.citations[0].article_id


def test_questions_from_stdin(archive: Path) -> None:
    """One a line, JSON lines out, blank lines passed over, a bad one answered with an error."""
    code, out, err = qa(
        "ask", "-", "--archive", archive, stdin=f"{QUESTION}\n\n?!\nthe harbour, Nämé\n"
    )
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [record["question"] for record in records] == [QUESTION, "?!", "the harbour, Nämé"]
    assert "error" in records[1]
    assert records[0]["citations"]


def test_status_verify_and_remove_json(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each prints one object."""
    assert run("status", "--archive", archive, "--json") == 0
    status = printed(capsys)
    assert (status["articles"], status["directory"]) == (12, str(archive))
    assert run("verify", "--archive", archive, "--json") == 0
    assert printed(capsys) == {"archive": str(archive), "problems": []}
    assert run("remove", "story-1", "none", "--archive", archive, "--json") == 1
    assert printed(capsys) == {"removed": 1, "unknown": ["none"]}


def test_export_makes_json_lines(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Articles in the format that index reads, with path and clean text; passages with offsets."""
    assert run("export", "--archive", archive) == 0
    articles = {a["id"]: a for a in map(json.loads, capsys.readouterr().out.splitlines())}
    assert len(articles) == 12
    names = {"id", "text", "title", "source", "published", "url", "authors", "path", "clean_text"}
    assert all(names <= article.keys() for article in articles.values())
    assert run("export", "--passages", "--archive", archive) == 0
    for line in capsys.readouterr().out.splitlines():
        passage = json.loads(line)
        assert sorted(passage) == ["article", "end", "start", "text"]
        text = articles[passage["article"]]["text"]
        assert text[passage["start"] : passage["end"]] == passage["text"]


# People


def test_reports_for_people(tmp_path: Path, news: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts on stdout; failures and warnings on stderr."""
    (news / "bad.json").write_text("{", "utf-8")
    archive = tmp_path / "archive"
    run("index", news, "--archive", archive)
    captured = capsys.readouterr()
    assert "12 added" in captured.out
    assert "bad.json" in captured.err
    run("status", "--archive", archive)
    assert "12 articles" in capsys.readouterr().out
    run("verify", "--archive", archive)
    assert "right" in capsys.readouterr().out
    run("remove", "story-1", "--archive", archive)
    assert "1 removed" in capsys.readouterr().out


def test_the_samples_answer_where_there_is_no_archive(capsys: pytest.CaptureFixture[str]) -> None:
    """And the answer says that they are samples."""
    run("ask", "When did Quenby Bridge close?")
    captured = capsys.readouterr()
    assert "sample" in captured.out
    assert captured.err == ""


def test_articles_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape sequences and marks of direction are shown as marks, markup as it is."""
    hostile = "\x1b[2J\x1b]0;title\x07\u202e\x9b31m [bold]not bold[/bold] :smile:"
    story = stories(1)[0]
    story |= {"title": f"Title {hostile}", "source": f"Post {hostile}"}
    story["text"] = f"Keeper Zeta counted {hostile} visitors on Tuesday. It rained all day long."
    path = write_articles(tmp_path / "a.jsonl", [story])
    run("index", path, "--archive", tmp_path / "archive")
    capsys.readouterr()
    run("ask", "How many visitors did Keeper Zeta count?", "--archive", tmp_path / "archive")
    run("status", "--archive", tmp_path / "archive")
    captured = capsys.readouterr().out
    assert not set("\x1b\x07\u202e\x9b") & set(captured)
    assert "[bold]not bold[/bold]" in " ".join(captured.split())
    assert "\N{REPLACEMENT CHARACTER}" in captured


def test_json_commands_no_terminal_and_says_the_same() -> None:
    value = {"text": "\x9b31m \u202e \x7f \x1b[2J über 新 \n"}
    written = terminal.escaped(json.dumps(value, ensure_ascii=False))
    assert not set("\x9b\u202e\x7f\x1b") & set(written)
    assert "über 新" in written
    assert json.loads(written) == value


def test_file_name_cannot_overwrite_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_error("failed: a\rqa: all is well")
    assert "\r" not in capsys.readouterr().err


# Surroundings (FAULTS, row 33)


def test_nothing_but_messages_on_stderr_without_a_terminal(tmp_path: Path, news: Path) -> None:
    """No progress bar, no empty line, no control characters."""
    code, out, err = qa("index", news, "--archive", tmp_path / "archive", seconds=0.15)
    assert (code, err) == (0, "")
    assert "12 added" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"COLUMNS": "20", "TERM": "dumb", "NO_COLOR": "1", "TZ": "Pacific/Kiritimati"},
        {"HOME": None, "XDG_DATA_HOME": None, "XDG_CACHE_HOME": None},
        {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "XDG_DATA_HOME": ""},
    ],
    ids=["locale C", "narrow", "no HOME", "HOME read-only"],
)
def test_any_surroundings(archive: Path, tmp_path: Path, env: dict[str, str | None]) -> None:
    """It answers, and its JSON is JSON."""
    story = stories(1, first=50)[0] | {"title": "Naïve “quotes” – 東京", "source": "Écho"}
    with Archive.open(archive) as opened:
        opened.add(write_articles(tmp_path / "more.jsonl", [story]))
    code, out, err = qa("ask", "Keeper Name50son", "--archive", archive, env=env)
    assert (code in (0, 3), err) == (True, "")
    assert "Name50son" in "".join(out.split())
    line = qa("ask", "-", "--archive", archive, stdin="Keeper Name50son\n", env=env)[1]
    assert json.loads(line)["citations"][0]["source"] == "Écho"


def test_samples_are_built_where_home_cannot_be_written(tmp_path: Path) -> None:
    """They go to a temporary folder of one's own."""
    env = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "TMPDIR": str(tmp_path)}
    env["XDG_DATA_HOME"] = "/proc/nowhere"
    code, out, err = qa("status", "--json", env=env)
    assert (code, err) == (0, "")
    assert Path(json.loads(out)["directory"]).is_relative_to(tmp_path)


def test_a_reader_that_goes_away_is_no_error(archive: Path) -> None:
    """`qa export | head -1` ends quietly."""
    for command in (["export"], ["ask", QUESTION]):
        with start(*command, "--archive", archive) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 0


def test_stdin_that_is_no_text_is_answered(archive: Path) -> None:
    """Bytes of no encoding make a question of odd characters, not a traceback."""
    process = start("ask", "-", "--archive", archive, text=False)
    out, err = process.communicate(b"Keeper \xff\xfe Name7son\n", timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["citations"]


def test_an_archive_that_may_only_be_read(archive: Path, tmp_path: Path) -> None:
    """Answers byte for byte as before; indexing says in one line why it cannot (FAULTS, row 4)."""
    expected = qa("ask", QUESTION, "--archive", archive, "--json")
    before = files_below(archive)
    bound = _bound_by_permissions()
    for path in (archive, *archive.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert qa("ask", QUESTION, "--archive", archive, "--json", behind=bound) == expected
    code, out, err = qa("index", ROOT / "corpus", "--archive", archive, behind=bound)
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert "permissions" in err
    assert files_below(archive) == before


def _bound_by_permissions() -> tuple[str, ...]:
    """Return the command behind which even root has to keep to permissions."""
    if not is_root():
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root without setpriv: permissions cannot be put to the test")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_an_error_of_the_system_is_one_line(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Out of file handles, for one, wherever it strikes."""

    def refuse(*_: object, **__: object) -> Archive:
        raise OSError(24, "Too many open files", "/somewhere")

    monkeypatch.setattr(Archive, "open", refuse)
    assert run("status", "--archive", archive) == 1
    err = capsys.readouterr().err
    assert "Too many open files" in err
    assert err.count("\n") == 1


def test_progress_is_shown_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, passages, rate and time left, after a second."""
    from embeddings.indexing import IndexProgress

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal, "QUIET_SECONDS", 0)
    with terminal.progress_bar() as show:
        show(IndexProgress(3, 10, 40, 1_200))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "file 3 of 10" in captured.err
    assert "1,200" in captured.err
