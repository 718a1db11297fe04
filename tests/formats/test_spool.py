"""Records as bytes: whole or not there, whatever is cut off or flipped."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwire.formats import places
from stepwire.formats.batches import build_batch
from stepwire.formats.spool import (
    FLOAT_ROW,
    GAP,
    NAMES,
    RECORD,
    ROW,
    Item,
    frame,
    gap_body,
    names_body,
    pack_float_row,
    pack_row,
    read_ack,
    read_items,
    read_names,
    read_record,
    read_segment_head,
    record_body,
    segment_head,
    write_ack,
)


def row(seq, step, value=0.5, ordinal=0):
    """One point of a set with one name."""
    values = struct.pack("<d", value)
    if isinstance(step, int):
        return frame(pack_row(seq, ROW, ordinal, step, 1000 + seq) + values)
    return frame(pack_float_row(seq, FLOAT_ROW, ordinal, step, 1000 + seq) + values)


def items(data):
    return [item for _, item in read_items(data)]


RECORDS = [
    frame(record_body(1, {"type": "config", "time": 7, "name": "é"})),
    frame(names_body(1, 3, ("loss", "lr"))),
    row(2, 10),
    row(3, 10.5),
    frame(gap_body(4, {"type": "gap", "to": 9, "count": 6})),
    row(10, -(2**53)),
]
WHOLE = b"".join(RECORDS)


def test_records_come_back_as_they_were_written():
    """Numbers, kinds and content of each record, and how many records a gap stands for."""
    found = items(WHOLE)
    assert [item.seq for item in found] == [1, 1, 2, 3, 4, 10]
    assert [item.kind for item in found] == [RECORD, NAMES, ROW, FLOAT_ROW, GAP, ROW]
    assert [item.span for item in found] == [1, 0, 1, 1, 6, 1]
    assert read_record(found[0].body) == {"type": "config", "time": 7, "name": "é"}
    assert read_names(found[1].body) == (3, ("loss", "lr"))


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_what_is_cut_off_is_not_half_there(length):
    """Cut anywhere, the records before the cut are whole and nothing else is there."""
    ends, size = [], 0
    for record in RECORDS:
        size += len(record)
        ends.append(size)
    assert len(items(WHOLE[:length])) == sum(end <= length for end in ends)


@given(place=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_ends_the_reading(place, bit):
    """No record is ever read with other content than was written."""
    data = bytearray(WHOLE)
    data[place] ^= 1 << bit
    original = items(WHOLE)
    assert items(bytes(data)) == original[: len(items(bytes(data)))]
    assert len(items(bytes(data))) < len(original)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data):
    """Rubbish holds no records, and does not raise."""
    assert isinstance(items(data), list)


def test_a_batch_puts_rows_side_by_side():
    """Whole and other steps of one set are two columns; a gap stands in its first number's place."""
    found = [item for item in items(WHOLE) if item.kind != NAMES]
    batch = build_batch(found, {0: ("loss",)}, lambda _set: True)
    assert (batch.first_seq, batch.n) == (1, 10)
    assert [columns.step_type for columns in batch.sets] == ["i8", "f8"]
    assert [struct.unpack(f"<{len(one.at) // 4}I", one.at) for one in batch.sets] == [(1, 9), (2,)]
    assert struct.unpack("<2q", batch.sets[0].steps) == (10, -(2**53))
    assert batch.sets[1].names == ("loss",)
    assert [(record["at"], record["type"]) for record in batch.records] == [(0, "config"), (3, "gap")]


def test_small_files_tell_when_they_are_damaged():
    """An acknowledgement that is not whole counts as none; a segment without its head is none."""
    assert read_ack(write_ack(2**63)) == 2**63
    assert read_ack(write_ack(5)[:-1]) == 0
    assert read_ack(b"\1" + write_ack(5)[1:]) == 0
    assert read_segment_head(segment_head(17)) == 17
    assert read_segment_head(segment_head(17)[:15]) is None
    assert read_segment_head(b"x" * 16) is None


MOUNTS = """/dev/vda1 / ext4 rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
filer:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local\\040disk xfs rw 0 0
mds@tcp:/scratch /scratch lustre rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tmp/x", False),
        ("/home/me/spool", True),
        ("/home/local disk/spool", False),
        ("/homework", False),
        ("/scratch", True),
        ("/dev/shm/x", False),
    ],
)
def test_a_network_is_told_by_the_table_of_mounts(path, expected):
    """The longest mount point that leads to the path decides."""
    assert places.is_network(places.Path(path), MOUNTS) is expected


def test_the_root_of_all_spools(monkeypatch, tmp_path):
    """STEPWIRE_DIR, else the user's data folder."""
    assert places.spool_root({"STEPWIRE_DIR": "/shared/x"}) == places.Path("/shared/x")
    monkeypatch.setattr(places.sys, "platform", "linux")
    assert places.spool_root({"HOME": "/h"}) == places.Path("/h/.local/share/stepwire/spool")
    assert places.spool_root({"HOME": "/h", "XDG_DATA_HOME": "/d"}) == places.Path("/d/stepwire/spool")


def test_a_folder_that_others_may_enter_is_not_private(tmp_path):
    """A folder prepared by somebody else, or a link, is not used."""
    assert places.make_private(tmp_path / "mine")
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    assert not places.make_private(open_to_all)
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert not places.make_private(tmp_path / "link")


def test_values_whose_names_are_lost_are_kept_under_others():
    """The names of a metric set were only in a process that is gone: its numbers arrive all the same."""
    rows = [Item(seq, ROW, pack_row(seq, ROW, 5, seq, 1000) + struct.pack("<2d", seq, 0.5)) for seq in (1, 2)]
    batch = build_batch(rows, {}, lambda _set: True)
    assert batch.sets[0].names == ("lost_name/5/0", "lost_name/5/1")
    assert struct.unpack("<4d", batch.sets[0].values) == (1.0, 0.5, 2.0, 0.5)
