"""``TrainingMonitor`` as a training script sees it."""

import math
import subprocess
import sys
import threading

import pytest

from dashboard.client import TrainingMonitor as SpecifiedMonitor
from stepwire import TrainingMonitor
from stepwire.client.memory import MemoryTransport
from stepwire.errors import InvalidError


@pytest.fixture
def transport():
    """A server in memory."""
    return MemoryTransport()


@pytest.fixture
def monitor(transport):
    """A run that samples nothing, finished afterwards."""
    with TrainingMonitor("test", config={"lr": 0.001}, transport=transport, system_metrics_interval=0) as monitor:
        yield monitor


@pytest.mark.parametrize("mode", ["online", "disabled"])
def test_a_transport_that_carries_nothing_is_misuse(mode):
    """Told at once, not by a thread that dies later; also when all of one is there but a method."""

    class Half(MemoryTransport):
        release = None

    for transport in (object(), Half()):
        with pytest.raises(TypeError, match="transport"):
            TrainingMonitor("test", transport=transport, mode=mode)


def test_monitor_log_metrics(mock_server):
    """The specification's test, as written there."""
    monitor = TrainingMonitor("test", dashboard_url=mock_server.url)
    monitor.log_metrics({"loss": 0.5}, step=100)

    # Verify metric sent to server
    assert mock_server.received_metrics[0]["loss"] == 0.5
    monitor.finish()


def test_the_specified_import_gives_the_same_class():
    """dashboard.client and stepwire name one TrainingMonitor."""
    assert SpecifiedMonitor is TrainingMonitor


def test_a_run_tells_what_it_is(mock_server, capsys):
    """Record 1 is the config with all that was given and where it runs; the link is the only line printed."""
    with TrainingMonitor(
        "my run",
        config={"lr": 0.1, "token": "s3cret"},
        dashboard_url=mock_server.url + "/prefix/",
        project="p",
        group="g",
        tags=["a", "b"],
        notes="n",
        total_steps=10,
        system_metrics_interval=0,
    ) as monitor:
        pass
    config = mock_server.stored[0]
    expected = {
        "type": "config", "name": "my run", "project": "p", "group": "g", "tags": ["a", "b"], "notes": "n",
        "config": {"lr": 0.1, "token": "[redacted]"}, "total_steps": 10, "attempt": 1,
        "python": ".".join(map(str, sys.version_info[:3])),
    }  # fmt: skip
    assert expected.items() <= config.items()
    assert {"host", "pid", "pid_start", "argv", "sdk", "start_time", "time"} <= config.keys()
    assert mock_server.hellos[0]["run_id"] == monitor.run_id
    assert monitor.url == f"http://127.0.0.1:{mock_server.port}/prefix/#/runs/{monitor.run_id}"
    assert capsys.readouterr().out == f"stepwire: my run → {monitor.url}\n"


def test_what_is_logged_arrives_in_order_with_step_time_and_nested_names(mock_server):
    """Points carry their step, their time and flattened names; NaN arrives as NaN."""
    with TrainingMonitor("test", dashboard_url=mock_server.url, system_metrics_interval=0) as monitor:
        monitor.log_metrics({"train": {"loss": 1.0}, "lr": 0.1}, timestamp=1_700_000_000.5)
        monitor.log_metrics({"train": {"loss": math.nan}, "lr": 0.1})
        monitor.log_metrics({"val": math.inf}, step=10)
    points = mock_server.records("point")
    assert [point["step"] for point in points] == [0, 1, 10]
    assert points[0]["time"] == 1_700_000_000_500_000
    assert points[0]["metrics"] == {"train/loss": 1.0, "lr": 0.1}
    assert math.isnan(points[1]["metrics"]["train/loss"])
    assert points[2]["metrics"] == {"val": math.inf}


def test_flush_waits_until_all_is_stored(monitor, transport):
    """After flush returned True the server has every point."""
    for step in range(100):
        monitor.log_metrics({"loss": step}, step)
    assert monitor.flush(5)
    assert [metrics["loss"] for metrics in transport.metrics] == list(range(100))


def test_flush_tells_when_it_was_in_vain(refusing_url):
    """Without a server flush returns False after its time, and nothing raises."""
    monitor = TrainingMonitor("test", dashboard_url=refusing_url)
    monitor.log_metrics({"loss": 1})
    assert monitor.flush(0.05) is False
    monitor.finish()


@pytest.mark.parametrize(
    ("timeout", "error"), [("1", TypeError), (True, TypeError), (-1, InvalidError), (math.nan, InvalidError)]
)
def test_flush_takes_seconds(monitor, timeout, error):
    """Anything but a number of seconds is misuse."""
    with pytest.raises(error, match="timeout"):
        monitor.flush(timeout)


def test_metrics_can_be_described(monitor, transport):
    """define_metric and set_total_steps become records."""
    monitor.define_metric("val/*", goal="min", unit="%", x="epoch")
    monitor.set_total_steps(500)
    assert monitor.flush(5)
    definition, total = transport.records("define_metric")[0], transport.records("total_steps")[0]
    assert {"name": "val/*", "goal": "min", "unit": "%", "x": "epoch", "rank": "zero"}.items() <= definition.items()
    assert total["total_steps"] == 500


def test_misuse_of_the_describing_methods_raises(monitor):
    """Wrong goals, names, totals and statuses are refused by name."""
    for call, match in (
        (lambda: monitor.define_metric("a", goal="up"), "goal"),
        (lambda: monitor.define_metric("a\ud800"), "name"),
        (lambda: monitor.set_total_steps(0), "total_steps"),
        (lambda: monitor.set_status("running"), "status"),
        (lambda: monitor.set_status("failed", ""), "reason"),
    ):
        with pytest.raises(InvalidError, match=match):
            call()


def test_the_status_set_by_hand_is_the_last_word(transport):
    """set_status decides; finish adds no other status."""
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    monitor.set_status("failed", "out of patience")
    monitor.finish()
    assert [(record["status"], record["reason"]) for record in transport.records("status")] == [
        ("failed", "out of patience")
    ]


def test_the_config_can_be_added_to(monitor, transport):
    """What is known later goes as a record of its own, secrets hidden; only a dict or object will do."""
    monitor.update_config({"layers": 3, "api_key": "sk-123"})
    with pytest.raises(TypeError):
        monitor.update_config("layers=3")
    assert monitor.flush(5)
    (record,) = transport.records("config_update")
    assert record["config"] == {"layers": 3, "api_key": "[redacted]"}


@pytest.mark.parametrize(
    ("error", "status", "traceback"),
    [
        (None, "completed", False),
        (RuntimeError("boom"), "failed", True),
        (KeyboardInterrupt(), "interrupted", False),
        (SystemExit(0), "completed", False),
        (SystemExit("bye"), "failed", False),
    ],
)
def test_leaving_the_block_sets_the_status(transport, error, status, traceback):
    """The way out of the with block decides the status; an exception leaves its traceback as an event."""

    def train():
        with TrainingMonitor("test", transport=transport, system_metrics_interval=0) as monitor:
            monitor.log_metrics({"loss": 1}, step=7)
            if error is not None:
                raise error

    if error is None:
        train()
    else:
        with pytest.raises(type(error)):
            train()
    assert [record["status"] for record in transport.records("status")] == [status]
    events = transport.records("event")
    assert bool(events) is traceback
    if traceback:
        assert (events[0]["event"], events[0]["level"], events[0]["step"]) == ("traceback", "error", 7)
        assert events[0]["message"] == "RuntimeError: boom"
        assert "Traceback (most recent call last)" in events[0]["data"]["traceback"]


def test_a_finished_run_takes_no_more(transport):
    """Logging after finish is misuse and says so; finishing twice is not."""
    monitor = TrainingMonitor("test", transport=transport, system_metrics_interval=0)
    monitor.log_metrics({"loss": 1})
    monitor.finish()
    monitor.finish()
    for call in (
        lambda: monitor.log_metrics({"loss": 1}),
        lambda: monitor.save_checkpoint("x"),
        lambda: monitor.mark_best_checkpoint("ckpt_1"),
        lambda: monitor.set_total_steps(3),
    ):
        with pytest.raises(InvalidError, match="finished"):
            call()
    assert len(transport.records("status")) == 1


def test_the_config_is_copied(transport):
    """What the script does to its config later changes nothing, and the SDK does not change it either."""
    config = {"layers": [1, 2], "bad": math.nan}
    monitor = TrainingMonitor("test", config=config, transport=transport, system_metrics_interval=0)
    config["layers"].append(3)
    monitor.finish()
    assert transport.records("config")[0]["config"] == {"layers": [1, 2], "bad": "NaN"}
    assert config["layers"] == [1, 2, 3]


def test_a_stop_is_seen_and_acknowledged_with_its_step(monitor, transport):
    """should_stop turns True, and the first look tells the dashboard at which step."""
    monitor.log_metrics({"loss": 1}, step=41)
    assert monitor.flush(5)
    assert monitor.should_stop is False
    seen = threading.Event()
    receive = transport.send

    def watch(frame):
        receive(frame)
        if b"command_result" in frame:
            seen.set()

    transport.send = watch
    transport.say({"type": "command", "id": "c1", "run_id": monitor.run_id, "command": "stop"})
    assert seen.wait(5)
    seen.clear()
    assert monitor.should_stop is True
    assert seen.wait(5)
    answers = [(f["state"], f["step"]) for f in transport.frames if f["type"] == "command_result"]
    assert answers == [("delivered", None), ("acknowledged", 41)]


def test_a_disabled_monitor_checks_and_forgets(capsys):
    """mode="disabled" prints nothing, starts nothing, and still refuses misuse."""
    before = set(threading.enumerate())
    with TrainingMonitor("test", mode="disabled") as monitor:
        monitor.log_metrics({"loss": 1})
        monitor.save_checkpoint("nowhere")
        with pytest.raises(TypeError):
            monitor.log_metrics({"loss": "x"})
        assert monitor.flush(0)
        assert not monitor.should_stop
    assert set(threading.enumerate()) <= before  # threads of other tests may end meanwhile
    assert capsys.readouterr().out == ""


def test_no_thread_is_left_after_finish(mock_server):
    """Sender and sampler are gone a moment after the run is finished."""
    before = set(threading.enumerate())
    with TrainingMonitor("test", dashboard_url=mock_server.url) as monitor:
        monitor.log_metrics({"loss": 1})
    mock_server.await_(lambda: not any(t.name.startswith("stepwire") for t in set(threading.enumerate()) - before))


def test_eight_threads_log_into_one_run(mock_server):
    """Points logged from eight threads all arrive, each thread's own in order."""
    with TrainingMonitor("test", dashboard_url=mock_server.url, system_metrics_interval=0) as monitor:

        def log(name):
            for step in range(300):
                monitor.log_metrics({name: step}, step)

        threads = [threading.Thread(target=log, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for n in range(8):
        assert [m[f"t{n}"] for m in mock_server.metrics if f"t{n}" in m] == list(range(300))


def test_a_link_with_any_name_can_be_printed(script, refusing_url):
    """A name with line breaks, on a terminal without Unicode, still gives one line."""
    code = "import stepwire; stepwire.TrainingMonitor('a\\nb é', system_metrics_interval=0)"
    out, _ = script(code, refusing_url, PYTHONIOENCODING="ascii").communicate(timeout=30)
    assert out.startswith("stepwire: a?b ? ? http://")
    assert out.count("\n") == 1


def test_importing_is_light():
    """Importing the SDK loads no server library, no NumPy, and nothing that only its threads need."""
    code = (
        "import sys, stepwire; assert 'stepwire.client' not in sys.modules;"
        "import stepwire.client.monitor;"
        "heavy = {'fastapi', 'pydantic', 'sqlalchemy', 'numpy', 'asyncio', 'websockets', 'psutil', 'msgspec', 'pynvml',"
        " 'starlette', 'uvicorn', 'structlog', 'ssl', 'multiprocessing'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
