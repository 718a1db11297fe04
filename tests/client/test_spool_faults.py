"""What a spool does when somebody else, a signal, or a huge record comes in between."""

import errno
import json
import os
import shutil
import socket
import time
from pathlib import Path

import pytest
from tests.client.test_spool import IDENTITY, log, loss, make, root, steps_of, take_all, until  # noqa: F401 - fixtures

from stepwire import TrainingMonitor
from stepwire.client.orphans import Couriers
from stepwire.client.outbox_stored import StoredOutbox
from stepwire.client.segments import Segments
from stepwire.client.transport import NullTransport
from stepwire.formats import salvage
from stepwire.formats.spool import read_items, segment_head
from stepwire.formats.spoolfolder import SegmentReader, list_segments
from stepwire.formats.spoolowner import Here, take_over
from stepwire.formats.spools import find_spools

HERE = Here(lambda _pid: None, "boot", "boot/pid:[1]", "machine")


class Boom(BaseException):
    """What a signal handler raises."""


def numbers(folder):
    found = []
    for segment in list_segments(folder):
        found += [item.seq for _, item in read_items(segment.path.read_bytes(), 16) if item.span]
    return found


@pytest.mark.parametrize("moment", ["_write_all", "release"])
def test_an_exception_in_the_middle_of_a_drain_writes_nothing_twice(make, monkeypatch, moment):  # noqa: F811
    """Ctrl-C between the write and the note of it, or in the middle of the write."""
    outbox = make()
    log(outbox, loss(), range(100))
    spool = outbox.spool
    spool._drain_lock.acquire()
    target, true = (spool._segments, spool._segments._write_all) if moment == "_write_all" else (spool.ring, None)
    if true is None:
        true = spool.ring.release

    def broken(*given):
        if moment == "_write_all":
            true(*given)
        raise Boom

    with monkeypatch.context() as patched:
        patched.setattr(target, moment, broken)
        with pytest.raises(Boom):
            spool._drain(spool._segments)
    spool._drain_lock.release()
    log(outbox, loss(), range(100, 200))
    assert outbox.sync()
    assert numbers(spool.folder) == list(range(1, 201))


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ESTALE])
def test_a_folder_that_is_deleted_on_a_network_is_made_again(make, root, monkeypatch, code):  # noqa: F811
    """There even the open file is gone."""
    outbox = make()
    log(outbox, loss(), range(10))
    assert outbox.sync()
    segments = outbox.spool._segments
    gone, true = segments._fd, os.fstat

    def fstat(fd):
        if fd == gone and segments._fd == gone:
            raise OSError(code, "gone")
        return true(fd)

    monkeypatch.setattr(os, "fstat", fstat)
    shutil.rmtree(outbox.spool.folder)
    log(outbox, loss(), range(10, 20))
    assert outbox.sync()
    assert numbers(outbox.spool.folder)[-1] == outbox.last


def test_a_folder_that_is_moved_is_made_again(make, root, monkeypatch):  # noqa: F811
    """What comes later is found where it should be, from the next sync of the disk on."""
    outbox = make()
    log(outbox, loss(), range(10))
    folder = outbox.spool.folder
    until(lambda: (folder / "head.json").exists() and not outbox.spool._segments.is_dirty)
    folder.rename(folder.with_name("elsewhere"))
    monkeypatch.setattr("stepwire.client.spool.SYNC_SECONDS", 0.0)  # its thread may set the time anew
    outbox.spool._upkeep_at = 0.0  # a second later
    log(outbox, loss(), range(10, 20))
    assert outbox.sync()
    assert numbers(folder)[-1] == outbox.last


def test_a_folder_that_is_deleted_is_made_again_whole(make, root):  # noqa: F811
    """A cleaner removes it while the script runs: what comes later is found, with its names."""
    outbox = make()
    log(outbox, loss(), range(10))
    folder = outbox.spool.folder
    until(lambda: (folder / "head.json").exists())
    shutil.rmtree(folder)
    log(outbox, loss(), range(10, 20))
    assert outbox.sync()
    outbox.close(is_over=False)
    (found,) = find_spools(root)
    stored = StoredOutbox(found.folder, found.writer_id, found.ring)
    assert [step for step in steps_of(take_all(stored)) if step >= 10] == list(range(10, 20))
    stored.close(is_over=False)


def test_a_huge_config_in_any_alphabet_stops_nothing(make, monkeypatch, tmp_path):  # noqa: F811
    """Its bytes are counted, not its characters: it fits into the ring wherever the ring stands."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path / "own"))
    monitor = TrainingMonitor("huge", mode="offline", system_metrics_interval=0)
    outbox = monitor._run.outbox
    while outbox._ring.mark[0] % outbox._ring.capacity < outbox._ring.capacity // 2:
        monitor.log_metrics({"loss": 1.0})
    monitor.update_config({"prompts": ["日" * 60_000] * 17})
    monitor.log_metrics({"loss": 2.0})
    assert monitor.flush(10)
    assert not outbox.overflows
    assert numbers(outbox.spool.folder)[-1] == outbox.last
    monitor.finish()


def test_ten_thousand_long_names_go_to_the_disk(make):  # noqa: F811
    """More bytes of names than a ring has: the row is kept, and its names are found."""
    outbox = make()
    kind = loss(tuple(f"{number:05d}" + "n" * 500 for number in range(10_000)))
    log(outbox, kind, [1, 2])
    assert outbox.sync()
    assert not outbox.overflows
    assert steps_of(take_all(outbox)) == [1, 2]


def test_a_reader_takes_the_end_of_a_segment_before_the_next_one(tmp_path, monkeypatch):
    """Its owner writes to this one and begins the next between the reader's look and its list."""
    from stepwire.formats import spoolfolder
    from stepwire.formats.spool import frame, record_body

    def record(seq):
        return frame(record_body(seq, {"type": "event", "time": seq}))

    first = tmp_path / "00000001.seg"
    first.write_bytes(segment_head(1) + record(1))
    reader = SegmentReader(tmp_path)
    assert [item.seq for item in reader.read(1, 10_000, 100)] == [1]
    true = spoolfolder.list_segments

    def late(folder):
        with first.open("ab") as file:
            file.write(record(2))
        (tmp_path / "00000002.seg").write_bytes(segment_head(3) + record(3))
        monkeypatch.setattr(spoolfolder, "list_segments", true)
        return true(folder)

    monkeypatch.setattr(spoolfolder, "list_segments", late)
    found = reader.read(2, 10_000, 100)
    assert [item.seq for item in found] + [item.seq for item in reader.read(4, 10_000, 100)] == [2, 3]
    reader.close()


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({}, "gone"),
        ({"space": "boot/pid:[2]"}, "unknown"),
        ({"boot_id": "other"}, "gone"),
        ({"boot_id": "other", "machine_id": "another"}, "unknown"),
        ({"host": "elsewhere"}, "unknown"),
        ({"closed": True, "pid": os.getpid()}, "gone"),
    ],
)
def test_who_can_be_looked_for(tmp_path, changes, owner):
    """Only a process of this machine and of this container is known to be gone."""
    identity = {"host": socket.gethostname(), "boot_id": "boot", "space": "boot/pid:[1]", "machine_id": "machine"}
    found, hold = take_over(tmp_path, {**identity, "pid": 2**30, **changes}, HERE)
    hold.release()
    assert found == owner


def test_thousands_of_orphans_take_few_descriptors(tmp_path):
    """They are opened some at a time, and all of them are closed again."""
    for number in range(60):
        folder = tmp_path / f"run_{number}" / "w"
        folder.mkdir(parents=True)
        identity = {**IDENTITY, "run_id": f"run_{number}", "host": socket.gethostname(), "pid": 2**30}
        (folder / "head.json").write_text(json.dumps(identity))
        (folder / "00000001.seg").write_bytes(segment_head(1))
    before, most = len(list(Path("/proc/self/fd").iterdir())), 0

    def transport(_spool):
        nonlocal most
        most = max(most, len(list(Path("/proc/self/fd").iterdir())))
        return NullTransport()

    (tmp_path / "run_30" / "w" / "00000002.seg").mkdir()  # damaged: told, and the others are delivered
    deliveries = Couriers(tmp_path, transport).deliver(0.05, alive=False)
    assert sorted(one.spool.run_id for one in deliveries) == sorted(f"run_{n}" for n in range(60) if n != 30)
    assert most - before < 60
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_what_was_delivered_a_week_ago_is_deleted(tmp_path):
    """Folder and all; what is younger stays, for a server that is restored from a backup."""
    for name in ("old", "young"):
        folder = tmp_path / f"run_{name}" / "w"
        folder.mkdir(parents=True)
        for file in ("00000001.seg", "names", "head.json", "ack", "done"):
            (folder / file).write_bytes(b"")
    old = time.time() - salvage.KEEP_SECONDS - 60
    os.utime(tmp_path / "run_old" / "w" / "done", (old, old))
    assert salvage.remove_delivered(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run_young"]
    assert len(list((tmp_path / "run_young" / "w").iterdir())) == 5


def test_a_new_segment_waits_for_no_disk(tmp_path, monkeypatch):
    """It may be begun inside of a log call; the one before is synced by who syncs."""
    synced = []
    monkeypatch.setattr("stepwire.client.segments._fdatasync", synced.append)
    monkeypatch.setattr("stepwire.client.segments.SEGMENT_BYTES", 100)
    segments = Segments(tmp_path)
    for number in range(1, 4):
        segments.write(number, [memoryview(bytes(200))], [], (number * 200, number + 1))
    assert synced == []
    while (fd := segments.begin_sync()) is not None:
        segments.end_sync(fd)
    assert len(synced) == 3
    segments.close()
    assert len(list(Path(tmp_path).glob("*.seg"))) == 3
