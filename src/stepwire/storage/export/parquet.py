"""A Parquet export read back: the blocks that it was written from. Needs pyarrow, imported at first use."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stepwire.errors import DamagedError
from stepwire.storage.export.arrow import require_arrow
from stepwire.storage.export.pieces import pieces, printable
from stepwire.storage.series.interface import RawBlock

BATCH_ROWS = 1 << 16
_NUMBERS = ("step", "value", "attempt", "rank", "set", "row", "seq")
_TEXTS = ("metric", "writer")
Columns = dict[str, Any]


def read_metadata(path: Path) -> dict[str, str]:
    """What was given to ``write_parquet`` as ``metadata``.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DamagedError: It is no Parquet file.
    """
    with _open(path) as file:
        return {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}


def read_parquet(path: Path) -> Iterator[RawBlock]:
    """The log rows of a file in their order, in constant memory; names as they were shown then.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DamagedError: It is no Parquet file, or a page of it can't be read.
    """
    import pyarrow as pa

    with _open(path) as file:
        words = {name: _Words() for name in _TEXTS}
        rest: Columns | None = None
        try:
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False):
                    columns = _columns(batch, words)
                    columns = columns if rest is None else _joined(rest, columns)
                    # The last row may go on in the next batch.
                    whole = int(_starts(columns)[-1])
                    yield from _blocks({name: column[:whole] for name, column in columns.items()}, words)
                    rest = {name: column[whole:] for name, column in columns.items()}
        except (pa.ArrowException, OSError) as error:
            raise DamagedError(f"{path} can't be read: {error}.") from None
        if rest is not None:
            yield from _blocks(rest, words)


def count_same(blocks: Iterable[RawBlock], others: Iterable[RawBlock]) -> int:
    """How many values two streams of blocks hold, when they hold the same.

    Raises:
        DamagedError: They differ, in a value's bits or in anything else.
    """
    count = 0
    for one, other in _in_step(blocks, others):
        if not _is_same(one, other):
            raise DamagedError("The file does not hold what was written to it.")
        count += one.values.size
    return count


# --- reading ---------------------------------------------------------------------------------------------


def _open(path: Path) -> Any:
    require_arrow()
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DamagedError(f"{path} can't be read: {error}.") from None


class _Words:
    """The distinct texts of a column, numbered as they come; each batch brings a dictionary of its own."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._dictionary: Any = None
        self._places: Any = None

    def numbers(self, column: Any) -> Any:
        """int64, the number of each text of a dictionary column."""
        if self._dictionary is None or not self._dictionary.equals(column.dictionary):
            self._dictionary = column.dictionary
            self._places = np.array([self._number(text) for text in column.dictionary.to_pylist()], np.int64)
        return self._places[column.indices.to_numpy()]

    def _number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number


def _columns(batch: Any, words: dict[str, _Words]) -> Columns:
    """A batch as arrays, its texts as numbers."""
    import pyarrow as pa

    columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in _NUMBERS}
    columns["time"] = batch.column("time").cast(pa.int64()).to_numpy()
    columns["superseded"] = batch.column("superseded").to_numpy(zero_copy_only=False)
    return columns | {name: known.numbers(batch.column(name)) for name, known in words.items()}


def _joined(one: Columns, other: Columns) -> Columns:
    return {name: np.concatenate([column, other[name]]) for name, column in one.items()}


def _starts(columns: Columns) -> Any:
    """Where each log row begins."""
    differs = np.ones(len(columns["row"]), bool)
    differs[1:] = False
    for name in ("writer", "set", "row"):
        differs[1:] |= columns[name][1:] != columns[name][:-1]
    return np.flatnonzero(differs)


def _blocks(columns: Columns, words: dict[str, _Words]) -> Iterator[RawBlock]:
    """Log rows that follow each other in one metric set, with the same number of values, as one block."""
    if not len(columns["row"]):
        return
    starts = _starts(columns)
    widths = np.diff(np.append(starts, len(columns["row"])))
    rows = {name: column[starts] for name, column in columns.items() if name != "value"}
    breaks = np.ones(len(starts), bool)
    breaks[1:] = (
        (rows["writer"][1:] != rows["writer"][:-1])
        | (rows["set"][1:] != rows["set"][:-1])
        | (rows["row"][1:] != rows["row"][:-1] + 1)
        | (widths[1:] != widths[:-1])
    )
    edges = [*np.flatnonzero(breaks).tolist(), len(starts)]
    for first, last in pairwise(edges):
        start, width = int(starts[first]), int(widths[first])
        names = tuple(words["metric"].texts[at] for at in columns["metric"][start : start + width])
        values = columns["value"][start : start + (last - first) * width].reshape(-1, width)
        yield RawBlock(
            writer_id=words["writer"].texts[rows["writer"][first]],
            attempt=int(rows["attempt"][first]),
            rank=int(rows["rank"][first]),
            set_id=int(rows["set"][first]),
            row=int(rows["row"][first]),
            names=names,
            seqs=rows["seq"][first:last],
            steps=rows["step"][first:last],
            times=rows["time"][first:last],
            values=values,
            superseded=rows["superseded"][first:last],
            missing=(False,) * width,
        )


# --- comparing -------------------------------------------------------------------------------------------


def _in_step(one: Iterable[RawBlock], other: Iterable[RawBlock]) -> Iterator[tuple[RawBlock, RawBlock]]:
    """Blocks of both with as many rows each.

    Raises:
        DamagedError: One ends before the other.
    """
    streams = [iter(pieces(one, BATCH_ROWS)), iter(pieces(other, BATCH_ROWS))]
    heads: list[RawBlock | None] = [None, None]
    while True:
        heads = [next(stream, None) if head is None else head for stream, head in zip(streams, heads, strict=True)]
        first, second = heads
        if first is None and second is None:
            return
        if first is None or second is None:
            raise DamagedError("The file does not hold all that was written to it, or more.")
        rows = min(len(first.seqs), len(second.seqs))
        yield first.part(first.row, first.row + rows), second.part(second.row, second.row + rows)
        heads = [
            None if len(head.seqs) == rows else head.part(head.row + rows, head.row + len(head.seqs))
            for head in (first, second)
        ]


def _is_same(one: RawBlock, other: RawBlock) -> bool:
    return (
        (printable(one.writer_id), one.attempt, one.rank, one.set_id, one.row)
        == (printable(other.writer_id), other.attempt, other.rank, other.set_id, other.row)
        and tuple(map(printable, one.names)) == tuple(map(printable, other.names))
        and np.array_equal(one.seqs, other.seqs)
        and np.array_equal(one.steps, other.steps)
        and np.array_equal(one.times, other.times)
        and np.array_equal(one.superseded, other.superseded)
        and np.array_equal(_bits(one.values), _bits(other.values))
    )


def _bits(values: Any) -> Any:
    return np.ascontiguousarray(values, np.float64).view(np.int64)
