"""The retention policy, the trash, and bytes that are really given back."""

import time

import pytest
from tests.storage.logged import DAY, START, Run, bits, count_rows, integrity, scanned, summaries, write

from stepwire.errors import ConflictError, NotFoundError
from stepwire.protocol import Batch, SetColumns
from stepwire.storage.catalog.interface import NewRun
from stepwire.storage.database import CHECKPOINT_PAGES
from stepwire.storage.open import open_storage
from stepwire.storage.retention import Policy, Retention

LATER = START + 100 * DAY


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


def turn(storage, told, now=LATER, **policy):
    """One turn of a policy at a time."""
    Retention(storage, Policy(**policy), lambda: now, told.append).turn()


def trash(storage, run_id, now=START):
    """Delete a run as the server does."""

    def job(tx):
        storage.catalog.trash_run(tx, run_id, now)
        storage.series.trash(tx, run_id)

    write(storage, job)


def undelete(storage, run_id, now=START):
    """Take it back."""

    def job(tx):
        storage.catalog.undelete_run(tx, run_id, now)
        storage.series.untrash(tx, run_id)

    write(storage, job)


def test_the_default_policy_keeps_everything(storage, told):
    """Nothing is done, whatever its age."""
    run = Run(storage).make().log(5000)
    storage.series.seal()
    turn(storage, told, START + 10_000 * DAY)
    assert told == [] and bits(scanned(storage, "run_a")) == bits(run.values)


def test_old_points_of_ended_runs_and_hosts_are_dropped(storage, told):
    """Those of running and of young runs stay; the last chunk of a host stays."""
    for name, status in (("old", "completed"), ("running", "running")):
        Run(storage, name).make(status).log(5000)
    Run(storage, "young", start=LATER).make().log(5000)
    write(storage, lambda tx: storage.series.open_stream(tx, "host:a", "w1", kind="host"))
    Run(storage, "host:a").log(5000)
    storage.series.seal()
    before = {name: summaries(storage, name) for name in ("old", "host:a")}
    turn(storage, told, keep_raw=30.0)
    left = {name: len(scanned(storage, name)) for name in ("old", "running", "young", "host:a")}
    assert left == {"old": 0, "running": 5000, "young": 5000, "host:a": 5000 - 4096}
    assert {name: summaries(storage, name) for name in before} == before
    assert [(one.event, one.run_id, one.data["points"]) for one in told] == [
        ("raw_dropped", "old", 15_000),
        ("raw_dropped", None, 3 * 4096),
    ]
    turn(storage, told, keep_raw=30.0)
    assert len(told) == 2


def test_untouched_runs_are_archived_once(storage, told):
    """Running, empty, young and archived ones are left; one that was restored counts from then."""
    Run(storage, "old").make().log(100)
    Run(storage, "running").make("running").log(100)
    Run(storage, "empty").make()
    Run(storage, "young", start=LATER - DAY).make().log(100)
    storage.series.seal()
    for _ in range(2):
        turn(storage, told, archive=30.0)
    assert [(one.event, one.run_id) for one in told] == [("run_archived", "old")]
    retention = Retention(storage, Policy(archive=30.0, keep_raw=30.0), lambda: LATER, told.append)
    retention.archives.restore("old")
    retention.turn()
    assert len(scanned(storage, "old")) == 100
    turn(storage, told, LATER + 31 * DAY, archive=30.0)
    assert [one.run_id for one in told if one.event == "run_archived"] == ["old", "old", "young"]


def test_points_of_an_archived_run_are_not_dropped_for_good(storage, told):
    """What came to an archived run stays until both can go into one file."""
    run = Run(storage).make().log(100)
    turn(storage, told, archive=30.0)
    storage.series.seal()
    turn(storage, told, archive=30.0)
    run.log(50)
    storage.series.seal()
    turn(storage, told, keep_raw=1.0)
    assert len(scanned(storage, "run_a")) == 50


def test_a_failure_is_told_once_and_the_rest_is_done(storage, told):
    """Damage to one run is an event and does not keep the others from their turn."""
    for name in ("bad", "good"):
        Run(storage, name).make().log(5000)
    storage.series.seal()
    write(storage, lambda tx: tx.exec_driver_sql("DELETE FROM chunk WHERE level = 1 AND metric_set = 1 AND k = 0"))
    retention = Retention(storage, Policy(keep_raw=1.0), lambda: LATER, told.append)
    for _ in range(3):
        retention.turn()
    assert [(one.event, one.level, one.run_id) for one in told] == [
        ("raw_drop_failed", "warning", "bad"),
        ("raw_dropped", "info", "good"),
    ]
    assert len(scanned(storage, "bad")) == 5000


def test_a_run_in_the_trash_is_out_of_sight_and_comes_back_whole(storage):
    """No read finds it, its stream is refused, its id is taken; undeleted it is as it was."""
    run = Run(storage).make().log(3000)
    other = Run(storage, "run_b", seed=1).make().log(10)
    stream = write(storage, lambda tx: storage.series.open_stream(tx, "run_a", "w1"))
    catalog, series = storage.catalog, storage.series
    write(
        storage,
        lambda tx: catalog.add_event(tx, time=1, level="info", source="run", event="e", message="m", run_id="run_a"),
    )
    before = catalog.get_run("run_a"), summaries(storage, "run_a"), series.usage("run_a")
    trash(storage, "run_a", 77)
    with pytest.raises(NotFoundError):
        catalog.get_run("run_a")
    assert [one.id for one in catalog.list_runs(run_filter())[0]] == ["run_b"]
    assert catalog.count_runs() == {"completed": 1} and catalog.list_events() == []
    assert series.names("run_a") == [] and series.summaries(["run_a"]) == {"run_a": []}
    assert [source for source, _ in series.ranked("loss", "max")] == ["run_b"]
    assert write(storage, lambda tx: catalog.was_deleted(tx, "run_a"))
    with pytest.raises(NotFoundError):
        write(
            storage,
            lambda tx: series.append(
                tx, stream, Batch(3001, 1, (SetColumns(0, b"\0" * 4, b"\0" * 8, b"\0" * 8, b"\0" * 24),))
            ),
        )
    with pytest.raises(ConflictError, match="trash"):
        write(storage, lambda tx: catalog.create_run(tx, NewRun("run_a", "again"), 1))
    with pytest.raises(NotFoundError):
        trash(storage, "run_a")
    assert [(one.run.id, one.deleted_at) for one in catalog.list_trash()] == [("run_a", 77)]
    assert series.usage("run_a") == before[2]
    series.seal()
    undelete(storage, "run_a", before[0].updated_at)
    assert (catalog.get_run("run_a"), summaries(storage, "run_a")) == before[:2]
    assert bits(scanned(storage, "run_a")) == bits(run.values) and catalog.list_trash() == []
    assert [one.run_id for one in catalog.list_events()] == ["run_a"]
    assert [source for source, _ in series.ranked("loss", "count")] == ["run_b", "run_a"]
    run.log(10)
    assert bits(scanned(storage, "run_b")) == bits(other.values)
    with pytest.raises(NotFoundError):
        undelete(storage, "run_a")


def run_filter():
    """All runs."""
    from stepwire.storage.catalog.interface import RunFilter

    return RunFilter()


def test_the_trash_is_emptied_when_its_time_is_over(storage, told):
    """Rows, points and the archive's file go; the id is free again; younger runs stay in the trash."""
    for name in ("run_a", "run_b", "run_c"):
        Run(storage, name).make().log(5000)
    Retention(storage, Policy(), lambda: START).archives.archive("run_a")
    file = storage.database.folder / "archive" / "run_a.parquet"
    trash(storage, "run_a", START)
    trash(storage, "run_b", LATER - DAY)
    turn(storage, told, trash=7.0)
    assert [one.run.id for one in storage.catalog.list_trash()] == ["run_b"] and not file.exists()
    assert storage.catalog.get_archive("run_a") is None
    (event,) = told
    assert (event.event, event.run_id, event.data["run_id"], event.data["points"]) == (
        "run_purged",
        None,
        "run_a",
        15_000,
    )
    assert event.data["bytes"] > 10_000
    write(storage, lambda tx: storage.catalog.create_run(tx, NewRun("run_a", "again"), 1))
    until(lambda: count_rows(storage, "SELECT count(*) FROM source WHERE kind = 'deleted'") == 0)
    assert count_rows(storage, "SELECT count(*) FROM dropped") == 0
    assert integrity(storage) == "ok" and len(scanned(storage, "run_c")) == 5000


def test_an_archive_in_the_trash_waits_for_its_run(storage, told):
    """Work on it that was broken off goes on once the run is back; a purge ends it."""
    run = Run(storage).make().log(5000)
    retention = Retention(storage, Policy(), lambda: START, told.append)
    retention.archives.archive("run_a")
    write(storage, lambda tx: storage.catalog.update_archive(tx, "run_a", {"state": "restoring"}))
    trash(storage, "run_a")
    retention.turn()
    assert storage.catalog.get_archive("run_a").state == "restoring"
    undelete(storage, "run_a")
    retention.turn()
    assert bits(scanned(storage, "run_a")) == bits(run.values)


@pytest.mark.parametrize("way", ["purge", "archive", "drop"])
def test_bytes_are_given_back(storage, way):
    """The database file shrinks to about what is left, soon after the points are gone."""
    Run(storage, "small").make().log(100)
    storage.series.seal()
    Run(storage).make().log(200_000, at_once=50_000)
    storage.series.seal()
    file = storage.database.folder / "dashboard.db"
    retention = Retention(storage, Policy(trash=0.0, keep_raw=1.0 if way == "drop" else None), lambda: LATER)
    for pages in (1, CHECKPOINT_PAGES):
        write(storage, lambda tx, pages=pages: tx.exec_driver_sql(f"PRAGMA wal_autocheckpoint={pages}"))
        write(
            storage, lambda tx, pages=pages: tx.exec_driver_sql(f"INSERT OR REPLACE INTO meta VALUES ('a', '{pages}')")
        )
    before = file.stat().st_size
    assert before > 2_000_000
    if way == "archive":
        retention.archives.archive("run_a")
    elif way == "purge":
        trash(storage, "run_a")
    retention.turn()
    left = {"purge": 0.4, "archive": 0.5, "drop": 0.5}[way]
    until(lambda: file.stat().st_size < before * left)
    assert integrity(storage) == "ok"


def until(fact, seconds=20.0):
    """Wait for something that happens in the background."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
