"""The sender, step by step against a server in memory on a clock that stands still."""

import logging
import threading
import time
from itertools import pairwise

import pytest

from stepwire.client import backoff
from stepwire.client.batch import MetricSet
from stepwire.client.memory import FakeClock, MemoryTransport
from stepwire.client.outbox import FRAME_RECORDS, MemoryOutbox
from stepwire.client.sender import Sender
from stepwire.protocol import CommandResult, Hello


class Stepped(Sender):
    """A sender without a thread: the test takes each turn."""

    def start(self):
        """Wait for the test."""

    def turns(self, count=1):
        """Take some turns, as ``run`` does."""
        for _ in range(count):
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - as `run`
                self._fail(error)

    def until(self, condition):
        """Take turns until a condition holds."""
        for _ in range(500):
            if condition():
                return
            self.turns()
        raise AssertionError("500 turns were not enough")


class Stage:
    """A sender with all that it needs, on a fake clock."""

    def __init__(self, **options):
        self.clock = FakeClock()
        self.server = MemoryTransport(self.clock)
        self.outbox = MemoryOutbox()
        self.commands = []
        self.sender = Stepped(
            self.outbox,
            self.server,
            lambda writer_id, next_seq: Hello("run_1", writer_id, next_seq=next_seq),
            on_command=self.take,
            clock=self.clock,
            chance=lambda: 1.0,
            **options,
        )
        self.kind = MetricSet(0, ("loss",), 7)
        self.step = 0
        self.outbox.put({"type": "config", "time": 0, "name": "run"})

    def take(self, command):
        """Remember a command and say that it came."""
        self.commands.append(command)
        return CommandResult(command.id, "delivered")

    def log(self, count=1):
        """Log some points."""
        for _ in range(count):
            self.outbox.put((self.kind, self.step, self.clock.now(), self.kind.pack(float(self.step))))
            self.step += 1

    def batches(self):
        """Every batch sent so far."""
        return [frame for frame in self.server.frames if frame["type"] == "batch"]

    def deliver(self):
        """Go on until everything is acknowledged, and check that it is stored once and in order."""
        self.sender.until(lambda: self.outbox.pending == 0)
        assert [record["step"] for record in self.server.records("point")] == list(range(self.step))


@pytest.fixture
def stage():
    """A stage whose sender has connected and delivered the config."""
    stage = Stage()
    stage.deliver()
    return stage


def test_the_first_record_opens_the_stream():
    """hello comes first with the protocol version and a UUIDv4, then the config as record 1."""
    stage = Stage()
    stage.deliver()
    hello, batch = stage.server.frames
    assert (hello["type"], hello["proto"], hello["writer_id"][14], hello["next_seq"]) == ("hello", [1], "4", 2)
    assert (batch["first_seq"], batch["records"][0]["type"]) == (1, "config")


def test_the_first_point_goes_at_once_and_the_next_ones_together():
    """After 100 ms of silence a point is sent in the same moment; points within 100 ms share a frame."""
    stage = Stage()
    stage.deliver()
    stage.clock.advance(1.0)
    before = stage.clock.monotonic()
    stage.log()
    stage.sender.turns()
    assert len(stage.batches()) == 2
    assert stage.clock.monotonic() == before
    stage.sender.turns()  # takes the acknowledgement, in no time
    stage.log(5)
    stage.deliver()
    assert len(stage.batches()) == 3
    assert 0.1 <= stage.clock.monotonic() - before < 0.2


def test_much_data_does_not_wait(stage):
    """More than 64 KiB go out before the 100 ms are over."""
    stage.clock.advance(1.0)
    stage.log()
    stage.sender.turns()
    before = stage.clock.monotonic()
    stage.log(1000)
    stage.sender.turns(2)
    assert sum(frame["n"] for frame in stage.batches()[-3:]) > 900
    assert stage.clock.monotonic() == before


def slow_to_send(stage, seconds, rows):
    """Sending takes ``seconds``, in which the training logs ``rows`` more: a loop that never gives up the interpreter."""
    send = stage.server.send

    def slowly(frame):
        send(frame)
        if stage.server.frames[-1]["type"] == "batch":
            stage.clock.advance(seconds)
            stage.log(rows)

    stage.server.send = slowly


def test_what_came_while_a_frame_was_sent_waits_for_company(stage):
    """Beside a busy loop each sending takes 5 ms; a second of it makes ten frames, not two hundred."""
    slow_to_send(stage, 0.005, 5)
    stage.clock.advance(1.0)
    stage.log()
    before, began = len(stage.batches()), stage.clock.monotonic()
    while stage.clock.monotonic() < began + 1.0:
        stage.sender.turns()
        stage.clock.advance(0.001)  # as the replies come, which wake it
        stage.log()
    assert 8 <= len(stage.batches()) - before <= 12


def test_what_is_sent_again_waits_for_no_company(stage):
    """After a lost link all that the server lacks goes out in one go, however many frames that makes."""
    stage.server.acknowledging = False
    stage.log(30_000)
    stage.sender.until(lambda: len(stage.server.records("point")) >= 20_000)
    stage.server.drop()
    stage.server.acknowledging = True
    stage.sender.until(lambda: not stage.sender.connected)
    stage.sender.until(lambda: stage.sender.connected)
    began = stage.clock.monotonic()
    stage.deliver()
    assert stage.clock.monotonic() - began < 0.2


def test_frames_are_small_while_the_training_wants_the_interpreter(stage):
    """And as large as may be while it does not."""
    stage.log(20_000)
    stage.sender.turns()
    stage.deliver()
    assert max(frame["n"] for frame in stage.batches()) == FRAME_RECORDS
    slow_to_send(stage, 0.005, 0)
    stage.log(20_000)
    stage.sender.turns(20)
    assert stage.batches()[-2]["n"] <= 512
    stage.deliver()


def test_acknowledgements_wake_nobody_between_two_batches(stage):
    """They are read when the next batch is due; at once when somebody waits for them, or nothing is due soon."""
    heeded = []
    wait = stage.server.wait
    stage.server.wait = lambda seconds, *, heeds=True: heeded.append(heeds) or wait(seconds, heeds=heeds)
    stage.clock.advance(1.0)
    stage.sender.turns(1)
    assert heeded == [True]  # nothing is due for seconds
    heeded.clear()
    stage.log()
    stage.sender.turns(2)
    assert heeded == [False, False]
    heeded.clear()
    stage.log()
    stage.sender.hurry()
    stage.sender.turns(1)
    assert heeded == [True]
    stage.deliver()


def test_an_unacknowledged_frame_is_sent_again_after_a_lost_link(stage):
    """Stored but not acknowledged, or not stored at all: after a reconnect each record is there once."""
    stage.server.acknowledging = False
    stage.log(10)
    stage.sender.until(lambda: len(stage.server.records("point")) == 10)
    stage.server.drop()
    stage.log(10)
    stage.server.acknowledging = True
    stage.deliver()
    assert len({frame["writer_id"] for frame in stage.server.frames if frame["type"] == "hello"}) == 1


def test_attempts_wait_longer_and_longer(stage):
    """Without a server the waits are 1, 2, 4, 8, 16, 30, 30 s, and nothing is lost."""
    stage.server.drop()
    stage.server.reachable = False
    moments = []
    while len(moments) < 8:
        stage.sender.until(lambda: stage.sender.failures > len(moments))
        moments.append(stage.clock.monotonic())
    waits = [round(later - earlier) for earlier, later in pairwise(moments)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    stage.log(3)
    stage.server.reachable = True
    stage.deliver()


def test_back_off_starts_again_only_after_a_stable_minute(stage):
    """A link that broke soon keeps its place in the back-off; one that held 60 s starts at 1 s."""
    for held, expected in ((1.0, 1), (1.0, 2), (backoff.STABLE_SECONDS + 1, 1)):
        stage.sender.until(lambda: stage.sender.connected)
        stage.clock.advance(held)
        stage.server.drop()
        stage.sender.turns()
        before = stage.clock.monotonic()
        stage.sender.until(lambda: stage.sender.connected)
        assert round(stage.clock.monotonic() - before) == expected


def test_no_more_than_the_window_is_under_way():
    """A server that acknowledges nothing gets about one window, not everything."""
    stage = Stage()
    stage.deliver()
    stage.server.acknowledging = False
    stage.server.say({"type": "credit", "window_bytes": 10_000})
    stage.sender.turns()
    stage.log(5000)
    stage.sender.turns(20)
    sent = sum(len(columns["values"]) for frame in stage.batches() for columns in frame["sets"])
    assert 0 < sent < 10_000
    stage.server.acknowledging = True
    stage.server.say({"type": "ack", "acked_seq": len(stage.server.stored)})
    stage.deliver()


def test_credit_zero_stops_and_more_credit_resumes(stage):
    """With a window of 0 nothing is sent; a new credit lets all of it through."""
    stage.server.say({"type": "credit", "window_bytes": 0})
    stage.sender.turns()
    stage.log(3)
    stage.sender.turns(10)
    assert stage.server.records("point") == []
    stage.server.say({"type": "credit", "window_bytes": 4096})
    stage.deliver()


def test_retry_waits_as_long_as_asked(stage, caplog):
    """nack retry holds everything back for retry_ms, then the same records come again."""
    stage.server.refusals.append({"type": "nack", "code": "retry", "detail": "disk full", "retry_ms": 5000})
    stage.log(3)
    stage.sender.until(lambda: len(stage.batches()) == 2)
    before = stage.clock.monotonic()
    stage.deliver()
    assert 5.0 <= stage.clock.monotonic() - before < 5.5
    assert "disk full" in caplog.text


def test_a_gap_is_filled_from_where_the_server_expects(stage):
    """When a frame got lost in between, sending goes on from the record that is missing."""
    stage.server.acknowledging = False
    stage.log(5)
    stage.sender.until(lambda: len(stage.batches()) == 2)
    stage.log(5)
    stage.server._streams[stage.server._writer].clear()
    stage.server.acknowledging = True
    stage.server.say({"type": "nack", "code": "gap", "expect": 2, "detail": ""})
    stage.server._streams[stage.server._writer][1] = {"type": "config"}
    stage.deliver()


def test_frames_behind_a_refused_one_are_resent_once(stage):
    """Gaps reported for frames already on their way do not start the resending again and again."""
    stage.server.refusals.extend(
        [{"type": "nack", "code": "retry", "detail": "", "retry_ms": 10}]
        + [{"type": "nack", "code": "gap", "expect": 2, "detail": ""}] * 3
    )
    stage.log(4 * FRAME_RECORDS)
    stage.sender.until(lambda: not stage.server.refusals)
    sent = len(stage.batches())
    stage.deliver()
    assert len(stage.batches()) - sent <= 8


@pytest.mark.parametrize("code", ["too_large", "bad"])
def test_one_record_that_the_server_cannot_take_costs_only_itself(stage, code, caplog):
    """The frame is halved until the bad record stands alone; that one becomes a gap, all others arrive."""
    stage.log(100)
    store = stage.server._store

    def refuse_step_37(batch):
        if any(b"\0\0\0\0\0\x80B@" in columns["values"] for columns in batch["sets"]):  # 37.0 as float64
            stage.server.say({"type": "nack", "code": code, "at_seq": batch["first_seq"], "detail": "poison"})
        else:
            store(batch)

    stage.server._store = refuse_step_37
    stage.sender.until(lambda: stage.outbox.pending == 0)
    assert [record["step"] for record in stage.server.records("point")] == [n for n in range(100) if n != 37]
    assert stage.server.records("gap")[0]["reason"] == "poison"
    assert stage.outbox.dropped == 1
    assert "poison" in caplog.text


@pytest.mark.parametrize("code", ["auth", "gone", "fenced"])
def test_a_final_refusal_ends_sending_but_not_logging(stage, code, caplog):
    """auth, gone and fenced: said once, nothing more is sent, records are kept."""
    stage.server.refusals.append({"type": "nack", "code": code, "detail": "no"})
    stage.log(3)
    stage.sender.until(lambda: stage.sender.stopped_by)
    sent = len(stage.server.frames)
    stage.log(3)
    stage.sender.turns(20)
    assert len(stage.server.frames) == sent
    assert stage.outbox.pending == 6
    assert stage.sender.flush(0) is False
    assert len(caplog.records) == 1


def test_a_server_that_lost_records_gets_what_is_kept_as_a_new_stream(stage):
    """Restored from a backup, the server knows less than it acknowledged: new stream, config first, gap told."""
    stage.log(5)
    stage.deliver()
    first = stage.server._writer
    for seq in (4, 5, 6):
        del stage.server._streams[first][seq]
    stage.server.drop()
    stage.log(2)
    stage.sender.until(lambda: stage.outbox.pending == 0)
    second = [record for _, record in sorted(stage.server._streams[stage.server._writer].items())]
    assert stage.server._writer != first
    assert [record["type"] for record in second] == ["config", "gap", "point", "point"]
    assert second[1]["count"] == 3


def test_a_server_that_claims_records_never_sent_is_not_believed(stage):
    """An acknowledged number from the future starts a new stream instead of losing the records up to it."""
    stage.server._streams[stage.server._writer].update({seq: {"type": "alien"} for seq in range(2, 50)})
    stage.server.drop()
    stage.log(5)
    stage.sender.until(lambda: stage.outbox.pending == 0)
    second = stage.server._streams[stage.server._writer].values()
    assert [record["step"] for record in second if record["type"] == "point"] == list(range(5))


def test_a_heartbeat_tells_that_a_quiet_script_lives(stage):
    """When nothing was sent for 15 s a heartbeat record is."""
    stage.sender.until(lambda: len(stage.server.records("heartbeat")) == 2)
    assert 30 <= stage.clock.monotonic() < 32


def test_a_silent_server_is_pinged_and_left(stage):
    """Without a word from the server: a ping after 15 s, a new connection after 45 s."""
    stage.server.acknowledging = False
    pings = []
    receive = stage.server.send

    def deaf(frame):
        if b"ping" in frame[:12]:
            pings.append(stage.clock.monotonic())
        elif b"hello" in frame or pings == []:
            receive(frame)
            stage.server._replies.clear() if b"hello" not in frame else None

    stage.server.send = deaf
    stage.sender.until(lambda: stage.sender.failures)
    assert len(pings) >= 2
    assert 45 <= stage.clock.monotonic() < 47


def test_a_server_without_a_welcome_is_left_after_ten_seconds():
    """A black hole that takes the connection is given up, and tried again."""
    stage = Stage()
    stage.server.send = lambda frame: None
    stage.sender.until(lambda: stage.sender.failures)
    assert 10 <= stage.clock.monotonic() < 11


def test_pings_are_answered(stage):
    """A ping of the server gets a pong."""
    stage.server.say({"type": "ping"})
    stage.sender.turns()
    assert stage.server.frames[-1]["type"] == "pong"


def test_a_command_is_answered_at_once(stage):
    """A command goes to its taker, and delivered goes back."""
    stage.server.say({"type": "command", "id": "c1", "run_id": "run_1", "command": "stop"})
    stage.sender.turns(2)
    assert [command.command for command in stage.commands] == ["stop"]
    assert stage.server.frames[-1]["type"] == "command_result"
    assert (stage.server.frames[-1]["id"], stage.server.frames[-1]["state"]) == ("c1", "delivered")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"{",
        b"null",
        b"\x93\x01\x02\x03",
        b'{"type": 3}',
        b'{"type": "ack"}',
        b'{"type": "ack", "acked_seq": "x"}',
    ],
)
def test_nonsense_from_the_server_does_no_harm(stage, frame):
    """Frames that mean nothing lose no record and end no thread."""
    stage.server._replies.append(frame)
    stage.server.wake()
    stage.log(5)
    stage.deliver()


def test_messages_unknown_to_this_version_are_passed_over(stage):
    """A newer server may say more; the connection stays."""
    stage.server.say({"type": "weather", "sky": "clear"})
    stage.sender.turns()
    assert stage.sender.connected


def test_warnings_come_at_most_once_a_minute(stage, caplog):
    """An hour without a server gives at most one line a minute, the first at once."""
    stage.server.drop()
    stage.server.reachable = False
    stage.sender.turns()
    assert len(caplog.records) == 1
    assert "training goes on" in caplog.text
    stage.sender.until(lambda: stage.clock.monotonic() > 3600)
    assert 30 <= len(caplog.records) <= 61
    assert {record.name for record in caplog.records} == {"stepwire"}
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_leaving_says_bye_when_all_is_stored(stage):
    """The last message of a finished run names its last record."""
    stage.log(2)
    stage.deliver()
    stage.sender._leave()
    assert (stage.server.frames[-1]["type"], stage.server.frames[-1]["final_seq"]) == ("bye", 3)


def test_a_thread_that_could_not_start_is_tried_again(monkeypatch):
    """While the system starts no thread, puts try at most once a second, also with memory full; later one succeeds."""
    clock, server, outbox = FakeClock(), MemoryTransport(), MemoryOutbox(limit=1000)
    sender = Sender(outbox, server, lambda writer_id, next_seq: Hello("run_1", writer_id), clock=clock)
    kind = MetricSet(0, ("loss",), 7)
    tries, start = [], threading.Thread.start

    def refuse(thread):
        tries.append(clock.monotonic())
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for step in range(30):
        outbox.put((kind, step, 0, kind.pack(0.5)))
        clock.advance(0.125)
    assert tries == [0.0, 1.0, 2.0, 3.0]
    monkeypatch.setattr(threading.Thread, "start", start)
    clock.advance(1.0)
    outbox.put((kind, 30, 0, kind.pack(0.5)))
    assert sender.flush(30)
    assert server.records("point")[-1]["step"] == 30
    sender.close(time.monotonic() + 5)
