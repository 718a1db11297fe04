"""The demo's server: a process of its own, spoken to over HTTP as any program would."""

import json
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stepwire.demo import leash
from stepwire.errors import ConflictError, NotFoundError, StepwireError

_START_SECONDS = 30.0
_ANSWER_SECONDS = 10.0
_REFUSALS = {404: NotFoundError, 409: ConflictError}
_LINK = re.compile(r"http://\S+")


class Server:
    """``stepwire up`` on a data folder, from ``with`` to the end of its block.

    Args:
        data: Its data folder, which is there.
        port: TCP port; 0 takes a free one.

    Attributes:
        url: The page's address, once the block began.
        hints: Further lines that it printed.

    Raises:
        StepwireError: It did not start; the message is what it said.
    """

    def __init__(self, data: Path, port: int) -> None:
        self._data = data
        self._port = port
        self._output = data / "demo-server.out"
        self._errors = data / "demo-server.log"
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        self.url = ""
        self.hints: list[str] = []

    def __enter__(self) -> Self:
        for path in (self._output, self._errors):
            path.write_bytes(b"")
        up = ["stepwire", "up", "--port", str(self._port), "--data", str(self._data), "--no-browser"]
        self._process = leash.start(up, self._output, self._errors)
        try:
            self._await_link()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def get(self, path: str) -> Any:
        """Return what ``GET`` answers.

        Raises:
            NotFoundError: There is no such thing.
            ConflictError: It can't be done now.
            StepwireError: The server refuses, or does not answer.
        """
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, content: dict[str, Any]) -> Any:
        """Return what ``POST`` answers. Raises as ``get``."""
        body = json.dumps(content).encode()
        return self._ask(urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"}))

    def wait(self) -> None:
        """Wait until the server's process ends, which is an error.

        Raises:
            StepwireError: It ended.
        """
        self._process.wait()
        self._require_life()

    def end(self) -> None:
        """End the process."""
        leash.end([self._process])

    def _await_link(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            self._require_life()
            first, *others = self._output.read_text("utf-8").splitlines() or [""]
            if link := _LINK.search(first):
                self.url, self.hints = link.group().rstrip("/"), others
                self.get("/health")
                return
            time.sleep(0.02)
        raise StepwireError(f"The server did not start within {_START_SECONDS:.0f} s: {leash.last_line(self._errors)}")

    def _require_life(self) -> None:
        if self._process.poll() is not None:
            raise StepwireError(f"The demo's server ended: {leash.last_line(self._errors)}")

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            with self._open(request, timeout=_ANSWER_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            kind = _REFUSALS.get(error.code, StepwireError)
            raise kind(f"The demo's server answered {error.code} to {request.selector}.") from error
        except OSError as error:
            self._require_life()
            raise StepwireError(f"The demo's server does not answer: {error}") from error
