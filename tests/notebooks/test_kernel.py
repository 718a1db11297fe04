"""Runs in a real Jupyter kernel: cells run again, errors, restarts. Own venv: ``make test-notebooks``."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from stepwire.testing import RunningServer, running_server

CELL = """
from stepwire import TrainingMonitor
monitor = TrainingMonitor("cell", system_metrics_interval=0.2)
for step in range(20): monitor.log_metrics({"loss": step})
"""
COUNT = """
import collections, psutil, threading
names = collections.Counter(thread.name for thread in threading.enumerate() if thread.name.startswith("stepwire"))
port = int(monitor.url.split(":")[2].split("/")[0])
links = [link for link in psutil.Process().net_connections() if link.raddr and link.raddr.port == port]
print(dict(names), len([link for link in links if link.status == "ESTABLISHED"]))
"""


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """A server of its own."""
    with running_server() as server:
        yield server


class Notebook:
    """A kernel, and someone who runs cells in it."""

    def __init__(self, url: str, home: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        mine = {"STEPWIRE_URL": url, "XDG_DATA_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
        self.manager.start_kernel(env=os.environ | mine)
        self.connect()

    def connect(self) -> None:
        """Wait for a kernel, the first one or the next."""
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> tuple[str, str]:
        """Run a cell; returns what became of it, and what it printed."""
        printed: list[str] = []

        def keep(message: Any) -> None:
            if message["header"]["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=120, output_hook=keep)
        return reply["content"]["status"], "".join(printed)

    def stop(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(server: RunningServer, tmp_path: Path) -> Iterator[Notebook]:
    """A started kernel."""
    notebook = Notebook(server.url, tmp_path)
    yield notebook
    notebook.stop()


def read(server: RunningServer, path: str) -> Any:
    """GET as JSON."""
    with urllib.request.urlopen(f"{server.url}/api/{path}", timeout=30) as answer:
        return json.load(answer)


def runs(server: RunningServer) -> list[dict[str, Any]]:
    """All runs, the oldest first."""
    found: list[dict[str, Any]] = read(server, "runs?sort=number&limit=1000")["runs"]
    return found


def await_(look: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
    """Look until the condition holds, at most 60 s."""
    deadline = time.monotonic() + 60
    while not condition(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def last(server: RunningServer) -> tuple[str, str | None]:
    """Status and reason of the newest run."""
    return runs(server)[-1]["status"], runs(server)[-1]["reason"]


def test_a_cell_run_fifty_times_leaves_one_of_everything(server: RunningServer, notebook: Notebook) -> None:
    """50 runs; one is running, the others were interrupted; one sender, one socket, one sampler."""
    for _ in range(50):
        assert notebook.run(CELL)[0] == "ok"
    found = await_(lambda: runs(server), lambda found: len(found) == 50 and all(run["step"] == 19 for run in found))
    assert {(run["status"], run["reason"]) for run in found[:-1]} == {("interrupted", "cell run again")}
    assert found[-1]["status"] == "running"
    names, _ = await_(lambda: notebook.run(COUNT)[1].rsplit(maxsplit=1), lambda told: told[1] == "1")
    counted = json.loads(names.replace("'", '"'))
    assert counted["stepwire-sender"] == 1 and counted["stepwire-sampler"] == 1 and counted["stepwire-sigterm"] == 1
    assert set(counted.values()) == {1}


def test_two_runs_of_one_cell_live_beside_each_other(server: RunningServer, notebook: Notebook) -> None:
    """A loop over settings, or threads: only what an earlier run of the cell made is replaced."""
    both = "monitors = [TrainingMonitor('cell') for _ in range(2)]"
    notebook.run("from stepwire import TrainingMonitor\n" + both)
    notebook.run("other = TrainingMonitor('another name')")
    notebook.run(both)
    found = await_(lambda: runs(server), lambda found: len(found) == 5)
    assert [run["status"] for run in found] == ["interrupted"] * 2 + ["running"] * 3


def test_an_error_in_a_cell_is_told_and_ends_nothing(server: RunningServer, notebook: Notebook) -> None:
    """The event log has the traceback; the next cell goes on logging. Of a with block the run failed."""
    notebook.run(CELL)
    assert notebook.run("raise ValueError('no data')")[0] == "error"
    events = await_(lambda: read(server, "events?level=error")["events"], bool)
    assert events[0]["message"] == "ValueError: no data (in a cell; the run goes on)"
    assert last(server)[0] == "running"
    notebook.run("with TrainingMonitor('in a block') as inner: 1 / 0")
    assert last(server) == ("failed", "ZeroDivisionError")


def test_a_cell_that_is_interrupted(server: RunningServer, notebook: Notebook) -> None:
    """SIGINT raises KeyboardInterrupt in the cell: of a with block the run is interrupted, without one it goes on."""
    for code, status in (("", "running"), ("with monitor: ", "interrupted")):
        notebook.client.execute(
            CELL.replace('"cell"', f'"{status}"') + f"{code}[print('busy', flush=True), *(0 for _ in iter(int, 1))]"
        )
        while (message := notebook.client.get_iopub_msg(timeout=60))["content"].get("text") != "busy\n":
            pass
        notebook.manager.interrupt_kernel()
        reply = notebook.client.get_shell_msg(timeout=60)
        assert message and reply["content"]["ename"] == "KeyboardInterrupt"
        await_(lambda: [run["status"] for run in runs(server)][-1:], lambda found, status=status: found == [status])


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda notebook: notebook.manager.restart_kernel(), "the notebook's kernel ended"),
        (lambda notebook: notebook.manager.restart_kernel(now=True), "the notebook's kernel is gone"),
        (lambda notebook: notebook.manager.signal_kernel(signal.SIGTERM), "preempted"),
        (lambda notebook: notebook.client.execute("import os; os._exit(1)"), "the notebook's kernel is gone"),
    ],
    ids=["restart", "kill", "SIGTERM", "os._exit"],
)
def test_a_kernel_that_ends_has_interrupted_its_run(
    server: RunningServer, notebook: Notebook, end: Callable[[Notebook], None], reason: str
) -> None:
    """However it ends: a kernel is restarted because somebody wants to go on."""
    notebook.run(CELL)
    await_(lambda: runs(server), lambda found: bool(found) and found[0]["step"] == 19)
    end(notebook)
    await_(lambda: last(server), lambda found: found == ("interrupted", reason))


def test_a_restarted_kernel_logs_a_new_run(server: RunningServer, notebook: Notebook) -> None:
    """Ten restarts in the midst of a training: each leaves an interrupted run and nothing else."""
    for _ in range(10):
        notebook.run(CELL)
        notebook.client.stop_channels()
        notebook.manager.restart_kernel()
        notebook.connect()
    found = await_(lambda: runs(server), lambda found: {run["status"] for run in found} == {"interrupted"})
    assert len(found) == 10 and all(run["step"] == 19 for run in found)
