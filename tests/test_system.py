"""Sampling of host and process."""

import os
import sys
import types

import psutil
import pytest

from stepwire.system import HostSampler, ProcessSampler, process_start


def test_a_sample_agrees_with_the_machine(tmp_path):
    """Memory, cores, disk and load are those that psutil and the system tell."""
    sample = HostSampler(str(tmp_path)).sample(("run_1",))
    assert sample.memory_total == psutil.virtual_memory().total
    assert 0 < sample.memory_used < sample.memory_total
    assert len(sample.cores) == psutil.cpu_count()
    assert 0 <= sample.cpu_percent <= 100
    assert sample.disk.total == psutil.disk_usage(str(tmp_path)).total
    assert sample.net.sent >= 0
    assert sample.net.received >= 0
    assert sample.runs == ["run_1"]
    assert sample.uptime_seconds > 0
    assert sample.load >= 0


def test_load_counts_from_the_sample_before():
    """A core that was busy between two samples shows in the second one."""
    sampler = HostSampler()
    sampler.sample()
    spent = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - spent < 0.3:
        sum(range(10_000))
    assert sampler.sample().cpu_percent > 5


def test_the_host_can_have_another_name():
    """The name given is the name reported."""
    assert HostSampler(host="trainer-07").sample().host == "trainer-07"


def test_a_folder_that_is_gone_has_no_disk(tmp_path):
    """A removed folder gives no disk, and no error."""
    assert HostSampler(str(tmp_path / "gone")).sample().disk is None


class FakeNvmlError(Exception):
    pass


def fake_nvml(**functions):
    """A module like pynvml, of two GPUs; the second answers only part of the questions."""

    def only_first(value):
        def ask(handle, *_):
            if handle == 1:
                raise FakeNvmlError
            return value

        return ask

    module = types.ModuleType("pynvml")
    module.NVMLError = FakeNvmlError
    module.NVML_TEMPERATURE_GPU = 0
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetCount = lambda: 2
    module.nvmlDeviceGetHandleByIndex = lambda index: index
    module.nvmlDeviceGetName = lambda handle: b"Card A" if handle == 0 else "Card B"
    module.nvmlDeviceGetMemoryInfo = lambda _handle: types.SimpleNamespace(used=10, total=100)
    module.nvmlDeviceGetUtilizationRates = only_first(types.SimpleNamespace(gpu=55))
    module.nvmlDeviceGetPowerUsage = only_first(250_500)
    module.nvmlDeviceGetTemperature = only_first(61)
    for name, function in functions.items():
        setattr(module, name, function)
    return module


def test_gpus_are_told_with_what_they_answer(monkeypatch):
    """Each GPU has its figures in bytes, percent, °C and watts; what it does not tell is None."""
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml())
    first, second = HostSampler().sample().gpus
    assert (first.name, first.utilization, first.memory_used, first.memory_total) == ("Card A", 55.0, 10, 100)
    assert (first.temperature, first.power) == (61, 250.5)
    assert (second.index, second.name, second.utilization, second.power) == (1, "Card B", None, None)
    assert second.memory_total == 100


def refuse():
    """Behave as NVML without a driver."""
    raise FakeNvmlError


@pytest.mark.parametrize("module", [None, fake_nvml(nvmlInit=refuse), fake_nvml(nvmlDeviceGetCount=refuse)])
def test_without_nvml_there_are_no_gpus(monkeypatch, module):
    """No package, no driver, or no permission: an empty list, no error."""
    monkeypatch.setitem(sys.modules, "pynvml", module)
    assert HostSampler().sample().gpus == []


def test_a_process_is_named_by_its_start():
    """Start times are seconds since 1970 as psutil tells them; a process that is gone has none."""
    assert process_start() == process_start(os.getpid()) == psutil.Process().create_time()
    assert process_start(2**22 + 12345) is None


def test_a_process_sample_tells_its_own_use():
    """Resident memory, threads and load of this process."""
    sampler = ProcessSampler()
    spent = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - spent < 0.2:
        sum(range(10_000))
    sample = sampler.sample()
    assert sample.cpu_percent > 5
    assert sample.memory_used == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert sample.threads == psutil.Process().num_threads()
