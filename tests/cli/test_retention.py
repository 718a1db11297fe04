"""``stepwire archive``, ``restore`` and ``trash``: beside a running server and without one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.storage.logged import Run

from stepwire.cli import main
from stepwire.storage.open import open_storage
from stepwire.testing import running_server


def fill(folder: Path) -> None:
    """Runs by number: R1 and R2 ended, R3 runs, R4 and R5 in the trash under one name, R6 there too."""
    storage = open_storage(folder)
    for name, status in (("one", "completed"), ("two", "failed"), ("on", "running")):
        Run(storage, name).make(status).log(300)
    for at, name in enumerate(("twin", "twin", "gone")):
        from stepwire.storage.catalog.interface import NewRun

        def job(tx: Any, at: int = at, name: str = name) -> None:
            storage.catalog.create_run(tx, NewRun(f"t{at}", name, status="completed"), 1)
            storage.catalog.trash_run(tx, f"t{at}", 10 + at)

        storage.writer.submit(job).result()
    storage.close()


@pytest.fixture(params=["alone", "served"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A data folder with and without a server."""
    fill(tmp_path)
    if request.param == "alone":
        yield tmp_path
        return
    with running_server(tmp_path) as server:
        server.app.state.context.storage.database.write_url(server.url)
        yield tmp_path


@pytest.fixture
def command(data: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on the folder: exit code, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--data", str(data)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_run_goes_into_a_file_and_back(command: Callable[..., tuple[int, str, str]], data: Path) -> None:
    """Each says in one line what it did, or answers in JSON."""
    code, out, _ = command("archive", "R1")
    file = data / "archive" / "one.parquet"
    assert code == 0 and out == f"R1 archived: 900 points, {file.stat().st_size:,} bytes in one.parquet\n"
    code, out, _ = command("archive", "one", "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["points"]) == (0, "archived", 900)
    assert command("restore", "one") == (0, "R1 restored: 900 points\n", "")
    assert not file.exists()
    code, out, err = command("restore", "R1")
    assert (code, out) == (1, "") and "not archived" in err and len(err.splitlines()) == 1


def test_an_archived_run_is_not_exported_as_empty(
    command: Callable[..., tuple[int, str, str]], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its export names the archive instead; the tables of all runs say which one has no points."""
    command("archive", "R1")
    file = tmp_path_factory.mktemp("out") / "all.db"
    code, out, err = command("export", "R1", "--format", "csv")
    assert (code, out) == (1, "") and "stepwire restore R1" in err
    code, _, err = command("export", "--format", "sqlite", str(file))
    assert code == 0 and err.startswith("stepwire: R1 is there without points.")
    command("restore", "R1")
    code, out, _ = command("export", "R1", "--format", "csv")
    assert code == 0 and len(out.splitlines()) == 901


def test_keys_that_name_no_metric_are_told(command: Callable[..., tuple[int, str, str]]) -> None:
    """An export of nothing is no file that looks complete."""
    code, _, err = command("export", "R1", "--format", "csv", "--keys", "nope")
    assert code == 1 and "No metric has a name" in err


def test_a_running_run_is_not_archived(command: Callable[..., tuple[int, str, str]], data: Path) -> None:
    """One line says why; an unknown one too."""
    code, _, err = command("archive", "on")
    assert code == 1 and "running" in err and not (data / "archive").exists()
    assert command("archive", "nobody")[0] == 1


def test_the_trash_is_listed_and_emptied(command: Callable[..., tuple[int, str, str]]) -> None:
    """Runs come back by number, id or name; an ambiguous name is told; empty deletes the rest."""
    code, out, _ = command("trash", "list")
    assert code == 0 and [line.split("\t")[0] for line in out.splitlines()] == ["R6", "R5", "R4"]
    assert [run["name"] for run in json.loads(command("trash", "list", "--json")[1])["runs"]] == [
        "gone",
        "twin",
        "twin",
    ]
    code, _, err = command("trash", "undelete", "twin")
    assert code == 1 and "R5, R4" in err
    assert command("trash", "undelete", "nobody")[0] == 1
    assert command("trash", "undelete", "r4") == (0, "R4 twin is back.\n", "")
    assert command("trash", "undelete", "gone", "--json") == (0, '{"id": "t2", "undeleted": true}\n', "")
    assert command("trash", "empty") == (0, "1 runs deleted for good.\n", "")
    assert command("trash", "list") == (0, "The trash is empty.\n", "")


@pytest.mark.parametrize(
    "words", [("trash",), ("trash", "list", "R1"), ("trash", "undelete"), ("archive",), ("restore",)]
)
def test_misuse_is_exit_code_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense ends with the usage."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2 and "usage" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["archive", "restore", "trash"])
def test_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` shows a line to copy."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0 and f"\n  stepwire {name}" in capsys.readouterr().out
