"""``stepwire up``: start the server and say where it is."""

import argparse
import gc
import importlib
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwire.cli.extras import port_number, server_extra

if TYPE_CHECKING:
    from stepwire.server.settings import Settings

EXAMPLE = "examples:\n  stepwire up\n  stepwire up --host 0.0.0.0 --port 8000 --data ./runs"


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "up",
        help="start the server",
        description="Start the server. On loopback your own programs need no token; wider, an access token is made.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port_number, help="TCP port; 0 takes a free one (default: 8000)")
    parser.add_argument("--data", type=Path, help="data folder (default: STEPWIRE_DATA, else the user-data folder)")
    parser.add_argument("--allowed-host", action="append", default=[], metavar="NAME", help="accept this Host too")
    parser.add_argument("--allowed-origin", action="append", default=[], metavar="URL", help="accept this Origin too")
    parser.add_argument(
        "--trusted-proxy", action="append", default=[], metavar="ADDRESS", help="believe its X-Forwarded-Proto"
    )
    parser.add_argument("--root-path", help="path prefix that a proxy strips")
    parser.add_argument(
        "--follow",
        action="append",
        default=[],
        metavar="DIR",
        help="show what jobs keep in this shared folder",
    )
    parser.add_argument("--log-file", type=Path, help="log to this file; SIGHUP opens it anew")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], help="(default: warning)")
    parser.add_argument("--no-browser", action="store_true", help="don't open a browser")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    _load_charts_meanwhile()
    gc.disable()  # the imports make a million objects and no garbage; the server turns it on when it listens
    with server_extra("stepwire up"):
        from stepwire.server.settings import Settings
        from stepwire.serving import serve
    settings = _settings(Settings.from_environment(), given)
    _tell_awaited(settings.follow)
    return serve(settings, browser=not given.no_browser)


def _tell_awaited(folders: Sequence[str]) -> None:
    """Say which followed folders are not there: misspelt, not mounted, or made by the first job."""
    for folder in folders:
        if not Path(folder).expanduser().is_dir():
            print(f"stepwire: There is no folder {folder} yet. It is followed once it is there.", file=sys.stderr)


def _load_charts_meanwhile() -> None:
    """Load NumPy beside the server: it is ready no later for it, and its first chart needn't wait."""

    def load() -> None:
        with suppress(ImportError):  # told with the extra that is missing
            importlib.import_module("numpy")

    threading.Thread(target=load, name="stepwire-load", daemon=True).start()


def _settings(settings: "Settings", given: argparse.Namespace) -> "Settings":
    named = ("host", "port", "data", "root_path", "log_file", "log_level")
    chosen = {name: getattr(given, name) for name in named if getattr(given, name) is not None}
    return replace(
        settings,
        **chosen,
        allowed_hosts=(*settings.allowed_hosts, *given.allowed_host),
        allowed_origins=(*settings.allowed_origins, *given.allowed_origin),
        follow=(*settings.follow, *given.follow),
        trusted_proxies=(*settings.trusted_proxies, *given.trusted_proxy),
    )
