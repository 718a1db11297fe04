"""Which runs are stalled, lost, crashed and back: a real server whose clock is moved on, and real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from starlette.testclient import TestClient
from tests.end_to_end.test_kill_server import read
from tests.server.test_ingest import RUN, Script

from stepwire.server.context import Context
from stepwire.server.judge import Judge
from stepwire.system import process_space, process_start
from stepwire.testing import running_server


class Clock:
    """Seconds that pass when told."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(client: TestClient) -> Clock:
    """The clock by which the server judges."""
    clock = Clock()
    context(client).liveness._clock = clock
    return clock


def context(client: TestClient) -> Context:
    """The parts of the server under test."""
    found: Context = client.app.state.context  # type: ignore[attr-defined]
    return found


def judge(client: TestClient) -> dict[str, Any]:
    """Have the server judge all runs; returns what it says of the one under test."""

    async def turn() -> None:
        parts = context(client)
        await Judge(parts).turn(parts.storage.catalog.running_runs())

    assert client.portal is not None
    client.portal.call(turn)
    return run(client)


def run(client: TestClient) -> dict[str, Any]:
    """The run under test."""
    found: dict[str, Any] = client.get(f"/api/runs/{RUN}").json()
    return found


def shown(found: dict[str, Any]) -> tuple[str, ...]:
    """Status, health, and what the lamps show."""
    lamps = found["lamps"] or {}
    return found["status"], found["health"], *(lamps[name]["state"] for name in lamps)


def config(**more: Any) -> dict[str, Any]:
    """The first record of a script on another machine."""
    return {"type": "config", "name": "judged", "host": "elsewhere", "pid": 7, "pid_start": 1.0} | more


def changes(client: TestClient) -> list[str]:
    """The event log's lines about status and health, oldest first."""
    events = client.get("/api/events", params={"run_id": RUN}).json()["events"]
    return [event["message"] for event in reversed(events) if event["event"] == "status_change"]


def test_lamps_of_a_run_that_trains(client: TestClient, clock: Clock) -> None:
    """A word on the link says that the process lives; since when is told for each lamp."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [config()])
        script.receive("ack")
        found = judge(client)
        assert shown(found) == ("running", "ok", "alive", "open", "moving")
        assert all(lamp["since"].endswith("Z") for lamp in found["lamps"].values())
        assert client.get("/api/runs").json()["runs"][0]["lamps"]["link"]["state"] == "open"


def test_a_stall_and_its_end_are_told(client: TestClient, clock: Clock) -> None:
    """Heartbeats without points make it stalled; the next point makes it ok; an event each way."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0, 0.9], [config()])
        script.receive("ack")
        clock.now += 75
        script.send({"type": "batch", "first_seq": 4, "n": 1, "records": [{"at": 0, "type": "heartbeat"}]})
        script.receive("ack")
        assert shown(judge(client)) == ("running", "stalled", "alive", "open", "stalled")
        judge(client)
        script.batch(5, [0.8])
        script.receive("ack")
        assert shown(judge(client)) == ("running", "ok", "alive", "open", "moving")
    assert changes(client) == [
        "health ok → stalled: no point for 75 s; usually one comes every millisecond",
        "health stalled → ok: points come again",
    ]


def test_viewers_are_told_of_a_stall(client: TestClient, clock: Clock) -> None:
    """``status_change`` carries the health."""
    with client.websocket_connect("/ws") as session, client.websocket_connect("/ws") as viewer:
        script = Script(session)
        script.batch(1, [1.0])
        script.receive("ack")
        viewer.send_json({"type": "subscribe", "run_id": RUN})
        assert viewer.receive_json()["type"] == "subscribed"
        clock.now += 75
        script.send({"type": "ping"})
        script.receive("pong")
        judge(client)
        change = viewer.receive_json()
        assert (change["type"], change["new_status"], change["health"]) == ("status_change", "running", "stalled")


def test_a_run_that_never_logged_a_point_is_not_stalled(client: TestClient, clock: Clock) -> None:
    """It may load its data for an hour."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [], [config()])
        script.receive("ack")
        clock.now += 3600
        script.send({"type": "ping"})
        script.receive("pong")
        assert shown(judge(client)) == ("running", "ok", "alive", "open", "waiting")


def test_silence_then_given_up_then_back_by_the_next_word(client: TestClient, clock: Clock) -> None:
    """45 s: disconnected. 5 min more: crashed. A record on the same socket: running, by itself."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [config()])
        script.receive("ack")
        clock.now += 44
        assert shown(judge(client))[:2] == ("running", "ok")
        clock.now += 2
        assert shown(judge(client)) == ("running", "disconnected", "unknown", "silent", "moving")
        clock.now += 300
        assert shown(judge(client)) == ("crashed", "ok")
        script.batch(3, [0.9])
        script.receive("ack")
        assert shown(judge(client)) == ("running", "ok", "alive", "open", "moving")
    assert changes(client) == [
        "health ok → disconnected: no word from the training script",
        "RUNNING → CRASHED: no word for minutes",
        "CRASHED → RUNNING: the training script is back",
    ]


def test_a_lost_run_is_back_with_its_next_word(client: TestClient, clock: Clock) -> None:
    """Without a new connection, too: the network was slow, the socket stayed."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [config()])
        script.receive("ack")
        clock.now += 46
        judge(client)
        script.send({"type": "ping"})
        script.receive("pong")
        assert shown(judge(client))[:2] == ("running", "ok")


def lose(client: TestClient, clock: Clock) -> None:
    """Have a run on another machine crash."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [config()])
        script.receive("ack")
    clock.now += 346
    assert shown(judge(client)) == ("crashed", "ok")


def test_records_of_the_dead_do_not_wake_them(client: TestClient, clock: Clock) -> None:
    """What ``sync`` delivers of a crashed run is stored; the run stays crashed and has no link."""
    lose(client, clock)
    with client.websocket_connect("/ws") as session:
        script = Script(session, mode="sync")
        script.batch(3, [0.9, 0.8])
        script.receive("ack")
        assert shown(judge(client)) == ("crashed", "ok")
    assert run(client)["summary"]["loss"]["count"] == 3


def test_the_last_word_of_the_dead_counts(client: TestClient, clock: Clock) -> None:
    """A run that was given up and had ended well is completed once its last record comes."""
    lose(client, clock)
    with client.websocket_connect("/ws") as session:
        script = Script(session, mode="sync")
        script.batch(3, [], [{"type": "status", "status": "completed"}])
        script.receive("ack")
    assert run(client)["status"] == "completed"


def test_a_process_that_comes_back_wakes_its_run(client: TestClient, clock: Clock) -> None:
    """Its hello is enough; it gets the time to bring its points before they count as missing."""
    lose(client, clock)
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        assert shown(judge(client)) == ("running", "ok", "alive", "open", "stalled")
        clock.now += 61
        script.send({"type": "ping"})
        script.receive("pong")
        assert shown(judge(client)) == ("running", "stalled", "alive", "open", "stalled")


def test_an_earlier_attempts_last_word_changes_nothing(client: TestClient) -> None:
    """While attempt 2 trains, the status that attempt 1 left in its spool is history."""
    with client.websocket_connect("/ws") as session, client.websocket_connect("/ws") as other:
        newer = Script(session, writer_id="22222222-2222-4333-8444-555555555555", attempt=2)
        newer.batch(1, [1.0], [config(attempt=2)])
        newer.receive("ack")
        older = Script(other, mode="sync", attempt=1)
        older.batch(1, [], [{"type": "status", "status": "interrupted"}])
        older.receive("ack")
    assert run(client)["status"] == "running"


def test_who_finds_the_spool_of_a_run_does_not_know_better_how_it_ended(client: TestClient) -> None:
    """That it crashed is said of a run that is running; one that was interrupted stays so."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [config(), {"type": "status", "status": "interrupted", "reason": "preempted"}])
        script.receive("ack")
        script.batch(4, [], [{"type": "status", "status": "crashed", "reason": "gone"}])
        script.receive("ack")
    assert (run(client)["status"], run(client)["reason"]) == ("interrupted", "preempted")


HERE = {"process_space": process_space()}


def test_a_process_that_is_gone_from_this_host_has_crashed(client: TestClient) -> None:
    """At once when the link is gone; while a child of it still speaks the run goes on, its lamp tells."""
    me = {"host": socket.gethostname(), "pid": gone_pid(), "pid_start": time.time()}
    with client.websocket_connect("/ws") as session:
        script = Script(session, **HERE)
        script.batch(1, [1.0], [config(**me)])
        script.receive("ack")
        assert shown(judge(client)) == ("running", "ok", "gone", "open", "moving")
    assert shown(judge(client)) == ("crashed", "ok")
    assert changes(client) == ["RUNNING → CRASHED: the process is gone without a word"]
    event = client.get("/api/events", params={"run_id": RUN, "level": "error"}).json()["events"][0]
    assert event["data"] | {"log": []} == {
        "old": "running", "new": "crashed", "health": "ok", "process": "gone", "link": "gone", "steps": "moving", "log": [],
    }  # fmt: skip


def test_a_gone_notebook_was_interrupted(client: TestClient) -> None:
    """A kernel is killed to restart it, not because it fails."""
    me = {"host": socket.gethostname(), "pid": gone_pid(), "pid_start": time.time()}
    with client.websocket_connect("/ws") as session:
        script = Script(session, notebook=True, **HERE)
        script.batch(1, [1.0], [config(**me)])
        script.receive("ack")
    assert shown(judge(client)) == ("interrupted", "ok")


@pytest.mark.parametrize("space", ["", "another container"])
def test_a_process_id_of_another_container_means_nothing_here(client: TestClient, clock: Clock, space: str) -> None:
    """A container may have this host's name and other process ids: only silence tells."""
    me = {"host": socket.gethostname(), "pid": gone_pid(), "pid_start": time.time()}
    with client.websocket_connect("/ws") as session:
        script = Script(session, process_space=space)
        script.batch(1, [1.0], [config(**me)])
        script.receive("ack")
    assert shown(judge(client)) == ("running", "ok", "unknown", "gone", "moving")
    clock.now += 46
    assert shown(judge(client))[:2] == (("crashed", "ok") if not space else ("running", "disconnected"))


def test_a_stopped_process_is_there_though_it_says_nothing(client: TestClient, clock: Clock) -> None:
    """Its lamp is alive; after minutes without a word it counts as crashed all the same, and the reason tells."""
    me = {"host": socket.gethostname(), "pid": os.getpid(), "pid_start": process_start()}
    with client.websocket_connect("/ws") as session:
        script = Script(session, **HERE)
        script.batch(1, [1.0], [config(**me)])
        script.receive("ack")
        clock.now += 46
        assert shown(judge(client)) == ("running", "disconnected", "alive", "silent", "moving")
        clock.now += 300
        judge(client)
    assert changes(client)[-1] == "RUNNING → CRASHED: no word for minutes, though its process is there"


def gone_pid() -> int:
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_after_a_restart_a_run_is_judged_by_its_history(client: TestClient, clock: Clock) -> None:
    """One that logged every 30 s gets 20 times that; one whose script never comes is disconnected after 45 s."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        records = [config()]
        script.batch(1, [], records)
        script.receive("ack")
        moments = [1_700_000_000_000_000 + n * 30_000_000 for n in range(10)]
        points = [{"step": n, "timestamp": moment / 1e6, "metrics": {"loss": 1.0}} for n, moment in enumerate(moments)]
        assert client.post(f"/api/runs/{RUN}/metrics", json={"points": points}).status_code == 200
        liveness = context(client).liveness
        liveness._lives.clear()
        liveness.expect([RUN])
        liveness.join(RUN, Silent())
        clock.now += 599
        liveness.hear(RUN)
        assert shown(judge(client)) == ("running", "ok", "alive", "open", "waiting")
        clock.now += 2
        assert shown(judge(client)) == ("running", "stalled", "alive", "open", "stalled")


class Silent:
    """A link of a script that takes everything."""

    def offer(self, message: Any) -> None:
        """Take a message."""


def test_a_stalled_run_stays_so_over_a_restart(client: TestClient, clock: Clock) -> None:
    """A server that does not know yet does not say that points came; a reconnect does not either."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [config()])
        script.receive("ack")
        clock.now += 75
        script.send({"type": "ping"})
        script.receive("pong")
        judge(client)
        context(client).liveness._lives.clear()
        context(client).liveness.expect([RUN])
        assert shown(judge(client))[:2] == ("running", "stalled")
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        assert shown(judge(client))[:2] == ("running", "stalled")
        script.batch(3, [1.0])
        script.receive("ack")
        assert shown(judge(client))[:2] == ("running", "ok")


def test_a_run_made_by_rest_is_not_judged(client: TestClient, clock: Clock, run_id: str) -> None:
    """Nobody promised to speak for it; it has no lamps."""
    clock.now += 10_000
    judge_all = client.portal
    assert judge_all is not None
    parts = context(client)
    judge_all.call(lambda: Judge(parts).turn(parts.storage.catalog.running_runs()))
    found = client.get(f"/api/runs/{run_id}").json()
    assert (found["status"], found["lamps"]) == ("running", None)


# --- real processes --------------------------------------------------------------------------------------

TRAIN = """
import ctypes, os, signal, sys, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor("dies", run_id="run_dies", system_metrics_interval=0)
monitor.log_metrics({"loss": 0.5})
monitor.flush()
print("ready", flush=True)
"""


@pytest.fixture
def train() -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """Starts a training script and waits until its first point is stored."""
    processes: list[subprocess.Popen[str]] = []

    def start(url: str, code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", TRAIN + code],
            env=os.environ | {"STEPWIRE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout is not None
        assert any(line == "ready\n" for line in process.stdout)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def await_(url: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Read the run until the condition holds, at most 30 s."""
    deadline = time.monotonic() + 30
    while True:
        found: dict[str, Any] = read(f"{url}/api/runs/run_dies")
        if condition(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.mark.parametrize(
    "end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "ctypes.string_at(0)", "os.abort()"]
)
def test_a_process_that_goes_without_a_word_has_crashed(train: Any, end: str) -> None:
    """Though nobody waited for it, so that it is still in the table of processes."""
    with running_server() as server:
        process = train(server.url, end)
        found = await_(server.url, lambda found: found["status"] != "running")
        assert found["status"] == "crashed" and found["reason"] == "the process is gone without a word"
        assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE


def test_a_stopped_process_comes_back_by_itself(train: Any) -> None:
    """SIGSTOP: stalled or lost, then crashed; SIGCONT: running and ok, and its points go on."""
    with running_server(silent_seconds=1, crashed_seconds=4, stalled_seconds=1) as server:
        process = train(server.url, "while True: monitor.log_metrics({'loss': 1}); time.sleep(0.01)")
        await_(server.url, lambda found: found["step"] > 10)
        process.send_signal(signal.SIGSTOP)
        await_(server.url, lambda found: found["health"] == "disconnected")
        stopped = await_(server.url, lambda found: found["status"] == "crashed")
        assert stopped["reason"] == "no word for minutes, though its process is there"
        process.send_signal(signal.SIGCONT)
        await_(server.url, lambda found: shown(found) == ("running", "ok", "alive", "open", "moving"))
        await_(server.url, lambda found: found["step"] > stopped["step"] + 10)


def test_a_training_that_hangs_is_stalled_until_it_goes_on(train: Any) -> None:
    """Its process lives and its link is open: only its steps have stopped."""
    with running_server(stalled_seconds=1) as server:
        go_on = "while not monitor.should_stop: time.sleep(0.05)\nmonitor.log_metrics({'loss': 0})\ntime.sleep(60)"
        train(server.url, "monitor.log_metrics({'loss': 1})\n" + go_on)
        await_(server.url, lambda found: shown(found) == ("running", "stalled", "alive", "open", "stalled"))
        post(f"{server.url}/api/runs/run_dies/commands", b'{"command": "stop"}')
        await_(server.url, lambda found: found["health"] == "ok")


def post(url: str, body: bytes) -> None:
    """POST JSON."""
    import urllib.request

    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("pid", [-1, 0, 2**40])
def test_a_process_id_that_can_be_none_is_not_looked_for(pid):
    """A client that writes -1 for unknown harms neither its run nor the judging of others."""
    from stepwire.server.records import _pid

    assert _pid({"pid": pid}) is None
    assert _pid({"pid": 4711}) == 4711
