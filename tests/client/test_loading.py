"""Checkpoints are loaded by suffix, whole or not at all, and run no code that the caller does not trust."""

import json
import pickle
import struct
import sys

import numpy as np
import pytest

from stepwire.client.loading import DamagedCheckpointError, check_whole, load_checkpoint
from stepwire.errors import InvalidError, MissingExtraError


class Mine:
    """A class that only this module knows."""

    def __init__(self):
        self.step = 7


class Hostile:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def write_safetensors(path, tensors, metadata=None):
    """A safetensors file, byte by byte as its specification says."""
    header, at, body = ({"__metadata__": metadata} if metadata else {}), 0, b""
    for name, values in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [at, at + len(data)]}
        at, body = at + len(data), body + data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def test_json_is_what_it_holds(tmp_path):
    """A dict of anything."""
    (tmp_path / "a.json").write_text(json.dumps({"step": 12, "nested": [1, None]}))
    assert load_checkpoint(tmp_path / "a.json") == {"step": 12, "nested": [1, None]}


def test_npz_is_a_dict_of_arrays(tmp_path):
    """All of them are in memory: the file may go."""
    np.savez(tmp_path / "a.npz", w=np.arange(3.0), step=np.int64(5))
    loaded = load_checkpoint(tmp_path / "a.npz")
    (tmp_path / "a.npz").unlink()
    assert (sorted(loaded), loaded["w"].tolist(), int(loaded["step"])) == (["step", "w"], [0, 1, 2], 5)


def test_npz_with_objects_needs_trust(tmp_path):
    """Objects are pickled, and a pickle can run any code."""
    np.savez(tmp_path / "a.npz", o=np.array([Mine()], dtype=object))
    with pytest.raises(InvalidError, match="trust=True"):
        load_checkpoint(tmp_path / "a.npz")
    assert load_checkpoint(tmp_path / "a.npz", trust=True)["o"][0].step == 7


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib", ".PKL"])
def test_pickles_need_trust_and_run_nothing_without(tmp_path, suffix):
    """Refused before a byte of it is read."""
    marker, path = tmp_path / "marker", tmp_path / f"a{suffix}"
    path.write_bytes(pickle.dumps(Hostile(str(marker))))
    with pytest.raises(InvalidError, match="trust=True"):
        load_checkpoint(path)
    assert not marker.exists()


def test_a_pickle_that_is_trusted_is_loaded(tmp_path):
    """The caller said so."""
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"step": 3}))
    assert load_checkpoint(tmp_path / "a.pkl", trust=True) == {"step": 3}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"step": 3})[:-3])
    with pytest.raises(DamagedCheckpointError):
        load_checkpoint(tmp_path / "a.pkl", trust=True)


@pytest.mark.parametrize("name", ["a.bin", "a.h5", "a", "folder"])
def test_other_formats_are_the_callers_to_load(tmp_path, name):
    """The message says how."""
    if name == "folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InvalidError, match="last_checkpoint_path"):
        load_checkpoint(tmp_path / name)


def test_a_library_that_is_missing_is_named(tmp_path, monkeypatch):
    """With the line that installs it."""
    write_safetensors(tmp_path / "a.safetensors", {"w": [1.0]})
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match="pip install safetensors"):
        load_checkpoint(tmp_path / "a.safetensors")


def whole_files(folder):
    """One whole file of each format that tells its length."""
    (folder / "a.json").write_text(json.dumps({"step": 12, "w": [0.5] * 100}))
    np.savez(folder / "a.npz", w=np.arange(1000.0))
    np.savez(folder / "zip.npz", w=np.arange(1000.0))
    (folder / "zip.npz").rename(folder / "a.pt")  # a zip, as torch's files are
    write_safetensors(folder / "a.safetensors", {"w": [1.0] * 100, "b": [2.0]}, {"format": "pt"})
    return ["a.json", "a.npz", "a.pt", "a.safetensors"]


def test_a_file_that_is_cut_off_does_not_look_whole(tmp_path):
    """Wherever a kill or a full disk cut it, down to nothing."""
    for name in whole_files(tmp_path):
        path = tmp_path / name
        check_whole(path)
        data = path.read_bytes()
        for end in (0, 1, 7, 100, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:end])
            if name == "a.pt" and end == 1:
                continue  # one byte of anything is a file of torch's first format
            with pytest.raises(DamagedCheckpointError):
                check_whole(path)


def test_what_is_not_there_is_not_whole(tmp_path):
    """A missing file, an empty folder; a folder with something in it is."""
    with pytest.raises(DamagedCheckpointError):
        check_whole(tmp_path / "nowhere.pt")
    (tmp_path / "shards").mkdir()
    with pytest.raises(DamagedCheckpointError):
        check_whole(tmp_path / "shards")
    (tmp_path / "shards/0.pt").write_bytes(b"x")
    check_whole(tmp_path / "shards")


@pytest.mark.parametrize(
    "data", [b"\xff" * 8, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{}x", b'\x0e\0\0\0\0\0\0\0{"a": {"b": 1}}']
)
def test_a_safetensors_header_that_makes_no_sense(tmp_path, data):
    """Lengths beyond the file, other JSON, missing fields: damaged, no other error and no gigabyte of memory."""
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(DamagedCheckpointError):
        check_whole(tmp_path / "a.safetensors")


def test_a_flipped_bit_in_an_npz_is_found(tmp_path):
    """Its checksums are looked at."""
    np.savez(tmp_path / "a.npz", w=np.zeros(1000))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DamagedCheckpointError):
        load_checkpoint(tmp_path / "a.npz")


# --- the real libraries, where they are ------------------------------------------------------------------


def test_torch_loads_weights_only(tmp_path):
    """A state dict comes back on the CPU; a class is refused unless trusted; hostile files run nothing."""
    torch = pytest.importorskip("torch")
    torch.save({"model": {"w": torch.arange(4.0)}, "step": 3}, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert (loaded["model"]["w"].tolist(), loaded["step"]) == ([0, 1, 2, 3], 3)
    torch.save({"args": Mine()}, tmp_path / "b.pth")
    with pytest.raises(InvalidError, match="trust=True"):
        load_checkpoint(tmp_path / "b.pth")
    assert load_checkpoint(tmp_path / "b.pth", trust=True)["args"].step == 7
    torch.save(Hostile(str(tmp_path / "marker")), tmp_path / "c.ckpt")
    with pytest.raises(InvalidError):
        load_checkpoint(tmp_path / "c.ckpt")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("is_zip", [True, False])
def test_torchs_files_cut_off_or_damaged_are_found(tmp_path, is_zip):
    """In its format of today, a zip, also a flipped bit in a tensor, which torch itself does not see."""
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pt"
    torch.save({"w": torch.zeros(10_000)}, path, _use_new_zipfile_serialization=is_zip)
    data = path.read_bytes()
    load_checkpoint(path)
    for end in (1, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        with pytest.raises(DamagedCheckpointError):
            load_checkpoint(path)
    if is_zip:
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(DamagedCheckpointError):
            load_checkpoint(path)


def test_safetensors_are_a_dict_of_arrays(tmp_path):
    """Without torch they are NumPy's."""
    pytest.importorskip("safetensors")
    write_safetensors(tmp_path / "a.safetensors", {"w": [1.0, 2.0]})
    assert [float(value) for value in load_checkpoint(tmp_path / "a.safetensors")["w"]] == [1.0, 2.0]


def test_joblib_with_trust(tmp_path):
    """As scikit-learn's users save their models."""
    joblib = pytest.importorskip("joblib")
    joblib.dump({"step": 4, "w": np.arange(3)}, tmp_path / "a.joblib")
    assert load_checkpoint(tmp_path / "a.joblib", trust=True)["step"] == 4
