"""A real server in a process of its own, for as long as a measurement needs it."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def server(data: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Yields the server's address and its process."""
    with tempfile.TemporaryDirectory(prefix="stepwire-bench-", dir=".") as folder:
        command = [sys.executable, "-m", "stepwire", "up", "--port", "0", "--no-browser", "--data", str(data or folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        try:
            yield url, process
        finally:
            process.terminate()
            process.wait(20)


def get(url: str) -> Any:
    """GET as JSON."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def wait_until_ready(url: str, seconds: float = 20) -> None:
    """Wait for the first 200 of /health."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            get(f"{url}/health")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.002)
        else:
            return
    raise TimeoutError(f"no server at {url}")


def script(source: str, *arguments: str) -> dict[str, Any]:
    """Run a training script in a process of its own; its last line is JSON."""
    done = subprocess.run(
        [sys.executable, "-c", source, *arguments], capture_output=True, text=True, check=True, timeout=600
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))
