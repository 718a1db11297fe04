"""Where a command reads runs from: the server that has the data folder, or, when none runs, the folder itself."""

import http.client
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from stepwire.errors import ConflictError, DataFolderInUseError, NotFoundError, StepwireError
from stepwire.server.keys import pick
from stepwire.server.moments import moment
from stepwire.server.samples import host_source
from stepwire.storage.catalog.interface import RunFilter
from stepwire.storage.database import FILE_NAME
from stepwire.storage.export.formats import FormatName, check_here, load_format
from stepwire.storage.open import Storage, open_storage

TIMEOUT_SECONDS = 120.0
READ_BYTES = 1 << 20
PAGE = 1000
_RUN = ("id", "number", "name", "status", "config", "host")
_RUN_TIMES = ("start_time", "end_time", "created_at")
_CHECKPOINT = ("id", "run_id", "filepath", "metrics", "metadata", "is_best")


class Reader(Protocol):
    """Runs, checkpoints and points. Runs and checkpoints are as the HTTP API shows them, or the main part of that."""

    def runs(self, text: str | None = None) -> Iterator[dict[str, Any]]:
        """Runs by falling number; with ``text`` those whose name, id or tags hold it."""
        ...

    def run(self, run_id: str) -> dict[str, Any]:
        """One run. Raises NotFoundError."""
        ...

    def checkpoints(self, run_id: str) -> list[dict[str, Any]]:
        """A run's checkpoints, newest first. Raises NotFoundError."""
        ...

    def points(
        self, run_id: str, name: FormatName, keys: str | None = None, key: Sequence[str] = ()
    ) -> Iterator[bytes]:
        """A run's points in a format; ``keys`` (commas, globs) and ``key`` (one name each) choose metrics.

        Raises:
            StepwireError: The format needs a package that is not there, or reading broke off.
        """
        ...

    def samples(self, host: str) -> Iterator[bytes]:
        """A host's samples as JSON Lines; none when it was never seen."""
        ...

    def hosts(self) -> list[str]:
        """Hosts that were seen lately, this machine among them."""
        ...


@contextmanager
def open_reader(folder: Path) -> Iterator[Reader]:
    """Ask the server that has ``folder``; open the folder when there is none.

    Raises:
        StepwireError: No data is there, it can't be used, or the server that has it doesn't answer.
    """
    if not (folder / FILE_NAME).is_file():
        raise StepwireError(f"{folder} holds no data of Stepwire. Name its data folder with --data.")
    try:
        storage = open_storage(folder)
    except DataFolderInUseError:
        url = _owner_url(folder)
        if url is None:  # another command has the folder, or a server that does not listen yet
            raise
        yield ServerReader(url, _token(folder))
        return
    try:
        yield FolderReader(storage)
    finally:
        storage.close()


def find_run(reader: Reader, word: str) -> dict[str, Any]:
    """The run of that id, number (``R12``) or name.

    Raises:
        NotFoundError: There is none.
        StepwireError: Several have that name.
    """
    if word[:1] in {"R", "r"} and word[1:].isdecimal():
        found = next((run for run in reader.runs() if run["number"] <= int(word[1:])), None)
        if found is not None and found["number"] == int(word[1:]):
            return found
    try:
        return reader.run(word)
    except NotFoundError:
        named = [run for run in reader.runs(word) if run["name"] == word]
    if not named:
        raise NotFoundError(f"There is no run {word}. Name one by its id, its number (R12) or its name.", "run")
    if len(named) > 1:
        numbers = ", ".join(f"R{run['number']}" for run in named[:10])
        raise StepwireError(f"{len(named)} runs are called {word}: {numbers}. Name one by its number.")
    return named[0]


class FolderReader:
    """Reads an open data folder. See :class:`Reader`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def storage(self) -> Storage:
        """The open folder, for a command that does more than read."""
        return self._storage

    def runs(self, text: str | None = None) -> Iterator[dict[str, Any]]:
        """Runs by falling number."""
        cursor: str | None = None
        while True:
            page, cursor = self._storage.catalog.list_runs(
                RunFilter(text=text, sort="-number", limit=PAGE, cursor=cursor)
            )
            for run in page:
                yield _shown(run, _RUN, ("start_time", "end_time", "created_at"))
            if cursor is None:
                return

    def run(self, run_id: str) -> dict[str, Any]:
        """One run."""
        return _shown(self._storage.catalog.get_run(run_id), _RUN, _RUN_TIMES)

    def checkpoints(self, run_id: str) -> list[dict[str, Any]]:
        """A run's checkpoints."""
        found = self._storage.catalog.list_checkpoints(run_id)
        return [_shown(one, _CHECKPOINT, ("created_at",)) for one in found]

    def points(
        self, run_id: str, name: FormatName, keys: str | None = None, key: Sequence[str] = ()
    ) -> Iterator[bytes]:
        """A run's points in a format."""
        series = self._storage.series
        check_here(self._storage.catalog, run_id)
        names = pick(series.names(run_id), keys, key) if keys or key else None
        if names == []:
            raise NotFoundError("No metric has a name that keys or key asks for.", "keys")
        return load_format(name)(series.scan(run_id, names))

    def samples(self, host: str) -> Iterator[bytes]:
        """A host's samples as JSON Lines."""
        return load_format("jsonl")(self._storage.series.scan(host_source(host)))

    def hosts(self) -> list[str]:
        """This machine."""
        return [socket.gethostname()]


class ServerReader:
    """Reads from a running server. See :class:`Reader`.

    Args:
        url: The server's address.
        token: Its access token, when it is known.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # The server is on this machine: never by way of the proxy that the environment names.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def runs(self, text: str | None = None) -> Iterator[dict[str, Any]]:
        """Runs by falling number."""
        # keys: a name that hardly any run has, because the summaries are not needed.
        query: dict[str, Any] = {"sort": "-number", "limit": PAGE, "keys": "-"} | ({"q": text} if text else {})
        while True:
            page = self._json("/api/runs", query)
            yield from page["runs"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def run(self, run_id: str) -> dict[str, Any]:
        """One run."""
        found: dict[str, Any] = self._json(f"/api/runs/{quote(run_id, safe='')}", {"keys": "-"})
        return found

    def checkpoints(self, run_id: str) -> list[dict[str, Any]]:
        """A run's checkpoints."""
        found: list[dict[str, Any]] = self._json(f"/api/runs/{quote(run_id, safe='')}/checkpoints", {})["checkpoints"]
        return found

    def points(
        self, run_id: str, name: FormatName, keys: str | None = None, key: Sequence[str] = ()
    ) -> Iterator[bytes]:
        """A run's points in a format."""
        query: dict[str, Any] = {"format": name, "key": list(key)} | ({"keys": keys} if keys else {})
        return self._pieces(self._open(f"/api/runs/{quote(run_id, safe='')}/export", query))

    def samples(self, host: str) -> Iterator[bytes]:
        """A host's samples as JSON Lines."""
        try:
            answer = self._open("/api/system/export", {"format": "jsonl", "host": host})
        except NotFoundError:
            return iter(())
        return self._pieces(answer)

    def hosts(self) -> list[str]:
        """Hosts that the server has heard of."""
        return [one["host"] for one in self._json("/api/system/status", {})["hosts"]]

    def send(self, method: str, path: str) -> Any:
        """Have the server do something, however long that takes; returns its answer.

        Raises:
            StepwireError: It refuses, or does not answer.
        """
        with self._open(path, {}, method=method, timeout=None) as answer:
            return json.load(answer)

    def _json(self, path: str, query: dict[str, Any]) -> Any:
        with self._open(path, query) as answer:
            return json.load(answer)

    def _open(
        self, path: str, query: dict[str, Any], *, method: str = "GET", timeout: float | None = TIMEOUT_SECONDS
    ) -> Any:
        address = f"{self._url}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        request = urllib.request.Request(address, headers=self._headers, method=method)
        try:
            return self._opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except OSError as error:
            raise StepwireError(f"The server at {self._url} does not answer: {error}.") from None

    def _pieces(self, answer: Any) -> Iterator[bytes]:
        with answer:
            try:
                while piece := answer.read(READ_BYTES):
                    yield piece
            except (OSError, http.client.HTTPException) as error:
                raise StepwireError(f"The server at {self._url} broke off: {error!r}.") from None


def _shown(found: Any, plain: Sequence[str], times: Sequence[str]) -> dict[str, Any]:
    """A row of the catalog as the API shows it."""
    return {name: getattr(found, name) for name in plain} | {name: moment(getattr(found, name)) for name in times}


def _owner_url(folder: Path) -> str | None:
    """Address of the server that has the folder; ``None`` while it has told none."""
    try:
        url = json.loads((folder / "stepwire.lock").read_bytes())["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) else None


def _token(folder: Path) -> str | None:
    """The access token: ``STEPWIRE_API_KEY``, else the one that the folder keeps for its owner."""
    try:
        return os.environ.get("STEPWIRE_API_KEY") or (folder / "token").read_text().strip()
    except OSError:
        return None


def _refusal(error: urllib.error.HTTPError) -> StepwireError:
    with error:
        try:
            told = json.load(error)["detail"]
        except (ValueError, KeyError, TypeError):
            told = f"The server answered {error.code}."
    return {404: NotFoundError, 409: ConflictError}.get(error.code, StepwireError)(told)
