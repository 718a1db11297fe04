"""From a dict to a packed row."""

import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwire.client import metrics as metrics_module
from stepwire.client.memory import FakeClock
from stepwire.client.metrics import Metrics, flatten
from stepwire.client.outbox import MemoryOutbox
from stepwire.errors import InvalidError


class Log(Metrics):
    """Metrics with an outbox of their own, to look into."""

    def __init__(self) -> None:
        self.outbox = MemoryOutbox()
        super().__init__(self.outbox, FakeClock(start=1_000_000))

    def rows(self):
        """(step, time, {name: value}) of each row logged so far."""
        return [
            (step, time, dict(zip(kind.names, struct.unpack(f"<{len(kind.names)}d", packed), strict=True)))
            for kind, step, time, packed in self.outbox._waiting
        ]


class Scalar:
    """A number as torch and JAX have it: only ``item()`` gives it out."""

    def __init__(self, value):
        self.value = value

    def item(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (2.5, 2.5),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array(3.5), 3.5),
        (np.array([4.5]), 4.5),
        (Scalar(0.25), 0.25),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
)
def test_numbers_of_any_library_are_taken(value, expected):
    """Python's numbers and scalars of NumPy, torch and JAX give their value, alone and nested."""
    log = Log()
    log.log({"a": value, "b": {"c": value}}, None, None)
    log.log({"a": value}, None, None)
    log.log({"a": value}, None, None)
    assert [row[2] for row in log.rows()] == [{"a": expected, "b/c": expected}, {"a": expected}, {"a": expected}]


def test_nan_is_kept():
    """NaN is a value, not a mistake."""
    log = Log()
    log.log({"loss": math.nan}, 0, None)
    assert math.isnan(log.rows()[0][2]["loss"])


@pytest.mark.parametrize(
    "value",
    ["0.5", b"1", None, [1.0], np.array([1, 2]), 1j, object(), Scalar(RuntimeError("on another device")), Scalar("x")],
)
def test_what_is_not_a_number_names_its_metric(value):
    """The error names the metric, for a new name, a known one, and a nested one."""
    log = Log()
    with pytest.raises(TypeError, match="'loss'"):
        log.log({"loss": value}, 0, None)
    log.log({"loss": 1.0}, 0, None)
    with pytest.raises(TypeError, match="'loss'"):
        log.log({"loss": value}, 1, None)
    with pytest.raises(TypeError, match="'train/loss'"):
        log.log({"train": {"loss": value}}, 1, None)
    assert len(log.rows()) == 1


def test_a_number_beyond_float_is_misuse():
    """An int that no float can hold is refused by name, the first time and the next."""
    log = Log()
    for _ in range(2):
        with pytest.raises(InvalidError, match="'n'"):
            log.log({"n": 10**400}, 0, None)


@pytest.mark.parametrize(
    ("metrics", "error", "match"),
    [
        ([("loss", 1)], TypeError, "dict"),
        ("loss", TypeError, "dict"),
        (None, TypeError, "dict"),
        (5, TypeError, "dict"),
        ({3: 1.0}, TypeError, "3"),
        ({"": 1.0}, InvalidError, "1 to 512"),
        ({"a" * 513: 1.0}, InvalidError, "1 to 512"),
        ({"a\0": 1.0}, InvalidError, "NUL"),
        ({"a\ud800": 1.0}, InvalidError, "Unicode"),
        ({"a/b": 1, "a": {"b": 2}}, InvalidError, "twice"),
        ({str(n): 1.0 for n in range(10_001)}, InvalidError, "10001"),
    ],
)
def test_names_are_checked(metrics, error, match):
    """What is not a dict of usable names raises and logs nothing."""
    log = Log()
    with pytest.raises(error, match=match):
        log.log(metrics, None, None)
    assert log.rows() == []


def test_nesting_that_never_ends_is_misuse():
    """A dict that holds itself is refused instead of followed."""
    cycle: dict = {}
    cycle["a"] = cycle
    with pytest.raises(InvalidError, match="nested"):
        flatten(cycle)


def test_steps_continue_from_the_last():
    """The first implied step is 0, the next one more than the last, given or implied."""
    log = Log()
    for step in (None, None, 10, None, 3, None, 2.5, None):
        log.log({"a": 1}, step, None)
    assert [row[0] for row in log.rows()] == [0, 1, 10, 11, 3, 4, 2.5, 3.5]


@pytest.mark.parametrize(("step", "stored"), [(5.0, 5), (np.int32(5), 5), (Scalar(5), 5), (-0.0, 0), (2**53, 2**53)])
def test_whole_steps_are_integers(step, stored):
    """A whole step of any type is stored as int."""
    log = Log()
    log.log({"a": 1}, step, None)
    assert log.rows()[0][0] == stored
    assert type(log.rows()[0][0]) is int


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (2**53 + 1, InvalidError),
        (-(2**53) - 1, InvalidError),
        (1e300, InvalidError),
        (10**400, InvalidError),
        (math.nan, InvalidError),
        (math.inf, InvalidError),
        ("3", TypeError),
        (True, TypeError),
        ([1], TypeError),
    ],
)
def test_a_step_is_a_finite_number_within_bounds(step, error):
    """Another step raises, naming itself, and changes nothing."""
    log = Log()
    with pytest.raises(error, match="step"):
        log.log({"a": 1}, step, None)
    assert log.rows() == []
    assert log.last_step is None


def test_implied_steps_end_at_the_bound():
    """After the largest step there is no next one."""
    log = Log()
    log.log({"a": 1}, 2**53, None)
    with pytest.raises(InvalidError, match="step"):
        log.log({"a": 1}, None, None)


@pytest.mark.parametrize(
    "timestamp",
    [
        1_700_000_000.25,
        datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC),
        datetime(2023, 11, 15, 3, 43, 20, 250_000, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_timestamps_are_seconds_or_aware_datetimes(timestamp):
    """Both are stored as the same µs since 1970."""
    log = Log()
    log.log({"a": 1}, 0, timestamp)
    assert log.rows()[0][1] == 1_700_000_000_250_000


@pytest.mark.parametrize(
    ("timestamp", "error"),
    [
        (datetime(2023, 1, 1), InvalidError),  # noqa: DTZ001 - the case
        (math.nan, InvalidError),
        (1e20, InvalidError),
        (10**400, InvalidError),
        ("now", TypeError),
        (True, TypeError),
    ],
)
def test_other_timestamps_are_misuse(timestamp, error):
    """A time without zone, out of range or of another type is refused."""
    with pytest.raises(error, match="timestamp"):
        Log().log({"a": 1}, 0, timestamp)


def test_nothing_to_log_logs_nothing():
    """An empty dict is accepted and makes no record."""
    log = Log()
    log.log({}, 3, None)
    assert log.rows() == []


def test_names_seen_again_keep_their_set():
    """5,000 one-name calls, twice: the second time the same 5,000 sets, so the names are sent only once."""
    log = Log()
    for epoch in range(2):
        for place in range(5000):
            log.log({f"name{place}": place}, epoch, None)
    sent = [columns for batch in iter(lambda: log.outbox.take(100_000), None) for columns in batch.sets]
    assert {columns.id for columns in sent} == set(range(5000))
    assert len([columns for columns in sent if columns.names is not None]) == 5000
    log.outbox.rewind_to(1)
    again = [columns for batch in iter(lambda: log.outbox.take(100_000), None) for columns in batch.sets]
    assert [columns.id for columns in again if columns.names is not None] == list(range(5000))


def test_a_loop_that_invents_names_does_not_grow_the_cache(monkeypatch):
    """Prepared sets stay within their bytes, one name or a thousand at a time, and names keep their values."""
    monkeypatch.setattr(metrics_module, "_CACHE_BYTES", 100_000)
    log = Log()
    for place in range(2000):
        log.log({f"name{place}": place}, place, None)
        assert len(log._sets) < 400
    assert [row[2] for row in log.rows()] == [{f"name{place}": place} for place in range(2000)]
    for place in range(10):
        log.log({f"name{place}/{number}": number for number in range(1000)}, place, None)
        assert len(log._sets) <= 2


odd_values = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.text(), st.binary(), st.none(), st.complex_numbers(), st.decimals(),
    st.lists(st.floats(), max_size=2), st.builds(Scalar, st.one_of(st.floats(), st.text(), st.just(ValueError()))),
)  # fmt: skip
odd_dicts = st.recursive(
    st.dictionaries(st.text(max_size=20) | st.integers(), odd_values, max_size=4),
    lambda inner: st.dictionaries(st.text(max_size=20), inner | odd_values, max_size=4),
    max_leaves=10,
)


@given(
    metrics=st.one_of(odd_dicts, odd_values),
    step=st.one_of(st.none(), odd_values),
    timestamp=st.one_of(st.none(), odd_values),
)
def test_anything_is_accepted_or_documented_misuse(metrics, step, timestamp):
    """No value of any kind raises anything but TypeError or InvalidError, and a refusal leaves no half record."""
    log = Log()
    try:
        log.log(metrics, step, timestamp)
    except (TypeError, InvalidError):
        assert log.rows() == []
    else:
        assert len(log.rows()) <= 1
