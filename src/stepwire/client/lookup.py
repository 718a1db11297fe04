"""Asks a server for a run to take up again, in the time that a start may take."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from stepwire.client.identity import MAX_CHECKPOINTS, Identity, SavedCheckpoint
from stepwire.client.imports import load
from stepwire.client.settings import ClientSettings

SECONDS = 2.0
_MAX_ANSWER_BYTES = 16 * 1024 * 1024


def find_unfinished(settings: ClientSettings, run_id: str | None = None, seconds: float = SECONDS) -> Identity | None:
    """Return the newest run of this name and project that is not completed, with its checkpoints.

    Args:
        settings: Name, project and address.
        run_id: Take this run and no other.
        seconds: How long to wait for the server.

    Returns:
        ``None`` when there is none, or no server says so in time.
    """
    found: list[Identity] = []
    # A thread of its own: looking up a name has no time limit.
    thread = threading.Thread(target=_ask, args=(settings, run_id, seconds, found), name="stepwire-lookup", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # there are no more threads: as without a server
        return None
    thread.join(seconds)
    return found[0] if found else None


def _ask(settings: ClientSettings, run_id: str | None, seconds: float, found: list[Identity]) -> None:
    load("http.client", "encodings.idna")
    # No server, one of another kind, or one that knows nothing: as if there was no such run.
    with suppress(OSError, ValueError, LookupError, TypeError, _http_errors()):
        api = _Api(settings, time.monotonic() + seconds)
        for run in _runs(api, settings, run_id):
            if run["name"] == settings.run_name and run["status"] != "completed":
                saved = tuple(_checkpoints(api, run["id"]))
                found.append(Identity(run["id"], run["name"], run["project"], int(run["attempt"]), None, saved))
                return


def _http_errors() -> type[Exception]:
    from http.client import HTTPException

    return HTTPException


def _runs(api: "_Api", settings: ClientSettings, run_id: str | None) -> Iterator[dict[str, Any]]:
    if run_id is not None:
        yield api.get(f"/api/runs/{quote(run_id, safe='')}?keys=_")
        return
    query = {"project": settings.project, "q": settings.run_name, "sort": "-created_at", "keys": "_"}
    while True:
        page = api.get("/api/runs?" + urlencode(query))
        yield from page["runs"]
        if not page["next_cursor"]:
            return
        query["cursor"] = page["next_cursor"]


def _checkpoints(api: "_Api", run_id: str) -> Iterator[SavedCheckpoint]:
    """The newest checkpoints, oldest first."""
    newest = api.get(f"/api/runs/{quote(run_id, safe='')}/checkpoints")["checkpoints"][:MAX_CHECKPOINTS]
    for one in reversed(newest):
        if one["verdict"] != "missing":
            yield SavedCheckpoint(one["id"], one["filepath"], one["step"])


class _Api:
    """GET on a server, until a deadline in monotonic seconds."""

    def __init__(self, settings: ClientSettings, deadline: float) -> None:
        self._url = urlsplit(settings.page_url)
        self._headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        self._deadline = deadline

    def get(self, path: str) -> Any:
        """Return the JSON that is answered. Raises OSError, HTTPException or ValueError."""
        from http.client import HTTPConnection, HTTPSConnection

        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=self._left())
        try:
            connection.request("GET", self._url.path + path, headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ConnectionError(f"the server answers {answer.status}")
            return json.loads(answer.read(_MAX_ANSWER_BYTES))
        finally:
            connection.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
