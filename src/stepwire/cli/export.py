"""``stepwire export``: a run's points as a file, or runs as the specification's SQLite tables."""

import argparse
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwire.cli.extras import server_extra
from stepwire.errors import ConflictError, NotFoundError, StepwireError

if TYPE_CHECKING:
    from stepwire.cli.reader import Reader

FORMATS = ("csv", "jsonl", "parquet", "arrow", "sqlite")
BINARY = ("parquet", "arrow")
RUN_WORD = re.compile(r"[Rr]\d+|run_[0-9a-f]{32}")
EXAMPLE = """examples:
  stepwire export R12 --format csv > R12.csv
  stepwire export digits-good --format parquet --keys 'train/*,val/loss' --out points.parquet
  stepwire export --format sqlite everything.db"""


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "export",
        help="write a run's points to a file",
        description="Write every stored point of a run, unchanged. Works beside a running server and without one. "
        "The format sqlite writes the tables runs, metrics, checkpoints and system_metrics of one run or of all.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "run_name", nargs="?", metavar="RUN", help="id, number (R12) or name; the file, with sqlite and no --out"
    )
    parser.add_argument("--format", required=True, choices=FORMATS, help="what to write")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a new file to write (default: standard output)")
    parser.add_argument("--keys", metavar="NAMES", help="only these metrics, separated by commas; * matches any text")
    parser.add_argument("--key", action="append", default=[], metavar="NAME", help="this metric, its name as it stands")
    parser.add_argument("--data", type=Path, help="data folder (default: STEPWIRE_DATA, else the user-data folder)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Export; returns the exit code."""
    word, out = _targets(given)
    with server_extra("stepwire export"):
        from stepwire.cli.reader import open_reader
        from stepwire.server.settings import Settings
    folder = given.data or Settings.from_environment().data_folder
    with _new_file(out) as file, open_reader(folder) as reader:
        if given.format == "sqlite":
            assert file is not None
            _write_tables(reader, word, given, file)
        else:
            _write_points(reader, word or "", given, file)
    if out is not None:
        print(f"{out}: {out.stat().st_size:,} bytes")
    return 0


def _targets(given: argparse.Namespace) -> tuple[str | None, Path | None]:
    """The word that names the run and the file to write; ends the command where they make no sense."""
    word, out = given.run_name, given.out
    if given.format == "sqlite" and out is None:
        if word is None or RUN_WORD.fullmatch(word):
            given.misuse("--format sqlite writes a file: name it with --out FILE")
        return None, Path(word)
    if given.format != "sqlite" and word is None:
        given.misuse("name the run: its id, its number (R12) or its name")
    if given.format in BINARY and out is None and sys.stdout.isatty():
        given.misuse(f"{given.format} is nothing for a terminal: name a file with --out FILE")
    return word, out


@contextmanager
def _new_file(out: Path | None) -> Iterator[Path | None]:
    """A path beside ``out`` to write to. The whole file is moved to ``out``, half of one is removed."""
    if out is None:
        yield None
        return
    if out.exists():
        raise StepwireError(f"{out} is there already. Name a new file, or remove it.")
    part = out.with_name(f"{out.name}.part")
    try:
        part.unlink(missing_ok=True)
        yield part
        part.replace(out)
    except (OSError, sqlite3.Error) as error:
        raise StepwireError(f"{out} can't be written: {error}.") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _write_points(reader: "Reader", word: str, given: argparse.Namespace, file: Path | None) -> None:
    from stepwire.cli.reader import find_run

    pieces = reader.points(find_run(reader, word)["id"], given.format, given.keys, given.key)
    if file is not None:
        with file.open("wb") as target:
            target.writelines(pieces)
        return
    try:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_tables(reader: "Reader", word: str | None, given: argparse.Namespace, file: Path) -> None:
    from stepwire.cli.reader import find_run
    from stepwire.storage.export.sqlite import SpecifiedDatabase

    runs = list(reader.runs()) if word is None else [find_run(reader, word)]
    with SpecifiedDatabase(file) as database:
        for one in reversed(runs):
            database.add_run(one)
            database.add_checkpoints(reversed(reader.checkpoints(one["id"])))
            try:
                database.add_points(one["id"], reader.points(one["id"], "jsonl", given.keys, given.key))
            except (ConflictError, NotFoundError) as error:  # archived, or without such a metric
                if word is not None:
                    raise
                print(f"stepwire: R{one['number']} is there without points. {error.message}", file=sys.stderr)
        if word is not None:
            database.add_samples(reader.samples(runs[0]["host"] or ""), runs[0]["start_time"], runs[0]["end_time"])
            return
        for host in sorted({*reader.hosts(), *(one["host"] for one in runs if one["host"])}):
            database.add_samples(reader.samples(host))
