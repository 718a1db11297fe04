"""``stepwire export``: beside a running server and without one, and how it says no."""

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from stepwire.cli import main
from stepwire.testing import RunningServer, running_server


def post(server: RunningServer, path: str, body: object) -> Any:
    """Send JSON to the server."""
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def fill(server: RunningServer) -> list[str]:
    """Three runs, two of one name; the first with points and a checkpoint. Returns their ids."""
    runs = [post(server, "/api/runs", {"name": name})["id"] for name in ("one", "twin", "twin")]
    points = [{"step": step, "timestamp": step, "metrics": {"loss": 1 / step, "acc": step}} for step in range(1, 4)]
    post(server, f"/api/runs/{runs[0]}/metrics", {"points": points})
    post(server, f"/api/runs/{runs[0]}/checkpoints", {"filepath": "/tmp/a.pt", "metrics": {"loss": 0.5}})
    return runs


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A data folder that no server has, and its runs."""
    folder = tmp_path_factory.mktemp("kept")
    with running_server(folder) as server:
        runs = fill(server)
    return folder, runs


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A data folder that a running server has, and its runs."""
    with running_server(tmp_path_factory.mktemp("served")) as server:
        server.app.state.context.storage.database.write_url(server.url)
        yield server.data, fill(server)


@pytest.fixture(params=["kept", "served"])
def data(request: pytest.FixtureRequest) -> tuple[Path, list[str]]:
    """A data folder with and without a server, and its runs."""
    found: tuple[Path, list[str]] = request.getfixturevalue(request.param)
    return found


def export(data: Path, *words: str) -> int:
    """Run the command on a data folder."""
    return main(["export", *words, "--data", str(data)])


def test_a_run_is_named_by_number_id_or_name(
    data: tuple[Path, list[str]], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """All three give the same points on standard output."""
    folder, runs = data
    texts = []
    for word in ("R1", "r1", runs[0], "one"):
        assert export(folder, word, "--format", "csv") == 0
        texts.append(capfdbinary.readouterr().out)
    assert len(set(texts)) == 1
    assert texts[0].startswith(b"metric,step,time,value")
    assert sorted(line.split(b",")[:4] for line in texts[0].splitlines()[1:])[-1] == [
        b"loss",
        b"3",
        b"3000000",
        b"0.3333333333333333",
    ]


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet", "arrow"])
def test_a_file_is_written_whole(data: tuple[Path, list[str]], tmp_path: Path, name: str) -> None:
    """``--out`` names it, and nothing else is left beside it."""
    out = tmp_path / f"points.{name}"
    assert export(data[0], "R1", "--format", name, "--keys", "lo*", "--out", str(out)) == 0
    assert out.stat().st_size > 50 and list(tmp_path.iterdir()) == [out]
    if name == "parquet":
        assert set(parquet.read_table(out)["metric"].to_pylist()) == {"loss"}


def test_key_takes_a_name_as_it_stands(tmp_path: Path) -> None:
    """A name with a comma or a star is reached by ``--key``, several times and beside ``--keys``, in each format."""
    with running_server(tmp_path / "data") as server:
        server.app.state.context.storage.database.write_url(server.url)
        run_id = post(server, "/api/runs", {"name": "odd"})["id"]
        post(
            server, f"/api/runs/{run_id}/metrics", {"step": 1, "metrics": {"a,b": 1, "a": 2, "c*": 3, "cd": 4, "e": 5}}
        )
        found = [_exported_names(server.data, tmp_path / f"served.{name}", name) for name in ("jsonl", "sqlite")]
    found += [_exported_names(server.data, tmp_path / f"kept.{name}", name) for name in ("jsonl", "sqlite")]
    assert found == [{"a,b", "c*", "e"}] * 4


def _exported_names(data: Path, out: Path, form: str) -> set[str]:
    words = ("R1", "--format", form, "--key", "a,b", "--key", "c*", "--keys", "e*,f")
    assert export(data, *words, "--out", str(out)) == 0
    if form == "jsonl":
        return {name for line in out.read_text().splitlines() for name in json.loads(line)["metrics"]}
    connection = sqlite3.connect(out)
    rows = connection.execute("SELECT metrics FROM metrics").fetchall()
    connection.close()
    return {name for (metrics,) in rows for name in json.loads(metrics)}


def test_a_key_that_no_metric_has_is_told(data: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """A name in part is none."""
    assert export(data[0], "R1", "--format", "csv", "--key", "los") == 1
    assert "No metric has a name that keys or key asks for." in capsys.readouterr().err


def test_all_runs_become_sqlite_tables(data: tuple[Path, list[str]], tmp_path: Path) -> None:
    """``stepwire export --format sqlite FILE`` holds every run with its points and checkpoints."""
    folder, runs = data
    out = tmp_path / "all.db"
    assert export(folder, "--format", "sqlite", str(out)) == 0
    connection = sqlite3.connect(out)
    assert connection.execute("SELECT id FROM runs").fetchall() == [(run,) for run in runs]
    rows = connection.execute("SELECT run_id, step, metrics FROM metrics ORDER BY step").fetchall()
    assert [(run, step, json.loads(metrics)) for run, step, metrics in rows] == [
        (runs[0], step, {"loss": 1 / step, "acc": step}) for step in (1, 2, 3)
    ]
    assert connection.execute("SELECT run_id, metrics FROM checkpoints").fetchall() == [(runs[0], '{"loss":0.5}')]
    connection.close()


def test_one_run_becomes_sqlite_tables(data: tuple[Path, list[str]], tmp_path: Path) -> None:
    """With a run only its rows are there."""
    folder, runs = data
    out = tmp_path / "one.db"
    assert export(folder, "R2", "--format", "sqlite", "--out", str(out)) == 0
    connection = sqlite3.connect(out)
    assert connection.execute("SELECT id FROM runs").fetchall() == [(runs[1],)]
    assert connection.execute("SELECT count(*) FROM metrics").fetchall() == [(0,)]
    connection.close()


@pytest.mark.parametrize(
    ("word", "told"), [("R99", "no run R99"), ("nobody", "no run nobody"), ("twin", "R3, R2"), ("a/b?", "no run a/b?")]
)
def test_a_run_that_is_not_one_is_told(
    data: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    """One line says what is wrong with the name; the exit code is 1."""
    assert export(data[0], word, "--format", "csv") == 1
    captured = capsys.readouterr()
    assert captured.out == "" and told in captured.err and len(captured.err.splitlines()) == 1


def test_a_file_that_is_there_stays(kept: tuple[Path, list[str]], tmp_path: Path) -> None:
    """An export overwrites nothing."""
    out = tmp_path / "kept.csv"
    out.write_text("mine")
    assert export(kept[0], "R1", "--format", "csv", "--out", str(out)) == 1
    assert out.read_text() == "mine"


def test_a_failed_export_leaves_no_half_file(kept: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Neither the file nor a part of it is there."""
    assert export(kept[0], "nobody", "--format", "csv", "--out", str(tmp_path / "out.csv")) == 1
    assert export(kept[0], "R1", "--format", "csv", "--out", str(tmp_path / "no/folder/out.csv")) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_data_is_told_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong ``--data`` is named."""
    assert export(tmp_path / "nowhere", "R1", "--format", "csv") == 1
    assert "--data" in capsys.readouterr().err and not (tmp_path / "nowhere").exists()


def test_a_folder_in_use_without_an_address_is_told(
    served: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that has not said where it listens is named by its process."""
    lock = served[0] / "stepwire.lock"
    written = lock.read_bytes()
    try:
        lock.write_bytes(json.dumps({"pid": 4711, "url": None}).encode())
        assert export(served[0], "R1", "--format", "csv") == 1
    finally:
        lock.write_bytes(written)
    assert "in use by process 4711" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_told(
    served: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names its address."""
    lock = served[0] / "stepwire.lock"
    written = lock.read_bytes()
    try:
        lock.write_bytes(json.dumps({"pid": 4711, "url": "http://127.0.0.1:1"}).encode())
        assert export(served[0], "R1", "--format", "csv") == 1
    finally:
        lock.write_bytes(written)
    assert "http://127.0.0.1:1" in capsys.readouterr().err


def test_a_server_that_breaks_off_leaves_no_half_file(
    served: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer that was cut is an error, not a short file."""
    from stepwire.storage.series.sqlite import SqliteSeries

    whole = SqliteSeries.scan

    def broken(self: SqliteSeries, source: str, names: object = None) -> Iterator[object]:
        yield from whole(self, source, names)  # type: ignore[arg-type]
        raise OSError("gone")

    monkeypatch.setattr(SqliteSeries, "scan", broken)
    assert export(served[0], "R1", "--format", "csv", "--out", str(tmp_path / "out.csv")) == 1
    assert "broke off" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["export"],
        ["export", "R1"],
        ["export", "R1", "--format", "xlsx"],
        ["export", "--format", "csv"],
        ["export", "--format", "sqlite"],
        ["export", "R1", "--format", "sqlite"],
    ],
)
def test_misuse_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be meant ends with a usage line."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and "usage: stepwire export" in capsys.readouterr().err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` ends with lines to copy."""
    with pytest.raises(SystemExit) as ended:
        main(["export", "--help"])
    assert ended.value.code == 0 and "stepwire export R12 --format csv" in capsys.readouterr().out


def test_a_reader_that_has_enough_ends_it_quietly(kept: tuple[Path, list[str]]) -> None:
    """``stepwire export … | head -1`` prints no traceback."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "stepwire", "export", "R1", "--format", "csv", "--data", str(kept[0])]
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
