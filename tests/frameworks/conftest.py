"""A real server for tests with real frameworks. ``make test-frameworks`` runs them, each group in a venv of its own."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwire.client.lifecycle import LIFECYCLE
from stepwire.testing import RunningServer, running_server

os.environ.setdefault("KERAS_BACKEND", "jax")
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
PROGRAM_SECONDS = 180


class Dashboard:
    """What a person sees and does at the server."""

    def __init__(self, server: RunningServer) -> None:
        self.url, self._token = server.url, server.token

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        """The runs with these fields, oldest first."""
        found = self.get("/api/runs?limit=500")["runs"]
        fitting = [run for run in found if all(run[name] == value for name, value in wanted.items())]
        return [self.get(f"/api/runs/{run['id']}") for run in sorted(fitting, key=lambda run: run["number"])]

    def run(self, name: str) -> dict[str, Any]:
        """The one run of this name."""
        (found,) = self.runs(name=name)
        return found

    def points(self, run_id: str, key: str) -> dict[float, float]:
        """Step → value of one metric, as stored; a step that was logged twice fails."""
        query = urllib.parse.urlencode({"key": key, "raw": "true", "limit": 100_000})
        series = self.get(f"/api/runs/{run_id}/metrics?{query}")["keys"].get(key, {"step": [], "value": []})
        points = dict(sorted(zip(series["step"], series["value"], strict=True)))
        assert len(points) == len(series["step"]), f"{key} was logged twice at a step"
        return points

    def names(self, run_id: str) -> set[str]:
        """The run's metrics, but those of its process."""
        names = self.get(f"/api/runs/{run_id}/metrics/names?limit=1000")["names"]
        return {name for name in names if not name.startswith("system/")}

    def checkpoints(self, run_id: str) -> list[dict[str, Any]]:
        """The run's checkpoints, oldest first."""
        found = self.get(f"/api/runs/{run_id}/checkpoints")["checkpoints"]
        return sorted(found, key=lambda checkpoint: checkpoint["number"])

    def events(self, run_id: str, event: str) -> list[dict[str, Any]]:
        """The run's events of one kind."""
        return [
            found for found in self.get(f"/api/events?run_id={run_id}&limit=1000")["events"] if found["event"] == event
        ]

    def press(self, run_id: str, command: str) -> str:
        """Send a command and wait until the script has it; returns its id."""
        self.wait(lambda: self.runs(id=run_id))
        sent = self.call("POST", f"/api/runs/{run_id}/commands", {"command": command})
        self.wait(lambda: self.command(run_id, sent["id"])["state"] != "sent")
        return str(sent["id"])

    def command(self, run_id: str, command_id: str) -> dict[str, Any]:
        """A command as it stands."""
        return next(
            known for known in self.get(f"/api/runs/{run_id}/commands")["commands"] if known["id"] == command_id
        )

    def wait(self, condition: Callable[[], Any]) -> None:
        """Wait until ``condition`` holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
            time.sleep(0.02)

    def get(self, path: str) -> Any:
        """Read."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the API."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A server; scripts find it by ``STEPWIRE_URL``, and keep what they keep in a folder of the tests."""
    before = dict(os.environ)
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("home"))
    with running_server(tmp_path_factory.mktemp("data")) as server:
        os.environ["STEPWIRE_URL"] = server.url
        yield Dashboard(server)
        LIFECYCLE.end_all()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def script(dashboard: Dashboard, folder: Path) -> Callable[..., list[dict[str, Any]]]:
    """Runs a program in a process of its own, then returns its runs in the order of their links."""

    def start(program: str, *arguments: str) -> list[dict[str, Any]]:
        file = folder / "program.py"
        file.write_text(program)
        done = subprocess.run(
            [sys.executable, *(arguments or (str(file),))],
            cwd=folder, env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        ids = re.findall(r"/runs/(run_[0-9a-f]{32})", done.stdout)
        assert len(ids) == len(set(ids)) > 0, done.stdout + done.stderr
        return [dashboard.get(f"/api/runs/{run_id}") for run_id in ids]

    return start


@pytest.fixture
def example(script: Callable[..., list[dict[str, Any]]]) -> Callable[[str], list[dict[str, Any]]]:
    """Runs the program under a heading of ``docs/integrations.md`` as it stands; returns its runs."""

    def start(heading: str) -> list[dict[str, Any]]:
        page = (ROOT / "docs/integrations.md").read_text()
        section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        (program,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        return script(program)

    return start
