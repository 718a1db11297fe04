"""The writing of console output killed at any moment: no line is lost, doubled or out of order."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stepwire.storage.open import open_storage

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("STEPWIRE_KILLS", "10"))

ENDLESS = """
import sys
from pathlib import Path
from stepwire.storage.logs import keeper
from stepwire.storage.open import open_storage
from tests.storage.test_logs import make_run, write

keeper.SETTLE_SECONDS = 0.02
storage = open_storage(Path(sys.argv[1]))
storage.logs.limit_bytes = int(sys.argv[3])
counts = [int(count) for count in sys.argv[2].split(",")]
names = [f"run-{place}" for place in range(len(counts))]
for name, count in zip(names, counts):
    if not count:
        make_run(storage, name)
print("ready", flush=True)
while True:
    for place, name in enumerate(names):
        lines = [(0, str(number), 0) for number in range(counts[place], counts[place] + 3)]
        write(storage, lambda tx: storage.logs.keep(tx, name, 1, 0, "stdout", lines))
        counts[place] += 3
        print(f"{place} {counts[place]}.", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2**30, 20_000], ids=["unlimited", "cut all the time"])
@pytest.mark.timeout(60 + 5 * KILLS)
def test_kill_9_loses_and_doubles_no_line(tmp_path, limit):
    """Whatever was committed is in the file once, in order, after the next start; the oldest lines may be gone."""
    counts = [0, 0, 0]
    chance = random.Random(KILLS)
    for _ in range(KILLS):
        counts = run_until_killed(tmp_path, counts, limit, chance.uniform(0.05, 0.8))
        storage = open_storage(tmp_path)
        assert storage.logs.flush()
        for place, count in enumerate(counts):
            with storage.logs.open(f"run-{place}") as reader:
                page = reader.page(0, 10**9)
            found = [int(line.text) for line in page.lines]
            # One more record may have been committed than was told.
            assert page.total in (count, count + 3)
            assert found == list(range(page.first, page.total))
            assert page.first == 0 or limit < 2**30
            counts[place] = page.total
        storage.close()
    assert min(counts) > 0


def run_until_killed(folder, counts, limit, seconds):
    """Write lines for so long; returns how many each run was told to have."""
    command = [sys.executable, "-c", ENDLESS, str(folder), ",".join(map(str, counts)), str(limit)]
    told = list(counts)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:
            if line.endswith(".\n"):  # the last one may be torn
                place, count = map(int, line[:-2].split())
                told[place] = count
    assert process.returncode == -signal.SIGKILL
    return told
