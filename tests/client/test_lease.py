"""Who samples a machine: the lock, held by real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepwire.client import lease as module
from stepwire.client.lease import HostLease

HOLD = """
import sys
from pathlib import Path
from stepwire.client.lease import HostLease
lease = HostLease(sys.argv[1], (Path(sys.argv[2]),))
print(lease.take(), lease.seat, flush=True)
sys.stdin.read()
"""


def holder(destination: str, folder: Path) -> subprocess.Popen:
    """A process that takes the lease and keeps it until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, destination, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> None:
    """Let a holder go."""
    process.communicate("")


def test_one_process_at_a_time_holds_it(tmp_path):
    """The other is told so at once; when the holder is killed the next one gets the same seat."""
    first = holder("http://a", tmp_path)
    taken, seat = first.stdout.readline().split()
    assert taken == "True"
    mine = HostLease("http://a", (tmp_path,))
    assert not mine.take()
    assert mine.seat is None
    first.kill()
    finish(first)
    assert mine.take()
    assert mine.take()
    assert mine.seat == seat
    mine.release()
    assert mine.seat is None
    second = holder("http://a", tmp_path)
    assert second.stdout.readline().split() == ["True", seat]
    finish(second)


def test_each_server_has_a_sampler_of_its_own(tmp_path):
    """Who tells another server does not keep this one from being told."""
    first, second = HostLease("http://a", (tmp_path,)), HostLease("http://b", (tmp_path,))
    assert first.take()
    assert second.take()
    assert first.seat != second.seat
    first.release()
    second.release()


def test_containers_that_share_a_machine_id_are_told_apart(tmp_path, monkeypatch):
    """They have host names of their own, and so their own samplers, though they share the folder."""
    monkeypatch.setattr(module, "machine_id", lambda: "same")
    monkeypatch.setattr(module, "_host_name", lambda: "one")
    first = HostLease("http://a", (tmp_path,))
    assert first.take()
    same = HostLease("http://a", (tmp_path,))
    assert not same.take()
    monkeypatch.setattr(module, "_host_name", lambda: "two")
    second = HostLease("http://a", (tmp_path,))
    assert second.take()
    assert first.seat != second.seat
    first.release()
    second.release()


def test_two_runs_of_one_process_share_it(tmp_path):
    """A lock is held by a run, not by its process."""
    first, second = HostLease("http://a", (tmp_path,)), HostLease("http://a", (tmp_path,))
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_does_not_keep_it(tmp_path):
    """A worker that outlives its parent holds the machine no longer than that; the parent loses nothing by it."""
    mine = HostLease("http://a", (tmp_path,))
    assert mine.take()
    waits, wakes = os.pipe()
    hears, tells = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(wakes)
        mine.release()
        os.write(tells, b".")
        os.read(waits, 1)
        os._exit(0)
    try:
        os.read(hears, 1)
        assert mine.take()
        other = HostLease("http://a", (tmp_path,))
        assert not other.take()
        mine.release()
        assert other.take()
        other.release()
    finally:
        os.close(wakes)
        os.waitpid(child, 0)
        for end in (waits, hears, tells):
            os.close(end)


def test_a_file_that_was_cleaned_away_is_made_again(tmp_path):
    """Others could lock a new one beside: the holder sees that and takes its place anew, if it is free."""
    mine = HostLease("http://a", (tmp_path,))
    assert mine.take()
    (locked,) = tmp_path.iterdir()
    locked.unlink()
    other = HostLease("http://a", (tmp_path,))
    assert other.take()
    assert not mine.take()
    other.release()
    assert mine.take()
    mine.release()


def test_only_a_folder_of_ones_own_is_used(tmp_path):
    """Not one that others may write to, not a link; then the next one, and without any the server decides."""
    open_to_all, link, fine = tmp_path / "open", tmp_path / "link", tmp_path / "fine"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    fine.mkdir(0o700)
    link.symlink_to(fine)
    mine = HostLease("http://a", (open_to_all, link, tmp_path / "not/there", fine))
    assert mine.take()
    assert mine.seat is not None
    assert [path.parent for path in tmp_path.rglob("host-*")] == [fine]
    mine.release()
    nobody = HostLease("http://a", (open_to_all, link))
    assert nobody.take()
    assert nobody.seat is None


def test_a_folder_is_made_for_its_user_alone(tmp_path):
    """As in ``/tmp``, where everybody could write."""
    mine = HostLease("http://a", (tmp_path / "stepwire",))
    assert mine.take()
    assert (tmp_path / "stepwire").stat().st_mode & 0o777 == 0o700
    assert next((tmp_path / "stepwire").iterdir()).stat().st_mode & 0o777 == 0o600
    mine.release()


def test_without_locks_everyone_holds_it(tmp_path, monkeypatch):
    """On a system or file system without them the server listens to one."""
    import fcntl

    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    mine = HostLease("http://a", (tmp_path,))
    assert mine.take()
    assert mine.seat is None
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert mine.take()
    assert mine.seat is None


def test_the_folder_is_the_runtime_folder_or_below_tmp(monkeypatch):
    """``/tmp`` is there too in case the first one can't be used."""
    below = Path(f"/tmp/stepwire-{os.getuid()}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert module._runtime_folders() == (Path("/run/user/1000/stepwire"), below)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert module._runtime_folders() == (below,)
