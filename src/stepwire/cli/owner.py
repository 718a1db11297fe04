"""Who has the data folder does the work: the running server, or, when there is none, this command."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from stepwire.cli.reader import FolderReader, Reader, ServerReader, open_reader
from stepwire.errors import NotFoundError, StepwireError
from stepwire.server.moments import moment
from stepwire.server.records import now_us
from stepwire.server.trash import undelete
from stepwire.storage.catalog.interface import Archive
from stepwire.storage.open import Storage
from stepwire.storage.retention import Policy, Retention

_ARCHIVE = ("run_id", "state", "file", "bytes", "sha256", "points")


class Owner(Protocol):
    """What can be done with the points of runs. Answers are as the HTTP API gives them, or the main part of that."""

    def archive(self, run_id: str) -> dict[str, Any]:
        """Move a run's points into a file. Raises StepwireError."""
        ...

    def restore(self, run_id: str) -> dict[str, Any]:
        """Bring a run's points back. Raises StepwireError."""
        ...

    def trash(self) -> list[dict[str, Any]]:
        """The runs in the trash, the last deleted first."""
        ...

    def undelete(self, run_id: str) -> None:
        """Take a run out of the trash. Raises NotFoundError."""
        ...

    def empty_trash(self) -> int:
        """Delete the runs in the trash for good; returns how many there were."""
        ...


@contextmanager
def open_owner(folder: Path) -> Iterator[tuple[Owner, Reader]]:
    """The owner of a data folder, and a reader to find runs with.

    Raises:
        StepwireError: As ``open_reader``.
    """
    with open_reader(folder) as reader:
        if isinstance(reader, FolderReader):
            yield FolderOwner(reader.storage), reader
        else:
            assert isinstance(reader, ServerReader)
            yield ServerOwner(reader), reader


def find_trashed(owner: Owner, word: str) -> dict[str, Any]:
    """The run in the trash of that id, number (``R12``) or name.

    Raises:
        NotFoundError: There is none.
        StepwireError: Several have that name.
    """
    runs = owner.trash()
    for run in runs:
        if word in {run["id"], f"R{run['number']}", f"r{run['number']}"}:
            return run
    named = [run for run in runs if run["name"] == word]
    if not named:
        raise NotFoundError(f"There is no run {word} in the trash. See what is: stepwire trash list", "run")
    if len(named) > 1:
        numbers = ", ".join(f"R{run['number']}" for run in named[:10])
        raise StepwireError(f"{len(named)} runs in the trash are called {word}: {numbers}. Name one by its number.")
    return named[0]


class FolderOwner:
    """Works on an open data folder. See :class:`Owner`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._retention = Retention(storage, Policy(), now_us)

    def archive(self, run_id: str) -> dict[str, Any]:
        """Move a run's points into a file."""
        return _shown(self._retention.archives.archive(run_id))

    def restore(self, run_id: str) -> dict[str, Any]:
        """Bring a run's points back."""
        return _shown(self._retention.archives.restore(run_id))

    def trash(self) -> list[dict[str, Any]]:
        """The runs in the trash."""
        return [
            {name: getattr(one.run, name) for name in ("id", "number", "name", "project", "status")}
            | {"deleted_at": moment(one.deleted_at)}
            for one in self._storage.catalog.list_trash()
        ]

    def undelete(self, run_id: str) -> None:
        """Take a run out of the trash."""
        self._storage.writer.submit(lambda tx: undelete(tx, self._storage, run_id, now_us())).result()

    def empty_trash(self) -> int:
        """Delete the runs in the trash for good."""
        return self._retention.empty_trash()


class ServerOwner:
    """Has a running server do it. See :class:`Owner`."""

    def __init__(self, server: ServerReader) -> None:
        self._server = server

    def archive(self, run_id: str) -> dict[str, Any]:
        """Move a run's points into a file."""
        found: dict[str, Any] = self._server.send("POST", f"/api/runs/{quote(run_id, safe='')}/archive")
        return found

    def restore(self, run_id: str) -> dict[str, Any]:
        """Bring a run's points back."""
        found: dict[str, Any] = self._server.send("POST", f"/api/runs/{quote(run_id, safe='')}/restore")
        return found

    def trash(self) -> list[dict[str, Any]]:
        """The runs in the trash."""
        found: list[dict[str, Any]] = self._server.send("GET", "/api/trash")["runs"]
        return found

    def undelete(self, run_id: str) -> None:
        """Take a run out of the trash."""
        self._server.send("POST", f"/api/runs/{quote(run_id, safe='')}/undelete")

    def empty_trash(self) -> int:
        """Delete the runs in the trash for good."""
        return int(self._server.send("DELETE", "/api/trash")["deleted"])


def _shown(known: Archive) -> dict[str, Any]:
    times = {name: moment(getattr(known, name)) for name in ("created_at", "updated_at")}
    return {name: value for name, value in asdict(known).items() if name in _ARCHIVE} | times
