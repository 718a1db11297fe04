"""``stepwire restore``: the points of an archived run back into the database."""

import argparse
import json
from pathlib import Path
from typing import Any

from stepwire.cli.extras import server_extra

EXAMPLE = "example:\n  stepwire restore R12"


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "restore",
        help="bring the points of an archived run back",
        description="Check the archive of a run, write its points back bit for bit, then remove the file.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_name", metavar="RUN", help="id, number (R12) or name")
    parser.add_argument("--data", type=Path, help="data folder (default: STEPWIRE_DATA, else the user-data folder)")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Restore; returns the exit code."""
    with server_extra("stepwire restore"):
        from stepwire.cli.owner import open_owner
        from stepwire.cli.reader import find_run
        from stepwire.server.settings import Settings
    folder = given.data or Settings.from_environment().data_folder
    with open_owner(folder) as (owner, reader):
        found = find_run(reader, given.run_name)
        done = owner.restore(found["id"])
    if given.json:
        print(json.dumps(done))
    else:
        print(f"R{found['number']} restored: {done['points']:,} points")
    return 0
