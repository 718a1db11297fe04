"""The documents describe what is there: paths, endpoints, messages, variables, options."""

import argparse
import contextlib
import inspect
import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from stepwire import TrainingMonitor, protocol
from stepwire.app import create_app
from stepwire.cli import COMMANDS
from stepwire.server.settings import Settings
from stepwire.server.wire import decode_text
from stepwire.testing import RunningServer, running_server
from tests.test_specification import fault_of

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix())
TOP = ("src", "docs", "deploy", "tests", "frontend", "examples", "scripts", ".ci")
PATH = re.compile(rf"`((?:{'|'.join(re.escape(name) for name in TOP)})(?:/[\w./-]*)?)(?:::[^`]*)?`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\bSTEPWIRE_[A-Z_]*[A-Z]\b")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def page_name(page: Path) -> str:
    """The page's path in the repository, as a test id."""
    return page.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    """The text of one page."""
    return (ROOT / name).read_text()


def rows_of(text: str) -> Iterator[list[str]]:
    """The cells of each table row of a page."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_path_in_a_page_exists(page: Path) -> None:
    """Each path of this repository that a page names in code quotes is there."""
    named = sorted(set(PATH.findall(page.read_text())))
    # What a build or a measurement writes is not in a fresh clone.
    made = {"src/stepwire/server/web"}
    assert [path for path in named if path.rstrip("/") not in made and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_in_a_page_leads_somewhere(page: Path) -> None:
    """Relative links name files that exist and headings that stand in them."""
    broken = []
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(target)
    assert broken == []


def anchors(text: str) -> set[str]:
    """The anchors that headings get: lower case, words joined with hyphens."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def endpoints() -> list[str]:
    """Every ``METHOD /path`` of the server."""
    paths = create_app(Settings(data=ROOT / "no-such-folder", token="not-used")).openapi()["paths"]
    return sorted(f"{method.upper()} {path}" for path, methods in paths.items() for method in methods)


def test_every_endpoint_is_documented() -> None:
    """``docs/http-api.md`` has a table row for each endpoint of the server, and for no other."""
    documented = set()
    for cells in rows_of(text_of("docs/http-api.md")):
        for call in re.findall(r"`((?:GET|POST|PUT|DELETE|PATCH) [^`?]+)", cells[0]):
            documented.add(call.replace("…/", "/api/runs/{run_id}/"))
    assert sorted(documented) == endpoints()


def message_types(union: object) -> set[str]:
    """The ``type`` of every message of a union in the protocol."""
    return {message.__dataclass_fields__["type"].default for message in get_args(union)}


@pytest.mark.parametrize(
    ("heading", "union"),
    [
        ("### Viewer to server", protocol.ViewerMessage),
        ("### Server to viewer", protocol.ServerMessage),
        ("### Script to server", protocol.ScriptMessage),
        ("### Server to script", protocol.IngestReply),
    ],
)
def test_every_message_is_documented(heading: str, union: object) -> None:
    """``docs/websocket.md`` has, under the heading of its direction, a row with all fields of each message."""
    section = text_of("docs/websocket.md").split(heading + "\n")[1].split("\n#")[0].split("\n\n")[0]
    rows = {cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[1])) for cells in list(rows_of(section))[2:]}
    assert rows.keys() == message_types(union)
    for message in get_args(union):
        names = {field.name for field in fields(message)} - {"type"}
        kind = message.__dataclass_fields__["type"].default
        assert rows[kind] <= names, f"{kind} has no such fields"


def test_all_fields_of_a_message_are_documented() -> None:
    """Each field of each message stands in ``docs/websocket.md``."""
    page = text_of("docs/websocket.md")
    unions = (protocol.ViewerMessage, protocol.ServerMessage, protocol.ScriptMessage, protocol.IngestReply)
    names = {
        field.name
        for union in unions
        for message in get_args(union)
        for field in fields(message)
        if field.name != "type"
    }
    names |= {field.name for field in fields(protocol.SetColumns)}
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def conversation() -> Iterator[tuple[str, str]]:
    """The messages of the worked example: direction and JSON text."""
    section = text_of("docs/websocket.md").split("## A conversation")[1].split("\n## ")[0]
    for block in re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
        for entry in re.split(r"^(?=[<>] )", block, flags=re.MULTILINE):
            if entry:
                yield entry[0], entry[1:].strip()


def test_the_worked_conversation_is_one_that_the_server_reads() -> None:
    """What the example sends is read by the server's own decoder; what it receives has the fields of its message."""
    unions = (protocol.ServerMessage, protocol.IngestReply)
    by_type = {message.__dataclass_fields__["type"].default: message for union in unions for message in get_args(union)}
    directions = []
    for direction, text in conversation():
        directions.append(direction)
        if direction == ">":
            decode_text(text)
        else:
            message = json.loads(text)
            assert message.keys() <= {field.name for field in fields(by_type[message["type"]])}
            msgspec.convert(message, by_type[message["type"]])
    assert directions.count(">") > 5
    assert directions.count("<") > 5


def test_every_record_type_is_documented() -> None:
    """Each record type that the server acts on has a row in ``docs/websocket.md``."""
    from stepwire.server.records import _ACTIONS

    section = text_of("docs/websocket.md").split("### What a batch holds")[1].split("\n### ")[0]
    named = {name for cells in rows_of(section) for name in re.findall(r"`(\w+)`", cells[0])}
    assert sorted({*_ACTIONS, "system"} - named) == []


def variables_in_source() -> set[str]:
    """Every STEPWIRE_ variable that the code reads, the settings' own among them."""
    named = {f"STEPWIRE_{field.name.upper()}" for field in fields(Settings)}
    for file in (ROOT / "src").rglob("*.py"):
        named |= set(VARIABLE.findall(file.read_text()))
    return named


def test_every_variable_is_documented_and_real() -> None:
    """The two pages with variables list in their tables exactly those that the code reads."""
    listed = set()
    for name in ("docs/operations.md", "docs/sdk.md"):
        for cells in rows_of(text_of(name)):
            listed |= set(re.findall(r"^`(STEPWIRE_\w+)`", cells[0]))
    assert listed == variables_in_source()


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    parser = argparse.ArgumentParser()
    parsers = parser.add_subparsers()
    for command in COMMANDS:
        command.add_to(parsers)
    return dict(parsers.choices)


def test_every_option_is_documented_and_real() -> None:
    """``docs/operations.md`` has a table per command with exactly its options."""
    text = text_of("docs/operations.md")
    for name, parser in commands().items():
        assert f"| option of `stepwire {name}` |" in text, f"no table for stepwire {name}"
        section = text.split(f"| option of `stepwire {name}` |")[1].split("\n\n")[0]
        listed = set(re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE))
        options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
        assert listed == options - {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_python_in_pages_compiles(page: Path) -> None:
    """Each block of Python in a page is Python."""
    for block in BLOCK.findall(page.read_text()):
        compile(block, page.name, "exec")


def test_pages_hold_no_unfinished_words() -> None:
    """No page has a mark that says that something is still to be written."""
    marks = re.compile(r"\b(TODO|FIXME|TBD|FIGURE|XXX)\b")
    assert [page_name(page) for page in PAGES if marks.search(page.read_text())] == []


def test_the_backup_line_copies_what_is_still_in_the_log(tmp_path: Path) -> None:
    """The Python line of ``docs/operations.md`` copies a database that a server holds open, its log included."""
    script = re.search(r'python3 -c "([^"]+)"', text_of("docs/operations.md"))
    assert script
    source, copy = tmp_path / "dashboard.db", tmp_path / "copy.db"
    writer = sqlite3.connect(source, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE runs (id TEXT)")
    writer.execute("INSERT INTO runs VALUES ('run_1')")
    assert (tmp_path / "dashboard.db-wal").stat().st_size > 0
    subprocess.run([sys.executable, "-c", script[1], str(source), str(copy)], check=True)
    copied = sqlite3.connect(copy)
    assert copied.execute("SELECT id FROM runs").fetchall() == [("run_1",)]
    copied.close()
    writer.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A real server for the programs in the pages."""
    with running_server() as running:
        yield running


def run_program(program: str, server: RunningServer, folder: Path) -> str:
    """Run a program of a page unchanged, but for the server's address; returns what it printed."""
    file = folder / "program.py"
    file.write_text(program.replace("ws://127.0.0.1:8000", server.url.replace("http", "ws")))
    environment = {**os.environ, "STEPWIRE_URL": server.url}
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def get(server: RunningServer, path: str) -> dict[str, object]:
    """Read from the server's API."""
    request = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_the_client_of_the_protocol_page_works(server: RunningServer, tmp_path: Path) -> None:
    """The client in ``docs/websocket.md``, run as it stands, stores its 100 points once each, in order."""
    (program,) = BLOCK.findall(text_of("docs/websocket.md"))
    run_program(program, server, tmp_path)
    answer = get(server, "/api/runs/run_from_scratch/metrics?keys=loss&raw=true")
    assert answer["keys"]["loss"]["step"] == list(range(100))  # type: ignore[index,call-overload]
    assert answer["keys"]["loss"]["value"] == [1 / (step + 1) for step in range(100)]  # type: ignore[index,call-overload]


PROGRAMS = [
    (name, block)
    for name in ("README.md", "docs/quickstart.md", "docs/sdk.md")
    for block in BLOCK.findall(text_of(name))
]


@pytest.mark.parametrize(
    ("name", "program"), PROGRAMS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(PROGRAMS)]
)
def test_programs_in_the_pages_run(name: str, program: str, server: RunningServer, tmp_path: Path) -> None:
    """Each program in a user's page runs unchanged, prints one line with its link, and leaves a completed run."""
    printed = run_program(program.replace("1_000_000", "1_000"), server, tmp_path)
    (line,) = printed.splitlines()
    run_id = re.search(r"run_[0-9a-f]{32}", line)
    assert run_id, f"{name} printed {line!r}"
    assert get(server, f"/api/runs/{run_id[0]}")["status"] == "completed"


def test_the_example_of_a_test_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The test in ``docs/sdk.md`` passes as it stands, and fails where the training logs something else."""
    (example,) = re.findall(r"^```py\n(.*?)^```", text_of("docs/sdk.md"), re.MULTILINE | re.DOTALL)
    for program, passes in ((example, True), (example.replace("(step + 1)", "(step + 2)"), False)):
        names: dict[str, Any] = {}
        exec(compile(program, "example", "exec"), names)
        (test,) = (value for name, value in names.items() if name.startswith("test_"))
        with contextlib.nullcontext() if passes else pytest.raises(AssertionError):
            test()
    capsys.readouterr()


def test_every_public_member_of_the_sdk_is_documented() -> None:
    """``docs/sdk.md`` names each member and argument of ``TrainingMonitor``, and no member that is not there."""
    page = text_of("docs/sdk.md")
    described, missing = page.split("## Not yet")
    named = set(re.findall(r"^\| `(\w+)[`(]", described, re.MULTILINE))
    public = {name for name in vars(TrainingMonitor) if not name.startswith("_")}
    assert sorted(public - named) == []
    members = set(re.findall(r"^\| `(\w+)\(", described, re.MULTILINE))
    assert sorted(members - public) == []
    arguments = set(inspect.signature(TrainingMonitor).parameters)
    assert sorted(name for name in arguments if f"`{name}`" not in described) == []
    assert sorted(name for name in re.findall(r"`(\w+)`", missing) if name in public) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_make_target_in_a_page_exists(page: Path) -> None:
    """What a page says about ``make`` is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert sorted(set(named) - targets) == []


def test_the_first_page_shows_the_readmes_lines() -> None:
    """What an empty page offers to paste is the README's program, with the server's own address in it."""
    source = (ROOT / "frontend/src/components/empty/snippet.ts").read_text()
    shown = re.findall(r"return `(.*?)`;", source, re.DOTALL)[0]
    address = ',\n                     dashboard_url="${url}"'
    assert address in shown
    assert f"```python\n{shown.replace(address, '')}```" in (ROOT / "README.md").read_text()


def test_every_promise_names_tests_that_exist() -> None:
    """Each row of the promises' page has at least one, and none that is not there."""
    rows = [line for line in text_of("docs/promises.md").splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        assert [fault for path, symbol in named if (fault := fault_of(path, symbol or None))] == []
