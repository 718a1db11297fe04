"""What every series engine must keep: the promises of ``stepwire.storage.series.interface``."""

import dataclasses
import math
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwire.errors import InvalidError, NotFoundError, SequenceGapError
from stepwire.limits import MAX_STEP
from stepwire.protocol import Batch, SetColumns
from stepwire.storage.row import write_cursor

A = ("loss",)
AB = ("loss", "lr")
NAN, INF = math.nan, math.inf


def same(a, b):
    """Equality of floats that takes NaN for equal to NaN and tells -0.0 from 0.0."""
    return [struct.pack("<d", value) for value in a] == [struct.pack("<d", value) for value in b]


def columns(count=1, width=1, **changes):
    good = SetColumns(
        id=0,
        names=tuple(f"m{i}" for i in range(width)),
        at=struct.pack(f"<{count}I", *range(count)),
        steps=struct.pack(f"<{count}q", *range(count)),
        times=struct.pack(f"<{count}q", *range(count)),
        values=struct.pack(f"<{count * width}d", *range(count * width)),
    )
    return dataclasses.replace(good, **changes)


def test_what_was_logged_is_read_back_unchanged(script):
    """Raw points are the logged ones, bit for bit, with their steps and times."""
    script.log((AB, 0, 10, (0.1, -0.0)), (AB, 1, 20, (NAN, INF)), (A, 1, 30, (-INF,)))
    page = script.storage.series.raw("run_a", ["loss", "lr"])
    steps, times, values = page.keys["loss"]
    assert (steps, times) == ([0, 1, 1], [10, 20, 30])
    assert same(values, [0.1, NAN, -INF])
    assert same(page.keys["lr"][2], [-0.0, INF])
    assert page.next_cursor is None


def test_append_tells_what_is_new(script):
    """Viewers get the rows with whole steps as int, and the records as they came."""
    event = {"type": "event", "message": "hello"}
    appended = script.log((A, 3, 10, (1.5,)), event, (A, 4.0, 20, (2.5,)))
    assert appended.high == 3
    assert appended.cursor == script.storage.series.cursor() == 1
    (new,) = appended.sets
    assert (new.names, new.steps, new.times) == (A, [3, 4], [10, 20])
    assert all(isinstance(step, int) for step in new.steps)
    assert struct.unpack("<2d", new.values) == (1.5, 2.5)
    assert appended.records == ({"at": 1, **event},)


def test_records_already_known_are_answered_without_a_write(script):
    """A batch sent twice is stored once, and answered with the stream's high both times."""
    rows = [(A, 0, 10, (1.0,)), (A, 1, 20, (2.0,))]
    script.log(*rows)
    again = script.send(1, rows)
    assert (again.high, again.cursor, again.sets, again.records) == (2, 0, (), ())
    assert script.storage.series.raw("run_a", ["loss"]).keys["loss"][2] == [1.0, 2.0]
    assert script.storage.series.cursor() == 1


def test_an_overlap_is_cut(script):
    """Of a batch that begins with known records only the rest is stored and told."""
    event = {"type": "event"}
    script.log((A, 0, 10, (1.0,)), event)
    appended = script.send(1, [(A, 0, 10, (1.0,)), event, (AB, 1, 20, (2.0, 3.0)), event])
    assert appended.high == 4
    (new,) = appended.sets
    assert (new.names, new.steps, new.times) == (AB, [1], [20])
    assert struct.unpack("<2d", new.values) == (2.0, 3.0)
    assert appended.records == ({"at": 3, **event},)
    assert [seq for _, seq, _ in script.storage.series.records("run_a")] == [2, 4]
    assert script.storage.series.raw("run_a", ["loss"]).keys["loss"][2] == [1.0, 2.0]


def test_a_gap_names_the_record_that_must_come(script):
    """A batch past the next record is refused and changes nothing."""
    script.log((A, 0, 10, (1.0,)))
    with pytest.raises(SequenceGapError) as caught:
        script.send(3, [(A, 2, 30, (3.0,))])
    assert caught.value.expected == 2
    assert script.stream().high == 1


def test_the_second_append_of_a_group_sees_the_first(script):
    """Two batches in one transaction follow each other; the same one twice is stored once."""
    first, second = script.stream(), script.stream()
    gate = threading.Event()
    script.storage.writer.submit(lambda tx: gate.wait(20))
    batches = [Batch(1, 1, (columns(),)), Batch(2, 1, (columns(),)), Batch(2, 1, (columns(),))]
    futures = [
        script.storage.writer.submit(lambda tx, s=s, b=b: script.storage.series.append(tx, s, b))
        for s, b in zip([first, second, first], batches, strict=True)
    ]
    gate.set()
    appended = [future.result(20) for future in futures]
    assert [one.high for one in appended] == [1, 2, 2]
    assert [one.cursor > 0 for one in appended] == [True, True, False]
    assert len(script.storage.series.raw("run_a", ["m0"]).keys["m0"][2]) == 2


def test_a_job_that_fails_after_append_leaves_no_trace(script):
    """What a rolled back job appended is neither stored, nor summarised, nor remembered as a metric set."""
    stream = script.stream()
    batch = Batch(1, 1, (columns(),))

    def job(tx):
        script.storage.series.append(tx, stream, batch)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        script.write(job)
    series = script.storage.series
    assert script.stream().high == 0
    assert series.cursor() == 0
    assert series.names("run_a") == []
    assert series.summaries(["run_a"]) == {"run_a": []}
    with pytest.raises(InvalidError, match="names"):
        script.write(lambda tx: series.append(tx, stream, Batch(1, 1, (columns(names=None),))))
    assert script.write(lambda tx: series.append(tx, stream, batch)).high == 1
    assert series.summaries(["run_a"])["run_a"][0].count == 1


BAD = {
    "first_seq": Batch(0, 1, (columns(),)),
    "sets[0].at": Batch(1, 1, (columns(at=struct.pack("<I", 1)),)),
    "sets[0].at#length": Batch(1, 1, (columns(at=b"\0"),)),
    "sets[0].steps": Batch(1, 1, (columns(steps=b"\0" * 4),)),
    "sets[0].steps#range": Batch(1, 1, (columns(steps=struct.pack("<q", MAX_STEP + 1)),)),
    "sets[0].steps#nan": Batch(1, 2, (columns(2, steps=struct.pack("<2d", 1, NAN), step_type="f8"),)),
    "sets[0].steps#inf": Batch(1, 1, (columns(steps=struct.pack("<d", -INF), step_type="f8"),)),
    "sets[0].step_type": Batch(1, 1, (columns(step_type="u2"),)),
    "sets[0].times": Batch(1, 2, (columns(times=b"\0" * 16),)),
    "sets[0].times#range": Batch(1, 1, (columns(times=struct.pack("<q", 2**62)),)),
    "sets[0].values": Batch(1, 1, (columns(values=b"\0" * 16),)),
    "sets[0].names": Batch(1, 1, (columns(names=()),)),
    "sets[0].names#twice": Batch(1, 1, (columns(width=2, names=("a", "a")),)),
    "sets[0].names#unknown": Batch(1, 1, (columns(names=None),)),
    "sets[0].names#many": Batch(1, 1, (columns(names=tuple(map(str, range(10_001)))),)),
    "sets[0].names[0]": Batch(1, 1, (columns(names=("",)),)),
    "sets[0].names[0]#long": Batch(1, 1, (columns(names=("é" * 257,)),)),
    "sets[0].names[0]#surrogate": Batch(1, 1, (columns(names=("\ud800",)),)),
    "sets[0].names[0]#nul": Batch(1, 1, (columns(names=("a\0b",)),)),
    "sets[0].id": Batch(1, 1, (columns(id=-1),)),
    "sets[1].names": Batch(1, 1, (columns(), columns(names=("other",)))),
    "crc": Batch(1, 1, (columns(),), crc=1),
    "records[0].at": Batch(1, 1, (columns(),), ({"at": 1, "type": "event"},)),
    "records[0].at#bool": Batch(1, 1, (columns(),), ({"at": False, "type": "event"},)),
    "records[0].type": Batch(1, 1, (columns(),), ({"at": 0},)),
    "records": Batch(1, 1, (columns(),), ({"at": 0, "type": "event", "big": 2**64},)),
    "records#surrogate": Batch(1, 1, (columns(),), ({"at": 0, "type": "event", "text": "\ud800"},)),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_batch_is_refused_with_the_field_named_and_stores_nothing(script, case):
    """Even a caller that catches the error inside its transaction finds nothing stored."""
    stream, caught = script.stream(), []

    def job(tx):
        try:
            script.storage.series.append(tx, stream, BAD[case])
        except InvalidError as error:
            caught.append(error)

    script.write(job)
    assert [error.field for error in caught] == [case.split("#")[0]]
    assert script.stream().high == 0
    assert script.storage.series.cursor() == 0
    assert script.storage.series.names("run_a") == []


def test_a_right_checksum_passes(script):
    """CRC-32 over the columns, set by set, is what the script sends."""
    one = columns(3, 2)
    crc = zlib.crc32(one.at + one.steps + one.times + one.values)
    stream = script.stream()
    batch = Batch(1, 3, (one,), crc=crc)
    assert script.write(lambda tx: script.storage.series.append(tx, stream, batch)).high == 3


def test_names_may_be_left_out_once_the_set_is_known(script):
    """After its first use a metric set is named by its id; other names for the same id are refused."""
    stream = script.stream()
    for batch in (Batch(1, 1, (columns(),)), Batch(2, 1, (columns(names=None),))):
        script.write(lambda tx, b=batch: script.storage.series.append(tx, stream, b))
    assert script.storage.series.raw("run_a", ["m0"]).keys["m0"][2] == [0.0, 0.0]
    with pytest.raises(InvalidError) as caught:
        other = Batch(3, 1, (columns(names=("other",)),))
        script.write(lambda tx: script.storage.series.append(tx, stream, other))
    assert caught.value.field == "sets[0].names"


def test_set_ids_belong_to_their_stream(script, new_script):
    """Two writers of one run use the same set id for different names."""
    other = new_script(script.storage, writer_id="w2")
    script.log((A, 0, 10, (1.0,)))
    other.log((("acc",), 0, 10, (2.0,)))
    series = script.storage.series
    assert series.names("run_a") == ["acc", "loss"]
    assert series.raw("run_a", ["acc"]).keys["acc"][2] == [2.0]


def test_records_without_points_move_the_stream_too(script):
    """A batch of events alone is stored and acknowledged."""
    assert script.log({"type": "event"}, {"type": "heartbeat"}).high == 2
    assert script.storage.series.start_time("run_a") is None
    assert [(seq, record["type"]) for _, seq, record in script.storage.series.records("run_a")] == [(1, "event")]


def test_records_are_kept_as_they_came(script):
    """What is not a point is read back with its record number, before and after the seal; heartbeats are not kept."""
    deep = {"type": "x", "deep": {"a": [1, None]}}
    script.log((A, 0, 10, (1.0,)), deep, {"type": "heartbeat"})
    script.log(deep)
    for _ in range(2):
        found = [(seq, record["type"], record["deep"]) for _, seq, record in script.storage.series.records("run_a")]
        assert found == [(2, "x", {"a": [1, None]}), (4, "x", {"a": [1, None]})]
        script.storage.series.seal()


# --- summaries -------------------------------------------------------------------------------------------


def test_a_summary_has_first_last_and_extrema_with_their_steps(script):
    """Values as logged; on ties the earliest step; non-finite ones only counted."""
    script.log((A, 5, 10, (2.0,)), (A, 6, 20, (1.0,)), (A, 7, 30, (NAN,)))
    script.log((A, 8, 40, (1.0,)), (A, 4, 50, (2.0,)), (A, 9, 60, (-INF,)))
    (one,) = script.storage.series.summaries(["run_a"])["run_a"]
    assert (one.count, one.nonfinite) == (6, 2)
    assert (one.first, one.last, one.last_step, one.last_time) == (2.0, -INF, 9, 60)
    assert (one.min, one.min_step, one.max, one.max_step) == (1.0, 6, 2.0, 5)


def test_a_metric_without_a_finite_point_has_no_extrema(script):
    """min and max stay None, last is the NaN itself, also after a restart of the memory."""
    script.log((A, 1, 10, (NAN,)))
    (one,) = script.storage.series.summaries(["run_a"])["run_a"]
    assert (one.min, one.min_step, one.max, one.max_step) == (None, None, None, None)
    assert math.isnan(one.last)
    assert math.isnan(one.first)


def test_a_metric_in_two_sets_has_one_summary_in_the_order_of_logging(script):
    """Rows of different sets in one batch are put in the order of their records."""
    script.log((AB, 1, 10, (5.0, 0.0)), (A, 2, 20, (4.0,)), (AB, 3, 30, (4.0, 0.0)), (A, 3, 40, (5.0,)))
    one, _ = script.storage.series.summaries(["run_a"])["run_a"]
    assert (one.first, one.last, one.last_time, one.min_step, one.max_step) == (5.0, 5.0, 40, 2, 1)
    assert script.storage.series.raw("run_a", ["loss"]).keys["loss"][0] == [1, 2, 3, 3]


def test_summaries_of_many_sources_and_some_names(script, new_script):
    """Only the names asked for, sorted; a source that is not known has none."""
    new_script(script.storage, source="run_b").log((("z", "loss", "a"), 0, 10, (1.0, 2.0, 3.0)))
    script.log((AB, 0, 10, (1.0, 2.0)))
    found = script.storage.series.summaries(["run_b", "run_a", "run_c"])
    assert {source: [one.name for one in some] for source, some in found.items()} == {
        "run_b": ["a", "loss", "z"],
        "run_a": ["loss", "lr"],
        "run_c": [],
    }
    (one,) = script.storage.series.summaries(["run_b"], ["loss", "lr"])["run_b"]
    assert one.last == 2.0


# --- windows and grids -----------------------------------------------------------------------------------


def test_a_window_that_fits_has_every_stored_point(script):
    """Exact entries in ascending x, repeated steps in the order of logging."""
    script.log((A, 2, 30, (1.0,)), (A, 1, 20, (NAN,)), (A, 2, 10, (3.0,)))
    found = script.storage.series.window("run_a", "loss", x="step", points=3)
    assert found.exact
    assert found.x == [1, 2, 2]
    assert found.mean == found.min == found.max == [None, 1.0, 3.0]
    assert same(found.last, [NAN, 1.0, 3.0])
    assert (found.count, found.nonfinite, found.stored) == ([1, 1, 1], [1, 0, 0], 3)
    assert math.isnan(found.first_value)
    assert found.last_value == 3.0
    by_time = script.storage.series.window("run_a", "loss", x="time")
    assert by_time.x == [10, 20, 30]
    assert by_time.last_value == 1.0


def test_steps_that_repeat_share_a_bucket_when_points_are_few(script):
    """More points than asked for on few steps: one bucket per step, none lost, not called exact."""
    script.log(*[(A, at % 3, at, (float(at),)) for at in range(9)])
    found = script.storage.series.window("run_a", "loss", x="step", points=3)
    assert not found.exact
    assert found.x == [0, 1, 2]
    assert (found.min, found.max, found.last) == ([0.0, 1.0, 2.0], [6.0, 7.0, 8.0], [6.0, 7.0, 8.0])
    assert found.mean == [3.0, 4.0, 5.0]


@pytest.mark.parametrize("x", ["step", "time", "relative"])
def test_windows_are_the_window_of_each_name(script, x):
    """In the order asked for, with names twice or unknown, cut and bucketed as one window is."""
    script.log(*[(AB, at, at * 1_000_000, (float(at), -at if at % 5 else NAN)) for at in range(40)])
    series, names = script.storage.series, ["lr", "loss", "nothing", "lr"]
    for options in ({"points": 7}, {"start": 3, "stop": 2e7, "points": 1000}, {"origin": 5_000_000}):
        one_by_one = [series.window("run_a", name, x=x, **options) for name in names]
        assert repr(series.windows("run_a", names, x=x, **options)) == repr(one_by_one)
    assert series.windows("run_a", [], x=x) == []


def test_both_ends_of_a_window_belong_to_it(script):
    """start and stop are included, on every axis."""
    script.log(*[(A, at, at * 1_000_000, (float(at),)) for at in range(10)])
    series = script.storage.series
    assert series.window("run_a", "loss", x="step", start=3, stop=5).x == [3, 4, 5]
    assert series.window("run_a", "loss", x="time", start=3e6, stop=5e6).x == [3_000_000, 4_000_000, 5_000_000]
    assert series.window("run_a", "loss", x="relative", start=3, stop=5).x == [3.0, 4.0, 5.0]
    assert series.window("run_a", "loss", x="step", start=11).x == []


def test_relative_counts_from_the_earliest_point_or_the_given_start(script, new_script):
    """Each source of a grid has its own start; one that is given wins."""
    script.log((A, 0, 5_000_000, (1.0,)), (A, 1, 7_500_000, (2.0,)))
    new_script(script.storage, source="run_b").log((A, 0, 1_000_000, (1.0,)), (A, 1, 2_000_000, (2.0,)))
    series = script.storage.series
    assert series.start_time("run_a") == 5_000_000
    assert series.window("run_a", "loss", x="relative").x == [0.0, 2.5]
    assert series.window("run_a", "loss", x="relative", origin=4_000_000).x == [1.0, 3.5]
    both = [("run_a", "loss"), ("run_b", "loss")]
    assert series.grid(both, x="relative").x == [0.0, 1.0, 2.5]
    assert series.grid(both, x="relative", origins={"run_b": 0}).x == [0.0, 1.0, 2.0, 2.5]


def test_a_grid_has_gaps_where_a_series_has_no_point(script, new_script):
    """All series stand on one ascending x; None and count 0 where one has nothing."""
    script.log((AB, 0, 10, (1.0, 5.0)), (A, 2, 20, (2.0,)))
    new_script(script.storage, source="run_b").log((A, 1, 30, (3.0,)))
    asked = [("run_a", "loss"), ("run_b", "loss"), ("run_a", "lr"), ("run_a", "nothing")]
    found = script.storage.series.grid(asked, x="step")
    assert found.x == [0, 1, 2]
    assert [one.last for one in found.series] == [[1.0, None, 2.0], [None, 3.0, None], [5.0, None, None], [None] * 3]
    assert [one.count for one in found.series] == [[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert [(one.source, one.name) for one in found.series] == asked
    assert found.exact
    assert found.stored == 4


def test_nothing_is_there_before_the_first_point(script):
    """A source or metric that is not known reads as empty, never as an error."""
    series = script.storage.series
    assert series.names("run_x") == []
    assert series.window("run_x", "loss", x="relative").stored == 0
    assert series.grid([("run_x", "loss")], x="time").x == []
    assert series.grid([], x="step").series == []
    assert series.raw("run_x", ["loss"]).keys == {"loss": ([], [], [])}
    assert (series.cursor(), series.source_cursor("run_x"), series.start_time("run_x")) == (0, 0, None)
    assert list(series.records("run_x")) == []
    assert list(series.scan("run_x")) == []


def test_steps_become_floats_when_one_is_not_whole(script):
    """Whole steps before and after a fractional one compare and sort with it."""
    script.log((A, 1, 10, (1.0,)), (A, 2, 20, (2.0,)))
    series = script.storage.series
    assert series.window("run_a", "loss", x="step").x == [1, 2]
    script.log((A, 1.5, 30, (3.0,)))
    script.log((A, 3, 40, (4.0,)))
    assert series.window("run_a", "loss", x="step").x == [1, 1.5, 2, 3]


def test_huge_values_have_a_finite_mean(script):
    """A sum beyond the range of float64 doesn't make the mean infinite."""
    script.log(*[(A, 0, at, (value,)) for at, value in enumerate([1.7e308, 1.7e308, -1.7e308])])
    found = script.storage.series.window("run_a", "loss", x="step", points=1)
    assert found.mean[0] == pytest.approx(1.7e308 / 3)
    assert (found.min, found.max) == ([-1.7e308], [1.7e308])


def test_points_and_limit_must_be_at_least_one(script):
    """A width of nothing is refused, not divided by; an empty page would never end."""
    with pytest.raises(InvalidError, match="points"):
        script.storage.series.window("run_a", "loss", x="step", points=0)
    with pytest.raises(InvalidError, match="points"):
        script.storage.series.windows("run_a", [], x="step", points=0)
    with pytest.raises(InvalidError, match="points"):
        script.storage.series.grid([("run_a", "loss")], x="step", points=0)
    with pytest.raises(InvalidError, match="limit"):
        script.storage.series.raw("run_a", ["loss"], limit=0)


# --- pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_of_any_size_hold_every_point_once(script, limit):
    """Following next_cursor to the end gives the points in the order of logging."""
    for start in range(0, 12, 4):
        script.log(
            *[
                (A if at % 2 else AB, at, at, (float(at),) if at % 2 else (float(at), 0.5))
                for at in range(start, start + 4)
            ],
            {"type": "event"},
        )
    pages, cursor = [], None
    while True:
        page = script.storage.series.raw("run_a", ["loss"], cursor=cursor, limit=limit)
        pages.append(page.keys["loss"][2])
        if (cursor := page.next_cursor) is None:
            break
    assert [value for page in pages for value in page] == [float(at) for at in range(12)]
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "WzFd", "W3RydWUsIDFd", "Inh4Ig==", "\ud800", "bnVsbA==", write_cursor(1, 10**30)]
)
def test_a_cursor_of_somebody_else_is_refused(script, cursor):
    """Only what raw() gave out is taken back."""
    script.log((A, 0, 10, (1.0,)))
    with pytest.raises(InvalidError) as caught:
        script.storage.series.raw("run_a", ["loss"], cursor=cursor)
    assert caught.value.field == "cursor"


# --- cursors, deletion -----------------------------------------------------------------------------------


def test_reads_at_once_see_one_moment(script):
    """Cursor, names and points of a chart fit together whatever is committed and sealed meanwhile."""
    script.log((A, 0, 10, (1.0,)))
    series = script.storage.series

    def look():
        first = series.source_cursor("run_a")
        script.log((("loss", "new"), 1, 11, (2.0, 3.0)))  # by the writer's thread
        series.seal()
        assert series.names("run_a") == list(A)
        assert series.grid([("run_a", "loss")], x="step").stored == 1
        return series.at_once(lambda: series.source_cursor("run_a")) - first

    known = series.source_cursor("run_a")
    assert series.at_once(look) == 0
    assert series.names("run_a") == ["loss", "new"]
    assert series.grid([("run_a", "loss")], x="step").stored == 2
    assert series.source_cursor("run_a") > known


def test_reads_at_once_begin_anew_when_memory_is_ahead(script):
    """Another reader may have seen more than the moment that a chart reads."""
    script.log((A, 0, 10, (1.0,)))
    series, tries = script.storage.series, []

    def look():
        tries.append(series.source_cursor("run_a"))
        if len(tries) == 1:
            series.at_once(lambda: series.names("run_a"))
            with ThreadPoolExecutor() as other:
                script.log((A, 1, 11, (2.0,)))
                other.submit(series.seal).result()
                script.log((A, 2, 12, (3.0,)))
                other.submit(series.grid, [("run_a", "loss")], x="step").result()
        return series.at_once(lambda: series.grid([("run_a", "loss")], x="step").stored), tries[-1]

    stored, cursor = series.at_once(look)
    assert (stored, cursor) in {(1, tries[0]), (3, series.source_cursor("run_a"))}


def test_cursors_grow_with_each_commit(script, new_script):
    """The store's cursor counts all sources, a source's cursor its own rows only."""
    other = new_script(script.storage, source="run_b")
    script.log((A, 0, 10, (1.0,)))
    other.log((A, 0, 10, (1.0,)))
    series = script.storage.series
    assert series.source_cursor("run_a") < series.source_cursor("run_b") == series.cursor()


def test_a_deleted_source_is_gone_and_its_numbers_stay_used(script, new_script):
    """Nothing of it can be read, its open stream can't write, and cursors never fall back."""
    other = new_script(script.storage, source="run_b")
    other.log((A, 0, 10, (7.0,)))
    script.log((A, 0, 10, (1.0,)))
    series, stream = script.storage.series, script.stream()
    assert series.window("run_a", "loss", x="step").stored == 1
    before = series.cursor()
    script.write(lambda tx: series.delete(tx, "run_a"))
    assert series.names("run_a") == []
    assert series.summaries(["run_a"]) == {"run_a": []}
    assert series.window("run_a", "loss", x="step").stored == 0
    assert series.cursor() == before
    with pytest.raises(NotFoundError):
        script.write(lambda tx: series.append(tx, stream, Batch(2, 1, (columns(),))))
    script.write(lambda tx: series.delete(tx, "run_never"))
    again = new_script(script.storage)
    assert again.log((A, 3, 30, (9.0,))).cursor > before
    assert series.raw("run_a", ["loss"]).keys["loss"][2] == [9.0]
    assert series.window("run_b", "loss", x="step").last_value == 7.0


def test_a_delete_that_is_rolled_back_changes_nothing(script):
    """Memory forgets a source only after COMMIT."""
    script.log((A, 0, 10, (1.0,)))
    series = script.storage.series

    def job(tx):
        series.delete(tx, "run_a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        script.write(job)
    assert series.summaries(["run_a"])["run_a"][0].last == 1.0
    assert series.window("run_a", "loss", x="step").last_value == 1.0


def test_opening_a_stream_twice_finds_it(script):
    """The same writer goes on where it stood; another writer of the source begins at 0."""
    script.log((A, 0, 10, (1.0,)))
    first = script.stream()
    assert first == script.stream()
    assert first.high == 1
    other = script.write(lambda tx: script.storage.series.open_stream(tx, "run_a", "w2", kind="run", attempt=2))
    assert other.high == 0
    assert other.number != first.number


def test_a_chart_read_again_has_the_new_points(script):
    """What is kept in memory between reads is extended, also by a new metric set and a second writer."""
    series = script.storage.series
    for at in range(20):
        names = A if at % 7 else AB
        script.log((names, at, at, (float(at),) * len(names)))
        assert series.window("run_a", "loss", x="step").last == [float(n) for n in range(at + 1)]
    assert series.window("run_a", "lr", x="step").last == [0.0, 7.0, 14.0]


def test_readers_beside_a_writer_see_whole_batches(script):
    """While batches of ten are committed, every read holds a multiple of ten, growing, and its summary fits."""
    series, seen, broken, done = script.storage.series, [], [], threading.Event()

    def read():
        while not done.is_set():
            found = series.window("run_a", "loss", x="step", points=10_000)
            (one,) = series.summaries(["run_a"])["run_a"]
            seen.append(found.stored)
            if found.stored % 10 or found.last != [float(at) for at in range(found.stored)] or one.count % 10:
                broken.append(found)

    script.log(*[(A, at, at, (float(at),)) for at in range(10)])
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(10, 500, 10):
        script.log(*[(A, at, at, (float(at),)) for at in range(start, start + 10)])
    done.set()
    for reader in readers:
        reader.join(20)
    assert broken == []
    assert seen
    assert series.window("run_a", "loss", x="step").stored == 500


def test_summaries_survive_their_write_back_and_a_restart(script, open_engine, tmp_path):
    """What closing wrote is what is read, and later points are added to it, extrema on both sides kept."""
    script.log((AB, 0, 10, (5.0, NAN)), (AB, 1, 20, (1.0, INF)))
    before = script.storage.series.summaries(["run_a"])
    script.storage.close()
    opened = open_engine(tmp_path / "data")
    try:
        assert repr(opened.series.summaries(["run_a"])) == repr(before)
        script.storage = opened
        script.log((A, 2, 30, (3.0,)))
        loss, lr = opened.series.summaries(["run_a"])["run_a"]
        assert (loss.count, loss.first, loss.min, loss.min_step, loss.max, loss.last) == (3, 5.0, 1.0, 1, 5.0, 3.0)
        assert (lr.count, lr.nonfinite, lr.min) == (2, 2, None)
        assert math.isnan(lr.first)
    finally:
        opened.close()
