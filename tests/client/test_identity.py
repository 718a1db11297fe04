"""The file in a checkpoint folder: made once, written whole, merged, never in the way of the training."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from stepwire.client.identity import (
    FILE,
    MAX_CHECKPOINTS,
    Identity,
    IdentityFile,
    SavedCheckpoint,
    owner_lives,
    this_process,
)

RUN = Identity("run_1", "exp", "default", owner=this_process())


def open_file(folder, name="exp", **more):
    """The file of a run in a folder."""
    return IdentityFile(folder, name, "default", **more)


def settle(file):
    """Wait until what was noted is written."""
    deadline = time.monotonic() + 10
    while file.busy:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_what_was_written_is_read_back(tmp_path):
    """Every field, and paths: within the folder relative to it, so that it may be moved, elsewhere as they are."""
    file = open_file(tmp_path / "a")
    assert file.read() is None
    assert file.create(RUN)
    inside, outside = str(tmp_path / "a/model.pt"), str(tmp_path / "elsewhere.pt")
    for number, path in enumerate((inside, outside)):
        file.add(SavedCheckpoint(f"ckpt_{number}", path, number * 0.5))
    settle(file)
    assert open_file(tmp_path / "a").read() == Identity(
        "run_1", "exp", "default", 1, this_process(),
        (SavedCheckpoint("ckpt_0", inside, 0.0), SavedCheckpoint("ckpt_1", outside, 0.5)),
    )  # fmt: skip
    (tmp_path / "a").rename(tmp_path / "b")
    moved = open_file(tmp_path / "b").read()
    assert [saved.path for saved in moved.checkpoints] == [str(tmp_path / "b/model.pt"), outside]


def test_of_many_that_make_it_at_once_one_does(tmp_path):
    """All others find the winner's whole file."""
    barrier, results = threading.Barrier(16), []

    def make(number):
        file = open_file(tmp_path)
        barrier.wait()
        results.append((file.create(Identity(f"run_{number}", "exp", "default")), file.read().run_id))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [won for won, _ in results].count(True) == 1
    assert len({run_id for _, run_id in results}) == 1


def test_runs_that_share_a_folder_have_files_of_their_own(tmp_path):
    """Another name, or another id where one is asked for, is another run: it neither sees nor touches the first."""
    first = open_file(tmp_path)
    first.create(RUN)
    for other in (open_file(tmp_path, "other"), open_file(tmp_path, run_id="run_2")):
        assert other.read() is None
        assert other.create(Identity(other._wanted[2] or "run_3", other._wanted[0], "default"))
    assert first.read() == RUN
    assert open_file(tmp_path, "other").read().run_id == "run_3"
    assert open_file(tmp_path, run_id="run_2").read().run_id == "run_2"
    assert open_file(tmp_path, run_id="run_1").read() == RUN


def test_two_names_that_begin_at_once_do_not_overwrite_each_other(tmp_path):
    """The one that comes second to the plain name steps aside."""
    first, second = open_file(tmp_path), open_file(tmp_path, "other")
    assert first.path == second.path
    assert first.create(RUN)
    assert second.create(Identity("run_2", "other", "default"))
    assert (first.read(), second.read().run_id) == (RUN, "run_2")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"run_id": "run_1"}\n',
        json.dumps({"run_id": "../x", "name": "exp", "project": "default", "attempt": 1, "checkpoints": []}).encode(),
        json.dumps({"run_id": "r", "name": "exp", "project": "default", "attempt": "1", "checkpoints": []}).encode(),
        json.dumps({"run_id": "r", "name": "exp", "project": "default", "attempt": 1, "checkpoints": [1]}).encode(),
        json.dumps({"run_id": "r", "name": "e", "project": "d", "attempt": 1, "owner": 3, "checkpoints": []}).encode(),
    ],
)
def test_a_damaged_file_is_told_and_replaced(tmp_path, caplog, monkeypatch, content):
    """A start never fails for it: it counts as none, and the new run's takes its place."""
    monkeypatch.setattr("stepwire.client.identity._PATIENCE_SECONDS", 0.05)
    (tmp_path / FILE).write_bytes(content)
    file = open_file(tmp_path)
    assert file.read() is None
    assert "can't be read" in caplog.text
    assert file.create(RUN)
    assert open_file(tmp_path).read() == RUN


def test_a_file_that_is_being_written_is_waited_for(tmp_path):
    """Between making and writing it another process sees an empty file; that is no damage."""
    (tmp_path / FILE).touch()
    whole = tmp_path / "whole"
    IdentityFile(whole, "exp", "default").create(RUN)
    threading.Timer(0.2, lambda: (tmp_path / FILE).write_bytes((whole / FILE).read_bytes())).start()
    assert open_file(tmp_path).read() == RUN


def test_a_folder_that_takes_nothing_is_told_and_harms_nobody(tmp_path, caplog):
    """Where no file can be made the run begins all the same."""
    (tmp_path / "taken").write_bytes(b"a file, no folder")
    file = open_file(tmp_path / "taken/ckpts")
    assert file.create(RUN)
    file.add(SavedCheckpoint("ckpt_1", "/x"))
    settle(file)
    assert caplog.text.count("can't be written") == 1


def test_the_newest_checkpoints_are_kept(tmp_path):
    """However many are noted: the file stays small, and many at once are written together."""
    file = open_file(tmp_path)
    file.create(RUN)
    for number in range(MAX_CHECKPOINTS * 3):
        file.add(SavedCheckpoint(f"ckpt_{number}", f"/{number}", number))
    settle(file)
    steps = [saved.step for saved in open_file(tmp_path).read().checkpoints]
    assert steps == list(range(MAX_CHECKPOINTS * 2, MAX_CHECKPOINTS * 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE]


def test_what_another_wrote_meanwhile_is_kept(tmp_path):
    """Checkpoints that are in the file and not in memory stay there, before the new ones."""
    file, other = open_file(tmp_path), open_file(tmp_path)
    file.create(RUN)
    other.adopt(RUN, None)
    other.add(SavedCheckpoint("ckpt_other", "/other"))
    settle(other)
    file.add(SavedCheckpoint("ckpt_mine", "/mine"))
    settle(file)
    assert [saved.id for saved in file.read().checkpoints] == ["ckpt_other", "ckpt_mine"]


@pytest.mark.parametrize(
    "later", [Identity("run_1", "exp", "default", 2), Identity("run_9", "exp", "default", 1)], ids=["attempt", "run"]
)
def test_one_whose_run_was_taken_up_by_another_writes_no_more(tmp_path, later):
    """A process that was given up and comes back must not undo what its successor wrote."""
    file = open_file(tmp_path)
    file.create(RUN)
    open_file(tmp_path).adopt(later, RUN)
    file.add(SavedCheckpoint("ckpt_zombie", "/zombie"))
    settle(file)
    assert open_file(tmp_path).read() == later


def test_a_run_that_turned_out_to_be_anothers_is_given_back(tmp_path):
    """The file is again what it was, and later notes go nowhere; what another wrote meanwhile is left alone."""
    before = Identity("run_1", "exp", "default", 3, {"host": "elsewhere", "pid": 1})
    mine = Identity("run_1", "exp", "default", 4, this_process())
    file = open_file(tmp_path)
    file.adopt(mine, before)
    file.give_back()
    file.add(SavedCheckpoint("ckpt_1", "/x"))
    settle(file)
    assert file.read() == before
    file.adopt(mine, before)
    other = Identity("run_1", "exp", "default", 5, {"host": "elsewhere", "pid": 2})
    open_file(tmp_path).adopt(other, mine)
    file.give_back()
    assert file.read() == other


def test_a_forked_child_leaves_it_to_its_parent(tmp_path):
    """What the child notes is not the run's."""
    file = open_file(tmp_path)
    file.create(RUN)
    file.after_fork()
    file.add(SavedCheckpoint("ckpt_child", "/x"))
    assert not file.busy
    assert file.read() == RUN


def test_a_kill_in_the_middle_leaves_the_old_or_the_new_file(tmp_path):
    """However often a writer is killed, the file is whole each time."""
    program = """
import sys
from stepwire.client.identity import IdentityFile, Identity, SavedCheckpoint
from pathlib import Path
file = IdentityFile(Path(sys.argv[1]), "exp", "default")
file.adopt(Identity("run_1", "exp", "default"), None)
print(flush=True)
number = 0
while True:
    file.add(SavedCheckpoint(f"ckpt_{number}", "x" * 1000))
    number += 1
"""
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(0.05)
        writer.kill()
        writer.communicate()
        found = json.loads((tmp_path / FILE).read_bytes())
        numbers = [int(one["id"].removeprefix("ckpt_")) for one in found["checkpoints"]]
        assert len(numbers) <= MAX_CHECKPOINTS


def test_a_signal_handler_may_note_a_checkpoint_at_any_moment(tmp_path):
    """A preempted job saves in its handler, while the loop may be in the middle of a save: none is lost, none waits."""
    program = """
import os, signal, sys, threading, time
from pathlib import Path
from stepwire.client.identity import Identity, IdentityFile, SavedCheckpoint
file = IdentityFile(Path(sys.argv[1]), "exp", "default")
file.create(Identity("run_1", "exp", "default"))
counts = {"loop": 0, "handler": 0}

def handler(number, frame):
    file.add(SavedCheckpoint(f"handler_{counts['handler']}", "/x"))
    counts["handler"] += 1

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for _ in range(3000):
    file.add(SavedCheckpoint(f"loop_{counts['loop']}", "/x"))
    counts["loop"] += 1
signal.setitimer(signal.ITIMER_REAL, 0)
while file.busy:
    time.sleep(0.01)
print(counts["loop"], counts["handler"], file.read().checkpoints[-1].id)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    loop, handled, last = done.stdout.split()
    assert (loop, int(handled) > 0) == ("3000", True)
    assert last in {"loop_2999", f"handler_{int(handled) - 1}"}


def test_drafts_of_killed_writers_are_removed(tmp_path):
    """The next start finds those that are old; one that is being written now stays."""
    old, new = tmp_path / f"{FILE}.12.tmp", tmp_path / f"{FILE}.13.tmp"
    for draft in (old, new):
        draft.touch()
    os.utime(old, (1, 1))
    open_file(tmp_path).adopt(RUN, None)
    assert (old.exists(), new.exists()) == (False, True)


# --- who owns it ----------------------------------------------------------------------------------------


def owned_by(**owner):
    """A run with an owner like this process but for some fields."""
    return Identity("run_1", "exp", "default", owner=this_process() | owner)


def test_an_owner_on_this_machine_is_looked_for():
    """Alive is who has the id and the start; another that got the id later is another. One that ended is gone."""
    assert owner_lives(owned_by()) is True
    assert owner_lives(owned_by(pid_start=this_process()["pid_start"] - 100)) is False
    assert owner_lives(owned_by(pid=2**22 + 1)) is False
    assert owner_lives(Identity("run_1", "exp", "default", owner=None)) is False


def test_an_owner_elsewhere_is_not_judged():
    """Its id means nothing here: on another host, in another container, or not told at all."""
    assert owner_lives(owned_by(host="elsewhere")) is None
    assert owner_lives(owned_by(space="another container")) is None
    assert owner_lives(owned_by(pid=None)) is None
    assert owner_lives(owned_by(pid="12")) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no zombies without fork")
def test_one_that_ended_and_was_not_waited_for_is_gone():
    """After kill -9 a process stays in the table until its parent looks."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    import psutil

    owner = owned_by(pid=child.pid, pid_start=psutil.Process(child.pid).create_time())
    assert owner_lives(owner) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert owner_lives(owner) is False
    child.wait()
