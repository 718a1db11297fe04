"""``stepwire archive``: a run's points as a Parquet file instead of in the database."""

import argparse
import json
from pathlib import Path
from typing import Any

from stepwire.cli.extras import server_extra

EXAMPLE = "examples:\n  stepwire archive R12\n  stepwire archive digits-good --data ./runs"


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "archive",
        help="move a run's points into a Parquet file",
        description="Write the points of an ended run to archive/RUN_ID.parquet in the data folder, read the file "
        "back, then drop them from the database. Charts and summaries go on. stepwire restore brings the points back.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_name", metavar="RUN", help="id, number (R12) or name")
    parser.add_argument("--data", type=Path, help="data folder (default: STEPWIRE_DATA, else the user-data folder)")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Archive; returns the exit code."""
    with server_extra("stepwire archive"):
        from stepwire.cli.owner import open_owner
        from stepwire.cli.reader import find_run
        from stepwire.server.settings import Settings
    folder = given.data or Settings.from_environment().data_folder
    with open_owner(folder) as (owner, reader):
        found = find_run(reader, given.run_name)
        done = owner.archive(found["id"])
    if given.json:
        print(json.dumps(done))
    else:
        print(f"R{found['number']} archived: {done['points']:,} points, {done['bytes']:,} bytes in {done['file']}")
    return 0
