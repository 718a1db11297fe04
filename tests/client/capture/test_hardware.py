"""The machine."""

import sys
import threading
import types

import psutil

from stepwire.client.capture import hardware
from stepwire.client.capture.hardware import describe_hardware


def test_processor_and_memory_are_told():
    """Cores and bytes are those that psutil counts; no GPU is an empty list, or what there is."""
    found = describe_hardware()
    assert found["memory"] == psutil.virtual_memory().total
    assert found["logical_cores"] == psutil.cpu_count()
    assert isinstance(found["gpus"], list)


def test_a_gpu_driver_that_hangs_is_left_behind(monkeypatch):
    """The rest is told; the thread that asks is nobody's concern any more."""
    asked, let_go = threading.Event(), threading.Event()

    def hang():
        asked.set()
        let_go.wait()
        return {}

    monkeypatch.setattr(hardware, "_ask_gpus", hang)
    found = describe_hardware(gpu_seconds=0.01)
    let_go.set()
    assert asked.is_set()
    assert "gpus" not in found
    assert found["logical_cores"]


def test_a_framework_tells_its_version_only_when_it_is_loaded(monkeypatch):
    """torch is never imported for this: that would take seconds and memory."""
    assert not {"torch", "torch_cuda"} & describe_hardware().keys()
    assert "torch" not in sys.modules
    torch = types.ModuleType("torch")
    torch.__version__ = "2.9.0+cu130"
    torch.version = types.SimpleNamespace(cuda="13.0", hip=None)
    monkeypatch.setitem(sys.modules, "torch", torch)
    found = describe_hardware()
    assert (found["torch"], found["torch_cuda"]) == ("2.9.0+cu130", "13.0")
    assert "torch_hip" not in found
