"""A writer that is killed or whose disk fails: what was acknowledged is there, once, and summarised.

``STEPWIRE_KILLS`` says how often each test kills; ``make soak`` takes 100.
"""

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest

from stepwire.protocol import Batch, SetColumns
from stepwire.storage import migrations
from stepwire.storage.database import driver, open_database
from stepwire.storage.open import open_storage
from stepwire.storage.series.batch import check_batch
from stepwire.storage.series.frames import encode_frame

KILLS = int(os.environ.get("STEPWIRE_KILLS", "20"))
SAME_FOLDER = 20  # kills in one data folder; then a new one, so that it stays small enough to look at all of it

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
@pytest.mark.timeout(60 + 10 * KILLS)
def test_kill_9_loses_and_doubles_nothing(tmp_path):
    """Many times the writing process is killed in mid-write; each acknowledged record is stored exactly once."""
    chance = random.Random(20)
    for _ in range(KILLS):
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


# --- killed while points move into blocks ----------------------------------------------------------------

# Three sets: ``up`` and ``down`` in every record, ``side`` in every third, and 300 metrics now and then.
SEALING = """
import random, struct, sys, threading
from pathlib import Path
from stepwire.protocol import Batch, SetColumns
from stepwire.storage.open import open_storage

WIDE = tuple(f"w{at}" for at in range(300))
chance = random.Random(int(sys.argv[2]))
storage = open_storage(Path(sys.argv[1]))
series = storage.series
say_lock = threading.Lock()

def say(*words):
    with say_lock:
        print(*words, flush=True)

def write(job):
    return storage.writer.submit(job).result()

def columns(set_id, names, first, seqs, value):
    count = len(seqs)
    return SetColumns(
        set_id, struct.pack(f"<{count}I", *(seq - first for seq in seqs)), struct.pack(f"<{count}q", *seqs),
        struct.pack(f"<{count}q", *seqs),
        b"".join(struct.pack(f"<{len(names)}d", *value(seq)) for seq in seqs), names=names,
    )

def batch(first, rows):
    seqs = range(first, first + rows)
    sets = [columns(0, ("up", "down"), first, seqs, lambda seq: (seq, -seq))]
    for set_id, names, every in ((1, ("side",), 3), (2, WIDE, 40)):
        some = [seq for seq in seqs if seq % every == 0]
        if some:
            sets.append(columns(set_id, names, first, some, lambda seq: [seq] * len(names)))
    record = {"type": "event", "n": first, "at": 0}
    return Batch(first, rows, tuple(sets), (record,) if first % 5 == 0 else ())

def log(writer_id):
    stream = write(lambda tx: series.open_stream(tx, "run_a", writer_id))
    high = stream.high
    while True:
        first = max(1, high + 1 - chance.randint(0, 20))
        rows = chance.choice([1, 7, 60, 400, 1500])
        high = write(lambda tx: series.append(tx, stream, batch(first, rows))).high
        say("high", writer_id, high)

def seal():
    while True:
        series.seal(chance.choice(["run_a", "run_a", None]))

def change():
    say("open")
    for at in range(10**6):
        cut = write(lambda tx: (series.delete_metric(tx, "run_a", "side"), series.open_stream(tx, "run_a", "w0").high)[1])
        say("cut", cut)
        old, new = ("up", "above") if "up" in series.names("run_a") else ("above", "up")
        write(lambda tx: series.rename(tx, "run_a", old, new))
        junk = f"junk_{sys.argv[2]}_{at}"
        stream = write(lambda tx: series.open_stream(tx, junk, "w"))
        for first in range(1, 12_000, 3000):
            write(lambda tx: series.append(tx, stream, batch(first, 3000)))
        say("junk", junk)
        if at % 3:
            series.seal(junk)
        write(lambda tx: series.delete(tx, junk))
        say("gone", junk)

for job in (lambda: log("w0"), lambda: log("w1"), seal):
    threading.Thread(target=job).start()
while "side" not in series.names("run_a"):
    pass
change()
"""


def tell(storage, writer_id):
    """Where a stream stands."""
    return storage.writer.submit(lambda tx: storage.series.open_stream(tx, "run_a", writer_id)).result(20)


def numbers_of(storage, name):
    """Record numbers and values of a metric, stream by stream, out of a scan."""
    found = {}
    for block in storage.series.scan("run_a", [name]):
        if not any(block.missing):
            rows = found.setdefault(block.writer_id, ([], []))
            rows[0].append(block.seqs)
            rows[1].append(block.values[:, 0])
    return {writer: tuple(map(np.concatenate, rows)) for writer, rows in found.items()}


def check_points(storage, highs, cut):
    """Every record of both streams once, in every set; deleted points are gone up to one place."""
    series = storage.series
    up = "above" if "above" in series.names("run_a") else "up"
    # The last deletion of "side" may be on disk without having been acknowledged.
    wide = {f"w{at}" for at in range(300)} if max(highs.values()) >= 40 else set()  # killed before their first record
    assert set(series.names("run_a")) - {"side"} == {up, "down"} | wide
    found = {name: numbers_of(storage, name) for name in (up, "down", "side", "w299")}
    for writer, high in highs.items():
        seqs = np.arange(1, high + 1)
        for name, every, sign in ((up, 1, 1), ("down", 1, -1), ("w299", 40, 1)):
            wanted = seqs[seqs % every == 0]
            got = found[name].get(writer, (np.empty(0), np.empty(0)))
            assert got[0].tolist() == wanted.tolist(), (name, writer)
            assert got[1].tolist() == (sign * wanted).tolist()
    for writer, (seqs, values) in found["side"].items():
        last = highs[writer] // 3 * 3
        assert seqs.tolist() == values.tolist() == list(range(int(seqs[0]), last + 1, 3))
        assert writer != "w0" or seqs[0] > cut
    summaries = {one.name: one for one in series.summaries(["run_a"], [up, "down", "w7"])["run_a"]}
    top = max(highs.values())
    assert (summaries[up].count, summaries[up].max, summaries[up].max_step) == (sum(highs.values()), top, top)
    assert (summaries["down"].min, summaries["down"].last) == (-top, -highs["w1"])
    assert (summaries["w7"].count if wide else 0) == sum(high // 40 for high in highs.values())
    for points in (10, 700):
        window = series.window("run_a", up, x="step", points=points)
        assert (window.stored, max(window.max), min(window.min)) == (sum(highs.values()), top, 1)
    records = [(stream, seq, record["n"]) for stream, seq, record in series.records("run_a")]
    assert len(set(records)) == len(records)
    assert all(seq == n for _, seq, n in records)


def check_rows(storage):
    """Chunks and blocks belong together, levels have no gap, nothing is in the journal and in blocks."""
    with storage.database.read() as connection:
        db = driver(connection)

        def count(query):
            return db.execute(f"SELECT count(*) FROM {query}").fetchone()[0]

        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert count("block WHERE id >> 14 NOT IN (SELECT number FROM chunk)") == 0
        widths = "(SELECT number, json_array_length(names) AS width FROM metric_set) AS sets"
        blocks = "(SELECT count(*) FROM block WHERE id >= chunk.number << 14 AND id < (chunk.number + 1) << 14)"
        cuts = "(SELECT metric_set FROM metric_cut)"  # blocks of deleted metrics are given back
        chunk_sets = f"chunk JOIN {widths} ON sets.number = chunk.metric_set"
        assert count(f"{chunk_sets} WHERE width <> {blocks} AND metric_set NOT IN {cuts}") == 0
        assert count("chunk WHERE metric_set NOT IN (SELECT number FROM metric_set)") == 0
        assert (
            count("journal JOIN stream ON stream.number = journal.stream WHERE journal.number <= sealed_through") == 0
        )
        sums = "(SELECT metric_set AS of, sum(rows) AS n, count(*) AS c, max(k) AS k FROM chunk WHERE level = 0 GROUP BY 1)"
        assert count(f"sealed JOIN {sums} ON of = metric_set WHERE rows <> n OR c <> k + 1") == 0
        levels = "(SELECT count(*) AS c, max(k) AS k FROM chunk GROUP BY metric_set, level)"
        assert count(f"{levels} WHERE c <> k + 1") == 0


def wait_until_purged(storage):
    """Deleted sources are removed, with everything that they had."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with storage.database.read() as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM source WHERE kind = 'deleted'").scalar_one()
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError("deleted sources are still there")


def kill_after(process, seconds):
    """Read what a process says until it is killed; whole lines only."""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    return [line.split() for line in whole_lines(said)]


@pytest.mark.slow
@pytest.mark.timeout(60 + 15 * KILLS)
def test_kill_9_while_sealing_loses_and_doubles_nothing(tmp_path):
    """Killed at random moments of appends, seals, renames and deletions: everything acknowledged is there once."""
    chance = random.Random(4)
    for at in range(KILLS):
        folder = tmp_path / str(at // SAME_FOLDER)
        if at % SAME_FOLDER == 0:
            cut, highs = 0, {"w0": 0, "w1": 0}
        command = [sys.executable, "-c", SEALING, str(folder), str(at)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            said = kill_after(process, 0.4 + chance.random() * 1.4)
        for words in said:
            if words[0] == "high":
                highs[words[1]] = int(words[2])
            elif words[0] == "cut":
                cut = int(words[1])
        junk, gone = ({words[1] for words in said if words[0] == kind} for kind in ("junk", "gone"))
        storage = open_storage(folder)
        stored = {writer: tell(storage, writer).high for writer in highs}
        assert all(stored[writer] >= high for writer, high in highs.items()), (stored, highs)
        for name in gone:
            assert storage.series.names(name) == []
        for name in junk - gone:  # written, and maybe deleted by a job that was not acknowledged
            (one,) = storage.series.summaries([name], ["up"])[name] or [None]
            assert one is None or (one.count, one.max) == (12_000, 12_000)
        if all(stored.values()):
            check_points(storage, stored, cut)
            storage.series.seal()
            check_points(storage, stored, cut)
        check_rows(storage)
        highs = stored
        if at % 10 == 9 or at == KILLS - 1:
            wait_until_purged(storage)
            check_rows(storage)
        storage.close()
        assert at % SAME_FOLDER < 10 or min(highs.values()) > 1000


# --- killed while an old database is brought up to date ---------------------------------------------------

OPENING = """
import sys
from pathlib import Path
from stepwire.storage.open import open_storage
from stepwire.storage.series import reading, seal

print("opening", flush=True)
storage = open_storage(Path(sys.argv[1]))
print("open", flush=True)
storage.series.seal()
print("sealed", flush=True)
while True:
    storage.series.summaries(["run_0"])
"""

OLD_NAMES = ("loss", "lr", "acc")
OLD_ROWS, OLD_BATCHES = 60, 150


def make_old_database(folder):
    """A data folder of version 1: points in the journal only, in two runs, with the summaries that it kept."""
    known = migrations.MIGRATIONS
    migrations.MIGRATIONS = known[:1]
    try:
        database = open_database(folder)
    finally:
        migrations.MIGRATIONS = known
    with database.writer.begin() as connection:
        db = driver(connection)
        for source in (1, 2):
            db.execute(
                "INSERT INTO source (number, id, kind, first_time, names) VALUES (?, ?, 'run', 1, 3)",
                (source, f"run_{source - 1}"),
            )
            high = OLD_ROWS * OLD_BATCHES
            db.execute(
                "INSERT INTO stream (number, source, writer_id, attempt, rank, high) VALUES (?, ?, 'w', 1, 0, ?)",
                (source, source, high),
            )
            db.execute(
                "INSERT INTO metric_set (number, stream, id, names) VALUES (?, ?, 0, ?)",
                (source, source, '["loss","lr","acc"]'),
            )
            db.execute("INSERT INTO run_metric VALUES (?, 'loss', 1, 0, 1, 1, 1, 1, 1, 1, 1, 1)", (source,))
        for at in range(OLD_BATCHES):
            for source in (1, 2):
                first = at * OLD_ROWS + 1
                seqs = range(first, first + OLD_ROWS)
                one = SetColumns(
                    0,
                    struct.pack(f"<{OLD_ROWS}I", *range(OLD_ROWS)),
                    struct.pack(f"<{OLD_ROWS}q", *seqs),
                    struct.pack(f"<{OLD_ROWS}q", *seqs),
                    struct.pack(f"<{3 * OLD_ROWS}d", *(sign * seq for seq in seqs for sign in (1, -1, source))),
                    names=OLD_NAMES,
                )
                (rows,) = check_batch(Batch(first, OLD_ROWS, (one,)))
                records = msgspec.Raw(msgspec.msgpack.encode([{"type": "event", "n": first, "at": 0}]))
                body = encode_frame(first, OLD_ROWS, [(source, rows)], records)
                db.execute(
                    "INSERT INTO journal (source, stream, first_seq, n, body) VALUES (?, ?, ?, ?, ?)",
                    (source, source, first, OLD_ROWS, body),
                )
    database.close()


def check_old(storage):
    """Every point of version 1 once."""
    high = OLD_ROWS * OLD_BATCHES
    wanted = [float(seq) for seq in range(1, high + 1)]
    for source in (1, 2):
        page = storage.series.raw(f"run_{source - 1}", list(OLD_NAMES), limit=10**6)
        assert page.keys["loss"] == (wanted, wanted, wanted)
        assert page.keys["lr"][2] == [-value for value in wanted]
        assert page.keys["acc"][2] == [source * value for value in wanted]
        found = {one.name: one for one in storage.series.summaries([f"run_{source - 1}"])[f"run_{source - 1}"]}
        assert {name: (one.count, one.first, one.last) for name, one in found.items()} == {
            "loss": (high, 1, high),
            "lr": (high, -1, -high),
            "acc": (high, source, source * high),
        }
        records = [(seq, record["n"]) for _, seq, record in storage.series.records(f"run_{source - 1}")]
        assert records == [(seq, seq) for seq in range(1, high, OLD_ROWS)]


@pytest.mark.slow
@pytest.mark.timeout(60 + 10 * KILLS)
def test_kill_9_while_an_old_database_is_brought_up_to_date_loses_nothing(tmp_path):
    """Version 1's journal, killed during the migration and the first seal: all points are there, once."""
    chance = random.Random(9)
    old = tmp_path / "old"
    make_old_database(old)
    said = set()
    for at in range(KILLS // 2):
        folder = tmp_path / f"copy{at}"
        shutil.copytree(old, folder)
        for _ in range(1 + at % 2):  # every second time the next process is killed as well
            command = [sys.executable, "-c", OPENING, str(folder)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                said.add(process.stdout.readline())
                said.update(
                    " ".join(words) for words in kill_after(process, chance.choice([0.03, 0.2]) * chance.random())
                )
        storage = open_storage(folder)
        check_old(storage)
        storage.series.seal()
        check_old(storage)
        check_rows(storage)
        storage.close()
        shutil.rmtree(folder)
    assert {"opening\n", "open"} <= said
