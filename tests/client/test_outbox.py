"""Records in memory: order, numbers, bounds."""

import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwire.client.batch import MetricSet
from stepwire.client.memory import read_batch
from stepwire.client.outbox import MemoryOutbox, NullOutbox

LOSS = ("loss",)


def metric_set(ordinal=0, names=LOSS):
    """A metric set as ``Metrics`` prepares it."""
    return MetricSet(ordinal, names, sum(len(name) + 3 for name in names))


def row(kind, step, value=0.5):
    """One point."""
    return kind, step, 1000 + int(step), kind.pack(*[value] * len(kind.names))


def take_all(outbox, limit=10_000):
    """All records that wait, by sequence number."""
    names, found = {}, {}
    while (batch := outbox.take(limit)) is not None:
        found |= read_batch(as_map(batch), names)
    return found


def as_map(batch):
    """The batch as it arrives after decoding."""
    return {
        "first_seq": batch.first_seq,
        "n": batch.n,
        "records": batch.records,
        "sets": [
            {
                "id": columns.id,
                "names": columns.names,
                "at": columns.at,
                "step_type": columns.step_type,
                "steps": columns.steps,
                "times": columns.times,
                "values": columns.values,
            }
            for columns in batch.sets
        ],
    }


def steps(records):
    """Steps of the points among some records, in order."""
    return [record["step"] for _, record in sorted(records.items()) if record["type"] == "point"]


def test_records_are_numbered_in_the_order_of_logging():
    """Points of two sets and other records come out in one batch, numbered from 1 without holes."""
    outbox, loss, lr = MemoryOutbox(), metric_set(0), metric_set(1, ("lr", "x"))
    outbox.put({"type": "config", "time": 1, "name": "run"})
    outbox.put(row(loss, 0))
    outbox.put(row(lr, 0, 3.0))
    outbox.put(row(loss, 1))
    batch = outbox.take(10_000)
    records = read_batch(as_map(batch), {})
    assert (batch.first_seq, batch.n) == (1, 4)
    assert [record["type"] for _, record in sorted(records.items())] == ["config", "point", "point", "point"]
    assert records[3] == {"type": "point", "step": 0, "time": 1000, "metrics": {"lr": 3.0, "x": 3.0}}
    assert outbox.take(10_000) is None


def test_the_checksum_covers_every_column():
    """crc is CRC-32 over at, steps, times and values, set by set."""
    outbox = MemoryOutbox()
    outbox.put(row(metric_set(0), 0))
    outbox.put(row(metric_set(1, ("a", "b")), 1))
    batch = outbox.take(10_000)
    joined = b"".join(c.at + c.steps + c.times + c.values for c in batch.sets)
    assert batch.crc == zlib.crc32(joined)


def test_steps_are_whole_numbers_until_one_is_not():
    """A set's steps are int64 while all are whole, float64 in a batch where one is not."""
    outbox, loss = MemoryOutbox(), metric_set()
    outbox.put(row(loss, 2**53))
    assert outbox.take(1).sets[0].step_type == "i8"
    outbox.put(row(loss, 1))
    outbox.put(row(loss, 2.5))
    batch = outbox.take(10_000)
    assert batch.sets[0].step_type == "f8"
    assert steps(read_batch(as_map(batch), {0: LOSS})) == [1.0, 2.5]


def test_names_go_out_once_per_connection():
    """The first batch names its set, the next does not, and after a rewind the first does again."""
    outbox, loss = MemoryOutbox(), metric_set()
    for step in range(2):
        outbox.put(row(loss, step))
    assert [outbox.take(1).sets[0].names for _ in range(2)] == [LOSS, None]
    outbox.rewind_to(1)
    assert [outbox.take(1).sets[0].names for _ in range(2)] == [LOSS, None]


def test_what_is_not_acknowledged_comes_again_from_where_it_is_asked():
    """A rewind gives the same records under the same numbers, in frames cut anew, then goes on."""
    outbox, loss = MemoryOutbox(), metric_set()
    for step in range(10):
        outbox.put(row(loss, step))
    first = take_all(outbox, limit=60)
    outbox.acknowledge(4)
    outbox.put(row(loss, 10))
    outbox.rewind_to(1)
    again = take_all(outbox, limit=200)
    assert {seq: record for seq, record in first.items() if seq > 4} == {
        seq: record for seq, record in again.items() if seq <= 10
    }
    assert steps(again) == list(range(4, 11))


def test_acknowledging_forgets_and_never_more_than_was_sent():
    """Acknowledged records are gone; a number from the future is cut to the last that was sent."""
    outbox, loss = MemoryOutbox(), metric_set()
    for step in range(4):
        outbox.put(row(loss, step))
    outbox.take(10_000, most=2)
    outbox.acknowledge(1)
    assert (outbox.acked, outbox.pending) == (1, 3)
    outbox.acknowledge(99)
    assert (outbox.acked, outbox.pending) == (2, 2)
    outbox.rewind_to(1)
    assert steps(take_all(outbox)) == [2, 3]


def test_frames_keep_to_their_limits():
    """take stops at about the bytes asked for and at the number of records, but gives at least one."""
    outbox, loss = MemoryOutbox(), metric_set(0, tuple(f"m{n}" for n in range(100)))
    for step in range(50):
        outbox.put(row(loss, step))
    assert outbox.take(1).n == 1
    assert outbox.take(5_000).n in (6, 7)
    assert outbox.take(10**9, most=3).n == 3


def test_full_memory_drops_the_oldest_points_and_says_so_once():
    """The newest points survive; one gap record in their place counts the lost ones; the bytes stay bounded."""
    outbox, loss = MemoryOutbox(limit=100_000), metric_set()
    outbox.put({"type": "config", "time": 1})
    outbox.put({"type": "status", "time": 2, "status": "running"})
    for step in range(2000):
        outbox.put(row(loss, step))
    records = take_all(outbox)
    kept, gaps = steps(records), [record for record in records.values() if record["type"] == "gap"]
    assert [records[1]["type"], records[2]["type"], records[3]["type"]] == ["config", "status", "gap"]
    assert kept == list(range(2000 - len(kept), 2000))
    assert 300 < len(kept) < 600
    assert len(gaps) == 1
    assert gaps[0]["count"] == outbox.dropped == 2000 - len(kept)
    assert (gaps[0]["from"], gaps[0]["to"]) == (3, 2 + gaps[0]["count"])
    assert (gaps[0]["from_step"], gaps[0]["to_step"]) == (0, kept[0] - 1)


def test_what_was_on_the_wire_is_never_dropped():
    """A record that may already be stored keeps its number, however full memory gets."""
    outbox, loss = MemoryOutbox(limit=20_000), metric_set()
    for step in range(10):
        outbox.put(row(loss, step))
    sent = take_all(outbox)
    for step in range(10, 500):
        outbox.put(row(loss, step))
    outbox.rewind_to(1)
    again = take_all(outbox)
    assert {seq: again[seq] for seq in sent} == sent
    assert outbox.dropped > 0


def test_records_in_reserve_are_bounded_too():
    """Checkpoints without end displace their oldest, never the config."""
    outbox = MemoryOutbox(limit=50_000, reserve=10_000)
    outbox.put({"type": "config", "time": 1})
    for place in range(1000):
        outbox.put({"type": "checkpoint", "time": place, "id": f"ckpt_{place}"})
    records = take_all(outbox)
    kept = [record["id"] for record in records.values() if record["type"] == "checkpoint"]
    assert records[1]["type"] == "config"
    assert kept[-1] == "ckpt_999"
    assert len(kept) + outbox.dropped == 1000
    assert outbox.dropped > 0


def test_a_refused_record_becomes_a_gap_of_its_number():
    """What the server can't take is replaced, counted, and the rest comes again unchanged."""
    outbox, loss = MemoryOutbox(), metric_set()
    for step in range(3):
        outbox.put(row(loss, step))
    take_all(outbox)
    outbox.refuse(2, "poison")
    outbox.refuse(99, "not there")
    outbox.rewind_to(1)
    records = take_all(outbox)
    assert steps(records) == [0, 2]
    assert (records[2]["type"], records[2]["count"], records[2]["reason"]) == ("gap", 1, "poison")
    assert outbox.dropped == 1


def test_a_new_stream_begins_with_the_config_and_tells_what_is_lost():
    """When the server forgot acknowledged records, all that is kept is numbered anew behind a gap."""
    outbox, loss = MemoryOutbox(), metric_set()
    outbox.put({"type": "config", "time": 1, "name": "run"})
    for step in range(6):
        outbox.put(row(loss, step))
    outbox.take(10_000, most=5)
    outbox.acknowledge(4)
    outbox.restart(lost=3)
    records = take_all(outbox)
    assert records[1]["name"] == "run"
    assert (records[2]["type"], records[2]["count"]) == ("gap", 3)
    assert steps(records) == [3, 4, 5]
    assert sorted(records) == list(range(1, 6))


def test_waking_happens_once_per_request():
    """arm tells at once when enough waits, else it wakes at the first record beyond the size."""
    outbox, loss, woken = MemoryOutbox(), metric_set(), []
    assert outbox.arm(0, lambda: woken.append("first")) is False
    outbox.put(row(loss, 0))
    outbox.put(row(loss, 1))
    assert woken == ["first"]
    assert outbox.arm(0, lambda: woken.append("second")) is True
    outbox.put(row(loss, 2))
    assert woken == ["first"]
    assert outbox.arm(10**6, lambda: woken.append("third")) is False
    outbox.put(row(loss, 3))
    assert woken == ["first"]


def test_eight_threads_lose_and_mix_nothing():
    """What eight threads put at once while a ninth takes is all there, each thread's own in order."""
    outbox, sets = MemoryOutbox(), [metric_set(n, (f"m{n}",)) for n in range(8)]

    def log(kind):
        for step in range(500):
            outbox.put(row(kind, step))

    threads = [threading.Thread(target=log, args=(kind,)) for kind in sets]
    for thread in threads:
        thread.start()
    names, found = {}, {}
    while any(thread.is_alive() for thread in threads) or outbox.pending:
        batch = outbox.take(1000)
        if batch is not None:
            found |= read_batch(as_map(batch), names)
            outbox.acknowledge(batch.first_seq + batch.n - 1)
    assert sorted(found) == list(range(1, 4001))
    for kind in sets:
        assert [r["step"] for _, r in sorted(found.items()) if kind.names[0] in r["metrics"]] == list(range(500))
    assert outbox._size == 0


def test_a_put_inside_a_put_keeps_order_and_does_not_wait():
    """A signal handler that logs while ``put`` holds the lock in the same thread gets through."""
    outbox, loss = MemoryOutbox(), metric_set()
    with outbox._lock:
        outbox.put(row(loss, 0))
    assert steps(take_all(outbox)) == [0]


def test_a_child_process_begins_empty():
    """After a fork the parent's records are the parent's, even if its lock was held."""
    outbox, loss = MemoryOutbox(), metric_set()
    outbox.put({"type": "config", "time": 1})
    outbox.put(row(loss, 0))
    held = threading.Thread(target=outbox._lock.acquire)
    held.start()
    held.join()
    outbox.after_fork()
    outbox.put(row(loss, 1))
    records = take_all(outbox)
    assert list(records) == [1]
    assert steps(records) == [1]


def test_the_null_outbox_keeps_nothing():
    """mode="disabled" has an outbox that is always empty."""
    outbox = NullOutbox()
    outbox.put({"type": "config", "time": 1})
    assert outbox.take(1) is None
    assert (outbox.pending, outbox.unsent, outbox.dropped) == (0, 0, 0)


class Model:
    """A server that stores each number once and insists on the next one."""

    def __init__(self):
        self.stored = []

    def receive(self, batch, names):
        records = read_batch(as_map(batch), names)
        assert batch.first_seq <= len(self.stored) + 1
        for seq in sorted(records):
            if seq == len(self.stored) + 1:
                self.stored.append(records[seq])
            else:
                assert repr(self.stored[seq - 1]) == repr(records[seq])


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 30)),
        st.tuples(st.just("event"), st.just(0)),
        st.tuples(st.just("send"), st.integers(1, 600)),
        st.tuples(st.just("send and lose"), st.integers(1, 600)),
        st.tuples(st.just("acknowledge"), st.integers(0, 5)),
        st.tuples(st.just("reconnect"), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@pytest.mark.parametrize("limit", [6_000, 10**9])
@given(operations=operations)
def test_any_order_of_events_delivers_each_record_once(limit, operations):
    """Lost frames, late acknowledgements, reconnects and full memory: each point stored once or counted as lost."""
    outbox, server, kind, names, lost, step = MemoryOutbox(limit), Model(), metric_set(), {}, False, 0
    outbox.put({"type": "config", "time": 0})

    def reconnect():
        nonlocal lost
        names.clear()
        lost = False
        outbox.acknowledge(len(server.stored))
        outbox.rewind_to(len(server.stored) + 1)

    for name, value in operations:
        if name == "put":
            for _ in range(value):
                outbox.put(row(kind, step))
                step += 1
        elif name == "event":
            outbox.put({"type": "status", "time": step})
        elif name == "acknowledge":
            outbox.acknowledge(len(server.stored) - value)
        elif name == "reconnect":
            reconnect()
        elif (batch := outbox.take(value)) is not None and not lost:
            lost = name == "send and lose"
            if not lost:
                server.receive(batch, names)
    reconnect()
    while (batch := outbox.take(10_000)) is not None:
        server.receive(batch, names)
    outbox.acknowledge(len(server.stored))
    stored = [record["step"] for record in server.stored if record["type"] == "point"]
    counted = sum(record["count"] for record in server.stored if record["type"] == "gap")
    assert stored == sorted(set(stored))
    assert len(stored) + counted == step
    assert server.stored[0]["type"] == "config"
    assert (outbox.pending, outbox._size, outbox.unsent) == (0, 0, 0)
