"""NVIDIA's GPUs, asked through the real bindings over a driver made here."""

import pytest
from tests.system.nvml_driver import DRIVER_NOT_LOADED, FULL, Card, Driver, plug_in

from stepwire.protocol import GpuProcess
from stepwire.system import bindings
from stepwire.system.nvml import open_nvml


def test_a_gpu_is_told_with_all_that_it_answers(monkeypatch):
    """Bytes, percent, °C, watts, MHz, why it is slow, memory errors."""
    plug_in(monkeypatch, Driver(Card(answers=FULL, processes={"compute": []})))
    gpu = open_nvml().status(0, 0)
    assert (gpu.index, gpu.name) == (0, "NVIDIA H100 80GB HBM3")
    assert (gpu.utilization, gpu.memory_utilization) == (87.0, 41.0)
    assert (gpu.memory_used, gpu.memory_total) == (10 * 2**30, 80 * 2**30)
    assert (gpu.temperature, gpu.power, gpu.power_limit) == (61, 652.3, 700.0)
    assert (gpu.sm_clock, gpu.memory_clock) == (1755, 2619)
    assert gpu.throttle == ["power_cap", "hw_thermal"]
    assert (gpu.ecc_corrected, gpu.ecc_uncorrected) == (12, 0)
    assert (gpu.processes, gpu.mig, gpu.lost) == ([], False, False)


@pytest.mark.parametrize("question", FULL)
def test_what_a_gpu_does_not_answer_is_none(monkeypatch, question):
    """Each question may be refused; the others are answered all the same."""
    answers = {name: answer for name, answer in FULL.items() if name != question}
    plug_in(monkeypatch, Driver(Card(answers=answers)))
    gpu = open_nvml().status(0, 0)
    told = {
        "utilization": (gpu.utilization, gpu.memory_utilization),
        "memory": (gpu.memory_used, gpu.memory_total),
        "temperature": (gpu.temperature,),
        "power": (gpu.power,),
        "power_limit": (gpu.power_limit,),
        "clocks": (gpu.sm_clock, gpu.memory_clock),
        "reasons": (gpu.throttle,),
        "ecc": (gpu.ecc_corrected, gpu.ecc_uncorrected),
        "mig_mode": (None,),
    }
    assert {name for name, values in told.items() if None in values} == {question, "mig_mode"}
    assert gpu.processes is None
    assert not gpu.lost


def test_an_idle_gpu_is_not_held_back(monkeypatch):
    """Idle is no reason to be slow."""
    plug_in(monkeypatch, Driver(Card(answers=FULL | {"reasons": 0x01})))
    assert open_nvml().status(0, 0).throttle == []


def test_an_older_driver_is_asked_the_older_way(monkeypatch):
    """Functions that a driver lacks are replaced by those that came before them, or not told."""
    missing = (
        "nvmlDeviceGetTemperatureV",
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetComputeRunningProcesses_v3",
        "nvmlDeviceGetMigMode",
    )
    plug_in(monkeypatch, Driver(Card(answers=FULL, processes={"compute": [(1, 2)]}), missing=missing))
    gpu = open_nvml().status(0, 0)
    assert (gpu.temperature, gpu.throttle, gpu.processes, gpu.mig) == (61, ["power_cap", "hw_thermal"], None, False)


def test_a_gpu_that_fell_off_the_bus_is_not_asked_again(monkeypatch):
    """It is told as lost, with nothing else; the others are not harmed."""
    first, second = Card(answers=FULL), Card(answers=FULL, name="Other", processes={"compute": [(7, 8)]})
    driver = plug_in(monkeypatch, Driver(first, second))
    nvml = open_nvml()
    assert not nvml.is_lost(0)
    first.lost = True
    gpu = nvml.status(0, 0)
    assert (gpu.lost, gpu.name, gpu.utilization, gpu.power, gpu.processes) == (True, first.name, None, None, None)
    assert nvml.is_lost(0)
    asked = driver.asked.total()
    nvml.status(0, 0)
    assert driver.asked.total() == asked
    assert (nvml.status(1, 1).utilization, nvml.is_lost(1)) == (87.0, False)


def test_a_gpu_that_is_lost_from_the_start_hides_no_other(monkeypatch):
    """Its place stays taken, so that the numbers of the others are right."""
    plug_in(monkeypatch, Driver(Card(answers={"no_handle": True}), Card(answers=FULL, name="Second")))
    nvml = open_nvml()
    assert nvml.count == 2
    assert (nvml.status(0, 0).name, nvml.status(0, 0).lost) == ("GPU 0", True)
    assert (nvml.status(1, 1).name, nvml.status(1, 1).lost) == ("Second", False)


def test_processes_are_told_once_with_their_memory(monkeypatch):
    """A process that computes and draws holds its memory once; one whose memory is not told comes last."""
    users = {"compute": [(10, 500), (11, None)], "mps": [(12, 900)], "graphics": [(10, 500)]}
    plug_in(monkeypatch, Driver(Card(answers=FULL, processes=users)))
    assert open_nvml().processes(0) == [GpuProcess(12, 900), GpuProcess(10, 500), GpuProcess(11, None)]


def test_mig_devices_are_asked_for_their_processes(monkeypatch):
    """A GPU that is split tells no utilization; who uses its parts is known."""
    parts = [
        Card(uuid="MIG-aaaa", processes={"compute": [(20, 100)]}),
        Card(uuid="MIG-bbbb", processes={"compute": [(21, 300)]}),
    ]
    answers = {name: answer for name, answer in FULL.items() if name != "utilization"} | {"mig_mode": 1}
    plug_in(monkeypatch, Driver(Card(uuid="GPU-1234", answers=answers, mig=parts)))
    nvml = open_nvml()
    gpu = nvml.status(0, 0)
    assert (gpu.mig, gpu.utilization, gpu.lost) == (True, None, False)
    assert gpu.processes == [GpuProcess(21, 300), GpuProcess(20, 100)]
    assert nvml.visible({"CUDA_VISIBLE_DEVICES": "MIG-bbbb"}) == {0}
    assert nvml.visible({"CUDA_VISIBLE_DEVICES": "MIG-GPU-1234/1/0"}) == {0}


@pytest.mark.parametrize(
    ("chosen", "positions"),
    [
        (None, None),
        ("", set()),
        ("-1", set()),
        ("NoDevFiles", set()),
        ("0", {0}),
        ("2, 0", {0, 2}),
        ("1,-1,2", {1}),
        ("1,9,2", {1}),
        ("GPU-bb", {1}),
        ("GPU-zz,0", set()),
    ],
)
def test_cuda_visible_devices_says_which_gpus_a_process_may_use(monkeypatch, chosen, positions):
    """By number or by the beginning of an id; what follows a device that is not there does not count."""
    plug_in(monkeypatch, Driver(*(Card(uuid=f"GPU-{name}") for name in ("aa11", "bb22", "cc33"))))
    environment = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    assert open_nvml().visible(environment) == positions


def test_without_a_driver_there_is_no_nvml(monkeypatch):
    """No driver, and no bindings, are no error."""
    plug_in(monkeypatch, Driver(init=DRIVER_NOT_LOADED))
    assert open_nvml() is None
    monkeypatch.setattr(bindings, "pynvml", None)
    assert open_nvml() is None


def test_without_the_library_there_is_no_nvml(monkeypatch):
    """The bindings alone, as on every machine without a GPU, are no error."""
    import pynvml

    def absent(_name):
        raise OSError("libnvidia-ml.so.1: cannot open shared object file")

    monkeypatch.setattr(pynvml, "CDLL", absent)
    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    assert open_nvml() is None
