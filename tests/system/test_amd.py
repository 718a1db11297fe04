"""AMD's GPUs, asked through a module made after the documentation of ``amdsmi``."""

import enum
import os
import subprocess
import sys
import types

import pytest

from stepwire.protocol import GpuProcess
from stepwire.system import bindings
from stepwire.system.amd import open_amd
from stepwire.system.gpu import Gpus


class AmdSmiException(Exception):  # noqa: N818 - its name is theirs
    """As theirs: the base of all."""


class Temperature(enum.IntEnum):
    """Places of sensors."""

    EDGE = 0
    HOTSPOT = 1


ANSWERS = {
    "amdsmi_get_gpu_asic_info": {"market_name": "AMD Instinct MI300X"},
    "amdsmi_get_gpu_activity": {"gfx_activity": 93, "umc_activity": 12, "mm_activity": "N/A"},
    "amdsmi_get_gpu_vram_usage": {"vram_total": 196592, "vram_used": 1024},
    "amdsmi_get_temp_metric": {Temperature.HOTSPOT: 71},
    "amdsmi_get_power_info": {"current_socket_power": 610, "average_socket_power": "N/A", "power_limit": 0},
    "amdsmi_get_power_cap_info": {"power_cap": 750_000_000},
    "amdsmi_get_clock_info": {"GFX": {"clk": 2100}, "MEM": {"clk": 1300}},
    "amdsmi_get_gpu_total_ecc_count": {"correctable_count": 3, "uncorrectable_count": 0},
    "amdsmi_get_gpu_process_list": [
        {"name": "N/A", "pid": 41, "mem": 1, "memory_usage": {"vram_mem": 2**20}},
        {"name": "python", "pid": 42, "mem": 1, "memory_usage": {"vram_mem": 2**30}},
    ],
}


def fake_amdsmi(answers=ANSWERS, cards=1, init=lambda: None):
    """A module like ``amdsmi`` of ROCm 6 and 7 with some equal cards; what has no answer raises as theirs does."""
    module = types.ModuleType("amdsmi")
    module.AmdSmiException = AmdSmiException
    module.AmdSmiTemperatureType = Temperature
    module.AmdSmiTemperatureMetric = enum.IntEnum("Metric", {"CURRENT": 0})
    module.AmdSmiClkType = enum.Enum("Clock", ["GFX", "MEM"])
    module.amdsmi_init = init
    module.amdsmi_get_processor_handles = lambda: [object() for _ in range(cards)]

    def question(name):
        def ask(_handle, *arguments):
            answer = answers.get(name)
            if isinstance(answer, dict) and arguments:
                answer = answer.get(arguments[0]) or answer.get(getattr(arguments[0], "name", None))
            if answer is None:
                raise AmdSmiException(2)
            return answer

        return ask

    for name in ANSWERS:
        setattr(module, name, question(name))
    return module


def test_a_gpu_is_told_with_all_that_it_answers(monkeypatch):
    """Megabytes and microwatts become bytes and watts; accelerators have no sensor at the edge."""
    monkeypatch.setattr(bindings, "amdsmi", fake_amdsmi())
    gpu = open_amd().status(0, 3)
    assert (gpu.index, gpu.name) == (3, "AMD Instinct MI300X")
    assert (gpu.utilization, gpu.memory_utilization) == (93.0, 12.0)
    assert (gpu.memory_used, gpu.memory_total) == (2**30, 196592 * 2**20)
    assert (gpu.temperature, gpu.power, gpu.power_limit) == (71.0, 610.0, 750.0)
    assert (gpu.sm_clock, gpu.memory_clock) == (2100, 1300)
    assert (gpu.ecc_corrected, gpu.ecc_uncorrected, gpu.throttle) == (3, 0, None)
    assert gpu.processes == [GpuProcess(42, 2**30), GpuProcess(41, 2**20)]


def test_what_a_gpu_does_not_answer_is_none(monkeypatch):
    """A virtual GPU answers nearly nothing; ``N/A`` is no number."""
    answers = {"amdsmi_get_gpu_activity": {"gfx_activity": "N/A", "umc_activity": 5}}
    monkeypatch.setattr(bindings, "amdsmi", fake_amdsmi(answers))
    gpu = open_amd().status(0, 0)
    assert (gpu.name, gpu.utilization, gpu.memory_utilization) == ("AMD GPU 0", None, 5.0)
    assert (gpu.memory_used, gpu.temperature, gpu.power, gpu.power_limit, gpu.sm_clock) == (None,) * 5
    assert (gpu.ecc_corrected, gpu.processes) == (None, None)


def test_power_is_the_average_where_that_is_all(monkeypatch):
    """Older cards tell no power of the moment."""
    answers = ANSWERS | {"amdsmi_get_power_info": {"current_socket_power": "N/A", "average_socket_power": 203}}
    monkeypatch.setattr(bindings, "amdsmi", fake_amdsmi(answers))
    assert open_amd().status(0, 0).power == 203.0


@pytest.mark.parametrize(
    ("environment", "positions"),
    [
        ({}, None),
        ({"HIP_VISIBLE_DEVICES": "1"}, {1}),
        ({"ROCR_VISIBLE_DEVICES": "2,3"}, {2, 3}),
        ({"ROCR_VISIBLE_DEVICES": "2,3", "HIP_VISIBLE_DEVICES": "1"}, {3}),
        ({"HIP_VISIBLE_DEVICES": ""}, set()),
    ],
)
def test_variables_say_which_gpus_a_process_may_use(monkeypatch, environment, positions):
    """One counts among what the other leaves."""
    monkeypatch.setattr(bindings, "amdsmi", fake_amdsmi(cards=4))
    assert open_amd().visible(environment) == positions


def refuse():
    """Behave as the library without a driver."""
    raise AmdSmiException(34)


@pytest.mark.parametrize("module", [None, fake_amdsmi(init=refuse)])
def test_without_package_or_driver_there_is_no_gpu(monkeypatch, module):
    """Neither is an error."""
    monkeypatch.setattr(bindings, "amdsmi", module)
    assert open_amd() is None
    assert Gpus().sample() == []


def test_a_library_that_breaks_while_it_is_imported_is_none(tmp_path):
    """As AMD's does where its C library is missing: the other one is there all the same."""
    (tmp_path / "amdsmi.py").write_text("raise KeyError('ROCM_HOME')\n")
    code = "from stepwire.system import bindings; print(bindings.amdsmi, bindings.pynvml is not None)"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "None True\n"
