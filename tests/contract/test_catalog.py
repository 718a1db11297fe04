"""What every catalog must keep: the promises of ``stepwire.storage.catalog.interface``."""

import dataclasses
import math

import pytest

from stepwire.errors import ConflictError, InvalidError, NotFoundError
from stepwire.protocol import CommandMessage
from stepwire.storage.catalog.answers import KEPT_US
from stepwire.storage.catalog.interface import NewCheckpoint, NewRun, Owner, RunFilter, StoredAnswer
from stepwire.storage.row import write_cursor


@pytest.fixture
def catalog(storage):
    """The catalog of each engine."""
    return storage.catalog


@pytest.fixture
def write(storage):
    """Calls a method of the catalog in a transaction of its own: ``write("create_run", …)``."""

    def call(method, *args, **named):
        return storage.writer.submit(lambda tx: getattr(storage.catalog, method)(tx, *args, **named)).result(20)

    return call


def make_run(write, name="a", now=1, **fields):
    return write("create_run", NewRun(fields.pop("id", None), name, **fields), now)[0]


# --- runs ------------------------------------------------------------------------------------------------


def test_a_new_run_is_read_back_whole(catalog, write):
    """Every field of NewRun arrives; the rest has its first value."""
    new = NewRun(
        "run_1",
        "naïve",
        project="p",
        config={"lr": 1e-3, "nested": {"a": [1, None, True]}, "odd": "\ud800", "nul": "\0"},
        tags=("x", 'say "y"'),
        notes="n",
        group="g",
        total_steps=2**62,
        host="h",
        pid=1,
        pid_start=0.5,
        attempt=2,
        start_time=7,
    )
    run, created = write("create_run", new, 5)
    assert created
    assert run == catalog.get_run("run_1")
    assert {field: getattr(run, field) for field in dataclasses.asdict(new)} == dataclasses.asdict(new)
    assert (run.number, run.health, run.end_time, run.created_at, run.updated_at) == (1, "ok", None, 5, 5)
    assert run.metric_definitions == {}


def test_an_id_is_made_when_none_came(write):
    """Ids made by the server have the form of the client's, and ascend with time."""
    runs = [make_run(write) for _ in range(3)]
    assert all(len(run.id) == 36 and run.id.startswith("run_") and run.id[16] == "7" for run in runs)
    assert len({run.id for run in runs}) == 3


def test_creating_twice_finds_the_first(write):
    """The same content again is harmless; NaN in the config counts as the same."""
    first = make_run(write, id="run_1", config={"lr": math.nan, "t": (1, 2)})
    again, created = write("create_run", NewRun("run_1", "a", config={"t": [1, 2], "lr": math.nan}, tags=("late",)), 9)
    assert (again, created) == (first, False)
    assert first.config["lr"] == "NaN"


@pytest.mark.parametrize("field", ["name", "project", "config"])
def test_an_id_with_other_content_is_a_conflict(write, field):
    """The error names the field that differs."""
    make_run(write, id="run_1")
    with pytest.raises(ConflictError) as caught:
        other = {"name": "b"} if field == "name" else {field: "b" if field == "project" else {"lr": 1}}
        make_run(write, id="run_1", **other)
    assert caught.value.field == field


def test_numbers_of_deleted_runs_do_not_come_back(write):
    """R12 is one run forever, even when it was the last and is gone."""
    assert [make_run(write).number for _ in range(2)] == [1, 2]
    last = make_run(write)
    write("delete_run", last.id)
    assert make_run(write).number == last.number + 1


def nested(depth):
    """Objects inside objects, so many, and a number in the innermost."""
    return 1 if depth == 0 else {"x": nested(depth - 1)}


def test_the_deepest_json_is_kept(catalog, write):
    """32 levels go through unchanged."""
    run = make_run(write, config=nested(32))
    assert catalog.get_run(run.id).config == nested(32)


BAD_RUNS = {
    "name": {"name": "a\0b"},
    "name#surrogate": {"name": "\udfff"},
    "name#none": {"name": None},
    "project": {"project": 7},
    "status": {"status": "sleeping"},
    "total_steps": {"total_steps": 2**63},
    "total_steps#text": {"total_steps": "many"},
    "total_steps#float": {"total_steps": 1.5},
    "pid_start": {"pid_start": math.nan},
    "pid_start#huge": {"pid_start": 10**400},
    "tags": {"tags": "abc"},
    "tags[1]": {"tags": ("a", 5)},
    "config": {"config": {"x": object()}},
    "config#list": {"config": [1]},
    "config#deep": {"config": nested(33)},
    "config#deep tuple": {"config": {"x": (nested(32),)}},
    "config#digits": {"config": {"x": 10**5000}},
    "id": {"id": "\ud800"},
}


@pytest.mark.parametrize("case", BAD_RUNS)
def test_what_the_database_cannot_hold_is_refused_by_name(catalog, write, case):
    """Never an error of the driver: InvalidError with the field, and no run."""
    with pytest.raises(InvalidError) as caught:
        make_run(write, **BAD_RUNS[case])
    assert caught.value.field == case.split("#")[0].replace("id", "run_id" if case == "id" else "id")
    assert catalog.count_runs() == {}


def test_update_tells_before_and_after(catalog, write):
    """Changed fields and updated_at differ, the rest stays."""
    run = make_run(write)
    changes = {"status": "failed", "config": {"a": 1}, "tags": ["t"], "end_time": 8, "reason": "diverged"}
    before, after = write("update_run", run.id, changes, 9)
    assert before == run
    assert after == dataclasses.replace(run, **changes | {"tags": ("t",)}, updated_at=9)
    assert catalog.get_run(run.id) == after


@pytest.mark.parametrize("field", ["id", "number", "created_at", "colour", "checkpoints_made"])
def test_update_refuses_fields_that_are_fixed_or_unknown(write, field):
    """The field is named."""
    run = make_run(write)
    with pytest.raises(InvalidError) as caught:
        write("update_run", run.id, {field: 1}, 9)
    assert caught.value.field == field


def test_unknown_ids_are_not_found(catalog, write):
    """Every method that takes an id says 404 for one that isn't there."""
    for read in (catalog.get_run, catalog.list_checkpoints, catalog.get_checkpoint, catalog.get_command):
        with pytest.raises(NotFoundError):
            read("nobody")
    for method, *args in (
        ("update_run", "nobody", {"name": "a"}, 1),
        ("delete_run", "nobody"),
        ("register_checkpoint", NewCheckpoint(None, "nobody", "x"), 1),
        ("update_checkpoint", "nobody", {}),
        ("mark_best", "nobody"),
        ("delete_checkpoint", "nobody"),
        ("add_command", CommandMessage("c", "nobody", "stop")),
        ("update_command", "nobody", {}),
    ):
        with pytest.raises(NotFoundError):
            write(method, *args)


def test_a_transaction_sees_its_own_run(catalog, storage):
    """find_run inside tx knows what was written before COMMIT; a reader does not."""

    def job(tx):
        run, _ = catalog.create_run(tx, NewRun("run_1", "a"), 1)
        with pytest.raises(NotFoundError):
            catalog.get_run("run_1")
        return catalog.find_run(tx, "run_1") == run, catalog.find_run(tx, "run_2")

    assert storage.writer.submit(job).result(20) == (True, None)


def test_deleting_a_run_takes_what_belongs_to_it(catalog, write):
    """Checkpoints, events and commands of the run go; those of others stay."""
    gone, kept = make_run(write), make_run(write)
    for run in (gone, kept):
        write("register_checkpoint", NewCheckpoint(f"ckpt_{run.number}", run.id, "x"), 1)
        write("add_event", time=1, level="info", source="run", event="e", message="m", run_id=run.id)
        write("add_command", CommandMessage(f"cmd_{run.number}", run.id, "stop"))
    write("delete_run", gone.id)
    assert [event.run_id for event in catalog.list_events()] == [kept.id]
    assert catalog.list_commands(gone.id) == []
    with pytest.raises(NotFoundError):
        catalog.get_checkpoint("ckpt_1")
    assert [one.id for one in catalog.list_checkpoints(kept.id)] == ["ckpt_2"]
    assert len(catalog.list_commands(kept.id)) == 1


def test_a_deleted_run_is_remembered_until_it_is_made_again(write):
    """Its id alone, through any number of deletions; what never was is not deleted, nor what failed to be."""
    for _ in range(2):
        make_run(write, id="run_1")
        assert not write("was_deleted", "run_1")
        write("delete_run", "run_1")
        assert write("was_deleted", "run_1")
    with pytest.raises(NotFoundError):
        write("delete_run", "run_2")
    assert not write("was_deleted", "run_2")


def test_all_running_runs_are_found(catalog, write):
    """More than a page of the list holds, by number, and no other."""
    made = [make_run(write, status="completed" if at == 3 else "running") for at in range(120)]
    assert catalog.running_runs() == [run for run in made if run.status == "running"]
    write("update_run", made[0].id, {"status": "failed"}, 9)
    assert len(catalog.running_runs()) == 118


def test_counts_by_status(catalog, write):
    """Each status with its number of runs."""
    for status in ("running", "failed", "running"):
        make_run(write, status=status)
    assert catalog.count_runs() == {"running": 2, "failed": 1}


# --- owners ----------------------------------------------------------------------------------------------


def owners_of(storage, run_id):
    return storage.writer.submit(lambda tx: storage.catalog.list_owners(tx, run_id)).result(20)


def epoch_of(storage, run_id):
    return storage.writer.submit(lambda tx: storage.catalog.current_epoch(tx, run_id)).result(20)


def test_owners_follow_each_other(storage, write):
    """The newest is the first of the list, and its epoch counts; other runs have their own."""
    assert (owners_of(storage, "run_1"), epoch_of(storage, "run_1")) == ([], 0)
    first = Owner("run_1", 1, "w1", 1, "host", "process", created_at=5)
    second = Owner("run_1", 2, "w2", 3)
    for owner in (first, second, Owner("run_2", 1, "w1")):
        write("add_owner", owner)
    assert owners_of(storage, "run_1") == [second, first]
    assert (epoch_of(storage, "run_1"), epoch_of(storage, "run_2")) == (2, 1)
    write("mark_taken", "run_1", 1)
    assert owners_of(storage, "run_1") == [second, dataclasses.replace(first, taken=True)]


def test_a_deleted_run_is_owned_by_nobody(storage, write):
    """In the trash it still is; gone for good it is not."""
    run = make_run(write, id="run_1")
    write("add_owner", Owner("run_1", 1, "w1"))
    write("trash_run", run.id, 2)
    assert epoch_of(storage, "run_1") == 1
    write("delete_run", run.id)
    assert owners_of(storage, "run_1") == []


# --- lists -----------------------------------------------------------------------------------------------


def names(catalog, **where):
    return [run.name for run in catalog.list_runs(RunFilter(**where))[0]]


def test_filters_narrow_the_list(catalog, write):
    """Project, status and tag match whole; text is a substring of name, id or tags, in any case."""
    make_run(write, "Alpha", now=1, project="p", tags=("x", "100%"), id="run_one")
    make_run(write, "beta", now=2, status="failed", tags=("X",))
    make_run(write, "gam_ma", now=3, tags=('"x"',))
    assert names(catalog) == ["gam_ma", "beta", "Alpha"]
    assert names(catalog, project="p") == ["Alpha"]
    assert names(catalog, status="failed") == ["beta"]
    assert names(catalog, tag="x") == ["Alpha"]
    assert names(catalog, tag='"x"') == ["gam_ma"]
    assert names(catalog, tag="") == []
    assert names(catalog, text="ALPHA") == ["Alpha"]
    assert names(catalog, text="run_ONE") == ["Alpha"]
    assert names(catalog, text="100%") == ["Alpha"]
    assert names(catalog, text="m_m") == ["gam_ma"]
    assert names(catalog, text="l_h") == []


@pytest.mark.parametrize("sort", ["created_at", "updated_at", "start_time", "number", "name", "status"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_are_the_whole_list_in_order(catalog, write, sort, sign):
    """Ties and missing values included: following the cursor gives every run once, sorted, also while runs come."""
    for index in range(7):
        make_run(write, f"n{index % 3}", now=10 + index % 2, start_time=None if index % 2 else index)
    seen, cursor, pages = [], None, 0
    while True:
        page, cursor = catalog.list_runs(RunFilter(sort=sign + sort, limit=3, cursor=cursor))
        seen += page
        pages += 1
        if cursor is None:
            break
    keys = [(getattr(run, sort) or 0, run.number) for run in seen]
    assert keys == sorted(keys, reverse=bool(sign))
    assert len({run.id for run in seen}) == 7
    assert pages == 3


@pytest.mark.parametrize("where", [{"sort": "colour"}, {"sort": "--name"}, {"cursor": "x"}, {"text": "\0"}])
def test_a_bad_filter_is_refused_by_name(catalog, where):
    """Sort, cursor and text that can't be are named."""
    with pytest.raises(InvalidError) as caught:
        catalog.list_runs(RunFilter(**where))
    assert caught.value.field == next(iter(where))


@pytest.mark.parametrize(
    "parts", [("name", "\ud800", 1), ("name", "a", 10**30), ("number", 10**30, 1), ("number", -(10**30), 1)]
)
def test_a_cursor_that_no_column_can_hold_is_refused(catalog, parts):
    """A forged cursor of the right form never reaches the database."""
    with pytest.raises(InvalidError) as caught:
        catalog.list_runs(RunFilter(sort=parts[0], cursor=write_cursor(*parts)))
    assert caught.value.field == "cursor"


def test_a_cursor_of_another_sort_is_refused(catalog, write):
    """A page never continues in an order that it didn't begin in, even when the values would compare."""
    for _ in range(2):
        make_run(write)
    _, cursor = catalog.list_runs(RunFilter(sort="number", limit=1))
    for sort in ("name", "created_at", "-number"):
        with pytest.raises(InvalidError, match="cursor"):
            catalog.list_runs(RunFilter(sort=sort, cursor=cursor))


# --- checkpoints -----------------------------------------------------------------------------------------


def test_checkpoints_are_numbered_per_run_and_listed_newest_first(catalog, write):
    """Numbers go on after a deletion; a checkpoint is read back whole."""
    one, two = make_run(write), make_run(write)
    new = NewCheckpoint("ckpt_a", one.id, "/m/1.pt", 1480.0, {"loss": math.nan}, {"o": [1]}, 5, "ab", "missing", 77)
    first, created = write("register_checkpoint", new, 9)
    assert created
    assert catalog.get_checkpoint("ckpt_a") == first
    assert (first.number, first.step, first.metrics, first.created_at) == (1, 1480, {"loss": "NaN"}, 77)
    assert (first.filepath, first.metadata, first.size, first.sha256) == ("/m/1.pt", {"o": [1]}, 5, "ab")
    assert (first.verdict, first.is_best) == ("missing", False)
    second, _ = write("register_checkpoint", NewCheckpoint(None, one.id, "2.pt"), 9)
    write("delete_checkpoint", second.id)
    third, _ = write("register_checkpoint", NewCheckpoint(None, one.id, "3.pt"), 9)
    other, _ = write("register_checkpoint", NewCheckpoint(None, two.id, "1.pt"), 9)
    assert (second.number, third.number, other.number, other.created_at) == (2, 3, 1, 9)
    assert catalog.list_checkpoints(one.id) == [third, first]


def test_registering_twice_finds_the_first(write):
    """The same id is answered again; for another run it is a conflict."""
    one, two = make_run(write), make_run(write)
    first, _ = write("register_checkpoint", NewCheckpoint("ckpt_a", one.id, "1.pt"), 1)
    assert write("register_checkpoint", NewCheckpoint("ckpt_a", one.id, "2.pt"), 2) == (first, False)
    with pytest.raises(ConflictError):
        write("register_checkpoint", NewCheckpoint("ckpt_a", two.id, "1.pt"), 3)


def test_a_run_has_one_best_checkpoint(catalog, write):
    """Marking moves the mark, and leaves other runs alone."""
    one, two = make_run(write), make_run(write)
    for run, name in ((one, "a"), (one, "b"), (two, "c")):
        write("register_checkpoint", NewCheckpoint(name, run.id, "x"), 1)
    for name in ("c", "a", "b", "b"):
        assert write("mark_best", name).is_best
    assert {one.id: one.is_best for one in catalog.list_checkpoints(one.id)} == {"a": False, "b": True}
    assert catalog.get_checkpoint("c").is_best


def test_a_checkpoint_changes_only_what_may_change(catalog, write):
    """What the SDK found out later is written; the rest is refused by name."""
    run = make_run(write)
    write("register_checkpoint", NewCheckpoint("a", run.id, "x"), 1)
    changes = {"size": 9, "sha256": "ff", "verdict": "missing", "metrics": {"b": 1}, "metadata": {"c": 2}, "step": 2.5}
    changed = write("update_checkpoint", "a", changes)
    assert {field: getattr(changed, field) for field in changes} == changes
    assert catalog.get_checkpoint("a") == changed
    with pytest.raises(InvalidError) as caught:
        write("update_checkpoint", "a", {"filepath": "/etc/passwd"})
    assert caught.value.field == "filepath"
    with pytest.raises(InvalidError) as caught:
        write("update_checkpoint", "a", {"step": math.inf})
    assert caught.value.field == "step"


# --- events ----------------------------------------------------------------------------------------------


def test_events_are_listed_newest_first_and_filtered(catalog, write):
    """Run, levels, before and limit narrow the log; what was added is what is read."""
    added = [
        write(
            "add_event",
            time=at,
            level=("info", "error", "debug")[at % 3],
            source="run",
            event="e",
            message=f"m{at}",
            run_id="run_1" if at % 2 else None,
            step=float(at),
            data={"at": at},
        )
        for at in range(6)
    ]
    assert catalog.list_events() == added[::-1]
    assert catalog.list_events(run_id="run_1") == added[5::-2]
    assert catalog.list_events(levels=["error", "debug"], limit=3) == [added[5], added[4], added[2]]
    assert catalog.list_events(before=added[2].id) == [added[1], added[0]]
    assert catalog.list_events(before=10**30, limit=1) == [added[5]]


def test_an_event_is_never_lost_for_a_character(catalog, write):
    """Console output with NUL or half a surrogate pair is kept in a form that can be shown."""
    write("add_event", time=1, level="info", source="sdk", event="e", message="a\0b\udcff", data={"x": math.inf})
    (event,) = catalog.list_events()
    assert event.message == "a\\0b\\udcff"
    assert event.data == {"x": "Infinity"}


# --- commands --------------------------------------------------------------------------------------------


def test_commands_go_through_their_states(catalog, write):
    """Oldest first; an outcome closes a command; an id is used once."""
    run = make_run(write)
    sent = [CommandMessage(f"c{at}", run.id, "stop", {"a": at}, time=at) for at in range(3)]
    for command in sent:
        write("add_command", command)
    assert catalog.list_commands(run.id) == sent
    write("update_command", "c0", {"state": "acknowledged", "step": 7.0, "message": "done", "time": 9})
    write("update_command", "c1", {"state": "delivered"})
    assert catalog.get_command("c0") == dataclasses.replace(
        sent[0], state="acknowledged", step=7, message="done", time=9
    )
    assert [command.id for command in catalog.list_commands(run.id, open_only=True)] == ["c1", "c2"]
    with pytest.raises(ConflictError):
        write("add_command", sent[0])
    with pytest.raises(InvalidError) as caught:
        write("update_command", "c0", {"command": "rm"})
    assert caught.value.field == "command"


# --- answers and dead letters ----------------------------------------------------------------------------


def test_answers_are_kept_a_day(write):
    """The same key finds its answer for 24 hours; then it is not given, and a new one makes it forgotten."""
    answer = StoredAnswer("digest", 200, b"{}")
    write("store_answer", "key", answer, 0)
    assert write("stored_answer", "key", 0) == answer
    assert write("stored_answer", "other", 0) is None
    write("store_answer", "other", answer, KEPT_US)
    assert write("stored_answer", "key", KEPT_US) == answer
    assert write("stored_answer", "key", KEPT_US + 1) is None
    write("store_answer", "third", answer, KEPT_US + 1)
    assert write("stored_answer", "key", 0) is None


def test_answers_go_with_their_run(write):
    """Exactly those whose key begins with its id and a colon: no letter case, no wildcard, no longer id."""
    answer, kept = StoredAnswer("digest", 200, b"{}"), ["RUN_%:k", "run_x:k", "run_%1:k", "run_%", "x run_%:k"]
    make_run(write, id="run_%")
    for key in ("run_%:k", "run_%:other", *kept):
        write("store_answer", key, answer, 0)
    write("delete_run", "run_%")
    assert [key for key in ("run_%:k", "run_%:other", *kept) if write("stored_answer", key, 0)] == kept


def test_a_bad_record_is_buried_with_its_first_bytes(storage, write):
    """At most 4 KiB of it are kept, with the reason as it can be written."""
    write("bury", 3, 7, "broken \udcff", b"x" * 5000)
    with storage.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT stream, seq, reason, body FROM dead_letters").all()
    assert rows == [(3, 7, "broken \\udcff", b"x" * 4096)]


def test_the_server_id_is_made_once(catalog, storage):
    """32 hex digits, the same at every look."""
    assert len(catalog.server_id()) == 32
    assert catalog.server_id() == type(catalog)(storage.database).server_id()


# --- layouts ---------------------------------------------------------------------------------------------


def test_a_layout_is_kept_by_its_name(catalog, write):
    """Saved again it is replaced; deleted it is gone."""
    write("put_layout", "b", {"x": [1, None]}, 1)
    write("put_layout", "a", {}, 2)
    saved = write("put_layout", "b", {"y": "ä"}, 3)
    assert catalog.get_layout("b") == saved
    assert [(one.name, one.body, one.updated_at) for one in catalog.list_layouts()] == [
        ("a", {}, 2),
        ("b", {"y": "ä"}, 3),
    ]
    write("delete_layout", "b")
    with pytest.raises(NotFoundError):
        catalog.get_layout("b")
    with pytest.raises(NotFoundError):
        write("delete_layout", "b")


# --- environments ----------------------------------------------------------------------------------------


def test_environments_are_joined_by_attempt(catalog, write):
    """What comes later replaces what was known under the same name; the newest attempt is answered first."""
    make_run(write, id="run_1")
    write("add_environment", "run_1", 1, 5, {"folder": "/a", "git": {"odd": "\ud800", "nul": "\0"}})
    write("add_environment", "run_1", 1, 6, {"folder": "/b", "packages": {"numpy": "2"}})
    write("add_environment", "run_1", 2, 7, {"folder": "/c"})
    first = catalog.get_environment("run_1", 1)
    assert (first.run_id, first.attempt, first.time) == ("run_1", 1, 6)
    assert first.found == {"folder": "/b", "git": {"odd": "\ud800", "nul": "\0"}, "packages": {"numpy": "2"}}
    assert catalog.get_environment("run_1").found == {"folder": "/c"}
    for run_id, attempt in (("run_1", 3), ("run_2", None)):
        with pytest.raises(NotFoundError):
            catalog.get_environment(run_id, attempt)


def test_an_environment_goes_with_its_run(catalog, write):
    """Nothing of a deleted run is found under its id again."""
    make_run(write, id="run_1")
    write("add_environment", "run_1", 1, 5, {"folder": "/a"})
    write("delete_run", "run_1")
    make_run(write, id="run_1")
    with pytest.raises(NotFoundError):
        catalog.get_environment("run_1")
