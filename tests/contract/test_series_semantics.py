"""Promises of the series engine where they are easily broken: order, ends, rewinds, names, memory beside the disk."""

import math
import sqlite3
import struct
import threading
from concurrent.futures import Future

import numpy as np
import pytest
from tests.contract import plain
from tests.contract.plain import Source, Tape

from stepwire.errors import ConflictError, NotFoundError, StepwireError

A = ("loss",)
AXES = ["step", "time", "relative"]


class Run:
    """Streams of one source and the model of it."""

    def __init__(self, storage, id_="run_a"):
        self.storage = storage
        self.source = Source(id_, "run", 1)

    @property
    def store(self):
        return self.storage.series

    def write(self, job):
        return self.storage.writer.submit(job).result(60)

    def tape(self, writer_id="w1", attempt=1):
        """Open a stream."""
        tape = Tape(self.source.id, writer_id, attempt)
        tape.number = self.write(
            lambda tx: self.store.open_stream(tx, self.source.id, writer_id, attempt=attempt)
        ).number
        self.source.streams.append(tape)
        return tape

    def log(self, tape, steps, values=None, *, names=A, times=None, batch=100_000):
        """Log rows of one set and send them."""
        steps = np.asarray(steps, np.float64)
        first = tape.logged + 1
        seqs = np.arange(first, first + len(steps))
        times = 1_700_000_000_000_000 + seqs * 1_000_000 if times is None else np.asarray(times)
        values = np.random.default_rng(first).standard_normal((len(steps), len(names))) if values is None else values
        tape.log_rows(names, seqs, steps, times, np.asarray(values, np.float64).reshape(len(steps), len(names)))
        self.send(tape, batch)

    def send(self, tape, batch=100_000):
        """Send what is logged."""
        while tape.high < tape.logged:
            one = tape.batch(tape.high + 1, min(tape.high + batch, tape.logged))
            stream = self.write(lambda tx: self.store.open_stream(tx, self.source.id, tape.writer_id))
            tape.high = self.write(lambda tx, one=one, stream=stream: self.store.append(tx, stream, one)).high

    def rewind(self, attempt, step):
        """A later attempt goes on from ``step``."""
        self.write(lambda tx: self.store.rewind(tx, self.source.id, attempt, step))
        for tape in self.source.streams:
            if tape.attempt < attempt:
                tape.limit = step if tape.limit is None else min(step, tape.limit)

    def check_windows(self, name="loss", *, points=(1, 7, 100, 1000), ends=((None, None),), superseded=False):
        """Windows of one metric on every axis against the model."""
        series, origin = self.source.series(name), self.source.start_time() or 0
        for axis in AXES:
            for start, stop in ends:
                for width in points:
                    found = self.store.window(
                        self.source.id, name, x=axis, start=start, stop=stop, points=width, superseded=superseded
                    )
                    plain.check_window(found, series, axis, (start, stop), width, origin=origin, superseded=superseded)

    def check(self):
        """Everything that was logged, as pages, scan, names and summaries."""
        names = self.source.names()
        assert self.store.names(self.source.id) == names
        rows = sum(one.count(tape.high) for tape, one in self.source.stored())
        plain.check_raw(self.store, self.source, names or ["loss"], 1 + rows)
        plain.check_scan(self.store, self.source)
        plain.check_summaries(self.store, [self.source])


@pytest.fixture
def script(storage):
    """A source in an empty storage of each engine."""
    return Run(storage)


# --- order and ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [math.inf, 1e300, 1e308, -1e308, -math.inf])
def test_a_window_may_end_anywhere(script, stop):
    """Ends far outside of what is stored, infinite ones too, over several chunks, on every axis."""
    script.log(script.tape(), range(20_000))
    script.store.seal()
    script.check_windows(points=(50,), ends=((None, stop), (stop, None), (-stop, stop)))


@pytest.mark.parametrize("repeat", [3, 100, 1000])
def test_the_last_of_equal_steps_is_the_last_one_logged(script, repeat):
    """Where cells and single points share a step, buckets tell the value that was logged last."""
    script.log(script.tape(), np.arange(30_000) // repeat)
    ends = [(start, None) for start in (1, 2, 5)] + [(None, 3), (2, 7)]
    script.check_windows(points=(1, 5, 30, 100), ends=ends)


def test_few_points_are_exact_though_they_share_a_step_in_a_long_history(script):
    """A narrow window on a series whose steps fall back shows every point, cells of one step included."""
    rng = np.random.default_rng(5)
    steps = np.concatenate([np.repeat(rng.permutation(200), 64), np.arange(5000)])
    script.log(script.tape(), steps)
    script.store.seal()
    script.check_windows(points=(100, 200), ends=[(step, step) for step in (0, 5, 50, 199)] + [(7, 8)])


def test_first_and_last_are_exact_where_streams_overlap(script):
    """Two ranks that log over the same steps at different rates: the window ends with the last point of both."""
    script.log(script.tape("w1"), np.arange(20_000))
    script.log(script.tape("w2"), np.arange(0, 19_999, 4))
    script.log(script.tape("w3"), np.arange(19_000) + 500)
    script.check_windows(points=(3, 10, 40), ends=((None, None), (None, 15_003), (77, None), (5_001, 5_900)))
    script.store.seal()
    script.check_windows(points=(3, 10, 40), ends=((None, None), (None, 15_003), (77, None), (5_001, 5_900)))


def test_first_and_last_are_exact_where_sets_share_a_metric(script):
    """Steps that repeat over two metric sets of one stream keep the order of logging at both ends."""
    tape = script.tape()
    for at in range(40):
        script.log(tape, [at // 20] * 300, names=A if at % 2 else ("loss", "lr"))
    script.store.seal()
    script.check_windows(points=(1, 2, 3))


@pytest.mark.parametrize("length", [1000, 777, 4096])
def test_first_and_last_are_exact_where_steps_begin_anew_each_epoch(script, length):
    """Steps that fall back in mid-cell, and the least and greatest step many times."""
    script.log(script.tape(), np.arange(60_000) % length)
    script.store.seal()
    script.check_windows(points=(1, 5, 20), ends=((None, None), (3, None), (None, length - 5), (100, 200)))


def test_a_spike_is_in_every_window_that_has_it(script):
    """One greatest and one least value in a long series, beside NaN and infinities, at any width."""
    steps = np.arange(50_000)
    values = np.sin(steps / 50)
    values[31_111], values[31_112], values[40_000] = 9.0, -9.0, math.nan
    values[12_345] = math.inf
    script.log(script.tape(), steps, values)
    for _ in range(2):
        for points in (1, 3, 100, 700):
            found = script.store.window("run_a", "loss", x="step", points=points)
            assert max(value for value in found.max if value is not None) == 9.0
            assert min(value for value in found.min if value is not None) == -9.0
            assert (found.stored, sum(found.nonfinite)) == (50_000, 2)
        script.store.seal()


# --- rewinds ---------------------------------------------------------------------------------------------


def test_a_metric_whose_every_point_is_superseded_has_no_summary(script):
    """Also once the index is written anew; its name stays, and so do its points."""
    tape = script.tape()
    script.log(tape, range(10))
    script.log(tape, range(50, 60), names=("late",))
    script.store.seal()
    assert [one.name for one in script.store.summaries(["run_a"])["run_a"]] == ["late", "loss"]
    script.rewind(2, 20)
    for _ in range(2):
        assert [one.name for one in script.store.summaries(["run_a"])["run_a"]] == ["loss"]
        assert list(script.store.ranked("late", "max")) == []
        assert script.store.names("run_a") == ["late", "loss"]
        script.check()
        script.store.seal()


def test_rewinds_of_rewinds(script):
    """Each attempt goes on from an earlier step; what is hidden shows as superseded and nowhere else."""
    for attempt, (start, stop) in enumerate([(0, 9000), (6000, 12_000), (3000, 5000)], 1):
        if attempt > 1:
            script.rewind(attempt, start - 1)
        script.log(script.tape(f"w{attempt}", attempt), np.arange(start, stop))
        for superseded in (False, True):
            script.check_windows(superseded=superseded, ends=((None, None), (2000, 7000)), points=(5, 100))
    script.store.seal()
    script.check()
    for superseded in (False, True):
        script.check_windows(superseded=superseded, ends=((None, None), (2000, 7000)), points=(5, 100))


def test_a_process_that_is_late_to_a_rewound_attempt_is_hidden_too(script):
    """A rank of the first attempt that comes after the second one began: its points past the rewind are superseded."""
    script.log(script.tape("w1", 1), range(10))
    script.rewind(2, 5)
    script.log(script.tape("w2", 2), range(6, 20))
    late = script.tape("late", 1)
    late.limit = 5
    script.log(late, range(10))
    script.check()
    for superseded in (False, True):
        script.check_windows(superseded=superseded, points=(5, 100))


def test_an_attempt_that_is_heard_of_after_it_was_rewound_is_hidden_too(script):
    """The first attempt comes whole after the third one went on from step 5: nobody knew its stream then."""
    script.log(script.tape("w3", 3), range(6, 20))
    script.rewind(3, 5)
    for writer, attempt, limit in (("w1", 1, 5), ("w2", 2, 5), ("w3 again", 3, None), ("w4", 4, None)):
        tape = script.tape(writer, attempt)
        tape.limit = limit
        script.log(tape, range(10))
    script.check()
    for superseded in (False, True):
        script.check_windows(superseded=superseded, points=(5, 100))


def test_a_rewind_of_falling_steps_hides_single_points(script):
    """Steps that begin anew each epoch: every point past the step is hidden, wherever it stands."""
    script.log(script.tape(), np.arange(30_000) % 1000)
    script.rewind(2, 400.5)
    script.log(script.tape("w2", 2), np.arange(401, 2000))
    script.store.seal()
    for superseded in (False, True):
        script.check_windows(superseded=superseded, points=(10, 3000), ends=((None, None), (390, 410)))
    script.check()


# --- names -----------------------------------------------------------------------------------------------


def test_renames_in_a_chain_and_back(script):
    """Points old and new are shown under the last name; the first name is free again for points of its own."""
    tape = script.tape()
    script.log(tape, range(5), names=("a", "loss"))
    for old, new in [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d")]:
        script.write(lambda tx, old=old, new=new: script.store.rename(tx, "run_a", old, new))
        script.source.rename(old, new)
        script.log(tape, range(5, 9), names=("a", "loss"))
        script.check()
    with pytest.raises(ConflictError):
        script.write(lambda tx: script.store.rename(tx, "run_a", "d", "loss"))
    with pytest.raises(NotFoundError):
        script.write(lambda tx: script.store.rename(tx, "run_a", "a", "e"))
    script.log(tape, range(3), names=("d",))  # another metric, natively of this name: one with it
    script.store.seal()
    script.check()
    script.check_windows("d", points=(2, 100))


def test_a_deleted_metric_begins_anew(script):
    """Points of the metric up to the deletion are gone from every read; later ones, and its neighbours, are whole."""
    tape, names = script.tape(), ("loss", "lr")
    script.log(tape, range(5000), names=names)
    for count in (1, 70, 5000):
        script.write(lambda tx: script.store.delete_metric(tx, "run_a", "loss"))
        script.source.delete_metric("loss")
        script.check()
        assert script.store.window("run_a", "loss", x="step").stored == 0
        assert list(script.store.ranked("loss", "count")) == []
        script.log(tape, range(count), names=names)
        script.check()
        for name in names:
            script.check_windows(name, points=(5, 90))
    script.store.seal()
    script.check()


# --- memory beside the disk ------------------------------------------------------------------------------


def test_a_rolled_back_rename_is_not_remembered(script):
    """What a failed job saw of its own changes must not be taken for what the next job commits."""
    tape = script.tape()
    script.log(tape, range(5), names=("a", "loss"))

    def job(tx):
        script.store.open_stream(tx, "run_a", "never")
        script.store.rename(tx, "run_a", "a", "b")
        script.store.rename(tx, "run_a", "b", "c")
        script.store.delete_metric(tx, "run_a", "c")
        raise ZeroDivisionError

    for at in range(6):  # as many changes as the job made, so that its versions come again
        with pytest.raises(ZeroDivisionError):
            script.write(job)
        script.check()
        script.log(script.tape(f"more{at}"), range(3), names=("a", "x"))
        script.check()


def plain_future(result=None, error=None):
    """A future that is done."""
    future = Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return future


def fail_a_group(submit):
    """Let one transaction end as on a full disk."""

    def job(_tx):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with pytest.raises(StepwireError):
        submit(job).result(20)


def in_the_background(monkeypatch, storage, around):
    """Call ``around(submit, job)`` for every job that another thread than this one submits; it returns the future."""
    submit, me = storage.writer.submit, threading.get_ident()

    def wrapper(job):
        return submit(job) if threading.get_ident() == me else around(submit, job)

    monkeypatch.setattr(storage.writer, "submit", wrapper)


def sealing(store):
    """Seal in a thread, so that its jobs count as background; returns what it raised."""
    caught = []

    def run():
        try:
            store.seal()
        except Exception as error:  # noqa: BLE001 - the tests look at it
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return caught


@pytest.mark.parametrize("place", range(8))
def test_a_batch_in_a_transaction_of_the_background_is_summarised(script, monkeypatch, place):
    """Whichever job of the background a batch shares its COMMIT with, summaries are exact afterwards."""
    tape = script.tape()
    script.log(tape, range(10))
    stream = script.write(lambda tx: script.store.open_stream(tx, "run_a", "w1"))
    tape.log_rows(A, [11], [11], np.array([11]), np.array([[7.0]]))
    calls = [0]

    def around(submit, job):
        calls[0] += 1
        if calls[0] - 1 != place:
            return submit(job)
        gate = threading.Event()
        submit(lambda _tx: gate.wait(20))
        ours, theirs = submit(job), submit(lambda tx: script.store.append(tx, stream, tape.batch(11, 11)))
        gate.set()
        tape.high = theirs.result(20).high
        return ours

    in_the_background(monkeypatch, script.storage, around)
    sealing(script.store)
    script.check()
    monkeypatch.undo()
    script.check()


@pytest.mark.parametrize("place", range(12))
def test_a_disk_that_fails_in_mid_seal_costs_nothing(script, monkeypatch, place):
    """A transaction before any of a seal's own fails; the next seal goes on, and no block of another chunk is touched."""
    tape, names = script.tape(), tuple(f"m{at}" for at in range(40))
    script.log(tape, range(9000), names=names)
    script.store.seal()
    script.log(tape, range(9000, 19_000), names=names)
    calls = [0]

    def around(submit, job):
        if calls[0] == place:
            fail_a_group(submit)
        calls[0] += 1
        return submit(job)

    in_the_background(monkeypatch, script.storage, around)
    sealing(script.store)
    monkeypatch.undo()
    script.store.seal()
    script.check()
    script.check_windows("m7", points=(10, 5000))
    assert_whole(script.storage)


@pytest.mark.parametrize("place", range(12))
def test_a_commit_that_failed_only_for_us_costs_nothing(script, monkeypatch, place):
    """The disk says no although the transaction is on it: what is visible then keeps its blocks."""
    tape, names = script.tape(), tuple(f"m{at}" for at in range(40))
    script.log(tape, range(9000), names=names)
    calls = [0]

    def around(submit, job):
        calls[0] += 1
        done = submit(job)
        if calls[0] - 1 != place:
            return done
        done.result(20)
        fail_a_group(submit)
        return plain_future(error=StepwireError("The database can't be written."))

    in_the_background(monkeypatch, script.storage, around)
    sealing(script.store)
    monkeypatch.undo()
    script.store.seal()
    script.check()
    assert_whole(script.storage)


def assert_whole(storage):
    """Every chunk has its blocks, every block its chunk, no sealed row stands in the journal too."""
    with storage.database.read() as connection:
        read = connection.exec_driver_sql
        assert read("SELECT count(*) FROM block WHERE id >> 14 NOT IN (SELECT number FROM chunk)").scalar_one() == 0
        widths = "SELECT number, json_array_length(names) AS width FROM metric_set"
        missing = read(
            f"SELECT count(*) FROM chunk JOIN ({widths}) AS sets ON sets.number = chunk.metric_set WHERE width <> "
            "(SELECT count(*) FROM block WHERE id >= chunk.number << 14 AND id < (chunk.number + 1) << 14)"
        ).scalar_one()
        assert missing == 0
        assert read("PRAGMA integrity_check").scalar_one() == "ok"


def test_sealing_ends_while_a_script_goes_on(script):
    """A seal takes what is committed when it begins; it does not run after a script that never stops."""
    tape = script.tape()
    script.log(tape, range(10))
    done, ended = threading.Event(), threading.Event()

    def write():
        while not done.is_set():
            script.log(tape, [tape.logged])

    def seal():
        script.store.seal()
        ended.set()

    threads = [threading.Thread(target=write), threading.Thread(target=seal)]
    for thread in threads:
        thread.start()
    in_time = ended.wait(10)
    done.set()
    for thread in threads:
        thread.join(30)
    assert in_time
    script.check()


@pytest.mark.parametrize("kind", ["event", "system", "log", "heartbeat"])
def test_a_record_reads_the_same_before_and_after_the_seal(script, kind):
    """Where a record lies is nobody's business."""
    tape = script.tape()
    tape.log_record(1, {"type": kind, "n": 1})
    script.send(tape)
    before = list(script.store.records("run_a"))
    script.store.seal()
    assert list(script.store.records("run_a")) == before


def test_values_and_steps_of_every_kind_survive_the_seal(script):
    """Bit patterns of all classes in one column, in chunks of one row, one cell, and a row more."""
    patterns = [0x7FF0000000000001, 0xFFF8000000000123, 0x8000000000000000, 1, 0x7FEFFFFFFFFFFFFF, 0x36A0000000000000]
    odd = np.array([struct.unpack("<d", struct.pack("<Q", one))[0] for one in patterns])
    for at, count in enumerate([1, 63, 64, 65, 4096, 4097]):
        tape = script.tape(f"w{at}", at + 1)
        script.log(tape, np.linspace(-(2.0**53), 2.0**53, count), np.resize(odd, count), names=(f"m{at}",))
    script.store.seal()
    script.check()
    for at in range(6):
        script.check_windows(f"m{at}", points=(1, 9, 5000))
