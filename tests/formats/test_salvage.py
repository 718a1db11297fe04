"""Rings of dead processes give their memory back, and nothing in them is lost."""

import json
import os
import struct
import time

import pytest

from stepwire.client.outbox_stored import StoredOutbox
from stepwire.client.ring import Ring
from stepwire.formats import salvage
from stepwire.formats.ring import read_ring
from stepwire.formats.salvage import salvage_rings
from stepwire.formats.spool import frame, names_body, read_items, record_body, segment_head
from stepwire.formats.spoolfolder import all_names, last_seq, list_segments, read_identity
from stepwire.formats.spools import find_spools

HOUR = 3600


@pytest.fixture
def rings(tmp_path):
    folder = tmp_path / "rings"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def row(seq, step, loss=0.5):
    return struct.pack("<QBIqqd", seq, 1, 0, step, 1, loss)


def dead_ring(rings, folder, bodies, *, first=1):
    """A ring as ``kill -9`` leaves it."""
    identity = {"run_id": folder.parent.name, "writer_id": folder.name, "pid": 2**30, "folder": str(folder)}
    ring = Ring(rings / f"{folder.name}.ring", identity)
    ring.release(0, first)
    ring.append(frame(names_body(first - 1, 0, ("loss",))), first - 1)
    for seq, body in enumerate(bodies, first):
        assert ring.append(frame(body), seq)
    ring.close(remove=False)
    return ring.path


def records(folder):
    found = {}
    for segment in list_segments(folder):
        for _, item in read_items(segment.path.read_bytes(), 16):
            if item.kind != 3:
                found[item.seq] = item.body
    return found


def test_what_a_ring_holds_moves_to_the_disk(rings, root):
    """Not a byte had reached the disk: afterwards the folder tells all, and the memory is free."""
    folder = root / "run_1" / "writer"
    dead_ring(rings, folder, [row(1, 0), row(2, 1), row(3, 2)])
    assert salvage_rings(root, [rings]) == 1
    assert list(rings.iterdir()) == []
    assert sorted(records(folder)) == [1, 2, 3]
    assert dict(all_names(folder)) == {0: ("loss",)}
    identity = read_identity(folder)
    assert (identity["run_id"], identity["ring"]) == ("run_1", None)
    (found,) = find_spools(root)
    assert StoredOutbox(found.folder, found.writer_id, found.ring).last == 3


def test_what_the_disk_has_is_not_written_twice(rings, root):
    """The process died between the write of a segment and the note of it in the ring."""
    folder = root / "run_1" / "writer"
    folder.mkdir(parents=True)
    (folder / "00000001.seg").write_bytes(segment_head(1) + frame(row(1, 0)) + frame(row(2, 1)))
    (folder / "names").write_bytes(frame(names_body(0, 7, ("lr",))))
    dead_ring(rings, folder, [row(2, 1), row(3, 2)], first=2)
    assert last_seq(folder) == 2
    salvage_rings(root, [rings])
    assert [segment.first_seq for segment in list_segments(folder)] == [1, 3]
    assert sorted(records(folder)) == [1, 2, 3]
    assert dict(all_names(folder)) == {7: ("lr",), 0: ("loss",)}


def test_a_torn_segment_is_left_behind(rings, root):
    """The number of a file whose first bytes are missing is not used again."""
    folder = root / "run_1" / "writer"
    folder.mkdir(parents=True)
    (folder / "00000001.seg").write_bytes(segment_head(1) + frame(row(1, 0)))
    (folder / "00000002.seg").write_bytes(b"SWSP")
    dead_ring(rings, folder, [row(2, 1)], first=2)
    salvage_rings(root, [rings])
    assert sorted(path.name for path in folder.glob("*.seg")) == ["00000001.seg", "00000002.seg", "00000003.seg"]
    assert sorted(records(folder)) == [1, 2]


def test_the_ring_of_a_living_process_stays(rings, root):
    """Its lock tells."""
    ring = Ring(rings / "w.ring", {"folder": str(root / "run_1" / "w")})
    ring.append(frame(record_body(1, {"type": "config"})), 1)
    assert salvage_rings(root, [rings]) == 0
    assert ring.path.exists()
    assert list(root.iterdir()) == []
    ring.close(remove=True)


def test_a_delivered_spool_needs_no_ring(rings, root):
    """Nothing is written to a folder that is done."""
    folder = root / "run_1" / "writer"
    folder.mkdir(parents=True)
    (folder / "done").write_bytes(b"")
    dead_ring(rings, folder, [row(1, 0)])
    assert salvage_rings(root, [rings]) == 1
    assert [path.name for path in folder.iterdir()] == ["done"]


def test_a_folder_that_is_away_costs_little_and_comes_back(rings, root):
    """A share that is not mounted: the ring shrinks to what it holds, and moves when the folder is there again."""
    folder = root / "away" / "run_1" / "writer"
    path = dead_ring(rings, folder, [row(1, 0), row(2, 1)])
    before = [item.body for item in read_ring(path)]
    assert salvage_rings(root, [rings]) == 1
    assert path.stat().st_size < 9000
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.body for item in read_ring(path)] == before
    assert salvage_rings(root, [rings]) == 0
    (root / "away").mkdir()
    assert salvage_rings(root, [rings]) == 1
    assert sorted(records(folder)) == [1, 2]


def test_what_a_folder_that_is_away_lacks_is_read_once(rings, root, monkeypatch):
    """Every sweep of the server comes by, and reading a full ring would keep its other threads waiting for long."""
    full = 40_000
    path = dead_ring(rings, root / "away" / "run_1" / "writer", [row(seq, seq) for seq in range(1, full + 1)])
    read = []
    through = salvage.read_records
    monkeypatch.setattr(salvage, "read_records", lambda path: read.append(path) or through(path))
    for _ in range(3):
        salvage_rings(root, [rings])
    assert read == [path]
    assert len(read_ring(path)) == full + 1


def test_a_folder_that_stays_away_is_forgotten_after_a_week(rings, root):
    """Memory is not held for a folder that somebody deleted."""
    path = dead_ring(rings, root / "gone" / "run_1" / "writer", [row(1, 0)])
    salvage_rings(root, [rings])
    old = time.time() - salvage.KEEP_SECONDS - HOUR
    os.utime(path, (old, old))
    assert salvage_rings(root, [rings]) == 1
    assert not path.exists()


def test_an_unfinished_ring_is_deleted_when_it_is_old(rings, root):
    """Killed while making it; a young one may be in the making."""
    path = rings / "w.ring"
    path.write_bytes(bytes(9000))
    assert salvage_rings(root, [rings]) == 0
    os.utime(path, (time.time() - HOUR, time.time() - HOUR))
    assert salvage_rings(root, [rings]) == 1
    assert not path.exists()


def test_a_full_disk_leaves_the_ring_whole(rings, root, monkeypatch):
    """It is tried again the next time."""
    folder = root / "run_1" / "writer"
    path = dead_ring(rings, folder, [row(1, 0)])

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(salvage, "write_whole", refuse)
        assert salvage_rings(root, [rings]) == 0
    assert len(read_ring(path)) == 2
    assert salvage_rings(root, [rings]) == 1
    assert json.loads((folder / "head.json").read_text())["writer_id"] == "writer"
    assert sorted(records(folder)) == [1]
