"""``stepwire trash``: see deleted runs, take one back, delete all of them for good."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwire.cli.extras import server_extra

if TYPE_CHECKING:
    from stepwire.cli.owner import Owner

EXAMPLE = "examples:\n  stepwire trash list\n  stepwire trash undelete R12\n  stepwire trash empty"


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "trash",
        help="see deleted runs, take one back, empty the trash",
        description="Deleted runs stay in the trash for STEPWIRE_TRASH_DAYS days (7), then they are deleted for good. "
        "empty does that at once, without a question.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("list", "undelete", "empty"), help="what to do")
    parser.add_argument("run_name", nargs="?", metavar="RUN", help="with undelete: id, number (R12) or name")
    parser.add_argument("--data", type=Path, help="data folder (default: STEPWIRE_DATA, else the user-data folder)")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """List, undelete or empty; returns the exit code."""
    if (given.action == "undelete") != (given.run_name is not None):
        given.misuse("undelete needs the run: its id, its number (R12) or its name; list and empty take none")
    with server_extra("stepwire trash"):
        from stepwire.cli.owner import open_owner
        from stepwire.server.settings import Settings
    folder = given.data or Settings.from_environment().data_folder
    with open_owner(folder) as (owner, _):
        action = {"list": _list, "undelete": _undelete, "empty": _empty}[given.action]
        answer, lines = action(owner, given.run_name)
    if given.json:
        print(json.dumps(answer))
    elif lines:
        print("\n".join(lines))
    return 0


def _list(owner: "Owner", _: str | None) -> tuple[Any, list[str]]:
    runs = owner.trash()
    lines = [f"R{run['number']}\t{run['deleted_at']}\t{run['id']}\t{run['name']}" for run in runs]
    return {"runs": runs}, lines or ["The trash is empty."]


def _undelete(owner: "Owner", word: str | None) -> tuple[Any, list[str]]:
    from stepwire.cli.owner import find_trashed

    run = find_trashed(owner, word or "")
    owner.undelete(run["id"])
    return {"id": run["id"], "undeleted": True}, [f"R{run['number']} {run['name']} is back."]


def _empty(owner: "Owner", _: str | None) -> tuple[Any, list[str]]:
    count = owner.empty_trash()
    return {"deleted": count}, [f"{count} runs deleted for good."]
