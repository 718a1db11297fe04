"""Log calls with numbers that are still on a device."""

import math
import struct
import sys
import threading
import time

import pytest
from tests.client import accelerator
from tests.client.accelerator import KINDS, Array, Device, Tensor, make_torch, value

from stepwire import TrainingMonitor
from stepwire.client import deferred, device
from stepwire.client import run as run_module
from stepwire.client.memory import FakeClock, MemoryTransport
from stepwire.client.metrics import Metrics
from stepwire.client.outbox import MemoryOutbox

OURS = "stepwire-device"


@pytest.fixture
def gpu(monkeypatch):
    """A device, with both libraries loaded."""
    on = Device()
    monkeypatch.setitem(sys.modules, "torch", make_torch(on))
    monkeypatch.setitem(sys.modules, "jax", accelerator)
    monkeypatch.setattr(device, "_pool", device._Pool())
    monkeypatch.setattr(device._JaxCopy, "copies_first", False)
    return on


class Log(Metrics):
    """Metrics with an outbox of their own, to look into; nobody looks for numbers but ``resolve``."""

    def __init__(self):
        self.outbox = MemoryOutbox()
        super().__init__(self.outbox, FakeClock(start=1_000_000))
        self.deferred._start = lambda: None

    def resolve(self):
        """Look once for numbers that have come."""
        self.deferred.resolve()
        return self.rows()

    def rows(self):
        """(step, {name: value}) of each row kept so far."""
        return [
            (item[1], dict(zip(item[0].names, struct.unpack(f"<{len(item[0].names)}d", item[3]), strict=True)))
            for item in self.outbox._waiting
            if isinstance(item, tuple)
        ]

    def records(self):
        """Records that are not points."""
        return [item.record for item in self.outbox._waiting if not isinstance(item, tuple)]


@pytest.fixture
def log(gpu):
    """Such metrics on the device."""
    return Log()


@pytest.fixture
def transport():
    """A server in memory."""
    return MemoryTransport()


@pytest.fixture
def monitor(gpu, transport):
    """A run that samples nothing; its device works again when the test is over."""
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    yield monitor
    gpu.error = None
    gpu.run()
    monitor.finish()


# --- nobody waits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_training_thread_never_waits(monitor, transport, gpu, kind):
    """1,000 calls, new names and known ones, flat and nested: not one call that waits comes from this thread."""
    for step in range(250):
        monitor.log_metrics({"loss": value(gpu, step, kind)}, step)
        monitor.log_metrics({"loss": 0.5}, step)
        monitor.log_metrics({"train": {"loss": value(gpu, step, kind), "lr": 0.1}}, step)
        monitor.log_metrics({f"n{step}": value(gpu, step, kind), "lr": 0.1, "loss": value(gpu, 1, kind)}, step)
        if step % 10 == 0:
            gpu.run()
    gpu.run()
    assert monitor.flush(10)
    assert len(transport.metrics) == 1000
    assert {thread for thread, _ in gpu.waits} <= {OURS}
    assert set(gpu.asks) <= {OURS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_kept_with_its_own_step_time_and_values(log, gpu, kind):
    """Numbers on the device, on the host and NaN stand in one row, as they were when the call was made."""
    log.log({"loss": value(gpu, 0.25, kind), "lr": 0.1, "nan": math.nan, "acc": value(gpu, 3, kind)}, 7, 5.0)
    log.log({"lr": 0.2}, None, None)
    gpu.run()
    rows = dict(log.resolve())
    assert repr(rows[7]) == repr({"loss": 0.25, "lr": 0.1, "nan": math.nan, "acc": 3.0})
    assert rows[8] == {"lr": 0.2}
    assert {item[2] for item in log.outbox._waiting if item[1] == 7} == {5_000_000}


@pytest.mark.parametrize("kind", ["cuda", "jax"])
def test_what_is_on_the_host_does_not_wait_for_what_is_not(log, gpu, kind):
    """A row of plain numbers is kept at once, even while rows before it are on the device."""
    log.log({"loss": value(gpu, 1, kind)}, 0, None)
    log.log({"loss": 2.0}, 1, None)
    assert log.resolve() == [(1, {"loss": 2.0})]
    gpu.run()
    assert log.resolve() == [(1, {"loss": 2.0}), (0, {"loss": 1.0})]


def test_rows_from_a_device_keep_their_order(log, gpu):
    """A row that is ready waits for one that is not and was logged before."""
    log.log({"loss": value(gpu, 0, "jax")}, 0, None)
    log.log({"loss": Array(gpu, [1.0])}, 1, None)
    assert log.resolve() == []
    gpu.run()
    assert log.resolve() == [(0, {"loss": 0.0}), (1, {"loss": 1.0})]


def test_a_number_that_changes_later_is_kept_as_it_was(log, gpu):
    """What the training does to a tensor after the call comes after the copy on the device."""
    for kind in ("cuda", "mps"):
        loss = value(gpu, 1, kind)
        log.log({"loss": loss}, 0, None)
        gpu.launch("zero_", lambda loss=loss: loss.box.__setitem__(0, 0.0))
    gpu.run()
    assert log.resolve() == [(0, {"loss": 1.0})] * 2


def test_numbers_of_one_device_and_type_travel_together(log, gpu):
    """Five tensors of two types on two devices make three copies."""
    tensors = {name: Tensor(gpu, [ord(name)], device="cuda:1" if name == "c" else "cuda:0") for name in "abcde"}
    tensors["e"].dtype = "int64"
    log.log(tensors, 0, None)
    assert gpu.launched.count("copy_") == 3
    gpu.run()
    assert log.resolve() == [(0, {name: float(ord(name)) for name in "abcde"})]


@pytest.mark.parametrize("host", ["cpu", "meta"])
def test_a_tensor_on_the_host_is_read_at_once(log, gpu, host):
    """As ever: what is not on a device needs no copy."""
    log.log({"loss": Tensor(gpu, [0.5], device=host)}, 0, None)
    log.log({"loss": Tensor(gpu, [0.25], device=host)}, 1, None)
    assert log.rows() == [(0, {"loss": 0.5}), (1, {"loss": 0.25})]


@pytest.mark.parametrize("box", [[1.0, 2.0], []])
def test_more_or_less_than_one_number_is_misuse(log, gpu, box):
    """It raises in the call, by name, and keeps nothing."""
    tensor = Tensor(gpu, box)
    tensor.item = lambda: (_ for _ in ()).throw(ValueError("more than one"))
    with pytest.raises(TypeError, match="'loss'"):
        log.log({"loss": tensor}, 0, None)
    assert log.resolve() == []
    assert log.last_step is None


def test_without_a_library_no_type_is_looked_at(log, monkeypatch, gpu):
    """Where neither torch nor JAX is loaded the way of plain numbers is the short one, and NumPy's stay on it."""
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.delitem(sys.modules, "jax")
    log.log({"loss": 1.0}, 0, None)
    monkeypatch.setattr(log, "_pack", None)
    log.log({"loss": 2.0}, 1, None)
    assert len(log.rows()) == 2


def test_plain_numbers_stay_on_the_short_way(log, monkeypatch):
    """With a library loaded, too: few of them and many, of Python and of NumPy."""
    import numpy as np

    rows = [{"a": 1.0, "b": 2, "c": True, "d": np.float32(4)}, {str(n): float(n) for n in range(100)}]
    rows.append(rows[1] | {"5": np.float64(5)})
    for row in rows:
        log.log(row, 0, None)
    monkeypatch.setattr(log, "_pack", None)
    for row in rows:
        log.log(row, 1, None)
    assert len(log.rows()) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_one_device_number_among_many_is_found(log, gpu, kind):
    """In a known row of 100 names the one that is a tensor this time is not waited for."""
    log.log({str(n): float(n) for n in range(100)}, 0, None)
    log.log({str(n): value(gpu, 7, kind) if n == 50 else float(n) for n in range(100)}, 1, None)
    assert gpu.waits == []
    gpu.run()
    assert log.resolve()[1][1]["50"] == 7


def test_a_disabled_run_asks_nothing_of_the_device(gpu):
    """No copy, no thread, no wait; misuse is found all the same."""
    monitor = TrainingMonitor("test", mode="disabled")
    loss = value(gpu, 1)
    before = gpu.launched.copy()
    monitor.log_metrics({"loss": loss})
    with pytest.raises(TypeError, match="'x'"):
        monitor.log_metrics({"x": "text"})
    monitor.finish()
    assert (gpu.launched, gpu.waits, gpu.asks) == (before, [], [])
    assert monitor._run.metrics.deferred._thread is None


# --- bounds ----------------------------------------------------------------------------------------------


def test_a_device_that_is_far_behind_costs_the_oldest_calls(log, gpu, monkeypatch):
    """Of 25 calls 10 are held; the others are counted in one gap record with their steps."""
    monkeypatch.setattr(deferred, "MAX_ROWS", 10)
    for step in range(25):
        log.log({"loss": value(gpu, step)}, step, None)
    gpu.run()
    assert [step for step, _ in log.resolve()] == list(range(15, 25))
    gap = log.records()[0]
    assert (gap["type"], gap["count"], gap["from_step"], gap["to_step"]) == ("gap", 15, 0, 14)
    assert log.deferred.dropped == 15
    assert gpu.waits == []


def test_the_bytes_of_waiting_calls_are_bounded(log, gpu, monkeypatch):
    """Large rows: fewer of them."""
    monkeypatch.setattr(deferred, "MAX_BYTES", 100_000)
    for step in range(50):
        log.log({"loss": value(gpu, step)} | {str(n): 1.0 for n in range(1000)}, step, None)
    assert len(log.deferred._rows) == 3
    gpu.run()
    assert [step for step, _ in log.resolve()] == [47, 48, 49]
    assert log.deferred._size == 0


def test_memory_for_numbers_is_used_again(log, gpu):
    """6,000 numbers go through one chunk while the device keeps up, and through few when it is behind."""
    for step in range(6000):
        log.log({"loss": value(gpu, step)}, step, None)
        gpu.run()
        log.deferred.resolve()
    assert device._pool._free == []
    assert device._pool._current.used == 0
    for step in range(9000):
        log.log({"loss": value(gpu, step)}, step, None)
    gpu.run()
    rows = log.resolve()
    assert [row["loss"] for _, row in rows] == [*range(6000), *range(9000)]
    assert len(device._pool._free) == 2


def test_memory_of_calls_that_were_given_up_is_not_used_again(log, gpu):
    """A copy that is still under way must not write into another call's number."""
    log.log({"loss": value(gpu, 1)}, 0, None)
    log.deferred.give_up()
    log.log({"loss": value(gpu, 2)}, 1, None)
    gpu.run()
    rows = log.resolve()
    assert math.isnan(rows[0][1]["loss"])
    assert rows[1:] == [(1, {"loss": 2.0})]


def test_a_number_that_is_half_written_is_not_read(log, gpu, monkeypatch):
    """Two looks that see different bits: it is left for later."""
    log.log({"loss": value(gpu, 1)}, 0, None)
    gpu.run()
    bits = device._Chunk.bits
    looks = iter([[1], [2]])
    monkeypatch.setattr(device._Chunk, "bits", lambda *place: next(looks, None) or bits(*place))
    assert log.resolve() == []
    assert log.resolve() == [(0, {"loss": 1.0})]


# --- what goes wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_broken_device_never_computes_becomes_nan_and_is_told_once(monitor, transport, gpu, kind):
    """A device-side assert: all rows are kept, with NaN for the device's numbers, and one event says why."""
    numbers = [value(gpu, step, kind) for step in range(3)]
    gpu.error = RuntimeError("CUDA error: device-side assert triggered")
    for step, number in enumerate(numbers):
        monitor.log_metrics({"loss": number, "lr": 0.1}, step)
    assert monitor.flush(10)
    assert [(math.isnan(m["loss"]), m["lr"]) for m in transport.metrics] == [(True, 0.1)] * 3
    events = transport.records("event")
    assert [event["event"] for event in events] == ["device_value_lost"]
    assert "loss" in events[0]["message"]
    assert "device-side assert triggered" in events[0]["message"]
    assert {thread for thread, _ in gpu.waits} <= {OURS}


def test_a_donated_array_is_told_and_later_ones_are_copied(log, gpu):
    """Its number is lost; from then on the SDK copies arrays before the training gives them away."""
    for step in range(3):
        array = value(gpu, step, "jax")
        log.log({"step": array}, step, None)
        array.delete()
        gpu.run()
        log.resolve()
    rows = log.resolve()
    assert math.isnan(rows[0][1]["step"])
    assert rows[1:] == [(1, {"step": 1.0}), (2, {"step": 2.0})]
    assert "donated" in log.records()[0]["message"]


def test_nothing_disturbs_the_capture_of_a_graph(log, gpu):
    """While a CUDA graph is captured nothing is launched, asked or waited for, though calls are still waiting."""
    log.log({"loss": value(gpu, 1)}, 0, None)
    captured = Tensor(gpu, [2.0])
    gpu.is_capturing = True
    log.log({"loss": captured}, 1, None)
    log.resolve()
    gpu.is_capturing = False
    assert (gpu.asks, gpu.waits) == ([], [])
    gpu.run()
    rows = log.resolve()
    assert rows[0] == (0, {"loss": 1.0})
    assert math.isnan(rows[1][1]["loss"])
    assert "graph" in log.records()[0]["message"]


def test_where_no_copy_can_be_made_the_number_is_read_at_once(log, gpu, monkeypatch):
    """A kind of tensor that the library cannot copy: right, if not free."""
    monkeypatch.setattr(sys.modules["torch"], "empty", lambda *_, **__: (_ for _ in ()).throw(TypeError("no")))
    log.log({"loss": value(gpu, 5)}, 0, None)
    assert log.rows() == [(0, {"loss": 5.0})]


def test_a_late_number_has_its_device_asked(log, gpu, monkeypatch):
    """What has not come for long is found to be lost while the run goes on."""
    monkeypatch.setattr(deferred, "_STUCK_SECONDS", 0.0)
    log.log({"loss": value(gpu, 5)}, 0, None)
    log.resolve()
    assert log.rows() == []
    gpu.error = RuntimeError("lost")
    assert math.isnan(log.resolve()[0][1]["loss"])


# --- the end ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_flush_and_finish_wait_for_the_device(gpu, transport, kind):
    """What comes while they wait is stored, before the final status."""
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    for wait in (lambda: monitor.flush(10), monitor.finish):
        monitor.log_metrics({"loss": value(gpu, 1, kind)})
        timer = threading.Timer(0.1, gpu.run)
        timer.start()
        wait()
        timer.join()
    assert transport.metrics == [{"loss": 1.0}] * 2
    assert [record["type"] for record in transport.stored][-1] == "status"


def test_flush_tells_that_a_number_has_not_come(monitor, gpu):
    """Its time passes; then it returns False."""
    monitor.log_metrics({"loss": value(gpu, 1)})
    assert monitor.flush(0.05) is False


def test_a_device_that_hangs_does_not_hold_up_the_end(gpu, transport, monkeypatch):
    """After its share of the time finish keeps the row with NaN, and tells."""
    monkeypatch.setattr(run_module, "_DEVICE_SECONDS", 0.05)
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    monitor.log_metrics({"loss": value(gpu, 1), "lr": 0.1})
    monitor.finish()
    assert repr(transport.metrics) == repr([{"loss": math.nan, "lr": 0.1}])
    assert "had not computed it" in transport.records("event")[0]["message"]


def test_the_thread_ends_with_the_run(gpu, transport):
    """It is there from the first such call on, and gone a moment after finish."""
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    monitor.log_metrics({"loss": 1.0})
    before = {thread.name for thread in threading.enumerate()}
    monitor.log_metrics({"loss": value(gpu, 1)})
    thread = monitor._run.metrics.deferred._thread
    gpu.run()
    monitor.finish()
    thread.join(10)
    assert not thread.is_alive()
    assert OURS not in before


def test_without_a_free_thread_the_end_itself_looks(gpu, transport, monkeypatch):
    """A system that starts no more threads: what has come is kept by flush."""
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    assert monitor.flush(10)
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == OURS:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monitor.log_metrics({"loss": value(gpu, 1)})
    gpu.run()
    assert monitor.flush(10)
    assert transport.metrics == [{"loss": 1.0}]
    monitor.finish()


def test_eight_threads_and_a_device_lose_nothing(monitor, transport, gpu):
    """Threads that log at the same time share the queue: every row once, each thread's in order."""

    def train(name):
        for step in range(200):
            monitor.log_metrics({name: value(gpu, step)}, step)

    threads = [threading.Thread(target=train, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        gpu.run()
        time.sleep(0.001)
    gpu.run()
    assert monitor.flush(20)
    for n in range(8):
        assert [m[f"t{n}"] for m in transport.metrics if f"t{n}" in m] == list(range(200))


SCRIPT = """
import os, signal, sys, threading, time
from tests.client.accelerator import Device, load, value
from stepwire import TrainingMonitor
gpu = Device()
load(gpu)
monitor = TrainingMonitor("test", system_metrics_interval=0)
monitor.log_metrics({"loss": value(gpu, 0.5)}, step=3)
"""


@pytest.mark.parametrize("end", ["", "raise ValueError", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_the_end_of_a_process_waits_for_the_device(mock_server, script, end):
    """The last loss is on its way when the script ends: it is stored all the same."""
    code = SCRIPT + "threading.Timer(0.3, gpu.run).start()\n" + end
    _, error = script(code, mock_server.url).communicate(timeout=30)
    assert mock_server.metrics == [{"loss": 0.5}], error
    assert len(mock_server.records("status")) == 1


def test_a_forked_child_leaves_the_parents_numbers_alone(mock_server, script):
    """It neither sends them nor touches their memory; its own are its own."""
    code = (
        SCRIPT
        + """
from stepwire.client import device
pid = os.fork()
if pid == 0:
    gpu.run()
    monitor.log_metrics({"child": value(gpu, 1)})
    gpu.run()
    os._exit(0 if monitor.flush(10) and len(device._inherited) == 1 else 1)
assert os.waitpid(pid, 0)[1] == 0
gpu.run()
"""
    )
    process = script(code, mock_server.url)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    assert sorted(map(str, mock_server.metrics)) == ["{'child': 1.0}", "{'loss': 0.5}"]
