"""The series engine against a plain model, step by step: what is logged, sent, sealed, cut, restarted, and read.

``STEPWIRE_MODEL_STEPS`` says about how many steps run in all; ``make soak`` takes 10,000 and more.
"""

import contextlib
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.contract import plain
from tests.contract.plain import Source, Tape

from stepwire.errors import ConflictError, NotFoundError, SequenceGapError

STEPS = int(os.environ.get("STEPWIRE_MODEL_STEPS", "500"))
PER_EXAMPLE = min(50, max(20, STEPS // 20))
ENGINES = 2

NARROW = [
    ("loss",),
    ("loss", "lr"),
    ("acc", "loss", "lr"),
    ("r1",),
    ("r2", "acc"),
    tuple(f"n/{at}" for at in range(60)),
]
WIDE = {600: tuple(f"w/{at}" for at in range(600)), 2100: tuple(f"v/{at}" for at in range(2100))}
RENAMED = ["r1", "r2", "r3", "neu/ß"]
SOURCES = {"run_a": "run", "run_b": "run", "host_1": "host"}
POINTS = st.one_of(st.integers(1, 40), st.sampled_from([100, 300, 1000, 5000]))
AXES = st.sampled_from(["step", "time", "relative"])
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.one_of(
    st.integers(1, 8), st.integers(1, 8), st.integers(9, 300), st.sampled_from([63, 64, 65, 1000, 4096, 5000, 12_000])
)
STEPS_TAKEN = {"count": 0}
PHASES = [
    phase
    for phase in Phase
    if phase not in {Phase.explain, *([Phase.shrink] if "STEPWIRE_MODEL_RAW" in os.environ else [])}
]


# --- random rows -----------------------------------------------------------------------------------------


def make_steps(rng, kind, count, last):
    """Steps of ``count`` rows that go on after ``last``, in one of the ways that scripts log."""
    at = np.arange(1, count + 1, dtype=np.float64)
    if kind == "repeat":
        return last + at // rng.integers(2, 200)
    if kind == "same":
        return np.full(count, last)
    if kind == "epochs":
        return at % rng.integers(3, 700)
    if kind == "fall":
        return last - at
    if kind == "random":
        return rng.integers(-1000, 1000, count).astype(np.float64)
    if kind == "halves":
        return last + at / 2
    if kind == "huge":
        return rng.integers(-(2**53), 2**53, count).astype(np.float64)
    return last + at * rng.integers(1, 4)


STEP_KINDS = ["up"] * 8 + ["repeat", "repeat", "same", "epochs", "fall", "random", "halves", "huge"]


def make_times(rng, count, last):
    """Times that mostly rise; sometimes they stand, or jump anywhere."""
    kind = rng.integers(8)
    if kind == 0:
        return rng.integers(last - 5_000_000, last + 5_000_000, count)
    if kind == 1:
        return np.full(count, last)
    return last + np.cumsum(rng.integers(0, 2_000_000, count))


def make_values(rng, count, width):
    """Values of every kind of float64."""
    values = rng.standard_normal((count, width))
    kind = rng.integers(8)
    if kind == 0:
        values = values.astype(np.float32).astype(np.float64)
    elif kind == 1:
        values = np.repeat(values[:1], count, axis=0)
    elif kind == 2:
        values = rng.integers(-2, 3, (count, width)).astype(np.float64)
        values[values == 0] = -0.0
    elif kind == 3:
        values *= 2e307
    if rng.integers(3) == 0:
        start = rng.integers(0, count)
        values[start : start + rng.integers(1, 150), rng.integers(0, width)] = rng.choice(
            [np.nan, np.inf, -np.inf, plain.NAN_WITH_PAYLOAD]
        )
    if rng.integers(4) == 0:
        values[rng.integers(0, count), rng.integers(0, width)] = rng.choice([-0.0, np.inf, np.nan, 5e-324, 1.7e308])
    return values


def log(tape, rng, count, pool, kind):
    """Let a script log ``count`` records: rows of one to three metric sets, now and then something else."""
    chosen = [pool[at] for at in rng.choice(len(pool), min(len(pool), int(rng.integers(1, 4))), replace=False)]
    seqs = np.arange(tape.logged + 1, tape.logged + 1 + count)
    owner = rng.integers(0, len(chosen), count) if rng.integers(2) else np.zeros(count, int)
    other = rng.random(count) < (0.05 if rng.integers(3) == 0 else 0)
    for seq in seqs[other].tolist():
        tape.log_record(seq, {"type": str(rng.choice(["event", "heartbeat", "status"])), "n": int(seq)})
    for at, names in enumerate(chosen):
        mine = seqs[(owner == at) & ~other]
        if len(mine):
            before = tape.sets.get(names)
            last, moment = (-1.0, 1_700_000_000_000_000) if before is None else (before.steps[-1], before.times[-1])
            tape.log_rows(
                names,
                mine,
                np.clip(make_steps(rng, kind, len(mine), last), -(2**53), 2**53),
                make_times(rng, len(mine), moment),
                make_values(rng, len(mine), len(names)),
            )
    tape.logged = int(seqs[-1])


class Machine(RuleBasedStateMachine):
    """One data folder, some sources, and the model of both."""

    open_engine = None

    def __init__(self):
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.folder = Path(self.place.name)
        self.storage = self.open_engine(self.folder)
        self.sources = {}
        self.tapes = []
        self.made = 0
        self.cursor = 0
        self.written = 0

    def teardown(self):
        """Close and forget the data folder."""
        self.storage.close()
        self.place.cleanup()

    # --- helpers -----------------------------------------------------------------------------------------

    @property
    def store(self):
        return self.storage.series

    def write(self, job):
        return self.storage.writer.submit(job).result(60)

    def source(self, id_):
        if id_ not in self.sources:
            self.made += 1
            self.sources[id_] = Source(id_, SOURCES[id_], self.made)
        return self.sources[id_]

    def stream(self, tx, tape):
        kind = SOURCES[tape.source]
        return self.store.open_stream(tx, tape.source, tape.writer_id, kind=kind, attempt=tape.attempt, rank=tape.rank)

    def send(self, tape, batches):
        """Send batches, and compare what the engine says is new."""

        def job(tx):
            stream = self.stream(tx, tape)
            assert stream.high == tape.high
            tape.number = stream.number
            if len(batches) == 1:
                return self.store.append(tx, stream, batches[0])
            return self.store.append_all(tx, stream, batches)

        appended = self.write(job)
        high = max(tape.high, batches[-1].first_seq + batches[-1].n - 1)
        assert appended.high == high
        assert (appended.cursor > self.cursor) if high > tape.high else (appended.cursor == 0)
        rows = sum(one.count(high) - one.count(tape.high) for one in tape.sets.values())
        assert sum(len(one.times) for one in appended.sets) == rows
        fresh = [seq for seq, _ in tape.records if tape.high < seq <= high]
        assert [appended.first_seq + record["at"] for record in appended.records] == fresh
        self.cursor = max(self.cursor, appended.cursor)
        assert self.store.cursor() == self.cursor
        if appended.cursor:
            assert self.store.source_cursor(tape.source) == appended.cursor
        tape.high = high
        self.written += rows

    def pick(self, data, some, label):
        return some[data.draw(st.integers(0, len(some) - 1), label=label)]

    def counted(self):
        STEPS_TAKEN["count"] += 1

    # --- writing -----------------------------------------------------------------------------------------

    @initialize()
    def begin(self):
        self.open_a_stream("run_a", 0, 0, False)

    @rule(id_=st.sampled_from(sorted(SOURCES)), more=st.integers(0, 2), rank=st.integers(0, 3), early=st.booleans())
    def open_a_stream(self, id_, more, rank, early):
        """A process begins to log: another rank of the attempt, or a later attempt, or one late to an earlier one."""
        self.counted()
        source = self.source(id_)
        attempt = max((tape.attempt for tape in source.streams), default=1) + more
        attempt = max(1, attempt - int(early))
        tape = Tape(id_, f"w{len(source.streams)}", attempt, rank)
        limits = [other.limit for other in source.streams if other.attempt >= attempt]
        limits += [other.rewound_to for other in source.streams if other.attempt > attempt]
        # late to an attempt that was rewound, or would have been
        tape.limit = min((limit for limit in limits if limit is not None), default=None)
        tape.number = self.write(lambda tx: self.stream(tx, tape)).number
        source.streams.append(tape)
        self.tapes.append(tape)

    @precondition(lambda self: self.tapes)
    @rule(data=st.data(), count=SIZES, seed=SEEDS, kind=st.sampled_from(STEP_KINDS), floats=st.booleans())
    def log_and_send(self, data, count, seed, kind, floats):
        """New records, sent at once, whole or in pieces."""
        self.counted()
        tape = self.pick(data, self.tapes, "tape")
        rng = np.random.default_rng(seed)
        log(tape, rng, count, NARROW, kind)
        self.deliver(tape, rng, floats=floats)

    @precondition(lambda self: self.tapes and self.written < 60_000)
    @rule(
        data=st.data(),
        width=st.sampled_from([600, 600, 2100]),
        count=st.sampled_from([3, 70, 256, 300, 1030]),
        seed=SEEDS,
    )
    def log_wide(self, data, width, count, seed):
        """Records of hundreds of metrics."""
        self.counted()
        tape = self.pick(data, self.tapes, "tape")
        rng = np.random.default_rng(seed)
        log(tape, rng, min(count, 300) if width > 600 else count, [WIDE[width]], str(rng.choice(STEP_KINDS)))
        self.deliver(tape, rng)

    def deliver(self, tape, rng, *, floats=False):
        """Send what is not stored, from some records before it, in one to four batches, maybe in one transaction."""
        overlap = int(rng.integers(0, 6)) if rng.integers(2) else 0
        first, last = max(1, tape.high + 1 - overlap), tape.logged
        edges = sorted({first, *(int(edge) for edge in rng.integers(first, last + 1, int(rng.integers(0, 4))))})
        batches = [
            tape.batch(start, stop - 1, floats=floats and bool(rng.integers(2)))
            for start, stop in zip(edges, [*edges[1:], last + 1], strict=True)
        ]
        if rng.integers(2):
            self.send(tape, batches)
        else:
            for batch in batches:
                self.send(tape, [batch])

    @precondition(lambda self: any(tape.high for tape in self.tapes))
    @rule(data=st.data(), seed=SEEDS)
    def retry(self, data, seed):
        """Known records, cut another way, are skipped."""
        self.counted()
        tape = self.pick(data, [tape for tape in self.tapes if tape.high], "tape")
        rng = np.random.default_rng(seed)
        first = max(1, tape.high - int(rng.integers(0, 50)))
        last = int(rng.integers(first, tape.high + 1))
        self.send(tape, [tape.batch(first, last)])

    @precondition(lambda self: self.tapes)
    @rule(data=st.data(), seed=SEEDS, gap=st.integers(1, 5))
    def leave_a_gap(self, data, seed, gap):
        """A batch past the next record is refused, alone and as the second of two, and stores nothing."""
        self.counted()
        tape = self.pick(data, self.tapes, "tape")
        log(tape, np.random.default_rng(seed), gap + 3, NARROW, "up")
        late = tape.batch(tape.high + 2, tape.logged)
        for batches in ([late], [tape.batch(tape.high + 1, tape.high + 1), tape.batch(tape.high + 3, tape.logged)]):
            with pytest.raises(SequenceGapError):
                self.write(lambda tx, batches=batches: self.store.append_all(tx, self.stream(tx, tape), batches))

    @precondition(lambda self: self.tapes)
    @rule(data=st.data(), seed=SEEDS, count=st.integers(1, 40))
    def roll_back(self, data, seed, count):
        """A job that does everything and then fails leaves no trace, in memory neither."""
        self.counted()
        tape = self.pick(data, self.tapes, "tape")
        rng = np.random.default_rng(seed)
        log(tape, rng, count, NARROW, "up")
        batch = tape.batch(tape.high + 1, tape.logged)
        if tape.high == 0 or rng.integers(2):
            batch = tape.batch(tape.high + 1, tape.logged, floats=True)
        name = str(rng.choice(self.sources[tape.source].names() or ["loss"]))

        def job(tx):
            stream = self.stream(tx, tape)
            self.store.append(tx, stream, batch)
            self.store.rewind(tx, tape.source, tape.attempt + 1, float(rng.integers(0, 100)))
            for change in (
                lambda: self.store.rename(tx, tape.source, name, "gone"),
                lambda: self.store.rename(tx, tape.source, "gone", "gone too"),
                lambda: self.store.delete_metric(tx, tape.source, "gone too"),
            ):
                if rng.integers(4):
                    with contextlib.suppress(NotFoundError):
                        change()
            self.store.open_stream(tx, tape.source, f"never{seed}")
            if rng.integers(3) == 0:
                self.store.delete(tx, tape.source)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.write(job)

    # --- after the fact ----------------------------------------------------------------------------------

    @precondition(lambda self: self.tapes)
    @rule(data=st.data(), seed=SEEDS)
    def rewind(self, data, seed):
        """A later attempt goes on from an earlier step."""
        self.counted()
        tape = self.pick(data, self.tapes, "tape")
        rng = np.random.default_rng(seed)
        steps = np.concatenate([one.steps for one in tape.sets.values()]) if tape.sets else np.zeros(1)
        step = float(rng.choice(steps)) + float(rng.choice([0, 0.5, -1, 1e300]))
        attempt = tape.attempt + int(rng.integers(0, 2))
        self.write(lambda tx: self.store.rewind(tx, tape.source, attempt, step))
        for other in self.sources[tape.source].streams:
            if other.attempt < attempt:
                other.limit = step if other.limit is None else min(step, other.limit)
            if other.attempt == attempt:
                other.rewound_to = step if other.rewound_to is None else min(step, other.rewound_to)

    @precondition(lambda self: any(source.names() for source in self.sources.values()))
    @rule(data=st.data(), new=st.sampled_from(RENAMED), back=st.booleans())
    def rename(self, data, new, back):
        """A metric is shown under another name, or under its own again."""
        self.counted()
        source = self.pick(data, [source for source in self.sources.values() if source.names()], "source")
        shown = [name for name, other in source.shown.items() if other != name and source.has(other)]
        if back and shown:
            new = self.pick(data, shown, "name")
            old = source.show(new)
        else:
            old = self.pick(data, [*source.names()[:12], "nothing"], "old")
        job = lambda tx: self.store.rename(tx, source.id, old, new)  # noqa: E731
        if not source.has(old):
            with pytest.raises(NotFoundError):
                self.write(job)
        elif old != new and source.has(new):
            with pytest.raises(ConflictError):
                self.write(job)
        else:
            self.write(job)
            source.rename(old, new)

    @precondition(lambda self: any(source.names() for source in self.sources.values()))
    @rule(data=st.data())
    def delete_a_metric(self, data):
        """A metric's points are forgotten; what comes later is kept."""
        self.counted()
        source = self.pick(data, [source for source in self.sources.values() if source.names()], "source")
        name = self.pick(data, source.names()[:20], "name")
        self.write(lambda tx: self.store.delete_metric(tx, source.id, name))
        source.delete_metric(name)

    @precondition(lambda self: self.sources)
    @rule(data=st.data())
    def delete_a_source(self, data):
        """A source is forgotten; its streams are closed, its id is free."""
        self.counted()
        source = self.pick(data, sorted(self.sources.values(), key=lambda one: one.id), "source")
        self.write(lambda tx: self.store.delete(tx, source.id))
        del self.sources[source.id]
        self.tapes = [tape for tape in self.tapes if tape.source != source.id]
        assert self.store.names(source.id) == []

    # --- the background ----------------------------------------------------------------------------------

    @rule(data=st.data())
    def seal(self, data):
        """Points move into blocks now."""
        self.counted()
        self.store.seal(self.pick(data, [None, *sorted(SOURCES)], "source"))

    @rule(id_=st.sampled_from(sorted(SOURCES)))
    def finish(self, id_):
        """Points move into blocks while the next steps run."""
        self.counted()
        self.store.finish(id_)

    @rule()
    def restart(self):
        """What is in memory is gone; what is stored stays."""
        self.counted()
        self.storage.close()
        self.storage = self.open_engine(self.folder)
        assert self.store.cursor() == self.cursor

    # --- reading -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.sources)
    @rule(data=st.data(), seed=SEEDS)
    def look_at_pages(self, data, seed):
        """Raw pages, the scan and the records of one source."""
        self.counted()
        source = self.pick(data, sorted(self.sources.values(), key=lambda one: one.id), "source")
        rng = np.random.default_rng(seed)
        names = [str(name) for name in rng.choice([*source.names(), "nothing"], 3)]
        names = list(dict.fromkeys(names))
        rows = sum(source.series(name).rows for name in names)
        plain.check_raw(self.store, source, names, int(rng.integers(1 + rows // 12, 2 + rows)))
        plain.check_scan(self.store, source, names if rng.integers(2) else None)
        found = {}
        for stream, seq, record in self.store.records(source.id):
            found.setdefault(stream, []).append((seq, record["type"], record["n"]))
        for tape in source.streams:
            kept = [
                (seq, record["type"], record["n"])
                for seq, record in tape.records
                if record["type"] != "heartbeat" and seq <= tape.high
            ]
            assert found.pop(tape.number, []) == kept
        assert found == {}
        assert self.store.start_time(source.id) == source.start_time()

    @rule(data=st.data(), descending=st.booleans(), some=st.booleans())
    def look_at_summaries(self, data, descending, some):
        """Names, summaries and the order of runs."""
        self.counted()
        sources = list(self.sources.values())
        for source in sources:
            assert self.store.names(source.id) == source.names()
        plain.check_summaries(self.store, sources, ["acc", "r1", "loss", "w/7"] if some else None)
        name = self.pick(data, ["loss", "acc", "r1", "r3", "w/3"], "name")
        statistic = self.pick(data, ["first", "last", "min", "max", "count"], "statistic")
        plain.check_ranked(self.store, sources, name, statistic, descending)

    @precondition(lambda self: any(source.names() for source in self.sources.values()))
    @rule(data=st.data(), axis=AXES, points=POINTS, seed=SEEDS, superseded=st.booleans())
    def look_at_a_window(self, data, axis, points, seed, superseded):
        """Windows of random series at random widths, on any axis, visible and hidden points."""
        self.counted()
        source = self.pick(data, [source for source in self.sources.values() if source.names()], "source")
        rng = np.random.default_rng(seed)
        names = [str(name) for name in rng.choice(source.names(), 2)]
        start = source.start_time() or 0
        series = [source.series(name) for name in names]
        origin = start if axis != "relative" or rng.integers(2) else start - 5_000_000
        window = self.ends(rng, series[0], axis, origin)
        note(f"{names} {axis} {window} points={points} superseded={superseded}")
        found = self.store.windows(
            source.id,
            names,
            x=axis,
            start=window[0],
            stop=window[1],
            points=points,
            origin=None if origin == start else origin,
            superseded=superseded,
        )
        for one, wanted in zip(found, series, strict=True):
            plain.check_window(one, wanted, axis, window, points, origin=origin, superseded=superseded)

    def ends(self, rng, series, axis, origin):
        """The ends of a window: none, a point's, beside one, or far away."""
        x, _ = series.window(axis, None, None, origin, superseded=False)
        if not len(x):
            return (None, None)
        around = [-math.inf, math.inf, -1e300, 1e300, 0.0]

        def end():
            kind = rng.integers(6)
            if kind == 0:
                return float(rng.choice(around))
            return None if kind < 3 else float(rng.choice(x)) + float(rng.choice([0, 0, 0.5, -1]))

        start, stop = end(), end()
        if start is not None and stop is not None and start > stop and rng.integers(8):
            start, stop = stop, start
        return (start, stop)

    @precondition(lambda self: any(source.names() for source in self.sources.values()))
    @rule(axis=AXES, points=POINTS, seed=SEEDS, superseded=st.booleans())
    def look_at_a_grid(self, axis, points, seed, superseded):
        """Series of several sources on one x."""
        self.counted()
        rng = np.random.default_rng(seed)
        every = [(source, name) for source in self.sources.values() for name in source.names()[:70]]
        chosen = [every[at] for at in rng.integers(0, len(every), int(rng.integers(1, 5)))]
        series = [source.series(name) for source, name in chosen]
        origins = [source.start_time() or 0 for source, _ in chosen]
        window = self.ends(rng, series[0], axis, origins[0])
        note(f"{[(source.id, name) for source, name in chosen]} {axis} {window} points={points}")
        found = self.store.grid(
            [(source.id, name) for source, name in chosen],
            x=axis,
            start=window[0],
            stop=window[1],
            points=points,
            superseded=superseded,
        )
        plain.check_grid(found, series, axis, window, points, origins=origins, superseded=superseded)


@pytest.mark.timeout(120 + STEPS)
def test_the_engine_is_the_model(open_engine):
    """Whatever scripts, people and the background do, in any order: every read equals the model's."""
    STEPS_TAKEN["count"] = 0
    machine = type("SeriesMachine", (Machine,), {"open_engine": staticmethod(open_engine)})
    profile = settings(
        deadline=None,
        max_examples=max(3, STEPS // ENGINES // PER_EXAMPLE),
        stateful_step_count=PER_EXAMPLE,
        suppress_health_check=list(HealthCheck),
        phases=PHASES,
        print_blob=True,
    )
    started = time.monotonic()
    run_state_machine_as_test(machine, settings=profile)
    print(f"{STEPS_TAKEN['count']} steps in {time.monotonic() - started:.0f} s")
