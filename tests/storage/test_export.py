"""Exports: what another program reads back is what was logged, bit for bit, in constant memory."""

import csv
import io
import json
import math
import sqlite3
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from stepwire.errors import MissingExtraError
from stepwire.storage.export.formats import FORMATS, load_format
from stepwire.storage.export.sqlite import SpecifiedDatabase
from stepwire.storage.series.interface import RawBlock


def from_bits(bits: int) -> float:
    """The float64 of these bits."""
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


ODD = [
    0.0,
    -0.0,
    0.1,
    2.0**53,
    2.0**53 + 2,
    5e-324,
    -2.2250738585072e-308,
    sys.float_info.max,
    1e22,
    -1e-7,
    math.inf,
    -math.inf,
]
NANS = [from_bits(0x7FF8000000000000), from_bits(0xFFF8000000000123), from_bits(0x7FF0000000000001)]


def block(values: object, names: tuple[str, ...] = ("loss",), **more: object) -> RawBlock:
    """A block of these rows, with steps from 0, records from 1 and a second between times."""
    array = np.array(values, np.float64).reshape(-1, len(names))
    count = np.arange(len(array))
    plain = RawBlock(
        writer_id="w1",
        attempt=1,
        rank=0,
        set_id=0,
        row=0,
        names=names,
        seqs=count + 1,
        steps=count,
        times=1_700_000_000_000_000 + count * 1_000_000,
        values=array,
        superseded=np.zeros(len(array), bool),
        missing=(False,) * len(names),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def written(name: str, *blocks: RawBlock) -> bytes:
    """What a format makes of these blocks."""
    return b"".join(load_format(name)(iter(blocks)))  # type: ignore[arg-type]


def bits(values: object) -> list[int]:
    """The bits of float64 values."""
    return np.asarray(values, np.float64).view(np.uint64).tolist()  # type: ignore[no-any-return]


def read_csv(text: bytes) -> list[dict[str, str]]:
    """Its lines, by column."""
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def read_table(name: str, file: bytes) -> pa.Table:
    """An Arrow or Parquet export as a table."""
    if name == "arrow":
        return pa.ipc.open_stream(file).read_all()
    return parquet.read_table(io.BytesIO(file))


def test_csv_is_one_line_per_value() -> None:
    """The whole text of a small export, names with a comma and a quote among them."""
    text = written("csv", block([[1, 0.5], [2, math.nan]], ("a", 'b,"c'), attempt=2, rank=1))
    assert text.decode() == (
        "metric,step,time,value,attempt,rank,seq,superseded\n"
        "a,0,1700000000000000,1.0,2,1,1,0\n"
        '"b,""c",0,1700000000000000,0.5,2,1,1,0\n'
        "a,1,1700000001000000,2.0,2,1,2,0\n"
        '"b,""c",1,1700000001000000,NaN,2,1,2,0\n'
    )


def test_csv_values_read_back_as_the_same_float() -> None:
    """``float()`` of each value has the bits that were logged; a NaN is NaN."""
    found = [float(line["value"]) for line in read_csv(written("csv", block([*ODD, *NANS])))]
    assert bits(found[: len(ODD)]) == bits(ODD)
    assert all(math.isnan(value) for value in found[len(ODD) :]) and len(found) == len(ODD) + len(NANS)


@given(st.lists(st.floats(), min_size=1, max_size=50))
def test_any_float_survives_text(values: list[float]) -> None:
    """CSV and JSON Lines give back every float64, payloads of NaN aside."""
    one = block(values)
    wanted = [math.nan if math.isnan(value) else value for value in values]
    from_csv = [float(line["value"]) for line in read_csv(written("csv", one))]
    from_json = [float(json.loads(line)["metrics"]["loss"]) for line in written("jsonl", one).splitlines()]
    assert bits(from_csv) == bits(from_json) == bits(wanted)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_is_a_formula_is_disarmed(start: str) -> None:
    """A spreadsheet takes no metric's name for a formula; negative numbers stay numbers."""
    (line,) = read_csv(written("csv", block([-1.5], (f"{start}1+1",))))
    assert (line["metric"], line["value"]) == (f"'{start}1+1", "-1.5")


def test_fractional_steps_are_written_as_they_are() -> None:
    """Steps that are not whole keep their value in text and in Arrow."""
    one = block([1, 2], steps=np.array([0.5, 1e15 + 0.125]))
    assert [line["step"] for line in read_csv(written("csv", one))] == ["0.5", "1000000000000000.1"]
    assert read_table("arrow", written("arrow", one))["step"].to_pylist() == [0.5, 1e15 + 0.125]


def test_json_lines_are_one_object_per_log_row() -> None:
    """Each line has the row's metrics, with strings where JSON has no number, and where it comes from."""
    text = written("jsonl", block([[1, math.nan], [-math.inf, 2]], ("a", "b"), superseded=np.array([True, False])))
    first, second = map(json.loads, text.splitlines())
    assert first == {
        "step": 0,
        "time": 1_700_000_000_000_000,
        "metrics": {"a": 1.0, "b": "NaN"},
        "attempt": 1,
        "rank": 0,
        "seq": 1,
        "superseded": True,
    }
    assert second["metrics"] == {"a": "-Infinity", "b": 2.0} and second["superseded"] is False


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_arrow_and_parquet_keep_every_bit(name: str) -> None:
    """Negative zero, subnormals, infinities and the payload of each NaN are read back by pyarrow."""
    table = read_table(name, written(name, block([*ODD, *NANS] * 3)))
    assert bits(table["value"].to_numpy()) == bits([*ODD, *NANS] * 3)


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_arrow_and_parquet_tell_where_each_value_comes_from(name: str) -> None:
    """All columns of a value, from two streams of which the first is partly superseded."""
    one = block([[1, 2], [3, 4]], ("a", "b"), superseded=np.array([False, True]), row=7)
    two = block([5], ("a",), writer_id="w2", attempt=2, rank=3, set_id=9, steps=np.array([2**53]))
    table = read_table(name, written(name, one, two))
    assert table.column_names == [
        "metric",
        "step",
        "time",
        "value",
        "attempt",
        "rank",
        "writer",
        "set",
        "row",
        "seq",
        "superseded",
    ]
    assert table["metric"].to_pylist() == ["a", "b", "a", "b", "a"]
    assert table["value"].to_pylist() == [1, 2, 3, 4, 5]
    assert table["step"].to_pylist() == [0, 0, 1, 1, 2**53]
    assert table["time"].cast(pa.int64()).to_pylist()[1:3] == [1_700_000_000_000_000, 1_700_000_001_000_000]
    assert table["writer"].to_pylist() == ["w1"] * 4 + ["w2"]
    assert table["row"].to_pylist() == [7, 7, 8, 8, 0]
    assert table["superseded"].to_pylist() == [False, False, True, True, False]
    last = table.slice(4).to_pylist()[0]
    assert (last["attempt"], last["rank"], last["set"], last["seq"]) == (2, 3, 9, 1)
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_metrics_that_come_later_are_named_right(name: str) -> None:
    """The dictionary of names grows while it is written, over several batches."""
    blocks = [block(np.zeros(40_000), (f"metric {at}",), set_id=at) for at in range(5)]
    found = read_table(name, written(name, *blocks))["metric"].to_pylist()
    assert found == [f"metric {at}" for at in range(5) for _ in range(40_000)]


@pytest.mark.parametrize("name", FORMATS)
def test_deleted_columns_are_left_out(name: str) -> None:
    """No trace of a column that is missing is written, in a block beside others and in one of its own."""
    mixed = block([[1, 66, 2]], ("a", "gone", "b"), missing=(False, True, False))
    alone = block([66], ("gone",), missing=(True,))
    assert written(name, mixed, alone) == written(name, block([[1, 2]], ("a", "b")))


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_source_is_a_valid_file(name: str) -> None:
    """Nothing logged: a header, or a table without rows."""
    text = written(name)
    if name in {"arrow", "parquet"}:
        assert len(read_table(name, text)) == 0
    else:
        assert text == (b"metric,step,time,value,attempt,rank,seq,superseded\n" if name == "csv" else b"")


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_that_utf8_can_not_hold_is_replaced(name: str) -> None:
    """A lone surrogate in a name ends no export."""
    assert b"\xed\xa0" not in written(name, block([1], ("lost \ud800",)))


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_history(name: str) -> None:
    """Of 1,500 blocks an export takes only what its next piece needs, and each piece is small."""
    taken = 0

    def blocks() -> Iterator[RawBlock]:
        nonlocal taken
        one = block(np.zeros((1000, 2)), ("a", "b"))
        for at in range(1500):
            taken += 1
            yield replace(one, row=at * 1000)

    ahead = largest = before = 0
    for piece in load_format(name)(blocks()):  # type: ignore[arg-type]
        largest = max(largest, len(piece))
        if piece:
            ahead, before = max(ahead, taken - before), taken
    assert taken == 1500
    assert ahead * 2000 <= (1 << 19) + (1 << 17)  # one row group
    assert largest < 2_000_000


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_wide_rows_come_in_small_pieces(name: str) -> None:
    """A block of 10,000 metrics is not turned into text at once."""
    wide = block(np.zeros((200, 10_000)), tuple(f"metric {at}" for at in range(10_000)))
    assert max(map(len, load_format(name)(iter([wide])))) < 2_000_000  # type: ignore[arg-type]


def test_row_groups_of_parquet_hold_half_a_million_rows() -> None:
    """Three million rows make six row groups, compressed."""
    one = block(np.zeros((50_000, 2)), ("a", "b"))
    file = parquet.ParquetFile(io.BytesIO(written("parquet", *[one] * 30)))
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert sum(sizes) == 3_000_000 and len(sizes) == 6
    assert file.metadata.row_group(0).column(3).compression == "ZSTD"


def test_an_export_that_ends_early_lets_go_of_its_source() -> None:
    """Closing an export closes the iteration of blocks below it, for every format."""
    closed = []

    def blocks(name: str) -> Iterator[RawBlock]:
        try:
            while True:
                yield block(np.zeros(70_000))
        finally:
            closed.append(name)

    for name in FORMATS:
        pieces = load_format(name)(blocks(name))
        next(piece for piece in pieces if piece and piece[:6] != b"metric")
        pieces.close()  # type: ignore[attr-defined]
    assert closed == list(FORMATS)


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_missing_pyarrow_is_told_with_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, one line says what installs it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stepwire\[arrow\]'"):
        load_format(name)  # type: ignore[arg-type]


RUN = {
    "id": "run_1",
    "name": "one",
    "status": "completed",
    "config": {"lr": 0.001},
    "start_time": "2026-11-23T14:32:07.118000Z",
    "end_time": None,
    "created_at": "2026-11-23T14:32:07.000000Z",
}
CHECKPOINT = {
    "id": "ckpt_1",
    "run_id": "run_1",
    "filepath": "/tmp/a.pt",
    "metrics": {"loss": 0.5},
    "metadata": {},
    "is_best": True,
    "created_at": "2026-11-23T14:33:00.000000Z",
}


def test_the_sqlite_file_has_the_specified_tables_and_indexes(tmp_path: Path) -> None:
    """Exactly four tables with their columns, and three indexes."""
    with SpecifiedDatabase(tmp_path / "out.db"):
        pass
    connection = sqlite3.connect(tmp_path / "out.db")
    kinds = connection.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
    assert sorted(kinds) == [
        ("index", "idx_checkpoints_run"),
        ("index", "idx_metrics_run_step"),
        ("index", "idx_metrics_timestamp"),
        ("table", "checkpoints"),
        ("table", "metrics"),
        ("table", "runs"),
        ("table", "system_metrics"),
    ]
    columns = {
        name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        for kind, name in kinds
        if kind == "table"
    }
    connection.close()
    assert columns == {
        "runs": ["id", "name", "status", "config", "start_time", "end_time", "created_at"],
        "metrics": ["id", "run_id", "timestamp", "step", "metrics"],
        "checkpoints": ["id", "run_id", "filepath", "metrics", "metadata", "is_best", "created_at"],
        "system_metrics": [
            "id",
            "timestamp",
            "cpu_percent",
            "memory_percent",
            "gpu_memory_used",
            "gpu_memory_total",
            "gpu_utilization",
        ],
    }


def test_the_sqlite_file_holds_runs_points_and_checkpoints(tmp_path: Path) -> None:
    """A row per log row with its metrics as JSON; hidden ones are left out; times are SQLite's own."""
    lines = written(
        "jsonl", block([[1, math.nan], [3, 4], [5, 6]], ("a", "b"), superseded=np.array([False, True, False]))
    )
    with SpecifiedDatabase(tmp_path / "out.db") as database:
        database.add_run(RUN)
        database.add_checkpoints([CHECKPOINT])
        database.add_points("run_1", [lines[:40], lines[40:41], lines[41:]])
    connection = sqlite3.connect(tmp_path / "out.db")
    rows = connection.execute("SELECT id, run_id, timestamp, step, metrics FROM metrics").fetchall()
    assert rows == [
        (1, "run_1", "2023-11-14 22:13:20.000000", 0, '{"a":1.0,"b":"NaN"}'),
        (2, "run_1", "2023-11-14 22:13:22.000000", 2, '{"a":5.0,"b":6.0}'),
    ]
    query = "SELECT config, unixepoch(start_time), end_time FROM runs"
    assert connection.execute(query).fetchall() == [('{"lr":0.001}', 1795444327, None)]
    query = "SELECT run_id, metrics, is_best, created_at FROM checkpoints"
    assert connection.execute(query).fetchall() == [("run_1", '{"loss":0.5}', 1, "2026-11-23 14:33:00.000000")]
    connection.close()


def test_the_sqlite_file_holds_a_hosts_samples(tmp_path: Path) -> None:
    """GPUs are added up, utilization is averaged, and samples outside the asked time are left out."""
    names = ("cpu_percent", "gpu/0/memory_used", "gpu/0/utilization", "gpu/1/memory_used", "gpu/1/utilization")
    lines = written("jsonl", block([[1, 10, 50, 20, 100]] * 3, names))
    with SpecifiedDatabase(tmp_path / "out.db") as database:
        database.add_samples([lines], "2023-11-14T22:13:21.000000Z", "2023-11-14T22:13:21.500000Z")
    connection = sqlite3.connect(tmp_path / "out.db")
    assert connection.execute("SELECT * FROM system_metrics").fetchall() == [
        (1, "2023-11-14 22:13:21.000000", 1.0, None, 30, None, 75.0)
    ]
    connection.close()


def test_a_broken_sqlite_export_leaves_no_open_file(tmp_path: Path) -> None:
    """When reading fails on the way, the error passes through and the file is closed."""

    def broken() -> Iterator[bytes]:
        yield written("jsonl", block([1]))
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"), SpecifiedDatabase(tmp_path / "out.db") as database:
        database.add_points("run_1", broken())
    (tmp_path / "out.db").unlink()
