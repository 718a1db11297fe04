"""What scripts tell of their host, their processes and their GPUs."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.server.test_ingest import RUN, Script

from stepwire.protocol import DiskStatus, GpuProcess, GpuStatus, HostStatus, NetStatus
from stepwire.server.samples import host_columns
from stepwire.testing import running_server

START = 1_700_000_000_000_000
SECOND = 1_000_000
FULL = GpuStatus(
    index=0,
    name="H100",
    utilization=90.0,
    memory_used=3,
    memory_total=4,
    temperature=61,
    power=650.0,
    power_limit=700.0,
    memory_utilization=40.0,
    sm_clock=1755,
    memory_clock=2619,
    throttle=["power_cap"],
    ecc_corrected=12,
    ecc_uncorrected=0,
    processes=[GpuProcess(4711, 3)],
)


def host(at: int, cpu: float, name: str = "far-away", **more: Any) -> dict[str, Any]:
    """A ``system`` record of a host, ``at`` seconds after the start."""
    when = START + at * SECOND
    status = HostStatus(name, when, cpu, 20.0, 1, 5)
    return {"type": "system", "time": when, "host": asdict(status)} | more


def history(client: TestClient, name: str = "far-away") -> list[float]:
    """All loads of a host, in the order of time."""
    answer = client.get("/api/system/history", params={"host": name, "points": 10_000})
    return [] if answer.status_code == 404 else list(answer.json()["series"].get("cpu_percent", {"mean": []})["mean"])


def writer(number: int) -> str:
    """The id of a script's process."""
    return f"11111111-2222-4333-8444-{number:012}"


class Scripts:
    """Scripts by number, each with a run and a stream of its own."""

    def __init__(self, client: TestClient) -> None:
        self._stack = ExitStack()
        self._client = client
        self._scripts: dict[int, tuple[Script, int]] = {}

    def __enter__(self) -> "Scripts":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tell(self, number: int, *records: dict[str, Any]) -> None:
        """Have a script send records, and wait until they are stored."""
        if number not in self._scripts:
            session = self._stack.enter_context(self._client.websocket_connect("/ws"))
            self._scripts[number] = (Script(session, writer_id=writer(number), run_id=f"run_{number}"), 1)
        script, first = self._scripts[number]
        script.batch(first, [], list(records))
        script.receive("ack")
        self._scripts[number] = (script, first + len(records))


def test_every_figure_of_a_host_is_a_series() -> None:
    """By the names that the history has; words and lists are not numbers."""
    disk, net = DiskStatus(1, 2, 50.0, 7.0, 8.0), NetStatus(9.0, 10.0)
    status = HostStatus(
        "h", START, 1.0, 2.0, 3, 4, disk=disk, net=net, gpus=[FULL], load=0.5, swap_used=6, swap_total=7
    )
    assert host_columns(status) == {
        "cpu_percent": 1, "memory_percent": 2, "memory_used": 3, "load": 0.5, "swap_used": 6,
        "disk/used": 1, "disk/total": 2, "disk/percent": 50, "disk/read": 7, "disk/written": 8,
        "net/sent": 9, "net/received": 10,
        "gpu/0/utilization": 90, "gpu/0/memory_utilization": 40, "gpu/0/memory_used": 3, "gpu/0/memory_total": 4,
        "gpu/0/temperature": 61, "gpu/0/power": 650, "gpu/0/power_limit": 700,
        "gpu/0/sm_clock": 1755, "gpu/0/memory_clock": 2619, "gpu/0/throttled": 1,
        "gpu/0/ecc_corrected": 12, "gpu/0/ecc_uncorrected": 0,
    }  # fmt: skip


def test_what_a_host_does_not_tell_is_no_series() -> None:
    """An old script, or a GPU that answers nothing, leaves out and breaks nothing."""
    bare = HostStatus("h", START, 1.0, 2.0, 3, 4, gpus=[GpuStatus(3, "odd"), GpuStatus(4, "calm", throttle=[])])
    assert set(host_columns(bare)) == {"cpu_percent", "memory_percent", "memory_used", "gpu/4/throttled"}
    crowd = [GpuStatus(index, "many", power=1.0) for index in range(100)]
    assert sum(name.endswith("/power") for name in host_columns(HostStatus("h", START, 1, 2, 3, 4, gpus=crowd))) == 64


def test_status_and_history_hold_all_that_was_told(client: TestClient) -> None:
    """What a script sent comes back, processes and reasons too."""
    status = HostStatus(
        "far-away", START, 1.0, 2.0, 3, 4, gpus=[FULL], swap_used=6, swap_total=7, cpu_count=2.5, container=True
    )
    with Scripts(client) as scripts:
        scripts.tell(1, {"type": "system", "time": START, "host": asdict(status)})
        hosts = {each["host"]: each for each in client.get("/api/system/status").json()["hosts"]}
    assert hosts["far-away"] == asdict(status)
    series = client.get("/api/system/history", params={"host": "far-away"}).json()["series"]
    assert (series["gpu/0/sm_clock"]["max"], series["swap_used"]["mean"]) == ([1755], [6])


def test_process_and_gpu_memory_are_series_of_the_run(client: TestClient) -> None:
    """Those of other ranks have names of their own; what is null was not told."""
    record = {
        "type": "system",
        "time": START,
        "process": {"threads": 3, "memory_pss": None},
        "gpu_memory": {"0": 5, "11": 7},
    }
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [], [record, record | {"rank": 2}])
        script.receive("ack")
    assert client.get(f"/api/runs/{RUN}/metrics/latest").json()["metrics"] == {
        "system/process/threads": 3, "system/gpu/0/memory": 5, "system/gpu/11/memory": 7,
        "system/rank/2/process/threads": 3, "system/rank/2/gpu/0/memory": 5, "system/rank/2/gpu/11/memory": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"gpu_memory": [1]},
        {"gpu_memory": {"a": 1}},
        {"gpu_memory": {"0": None}},
        {"gpu_memory": {"0/../x": 1}},
        {"gpu_memory": {"1234": 1}},
        {"gpu_memory": {str(index): 1 for index in range(65)}},
        {"rank": -1},
        {"rank": "1"},
        {"rank": True},
        {"interval": "5"},
        {"interval": 0},
        {"interval": float("nan")},
        {"process": {"threads": "many"}},
    ],
)
def test_a_sample_that_is_none_is_buried_and_blocks_nothing(client: TestClient, fields: dict[str, Any]) -> None:
    """It is an event; the next one is stored."""
    good = {"type": "system", "time": START, "process": {"threads": 1}}
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [], [good | fields, good])
        script.receive("ack")
    events = [event["event"] for event in client.get("/api/events").json()["events"]]
    assert events.count("record_refused") == 1
    latest = client.get(f"/api/runs/{RUN}/metrics/latest").json()
    assert latest["metrics"] == {"system/process/threads": 1}


def test_one_of_two_scripts_is_listened_to_until_it_falls_silent(client: TestClient) -> None:
    """They know nothing of each other, as those of two users. Viewers are told of the same ones."""
    with Scripts(client) as scripts:
        scripts.tell(1, host(0, 1.0))
        scripts.tell(2, host(1, 2.0), host(6, 2.0))
        assert client.get("/api/system/status").json()["hosts"][-1]["cpu_percent"] == 1.0
        scripts.tell(1, host(5, 1.5))
        scripts.tell(2, host(19, 2.5), host(20, 3.0), host(25, 3.5))
        assert client.get("/api/system/status").json()["hosts"][-1]["cpu_percent"] == 3.5
        scripts.tell(1, host(26, 4.0))
        assert history(client) == [1.0, 1.5, 3.0, 3.5]


def test_a_script_with_a_long_interval_is_not_silent(client: TestClient) -> None:
    """Its pause is three times what it says that it samples in, at most an hour."""
    with Scripts(client) as scripts:
        scripts.tell(1, host(0, 1.0, interval=60))
        scripts.tell(2, host(179, 2.0))
        scripts.tell(1, host(180, 3.0, interval=10**9))
        scripts.tell(2, host(180 + 3599, 4.0), host(180 + 3600, 5.0))
        assert history(client) == [1.0, 3.0, 5.0]


def test_scripts_that_share_a_lock_follow_each_other_at_once(client: TestClient) -> None:
    """The lock says that one of them samples: no pause has to pass. Another lock, of another user, waits."""
    with Scripts(client) as scripts:
        scripts.tell(1, host(0, 1.0, lease="a"))
        scripts.tell(2, host(1, 2.0, lease="a"))
        scripts.tell(3, host(2, 3.0, lease="b"))
        scripts.tell(2, host(6, 4.0, lease="a"))
        assert history(client) == [1.0, 2.0, 4.0]


def test_samples_of_an_earlier_time_are_kept(client: TestClient) -> None:
    """What was spooled while no server was there comes late, beside one who samples now."""
    with Scripts(client) as scripts:
        scripts.tell(1, host(3600, 1.0, lease="a"))
        scripts.tell(2, host(0, 2.0, lease="old"), host(5, 3.0, lease="old"))
        scripts.tell(1, host(3605, 4.0, lease="a"))
        assert history(client) == [2.0, 3.0, 1.0, 4.0]


def test_hosts_are_told_apart_by_name(client: TestClient) -> None:
    """Containers on one machine, with one lock for all by mistake, stay what they are."""
    with Scripts(client) as scripts:
        scripts.tell(1, host(0, 1.0, name="pod-a", lease="a"))
        scripts.tell(2, host(0, 2.0, name="pod-b", lease="a"))
        assert (history(client, "pod-a"), history(client, "pod-b")) == ([1.0], [2.0])


def test_the_servers_own_host_is_not_taken_from_scripts(client: TestClient) -> None:
    """The server samples it."""
    own = socket.gethostname()
    with Scripts(client) as scripts:
        scripts.tell(1, host(0, 77.5, name=own, lease="a"))
        assert 77.5 not in history(client, own)
        assert all(each["cpu_percent"] != 77.5 for each in client.get("/api/system/status").json()["hosts"])


RUNS = """
import sys
from stepwire import TrainingMonitor
monitor = TrainingMonitor("one of eight", run_id=sys.argv[1], system_metrics_interval=0.2)
sys.stdin.read()
"""


def read(url: str) -> Any:
    """A JSON answer; None when there is nothing yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        return None


def test_eight_runs_on_one_machine_make_one_set_of_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tells of its processes; the machine is told once, by another one when the first is killed."""
    machine = socket.gethostname()
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "the-server")
        with running_server(tmp_path / "data") as server:
            scripts = {
                f"run_{number}": subprocess.Popen(
                    [sys.executable, "-c", RUNS, f"run_{number}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    env=environment | {"STEPWIRE_URL": server.url},
                )
                for number in range(8)
            }
            try:
                tellers: set[str] = set()
                until(lambda: all(told(server.url, run) for run in scripts))
                until(lambda: tell(server, machine, tellers) == 1)
                series = read(f"{server.url}/api/system/history?host={machine}&points=10000")["series"]
                assert len(set(series["cpu_percent"]["x"])) == len(series["cpu_percent"]["x"])
                holder = next(run for run, script in scripts.items() if script.pid == holding(tmp_path))
                scripts[holder].kill()
                until(lambda: tell(server, machine, tellers) == 2)
                assert sorted(host["host"] for host in read(f"{server.url}/api/system/status")["hosts"]) == sorted(
                    [machine, "the-server"]
                )
            finally:
                for script in scripts.values():
                    script.communicate(b"")


def until(so: Any) -> None:
    """Wait up to 60 s for something to be so."""
    deadline = time.monotonic() + 60
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def told(url: str, run: str) -> bool:
    """Whether a run's processes were told several times."""
    found = read(f"{url}/api/runs/{run}/metrics?key=system/process/threads")
    return bool(found) and found["keys"].get("system/process/threads", {"stored": 0})["stored"] >= 3


def tell(server: Any, machine: str, tellers: set[str]) -> int:
    """How many scripts have told of a machine so far, by the streams that the server has of it."""
    from sqlalchemy import text

    with server.app.state.context.storage.database.read() as connection:
        rows = connection.execute(
            text("SELECT writer_id FROM stream JOIN source ON source.number = stream.source WHERE source.id = :id"),
            {"id": f"host:{machine}"},
        )
        tellers.update(row[0] for row in rows)
    return len(tellers)


def holding(folder: Path) -> int:
    """The process that holds the lock, as the kernel lists it."""
    (lock,) = folder.glob("stepwire/host-*.lock")
    inode = str(lock.stat().st_ino)
    (line,) = [
        line.split() for line in Path("/proc/locks").read_text().splitlines() if line.split()[5].endswith(f":{inode}")
    ]
    return int(line[4])
