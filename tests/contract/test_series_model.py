"""The series engine against a plain list: random logs, sent in random pieces, read at random widths."""

import math
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = [("a",), ("a", "b"), ("b", "c", "a")]
values = st.one_of(st.floats(), st.integers(-3, 3).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))
steps = st.one_of(st.integers(-5, 30), st.integers(-(2**53), 2**53), st.floats(-100, 100))


@st.composite
def records(draw):
    if draw(st.integers(0, 9)) == 0:
        return {"type": "event", "n": draw(st.integers(0, 9))}
    names = draw(st.sampled_from(NAMES))
    time = draw(st.integers(0, 3_000_000))
    return (names, draw(steps), time, tuple(draw(values) for _ in names))


deliveries = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 6), st.integers(1, 9)),
        st.tuples(st.just("roll back"), st.integers(0, 6), st.integers(1, 9)),
        st.just(("restart",)),
        st.just(("look",)),
    ),
    max_size=12,
)


def bits(points):
    return [(step, time, struct.pack("<d", value)) for step, time, value in points]


def deliver(script, open_engine, folder, logged, actions):
    """Send ``logged`` in the given pieces: overlapping, twice, rolled back, across restarts."""
    high = 0
    for action in actions:
        if action[0] == "restart":
            script.storage.close()
            script.storage = open_engine(folder)
        elif action[0] == "look":
            check_summaries(script)
            script.storage.series.window("run_a", "a", x="step", points=3)
        else:
            first = max(1, high + 1 - action[1])
            piece = logged[first - 1 : first - 1 + action[2]]
            if piece and action[0] == "send":
                high = script.send(first, piece).high
                script.logged = logged[:high]
            elif piece:
                roll_back(script, first, piece)
    if high < len(logged):
        script.send(high + 1, logged[high:])
    script.logged = logged


def roll_back(script, first, piece):
    ids = dict(script.set_ids)
    try:
        script.write(lambda tx: (append(script, tx, first, piece), 1 / 0))
    except ZeroDivisionError:
        script.set_ids = ids


def append(script, tx, first, piece):
    series = script.storage.series
    stream = series.open_stream(tx, script.source, script.writer_id)
    series.append(tx, stream, script.batch(first, piece))


def check_raw(script, limit):
    found, cursor = {name: [] for name in "abc"}, None
    while True:
        page = script.storage.series.raw("run_a", list("abc"), cursor=cursor, limit=limit)
        for name, columns in page.keys.items():
            found[name].extend(zip(*columns, strict=True))
        if (cursor := page.next_cursor) is None:
            break
    for name in "abc":
        assert bits(found[name]) == bits(script.points(name))


def told(value):
    """A value as a summary tells it: a NaN is a NaN there, whatever bits it carries, and -0.0 is 0.0."""
    return math.nan if math.isnan(value) else value + 0.0


def check_summaries(script):
    found = {one.name: one for one in script.storage.series.summaries(["run_a"])["run_a"]}
    assert set(found) == {name for name in "abc" if script.points(name)}
    for name, one in found.items():
        points = script.points(name)
        finite = [(value, step) for step, _, value in points if math.isfinite(value)]
        assert (one.count, one.nonfinite) == (len(points), len(points) - len(finite))
        assert bits([(points[0][0], 0, told(one.first))]) == bits([(points[0][0], 0, told(points[0][2]))])
        assert bits([(one.last_step, one.last_time, told(one.last))]) == bits([(*points[-1][:2], told(points[-1][2]))])
        # min() and max() keep the first of equals, as the store must.
        low = min(finite, key=lambda pair: pair[0], default=(None, None))
        high = max(finite, key=lambda pair: pair[0], default=(None, None))
        assert (one.min, one.min_step) == low
        assert (one.max, one.max_step) == high


def on_axis(points, axis, origin):
    """Points as (x, value), in ascending x, equal x in the order of logging."""
    found = {
        "step": [(step, value) for step, _, value in points],
        "time": [(time, value) for _, time, value in points],
        "relative": [((time - origin) / 1e6, value) for _, time, value in points],
    }
    return sorted(found[axis], key=lambda point: point[0])


def check_buckets(found, points):
    """Every bucket is exact for the points from its x up to the next one's."""
    ends = [*found.x, math.inf][1:]
    for place, (start, end) in enumerate(zip(found.x, ends, strict=True)):
        inside = [value for x, value in points if start <= x < end]
        finite = [value for value in inside if math.isfinite(value)]
        assert found.count[place] == len(inside)
        assert found.nonfinite[place] == len(inside) - len(finite)
        assert found.min[place] == min(finite, default=None)
        assert found.max[place] == max(finite, default=None)
        last = found.last[place]
        assert (last is None) == (not inside)
        assert last is None or struct.pack("<d", last) == struct.pack("<d", inside[-1])
        check_mean(found.mean[place], finite)
    assert sum(found.count) == found.stored == len(points)


def check_mean(mean, finite):
    if not finite:
        assert mean is None
        return
    exact = sum(map(Fraction, finite)) / len(finite)
    size = max(map(abs, finite))
    assert abs(Fraction(mean) - exact) <= Fraction(size) * len(finite) * Fraction(1, 2**50) + Fraction(1, 10**300)
    assert min(finite) <= mean <= max(finite)


def check_window(script, axis, start, stop, width):
    origin = script.storage.series.start_time("run_a")
    found = script.storage.series.window("run_a", "a", x=axis, start=start, stop=stop, points=width)
    points = [
        (x, value)
        for x, value in on_axis(script.points("a"), axis, origin)
        if (start is None or x >= start) and (stop is None or x <= stop)
    ]
    assert found.exact == (len(points) <= width)
    if found.exact:
        assert [(x, struct.pack("<d", last)) for x, last in zip(found.x, found.last, strict=True)] == [
            (x, struct.pack("<d", value)) for x, value in points
        ]
    else:
        assert len(found.x) <= width
        check_buckets(found, points)


def check_grid(script, axis, width):
    origin = script.storage.series.start_time("run_a")
    found = script.storage.series.grid([("run_a", name) for name in "abc"], x=axis, points=width)
    distinct = {x for name in "abc" for x, _ in on_axis(script.points(name), axis, origin)}
    assert found.x == sorted(found.x)
    assert len(set(found.x)) == len(found.x) <= width
    assert distinct.issuperset(found.x)
    if len(distinct) <= width:
        assert found.x == sorted(distinct)
    assert found.stored == sum(one.stored for one in found.series)
    assert found.exact == all(count <= 1 for one in found.series for count in one.count)
    for name, one in zip("abc", found.series, strict=True):
        assert one.x == found.x
        check_buckets(one, on_axis(script.points(name), axis, origin))


@settings(deadline=None, max_examples=60)
@given(
    logged=st.lists(records(), max_size=40),
    actions=deliveries,
    axis=st.sampled_from(["step", "time", "relative"]),
    start=st.none() | st.integers(-3, 20),
    stop=st.none() | st.integers(0, 40),
    width=st.integers(1, 12),
    limit=st.integers(1, 12),
)
def test_any_delivery_gives_the_log_and_any_read_agrees_with_it(
    open_engine, new_script, logged, actions, axis, start, stop, width, limit
):
    """However a log is cut, repeated, rolled back or interrupted: stored once, and every read equals brute force."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        script = new_script(open_engine(folder))
        try:
            deliver(script, open_engine, folder, logged, actions)
            check_raw(script, limit)
            check_summaries(script)
            check_window(script, axis, start, stop, width)
            check_grid(script, axis, width)
        finally:
            script.storage.close()
