"""Sampling of a process and all that it started, with real processes."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from stepwire.system import process as module
from stepwire.system.process import ProcessSampler, descendants

WAIT = "import time; time.sleep(60)"
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {grandchild!r}], stdout=sys.stdout)
print("ready", child.pid, flush=True)
time.sleep(60)
"""
GRANDCHILD = """
import threading, time
held = bytearray(50_000_000)
files = [open("/dev/null") for _ in range(20)]
threads = [threading.Thread(target=time.sleep, args=(60,), daemon=True) for _ in range(5)]
for thread in threads:
    thread.start()
print("settled", flush=True)
time.sleep(60)
"""


def start(code):
    """A Python process that runs ``code``."""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def end(process):
    """Kill a process and all below it."""
    for pid in [*descendants(process.pid), process.pid]:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
    process.wait()
    process.stdout.close()


@pytest.fixture
def family():
    """A process, its child and its grandchild; yields the first and the ids of the others."""
    parent = start(FAMILY.format(grandchild=GRANDCHILD))
    words = parent.stdout.readline().split() + parent.stdout.readline().split()
    yield parent, int(next(word for word in words if word.isdigit()))
    end(parent)


def burn(seconds):
    """Keep a core busy for some seconds of processor time."""
    spent = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - spent < seconds:
        sum(range(10_000))


def test_a_sample_tells_this_process_own_use():
    """Resident memory, threads, files and load of this process when none is named."""
    sampler = ProcessSampler()
    burn(0.2)
    sample = sampler.sample()
    assert sample.cpu_percent > 5
    assert sample.memory_used >= psutil.Process().memory_info().rss * 0.8
    assert sample.threads >= psutil.Process().num_threads()
    assert sample.file_descriptors >= psutil.Process().num_fds()
    assert os.getpid() in sampler.pids


def test_descendants_count(family):
    """Memory, threads and files of a grandchild are in the sums."""
    parent, child = family
    sampler = ProcessSampler(parent.pid)
    sample = sampler.sample()
    assert sampler.pids == {parent.pid, child}
    assert sample.processes == 2
    assert sample.memory_used > 50_000_000
    assert sample.threads >= 7
    assert sample.file_descriptors >= 20
    assert sample.disk_read >= 0
    assert sample.disk_written >= 0


def test_shared_memory_counts_once():
    """A forked child shares what its parent holds: resident twice, proportionally once."""
    forked = start(
        "import os, time\nheld = bytearray(80_000_000)\nif os.fork():\n    print('ready', flush=True)\ntime.sleep(60)"
    )
    forked.stdout.readline()
    try:
        sample = ProcessSampler(forked.pid).sample()
        assert sample.processes == 2
        assert sample.memory_used > 160_000_000
        assert 80_000_000 < sample.memory_pss < 130_000_000
    finally:
        end(forked)


def test_pss_is_read_less_often_the_longer_it_takes(monkeypatch):
    """In between the last figure stands; of very much memory it is not told at all."""
    readings = []
    monkeypatch.setattr(module, "_pss", lambda _pids: readings.append(1) or 4711)
    sampler = ProcessSampler()
    assert [sampler._shared_once(1), sampler._shared_once(1)] == [4711, 4711]
    assert sampler._shared_once(2**40) is None
    known = len(readings)
    sampler._pss_due = time.perf_counter() + 60
    assert sampler._shared_once(1) == 4711
    assert len(readings) == known


def test_a_process_that_ends_between_two_samples_is_no_error(family):
    """The others are told; what it used until then is in the load."""
    parent, child = family
    sampler = ProcessSampler(parent.pid)
    os.kill(child, 9)
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    sample = sampler.sample()
    assert sample.cpu_percent >= 0
    assert sample.memory_used < 50_000_000


def test_a_process_that_ends_while_it_is_asked_is_left_out(family, monkeypatch):
    """Between finding it and reading it."""
    parent, child = family
    sampler = ProcessSampler(parent.pid)
    os.kill(child, 9)
    parent.kill()
    parent.wait()
    while psutil.pid_exists(child):
        time.sleep(0.01)
    monkeypatch.setattr(module, "descendants", lambda _pid: [child, 2**22 + 12345])
    monkeypatch.setattr(sampler, "_lives", lambda _process: True)
    assert sampler.sample().processes == 0


def test_who_outlives_its_parent_still_belongs_to_the_tree(family):
    """A worker whose launcher has ended is init's child, and the run's."""
    parent, child = family
    root = ProcessSampler(parent.pid)
    assert child in root.pids
    parent.kill()
    parent.wait()
    sample = root.sample()
    assert root.pids == {child}
    assert sample.memory_used > 50_000_000
    os.kill(child, 9)


def test_a_number_that_is_used_again_is_another_process(family):
    """What has the id of a process that ended is not counted."""
    parent, child = family
    sampler = ProcessSampler(parent.pid)
    parent.kill()
    parent.wait()
    sampler._known[child]._ident = (child, 1.0)  # it was one of the first day that had this id
    assert sampler.sample().processes == 0
    os.kill(child, 9)


def test_load_of_short_lived_children_counts():
    """What a child burnt is counted though it has ended: its parent inherits the time."""
    sampler = ProcessSampler()
    code = "t = __import__('time').process_time\nwhile t() < 0.4: sum(range(1000))"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    burnt = sampler.sample().cpu_percent / 100 * (time.monotonic() - began)
    assert burnt > 0.3


def test_a_tree_that_is_gone_is_empty():
    """The process that was named may end: no error."""
    process = start(WAIT)
    sampler = ProcessSampler(process.pid)
    end(process)
    sample = sampler.sample()
    assert (sample.processes, sample.memory_used, sample.threads) == (0, 0, 0)
    assert (sample.memory_pss, sample.file_descriptors, sample.disk_read) == (None, None, None)


def test_a_system_without_lists_of_children_finds_them_too(family, monkeypatch):
    """macOS and Windows list all processes instead."""
    parent, child = family
    monkeypatch.setattr(module.os.path, "exists", lambda _path: False)
    assert descendants(parent.pid) == [child]
    assert descendants(2**22 + 12345) == []


def test_the_limit_of_the_control_group_is_told(monkeypatch):
    """As where a batch system gives the job less than the machine has; a limit beyond the machine is none."""
    from stepwire.system.cgroup import ControlGroups, Memory

    monkeypatch.setattr(ControlGroups, "memory", lambda _self: Memory(2**20, 1))
    assert ProcessSampler().sample().memory_limit == 2**20
    monkeypatch.setattr(ControlGroups, "memory", lambda _self: Memory(2**59, 1))
    assert ProcessSampler().sample().memory_limit is None
