"""Archives: points go into a file that anyone reads and come back bit for bit, whatever breaks in between."""

import hashlib
import sys

import numpy as np
import pytest
from pyarrow import parquet
from tests.storage.logged import NAMES, START, Run, bits, count_rows, integrity, scanned, summaries, write

from stepwire.errors import ConflictError, DamagedError, MissingExtraError, NotFoundError
from stepwire.storage.archive import Archives, StoppedError
from stepwire.storage.open import open_storage
from stepwire.storage.series.interface import DropRule


@pytest.fixture
def storage(tmp_path):
    """An open data folder."""
    opened = open_storage(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def told():
    """The events that were told."""
    return []


@pytest.fixture
def archives(storage, told):
    """What is under test, with a clock that stands still."""
    return Archives(storage, lambda: START, told.append)


@pytest.fixture
def run(storage):
    """A run of two and a half chunks."""
    return Run(storage).make().log(10_000)


def raw_chunks(storage):
    """How many chunks of points there are."""
    return count_rows(storage, "SELECT count(*) FROM chunk WHERE level = 0")


def blocks(storage):
    """Every stored body, without the numbers that chunks happen to have."""
    with storage.database.read() as connection:
        query = (
            "SELECT metric_set, level, k, block.id & 16383, body, axis, rows, s0, s1, t0, t1, first_seq "
            "FROM chunk JOIN block ON block.id >> 14 = chunk.number ORDER BY 1, 2, 3, 4"
        )
        return connection.exec_driver_sql(query).fetchall()


def test_points_go_into_a_file_and_come_back(storage, archives, run, told):
    """The blocks after a restore are those from before, byte for byte; in between charts and summaries are the same."""
    storage.series.seal("run_a")
    before, figures = blocks(storage), summaries(storage, "run_a")
    chart = storage.series.window("run_a", "odd", x="step", points=10)
    made = archives.archive("run_a")
    path = archives.folder / "run_a.parquet"
    assert (made.state, made.points, made.bytes) == ("archived", 30_000, path.stat().st_size)
    assert made.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o600 and list(archives.folder.iterdir()) == [path]
    assert raw_chunks(storage) == 0 and summaries(storage, "run_a") == figures
    between = storage.series.window("run_a", "odd", x="step", points=10)
    assert (min(between.min), max(between.max), between.stored) == (min(chart.min), max(chart.max), 10_000)
    assert archives.restore("run_a").state == "restored"
    assert blocks(storage) == before and not path.exists()
    assert bits(scanned(storage, "run_a")) == bits(run.values)
    assert count_rows(storage, "SELECT count(*) FROM dropped") == 0 and integrity(storage) == "ok"
    assert [(one.event, one.level, one.run_id, one.data["points"]) for one in told] == [
        ("run_archived", "info", "run_a", 30_000),
        ("run_restored", "info", "run_a", 30_000),
    ]
    assert told[0].data["bytes"] == made.bytes and told[0].data["freed"] > 30_000


def test_anyone_reads_the_file(archives, run):
    """Rows of a Parquet library have the values bit for bit, with steps, times and names."""
    archives.archive("run_a")
    table = parquet.read_table(archives.folder / "run_a.parquet")
    assert table["metric"].to_pylist()[:3] == list(NAMES)
    assert bits(table["value"].to_numpy()) == bits(run.values)
    assert table["step"].to_pylist()[::3] == list(range(10_000))


def test_what_is_there_is_left_as_it_is(storage, archives, run):
    """A second archive writes nothing; a restore of what is not archived is refused."""
    with pytest.raises(ConflictError, match="not archived"):
        archives.restore("run_a")
    first = archives.archive("run_a")
    assert archives.archive("run_a") == first
    archives.restore("run_a")
    with pytest.raises(ConflictError, match="not archived"):
        archives.restore("run_a")
    assert archives.archive("run_a").sha256 == first.sha256


def test_only_ended_runs_with_points_are_archived(storage, archives):
    """A running one, an empty one and an unknown one are refused, and nothing is left of the attempt."""
    Run(storage, "running").make("running").log(10)
    Run(storage, "empty").make()
    with pytest.raises(ConflictError, match="is running"):
        archives.archive("running")
    with pytest.raises(ConflictError, match="no points"):
        archives.archive("empty")
    with pytest.raises(NotFoundError):
        archives.archive("unknown")
    assert storage.catalog.list_archives() == [] and not archives.folder.exists()


def test_a_run_that_went_on_is_archived_whole(storage, archives, run):
    """Points that came after the archive join the others in one file."""
    archives.archive("run_a")
    run.log(100)
    later = Run(storage, writer_id="w2", attempt=2, seed=3, step=10_100).log(5000)
    assert archives.archive("run_a").points == 3 * 15_100
    assert raw_chunks(storage) == 0
    archives.restore("run_a")
    assert sorted(bits(scanned(storage, "run_a"))) == sorted(bits(np.concatenate([run.values, later.values])))
    assert storage.series.window("run_a", "acc", x="step").stored == 15_100


def test_rewinds_deletions_and_new_names_come_back_as_they_were(storage, archives, run):
    """Hidden points stay hidden, deleted ones stay deleted, and a name given in between stays."""
    write(storage, lambda tx: storage.series.rewind(tx, "run_a", 2, 4999))
    again = Run(storage, writer_id="w2", attempt=2, seed=7, step=5000).log(6000)
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "acc"))
    again.log(3000)
    storage.series.seal("run_a")
    before, figures = blocks(storage), summaries(storage, "run_a")
    hidden = storage.series.window("run_a", "loss", x="step", superseded=True)
    archives.archive("run_a")
    assert raw_chunks(storage) < 6 and summaries(storage, "run_a") == figures
    write(storage, lambda tx: storage.series.rename(tx, "run_a", "loss", "losses"))
    archives.restore("run_a")
    assert summaries(storage, "run_a") == figures.replace("'loss'", "'losses'")
    assert storage.series.window("run_a", "losses", x="step", superseded=True).max == hidden.max
    kept = [row for row in before if not (row[1] == 0 and row[3] == 1)]  # acc is gone where all of a chunk was deleted
    assert [row for row in blocks(storage) if not (row[1] == 0 and row[3] == 1)] == kept


@pytest.mark.parametrize("are_cells_gone", [False, True])
def test_a_metric_that_is_deleted_meanwhile_stays_away(storage, archives, run, are_cells_gone):
    """Its points are in the file and don't come back; the others do, whether its cells are there or purged."""
    archives.archive("run_a")
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "acc"))
    if are_cells_gone:
        write(storage, lambda tx: tx.exec_driver_sql("DELETE FROM block WHERE id & 16383 = 1"))
    archives.restore("run_a")
    assert (
        count_rows(
            storage, "SELECT count(*) FROM chunk JOIN block ON block.id = (chunk.number << 14) + 1 WHERE level = 0"
        )
        == 0
    )
    assert storage.series.names("run_a") == ["loss", "odd"]
    kept = np.concatenate([block.values[:, [0, 2]] for block in storage.series.scan("run_a")])
    assert bits(kept) == bits(run.values[:, [0, 2]])
    assert storage.series.drop("run_a", DropRule(ended=True), lambda: None).points == 20_000


def test_a_file_that_is_not_the_one_written_brings_nothing_back(storage, archives, run, tmp_path):
    """A changed, a missing and a foreign file are told; everything stays as it is, and the right file still works."""
    archives.archive("run_a")
    path = archives.folder / "run_a.parquet"
    whole = path.read_bytes()
    for damage in (whole[:-100], whole[:1000] + b"x" + whole[1001:], b"", None):
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
        with pytest.raises(DamagedError):
            archives.restore("run_a")
        assert storage.catalog.get_archive("run_a").state == "archived" and raw_chunks(storage) == 0
        path.write_bytes(whole)
    archives.restore("run_a")
    assert bits(scanned(storage, "run_a")) == bits(run.values)


def test_other_points_than_the_cells_stand_for_are_refused(storage, archives, run):
    """Even with the right checksum: what was written back until then is removed again."""
    archives.archive("run_a")
    path = archives.folder / "run_a.parquet"
    table = parquet.read_table(path)
    values = table["value"].to_numpy().copy()
    values[-1] += 1
    column = table.schema.get_field_index("value")
    parquet.write_table(table.set_column(column, table.schema.field("value"), [values]), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    write(storage, lambda tx: storage.catalog.update_archive(tx, "run_a", {"sha256": digest}))
    with pytest.raises(DamagedError, match="other cells"):
        archives.restore("run_a")
    assert storage.catalog.get_archive("run_a").state == "archived" and raw_chunks(storage) == 0
    assert storage.series.window("run_a", "acc", x="step").stored == 10_000


def test_without_pyarrow_the_line_that_installs_it_is_told(storage, archives, run, monkeypatch):
    """Nothing is begun."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        archives.archive("run_a")
    assert storage.catalog.get_archive("run_a") is None


def test_a_run_that_changes_meanwhile_keeps_its_points(storage, run, told):
    """What came while the file was written is not lost: the archive is given up."""
    calls = iter(range(10**6))

    def proceed():
        if next(calls) == 3:
            run.log(10)

    archives = Archives(storage, lambda: START, told.append, proceed)
    with pytest.raises((ConflictError, DamagedError)):
        archives.archive("run_a")
    assert storage.catalog.get_archive("run_a") is None and list(archives.folder.iterdir()) == []
    assert bits(scanned(storage, "run_a")) == bits(run.values)


def test_cells_that_do_not_stand_for_points_keep_them_beside_the_file(storage, archives, run, told):
    """The archive is whole, the points stay, and the event says why."""
    storage.series.seal("run_a")
    write(storage, lambda tx: tx.exec_driver_sql("DELETE FROM chunk WHERE level = 1 AND k = 0"))
    archives.archive("run_a")
    assert (told[0].level, told[0].event) == ("warning", "run_archived") and raw_chunks(storage) == 3


class Stopping:
    """Lets so many pieces of work pass, then stops."""

    def __init__(self, pieces):
        self.left = pieces

    def __call__(self):
        self.left -= 1
        if self.left < 0:
            raise StoppedError


def test_whatever_piece_it_stops_at_it_goes_on(tmp_path, monkeypatch):
    """Archive and restore are broken off before every single piece; all points are there once it is finished."""
    monkeypatch.setattr("stepwire.storage.series.drop._SETS_AT_ONCE", 1)
    storage = open_storage(tmp_path / "data")
    run = Run(storage).make().log(9000)
    storage.series.seal("run_a")
    before = blocks(storage)
    states = set()
    pieces, done = 0, False
    while not done:
        done = True
        for work in ("archive", "restore"):
            stopping = Archives(storage, lambda: START, proceed=Stopping(pieces))
            try:
                getattr(stopping, work)("run_a")
            except StoppedError:
                done = False
                state = storage.catalog.get_archive("run_a").state
                states.add(state)
                assert storage.series.window("run_a", "acc", x="step").stored == 9000
                known = Archives(storage, lambda: START).finish(storage.catalog.get_archive("run_a"))
                if known.state == "archived" and work == "restore":  # the checksum was not read to its end
                    Archives(storage, lambda: START).restore("run_a")
            known = storage.catalog.get_archive("run_a")
            assert known.state == {"archive": "archived", "restore": "restored"}[work]
        pieces += 1
    assert pieces >= 10 and {"writing", "dropping", "restoring"} <= states
    assert blocks(storage) == before and bits(scanned(storage, "run_a")) == bits(run.values)
    assert list((tmp_path / "data" / "archive").iterdir()) == []
    storage.close()


def test_a_file_lost_while_points_are_dropped_stops_the_dropping(storage, run):
    """What is left in the database stays there."""
    stopping = Archives(storage, lambda: START, proceed=Stopping(10**6))
    made = stopping.archive("run_a")
    stopping.restore("run_a")
    write(storage, lambda tx: storage.catalog.put_archive(tx, made))
    write(storage, lambda tx: storage.catalog.update_archive(tx, "run_a", {"state": "dropping"}))
    with pytest.raises(DamagedError, match="missing"):
        stopping.finish(storage.catalog.get_archive("run_a"))
    assert bits(scanned(storage, "run_a")) == bits(run.values)


@pytest.mark.parametrize("width", [700, 3000])
def test_wide_sets_go_through_a_file(storage, archives, width):
    """Sets of many metrics, whose chunks are shorter and whose rows are cut by batches, come back too."""
    from stepwire.protocol import Batch, SetColumns
    from stepwire.storage.catalog.interface import NewRun

    write(storage, lambda tx: storage.catalog.create_run(tx, NewRun("wide", "wide", status="completed"), 1))
    stream = write(storage, lambda tx: storage.series.open_stream(tx, "wide", "w"))
    rows, names = 1500, tuple(f"m/{at}" for at in range(width))
    values = np.random.default_rng(1).normal(size=(rows, width))
    for first in range(0, rows, 100):
        numbers = np.arange(first, first + 100, dtype=np.int64)
        columns = SetColumns(
            5, np.arange(100, dtype=np.uint32).tobytes(), (numbers / 2).tobytes(), (numbers + START).tobytes(),
            values[first : first + 100].tobytes(), names, "f8",
        )  # fmt: skip
        write(
            storage,
            lambda tx, first=first, columns=columns: storage.series.append(
                tx, stream, Batch(first + 1, 100, (columns,))
            ),
        )
    storage.series.seal("wide")
    before = blocks(storage)
    assert archives.archive("wide").points == rows * width
    assert raw_chunks(storage) == 0
    archives.restore("wide")
    assert blocks(storage) == before
