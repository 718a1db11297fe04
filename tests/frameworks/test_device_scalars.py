"""Numbers of the real libraries: what is on a device is never waited for in the training thread."""

import contextlib
import math
import sys
import threading
from types import SimpleNamespace

import pytest

from stepwire import TrainingMonitor
from stepwire.client import device
from stepwire.client.memory import MemoryTransport

WAITING = ("item", "tolist", "block_until_ready", "__float__", "__array__", "__int__", "__index__", "__bool__")


@pytest.fixture
def transport():
    """A server in memory."""
    return MemoryTransport()


@pytest.fixture
def monitor(transport):
    """A run of its own."""
    with TrainingMonitor("scalars", transport=transport, system_metrics_interval=0) as monitor:
        yield monitor


def test_jax_arrays_are_not_waited_for(monitor, transport, monkeypatch):
    """Not a call that waits comes from this thread while a computation of some seconds runs; the values are right."""
    jax = pytest.importorskip("jax")
    jnp = pytest.importorskip("jax.numpy")
    kind = type(jnp.float32(1))
    waits = []

    def watch(name):
        real = getattr(kind, name)

        def method(self, *arguments, **more):
            waits.append((threading.current_thread().name, name))
            return real(self, *arguments, **more)

        monkeypatch.setattr(kind, name, method)

    for name in WAITING:
        watch(name)
    work = jax.jit(lambda matrix, step: ((matrix @ matrix @ matrix).sum() * 0 + step).astype(jnp.float32))
    matrix = jnp.ones((1500, 1500))
    work(matrix, 0).block_until_ready()
    waits.clear()
    ready = []
    for step in range(10):
        loss = work(matrix, step)
        ready.append(loss.is_ready())
        monitor.log_metrics({"loss": loss, "lr": 0.1, "half": loss.astype(jnp.bfloat16), "n": jnp.int32(step)}, step)
    assert not all(ready)
    assert monitor.flush(60)
    assert {thread for thread, _ in waits} == {"stepwire-device"}
    assert transport.metrics == [{"loss": float(n), "lr": 0.1, "half": float(n), "n": float(n)} for n in range(10)]


def test_donated_jax_arrays_are_told_then_copied(monitor, transport, monkeypatch):
    """A step counter that the next step's computation takes over, as in a train state."""
    jax = pytest.importorskip("jax")
    jnp = pytest.importorskip("jax.numpy")
    monkeypatch.setattr(device._JaxCopy, "copies_first", True)
    following = jax.jit(lambda step: step + 1, donate_argnums=0)
    step = jnp.int32(0)
    for number in range(5):
        monitor.log_metrics({"step": step}, number)
        step = following(step)
    assert monitor.flush(10)
    assert [row["step"] for row in transport.metrics] == [0, 1, 2, 3, 4]
    monkeypatch.setattr(device._JaxCopy, "copies_first", False)
    monkeypatch.setattr(device._JaxCopy, "has_come", lambda copy: copy._array.is_deleted())
    monitor.log_metrics({"step": step}, 5)
    following(step)
    assert monitor.flush(10)
    assert math.isnan(transport.metrics[5]["step"])
    assert "donated" in transport.records("event")[0]["message"]
    assert device._JaxCopy.copies_first


def test_jax_values_that_are_no_number_are_misuse(monitor):
    """Arrays of more, complex ones, keys, and tracers raise in the call."""
    jax = pytest.importorskip("jax")
    jnp = pytest.importorskip("jax.numpy")
    for value in (jnp.ones(2), jnp.complex64(1j), jax.random.key(0)):
        with pytest.raises(TypeError, match="'x'"):
            monitor.log_metrics({"x": value})
    with pytest.raises(TypeError, match="'x'"):
        jax.jit(lambda value: monitor.log_metrics({"x": value}))(1.0)


def test_torch_scalars_on_the_host_are_read_at_once(monitor, transport):
    """Of every type, with and without a gradient, one element in any shape."""
    torch = pytest.importorskip("torch")
    values = {
        "float": torch.tensor(0.5, requires_grad=True), "half": torch.tensor(0.5, dtype=torch.float16),
        "bfloat": torch.tensor(0.5, dtype=torch.bfloat16), "int": torch.tensor(2**40), "bool": torch.tensor(True),
        "shaped": torch.ones(1, 1), "parameter": torch.nn.Parameter(torch.tensor(2.0)),
    }  # fmt: skip
    monitor.log_metrics(values, 0)
    monitor.log_metrics(values, 1)
    expected = {"float": 0.5, "half": 0.5, "bfloat": 0.5, "int": 2.0**40, "bool": 1.0, "shaped": 1.0, "parameter": 2.0}
    assert not monitor._run.metrics.deferred.pending
    assert monitor.flush(10)
    assert transport.metrics == [expected] * 2
    for value in (torch.ones(2), torch.tensor(1j), torch.empty((), device="meta")):
        with pytest.raises(TypeError, match="'x'"):
            monitor.log_metrics({"x": value})


@pytest.mark.parametrize("mode", ["plain", "inference", "no_grad", "default_device"])
def test_torch_itself_copies_into_the_memory_for_numbers(monkeypatch, mode):
    """All but the pinning and the stream, which need a GPU: real tensors of every type, grouped, in every mode."""
    torch = pytest.importorskip("torch")
    empty, asked = torch.empty, []
    monkeypatch.setattr(
        torch, "empty", lambda *size, pin_memory, **more: asked.append(pin_memory) or empty(*size, **more)
    )
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: SimpleNamespace(query=lambda: True))
    monkeypatch.setattr(device, "_pool", device._Pool())
    modes = {
        "plain": contextlib.nullcontext, "inference": torch.inference_mode, "no_grad": torch.no_grad,
        "default_device": lambda: torch.device("meta"),
    }  # fmt: skip
    types = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int8, torch.bool)
    tensors = {kind: [torch.ones(1, dtype=kind)[0], torch.ones(1, 1, dtype=kind)] for kind in types}
    tensors[torch.float32].append(torch.tensor(2.5, requires_grad=True) * 2)
    with modes[mode]():
        copies = [device._begin_cuda(list(enumerate(group))) for group in tensors.values()]
    copies.append(device._begin_cuda([(0, torch.tensor(math.nan))]))
    assert all(copy.has_come() for copy in copies)
    read = [copy.read() for copy in copies]
    assert read[0] == [1.0, 1.0, 5.0]
    assert read[1:7] == [[1.0, 1.0]] * 6
    assert math.isnan(read[7][0])
    assert asked == [True]
    assert "torch" in sys.modules
