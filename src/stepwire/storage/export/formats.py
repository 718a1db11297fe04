"""The formats that raw points are exported in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from stepwire.storage.series.interface import RawBlock

FormatName = Literal["csv", "jsonl", "parquet", "arrow"]


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is named.

    Attributes:
        media_type: Of the ``Content-Type`` header.
        text: Whether a terminal can show it.
        suffix: Of its files.
    """

    media_type: str
    text: bool
    suffix: str


FORMATS: dict[FormatName, Format] = {
    "csv": Format("text/csv", text=True, suffix="csv"),
    "jsonl": Format("application/x-ndjson", text=True, suffix="jsonl"),
    "parquet": Format("application/vnd.apache.parquet", text=False, suffix="parquet"),
    "arrow": Format("application/vnd.apache.arrow.stream", text=False, suffix="arrows"),
}


def load_format(name: FormatName) -> Callable[[Iterator[RawBlock]], Iterator[bytes]]:
    """The function that writes a format: takes blocks as it needs them, yields bytes in constant memory.

    A piece it yields may be empty. Imports what it needs: NumPy, and for Arrow and Parquet pyarrow.

    Raises:
        MissingExtraError: The packages of the format are not installed.
    """
    if name == "csv":
        from stepwire.storage.export.csv import write_csv

        return write_csv
    if name == "jsonl":
        from stepwire.storage.export.jsonl import write_jsonl

        return write_jsonl
    from stepwire.storage.export import arrow

    arrow.require_arrow()
    return arrow.write_arrow if name == "arrow" else arrow.write_parquet
