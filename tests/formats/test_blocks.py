"""Rows that stand together on a disk come as blocks: the same rows as one by one, and none that is damaged."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from stepwire.formats.blocks import Block, read_parts, rows_of
from stepwire.formats.spool import (
    FLOAT_ROW,
    ROW,
    Item,
    frame,
    names_body,
    pack_float_row,
    pack_row,
    read_items,
    record_body,
    segment_head,
)
from stepwire.formats.spoolfolder import SegmentReader, segment_path

KINDS = st.sampled_from(["a", "a", "b", "float", "names", "record"])


def encode(kinds):
    """Records 1, 2 … of these kinds, each with its head."""
    found, seq = [], 0
    for kind in kinds:
        seq += kind != "names"
        if kind == "names":
            found.append(frame(names_body(seq, 7, ("loss",))))
        elif kind == "record":
            found.append(frame(record_body(seq, {"type": "event", "time": seq})))
        elif kind == "float":
            found.append(frame(pack_float_row(seq, FLOAT_ROW, 0, seq / 2, seq * 10) + bytes(8)))
        else:
            width = 1 if kind == "a" else 3
            found.append(frame(pack_row(seq, ROW, width, seq * 300, seq * 10) + bytes([seq % 256] * 8 * width)))
    return found


def one_by_one(parts):
    return [item for part in parts for item in (rows_of(part) if isinstance(part, Block) else [part])]


runs_of_kinds = st.lists(st.tuples(KINDS, st.integers(1, 12)), max_size=12).map(
    lambda runs: [kind for kind, count in runs for _ in range(count)]
)


@settings(max_examples=200, deadline=None)
@given(kinds=runs_of_kinds, damage=st.none() | st.tuples(st.integers(0), st.integers(1, 255)))
def test_blocks_hold_the_records_up_to_the_first_damaged_one(kinds, damage):
    """Whatever byte is damaged: as many records come as when each is read by itself, the same ones."""
    data = bytearray(b"".join(encode(kinds)))
    if damage and data:
        data[damage[0] % len(data)] ^= damage[1]
    expected = list(read_items(bytes(data)))
    found = list(read_parts(bytes(data), 0, 10_000, 1, checks=True))
    assert one_by_one(part for _, part in found) == [item for _, item in expected]
    assert (found[-1][0] if found else 0) == (expected[-1][0] if expected else 0)


def test_rows_of_one_set_are_one_block():
    """What the sender saves is that they are; a record or another set ends it, and so does a number that is out of line."""
    alike = encode(["a"] * 10 + ["record"] + ["b"] * 5)
    assert [part.span for _, part in read_parts(b"".join(alike), 0, 100, 1, checks=True)] == [10, 1, 5]
    twice = b"".join([*alike[:5], *alike[:5]])
    assert [(part.seq, part.span) for _, part in read_parts(twice, 0, 100, 1, checks=True)] == [(1, 5), (1, 5)]


def test_what_comes_before_the_first_one_wanted_does_not_count():
    """However few are wanted: what is skipped must not end the reading."""
    data = b"".join(encode(["a"] * 100))
    assert [(part.seq, part.span) for _, part in read_parts(data, 0, 10, 91, checks=False)] == [(1, 100)]
    found = [(part.seq, part.span) for _, part in read_parts(data, 0, 1, 50, checks=False)]
    assert found == [(1, 50)]


@settings(max_examples=100, deadline=None)
@given(
    kinds=runs_of_kinds,
    cuts=st.lists(st.integers(0, 60), max_size=3),
    first=st.integers(1, 80),
    limit=st.integers(1, 2000),
    most=st.integers(1, 40),
)
def test_a_folder_is_read_from_any_record_in_any_portions(kinds, cuts, first, limit, most):
    """Over the borders of its files, without one twice or left out, never more than asked for."""
    records = encode(kinds)
    items = [item for record in records for _, item in read_items(record)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        borders = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
        for number, (begin, end) in enumerate(pairwise(borders), 1):
            begun_by = next((item.seq for item in items[begin:] if item.span), items[-1].seq + 1)
            segment_path(folder, number).write_bytes(segment_head(begun_by) + b"".join(records[begin:end]))
        reader, seq, found = SegmentReader(folder), first, []
        while parts := [part for part in reader.read(seq, limit, most) if part.span]:
            assert sum(part.span for part in parts) <= most
            found += one_by_one(parts)
            seq = found[-1].seq + 1
        reader.close()
    assert found == [item for item in items if item.span and item.seq >= first]
    assert all(isinstance(item, Item) for item in found)
