"""The sampling thread."""

import threading

from stepwire.client.clock import Clock
from stepwire.client.sampler import Sampler
from stepwire.protocol import HostStatus


def test_samples_tell_host_and_process():
    """A record holds a whole host status with the run's id, and the process's own use."""
    records, enough = [], threading.Event()

    def put(record):
        records.append(record)
        if len(records) == 2:
            enough.set()

    sampler = Sampler(0.02, "run_1", put, Clock())
    sampler.start()
    assert enough.wait(10)
    sampler.stop()
    record = records[0]
    host = HostStatus(**record["host"])
    assert (record["type"], host.runs) == ("system", ["run_1"])
    assert host.memory_total > host.memory_used > 0
    assert record["process"]["memory_used"] > 1_000_000
    assert record["process"]["threads"] >= 2
    assert record["process"]["cpu_percent"] >= 0


def test_an_interval_of_zero_starts_nothing():
    """Sampling can be switched off."""
    before = threading.active_count()
    Sampler(0, "run_1", print, Clock()).start()
    assert threading.active_count() == before


def test_without_a_free_thread_there_are_no_samples(monkeypatch):
    """A system that starts no more threads does not stop the training."""
    tries = []

    def refuse(thread):
        tries.append(thread.name)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    Sampler(1.0, "run_1", print, Clock()).start()
    assert tries == ["stepwire-sampler"]
