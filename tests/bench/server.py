"""A real server in a process of its own, for as long as a measurement needs it."""

import json
import os
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

CACHE = Path(".cache")
STOP_SECONDS = 60


@contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder on the disk of this checkout, where git does not look; removed afterwards."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stepwire-bench-", dir=CACHE) as folder:
        yield Path(folder)


@contextmanager
def server(data: Path | None = None) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Yields the server's address and its process."""
    with data_folder() as folder:
        command = [sys.executable, "-m", "stepwire", "up", "--port", "0", "--no-browser", "--data", str(data or folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended with {process.wait()}")
        try:
            yield line.split()[-1], process
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def forget_cached(folder: Path) -> None:
    """Have the kernel forget the files of a stopped server, as after a restart of the machine."""
    os.sync()
    for path in folder.glob("dashboard.db*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def bytes_on_disk(folder: Path) -> int:
    """Size of all files of a data folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


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
