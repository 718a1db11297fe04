"""Who owns a run: one process at a time; the next one is told, waits, forks or takes it; nobody comes back unnoticed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketTestSession
from tests.conftest import LocalClient, same_user
from tests.server.test_ingest import RUN, Script, stored

from stepwire.app import create_app
from stepwire.errors import FencedError, OwnedError
from stepwire.protocol import Hello
from stepwire.server.owners import GONE_AFTER_SECONDS, Owners, Presence, Standing
from stepwire.server.settings import Settings
from stepwire.storage.catalog.interface import NewRun
from stepwire.storage.open import Storage, open_storage


class Time:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """Owners on a real catalog, and a clock that stands still."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.time = Time()
        self.restart()
        self.time.now += GONE_AFTER_SECONDS  # long after the start

    def restart(self) -> None:
        """A new server on the same database."""
        self.presence = Presence(self.time)
        self.owners = Owners(self.storage.catalog, self.presence, "here")

    def write(self, job: Callable[[Any], Any]) -> Any:
        """Run a job in a transaction."""
        return self.storage.writer.submit(job).result(20)

    def make(self, **fields: Any) -> None:
        """Make the run."""
        self.write(lambda tx: self.storage.catalog.create_run(tx, NewRun("r", "r", **fields), 1))

    def end(self) -> None:
        """The run has ended."""
        self.write(lambda tx: self.storage.catalog.update_run(tx, "r", {"status": "interrupted"}, 1))

    def hello(self, writer: str, *, stays: bool = True, **fields: Any) -> Standing:
        """A script says hello, and stays connected."""
        hello = Hello("r", writer, **{"host": "h1"} | fields)

        def job(tx: Any) -> Standing:
            run = self.storage.catalog.find_run(tx, "r")
            standing = self.owners.admit(tx, hello, run, 1)
            if run is None:
                self.storage.catalog.create_run(tx, NewRun("r", "r", attempt=standing.attempt), 1)
            elif standing.owns:
                self.storage.catalog.update_run(tx, "r", {"attempt": standing.attempt, "status": "running"}, 1)
            return standing

        self.presence.arrive("r", writer)
        try:
            standing: Standing = self.write(job)
        except BaseException:
            self.presence.leave("r", writer, for_good=True)
            raise
        if not stays:
            self.leave(writer)
        return standing

    def leave(self, writer: str, *, for_good: bool = False) -> None:
        """Its socket closes."""
        self.presence.leave("r", writer, for_good=for_good)

    def check(self, epoch: int) -> None:
        """May the owner of this epoch write?"""
        self.write(lambda tx: self.owners.check(tx, "r", epoch))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A scene with nothing in it."""
    storage = open_storage(tmp_path)
    yield Scene(storage)
    storage.close()


def test_the_first_owns_and_comes_back_as_the_same(scene: Scene) -> None:
    """Epoch and attempt are its own, however often it connects; a run made by REST is no attempt before it."""
    scene.make()
    assert scene.hello("w1") == Standing(1, 1, owns=True)
    scene.leave("w1")
    assert scene.hello("w1") == Standing(1, 1, owns=True)
    assert scene.hello("w1") == Standing(1, 1, owns=True)


@pytest.mark.parametrize("host", ["h1", "h2", ""])
def test_a_second_one_is_told_while_the_first_is_there(scene: Scene, host: str) -> None:
    """Wherever it runs, at once and without a time to ask again."""
    scene.hello("w1")
    with pytest.raises(OwnedError) as told:
        scene.hello("w2", host=host)
    assert told.value.retry_seconds is None
    assert scene.hello("w1") == Standing(1, 1, owns=True)
    scene.check(1)


def test_one_of_two_that_come_at_once_owns(scene: Scene) -> None:
    """Both are connected when the first is decided: the second one finds the first there."""
    scene.presence.arrive("r", "w1")
    scene.presence.arrive("r", "w2")
    assert scene.hello("w1").owns
    with pytest.raises(OwnedError):
        scene.hello("w2")


def test_the_next_one_on_the_same_machine_owns_as_soon_as_the_first_has_left(scene: Scene) -> None:
    """Also when the machine's name is not told; epoch and attempt move on."""
    scene.hello("w1", stays=False)
    assert scene.hello("w2", stays=False) == Standing(2, 2, owns=True, goes_on=True)
    assert scene.hello("w3", host="", stays=False) == Standing(3, 3, owns=True, goes_on=True)
    assert scene.hello("w4", attempt=9) == Standing(9, 4, owns=True, goes_on=True)


def test_one_on_another_machine_waits_ten_seconds(scene: Scene) -> None:
    """The first may only have lost its connection. How long to wait is told, and then it is the owner."""
    scene.hello("w1", stays=False)
    scene.time.now += 4
    with pytest.raises(OwnedError) as told:
        scene.hello("w2", host="h2")
    assert told.value.retry_seconds == pytest.approx(GONE_AFTER_SECONDS - 4)
    scene.time.now += GONE_AFTER_SECONDS - 4
    assert scene.hello("w2", host="h2").epoch == 2


def test_one_that_comes_back_within_them_is_still_the_owner(scene: Scene) -> None:
    """The one that waited is then told that it is there."""
    scene.hello("w1", stays=False)
    with pytest.raises(OwnedError):
        scene.hello("w2", host="h2")
    scene.hello("w1")
    scene.time.now += 100
    with pytest.raises(OwnedError) as told:
        scene.hello("w2", host="h2")
    assert told.value.retry_seconds is None


def test_nobody_waits_for_one_that_said_goodbye_or_whose_run_has_ended(scene: Scene) -> None:
    """A preempted job goes on elsewhere at once."""
    scene.hello("w1")
    scene.leave("w1", for_good=True)
    assert scene.hello("w2", host="h2", stays=False).epoch == 2
    scene.end()
    assert scene.hello("w3", host="h3").epoch == 3


def test_after_a_restart_an_owner_has_ten_seconds_to_come_back(scene: Scene) -> None:
    """The server's own restart cut it off: also one on the same machine waits, and epochs go on."""
    scene.hello("w1")
    scene.restart()
    with pytest.raises(OwnedError) as told:
        scene.hello("w2")
    assert told.value.retry_seconds == pytest.approx(GONE_AFTER_SECONDS)
    assert scene.hello("w1") == Standing(1, 1, owns=True)
    scene.restart()
    scene.time.now += GONE_AFTER_SECONDS
    assert scene.hello("w2").epoch == 2
    scene.restart()
    with pytest.raises(FencedError):
        scene.hello("w1")


def test_a_goodbye_to_a_young_server_counts(scene: Scene) -> None:
    """However many leave after it."""
    scene.hello("w1")
    scene.restart()
    scene.presence.arrive("r", "w1")
    scene.leave("w1", for_good=True)
    for number in range(1000):
        scene.presence.leave("other", f"o{number}", for_good=False)
    assert scene.hello("w2", host="h2").epoch == 2


def test_one_that_took_it_fences_the_other(scene: Scene) -> None:
    """From that moment on nothing of the first is stored, nor can it come back, by force neither."""
    scene.hello("w1")
    assert scene.hello("w2", take=True) == Standing(2, 2, owns=True, goes_on=True)
    scene.check(2)
    with pytest.raises(FencedError):
        scene.check(1)
    for fields in ({}, {"take": True}):
        with pytest.raises(FencedError):
            scene.hello("w1", **fields)


def test_what_the_other_logged_then_is_not_mixed_in_by_sync(scene: Scene) -> None:
    """Its spool stays with it. What one left that was gone is delivered."""
    scene.hello("w1", stays=False)
    scene.hello("w2")
    assert scene.hello("w1", mode="sync", stays=False) == Standing(1, 2)
    scene.hello("w3", take=True)
    with pytest.raises(FencedError):
        scene.hello("w2", mode="sync", attempt=2)


def test_a_process_does_not_compete_with_itself(scene: Scene) -> None:
    """A notebook's cell that is run again goes on at once, as a new attempt."""
    scene.hello("w1", process="p1")
    assert scene.hello("w2", process="p1") == Standing(2, 2, owns=True, goes_on=True)
    with pytest.raises(OwnedError):
        scene.hello("w3", process="p2")
    with pytest.raises(FencedError):
        scene.check(1)


@pytest.fixture
def process() -> Iterator[dict[str, Any]]:
    """A process on this machine: what its hello tells of it, and how to end it."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    yield {"process_space": "here", "pid": child.pid, "pid_start": started, "end": child.kill}
    child.kill()
    child.communicate()


def test_one_whose_process_is_seen_to_live_comes_back(scene: Scene, process: dict[str, Any]) -> None:
    """Its connection was cut for a moment: nobody takes its run meanwhile, however long that is."""
    end = process.pop("end")
    scene.hello("w1", stays=False, **process)
    for _ in range(3):
        scene.time.now += GONE_AFTER_SECONDS
        with pytest.raises(OwnedError) as told:
            scene.hello("w2")
        assert told.value.retry_seconds == GONE_AFTER_SECONDS
    assert scene.hello("w1", stays=False, **process).epoch == 1
    scene.restart()
    end()
    psutil.Process(process["pid"]).wait(10) if psutil.pid_exists(process["pid"]) else None
    assert scene.hello("w2", host="h2").epoch == 2


@pytest.mark.parametrize(
    "fields", [{"pid_start": 5.0}, {"pid": 2**22 + 1}, {"pid": -1}, {"pid": None}, {"process_space": "x"}]
)
def test_one_that_is_not_seen_to_live_is_succeeded_at_once(
    scene: Scene, process: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Its id is another's now or nobody's, or means nothing here."""
    process.pop("end")
    scene.hello("w1", stays=False, **process | fields)
    assert scene.hello("w2").epoch == 2


def test_further_ranks_never_conflict(scene: Scene) -> None:
    """They belong to the attempt that runs; those that come before its owner, to the one that is about to begin."""
    assert scene.hello("rank1", mode="join") == Standing(1, 0)
    scene.hello("w1")
    assert scene.hello("rank2", mode="join") == Standing(1, 1)
    scene.leave("w1")
    assert scene.hello("rank1 again", mode="join") == Standing(2, 1)
    assert scene.hello("w2").attempt == 2
    assert scene.hello("rank2 again", mode="join") == Standing(2, 2)
    scene.check(2)


def test_sync_owns_nothing(scene: Scene) -> None:
    """Records of an earlier life come in beside the owner, and leave the run to whoever comes."""
    assert scene.hello("w0", mode="sync", attempt=1) == Standing(1, 0)
    assert scene.hello("w1", attempt=2) == Standing(2, 1, owns=True, goes_on=True)
    assert scene.hello("w0", mode="sync", attempt=1) == Standing(1, 1)


def test_a_deleted_run_has_no_owner(scene: Scene) -> None:
    """Made anew it begins with epoch 1."""
    scene.hello("w1")
    scene.write(lambda tx: scene.storage.catalog.delete_run(tx, "r"))
    assert scene.hello("w2") == Standing(1, 1, owns=True)


def test_memory_of_who_left_is_bounded() -> None:
    """Who left long ago is forgotten."""
    time = Time()
    presence = Presence(time)
    time.now += GONE_AFTER_SECONDS
    for number in range(10_000):
        time.now += 1
        presence.arrive("r", str(number))
        presence.leave("r", str(number), for_good=bool(number % 2))
    assert len(presence._gone_at) < 300
    assert not presence._links


# --- on the socket ---------------------------------------------------------------------------------------


def ask(session: WebSocketTestSession, **hello: Any) -> dict[str, Any]:
    """Say hello and return the answer."""
    session.send_bytes(msgspec.msgpack.encode({"type": "hello", "run_id": RUN} | hello))
    answer: dict[str, Any] = msgspec.msgpack.decode(session.receive_bytes())
    return answer


@pytest.fixture
def connect(client: TestClient) -> Iterator[Callable[[], WebSocketTestSession]]:
    """Opens sockets."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(client.websocket_connect("/ws"))


def test_a_conflict_is_answered_and_the_owner_does_not_notice(
    client: TestClient, connect: Callable[[], WebSocketTestSession]
) -> None:
    """Nothing of the second one is stored; its socket stays, and takes a hello for a run of its own."""
    owner, second = Script(connect(), host="h1"), connect()
    nack = ask(second, writer_id="second", host="h2")
    assert (nack["type"], nack["code"]) == ("nack", "conflict")
    assert "retry_ms" not in nack and "h1" in nack["detail"]
    second.send_bytes(msgspec.msgpack.encode({"type": "batch", "first_seq": 1, "n": 0}))
    assert msgspec.msgpack.decode(second.receive_bytes())["type"] == "error"
    assert ask(second, writer_id="second", run_id="run_of_its_own")["epoch"] == 1
    owner.batch(1, [1.0, 2.0])
    assert owner.receive("ack")["acked_seq"] == 2
    assert stored(client) == [1.0, 2.0]


def test_taking_a_run_ends_the_other_at_once(client: TestClient, connect: Callable[[], WebSocketTestSession]) -> None:
    """Its next batch is not stored, and the run goes on as the next attempt of the one that took it."""
    first, second = Script(connect()), connect()
    first.batch(1, [1.0])
    first.receive("ack")
    assert ask(second, writer_id="second", take=True)["epoch"] == 2
    first.batch(2, [9.0])
    assert first.receive("nack")["code"] == "fenced"
    assert stored(client) == [1.0]
    assert client.get(f"/api/runs/{RUN}").json()["attempt"] == 2


def test_a_late_last_word_of_an_earlier_attempt_changes_nothing(
    client: TestClient, connect: Callable[[], WebSocketTestSession]
) -> None:
    """Status, host and config of a process that is gone, delivered while the next attempt runs, are history."""
    with client.websocket_connect("/ws") as session:
        Script(session, host="h1").batch(1, [], [{"type": "config", "name": "mine", "host": "h1", "pid": 1}])
    second = Script(connect(), writer_id="second", host="h1")
    second.batch(1, [], [{"type": "config", "name": "mine", "host": "h2", "pid": 2, "config": {"lr": 2}}])
    second.receive("ack")
    late = Script(connect(), mode="sync", attempt=1)
    assert late.welcome["epoch"] == 2
    first_seq = late.welcome["acked_seq"] + 1
    late.batch(
        first_seq, [5.0],
        [{"type": "config", "name": "old", "host": "h1", "pid": 1, "start_time": 5}, {"type": "status", "status": "crashed"}],
    )  # fmt: skip
    late.receive("ack")
    run = client.get(f"/api/runs/{RUN}").json()
    assert (run["name"], run["host"], run["pid"], run["status"], run["attempt"]) == ("mine", "h2", 2, "running", 2)
    assert run["config"] == {"lr": 2} and run["start_time"].startswith("1970-01-01")
    assert stored(client) == [5.0]


@pytest.mark.parametrize("status", ["completed", "failed", "interrupted", "crashed"])
def test_a_run_that_is_taken_up_again_is_running(
    client: TestClient, connect: Callable[[], WebSocketTestSession], status: str
) -> None:
    """However it ended; delivering what was left behind does not wake it."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [{"type": "status", "status": status}])
        script.receive("ack")
    Script(connect(), writer_id="left", mode="sync").batch(1, [2.0])
    assert client.get(f"/api/runs/{RUN}").json()["status"] == status
    Script(connect(), writer_id="second")
    run = client.get(f"/api/runs/{RUN}").json()
    assert (run["status"], run["attempt"]) == ("running", 2)


def test_epochs_outlive_the_server(tmp_path: Path) -> None:
    """After a restart the database still knows who owned the run, and who does."""
    settings = Settings(data=tmp_path, sample_seconds=3600)

    def start() -> FastAPI:
        return create_app(settings, lookup=same_user)

    with LocalClient(start()) as client:
        for number in (1, 2):
            with client.websocket_connect("/ws") as session:
                assert ask(session, writer_id=f"w{number}", host="h")["epoch"] == number
    with LocalClient(start()) as client, client.websocket_connect("/ws") as session:
        assert ask(session, writer_id="w1", host="h")["code"] == "fenced"
        nack = ask(session, writer_id="w3", host="h")
        assert nack["code"] == "conflict" and 0 < nack["retry_ms"] <= GONE_AFTER_SECONDS * 1000 + 1
        assert ask(session, writer_id="w2", host="h")["epoch"] == 2


def test_what_an_attempt_leaves_that_no_server_ever_heard_of_is_its_ghost(
    client: TestClient, connect: Callable[[], WebSocketTestSession]
) -> None:
    """An attempt that was wholly offline, delivered after the next one went on from step 2: superseded past it."""
    second = Script(connect(), writer_id="second", attempt=2)
    second.batch(1, [], [{"type": "rewind", "step": 2}])
    second.receive("ack")
    first = Script(connect(), writer_id="first", mode="sync", attempt=1)
    first.batch(1, [1.0, 2.0, 3.0, 4.0])
    first.receive("ack")
    keys = [
        client.get(f"/api/runs/{RUN}/metrics", params={"superseded": ghost}).json()["keys"]["loss"]["x"]
        for ghost in (False, True)
    ]
    assert keys == [[1, 2], [3, 4]]


@pytest.mark.parametrize("field", ["host", "process", "process_space"])
def test_what_hello_tells_of_its_process_is_bounded(
    client: TestClient, connect: Callable[[], WebSocketTestSession], field: str
) -> None:
    """Nobody fills the table of owners with a megabyte."""
    answer = ask(connect(), writer_id="w", **{field: "x" * 300})
    assert (answer["type"], answer["field"]) == ("error", field)
    assert client.get("/api/runs").json()["runs"] == []
