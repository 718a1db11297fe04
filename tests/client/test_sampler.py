"""The sampling thread."""

import json
import logging
import os
import queue
import subprocess
import sys
import threading

import psutil
import pytest
from tests.system.nvml_driver import FULL, Card, Driver, plug_in

from stepwire.client.clock import Clock
from stepwire.client.lease import HostLease
from stepwire.client.sampler import Sampler
from stepwire.protocol import HostStatus
from stepwire.system import gpu
from stepwire.system.host import HostSampler
from stepwire.system.process import ProcessSampler


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Nobody else samples this machine."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu, "sees_all_processes", lambda: True)


class Samples:
    """A sampler that puts its records here."""

    def __init__(self, **more):
        self.records = queue.Queue()
        self.sampler = Sampler(0.02, "run_1", self.records.put, Clock(), destination="test", **more)

    def __enter__(self):
        before = set(threading.enumerate())
        self.sampler.start()
        (self.thread,) = set(threading.enumerate()) - before
        return self

    def __exit__(self, *_):
        self.sampler.stop()
        self.thread.join(10)

    def next(self, kind="system"):
        """The next record of a type."""
        while (record := self.records.get(timeout=10))["type"] != kind:
            pass
        return record


def test_samples_tell_host_and_process():
    """A record holds a whole host status with the run's id, and what the run's processes use."""
    with Samples() as samples:
        record = samples.next()
        host = HostStatus(**record["host"])
    assert (record["type"], host.runs, record["interval"], record["rank"]) == ("system", ["run_1"], 0.02, 0)
    assert host.memory_total > host.memory_used > 0
    assert record["process"]["memory_used"] > 1_000_000
    assert record["process"]["threads"] >= 2
    assert record["process"]["processes"] >= 1
    assert record["process"]["cpu_percent"] >= 0
    assert None not in record["process"].values()
    assert len(record["lease"]) == 16
    assert "gpu_memory" not in record


def test_the_host_is_left_to_who_has_it():
    """As long as another samples it there is no host in the records; when that one stops, there is."""
    with Samples() as first:
        seat = first.next()["lease"]
        with Samples(rank=3) as second:
            for _ in range(3):
                record = second.next()
                assert "host" not in record
                assert "lease" not in record
            assert record["rank"] == 3
            first.sampler.stop()
            while "host" not in record:
                record = second.next()
            assert record["lease"] == seat


def test_another_process_can_be_sampled():
    """A tool that starts the training samples that, not itself."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with Samples(pid=child.pid) as samples:
        record = samples.next()
        assert record["process"]["processes"] == 1
        child.communicate(b"\n")
        while record["process"]["processes"]:
            record = samples.next()
    assert record["process"]["memory_used"] == 0


def test_memory_on_gpus_is_that_of_the_run(monkeypatch):
    """By number of GPU; also where another script samples the host."""
    users = {"compute": [(os.getpid(), 700), (1, 50)]}
    plug_in(
        monkeypatch, Driver(Card(answers=FULL, processes={"compute": [(1, 9)]}), Card(answers=FULL, processes=users))
    )
    with Samples() as first, Samples() as second:
        assert first.next()["gpu_memory"] == {"1": 700}
        assert second.next()["gpu_memory"] == {"1": 700}


def test_a_gpu_that_falls_off_the_bus_is_an_event_once(monkeypatch):
    """Samples go on; the event names the GPU, and none comes for a GPU that the run may not use."""
    cards = [Card(answers=FULL, name="Card A"), Card(answers=FULL, name="Card B")]
    plug_in(monkeypatch, Driver(*cards))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with Samples() as samples:
        assert [each["lost"] for each in samples.next()["host"]["gpus"]] == [False, False]
        cards[0].lost = cards[1].lost = True
        event = samples.next("event")
        assert (event["level"], event["event"], event["data"]) == ("error", "gpu_lost", {"gpu": 1, "name": "Card B"})
        assert "GPU 1 (Card B)" in event["message"]
        rest = [samples.records.get(timeout=10) for _ in range(5)]
    assert {record["type"] for record in rest} == {"system"}
    assert [each["lost"] for each in rest[-1]["host"]["gpus"]] == [True, True]


def test_an_interval_of_zero_starts_nothing():
    """Sampling can be switched off."""
    before = set(threading.enumerate())
    Sampler(0, "run_1", print, Clock()).start()
    assert set(threading.enumerate()) <= before  # threads of other tests may end meanwhile


def test_without_a_free_thread_there_are_no_samples(monkeypatch):
    """A system that starts no more threads does not stop the training."""
    tries = []

    def refuse(thread):
        tries.append(thread.name)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    Sampler(1.0, "run_1", print, Clock()).start()
    assert tries == ["stepwire-sampler"]


@pytest.mark.parametrize(
    ("error", "lines"), [(psutil.AccessDenied(1), 0), (OSError(24, "files"), 0), (KeyError("odd"), 1)]
)
def test_what_goes_wrong_is_tried_again(monkeypatch, caplog, error, lines):
    """While starting and while sampling; what nobody foresaw is told once, and raises nowhere."""
    failing = iter([True, True, False, True, True, False])

    def sometimes(original):
        def call(self, *arguments):
            if next(failing, False):
                raise error
            return original(self, *arguments)

        return call

    monkeypatch.setattr(ProcessSampler, "__init__", sometimes(ProcessSampler.__init__))
    monkeypatch.setattr(ProcessSampler, "sample", sometimes(ProcessSampler.sample))
    with caplog.at_level(logging.WARNING, "stepwire"), Samples() as samples:
        samples.next()
        samples.next()
    told = [record for record in caplog.records if "system metrics" in record.message]
    assert len(told) == (1 if isinstance(error, psutil.AccessDenied) else lines)


def test_a_host_that_cannot_be_opened_is_tried_again(monkeypatch):
    """The run's own samples go on meanwhile."""
    failing = iter([OSError(24, "files"), OSError(24, "files")])
    original = HostSampler.__init__

    def sometimes(self, *arguments, **more):
        for error in failing:
            raise error
        original(self, *arguments, **more)

    monkeypatch.setattr(HostSampler, "__init__", sometimes)
    with Samples() as samples:
        assert "host" in samples.next()


def test_a_driver_that_hangs_holds_up_nothing(tmp_path):
    """The script ends, and ends its run, though its thread waits in the driver for ever."""
    script = (
        "import sys, time\n"
        "from stepwire import TrainingMonitor\n"
        "from stepwire.system import gpu\n"
        "def hang():\n"
        "    print('asked', flush=True)\n"
        "    time.sleep(3600)\n"
        "gpu.open_nvml = hang\n"
        "from stepwire.testing import MemoryTransport\n"
        "monitor = TrainingMonitor('hangs', transport=MemoryTransport(), system_metrics_interval=0.1)\n"
        "sys.stdin.readline()\n"
        "monitor.log_metrics({'loss': 1})\n"
        "monitor.finish()\n"
    )
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert "stepwire: hangs" in process.stdout.readline()
    assert process.stdout.readline() == "asked\n"
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def test_a_forked_child_leaves_the_host_to_its_parent():
    """It has no thread, and gives back nothing but its copy of the lock."""
    sampler = Sampler(5, "run_1", print, Clock(), destination="test")
    assert sampler._lease.take()
    stopped = sampler._stopped
    sampler.after_fork()
    assert sampler._stopped is not stopped
    assert sampler._lease.seat is None


EIGHT = """
import json, os, sys, time
from stepwire.client.clock import Clock
from stepwire.client.sampler import Sampler
def put(record):
    print(json.dumps({"pid": os.getpid(), "host": "host" in record, "lease": record.get("lease")}), flush=True)
Sampler(0.1, "run", put, Clock(), destination="http://one").start()
sys.stdin.read()
"""


def test_of_eight_processes_one_samples_the_host_and_is_followed_when_killed(tmp_path):
    """All tell of themselves, one of the host; after ``kill -9`` another one does, from the same seat."""
    lines: queue.Queue = queue.Queue()
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}

    def listen(stream):
        for line in stream:
            lines.put(json.loads(line))

    def hear(enough):
        """Records until ``enough`` of all heard says so."""
        heard = []
        while not enough(heard):
            heard.append(lines.get(timeout=30))
        return heard

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", EIGHT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(8)
    ]
    threads = [threading.Thread(target=listen, args=(process.stdout,)) for process in processes]
    for thread in threads:
        thread.start()
    try:
        pids = {process.pid for process in processes}
        heard = hear(lambda heard: all(sum(one["pid"] == pid for one in heard) >= 3 for pid in pids))
        holders = {(one["pid"], one["lease"]) for one in heard if one["host"]}
        assert len(holders) == 1
        (holder, seat) = holders.pop()
        next(process for process in processes if process.pid == holder).kill()
        heard = hear(lambda heard: any(one["host"] and one["pid"] != holder for one in heard))
        heard += hear(lambda heard: all(sum(one["pid"] == pid for one in heard) >= 3 for pid in pids - {holder}))
        followers = {(one["pid"], one["lease"]) for one in heard if one["host"] and one["pid"] != holder}
        assert len(followers) == 1
        assert followers.pop()[1] == seat
    finally:
        for process in processes:
            process.stdin.close()
            process.wait()
        for thread, process in zip(threads, processes, strict=True):
            thread.join()
            process.stdout.close()


def test_what_is_loaded_is_loaded_away_from_forks():
    """Every module that the thread needs is named, so that none is imported while the process forks."""
    code = (
        "import sys, threading\n"
        "from stepwire.client import sampler\n"
        "from stepwire.client.imports import load\n"
        "load(*sampler._MODULES)\n"
        "load(sampler._OPTIONAL)\n"
        "before = set(sys.modules)\n"
        "done = threading.Event()\n"
        "sampler.Sampler(0.01, 'run', lambda _: done.set(), sampler.Clock(), destination='test').start()\n"
        "done.wait(30)\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_lease_is_given_back_at_the_end():
    """Whoever comes next finds it free."""
    with Samples() as samples:
        samples.next()
    free = HostLease("test")
    assert free.take()
    assert free.seat is not None
    free.release()
