"""The scripts in ``examples/``."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.demo.conftest import get

from stepwire.demo import leash
from stepwire.testing import running_server

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart.py"
WITHOUT_NUMPY = "import runpy, sys; sys.modules['numpy'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"


def test_the_quickstart_is_the_readmes() -> None:
    """The lines to copy from the README are the very file that the next test runs."""
    _, _, code = QUICKSTART.read_text("utf-8").partition('"""\n\n')
    assert f"```python\n{code}```" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_quickstart_learns_its_weight_without_numpy(tmp_path: Path) -> None:
    """The file runs unchanged, prints one line with the run's link, and all its steps arrive with the right result."""
    with running_server(tmp_path) as server:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", WITHOUT_NUMPY, str(QUICKSTART)],
            env=leash.environment() | {"STEPWIRE_URL": server.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        [run] = get(f"{server.url}/api/runs")["runs"]
    assert ended.stdout == f"stepwire: my first run → {server.url}/#/runs/{run['id']}\n"
    assert (run["status"], run["summary"]["loss"]["count"]) == ("completed", 20_000)
    assert run["summary"]["weight"]["last"] == pytest.approx(3, abs=0.001)
