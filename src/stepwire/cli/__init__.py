"""The command line: one file per command, no logic of its own. Exit code 0 done, 1 failed, 2 misuse."""

import argparse
import sys
from collections.abc import Sequence

from stepwire.cli import archive, demo, export, restore, run, sync, trash, up
from stepwire.errors import StepwireError
from stepwire.version import __version__

COMMANDS = (up, demo, run, sync, export, archive, restore, trash)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="stepwire", description="The live terminal for training runs.")
    parser.add_argument("--version", action="version", version=f"stepwire {__version__}")
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(parsers)
    for known in parsers.choices.values():
        known.set_defaults(misuse=known.error)  # which shows that command's usage
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        given.misuse(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        code: int = given.run(given)
    except StepwireError as error:
        print(f"stepwire: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
