"""Taking up a run again: from the file in its checkpoint folder, without a server and with one."""

import json
import math
import os
import subprocess
import sys
import threading
import time

import msgspec
import pytest
from tests.client.conftest import IngestServer

from stepwire import TrainingMonitor
from stepwire.client import resume as resuming
from stepwire.client.identity import FILE, Identity, IdentityFile, SavedCheckpoint
from stepwire.client.lifecycle import COMPLETED
from stepwire.client.memory import MemoryTransport
from stepwire.client.settings import read_settings
from stepwire.errors import InvalidError, NotFoundError
from stepwire.formats.spools import find_spools

ELSEWHERE = {"host": "elsewhere", "pid": 1, "pid_start": 1.0, "space": "elsewhere"}


def begin(folder, name="exp", **more):
    """``resume_or_create`` on a server in memory, which is returned too."""
    transport = more.pop("transport", None) or MemoryTransport()
    more = {"system_metrics_interval": 0, "transport": transport} | more
    return TrainingMonitor.resume_or_create(name, folder, **more), transport


def save(monitor, folder, step, content=None):
    """Write a checkpoint and register it."""
    path = folder / f"{step}.json"
    path.write_text(json.dumps({"step": step} if content is None else content))
    return monitor.save_checkpoint(path, step=step)


def crash(folder, *steps, name="exp"):
    """A run that saved checkpoints and whose process is gone; returns its id."""
    saved = []
    for step in steps:
        (folder / f"{step}.json").write_text(json.dumps({"step": step, "model": "weights"}))
        saved.append(SavedCheckpoint(f"ckpt_{step}", str(folder / f"{step}.json"), step))
    folder.mkdir(exist_ok=True)
    assert IdentityFile(folder, name, "default").create(
        Identity("run_crashed", name, "default", 1, ELSEWHERE, tuple(saved))
    )
    return "run_crashed"


def read(folder):
    """What the folder's file says."""
    return json.loads((folder / FILE).read_text())


def settle(monitor):
    """Wait until the checkpoints are noted."""
    while monitor._run._is_noting:
        time.sleep(0.002)


# --- which run -------------------------------------------------------------------------------------------


def test_the_first_start_makes_a_run_and_its_file(tmp_path, capsys):
    """The folder is made too; nothing is resumed. The file names run, process and checkpoints."""
    monitor, transport = begin(tmp_path / "deep/ckpts", config={"lr": 1})
    assert (monitor.is_resumed, monitor.attempt, monitor.last_checkpoint_path()) == (False, 1, None)
    assert capsys.readouterr().out == f"stepwire: exp → {monitor.url}\n"
    save(monitor, tmp_path / "deep/ckpts", 5)
    settle(monitor)
    found = read(tmp_path / "deep/ckpts")
    assert (found["run_id"], found["attempt"], found["checkpoints"][0]["path"]) == (monitor.run_id, 1, "5.json")
    assert found["owner"]["pid"] > 0
    monitor.finish()
    assert read(tmp_path / "deep/ckpts")["owner"] is None
    assert transport.records("config")[0]["config"] == {"lr": 1}


def test_the_next_start_goes_on_as_the_next_attempt(tmp_path, capsys):
    """Same run, attempt 2 in hello and config; the checkpoint is loaded, what was logged past it superseded."""
    run_id = crash(tmp_path, 5, 10)
    monitor, transport = begin(tmp_path)
    assert (monitor.run_id, monitor.is_resumed, monitor.attempt) == (run_id, True, 2)
    assert capsys.readouterr().out == f"stepwire: exp → {monitor.url}\n"
    assert monitor.get_last_checkpoint() == {"step": 10, "model": "weights"}
    monitor.log_metrics({"loss": 1.0})
    monitor.finish()
    hello = next(frame for frame in transport.frames if frame["type"] == "hello")
    assert (hello["run_id"], hello["attempt"], hello["mode"], hello["take"]) == (run_id, 2, "own", False)
    assert transport.records("config")[0]["attempt"] == 2
    assert [record["type"] for record in transport.stored[:3]] == ["config", "rewind", "point"]
    assert transport.records("rewind")[0]["step"] == 10
    assert transport.records("point")[0]["step"] == 11


def test_each_start_is_an_attempt(tmp_path):
    """However a process ended; the checkpoints of all attempts are known to the next."""
    for attempt in range(1, 5):
        monitor, _ = begin(tmp_path)
        assert (monitor.attempt, monitor.is_resumed) == (attempt, attempt > 1)
        if monitor.is_resumed:
            assert monitor.get_last_checkpoint() == {"step": attempt - 1}
        save(monitor, tmp_path, attempt)
        monitor.finish()
    assert [one["step"] for one in read(tmp_path)["checkpoints"]] == [1, 2, 3, 4]


def test_a_run_that_crashed_before_its_first_checkpoint_starts_from_the_beginning(tmp_path):
    """It is the same run and a new attempt; there is nothing to load, so nothing is said to be resumed."""
    run_id = crash(tmp_path)
    monitor, transport = begin(tmp_path)
    assert (monitor.run_id, monitor.attempt, monitor.is_resumed) == (run_id, 2, False)
    with pytest.raises(NotFoundError, match="is_resumed"):
        monitor.get_last_checkpoint()
    monitor.finish()
    assert transport.records("rewind") == []


@pytest.mark.parametrize(("step", "told"), [(0, -1), (7, 6), (0.5, math.nextafter(0.5, 0)), (-(2**53), -(2**53))])
def test_without_a_checkpoint_the_first_step_supersedes_what_was_logged_from_there_on(tmp_path, step, told):
    """The attempt before may have logged the same steps: it begins again where the first call with a step says."""
    crash(tmp_path)
    monitor, transport = begin(tmp_path)
    for metrics, wrong in (({"loss": 1}, "none"), ({"loss": "bad"}, step)):
        with pytest.raises(TypeError):
            monitor.log_metrics(metrics, step=wrong)
    monitor.log_metrics({}, step=step - 5 if step > 0 else step)
    monitor.log_metrics({"parameters": 1e6})  # of no step of the training
    monitor.log_metrics({"loss": 1}, step=step)
    monitor.log_metrics({"loss": 1}, step=step)
    monitor.finish()
    assert [record["step"] for record in transport.records("rewind")] == [told]
    assert [record["step"] for record in transport.records("point")][1:] == [step, step]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_that_logs_first_supersedes_nothing(tmp_path):
    """It is a further writer; where the run begins is the owner's to say."""
    crash(tmp_path)
    monitor, transport = begin(tmp_path)
    child = os.fork()
    if child == 0:
        try:
            monitor.log_metrics({"loss": 1}, step=3)
        finally:
            os._exit(int(monitor._run._rewound is not None))
    assert os.waitpid(child, 0)[1] == 0
    monitor.log_metrics({"loss": 1}, step=500)
    monitor.finish()
    assert [record["step"] for record in transport.records("rewind")] == [499]


def test_another_name_is_another_run(tmp_path):
    """A folder that two experiments share resumes each as itself."""
    crash(tmp_path, 5)
    other, _ = begin(tmp_path, "other")
    assert (other.run_id == "run_crashed", other.is_resumed, other.attempt) == (False, False, 1)
    other.finish()
    again, _ = begin(tmp_path, "other")
    assert (again.run_id, again.attempt) == (other.run_id, 2)
    again.finish()
    assert read(tmp_path)["run_id"] == "run_crashed"


def test_an_id_that_is_given_wins(tmp_path, monkeypatch):
    """By argument or variable: the folder's run is resumed when it is that one, else it is left alone."""
    crash(tmp_path, 5)
    same, _ = begin(tmp_path, run_id="run_crashed")
    assert (same.run_id, same.is_resumed) == ("run_crashed", True)
    same.finish()
    monkeypatch.setenv("STEPWIRE_RUN_ID", "run_mine")
    other, _ = begin(tmp_path)
    assert (other.run_id, other.is_resumed) == ("run_mine", False)
    other.finish()


def test_a_further_rank_joins_the_run_of_the_folder(tmp_path):
    """It finds the run, the checkpoint and whether it is resumed, and writes nothing: rank 0 does."""
    run_id = crash(tmp_path, 5)
    before = (tmp_path / FILE).read_bytes()
    monitor, transport = begin(tmp_path, rank=1, world_size=2)
    assert (monitor.run_id, monitor.is_resumed) == (run_id, True)
    assert monitor.get_last_checkpoint()["step"] == 5
    save(monitor, tmp_path, 9)
    monitor.finish()
    assert (tmp_path / FILE).read_bytes() == before
    hello = next(frame for frame in transport.frames if frame["type"] == "hello")
    assert (hello["mode"], hello["run_id"]) == ("join", run_id)
    assert transport.records("rewind") == []


def test_a_further_rank_waits_for_rank_0_to_make_the_run(tmp_path):
    """Both start at once in an empty folder, and nothing but the folder tells them of each other."""
    late = threading.Timer(0.2, lambda: crash(tmp_path))
    late.start()
    monitor, _ = begin(tmp_path, rank=1, world_size=2)
    assert monitor.run_id == "run_crashed"
    monitor.finish()
    late.join()


def test_a_script_that_joins_its_wrappers_run_goes_on_from_the_folder_all_the_same(tmp_path):
    """Each start of a wrapper is a run of its own; what the script goes on from is in the folder, as without one."""
    crash(tmp_path, 5)
    for attempt, wrapper in enumerate(("run_wrapper1", "run_wrapper2"), 2):
        settings = read_settings("exp", {"run_id": wrapper})._replace(joins=True)
        transport = MemoryTransport()
        plan = resuming.read_plan(tmp_path, "fork", None, wrapper)
        run = resuming.resume(lambda _id, known=settings: known, plan, {}, transport)
        assert (run.settings.run_id, run.owned, run.history.is_resumed, run.attempt) == (wrapper, False, True, attempt)
        assert run.history.load_last(trust=False)["step"] == 3 + attempt
        (tmp_path / f"{4 + attempt}.json").write_text(json.dumps({"step": 4 + attempt}))
        run.checkpoints.save(tmp_path / f"{4 + attempt}.json", None, None, 4 + attempt)
        while run._is_noting:
            time.sleep(0.002)
        run.end(COMPLETED)
        assert (read(tmp_path)["run_id"], read(tmp_path)["attempt"]) == (wrapper, attempt)
        assert transport.records("rewind") == []
        replace_owner(tmp_path)


def replace_owner(folder):
    """The process that has the folder's run is gone."""
    found = read(folder)
    (folder / FILE).write_text(json.dumps(found | {"owner": ELSEWHERE}) + "\n")


# --- which checkpoint ------------------------------------------------------------------------------------


def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path, caplog):
    """The newest whole one is loaded; that one was not is a warning here and an event of the run."""
    crash(tmp_path, 5, 10, 15)
    (tmp_path / "15.json").write_text('{"step": 15, "mod')
    (tmp_path / "10.json").unlink()
    monitor, transport = begin(tmp_path)
    assert monitor.is_resumed
    assert monitor.last_checkpoint_path() == str(tmp_path / "5.json")
    assert monitor.get_last_checkpoint()["step"] == 5
    monitor.finish()
    assert [record["step"] for record in transport.records("rewind")] == [5]
    events = [(one["event"], one["level"]) for one in transport.records("event")]
    assert events == [("checkpoint_validation_failed", "warning")] * 2
    assert [one["data"]["checkpoint_id"] for one in transport.records("event")] == ["ckpt_15", "ckpt_10"]
    assert "15.json" in caplog.text
    assert "10.json" in caplog.text


def test_when_no_checkpoint_is_whole_nothing_is_resumed(tmp_path):
    """The specification's snippet then starts from the beginning, and asking all the same says why it fails."""
    crash(tmp_path, 5)
    (tmp_path / "5.json").write_text("")
    monitor, _ = begin(tmp_path)
    assert (monitor.is_resumed, monitor.last_checkpoint_path()) == (False, None)
    with pytest.raises(NotFoundError, match=r"5\.json is empty"):
        monitor.get_last_checkpoint()
    monitor.finish()


def test_a_checkpoint_that_needs_trust_is_not_passed_over(tmp_path):
    """An older one in its place would lose work in silence."""
    crash(tmp_path, 5)
    (tmp_path / "6.pkl").write_bytes(b"x")
    IdentityFile(tmp_path, "exp", "default").adopt(
        Identity("run_crashed", "exp", "default", 1, None, (
            SavedCheckpoint("a", str(tmp_path / "5.json"), 5), SavedCheckpoint("b", str(tmp_path / "6.pkl"), 6),
        )), None,
    )  # fmt: skip
    monitor, _ = begin(tmp_path)
    with pytest.raises(InvalidError, match="trust=True"):
        monitor.get_last_checkpoint()
    monitor.finish()


def test_the_steps_of_files_are_used_where_none_was_registered(tmp_path):
    """By the names that are usual; what makes no sense there is no step."""
    for number, (content, steps) in enumerate([({"global_step": 7}, [7]), ({"step": "x"}, []), ([1], [])]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "a.json").write_text(json.dumps(content))
        saved = (SavedCheckpoint("ckpt_a", str(folder / "a.json")),)
        IdentityFile(folder, "exp", "default").create(Identity("run_crashed", "exp", "default", 1, None, saved))
        monitor, transport = begin(folder)
        assert monitor.get_last_checkpoint() == content
        monitor.finish()
        assert [record["step"] for record in transport.records("rewind")] == steps


def test_what_this_process_saved_is_the_newest(tmp_path):
    """Also in a run that was not resumed; loading it again rewinds nothing."""
    crash(tmp_path, 5)
    monitor, transport = begin(tmp_path)
    save(monitor, tmp_path, 6)
    assert monitor.last_checkpoint_path() == str(tmp_path / "6.json")
    assert monitor.get_last_checkpoint() == {"step": 6}
    monitor.finish()
    assert transport.records("rewind") == []
    with TrainingMonitor("plain", transport=MemoryTransport(), system_metrics_interval=0) as plain:
        save(plain, tmp_path, 7)
        assert plain.get_last_checkpoint() == {"step": 7}
        assert not plain.is_resumed


def test_a_step_that_is_given_counts(tmp_path):
    """For scripts that load by themselves; the checkpoint's own step then says nothing."""
    crash(tmp_path, 5, 10)
    monitor, transport = begin(tmp_path, step=8)
    monitor.get_last_checkpoint()
    monitor.log_metrics({"loss": 1})
    monitor.finish()
    assert [record["step"] for record in transport.records("rewind")] == [8]
    assert transport.records("point")[0]["step"] == 9


def test_rewind_says_it_later(tmp_path):
    """Once the script knows where it goes on. A step that is none is refused."""
    crash(tmp_path)
    monitor, transport = begin(tmp_path)
    monitor.rewind(41)
    with pytest.raises(TypeError):
        monitor.rewind("41")
    monitor.log_metrics({"loss": 1})
    monitor.finish()
    assert [record["step"] for record in transport.records("rewind")] == [41]
    assert transport.records("point")[0]["step"] == 42


def test_loading_twice_rewinds_once(tmp_path):
    """The checkpoint may be looked at as often as one likes."""
    crash(tmp_path, 5)
    monitor, transport = begin(tmp_path)
    monitor.get_last_checkpoint()
    monitor.get_last_checkpoint()
    monitor.finish()
    monitor.get_last_checkpoint()
    assert len(transport.records("rewind")) == 1


# --- misuse and other modes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"checkpoint_dir": 3}, TypeError, "checkpoint_dir"),
        ({"checkpoint_dir": b"x"}, TypeError, "checkpoint_dir"),
        ({"checkpoint_dir": ""}, InvalidError, "checkpoint_dir"),
        ({"checkpoint_dir": "a\0"}, InvalidError, "checkpoint_dir"),
        ({"on_conflict": "fight"}, InvalidError, "on_conflict"),
        ({"on_conflict": None}, InvalidError, "on_conflict"),
        ({"step": "3"}, TypeError, "step"),
        ({"nonsense": 3}, TypeError, "nonsense"),
        ({"run_name": ""}, InvalidError, "run_name"),
        ({"total_steps": 0}, InvalidError, "total_steps"),
    ],
)
def test_misuse_raises_and_makes_nothing(tmp_path, monkeypatch, arguments, error, match):
    """Wrong arguments are refused by name, those of the constructor as there."""
    monkeypatch.chdir(tmp_path)
    given = {"run_name": "exp", "checkpoint_dir": "ckpts", "transport": MemoryTransport()} | arguments
    with pytest.raises(error, match=match):
        TrainingMonitor.resume_or_create(**given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["disabled", "offline"])
def test_training_goes_on_from_its_checkpoint_whatever_becomes_of_its_metrics(tmp_path, monkeypatch, capsys, mode):
    """Without any server, and with tracking switched off: what is resumed does not depend on it."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path / "spool"))
    for attempt in (1, 2):
        monitor = TrainingMonitor.resume_or_create("exp", tmp_path, mode=mode, system_metrics_interval=0)
        assert (monitor.is_resumed, monitor.attempt) == (attempt > 1, attempt)
        if monitor.is_resumed:
            assert monitor.get_last_checkpoint() == {"step": 1}
        save(monitor, tmp_path, attempt)
        monitor.log_metrics({"loss": 1})
        monitor.finish()
    assert ("stepwire" in capsys.readouterr().out) == (mode == "offline")
    assert (tmp_path / "spool").exists() == (mode == "offline")


@pytest.mark.parametrize("kind", ["refusing_url", "black_hole_url"])
def test_without_an_answer_it_begins_all_the_same(tmp_path, monkeypatch, request, kind):
    """Nobody listens, or somebody does and says nothing: the folder's run is resumed, an empty folder begins one."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path / "spool"))
    monkeypatch.setattr("stepwire.client.lifecycle.END_SECONDS", 0.2)
    url = request.getfixturevalue(kind)
    first = TrainingMonitor.resume_or_create("exp", tmp_path / "c", dashboard_url=url, system_metrics_interval=0)
    save(first, tmp_path / "c", 3)
    first.finish()
    again = TrainingMonitor.resume_or_create("exp", tmp_path / "c", dashboard_url=url, system_metrics_interval=0)
    assert (again.run_id, again.is_resumed, again.attempt) == (first.run_id, True, 2)
    again.finish()


# --- two processes ---------------------------------------------------------------------------------------


@pytest.fixture
def owner(tmp_path):
    """Another process that has the folder's run open; returns its id."""
    program = """
import sys
from stepwire import TrainingMonitor
from stepwire.client.memory import MemoryTransport
monitor = TrainingMonitor.resume_or_create("exp", sys.argv[1], transport=MemoryTransport(), system_metrics_interval=0)
open(sys.argv[1] + "/1.json", "w").write('{"step": 1}')
monitor.save_checkpoint(sys.argv[1] + "/1.json", step=1)
while monitor._run._is_noting:
    pass
print(monitor.run_id, flush=True)
input()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate()


def test_a_run_whose_process_lives_on_this_machine_is_forked(tmp_path, owner):
    """No server has to say so: a new run from the same checkpoint, whose config names the other; its file stays."""
    before = read(tmp_path)
    monitor, transport = begin(tmp_path)
    assert monitor.run_id != owner
    assert (monitor.is_resumed, monitor.attempt) == (True, 1)
    assert monitor.get_last_checkpoint() == {"step": 1}
    save(monitor, tmp_path, 2)
    monitor.finish()
    assert read(tmp_path) == before
    assert transport.records("config_update")[0]["config"] == {"forked_from": owner}
    assert [one["event"] for one in transport.records("event")] == ["forked"]
    assert transport.records("rewind") == []


def test_or_taken_on_request(tmp_path, owner):
    """The folder is then this process's: the other one writes no more there."""
    monitor, _ = begin(tmp_path, on_conflict="take")
    assert (monitor.run_id, monitor.attempt) == (owner, 2)
    assert read(tmp_path)["owner"]["pid"] == monitor._run._owner_pid
    monitor.finish()


class Deciding(IngestServer):
    """A server that answers ``conflict`` to the hellos for some runs, unless they take them."""

    def __init__(self, owned, retry_ms=None, **more):
        self.owned = set(owned)
        self.retry_ms = retry_ms
        self.asked = []
        super().__init__(**more)

    def _welcome(self, link, writer):
        hello = self.hellos[-1]
        self.asked.append((hello["run_id"], hello["take"]))
        if hello["run_id"] not in self.owned or hello["take"]:
            super()._welcome(link, writer)
            return
        nack = {"type": "nack", "code": "conflict", "detail": "Another process owns it.", "retry_ms": self.retry_ms}
        link.send(msgspec.msgpack.encode(nack))


@pytest.fixture
def deciding():
    """Makes such servers."""
    servers = []

    def make(*owned, **more):
        servers.append(Deciding(owned, **more))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
        assert server.faults == []


@pytest.fixture
def resume(tmp_path, monkeypatch):
    """Resumes the crashed run of a folder at an address, on a spool of its own."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path / "spool"))
    folder = tmp_path / "ckpts"
    folder.mkdir()
    crash(folder, 5)
    opened = []

    def start(url, **more):
        more = {"system_metrics_interval": 0, "dashboard_url": url} | more
        opened.append(TrainingMonitor.resume_or_create("exp", folder, **more))
        return opened[-1]

    yield start
    for monitor in opened:
        monitor.finish()


def test_a_server_that_knows_the_owner_has_the_run_forked(tmp_path, deciding, resume, capsys):
    """Known before the script goes on: its one printed line is the fork's, and the crashed run keeps its file."""
    server, before = deciding("run_crashed"), read(tmp_path / "ckpts")
    monitor = resume(server.url)
    assert monitor.run_id != "run_crashed"
    assert capsys.readouterr().out == f"stepwire: exp → {monitor.url}\n"
    assert monitor.get_last_checkpoint()["step"] == 5
    monitor.log_metrics({"loss": 1.0})
    assert monitor.flush(10)
    assert server.metrics == [{"loss": 1.0}]
    assert {run_id for run_id, _ in server.asked} == {"run_crashed", monitor.run_id}
    assert server.records("config_update")[0]["config"] == {"forked_from": "run_crashed"}
    assert read(tmp_path / "ckpts") == before


def test_or_has_it_taken(tmp_path, deciding, resume):
    """The second hello says so, and no later one needs to."""
    server = deciding("run_crashed")
    monitor = resume(server.url, on_conflict="take")
    monitor.log_metrics({"loss": 1.0})
    assert monitor.flush(10)
    assert monitor.run_id == "run_crashed"
    assert server.asked == [("run_crashed", False), ("run_crashed", True)]
    assert read(tmp_path / "ckpts")["attempt"] == 2


def test_an_owner_that_may_be_gone_is_asked_for_again(deciding, resume):
    """The script goes on meanwhile; nothing is lost, and the run stays its own."""
    server = deciding("run_crashed", retry_ms=100)
    monitor = resume(server.url)
    for step in range(10):
        monitor.log_metrics({"loss": step}, step=step)
    server.await_(lambda: len(server.asked) > 1)
    assert monitor.run_id == "run_crashed"
    server.owned.clear()
    assert monitor.flush(10)
    assert [point["loss"] for point in server.metrics] == list(range(10))


def test_a_conflict_that_shows_late_forks_what_was_logged_too(tmp_path, deciding, resume, refusing_url, caplog):
    """The server was down at the start: every point since then goes to the new run, and one warning names it."""
    monitor = resume(refusing_url)
    assert (monitor.run_id, read(tmp_path / "ckpts")["attempt"]) == ("run_crashed", 2)
    for step in range(6, 100):
        monitor.log_metrics({"loss": step}, step=step)
    server = deciding("run_crashed", port=int(refusing_url.rpartition(":")[2]))
    assert monitor.flush(20)
    assert monitor.run_id != "run_crashed"
    assert (monitor.attempt, monitor.url) == (1, server.url.replace("ws", "http") + f"/#/runs/{monitor.run_id}")
    assert [point["loss"] for point in server.metrics] == list(range(6, 100))
    assert {run_id for run_id, _ in server.asked} == {"run_crashed", monitor.run_id}
    assert server.records("config_update")[0]["config"] == {"forked_from": "run_crashed"}
    assert f"goes on as {monitor.url}" in caplog.text
    assert {spool.run_id for spool in find_spools(tmp_path / "spool")} == {monitor.run_id}
    assert read(tmp_path / "ckpts")["attempt"] == 1


def test_a_run_id_that_another_process_uses_is_forked_too(deciding, monkeypatch, tmp_path):
    """Without resuming: two scripts that were given the same id do not write one run."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path))
    server = deciding("run_same")
    with TrainingMonitor("exp", run_id="run_same", dashboard_url=server.url, system_metrics_interval=0) as monitor:
        monitor.log_metrics({"loss": 1.0})
        assert monitor.flush(10)
        assert monitor.run_id != "run_same"
    assert server.metrics == [{"loss": 1.0}]
