"""The writer: one COMMIT for all that wait, and nobody harms his neighbour."""

import sqlite3
import threading

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from stepwire.errors import StepwireError, StorageFullError
from stepwire.storage.database import check_writable, open_database
from stepwire.storage.writer import Writer, is_fatal, on_commit


def put(name, value="x"):
    return lambda tx: tx.exec_driver_sql("INSERT INTO meta (name, value) VALUES (?, ?)", (name, value)).rowcount


def stored(database):
    with database.read() as connection:
        return set(connection.exec_driver_sql("SELECT name FROM meta").scalars()) - {
            "server_id",
            "last_run_number",
            "summarised_through",
        }


class Commits:
    """Counts COMMITs, as SQLite itself tells them."""

    def __init__(self, writer):
        self.count = 0
        writer.submit(self._watch).result(20)
        self.count = 0

    def _watch(self, tx):
        tx.connection.driver_connection.set_trace_callback(self._see)

    def _see(self, statement):
        self.count += statement == "COMMIT"


def hold(writer):
    """Keep the writer busy until the returned event is set, so that jobs pile up."""
    gate, held = threading.Event(), threading.Event()
    writer.submit(lambda tx: (held.set(), gate.wait(20)))
    assert held.wait(20)
    return gate


def test_all_that_waits_shares_one_commit(database, writer):
    """A hundred jobs that wait while one runs are committed together."""
    commits = Commits(writer)
    gate = hold(writer)
    futures = [writer.submit(put(f"n{at}")) for at in range(100)]
    assert writer.waiting == 100
    gate.set()
    assert [future.result(20) for future in futures] == [1] * 100
    assert commits.count == 2
    assert len(stored(database)) == 100


def test_a_future_resolves_after_commit(database, writer):
    """Whoever sees the result finds it in the database."""
    seen = []
    future = writer.submit(put("a"))
    future.add_done_callback(lambda _: seen.append(stored(database)))
    future.result(20)
    writer.submit(lambda tx: None).result(20)
    assert seen == [{"a"}]


def test_a_job_that_raises_undoes_itself_only(database, writer):
    """Its neighbours in the transaction are committed, and its own error reaches its own future."""

    def bad(tx):
        put("half")(tx)
        on_commit(tx, lambda: happened.append("half"))
        raise ZeroDivisionError

    happened = []
    gate = hold(writer)
    futures = [writer.submit(job) for job in (put("a"), bad, put("a"), put("b"))]
    gate.set()
    assert futures[0].result(20) == futures[3].result(20) == 1
    assert isinstance(futures[1].exception(20), ZeroDivisionError)
    assert isinstance(futures[2].exception(20), IntegrityError)
    assert stored(database) == {"a", "b"}
    assert happened == []


def test_actions_run_after_commit_in_order_and_before_the_futures(database, writer):
    """Memory is changed when the disk has it, and is right when the caller goes on."""
    happened = []

    def job(tx):
        put("a")(tx)
        on_commit(tx, lambda: happened.append(stored(database)))
        on_commit(tx, lambda: happened.append("second"))

    future = writer.submit(job)
    future.add_done_callback(lambda _: happened.append("future"))
    future.result(20)
    writer.submit(lambda tx: None).result(20)
    assert happened == [{"a"}, "second", "future"]


def test_an_action_that_raises_is_logged_and_harms_nobody(writer, caplog):
    """What is committed stays so; the writer goes on."""
    writer.submit(lambda tx: on_commit(tx, lambda: 1 / 0)).result(20)
    assert writer.submit(put("a")).result(20) == 1
    assert "division by zero" in caplog.text


def test_a_full_disk_fails_the_whole_group_and_the_next_one_works(database, writer):
    """SQLite's own limit of pages stands for the disk: nobody is told that his write is safe, nothing is kept."""
    failures = []
    writer.after_failure(lambda: failures.append(stored(database)))
    happened = []

    def fill(tx):
        tx.exec_driver_sql("PRAGMA max_page_count=1").all()
        put("big", "x" * 10_000_000)(tx)

    def before(tx):
        put("before")(tx)
        on_commit(tx, lambda: happened.append("before"))

    gate = hold(writer)
    futures = [writer.submit(job) for job in (before, fill, put("after"))]
    gate.set()
    assert {type(future.exception(20)) for future in futures} == {StorageFullError}
    assert failures == [set()]
    assert happened == []
    # The new connection has no limit any more.
    assert writer.submit(put("a")).result(20) == 1
    assert stored(database) == {"a"}


def test_a_fault_of_the_disk_is_told_from_a_bad_row(writer):
    """Inside a job: a full disk is fatal, a row that breaks a rule and an error of Python are not."""

    seen = []

    def job(tx):
        for bad in (put("server_id"), lambda _: 1 / 0, fill):
            try:
                bad(tx)
            except (DBAPIError, ZeroDivisionError) as error:
                seen.append(is_fatal(error))
                if seen[-1]:
                    raise

    def fill(tx):
        tx.exec_driver_sql("PRAGMA max_page_count=1").all()
        put("big", "x" * 10_000_000)(tx)

    assert isinstance(writer.submit(job).exception(20), StorageFullError)
    assert seen == [False, False, True]


def test_a_commit_that_fails_fails_the_whole_group(database, writer):
    """An error that only COMMIT shows (here: a reference to nothing, checked late) reaches every future."""

    def dangling(tx):
        tx.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        tx.exec_driver_sql("INSERT INTO stream (source, writer_id, attempt, rank) VALUES (99, 'w', 1, 0)")

    gate = hold(writer)
    futures = [writer.submit(job) for job in (put("a"), dangling)]
    gate.set()
    assert {type(future.exception(20)) for future in futures} == {StepwireError}
    assert stored(database) == set()
    assert writer.submit(put("a")).result(20) == 1


def test_a_cancelled_job_that_waits_is_skipped(database, writer):
    """A caller that left before its turn writes nothing and stops nobody."""
    gate = hold(writer)
    gone, kept = writer.submit(put("gone")), writer.submit(put("kept"))
    assert gone.cancel()
    gate.set()
    assert kept.result(20) == 1
    assert stored(database) == {"kept"}


def test_close_finishes_what_waits_and_then_takes_no_more(database):
    """Nothing that was accepted is left undone; a late job is refused at once."""
    writer = Writer(database)
    gate = hold(writer)
    futures = [writer.submit(put(f"n{at}")) for at in range(10)]
    assert not writer.close(timeout=0)
    with pytest.raises(StepwireError):
        writer.submit(put("late"))
    gate.set()
    assert writer.close()
    assert all(future.done() for future in futures)
    assert len(stored(database)) == 10


def test_periodic_jobs_run_while_wanted_and_at_close(database):
    """One that is wanted runs without any other write, one that is not never does, each once more at the end."""
    writer = Writer(database)
    ran, enough = [], threading.Event()

    def job(tx):
        ran.append("wanted")
        if len(ran) == 3:
            enough.set()

    writer.periodically(0.001, job, lambda: not enough.is_set() or len(ran) == 3)
    writer.periodically(0.001, lambda tx: ran.append("never"), lambda: False)
    assert enough.wait(20)
    assert writer.close()
    assert set(ran) == {"wanted"}
    assert len(ran) >= 4


def test_a_periodic_job_that_raises_is_logged_and_comes_again(database, caplog):
    """A failed write-back is tried again, and jobs go on meanwhile."""
    writer = Writer(database)
    tries, twice = [], threading.Event()

    def job(tx):
        tries.append(1)
        if len(tries) == 2:
            twice.set()
        raise ZeroDivisionError

    writer.periodically(0.001, job, lambda: not twice.is_set())
    assert twice.wait(20)
    assert writer.submit(put("a")).result(20) == 1
    assert writer.close()
    assert "ZeroDivisionError" in caplog.text


def test_a_check_of_writability_writes(database, writer):
    """It goes through a real COMMIT and changes one row, each time anew: SQLite would not write an equal one."""
    commits, seen = Commits(writer), set()
    for count in (1, 2):
        writer.submit(check_writable).result(20)
        assert commits.count == count
        with database.read() as connection:
            seen.add(connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'checked_at'").scalar_one())
    assert len(seen) == 2
    assert stored(database) == {"checked_at"}


def test_what_was_acknowledged_is_in_a_copy_of_the_files(tmp_path):
    """The database and its log hold it while the writer is still open: COMMIT doesn't wait for close."""
    database = open_database(tmp_path / "data")
    writer = Writer(database)
    writer.submit(put("a")).result(20)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (tmp_path / "data").glob("dashboard.db*"):
        (copy / file.name).write_bytes(file.read_bytes())
    connection = sqlite3.connect(copy / "dashboard.db")
    assert connection.execute("SELECT value FROM meta WHERE name = 'a'").fetchall() == [("x",)]
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    writer.close()
    database.close()
