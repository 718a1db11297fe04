"""The formats that raw points are exported in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from stepwire.errors import ConflictError
from stepwire.storage.catalog.interface import Catalog
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


def check_here(catalog: Catalog, run_id: str) -> None:
    """Refuse to export a run whose points are in its archive: the file would be empty and look complete.

    Raises:
        NotFoundError: No such run.
        ConflictError: It is archived.
    """
    run, known = catalog.get_run(run_id), catalog.get_archive(run_id)
    if known is not None and known.state in {"dropping", "archived", "restoring"}:
        raise ConflictError(
            f"The points of R{run.number} are in its archive, {known.file}: read that file, or bring them back with "
            f"`stepwire restore R{run.number}`.",
            "run_id",
        )
