"""The body of a journal row: a batch in MessagePack, its columns as raw little-endian bytes."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from stepwire.errors import InvalidError
from stepwire.storage.series.batch import Rows

PASSING = frozenset({"heartbeat", "system", "log", "environment"})
"""Types of records that nobody asks for later, or that are kept elsewhere: they are not kept beside the points."""


class FrameSet(msgspec.Struct, array_like=True, frozen=True):
    """The rows of one metric set. ``number`` is the set's number in the database, so a row can be read alone."""

    number: int
    step_type: Literal["i8", "f8"]
    at: memoryview
    steps: memoryview
    times: memoryview
    values: memoryview


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """A journal row's body. ``records`` stay encoded: charts don't need them."""

    first_seq: int
    n: int
    sets: list[FrameSet]
    records: msgspec.Raw


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode_records(records: Sequence[dict[str, Any]]) -> msgspec.Raw:
    """The records of a batch as they stand in a frame.

    Raises:
        InvalidError: One holds what MessagePack can't.
    """
    try:
        return msgspec.Raw(_encoder.encode(records))
    except (OverflowError, UnicodeEncodeError, TypeError, RecursionError) as error:
        raise InvalidError(f"records can't be stored: {error}.", "records") from error


def encode_frame(first_seq: int, n: int, sets: Iterable[tuple[int, Rows]], records: msgspec.Raw) -> bytes:
    """The body for these rows, each with the number of its metric set."""
    columns = [
        (number, rows.sent.step_type, rows.sent.at, rows.sent.steps, rows.sent.times, rows.sent.values)
        for number, rows in sets
    ]
    return _encoder.encode((first_seq, n, columns, records))


def encode_columns_frame(first_seq: int, n: int, sets: Iterable[tuple[int, str, bytes, bytes, bytes, bytes]]) -> bytes:
    """The body for columns that are bytes already: (set number, step type, at, steps, times, values)."""
    return _encoder.encode((first_seq, n, list(sets), []))


def decode_frame(body: bytes) -> Frame:
    """The frame of a journal row; its columns are views of ``body``."""
    return _decoder.decode(body)
