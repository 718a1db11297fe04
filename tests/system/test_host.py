"""Sampling of the host."""

import threading

import psutil
import pytest
from tests.system.nvml_driver import FULL, Card, Driver, plug_in
from tests.system.test_cgroup import GIB, V2, machine

from stepwire.system.gpu import Gpus
from stepwire.system.host import HostSampler


def test_a_sample_agrees_with_the_machine(tmp_path):
    """Memory, swap, cores, disk and load are those that psutil and the system tell."""
    plain = machine(tmp_path, "", "", {})
    sample = HostSampler(str(tmp_path), groups=plain).sample(("run_1",))
    assert sample.memory_total == psutil.virtual_memory().total
    assert 0 < sample.memory_used < sample.memory_total
    assert sample.memory_percent == pytest.approx(100 * sample.memory_used / sample.memory_total, abs=0.1)
    assert sample.swap_total == psutil.swap_memory().total
    assert 0 <= sample.swap_used <= sample.swap_total
    assert len(sample.cores) == sample.cpu_count == psutil.cpu_count()
    assert 0 <= sample.cpu_percent <= 100
    assert sample.disk.total == psutil.disk_usage(str(tmp_path)).total
    assert sample.disk.read >= 0
    assert sample.disk.written >= 0
    assert sample.net.sent >= 0
    assert sample.net.received >= 0
    assert sample.runs == ["run_1"]
    assert sample.uptime_seconds > 0
    assert sample.load >= 0
    assert not sample.container


def burn(seconds: float) -> None:
    """Keep a core busy for some seconds of processor time."""
    spent = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - spent < seconds:
        sum(range(10_000))


def test_load_counts_from_the_sample_before():
    """A core that was busy between two samples shows in the second one."""
    sampler = HostSampler()
    sampler.sample()
    burn(0.3)
    assert sampler.sample().cpu_percent > 5


def test_bytes_on_disk_are_counted_once(monkeypatch):
    """Rates are of what was read and written between two samples; volumes upon disks do not count again."""
    totals = {"sda": (1000, 500), "sda1": (1000, 500), "dm-0": (900, 400)}
    counter = type(
        "Counter", (), {"__init__": lambda self, read, write: self.__dict__.update(read_bytes=read, write_bytes=write)}
    )
    monkeypatch.setattr(
        psutil, "disk_io_counters", lambda perdisk: {name: counter(*both) for name, both in totals.items()}
    )
    monkeypatch.setattr("stepwire.system.host._is_disk", lambda name: name == "sda")
    sampler = HostSampler()
    sampler._disks._at -= 10
    totals["sda"], totals["dm-0"] = (51_000, 10_500), (9_000_000, 400)
    disk = sampler.sample().disk
    assert 0 < disk.read <= 5000
    assert disk.written == pytest.approx(disk.read / 5, rel=0.01)


def test_a_container_is_told_by_its_limits(tmp_path, monkeypatch):
    """Memory is that of the limit; the load is that of the quota, and of the cores that may be used."""
    monkeypatch.setattr(psutil, "cpu_percent", lambda percpu: [10.0, 90.0, 50.0, 30.0])
    files = {
        "cgroup.events": "",
        "memory.max": GIB // 2,
        "memory.current": GIB // 4,
        "memory.stat": "inactive_file 0",
        "cpuset.cpus.effective": "1-3",
        "cpu.max": "max 100000",
    }
    sample = HostSampler(groups=machine(tmp_path, V2, "0::/", files)).sample()
    assert sample.container
    assert (sample.memory_used, sample.memory_total, sample.memory_percent) == (GIB // 4, GIB // 2, 50.0)
    assert (sample.cores, sample.cpu_count, sample.cpu_percent) == ([90.0, 50.0, 30.0], 3.0, 56.7)
    files |= {"cpu.max": "150000 100000", "cpu.stat": "usage_usec 1000000"}
    sampler = HostSampler(groups=machine(tmp_path, V2, "0::/", files))
    sampler._spent._at -= 10
    (tmp_path / "sys/fs/cgroup/cpu.stat").write_text("usage_usec 4000000\n")
    sample = sampler.sample()
    assert sample.cpu_count == 1.5
    assert 10 < sample.cpu_percent <= 20  # 3 s in a little over 10 s, of 1.5 cores


def test_a_limit_beyond_the_machine_is_none(tmp_path):
    """A container that may take more than there is has what there is."""
    files = {"cgroup.events": "", "memory.max": 2**55, "memory.current": 1, "memory.stat": ""}
    sample = HostSampler(groups=machine(tmp_path, V2, "0::/", files)).sample()
    assert sample.memory_total == psutil.virtual_memory().total


def test_the_limit_of_a_batch_job_is_not_the_host(tmp_path):
    """Who is no container sees the whole machine, whatever the own group may take."""
    files = {"job/memory.max": GIB, "job/memory.current": 1, "job/memory.stat": ""}
    sample = HostSampler(groups=machine(tmp_path, V2, "0::/job", files)).sample()
    assert sample.memory_total == psutil.virtual_memory().total


def test_the_host_can_have_another_name():
    """The name given is the name reported."""
    assert HostSampler(host="trainer-07").sample().host == "trainer-07"


def test_a_folder_that_is_gone_has_no_disk(tmp_path):
    """A removed folder gives no disk, and no error."""
    assert HostSampler(str(tmp_path / "gone")).sample().disk is None


def test_gpus_belong_to_the_host(monkeypatch):
    """A sample has those that the driver tells of; without any there are none."""
    assert HostSampler(gpus=Gpus([])).sample().gpus == []
    plug_in(monkeypatch, Driver(Card(answers=FULL)))
    assert [gpu.utilization for gpu in HostSampler().sample().gpus] == [87.0]


def test_a_hidden_proc_leaves_out_what_it_hides(monkeypatch):
    """No counters of network and disks in a sandbox are no error."""

    def hidden(**_):
        raise PermissionError("/proc/net/dev")

    monkeypatch.setattr(psutil, "net_io_counters", hidden)
    monkeypatch.setattr(psutil, "disk_io_counters", hidden)
    sample = HostSampler().sample()
    assert sample.net is None
    assert (sample.disk.read, sample.disk.written) == (None, None)


def test_two_threads_may_each_have_a_sampler():
    """As when a server and a script share a process."""
    samples = []
    threads = [threading.Thread(target=lambda: samples.append(HostSampler().sample())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(samples) == 2
