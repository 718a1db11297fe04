"""``stepwire demo``: four real training runs, live in the browser."""

import argparse
from pathlib import Path
from typing import Any

from stepwire.cli.extras import port_number, positive_seconds, server_extra

EXAMPLE = "example:\n  stepwire demo --seconds 60"


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "demo",
        help="four real training runs, live in the browser",
        description="Start a server with a throw-away data folder and train four small networks on handwritten digits.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=positive_seconds, help="stop the runs after this many seconds and end")
    parser.add_argument("--port", type=port_number, help="port of the server (default: a free one)")
    parser.add_argument("--data", type=Path, help="keep the data in this folder instead of throwing it away")
    parser.add_argument("--no-browser", action="store_true", help="don't open a browser")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Play the demo; returns its exit code."""
    with server_extra("stepwire demo"):
        from stepwire.demo.play import play
    return play(given.seconds, given.port, given.data, not given.no_browser)
