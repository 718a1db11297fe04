"""Checkpoints are registered at once and measured in the background."""

import hashlib
import math
import threading

import pytest

from stepwire import TrainingMonitor
from stepwire.client.memory import MemoryTransport
from stepwire.errors import InvalidError


@pytest.fixture
def transport():
    """A server in memory."""
    return MemoryTransport()


@pytest.fixture
def monitor(transport):
    """A run whose records the test reads after finish."""
    with TrainingMonitor("test", transport=transport, system_metrics_interval=0) as monitor:
        yield monitor


def found(transport, checkpoint_id):
    """All records of one checkpoint, in order."""
    return [record for record in transport.records("checkpoint") if record["id"] == checkpoint_id]


def test_size_and_checksum_follow_the_registration(monitor, transport, tmp_path):
    """The first record registers path, step, metrics and metadata; the second brings size and SHA-256."""
    content = bytes(range(256)) * 10_000
    (tmp_path / "model.pt").write_bytes(content)
    monitor.log_metrics({"loss": 1}, step=40)
    checkpoint_id = monitor.save_checkpoint(
        tmp_path / "model.pt", metrics={"loss": 0.42, "val": {"acc": math.nan}}, metadata={"optimizer_state": "..."}
    )
    monitor.mark_best_checkpoint(checkpoint_id)
    monitor.finish()
    first, second = found(transport, checkpoint_id)
    assert first["filepath"] == str(tmp_path / "model.pt")
    assert (first["step"], first["verdict"]) == (40, "registered")
    assert first["metrics"] == {"loss": 0.42, "val/acc": "NaN"}
    assert first["metadata"] == {"optimizer_state": "..."}
    assert "size" not in first
    assert (second["size"], second["verdict"]) == (len(content), "registered")
    assert second["sha256"] == hashlib.sha256(content).hexdigest()
    assert [record["checkpoint_id"] for record in transport.records("best")] == [checkpoint_id]


def test_a_file_that_is_not_there_does_not_raise(monitor, transport, tmp_path):
    """The checkpoint has the verdict missing; training goes on."""
    checkpoint_id = monitor.save_checkpoint(tmp_path / "nowhere.pt")
    monitor.finish()
    assert [record["verdict"] for record in found(transport, checkpoint_id)] == ["registered", "missing"]


def test_a_working_directory_that_was_removed_does_not_raise(monitor, transport, tmp_path, monkeypatch):
    """Where no absolute path can be found out, the path stays as given."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    checkpoint_id = monitor.save_checkpoint("model.pt")
    monitor.finish()
    records = found(transport, checkpoint_id)
    assert [(record["filepath"], record["verdict"]) for record in records] == [
        ("model.pt", "registered"), ("model.pt", "missing"),
    ]  # fmt: skip


def test_a_folder_is_measured_as_a_whole(monitor, transport, tmp_path):
    """A checkpoint of many files has the sum of their sizes and no checksum."""
    (tmp_path / "shards").mkdir()
    for name in "ab":
        (tmp_path / "shards" / name).write_bytes(b"12345")
    checkpoint_id = monitor.save_checkpoint(tmp_path)
    monitor.finish()
    second = found(transport, checkpoint_id)[1]
    assert (second["size"], second["verdict"], "sha256" in second) == (10, "registered", False)


def test_a_relative_path_is_made_absolute(monitor, transport, tmp_path, monkeypatch):
    """The server learns where the file is, whatever the script's working folder was."""
    monkeypatch.chdir(tmp_path)
    checkpoint_id = monitor.save_checkpoint("model.pt", step=5)
    monitor.finish()
    assert found(transport, checkpoint_id)[0]["filepath"] == str(tmp_path / "model.pt")
    assert found(transport, checkpoint_id)[0]["step"] == 5


def test_metadata_without_end_is_cut(monitor, transport):
    """A whole optimizer state given as metadata is cut to what the server takes."""
    checkpoint_id = monitor.save_checkpoint("x", metadata={f"k{n}": "v" * 1000 for n in range(1000)})
    monitor.finish()
    assert len(repr(found(transport, checkpoint_id)[0]["metadata"])) < 300_000


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((3,), TypeError, "path"),
        ((b"x",), TypeError, "path"),
        (("",), InvalidError, "filepath"),
        (("a\0b",), InvalidError, "filepath"),
        (("x", {"loss": "low"}), TypeError, "loss"),
        (("x", None, [1]), TypeError, "metadata"),
        (("x", None, None, "3"), TypeError, "step"),
    ],
)
def test_misuse_raises_and_registers_nothing(monitor, transport, arguments, error, match):
    """Wrong types are refused by name."""
    with pytest.raises(error, match=match):
        monitor.save_checkpoint(*arguments)
    monitor.finish()
    assert transport.records("checkpoint") == []


def test_many_files_share_one_thread(monitor, transport, tmp_path):
    """However many checkpoints are saved at once, one thread measures them, all of them."""
    (tmp_path / "m").write_bytes(b"x" * 1_000_000)
    ids = [monitor.save_checkpoint(tmp_path / "m") for _ in range(20)]
    assert sum(thread.name == "stepwire-checkpoints" for thread in threading.enumerate()) <= 1
    monitor.finish()
    assert [found(transport, checkpoint_id)[1]["size"] for checkpoint_id in ids] == [1_000_000] * 20


def test_paths_that_are_not_unicode_are_told_readably(monitor, transport, tmp_path):
    """A file name of raw bytes is measured and shown with escapes."""
    name = b"model-\xff.pt".decode("utf-8", "surrogateescape")
    (tmp_path / name).write_bytes(b"12")
    checkpoint_id = monitor.save_checkpoint(tmp_path / name)
    monitor.finish()
    second = found(transport, checkpoint_id)[1]
    assert second["size"] == 2
    assert second["filepath"].endswith("model-\\udcff.pt")
