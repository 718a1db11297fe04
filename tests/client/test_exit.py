"""A process ends within five seconds and with its own exit code, whatever became of the server, network or disk.

Here each fault is tried a few times; with ``STEPWIRE_EXITS`` each by each way to end, so many times.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys

import pytest
from tests.faults import FaultProxy

EXITS = int(os.environ.get("STEPWIRE_EXITS", "0"))
PATIENCE_SECONDS = 5 + 3  # what is promised, and what two busy cores take to start and end Python's threads

TRAIN = """
import multiprocessing, os, resource, signal, sys, time
from stepwire import TrainingMonitor
"""
MONITOR = """
monitor = TrainingMonitor("test", system_metrics_interval=0.1)
for step in range(1000): monitor.log_metrics({"loss": step, "lr": 1}, step=step)
"""
LAST = "print('last line', flush=True)\n"
ENDS = {
    "ends": (LAST, 0),
    "sys.exit": (LAST + "sys.exit(3)", 3),
    "raises": (LAST + "raise ValueError", 1),
    "SIGTERM": (LAST + "signal.raise_signal(signal.SIGTERM)", -signal.SIGTERM),
}


@pytest.fixture
def proxy(mock_server):
    """A network between script and server."""
    with FaultProxy(mock_server.port) as proxy:
        yield proxy


@contextlib.contextmanager
def fault(kind, mock_server, proxy):
    """Have the fault from the beginning; yields what to do when the script has logged, and the address for it."""
    after = {"dies": proxy.refuse, "hangs": proxy.black_hole}.get(kind, lambda: None)
    {"refused": proxy.refuse, "black hole": proxy.black_hole, "slow": lambda: proxy.slow(0.5)}.get(kind, lambda: None)()
    yield after, proxy.url
    if proxy.open_links:
        proxy.drop()


FAULTS = ["none", "refused", "dies", "black hole", "hangs", "slow", "disk full"]
MANY = pytest.mark.timeout(0 if EXITS else 120)


def cases(ways, few):
    """Each fault with each way to end in the soak, else a few of them."""
    return [(kind, way) for kind in FAULTS for way in ways] if EXITS else few


FULL = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no file can be written any more\n"


def run(script, fault, code, sign):
    """Start a script, do the fault's second half once it logged, wait for its end; returns the process."""
    after, url = fault
    sign.unlink(missing_ok=True)
    process = script(TRAIN + code, url, SIGN=str(sign))
    for line in process.stdout:
        if line == "ready\n":
            after()
            sign.touch()
        if line == "last line\n":
            break
    process.wait(timeout=PATIENCE_SECONDS)
    return process


# Tells that it is ready and goes on when the fault is there.
READY = """
print("ready", flush=True)
while not os.path.exists(os.environ["SIGN"]): time.sleep(0.01)
"""


@pytest.fixture
def sign(tmp_path):
    """The file by which a script is told to go on."""
    return tmp_path / "sign"


def begin(kind):
    """What a script does first, for the fault on its own side."""
    return FULL if kind == "disk full" else ""


@MANY
@pytest.mark.parametrize(
    ("kind", "end"),
    cases(
        ENDS,
        [
            ("none", "raises"),
            ("refused", "sys.exit"),
            ("dies", "ends"),
            ("black hole", "ends"),
            ("black hole", "SIGTERM"),
            ("hangs", "raises"),
            ("slow", "ends"),
            ("disk full", "ends"),
        ],
    ),
)
def test_exit_is_on_time(mock_server, proxy, script, sign, kind, end):
    """In each fault, by each way to end."""
    code, expected = ENDS[end]
    for _ in range(EXITS or 1):
        with fault(kind, mock_server, proxy) as ready:
            process = run(script, ready, begin(kind) + MONITOR + READY + MONITOR + code, sign)
        assert process.returncode == expected, process.stderr.read()
        proxy.heal()


CHILD = """
def work():
{body}
if __name__ == "__main__":
    child = multiprocessing.get_context("{method}").Process(target=work)
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""


@MANY
@pytest.mark.parametrize(
    ("kind", "method"),
    cases(["fork", "spawn"], [("none", "spawn"), ("dies", "fork"), ("black hole", "spawn"), ("disk full", "fork")]),
)
def test_the_exit_of_a_multiprocessing_child_is_on_time(mock_server, proxy, script, sign, tmp_path, kind, method):
    """Such a process ends without atexit; its exit code is its own."""
    body = begin(kind) + MONITOR + READY + LAST + "raise ValueError"
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    program = tmp_path / "program.py"
    program.write_text(TRAIN + CHILD.format(method=method, body=indented))
    code = f"import runpy; sys.argv = [{str(program)!r}]; runpy.run_path(sys.argv[0], run_name='__main__')"
    for _ in range(EXITS or 1):
        with fault(kind, mock_server, proxy) as ready:
            process = run(script, ready, code, sign)
        assert process.returncode == 1, process.stderr.read()
        proxy.heal()


@MANY
@pytest.mark.parametrize("kind", FAULTS if EXITS else ["none", "black hole"])
def test_twenty_monitors_hold_up_the_exit_no_longer_than_one(mock_server, proxy, script, sign, kind):
    """They share one deadline."""
    others = "others = [TrainingMonitor('test', system_metrics_interval=0) for _ in range(19)]\n"
    others += "for other in others: other.log_metrics({'loss': 1})\n"
    for _ in range(EXITS or 1):
        with fault(kind, mock_server, proxy) as ready:
            process = run(script, ready, begin(kind) + MONITOR + others + READY + LAST, sign)
        assert process.returncode == 0, process.stderr.read()
        proxy.heal()


def test_a_server_that_answers_gets_everything(mock_server, proxy, script, sign):
    """Through a slow network the last point and the status arrive within the time that the exit takes."""
    proxy.slow(0.1)
    process = run(script, (lambda: None, proxy.url), MONITOR + READY + LAST, sign)
    assert process.returncode == 0
    mock_server.await_(lambda: mock_server.records("status"))
    assert [record["step"] for record in mock_server.records("point")] == list(range(1000))


@pytest.mark.parametrize(("steps", "least", "most"), [(8000, 2000, 6000), (10, 0, 0)], ids=["more than a ring", "few"])
def test_what_found_no_place_is_told_as_lost(tmp_path, refusing_url, steps, least, most):
    """The spool can't be written and no server is there: what is told at the end is what became of the records."""
    (tmp_path / "file").write_text("")
    code = (
        "from stepwire import TrainingMonitor\n"
        "monitor = TrainingMonitor('big', system_metrics_interval=0, capture_output=False)\n"
        f"for step in range({steps}): monitor.log_metrics(dict.fromkeys(map(str, range(100)), step), step=step)\n"
    )
    told = {"STEPWIRE_DIR": str(tmp_path / "file/spool"), "STEPWIRE_URL": refusing_url, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    (line,) = [line for line in done.stderr.splitlines() if "were not stored" in line]
    count, *lost = (int(number.replace(",", "")) for number in re.findall(r"([\d,]+) (?:records|of them)", line))
    assert steps < count < steps + 100
    assert least <= sum(lost) <= most  # a record has some 850 bytes; the ring has 4 MiB
    assert "in shared memory" in line
    assert f"stepwire sync --dir {tmp_path}/file/spool --to " in line
    assert " kept in " not in done.stderr
