"""Retention killed at any moment: no point is lost, doubled or changed, and what was begun is finished."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.storage.logged import DAY, START, bits, integrity, make_values, scanned

from stepwire.storage.open import open_storage
from stepwire.storage.retention import Policy, Retention

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("STEPWIRE_KILLS", "10"))
ROWS = {"kept": 40_000, "control": 5000}
OTHER_ROWS = 9000

ENDLESS = """
import itertools, sys
from pathlib import Path
from stepwire.storage.open import open_storage
from stepwire.storage.retention import DAY_US, Policy, Retention
from tests.storage.logged import START, Run, write

storage = open_storage(Path(sys.argv[1]))
catalog, series = storage.catalog, storage.series
now = START + 100 * DAY_US
policy = Retention(storage, Policy(keep_raw=30.0, trash=1.0), lambda: now)

def trash(run_id):
    def job(tx):
        catalog.trash_run(tx, run_id, START)
        series.trash(tx, run_id)
    write(storage, job)

print("ready", flush=True)
policy.turn()
first = int(sys.argv[2])
for number in itertools.count(first):
    known = catalog.get_archive("kept")
    if known is None or known.state == "restored":
        policy.archives.archive("kept")
    else:
        policy.archives.restore("kept")
    Run(storage, f"other-{number}", seed=number).make().log(9000, at_once=3000)
    series.seal(f"other-{number}")
    policy.turn()
    if number > first:
        trash(f"other-{number - 1}")
"""


@pytest.mark.slow
@pytest.mark.timeout(120 + 15 * KILLS)
def test_kill_9_loses_no_point_to_retention(tmp_path):
    """Killed again and again while it archives, restores, drops, trashes and purges; each point is where it belongs."""
    prepare(tmp_path)
    chance = random.Random(KILLS)
    states = set()
    for turn in range(KILLS):
        command = [sys.executable, "-c", ENDLESS, str(tmp_path), str(turn * 1000)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0.0, 1.2))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        states |= check(tmp_path)
    assert states


def prepare(folder):
    """Two runs that stay."""
    from tests.storage.logged import Run

    storage = open_storage(folder)
    for name, rows in ROWS.items():
        Run(storage, name, start=START + 100 * DAY).make().log(rows, at_once=20_000)  # too young to be dropped
    storage.series.seal()
    storage.close()


def check(folder):
    """All is there as it was when the process died, and again once it was finished."""
    storage = open_storage(folder)
    retention = Retention(storage, Policy(), lambda: START)
    assert integrity(storage) == "ok"
    found = {one.state for one in storage.catalog.list_archives()}
    check_runs(storage)
    retention.turn()
    check_runs(storage)
    known = storage.catalog.get_archive("kept")
    if known is not None and known.state == "archived":
        retention.archives.restore("kept")
    assert bits(scanned(storage, "kept")) == bits(make_values(0, ROWS["kept"]))
    assert bits(scanned(storage, "control")) == bits(make_values(0, ROWS["control"]))
    assert not any((folder / "archive").glob("*")) if (folder / "archive").exists() else True
    assert storage.catalog.get_archive("kept") is None or storage.catalog.get_archive("kept").state == "restored"
    storage.close()
    return found or {"none"}


def check_runs(storage):
    """Charts of every run are exact, and the points that are there are the right ones."""
    from stepwire.storage.catalog.interface import RunFilter

    runs, more = storage.catalog.list_runs(RunFilter(limit=1000))
    assert more is None
    for run in runs:
        seed = int(run.id.partition("-")[2] or 0)
        window = storage.series.window(run.id, "acc", x="step", points=50)
        rows = ROWS.get(run.id, window.stored)
        assert window.stored == rows <= max(OTHER_ROWS, ROWS.get(run.id, 0))
        if not rows:
            continue
        values = make_values(0, rows, seed)
        assert (min(window.min), max(window.max)) == (values[:, 1].min(), values[:, 1].max())
        odd = storage.series.window(run.id, "odd", x="step", points=50)
        assert sum(odd.nonfinite) == np.count_nonzero(~np.isfinite(values[:, 2]))
        (told,) = storage.series.summaries([run.id], ["loss"])[run.id]
        assert (told.count, told.min, told.max) == (rows, values[:, 0].min(), values[:, 0].max())
        raw = scanned(storage, run.id)
        assert bits(raw) == bits(values[rows - len(raw) :])
