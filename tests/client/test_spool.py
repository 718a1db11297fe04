"""The outbox that survives its process: ring, segments, what is left when a disk takes nothing."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.test_outbox import as_map

from stepwire.client import spool as spool_module
from stepwire.client.batch import MetricSet
from stepwire.client.memory import read_batch
from stepwire.client.outbox_spool import SpoolOutbox
from stepwire.client.outbox_stored import StoredOutbox
from stepwire.client.ring import Ring
from stepwire.client.spool import Spool, SpoolPlace
from stepwire.formats.ring import read_ring, read_ring_identity
from stepwire.formats.spool import frame, record_body
from stepwire.formats.spoolfolder import list_segments, read_acked
from stepwire.formats.spools import find_spools

IDENTITY = {"run_id": "run_1", "name": "test", "mode": "own"}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "spools"


@pytest.fixture
def make(root, tmp_path):
    """Makes outboxes whose spools lie in ``root``; those still open are closed at the end."""
    made = []

    def make(**place):
        chosen = SpoolPlace(**{"root": root, "identity": IDENTITY, "rings": (tmp_path / "rings",)} | place)
        outbox = SpoolOutbox(lambda: Spool(chosen), limit=256 * 1024)
        made.append(outbox)
        return outbox

    yield make
    for outbox in made:
        if not outbox._is_closed:
            outbox.close(is_over=False)


def loss(names=("loss",), ordinal=0):
    return MetricSet(ordinal, names, 7)


def log(outbox, kind, steps, value=0.5):
    for step in steps:
        outbox.put((kind, step, 1000 + int(step), kind.pack(*[value] * len(kind.names))))


def take_all(outbox, limit=10_000, most=4096, names=None):
    names = {} if names is None else names
    found = {}
    while (batch := outbox.take(limit, most)) is not None:
        found |= dict(numbered(as_map(batch), names).items())
    return found


def numbered(batch, names):
    """The records of a batch by number; a gap stands for several."""
    spans = {record["at"]: record["to"] - record["from"] for record in batch["records"] if record["type"] == "gap"}
    missing = {at + more for at, span in spans.items() for more in range(1, span + 1)}
    filled = dict(batch, records=[*batch["records"], *({"at": at, "type": "missing"} for at in missing)])
    return {seq: record for seq, record in read_batch(filled, names).items() if record["type"] != "missing"}


def steps_of(found):
    return [record["step"] for _, record in sorted(found.items()) if record["type"] == "point"]


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def abandon(outbox):
    """Lose the process: what only its memory holds is gone."""
    with outbox._lock:
        outbox.spool.drain_now = lambda: False
        outbox._is_closed = True
        outbox.spool._is_closing = True
        outbox.spool._bell.ring()
        thread = outbox.spool._thread
    if thread:
        thread.join()
    outbox._ring._map.flush()
    os.close(outbox._ring._fd)


def stored(root):
    """Everything that is found in ``root`` after its process is gone."""
    (found,) = find_spools(root)
    return StoredOutbox(found.folder, found.writer_id, found.ring)


def test_the_disk_may_wait_while_a_server_keeps_up(make, root):
    """Each look at the ring takes the interpreter from the training; without a server it is every tenth of a second."""
    outbox, kind = make(), loss()
    spool = outbox.spool
    spool.wake = lambda: None  # the test is its thread

    def patience(count, *, stored):
        log(outbox, kind, range(count))
        if stored:
            spool.acked = outbox.last
        spool.is_idle = False
        return spool._patience()

    assert patience(10, stored=True) == spool_module.PAUSE_SECONDS  # nothing is known of what came before
    assert patience(10, stored=True) == spool_module.KEPT_UP_SECONDS
    assert patience(10, stored=False) == spool_module.KEPT_UP_SECONDS  # what was there the last time is stored
    assert patience(10, stored=False) == spool_module.PAUSE_SECONDS
    assert patience(10_000, stored=True) == spool_module.PAUSE_SECONDS  # much: the ring would be full soon
    assert patience(10, stored=True) == spool_module.KEPT_UP_SECONDS


def test_the_disk_waits_for_nothing_where_memory_is_lost_with_the_process(make):
    """No ring that outlives it; or somebody follows the folder."""
    for outbox in (make(rings=()), make(heartbeat_seconds=5.0)):
        outbox.spool.wake = lambda: None
        for _ in range(3):
            log(outbox, loss(), range(3))
            outbox.spool.acked = outbox.last
            outbox.spool.is_idle = False
            assert outbox.spool._patience() == spool_module.PAUSE_SECONDS


def test_records_come_out_in_order_and_numbered(make):
    """Records and points of several sets, from ring and disk, without a hole."""
    outbox, one, two = make(), loss(), loss(("lr", "x"), 1)
    outbox.put({"type": "config", "time": 1, "name": "run"})
    log(outbox, one, range(1000))
    log(outbox, two, [1.5])
    until(lambda: outbox.spool.ring.kept[1] > 500)
    log(outbox, one, range(1000, 2000))
    found = take_all(outbox)
    assert sorted(found) == list(range(1, 2003))
    assert found[1]["name"] == "run"
    assert steps_of(found) == [*range(1000), 1.5, *range(1000, 2000)]
    assert outbox.pending == 2002
    outbox.acknowledge(2002)
    assert (outbox.pending, outbox.acked, outbox.last, outbox.unsent) == (0, 2002, 2002, 0)


def test_what_was_put_survives_the_process(make, root):
    """Killed at any moment: all that ``put`` returned for is in ring and segments together."""
    outbox, kind = make(), loss()
    outbox.put({"type": "config", "time": 1, "name": "run"})
    log(outbox, kind, range(500))
    until(lambda: outbox.spool.ring.kept[1] == 502)
    log(outbox, kind, range(500, 900))
    abandon(outbox)
    assert steps_of(take_all(stored(root))) == list(range(900))


def test_a_process_that_dies_at_once_leaves_its_ring(make, root):
    """Not a byte had reached the disk; the ring says whose it is."""
    outbox = make(rings=None)
    outbox.put({"type": "config", "time": 1, "name": "run"})
    log(outbox, loss(), range(3))
    with outbox._lock:
        outbox.spool._is_closing = True
    outbox.spool._bell.ring()
    (found,) = find_spools(root)
    assert found.identity["name"] == "test"
    assert steps_of(take_all(StoredOutbox(found.folder, found.writer_id, found.ring))) == [0, 1, 2]


@pytest.mark.parametrize("capacity", [4096, 4099, 5000])
@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(9, 900), min_size=1, max_size=60), release=st.lists(st.booleans(), max_size=60))
def test_a_ring_gives_back_what_is_not_released(tmp_path_factory, capacity, sizes, release):
    """Whatever the sizes, wherever the end falls: records from the tail on come back, in order, and no others."""
    path = tmp_path_factory.mktemp("ring") / "x.ring"
    ring = Ring(path, {"run_id": "r"}, capacity)
    kept = []
    for seq, size in enumerate(sizes):
        record = frame(record_body(seq + 1, {"fill": "x" * (size - 9)}))
        if not ring.append(record, seq + 1):
            ring.release(*[ring.mark[0], seq + 1])
            kept.clear()
            assert ring.append(record, seq + 1)
        kept.append(record)
        if seq < len(release) and release[seq]:
            ring.release(ring.mark[0], seq + 2)
            kept.clear()
    assert b"".join(piece for _, piece in ring.copy(ring.kept[0], ring.mark[0])) == b"".join(kept)
    assert read_ring_identity(path) == {"run_id": "r"}
    assert [frame(item.body) for item in read_ring(path)] == kept
    ring.close(remove=True)


def test_a_full_ring_is_written_by_who_logs(make, root, monkeypatch):
    """More than the ring holds, before its thread wakes: nothing waits in memory, nothing is lost."""
    monkeypatch.setattr(spool_module, "PATIENCE_SECONDS", 10)  # the thread may be writing, on a slow disk
    outbox, kind = make(), loss(tuple(f"m{n}" for n in range(1000)))
    log(outbox, kind, range(1200))
    assert not outbox.overflows
    assert sum(one.size for one in list_segments(outbox.spool.folder)) > 4 * 1024 * 1024
    abandon(outbox)
    assert steps_of(take_all(stored(root), 10**6)) == list(range(1200))


class FullDisk:
    """Has ``os.write`` fail for segments while ``is_full``."""

    def __init__(self, monkeypatch):
        self.is_full = True
        real = os.write

        def write(fd, data):
            if self.is_full and str(Path(f"/proc/self/fd/{fd}").readlink()).endswith((".seg", ".new", "names")):
                raise OSError(28, "No space left on device")
            return real(fd, data)

        monkeypatch.setattr(os, "write", write)
        monkeypatch.setattr(spool_module, "RETRY_SECONDS", 0.05)


def test_a_full_disk_costs_nothing_while_memory_lasts(make, root, monkeypatch):
    """Records wait in ring and memory, are sent from there, and reach the disk when it has room again."""
    disk = FullDisk(monkeypatch)
    outbox, kind = make(), loss(tuple(f"m{n}" for n in range(1000)))
    log(outbox, kind, range(540))
    assert outbox.overflows
    assert outbox.dropped == 0
    names: dict = {}
    found = take_all(outbox, 10**6, names=names)
    outbox.acknowledge(max(found))
    until(lambda: not outbox.overflows)
    found |= take_all(outbox, 10**6, names=names)
    assert steps_of(found) == list(range(540))
    outbox.acknowledge(outbox.last)
    disk.is_full = False
    log(outbox, kind, range(540, 600))
    until(lambda: outbox.spool.ring.kept[1] == outbox.last + 1)
    abandon(outbox)
    left = stored(root)
    assert steps_of(take_all(left, 10**6))[-60:] == list(range(540, 600))


def test_when_memory_is_full_too_a_gap_says_what_left(make, monkeypatch):
    """The oldest points of the memory leave; records of other kinds stay; numbers go on without a hole."""
    FullDisk(monkeypatch)
    outbox, kind = make(), loss(tuple(f"m{n}" for n in range(1000)))
    log(outbox, kind, range(530))
    outbox.put({"type": "checkpoint", "time": 5, "id": "ckpt_1"})
    log(outbox, kind, range(530, 700))
    assert outbox.dropped > 0
    names: dict = {}
    found = take_all(outbox, 10**6, names=names)
    outbox.acknowledge(max(found))
    until(lambda: not outbox.overflows)
    found |= take_all(outbox, 10**6, names=names)
    gaps = [record for record in found.values() if record["type"] == "gap"]
    assert [record["id"] for record in found.values() if record["type"] == "checkpoint"] == ["ckpt_1"]
    assert sum(gap["count"] for gap in gaps) == outbox.dropped
    assert len(steps_of(found)) + outbox.dropped == 700
    assert steps_of(found)[-1] == 699


def test_over_its_share_of_the_disk_the_oldest_points_leave(make, root, monkeypatch):
    """Old segments keep what is no point, and say how many points are gone; the newest stay whole."""
    monkeypatch.setattr("stepwire.client.segments.SEGMENT_BYTES", 256 * 1024)
    monkeypatch.setattr(spool_module, "SYNC_SECONDS", 0.0)
    outbox, kind = make(max_bytes=1024 * 1024), loss(tuple(f"m{n}" for n in range(1000)))
    outbox.put({"type": "config", "time": 1, "name": "run"})
    for first in range(0, 600, 30):
        log(outbox, kind, range(first, first + 30))
        until(lambda: outbox.spool.ring.kept[1] == outbox.last + 1)
    until(lambda: sum(one.size for one in list_segments(outbox.spool.folder)) < 1600 * 1024)
    assert outbox.dropped > 300
    found = take_all(outbox, 10**6)
    assert found[1]["name"] == "run"
    gaps = [record for record in found.values() if record["type"] == "gap"]
    assert sum(gap["count"] for gap in gaps) == outbox.dropped
    kept = steps_of(found)
    assert kept == sorted(kept)
    assert kept[-1] == 599
    assert len(kept) + outbox.dropped == 600


def test_without_any_place_records_are_sent_from_memory(make, tmp_path):
    """No ring folder and a root that can't be written: as before, all that is logged is sent."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    outbox = make(root=blocked, rings=())
    log(outbox, loss(), range(100))
    assert steps_of(take_all(outbox)) == list(range(100))
    outbox.acknowledge(100)
    assert outbox.pending == 0


def test_records_are_sent_again_after_a_lost_connection(make):
    """The same numbers and content; names are announced anew."""
    outbox, kind = make(), loss()
    log(outbox, kind, range(10))
    first = outbox.take(10**6)
    assert outbox.take(10**6) is None
    outbox.acknowledge(4)
    assert outbox.resume_at(4)
    again = outbox.take(10**6)
    assert (again.first_seq, again.n) == (5, 6)
    assert again.sets[0].names == ("loss",)
    assert again.sets[0].values == first.sets[0].values[4 * 8 :]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 1300),
    is_quiet=st.booleans(),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    mosts=st.tuples(st.sampled_from([1, 3, 32, 256]), st.sampled_from([3, 32, 256, 4096])),
)
def test_wherever_a_server_stands_the_rest_comes_in_order(tmp_path_factory, count, is_quiet, shares, mosts):
    """The ring has gone round once or twice, some was sent, and the server has more of it, or less: no record is left
    out or told as lost, however few are taken at once, whether or not the disk has them by then."""
    folder = tmp_path_factory.mktemp("stands")
    place = SpoolPlace(folder / "spools", IDENTITY, rings=(folder / "rings",))
    outbox, kind = SpoolOutbox(lambda: Spool(place)), loss(tuple(f"m{n}" for n in range(1000)))
    sent, acked = (round(share * count) for share in shares)
    try:
        if is_quiet:
            outbox.spool.wake = lambda: None
        log(outbox, kind, range(count))
        while outbox.read_seq <= sent and outbox.take(10**6, mosts[0]):
            pass
        outbox.resume_at(acked)
        found = take_all(outbox, 10**6, mosts[1], {0: kind.names})
        assert steps_of(found) == list(range(acked, count))
        assert outbox.dropped == 0
    finally:
        outbox.close(is_over=True)


def test_a_restored_server_gets_what_segments_still_hold(make):
    """It says less than it had acknowledged: all after that is sent again from the disk."""
    outbox, kind = make(), loss()
    log(outbox, kind, range(2000))
    take_all(outbox)
    outbox.acknowledge(2000)
    until(lambda: outbox.spool.ring.kept[1] == 2001)
    assert outbox.resume_at(500)
    assert (outbox.acked, outbox.pending) == (500, 1500)
    assert steps_of(take_all(outbox)) == list(range(500, 2000))


def test_what_is_kept_nowhere_any_more_becomes_a_gap(make):
    """A server that lost more than the segments hold gets the config again and the number of what is gone."""
    outbox, kind = make(), loss()
    outbox.put({"type": "config", "time": 1, "name": "run"})
    log(outbox, kind, range(100))
    take_all(outbox)
    outbox.acknowledge(101)
    until(lambda: outbox.spool.ring.kept[1] == 102)
    outbox.spool.oldest_seq = lambda: 51
    assert outbox.resume_at(0)
    found = take_all(outbox)
    assert found[1]["name"] == "run"
    assert [record["count"] for record in found.values() if record["type"] == "gap"] == [49]
    assert steps_of(found) == list(range(49, 100))


def test_a_refused_record_becomes_a_gap(make):
    """Its number stays, so that the others arrive."""
    outbox, kind = make(), loss()
    log(outbox, kind, range(3))
    outbox.take(10**6)
    outbox.refuse(2, "bad")
    outbox.rewind_to(1)
    found = take_all(outbox)
    assert [record["type"] for _, record in sorted(found.items())] == ["point", "gap", "point"]
    assert outbox.dropped == 1


def test_a_signal_handler_may_log_inside_a_log_call(make):
    """The interrupted record comes first; none is lost, none is doubled, whenever the signal comes."""
    outbox, kind = make(), loss()
    count = 0

    def handler(*_):
        nonlocal count
        count += 1
        log(outbox, kind, [10**6 + count])

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        log(outbox, kind, range(20_000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    log(outbox, kind, [-1])
    found = steps_of(take_all(outbox))
    assert [step for step in found if step < 10**6] == [*range(20_000), -1]
    assert sorted(step for step in found if step >= 10**6) == [10**6 + n for n in range(1, count + 1)]


def test_an_exception_out_of_a_signal_handler_leaves_no_half_record(make, root):
    """A KeyboardInterrupt at any moment of a log call: what follows is kept and read as usual."""
    outbox, kind = make(), loss()

    class InterruptError(Exception):
        pass

    def handler(*_):
        raise InterruptError

    before = signal.signal(signal.SIGALRM, handler)
    returned = []
    try:
        for step in range(20_000):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 if step % 50 == 0 else 0)
                log(outbox, kind, [step])
                signal.setitimer(signal.ITIMER_REAL, 0)
                returned.append(step)
            except InterruptError:
                continue
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    abandon(outbox)
    found = steps_of(take_all(stored(root)))
    assert found == sorted(found)
    assert set(returned) <= set(found)


def test_threads_log_side_by_side(make):
    """All records of all threads, each thread's in its order."""
    outbox = make()
    kinds = [loss((f"t{number}",), number) for number in range(8)]
    threads = [threading.Thread(target=log, args=(outbox, kind, range(2000), kind.ordinal)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = take_all(outbox)
    for number in range(8):
        name = f"t{number}"
        mine = [one["step"] for _, one in sorted(found.items()) if one["type"] == "point" and name in one["metrics"]]
        assert mine == list(range(2000))


def test_acknowledgements_are_noted_and_a_delivered_spool_is_marked(make, root):
    """Who looks later sends nothing again."""
    outbox, kind = make(), loss()
    log(outbox, kind, range(10))
    take_all(outbox)
    outbox.acknowledge(10)
    folder = outbox.spool.folder
    until(lambda: folder.is_dir() and read_acked(folder) == 10)
    outbox.close(is_over=True)
    assert list(find_spools(root)) == []
    assert not list((folder.parent.parent.parent / "rings").glob("*"))


def test_all_is_private(make):
    """Folders 0700, files 0600."""
    outbox = make()
    log(outbox, loss(), range(10))
    until(lambda: outbox.spool.ring.kept[1] == 11)
    folder = outbox.spool.folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in [*folder.iterdir(), outbox.spool.ring.path]} == {0o600}


def test_a_forked_child_has_a_stream_of_its_own(make, root):
    """Nothing of the parent's is the child's; a child that logs nothing makes no ring."""
    outbox, kind = make(), loss()
    log(outbox, kind, range(10))
    writer = outbox.writer_id
    outbox.spool  # noqa: B018 - made before the fork
    pid = os.fork()
    if pid == 0:
        outbox.after_fork()
        silent = outbox._spool is None and outbox.pending == 0
        log(outbox, kind, [77])
        own = outbox.writer_id != writer and outbox.last == 1
        outbox.spool.drain_now()
        os._exit(0 if silent and own else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert steps_of(take_all(outbox)) == list(range(10))
    assert len({found.writer_id for found in find_spools(root)}) == 2


def test_a_quiet_offline_process_says_that_it_lives(make):
    """Who only reads the folder sees a heartbeat when nothing else is logged, and none beside other records."""
    outbox = make(heartbeat_seconds=0.2)
    log(outbox, loss(), [1])
    until(lambda: outbox.last >= 3)
    kinds = [record["type"] for _, record in sorted(take_all(outbox).items())]
    assert kinds[:3] == ["point", "heartbeat", "heartbeat"]


def test_a_run_that_gets_another_id_takes_its_spool_along(make, root):
    """Whoever finds the spool delivers it to the new run, before and after its folder is there."""
    outbox = make(rings=None)
    log(outbox, loss(), [1])
    outbox.relabel(run_id="run_2", attempt=3)
    until(lambda: outbox.spool.ring.kept[1] == 2)
    (found,) = find_spools(root)
    assert (found.run_id, found.identity["attempt"], found.writer_id) == ("run_2", 3, outbox.writer_id)
    outbox.relabel(run_id="run_3")
    (found,) = find_spools(root)
    assert found.run_id == "run_3"
    assert read_ring_identity(outbox.spool.ring.path)["run_id"] == "run_3"


def test_a_small_shared_memory_is_left_to_others(make, tmp_path, monkeypatch):
    """A container's 64 MiB are also the data loaders'; the ring then lies in the next place."""
    small, big = tmp_path / "small", tmp_path / "big"
    true = os.statvfs

    def told(path):
        found = true(path)
        size = 16 * 1024 * 1024 if Path(path) == small else 2**30
        return os.statvfs_result([found.f_bsize, found.f_bsize, *found[2:4], size // found.f_bsize, *found[5:]])

    monkeypatch.setattr(os, "statvfs", told)
    outbox = make(rings=(small, big))
    log(outbox, loss(), [1])
    assert outbox.spool.ring.path.parent == big
