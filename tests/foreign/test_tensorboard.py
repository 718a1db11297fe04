"""Event files of the real writers are read as TensorBoard reads them. ``make test-tensorboard`` runs it."""

import json
import math
import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from stepwire.formats.tensorboard import EventFile, find_event_files
from stepwire.testing import running_server

tensorboard_x = pytest.importorskip("tensorboardX")
torch_tensorboard = pytest.importorskip("torch.utils.tensorboard")
event_file_writer = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
summary_v2 = pytest.importorskip("tensorboard.plugins.scalar.summary_v2")
event_pb2 = pytest.importorskip("tensorboard.compat.proto.event_pb2")

VALUES = [0.5, -1.25, 0.0, 1e-30, 3.4e38, math.inf, -math.inf, math.nan]
WRITERS = {"tensorboardX": tensorboard_x.SummaryWriter, "torch": torch_tensorboard.SummaryWriter}


def read(folder):
    """Tag, step, time in µs and value of each scalar in a folder, as Stepwire reads it."""
    found = []
    for path in find_event_files(folder):
        reader = EventFile(path)
        points = reader.read()
        while reader.is_behind:
            points += reader.read()
        assert reader.warning is None
        found += [(name, point.step, point.time, value) for point in points for name, value in point.metrics.items()]
    return found


def read_by_tensorboard(folder):
    """The same, as TensorBoard's own reader has it: scalars are tensors of the plugin ``scalars``."""
    found = []
    plugins = {}
    for path in find_event_files(folder):
        for event in loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name or plugins.get((path, value.tag))
                plugins[path, value.tag] = plugin
                if plugin == "scalars":
                    number = value.tensor.float_val[0] if value.tensor.float_val else None
                    if number is None:
                        number = np.frombuffer(value.tensor.tensor_content, "<f4")[0]
                    found.append((value.tag, event.step, round(event.wall_time * 1_000_000), float(number)))
    return found


def same(one, other):
    """Whether two lists are equal, NaN to NaN."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_of_pytorch(tmp_path, name):
    """All scalars of a file that also holds histograms, images, text, hyperparameters and a graph's worth of bytes."""
    with WRITERS[name](str(tmp_path)) as writer:
        for step, value in enumerate(VALUES):
            writer.add_scalar("train/loss", value, step)
        writer.add_histogram("weights", np.random.default_rng(1).standard_normal(1000), 3)
        writer.add_image("image", np.zeros((3, 64, 64), np.uint8), 3)
        writer.add_text("text", "words", 3)
        writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 4)
        writer.add_scalar("late", 7.0, 2**40)
        writer.add_hparams({"lr": 0.1}, {"hparam/accuracy": 0.9})
    mine = read(tmp_path)
    assert same(mine, read_by_tensorboard(tmp_path))
    losses = [value for tag, _, _, value in mine if tag == "train/loss"]
    assert same(losses, [float(np.float32(value)) for value in VALUES])
    assert {tag for tag, *_ in mine} == {"train/loss", "both", "late", "hparam/accuracy"}


def test_scalars_as_tensorflow_and_keras_write_them(tmp_path):
    """As tensors, with the plugin's name in each first event only."""
    writer = event_file_writer.EventFileWriter(str(tmp_path))
    for step, value in enumerate(VALUES):
        writer.add_event(
            event_pb2.Event(wall_time=1763905927.5 + step, step=step, summary=summary_v2.scalar_pb("a", value))
        )
    writer.close()
    mine = read(tmp_path)
    assert same(mine, read_by_tensorboard(tmp_path))
    assert [step for _, step, _, _ in mine] == list(range(len(VALUES)))


def test_a_file_is_read_while_it_is_written(tmp_path):
    """Each flush brings what was added."""
    writer = torch_tensorboard.SummaryWriter(str(tmp_path))
    (path,) = find_event_files(tmp_path)
    reader = EventFile(path)
    for step in range(5):
        writer.add_scalar("loss", step, step)
        writer.flush()
        assert [(point.step, point.metrics) for point in reader.read()] == [(step, {"loss": float(step)})]
    writer.close()


SCRIPT = """
    import time, torch
    from torch.utils.tensorboard import SummaryWriter
    torch.manual_seed(1)
    writer = SummaryWriter()
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for step in range(100):
        loss = ((weight - 3) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        writer.add_scalar("Loss/train", loss.item(), step)
        if step % 10 == 0:
            print(f"step {step} | loss {loss.item():.4f} | step time {12.5:.2f}ms")
            time.sleep(0.15)
    writer.close()
"""


def test_an_unmodified_pytorch_script_is_seen_from_outside(tmp_path):
    """``stepwire run`` finds the event file in ``runs/``, and the numbers in the printed lines."""
    (tmp_path / "train.py").write_text(textwrap.dedent(SCRIPT))
    with running_server() as server:
        environment = os.environ | {"STEPWIRE_URL": server.url, "XDG_DATA_HOME": str(tmp_path / "home")}
        line = [sys.executable, "-m", "stepwire", "run", "--", sys.executable, "train.py"]
        subprocess.run(line, cwd=tmp_path, env=environment, check=True, timeout=120)

        def get(path):
            request = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {server.token}"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)

        (run,) = get("/api/runs")["runs"]
        deadline = time.monotonic() + 30
        while get(f"/api/runs/{run['id']}")["status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        curves = get(f"/api/runs/{run['id']}/metrics?keys=Loss/train,loss&raw=true")["keys"]
    expected, weight = [], np.float32(0)
    for _ in range(100):
        expected.append(float((weight - 3) ** 2))
        weight = np.float32(weight - 0.1 * 2 * (weight - 3))
    assert curves["Loss/train"]["step"] == list(range(100))
    assert curves["Loss/train"]["value"] == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert curves["loss"]["step"] == list(range(0, 100, 10))
    assert curves["loss"]["value"] == pytest.approx(expected[::10], abs=1e-4)
    assert Path(tmp_path / "runs").is_dir()
