"""A writer that is killed or whose disk fails: what was acknowledged is there, once, and summarised."""

import random
import signal
import subprocess
import sys

import pytest

from stepwire.storage.open import open_storage

WRITE = """
import resource, signal, struct, sys
from pathlib import Path
from stepwire.errors import StepwireError
from stepwire.protocol import Batch, SetColumns
from stepwire.storage.open import open_storage

ROWS = 5

def batch(first):
    seqs = range(first, first + ROWS)
    return Batch(first, ROWS, (SetColumns(
        0, struct.pack("<5I", *range(ROWS)), struct.pack("<5q", *seqs), struct.pack("<5q", *seqs),
        struct.pack("<10d", *(v for seq in seqs for v in (float(seq), float(-seq)))), names=("up", "down"),
    ),))

storage = open_storage(Path(sys.argv[1]))
stream = storage.writer.submit(lambda tx: storage.series.open_stream(tx, "run_a", "w")).result()

def send(high):
    first = max(1, high + 1 - ROWS // 2)  # overlaps what is stored, as a retry does
    return storage.writer.submit(lambda tx: storage.series.append(tx, stream, batch(first))).result().high
"""

ENDLESS = (
    WRITE
    + """
high = stream.high
while True:
    high = send(high)
    print(high, flush=True)
"""
)

DISK_FAILS = (
    WRITE
    + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
wal = Path(sys.argv[1]) / "dashboard.db-wal"
high, failures = stream.high, 0
for at in range(200):
    if at == 50:
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 20_000, resource.RLIM_INFINITY))
    if failures == 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        high = send(high)
        # In memory, right after the failure and without a restart:
        assert {one.count for one in storage.series.summaries(["run_a"])["run_a"]} == {high}
    except StepwireError:
        failures += 1
storage.close()
print(high, failures)
"""
)


def check(folder, acknowledged):
    """Every record up to the stream's high once, and high at least what was acknowledged."""
    storage = open_storage(folder)
    stream = storage.writer.submit(lambda tx: storage.series.open_stream(tx, "run_a", "w")).result(20)
    page = storage.series.raw("run_a", ["up", "down"], limit=10**6)
    summaries = {one.name: one for one in storage.series.summaries(["run_a"])["run_a"]}
    with storage.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    storage.close()
    expected = [float(seq) for seq in range(1, stream.high + 1)]
    assert stream.high >= acknowledged
    assert page.keys["up"][2] == expected
    assert page.keys["down"][2] == [-value for value in expected]
    assert (summaries["up"].count, summaries["up"].max, summaries["up"].last) == (stream.high, *expected[-1:] * 2)
    assert (summaries["down"].min, summaries["down"].min_step) == (-expected[-1], stream.high)


@pytest.mark.slow
def test_kill_9_loses_and_doubles_nothing(tmp_path):
    """Twenty times the writing process is killed in mid-write; each acknowledged record is stored exactly once."""
    chance = random.Random(20)
    for _ in range(20):
        command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            acknowledged = 0
            for _ in range(chance.randint(1, 150)):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            acknowledged = int(([acknowledged, *map(int, whole_lines(process.stdout.read()))])[-1])
        assert process.returncode == -signal.SIGKILL
        check(tmp_path, acknowledged)


def whole_lines(text):
    """The lines that end in a newline: the last one may be cut by the kill."""
    return text.split("\n")[:-1]


def test_a_disk_that_fails_loses_and_doubles_nothing(tmp_path):
    """Writes that the kernel refuses are not acknowledged; when it takes them again everything fits together."""
    done = subprocess.run(
        [sys.executable, "-c", DISK_FAILS, str(tmp_path)], check=True, capture_output=True, text=True, timeout=100
    )
    high, failures = map(int, done.stdout.split())
    assert failures == 3
    check(tmp_path, high)
