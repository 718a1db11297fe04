"""Processes of the demo, run as a user runs them."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stepwire.demo import leash
from stepwire.testing import running_server


def get(url: str) -> Any:
    """Read JSON from a server, past any proxy."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Trained:
    """A training that has ended, and the server that it logged to."""

    code: int
    errors: str
    url: str

    @property
    def run(self) -> dict[str, Any]:
        """The run as the API tells it."""
        [run] = get(f"{self.url}/api/runs?project=digits")["runs"]
        return run

    def values(self, name: str) -> list[float]:
        """Every stored value of a metric."""
        answer = get(f"{self.url}/api/runs/{self.run['id']}/metrics?raw=true&keys={name}")
        return [float(value) for value in answer["keys"][name]["value"]]


class Trainer:
    """Trains one configuration in a process of its own and waits for it."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    def train(self, name: str, *options: str) -> Trained:
        """Run ``python -m stepwire.demo.training``."""
        command = [sys.executable, "-m", "stepwire.demo.training", name, "--url", self._url]
        ended = subprocess.run(
            [*command, "--folder", str(self._folder), *options],
            env=leash.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return Trained(ended.returncode, ended.stderr, self._url)


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[Trainer]:
    """A trainer with a real server."""
    with running_server(tmp_path / "data") as server:
        yield Trainer(server.url, tmp_path / "checkpoints")
