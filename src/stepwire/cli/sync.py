"""``stepwire sync``: deliver what scripts kept while no server was there."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwire.errors import StepwireError

if TYPE_CHECKING:
    from stepwire.client.orphans import Couriers, Delivery

POLL_SECONDS = 0.5
SPOOL_SECONDS = 600.0
EXAMPLE = """examples:
  stepwire sync                                      what this machine kept, to STEPWIRE_URL
  stepwire sync --dir /shared/spool --to http://login:8000
  stepwire sync --follow /shared/spool --to http://login:8000    and go on while jobs run"""


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "sync",
        help="deliver what scripts kept while no server was there",
        description="Deliver the records that scripts kept on disk: offline runs, runs that were killed, runs whose "
        "server was away. Nothing is stored twice, however often it is called, also while a run goes on.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="folder of what is kept (default: STEPWIRE_DIR, else the user's own)"
    )
    parser.add_argument("--follow", type=Path, metavar="DIR", help="deliver from this folder until ctrl-C")
    parser.add_argument("--to", metavar="URL", help="server (default: STEPWIRE_URL, else ws://localhost:8000)")
    parser.add_argument("--api-key", metavar="TOKEN", help="access token (default: STEPWIRE_API_KEY)")
    parser.add_argument("--json", action="store_true", help="one JSON object per run")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Deliver; returns 0 when all of it is stored."""
    import os

    from stepwire.client.orphans import Couriers
    from stepwire.client.settings import DEFAULT_URL, read_token, read_url, token_of
    from stepwire.client.transport import WebSocketTransport
    from stepwire.formats.places import spool_root
    from stepwire.formats.salvage import salvage_rings

    url = given.to or os.environ.get("STEPWIRE_URL") or DEFAULT_URL
    socket_url, _ = read_url(url, "--to")
    key = read_token(given.api_key or os.environ.get("STEPWIRE_API_KEY") or token_of(url), "--api-key")
    root = given.follow or given.dir or spool_root()
    root = root.expanduser().absolute()
    if given.dir and not given.follow and not root.is_dir():
        raise StepwireError(f"There is no folder {root}.")
    salvage_rings(root)
    couriers = Couriers(root, lambda _spool: WebSocketTransport(socket_url, key))
    if given.follow:
        return _follow(couriers, as_json=given.json)
    deliveries = couriers.deliver(SPOOL_SECONDS)
    for delivery in deliveries:
        _tell(delivery, as_json=given.json)
    if not deliveries and not given.json:
        print(f"nothing to deliver in {couriers.root}")
    return int(any(delivery.left for delivery in deliveries))


def _follow(couriers: "Couriers", *, as_json: bool) -> int:
    print(f"following {couriers.root}; ctrl-C ends it", file=sys.stderr)
    while True:
        for delivery in couriers.turn():
            _tell(delivery, as_json=as_json)
        time.sleep(POLL_SECONDS)


def _tell(delivery: "Delivery", *, as_json: bool) -> None:
    spool = delivery.spool
    if as_json:
        fields = {"delivered": delivery.delivered, "left": delivery.left, "why": delivery.why}
        print(json.dumps({"run_id": spool.run_id, "writer_id": spool.writer_id, "owner": delivery.owner, **fields}))
        return
    name = str(spool.identity.get("name") or spool.run_id)
    shown = "".join(character if character.isprintable() else "?" for character in name)
    line = f"{shown} ({spool.run_id}): {delivery.delivered:,} records delivered"
    print(line + (f", {delivery.left:,} left: {delivery.why}" if delivery.left else ""), flush=True)
