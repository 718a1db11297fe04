"""Undeleting: what a run needs when it comes back out of the trash."""

from sqlalchemy import Connection

from stepwire.protocol import ServerMessage
from stepwire.server.records import Scene, announce, set_status
from stepwire.storage.catalog.interface import Run
from stepwire.storage.open import Storage


def undelete(tx: Connection, storage: Storage, run_id: str, now: int) -> tuple[Run, list[ServerMessage]]:
    """Take a run out of the trash, and what to tell the viewers. One that was running has ended: its script was told.

    Raises:
        NotFoundError: It is not in the trash.
    """
    run = storage.catalog.undelete_run(tx, run_id, now)
    storage.series.untrash(tx, run_id)
    messages: list[ServerMessage] = [announce(run)]
    if run.status == "running":
        scene = Scene(tx, storage.catalog, run_id, now)
        messages += set_status(scene, "interrupted", reason="it was deleted while it ran")
    return storage.catalog.find_run(tx, run_id) or run, messages
