"""Console output in files: written once each, read in pieces, cut at its limit, gone with its run."""

import contextlib
import tracemalloc

import pytest

from stepwire.errors import StepwireError
from stepwire.storage.catalog.interface import NewRun
from stepwire.storage.logs import keeper as keeper_module
from stepwire.storage.logs.lines import format_line, level_of, parse_line
from stepwire.storage.logs.reading import BLOCK_BYTES, LogFilter
from stepwire.storage.open import open_storage
from stepwire.storage.retention import Policy, Retention

TIME = 1_763_905_927_118_000


@pytest.fixture
def storage(tmp_path):
    """An open data folder with the run ``run``."""
    opened = open_storage(tmp_path / "data")
    make_run(opened, "run")
    yield opened
    opened.close()


def make_run(storage, run_id):
    """A run that exists."""
    write(storage, lambda tx: storage.catalog.create_run(tx, NewRun(run_id, run_id, "default", start_time=TIME), TIME))


def write(storage, job):
    """One transaction."""
    return storage.writer.submit(job).result()


def keep(storage, texts, run_id="run", process=1, rank=0, stream="stdout", time=TIME):
    """Keep lines as one record; a pair is a text and how many lines back the one is whose place it takes."""
    lines = [(time, *((text, 0) if isinstance(text, str) else text)) for text in texts]
    write(storage, lambda tx: storage.logs.keep(tx, run_id, process, rank, stream, lines))


def page(storage, start=0, limit=10_000, run_id="run", **wanted):
    """An answer, once all that was kept can be read."""
    assert storage.logs.flush()
    with storage.logs.open(run_id) as reader:
        return reader.page(start, limit, LogFilter(**wanted))


def texts(storage, *arguments, **named):
    """The texts of an answer."""
    return [line.text for line in page(storage, *arguments, **named).lines]


def path_of(storage, name):
    """A file of the log folder."""
    return storage.database.folder / "logs" / name


# --- one line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("replaces", [None, 118])
@pytest.mark.parametrize(
    "text", ["", "plain", "\x1b[31mred\x1b[0m ünïcode 🚀", "2026-01-01T00:00:00.000000Z stdout no"]
)
def test_a_line_is_read_as_it_was_written(rank, replaces, text):
    """Time, stream, rank, the line whose place it takes, and the text come back."""
    line = parse_line(7, format_line(TIME, "stderr", rank, replaces, text))
    assert (line.line, line.time, line.stream, line.rank, line.replaces, line.text) == (
        *(7, TIME, "stderr", rank, replaces, text),
    )


@pytest.mark.parametrize("time", [0, 253_402_300_799_000_000])
def test_times_of_all_years_can_be_written(time):
    """From 1970 to the year 9999."""
    assert parse_line(0, format_line(time, "stdout", 0, None, "x")).time == time


def test_a_line_that_was_changed_by_hand_is_text():
    """Whatever stands in the file can be read."""
    line = parse_line(3, b"\xff somebody wrote this\n")
    assert (line.line, line.time, line.text) == (3, 0, "\ufffd somebody wrote this")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("epoch 3: loss 0.42", "info"),
        ("the error rate fell", "info"),
        ("INFO root: ERROR is only a word here", "info"),
        ("2026-01-01 12:00:00,123 - WARNING - slow", "warning"),
        ("/x.py:3: UserWarning: deprecated", "warning"),
        ("\x1b[33mWARN\x1b[0m slow", "warning"),
        ("DEBUG:root:x", "debug"),
        ("E0914 12:00:00 x.cc:1] failed", "error"),
        ("Traceback (most recent call last):", "error"),
        ("torch.OutOfMemoryError: CUDA out of memory", "error"),
        ("KeyboardInterrupt", "error"),
        ("CRITICAL: gone", "error"),
        ("error: no such file", "error"),
    ],
)
def test_a_line_tells_its_level(text, level):
    """By the words that loggers, warnings and tracebacks use."""
    assert level_of(text) == level


# --- writing and reading -----------------------------------------------------------------------------------------


def test_lines_can_be_read_in_order_and_lie_in_a_plain_file(storage):
    """The file is as the specification names it, private, and readable by anybody who may."""
    keep(storage, ["one", "two"])
    keep(storage, ["three"], stream="stderr", rank=2)
    assert [(line.line, line.text, line.stream, line.rank) for line in page(storage).lines] == [
        (0, "one", "stdout", 0),
        (1, "two", "stdout", 0),
        (2, "three", "stderr", 2),
    ]
    path = path_of(storage, "run.log")
    assert path.read_text().splitlines() == [
        "2025-11-23T13:52:07.118000Z stdout one",
        "2025-11-23T13:52:07.118000Z stdout two",
        "2025-11-23T13:52:07.118000Z stderr/2 three",
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_run_without_output_is_empty(storage):
    """No file is made for it."""
    found = page(storage)
    assert (found.lines, found.first, found.next, found.total, found.more) == ([], 0, 0, 0, False)
    assert not path_of(storage, "run.log").exists()


def test_pages_follow_each_other(storage):
    """Each line is on one page; ``next`` leads to the rest, also to what comes later."""
    keep(storage, [str(number) for number in range(25)])
    start, found = 0, []
    while (one := page(storage, start, 10)).lines:
        found += [line.text for line in one.lines]
        assert one.more == (one.next < 25)
        start = one.next
    assert found == [str(number) for number in range(25)]
    keep(storage, ["later"])
    assert texts(storage, start) == ["later"]


@pytest.mark.parametrize(("start", "first"), [(-3, 17), (-20, 0), (-99, 0), (19, 19), (20, None), (99, None)])
def test_any_line_can_be_the_first(storage, start, first):
    """A negative number counts from the end; what is beyond it is empty."""
    keep(storage, [str(number) for number in range(20)])
    found = page(storage, start)
    assert found.next == 20
    assert [line.line for line in found.lines] == ([] if first is None else list(range(first, 20)))


def test_lines_of_many_blocks_are_found_from_both_ends(storage):
    """Lines shorter and longer than a block are cut nowhere, wherever reading begins."""
    sizes = [10, BLOCK_BYTES - 40, 3 * BLOCK_BYTES, 0, 500] * 6
    for number, size in enumerate(sizes):
        keep(storage, [f"{number}:" + "x" * size])
    assert [len(text.partition(":")[2]) for text in texts(storage)] == sizes
    for start in range(len(sizes)):
        [line] = page(storage, start, 1).lines
        assert (line.line, line.text.partition(":")[0]) == (start, str(start))


def test_progress_bars_show_their_last_state(storage):
    """A line that takes another's place is read at that place; a page says whose place it takes if that is elsewhere."""
    keep(storage, ["before", "bar 10%", ("bar 20%", 1), "after", ("bar 30%", 2), ("bar 40%", 2)])
    found = page(storage)
    assert [(line.line, line.text) for line in found.lines] == [(0, "before"), (1, "bar 40%"), (3, "after")]
    assert found.total == 6
    [after, bar] = page(storage, 3).lines
    assert (after.text, bar.text, bar.replaces) == ("after", "bar 40%", 1)


def test_a_bar_that_was_wiped_out_is_gone(storage):
    """An empty line in the place of another one leaves nothing; an empty line of its own stays."""
    keep(storage, ["bar 10%", "", ("", 2)])
    assert texts(storage) == [""]


def test_processes_and_streams_count_back_by_themselves(storage):
    """The line before is that of the same process and stream."""
    keep(storage, ["rank 0"], process=1)
    keep(storage, ["rank 1"], process=2, rank=1)
    keep(storage, ["stderr"], process=1, stream="stderr")
    keep(storage, [("rank 0 again", 1)], process=1)
    assert texts(storage) == ["rank 0 again", "rank 1", "stderr"]


@pytest.mark.parametrize("back", [2, 1000])
def test_counting_back_too_far_makes_a_new_line(storage, back):
    """A client that counts wrongly loses nothing."""
    keep(storage, ["one", ("two", back)])
    assert texts(storage) == ["one", "two"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "LOSS"}, ["train loss 1", "val \x1b[31mlo\x1b[0mss 2"]),
        ({"text": "zürich"}, ["Grüße aus ZÜRICH"]),
        ({"text": "nothing"}, []),
        ({"text": "2025-11"}, []),
        ({"text": ".*"}, []),
        ({"streams": frozenset(["stderr"])}, ["Grüße aus ZÜRICH", "WARNING slow"]),
        ({"levels": frozenset(["warning"])}, ["WARNING slow"]),
        ({"ranks": frozenset([2])}, ["WARNING slow"]),
        ({"text": "s", "streams": frozenset(["stdout"]), "levels": frozenset(["info"])}, ["train loss 1", "val \x1b[31mlo\x1b[0mss 2"]),
    ],
)  # fmt: skip
def test_lines_can_be_searched(storage, wanted, found):
    """Plain text in any case, colours aside, in the text only; streams, levels and ranks narrow it down."""
    keep(storage, ["train loss 1", "val \x1b[31mlo\x1b[0mss 2"])
    keep(storage, ["Grüße aus ZÜRICH"], stream="stderr")
    keep(storage, ["WARNING slow"], stream="stderr", rank=2)
    assert texts(storage, **wanted) == found


def test_a_search_looks_through_so_many_bytes_at_once(storage, monkeypatch):
    """An answer without lines says where to go on; following it finds what is at the end."""
    monkeypatch.setattr("stepwire.storage.logs.reading.SCAN_BYTES", 2 * BLOCK_BYTES)
    for number in range(40):
        keep(storage, [f"{number} " + "x" * 50_000])
    keep(storage, ["the needle"])
    answers, start = 0, 0
    while not (found := page(storage, start, text="needle")).lines:
        assert found.more
        start = found.next
        answers += 1
    assert answers > 1
    assert found.lines[0].line == 40


def test_reading_takes_little_memory_however_long_the_file_is(storage):
    """A search through tens of megabytes holds a block or two of them."""
    for number in range(40):
        keep(storage, [f"{number} " + "x" * 1_000_000])
    assert storage.logs.flush()
    tracemalloc.start()
    with storage.logs.open("run") as reader:
        reader.page(0, 10, LogFilter(text="needle"))
        reader.page(-1, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_the_tail_is_text(storage):
    """The last lines without colours, bars in their last state; fewer when there are fewer."""
    keep(storage, ["old", "one", "\x1b[31mtwo\x1b[0m", "bar 1%", ("bar 2%", 1)])
    assert storage.logs.flush()
    assert storage.logs.tail("run", 3) == ["one", "two", "bar 2%"]
    assert storage.logs.tail("run", 99) == ["old", "one", "two", "bar 2%"]
    assert storage.logs.tail("run", 0) == []
    assert storage.logs.tail("nobody", 3) == []


def test_whoever_watches_is_told_what_can_be_read(storage):
    """Each line with its number, after it is in the file; nobody is told when nobody watches."""
    told = []

    def tell(run_id, lines):
        with storage.logs.open(run_id) as reader:
            assert reader.total >= lines[-1].line + 1
        told.extend((run_id, line.line, line.text, line.replaces) for line in lines)

    storage.logs.on_lines = tell
    keep(storage, ["unwatched"])
    assert storage.logs.flush()
    storage.logs.is_watched = lambda run_id: run_id == "run"
    keep(storage, ["bar 1%", ("bar 2%", 1)])
    assert storage.logs.flush()
    assert told == [("run", 1, "bar 1%", None), ("run", 2, "bar 2%", 1)]


# --- the limit -------------------------------------------------------------------------------------------------


def test_the_oldest_half_goes_at_the_limit(storage):
    """Two files take at most the limit; numbers go on, the first line that there is is told, and so is the loss."""
    told = []
    storage.logs.on_event = told.append
    storage.logs.limit_bytes = 100_000
    for number in range(400):
        keep(storage, [f"{number:04} " + "x" * 1000])
        assert storage.logs.flush()
    sizes = [path_of(storage, name).stat().st_size for name in ("run.log", "run.log.1")]
    assert sum(sizes) <= 100_000
    found = page(storage)
    assert found.total == 400
    assert 300 <= found.first == found.lines[0].line
    assert [int(line.text[:4]) for line in found.lines] == list(range(found.first, 400))
    assert [line.line for line in page(storage, 5, 1).lines] == [found.first]
    assert {event.event for event in told} == {"log_cut"}
    assert sum(event.data["lines"] for event in told) == found.first
    assert [event.event for event in storage.catalog.list_events(run_id="run")] == ["log_cut"] * len(told)


def test_the_limit_holds_when_much_comes_at_once(storage):
    """What waits is taken in pieces that fit."""
    storage.logs.limit_bytes = 100_000
    for _ in range(20):
        keep(storage, ["x" * 1000] * 20)
    assert page(storage).total == 400
    sizes = [path_of(storage, name).stat().st_size for name in ("run.log", "run.log.1")]
    assert sum(sizes) <= 150_000  # a piece may be over by a record


def test_the_limit_holds_across_restarts(tmp_path):
    """What was cut stays cut, and the numbers stay the lines' own."""
    for number in range(6):
        storage = open_storage(tmp_path)
        storage.logs.limit_bytes = 20_000
        if number == 0:
            make_run(storage, "run")
        for line in range(10):
            keep(storage, [f"{number * 10 + line} " + "x" * 500])
            assert storage.logs.flush()
        found = page(storage)
        assert found.total == (number + 1) * 10
        assert [int(line.text.split()[0]) for line in found.lines] == list(range(found.first, found.total))
        storage.close()


# --- the end of a run --------------------------------------------------------------------------------------------


def test_a_purged_run_takes_its_files_along(storage):
    """In the trash they stay; deleted for good they go, with what waited."""
    storage.logs.limit_bytes = 4000
    for letter in "xy":
        keep(storage, [letter * 1500])
        assert storage.logs.flush()
    assert path_of(storage, "run.log.1").exists()
    write(storage, lambda tx: (storage.catalog.trash_run(tx, "run", TIME), storage.series.trash(tx, "run")))
    assert path_of(storage, "run.log").exists()
    Retention(storage, Policy(), lambda: TIME).purge("run")
    assert storage.logs.flush()
    assert list(path_of(storage, "").iterdir()) == []
    assert page(storage).total == 0


def test_a_new_run_with_the_same_id_begins_with_nothing(storage):
    """Its first line has number 0."""
    keep(storage, ["old"])
    write(storage, lambda tx: storage.catalog.trash_run(tx, "run", TIME))
    Retention(storage, Policy(), lambda: TIME).purge("run")
    make_run(storage, "run")
    keep(storage, ["new"])
    assert [(line.line, line.text) for line in page(storage).lines] == [(0, "new")]


def test_files_of_a_run_that_was_purged_before_a_kill_go_at_the_next_start(tmp_path):
    """The note in the database outlives the process."""
    storage = open_storage(tmp_path)
    make_run(storage, "run")
    keep(storage, ["text"])
    storage.logs.close()
    write(storage, lambda tx: storage.catalog.delete_run(tx, "run"))
    storage.close()
    assert (tmp_path / "logs" / "run.log").exists()
    storage = open_storage(tmp_path)
    assert storage.logs.flush()
    assert not (tmp_path / "logs" / "run.log").exists()
    storage.close()


# --- trouble ---------------------------------------------------------------------------------------------------


def test_a_full_disk_loses_and_doubles_nothing(storage, monkeypatch, caplog):
    """While the file takes nothing, lines wait in the database; afterwards each is there once."""
    keep(storage, ["one"])
    assert storage.logs.flush()
    monkeypatch.setattr(keeper_module, "_RETRY_SECONDS", 0.01)
    append = storage.logs._files.append
    failures = []

    def fail(run_id, size, data):
        if len(failures) < 3:
            append(run_id, size, data[: len(data) // 2])  # half of it gets through
            failures.append(run_id)
            raise OSError(28, "No space left on device")
        append(run_id, size, data)

    monkeypatch.setattr(storage.logs._files, "append", fail)
    keep(storage, ["two", ("TWO", 1), "three"])
    keep(storage, ["four"])
    assert texts(storage) == ["one", "TWO", "three", "four"]
    assert len(failures) == 3
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "Console output could not be written to its file; it waits in the database"
    ]


def test_what_is_rolled_back_is_not_kept(storage):
    """A transaction that fails leaves no line."""

    def job(tx):
        storage.logs.keep(tx, "run", 1, 0, "stdout", [(TIME, "never", 0)])
        raise StepwireError("no")

    with pytest.raises(StepwireError):
        write(storage, job)
    keep(storage, ["kept"])
    assert texts(storage) == ["kept"]


def test_what_waits_is_forgotten_once_it_is_on_disk(storage, monkeypatch):
    """The database holds lines for seconds only; a restart finds them in the file."""
    monkeypatch.setattr(keeper_module, "SETTLE_SECONDS", 0.0)
    keep(storage, ["one"])
    assert texts(storage) == ["one"]
    storage.logs.close()
    with storage.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM log_waiting").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT lines FROM log_file").scalar_one() == 1


@pytest.mark.parametrize("damage", ["removed", "cut", "torn", "emptied"])
def test_a_file_that_was_changed_by_hand_is_gone_on_with(tmp_path, damage):
    """What is missing is lost; what comes is kept and read."""
    storage = open_storage(tmp_path)
    make_run(storage, "run")
    keep(storage, ["one", "two"])
    storage.close()
    path = tmp_path / "logs" / "run.log"
    whole = path.read_bytes()
    with contextlib.suppress(KeyError):
        path.write_bytes({"cut": whole[: len(whole) // 2], "torn": whole[:-3], "emptied": b""}[damage])
    if damage == "removed":
        path.unlink()
    storage = open_storage(tmp_path)
    keep(storage, ["three"])
    found = texts(storage)
    assert found[-1] == "three"
    assert found[:-1] == {"removed": [], "cut": ["one"], "torn": ["one"], "emptied": []}[damage]
    storage.close()
