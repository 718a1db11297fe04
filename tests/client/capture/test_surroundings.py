"""Records of what a run runs in."""

import threading
import time
from pathlib import Path

import pytest

from stepwire import TrainingMonitor
from stepwire.client.capture import surroundings
from stepwire.client.capture.surroundings import PARTS, Surroundings
from stepwire.client.clock import Clock
from stepwire.testing import MemoryTransport


def find(parts, **more):
    """All records of one finding."""
    records = []
    one = Surroundings(records.append, Clock(), parts, **more)
    one.start()
    one.wait(time.monotonic() + 30)
    return records


def test_all_parts_are_told():
    """Together the records say what was run, where, from which code, with which packages, on which machine."""
    records = find(PARTS, argv=["train.py", "--lr", "0.1"])
    assert {record["type"] for record in records} == {"environment"}
    found = {name: value for record in records for name, value in record.items()}
    assert found["command"] == ["train.py", "--lr", "0.1"]
    assert found["folder"] == str(Path.cwd())
    assert found["packages"]["msgspec"]
    assert found["python"]["version"]
    assert found["variables"] is not None
    assert found["hardware"]["logical_cores"]
    assert "git" in found


def test_only_what_is_wanted_is_found_out():
    """A monitor inside of another's run adds packages and nothing else."""
    [record] = find(["packages"])
    assert record.keys() == {"type", "time", "python", "packages"}
    assert find([]) == []


def test_what_can_not_be_found_out_is_left_out(monkeypatch):
    """A machine where something raises what nobody expects keeps the rest."""
    monkeypatch.setattr(Surroundings, "_describe_git", lambda self: 1 / 0)
    [record] = find(PARTS)
    assert record["packages"]


def test_a_monitor_sends_its_surroundings_and_never_waits(monkeypatch):
    """The constructor returns while git still thinks; a script that ends then waits half a second at most."""
    let_go = threading.Event()
    monkeypatch.setenv("STEPWIRE_CAPTURE", "git,packages")
    monkeypatch.setattr(Surroundings, "_describe_git", lambda self: let_go.wait(30) and None)
    monkeypatch.setattr("stepwire.client.capture.capture.SURROUNDINGS_SECONDS", 0.01)
    transport = MemoryTransport()
    monitor = TrainingMonitor("x", transport=transport)
    deadline = time.monotonic() + 30
    while not transport.records("environment") and time.monotonic() < deadline:
        time.sleep(0.005)
    monitor.finish()
    let_go.set()
    [record] = transport.records("environment")
    assert record["packages"]
    assert transport.records("status")[0]["status"] == "completed"


@pytest.mark.parametrize(("told", "kinds"), [("0", set()), ("variables", {"variables", "command", "folder"})])
def test_the_variable_chooses_the_parts(monkeypatch, told, kinds):
    """``STEPWIRE_CAPTURE`` turns all of it off, or all but some."""
    monkeypatch.setenv("STEPWIRE_CAPTURE", told)
    transport = MemoryTransport()
    with TrainingMonitor("x", transport=transport):
        pass
    found = {name for record in transport.records("environment") for name in record}
    assert found - {"type", "time", "at"} == kinds


def test_further_ranks_are_silent(monkeypatch):
    """One process of a distributed run is enough."""
    monkeypatch.setenv("STEPWIRE_CAPTURE", "1")
    transport = MemoryTransport()
    with TrainingMonitor("x", run_id="run_1", rank=1, world_size=2, transport=transport):
        print("from rank 1")
    assert transport.records("environment") == []
    assert [line[1] for record in transport.records("log") for line in record["lines"]] == ["from rank 1"]


def test_the_working_folder_may_be_gone(tmp_path, monkeypatch):
    """A job whose folder was removed goes on."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert surroundings._working_folder() is None
    [record, *_] = find(["variables"])
    assert record["folder"] is None


def test_the_code_of_a_command_is_beside_its_script(tmp_path, monkeypatch):
    """Not beside the program that starts it, nor beside its interpreter."""
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "elsewhere" / "train.py"
    script.parent.mkdir()
    script.write_text("")
    assert list(surroundings._code_folders(["python", "-u", str(script)])) == [tmp_path, script.parent]
    assert list(surroundings._code_folders(["/bin/sh", "-c", "true"])) == [tmp_path]
    monkeypatch.delattr("sys.argv")  # as in an interpreter inside of another program
    assert list(surroundings._code_folders(None)) == [tmp_path]
