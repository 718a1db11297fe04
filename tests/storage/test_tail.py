"""Reads beside writes and seals: every committed point once, at every moment, whichever thread looks."""

import contextlib
import threading

import numpy as np
import pytest

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.database import driver
from stepwire.storage.open import open_storage
from stepwire.storage.series.tail import BehindError, Tails

NAMES = ("up", "down")


@pytest.fixture
def storage(tmp_path):
    """An empty storage."""
    opened = open_storage(tmp_path / "data")
    yield opened
    opened.close()


def columns(set_id, names, first, seqs):
    """Rows whose step, time and values are their record numbers."""
    seqs = np.asarray(seqs, np.int64)
    values = np.stack([seqs if at % 2 == 0 else -seqs for at in range(len(names))], axis=1).astype("<f8")
    return SetColumns(
        set_id, (seqs - first).astype("<u4").tobytes(), seqs.tobytes(), seqs.tobytes(), values.tobytes(), names=names
    )


def batch(first, count):
    """Records from ``first`` on: all in one set, every third in a second one too."""
    seqs = np.arange(first, first + count)
    sets = [columns(0, NAMES, first, seqs)]
    if len(seqs[seqs % 3 == 0]):
        sets.append(columns(1, ("third",), first, seqs[seqs % 3 == 0]))
    return Batch(first, count, tuple(sets))


def write(storage, job):
    """Run a job in the writer."""
    return storage.writer.submit(job).result(30)


def open_stream(storage, writer_id="w", source="run_a"):
    """Open a stream."""
    return write(storage, lambda tx: storage.series.open_stream(tx, source, writer_id))


def append(storage, stream, first, count):
    """Append records."""
    return write(storage, lambda tx: storage.series.append(tx, stream, batch(first, count)))


# --- threads ---------------------------------------------------------------------------------------------


def in_threads(work, jobs):
    """Run ``work`` while every job runs again and again; what they raise is raised here."""
    done, broken, turns = threading.Event(), [], [0] * len(jobs)

    def loop(at, job):
        try:
            while not done.is_set():
                job()
                turns[at] += 1
        except BaseException as error:  # noqa: BLE001 - raised below
            broken.append(error)
            done.set()

    threads = [threading.Thread(target=loop, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    try:
        work(done)
    finally:
        done.set()
        for thread in threads:
            thread.join(60)
    if broken:
        raise broken[0]
    return turns


class Reader:
    """Looks at a growing series; each look must show a whole prefix of it, no shorter than the last look."""

    def __init__(self, series, acknowledged):
        self._series = series
        self._acknowledged = acknowledged
        self._seen = 0

    def _check(self, count, before):
        assert count >= max(before, self._seen), (count, before, self._seen)
        self._seen = count

    def window(self):
        """Few buckets, out of cells where there are any."""
        before = self._acknowledged[0]
        found = self._series.window("run_a", "up", x="step", points=50)
        self._check(found.stored, before)
        assert sum(found.count) == found.stored
        assert (min(found.min), max(found.max)) == (1, found.stored)
        assert (found.first_value, found.last_value) == (1, found.stored)

    def points(self):
        """Every point."""
        before = self._acknowledged[0]
        found = self._series.window("run_a", "down", x="time", points=10**6)
        self._check(found.stored, before)
        assert found.exact
        assert np.array_equal(found.last, -np.arange(1, found.stored + 1))

    def grid(self):
        """Two sets in one look fit together: a third of the records stands in the other one."""
        found = self._series.grid([("run_a", "up"), ("run_a", "third")], x="step", points=10)
        up, third = found.series
        assert third.stored == up.stored // 3

    def pages(self):
        """All pages, each on a snapshot of its own."""
        before = self._acknowledged[0]
        values, cursor = [], None
        while cursor is not None or not values:
            page = self._series.raw("run_a", ["up"], cursor=cursor, limit=3000)
            values += page.keys["up"][2]
            cursor = page.next_cursor
        self._check(len(values), before)
        assert np.array_equal(values, np.arange(1, len(values) + 1))

    def scan(self):
        """Chunk by chunk, each on a snapshot of its own."""
        before = self._acknowledged[0]
        blocks = [block for block in self._series.scan("run_a", ["down"]) if block.set_id == 0]
        seqs = np.concatenate([block.seqs for block in blocks])
        self._check(len(seqs), before)
        assert np.array_equal(seqs, np.arange(1, len(seqs) + 1))
        assert np.array_equal(np.concatenate([block.values[:, 0] for block in blocks]), -seqs)

    def summary(self):
        """Counts and ends of all metrics."""
        before = self._acknowledged[0]
        by_name = {one.name: one for one in self._series.summaries(["run_a"])["run_a"]}
        up, down, third = by_name["up"], by_name["down"], by_name["third"]
        self._check(up.count, before)
        assert (up.last, up.max, up.min, down.min, down.count) == (up.count, up.count, 1, -up.count, up.count)
        assert (third.count, third.last) == (up.count // 3, up.count // 3 * 3)


@pytest.mark.parametrize("looks", [("window", "points"), ("grid", "pages"), ("scan", "summary")])
def test_readers_see_every_point_once_while_it_is_written_and_sealed(storage, looks):
    """A writer appends, a thread seals, two readers look: prefixes only, whole, never shorter, never behind."""
    series, acknowledged = storage.series, [0]
    stream = open_stream(storage)

    def work(done):
        rng = np.random.default_rng(1)
        while acknowledged[0] < 30_000 and not done.is_set():
            count = int(rng.choice([1, 3, 50, 700]))
            acknowledged[0] = append(storage, stream, acknowledged[0] + 1, count).high

    acknowledged[0] = append(storage, stream, 1, 3).high
    readers = [getattr(Reader(series, acknowledged), look) for look in looks]
    turns = in_threads(work, [*readers, lambda: series.seal("run_a")])
    assert min(turns) > 3
    for look in ("window", "points", "grid", "pages", "scan", "summary"):
        getattr(Reader(series, acknowledged), look)()


def test_renames_deletions_and_rewinds_beside_reads_are_all_or_nothing(storage):
    """A reader sees the metric under the one name or the other, with all points or, once deleted, with the later ones."""
    series, stream = storage.series, open_stream(storage)
    append(storage, stream, 1, 6000)

    def work(done):
        names = ["up", "above"]
        for at in range(60):
            if done.is_set():
                return
            old, new = names[at % 2], names[1 - at % 2]
            write(storage, lambda tx, old=old, new=new: series.rename(tx, "run_a", old, new))
            append(storage, stream, 6001 + at * 10, 10)

    def look():
        up, above = series.windows("run_a", ["up", "above"], x="step", points=20)
        assert (up.stored == 0) != (above.stored == 0)
        assert (up.stored + above.stored) % 10 == 0
        names = series.names("run_a")
        assert ("up" in names) != ("above" in names)

    def summarise():
        found = {one.name: one.count for one in series.summaries(["run_a"])["run_a"]}
        assert found["down"] == found.get("up", found.get("above"))
        assert len(found) == 3

    in_threads(work, [look, summarise, lambda: series.seal("run_a")])


def test_a_source_deleted_beside_reads_and_seals_is_there_or_not(storage):
    """Deleted and made anew over and over: a look shows one life of it, or nothing, and never an error."""
    series = storage.series

    def work(done):
        for at in range(25):
            if done.is_set():
                return
            stream = open_stream(storage, f"w{at}")
            append(storage, stream, 1, 5000)
            append(storage, stream, 5001, 1000)
            write(storage, lambda tx: series.delete(tx, "run_a"))

    def look():
        assert series.window("run_a", "up", x="step", points=10).stored in (0, 5000, 6000)
        assert [one.count for one in series.summaries(["run_a"], ["up"])["run_a"]] in ([], [5000], [6000])

    def pages():
        assert sum(len(block.seqs) for block in series.scan("run_a", ["up"])) in range(6001)
        assert len(series.raw("run_a", ["up"], limit=10**5).keys["up"][0]) in (0, 5000, 6000)

    in_threads(work, [look, pages, lambda: series.seal()])
    assert series.names("run_a") == []


def test_many_streams_of_a_run_and_many_runs_at_once(storage):
    """Eight writers in two runs: each look has whole batches of each, and all of them in the end."""
    series, highs = storage.series, [0] * 8
    streams = [open_stream(storage, f"w{at}", f"run_{at % 2}") for at in range(8)]

    def work(done):
        rng = np.random.default_rng(4)
        for _ in range(300):
            if done.is_set():
                return
            at = int(rng.integers(8))
            highs[at] = append(storage, streams[at], highs[at] + 1, 100).high

    def look():
        for run in ("run_0", "run_1"):
            found = series.window(run, "up", x="step", points=10**6)
            assert found.stored % 100 == 0
            assert sum(block.values.shape[0] for block in series.scan(run, ["up"])) >= found.stored

    in_threads(work, [look, lambda: series.seal(None)])
    for run in (0, 1):
        found = series.window(f"run_{run}", "up", x="step", points=10**6)
        wanted = np.sort(np.concatenate([np.arange(1, high + 1) for high in highs[run::2]]))
        assert np.array_equal(found.last, wanted)


# --- the memory alone ------------------------------------------------------------------------------------


def read(tails, storage, stream, connection=None):
    """What the memory says of the first set, on a snapshot of its own or a given one."""
    with contextlib.ExitStack() as stack:
        db = driver(connection or stack.enter_context(storage.database.read()))
        through, high = db.execute(
            "SELECT sealed_through, high FROM stream WHERE number = ?", (stream.number,)
        ).fetchone()
        (number,) = db.execute("SELECT number FROM metric_set WHERE stream = ? AND id = 0", (stream.number,)).fetchone()
        found = tails.read(db, 1, stream.number, through, high, {number: len(NAMES)})
        return [] if number not in found else found[number].seqs.tolist()


def test_what_a_reader_got_stays_as_it_is(storage):
    """Arrays given out earlier are not changed by what is added later, nor by a float step among whole ones."""
    tails, stream = Tails(), open_stream(storage)
    append(storage, stream, 1, 10)
    first = read(tails, storage, stream)
    kept = list(first)
    for at in range(20):
        append(storage, stream, 11 + at * 7, 7)
        assert read(tails, storage, stream) == list(range(1, 18 + at * 7))
    assert first == kept == list(range(1, 11))


def test_rows_left_over_by_a_seal_are_read_from_their_new_row(storage):
    """A full chunk is sealed by itself, the rest stays in the journal under the number of its last row."""
    tails, stream = Tails(), open_stream(storage)
    for first in range(1, 5001, 500):
        append(storage, stream, first, 500)
        seen = read(tails, storage, stream)
        assert seen == [] or seen[-1] == first + 499
    for _ in range(200):
        if read(tails, storage, stream)[0] == 4097:
            break
        threading.Event().wait(0.05)
    assert read(tails, storage, stream) == list(range(4097, 5001))
    append(storage, stream, 5001, 20)
    assert read(tails, storage, stream) == list(range(4097, 5021))
    assert storage.series.window("run_a", "up", x="step", points=10**4).last == [float(at) for at in range(1, 5021)]


def test_a_reader_with_an_older_snapshot_is_told_to_begin_again(storage):
    """Memory that knows of a later seal has dropped rows that the older snapshot would need."""
    tails, stream = Tails(), open_stream(storage)
    append(storage, stream, 1, 10)
    with storage.database.read() as old:
        assert read(tails, storage, stream, old) == list(range(1, 11))
        append(storage, stream, 11, 10)
        storage.series.seal()
        append(storage, stream, 21, 10)
        assert read(tails, storage, stream) == list(range(21, 31))
        with pytest.raises(BehindError):
            read(tails, storage, stream, old)
    assert read(tails, storage, stream) == list(range(21, 31))


def test_a_memory_that_is_too_small_forgets_and_reads_again(storage):
    """Nothing is kept between reads, and nothing is missing."""
    tails, stream = Tails(limit=1), open_stream(storage)
    for first in range(1, 101, 10):
        append(storage, stream, first, 10)
        assert read(tails, storage, stream) == list(range(1, first + 10))


def test_records_alone_do_not_stop_the_background(storage):
    """Megabytes of records beside a few rows are sealed as well, and the keeper comes to rest."""
    series, stream = storage.series, open_stream(storage)
    text = "x" * 1_000_000
    for at in range(1, 31):
        one = Batch(at, 1, (columns(0, NAMES, at, [at]),), ({"at": 0, "type": "text", "text": text, "n": at},))
        write(storage, lambda tx, one=one: series.append(tx, stream, one))

    def left():
        with storage.database.read() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM journal").scalar_one()

    for _ in range(200):
        if left() < 30:
            break
        threading.Event().wait(0.05)
    assert left() < 30
    assert [record["n"] for _, _, record in series.records("run_a")] == list(range(1, 31))
    assert series.window("run_a", "up", x="step").last == [float(at) for at in range(1, 31)]
