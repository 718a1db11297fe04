"""What a user gets: the built wheel in a bare environment without node, its demo, and the README's ten lines."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare environment's ``bin`` folder with the wheel of this checkout and the server's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    wheel = next(folder.glob("stepwire-*.whl"))
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    binaries = folder / "venv/bin"
    install = [str(binaries / "pip"), "--disable-pip-version-check", "--quiet", "install", f"{wheel}[server]"]
    subprocess.run(install, check=True)
    return binaries


def environment(bare: Path) -> dict[str, str]:
    """Only the bare environment on the path: no node, nothing of this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STEPWIRE_", "PYTHON"))}
    return kept | {"PATH": f"{bare}:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_wheels_demo_ends_by_itself(bare: Path, tmp_path: Path) -> None:
    """The link stands on the first line, an alive line comes every few seconds, the last line is the summary."""
    done = subprocess.run(
        [bare / "stepwire", "demo", "--seconds", "60", "--no-browser"],
        cwd=tmp_path, env=environment(bare), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert re.search(r"http://127\.0\.0\.1:\d+", lines[0])
    assert len(lines) >= 6 and "accuracy" in lines[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_readmes_ten_lines_run_unchanged(bare: Path, tmp_path: Path) -> None:
    """The lines of the README, in an empty file, log to a server and print one line: the run's link."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    (tmp_path / "train.py").write_text(code)
    server = subprocess.Popen(
        [bare / "stepwire", "up", "--port", "0", "--data", tmp_path / "data", "--no-browser"],
        env=environment(bare), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        script = subprocess.Popen(
            [bare / "python", "train.py"], cwd=tmp_path, env=environment(bare) | {"STEPWIRE_URL": url},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(6)
        script.send_signal(signal.SIGINT)
        output, _ = script.communicate(timeout=30)
        assert re.fullmatch(rf"stepwire: .* → {url}/#/runs/run_\w+\n", output), output
        assert script.returncode != 0 or "completed" in status(url)
        assert status(url) in {"interrupted", "completed"}
    finally:
        server.terminate()
        server.communicate()


def status(url: str) -> str:
    """Status of the newest run."""
    import json
    import urllib.request

    with urllib.request.urlopen(f"{url}/api/runs", timeout=10) as answer:
        return str(json.load(answer)["runs"][0]["status"])
