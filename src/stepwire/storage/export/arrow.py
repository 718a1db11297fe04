"""Arrow IPC stream and Parquet in long form: one row per value, bit for bit. Needs pyarrow, imported at first use.

Columns: ``metric``, ``step`` (float64, exact because |step| ≤ 2⁵³), ``time`` (µs, UTC), ``value`` (float64),
``attempt``, ``rank``, ``writer``, ``set`` and ``row`` (place in the stream), ``seq`` (record number),
``superseded``. None is ever null.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from stepwire.errors import MissingExtraError
from stepwire.storage.export.pieces import pieces, printable
from stepwire.storage.series.interface import RawBlock

BATCH_ROWS = 1 << 16
GROUP_ROWS = 1 << 19  # with a million an export takes 90 MB more, and files are no smaller
PIECE_BYTES = 1 << 18


def require_arrow() -> None:
    """Import pyarrow.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import pyarrow  # noqa: F401 - is it there?
    except ModuleNotFoundError:
        raise MissingExtraError("Arrow and Parquet need pyarrow: pip install 'stepwire[arrow]'") from None


def write_arrow(blocks: Iterable[RawBlock]) -> Iterator[bytes]:
    """Yield an Arrow IPC stream, a record batch at a time."""
    import pyarrow as pa

    sink = _Sink()
    with pa.ipc.new_stream(sink, _schema()) as writer:
        for batch in _batches(blocks):
            writer.write_batch(batch)
            yield from sink.take()
    yield from sink.take()


def write_parquet(blocks: Iterable[RawBlock], metadata: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """Yield a Parquet file with row groups of about half a million rows, compressed with zstd.

    An empty piece is a place to pause: a row group is gathered in many small steps. ``metadata`` goes into the
    file's schema.
    """
    from pyarrow import parquet

    sink = _Sink()
    options = {
        "compression": "zstd",
        # Of a float column a dictionary would keep one NaN for all payloads.
        "use_dictionary": ["metric", "step", "attempt", "rank", "writer", "set"],
    }
    schema = _schema() if metadata is None else _schema().with_metadata(metadata)
    with parquet.ParquetWriter(sink, schema, **options) as writer:
        group: list[Any] = []
        for batch in _batches(blocks):
            group.append(batch)
            if sum(len(part) for part in group) >= GROUP_ROWS:
                _write_group(writer, group)
            yield from sink.take()
        _write_group(writer, group)
    yield from sink.take()


def _write_group(writer: Any, group: list[Any]) -> None:
    import pyarrow as pa

    if group:
        # One dictionary for the group: a later batch may know more names.
        table = pa.Table.from_batches(group).unify_dictionaries()
        group.clear()
        writer.write_table(table, row_group_size=len(table))


class _Sink(io.RawIOBase):
    """A file that pyarrow writes to and the export takes from."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: Any, /) -> int:
        self._waiting.append(bytes(data))
        self._place += len(data)
        return len(data)

    def take(self) -> Iterator[bytes]:
        """What was written since, in pieces that a socket takes well; one empty piece when that is nothing."""
        taken = b"".join(self._waiting)
        self._waiting.clear()
        for start in range(0, max(1, len(taken)), PIECE_BYTES):
            yield taken[start : start + PIECE_BYTES]


class _Words:
    """Distinct texts, numbered as they come: a dictionary that only grows, and is sent again when it has."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._array: Any = None

    def numbers(self, texts: Iterable[str]) -> Any:
        """int32, the number of each text."""
        known = self._numbers
        return np.array([known.setdefault(printable(text), len(known)) for text in texts], np.int32)

    def column(self, numbers: Any) -> Any:
        """The texts of ``numbers`` as an Arrow dictionary column."""
        import pyarrow as pa

        if self._array is None or len(self._array) < len(self._numbers):
            self._array = pa.array(list(self._numbers), pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(numbers), self._array)


def _schema() -> Any:
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    types = {
        "metric": words,
        "step": pa.float64(),
        "time": pa.timestamp("us", "UTC"),
        "value": pa.float64(),
        "attempt": pa.int32(),
        "rank": pa.int32(),
        "writer": words,
        "set": pa.int64(),
        "row": pa.int64(),
        "seq": pa.int64(),
        "superseded": pa.bool_(),
    }
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])


def _batches(blocks: Iterable[RawBlock]) -> Iterator[Any]:
    """Record batches of about ``BATCH_ROWS`` rows: small blocks are put together, large ones cut."""
    metrics, writers = _Words(), _Words()
    waiting: list[dict[str, Any]] = []
    rows = 0
    for piece in pieces(blocks, BATCH_ROWS):
        waiting.append(_columns(piece, metrics, writers))
        rows += len(waiting[-1]["value"])
        if rows >= BATCH_ROWS // 2:
            yield _batch(waiting, metrics, writers)
            waiting, rows = [], 0
    if waiting:
        yield _batch(waiting, metrics, writers)


def _columns(block: RawBlock, metrics: _Words, writers: _Words) -> dict[str, Any]:
    rows, width = block.values.shape
    count = rows * width
    return {
        "metric": np.tile(metrics.numbers(block.names), rows),
        "step": np.repeat(block.steps.astype(np.float64), width),
        "time": np.repeat(block.times, width),
        "value": block.values.ravel(),
        "attempt": np.full(count, block.attempt, np.int32),
        "rank": np.full(count, block.rank, np.int32),
        "writer": np.repeat(writers.numbers([block.writer_id]), count),
        "set": np.full(count, block.set_id, np.int64),
        "row": np.repeat(np.arange(block.row, block.row + rows, dtype=np.int64), width),
        "seq": np.repeat(block.seqs, width),
        "superseded": np.repeat(block.superseded, width),
    }


def _batch(waiting: list[dict[str, Any]], metrics: _Words, writers: _Words) -> Any:
    import pyarrow as pa

    schema = _schema()
    columns = {name: np.concatenate([part[name] for part in waiting]) for name in schema.names}
    dictionaries = {"metric": metrics, "writer": writers}
    arrays = [
        dictionaries[field.name].column(columns[field.name])
        if field.name in dictionaries
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
