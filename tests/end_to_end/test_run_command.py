"""``stepwire run``: real commands in several languages, and what the server then tells of them."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.test_kill_server import read
from tests.faults import FaultProxy
from tests.formats.events import event, simple, version

from stepwire.formats.tfrecord import frame
from stepwire.testing import RunningServer, running_server

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A real server on a free port."""
    with running_server() as found:
        yield found


class Command:
    """``stepwire run`` as a process, in a folder of its own."""

    def __init__(self, server: RunningServer, folder: Path, *words: str, name: str, **popen: Any) -> None:
        self._server = server
        self.name = name
        environment = os.environ | {"STEPWIRE_URL": server.url, "STEPWIRE_SYSTEM_METRICS_INTERVAL": "0.5"}
        environment |= popen.pop("env", {})
        popen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | popen
        line = [sys.executable, "-m", "stepwire", "run", "--name", name, *words]
        self.process = subprocess.Popen(line, cwd=folder, env=environment, **popen)

    def finish(self, data: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Wait for its end; exit code, standard output, standard error without the link."""
        output, errors = self.process.communicate(data, timeout=60)
        lines = (errors or b"").split(b"\n", 1)
        assert lines[0].startswith(b"stepwire: " + self.name.encode()), errors
        return self.process.returncode, output, lines[1] if len(lines) > 1 else b""

    def run(self) -> dict[str, Any]:
        """The run as the server has it."""
        runs: Any = read(f"{self._server.url}/api/runs?limit=200")["runs"]
        (found,) = [run for run in runs if run["name"] == self.name]
        return dict(read(f"{self._server.url}/api/runs/{found['id']}"))

    def is_there(self) -> bool:
        """Whether the server knows the run."""
        runs: Any = read(f"{self._server.url}/api/runs?limit=200")["runs"]
        return self.name in {run["name"] for run in runs}

    def wait_for(self, field: str, wanted: Any) -> dict[str, Any]:
        """Wait until a field of the run has a value."""
        deadline = time.monotonic() + 30
        found: Any = None
        while time.monotonic() < deadline:
            try:
                found = self.run()
            except (OSError, ValueError):  # it is not there yet
                found = {}
            if found.get(field) == wanted:
                return dict(found)
            time.sleep(0.05)
        raise AssertionError(f"{field} is {found.get(field)!r}, not {wanted!r}")

    def curve(self, metric: str) -> list[tuple[float, float]]:
        """Step and value of each stored point."""
        run_id = self.run()["id"]
        answer: Any = read(f"{self._server.url}/api/runs/{run_id}/metrics?keys={metric}&raw=true")
        column = answer["keys"][metric]
        return list(zip(column["step"], column["value"], strict=True))

    def events(self, name: str) -> list[dict[str, Any]]:
        """The run's events of a name."""
        answer: Any = read(f"{self._server.url}/api/events?run_id={self.run()['id']}&limit=200")
        return [found for found in answer["events"] if found["event"] == name]


def python(source: str) -> tuple[str, ...]:
    """A command that runs some Python."""
    return ("--", sys.executable, "-c", textwrap.dedent(source))


# --- numbers and status ----------------------------------------------------------------------------------


def test_an_unmodified_training_script_has_its_curves(server: RunningServer, tmp_path: Path) -> None:
    """The log of PyTorch's MNIST example becomes curves; config, status, output and load are there too."""
    shutil.copy(HERE / "mnist.py", tmp_path / "mnist.py")
    words = ("--tag", "unchanged", "--", sys.executable, "mnist.py", "--lr=0.5", "--epochs", "2")
    command = Command(server, tmp_path, *words, name="mnist")
    code, output, errors = command.finish()
    assert (code, errors) == (0, b"")
    plain = subprocess.run(
        [sys.executable, "mnist.py", "--lr=0.5", "--epochs", "2"], cwd=tmp_path, capture_output=True, check=True
    )
    assert output == plain.stdout
    run = command.wait_for("status", "completed")
    assert run["config"] == {"lr": 0.5, "epochs": 2}
    assert run["tags"] == ["unchanged"]
    losses = command.curve("train/loss")
    assert [step for step, _ in losses] == [*range(0, 6400, 640), *range(6400, 12800, 640)]
    assert losses[3][1] == pytest.approx(1 / (1 + 3 * 0.5), abs=1e-6)
    assert command.curve("test/accuracy") == [(5760, 0.5), (12160, 0.75)]
    (ended,) = command.events("command_ended")
    assert ended["data"] == {"exit_code": 0, "last_lines": output.decode().splitlines()[-20:]}


def test_the_load_is_that_of_the_commands_processes(server: RunningServer, tmp_path: Path) -> None:
    """All of the tree counts, and ``stepwire run`` itself does not."""
    source = """
        import subprocess, sys
        held = bytearray(200_000_000)
        child = "import sys; held = bytearray(300_000_000); sys.stdin.read()"
        subprocess.run([sys.executable, "-c", child])
    """
    command = Command(server, tmp_path, *python(source), name="load", stdin=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = command.run()["summary"].get("system/process/memory_used") if command.is_there() else None
        if found is not None and found["last"] > 500_000_000:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(f"memory is {found}")
    assert command.run()["summary"]["system/process/processes"]["last"] == 2
    command.finish(b"")


ENDS = [
    ("pass", 0, "completed", None),
    ("import sys; sys.exit(3)", 3, "failed", "exit code 3"),
    ("raise ValueError('boom')", 1, "failed", "exit code 1"),
    ("import os; os.kill(os.getpid(), 9)", 137, "failed", "ended by SIGKILL"),
    ("import os; os.kill(os.getpid(), 11)", 139, "failed", "ended by SIGSEGV"),
    ("import os; os.kill(os.getpid(), 15)", 143, "interrupted", "preempted"),
    ("import sys; sys.exit(130)", 130, "interrupted", "SIGINT"),
]


@pytest.mark.parametrize(("source", "code", "status", "reason"), ENDS, ids=[source for source, *_ in ENDS])
def test_how_a_command_ends_is_how_its_run_ends(
    server: RunningServer, tmp_path: Path, source: str, code: int, status: str, reason: str | None
) -> None:
    """The exit code is the command's, 128 + n for a signal, and decides the status; the last lines are an event's."""
    command = Command(server, tmp_path, *python(f"print('last words', flush=True)\n{source}"), name=f"ends {source}")
    assert command.finish()[:2] == (code, b"last words\n")
    run = command.wait_for("status", status)
    assert run["reason"] == reason
    (ended,) = command.events("command_ended")
    assert ended["data"]["exit_code"] == code
    assert "last words" in ended["data"]["last_lines"]


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (signal.SIGTERM, "interrupted", "preempted"),
        (signal.SIGINT, "interrupted", "SIGINT"),
        (signal.SIGHUP, "interrupted", "SIGHUP"),
        (signal.SIGUSR1, "failed", "ended by SIGUSR1"),
    ],
)
def test_signals_reach_the_command(
    server: RunningServer, tmp_path: Path, number: signal.Signals, status: str, reason: str
) -> None:
    """What is sent to ``stepwire run`` ends the command, and the run says by what."""
    command = Command(
        server,
        tmp_path,
        *python("import time, signal\nsignal.signal(2, signal.SIG_DFL)\nprint('up', flush=True)\ntime.sleep(60)"),
        name=f"gets {number.name}",
    )
    assert command.process.stdout is not None
    assert command.process.stdout.readline() == b"up\n"
    command.process.send_signal(number)
    assert command.finish()[0] == 128 + number
    assert command.wait_for("status", status)["reason"] == reason


def test_a_command_that_takes_the_signal_itself_decides(server: RunningServer, tmp_path: Path) -> None:
    """It saves what it has and leaves with 0: completed."""
    source = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("saved"), sys.exit(0)))
        print("up", flush=True)
        time.sleep(60)
    """
    command = Command(server, tmp_path, *python(source), name="saves")
    assert command.process.stdout is not None
    assert command.process.stdout.readline() == b"up\n"
    command.process.terminate()
    assert command.finish()[:2] == (0, b"saved\n")
    command.wait_for("status", "completed")


def test_stop_from_the_dashboard_is_ctrl_c_for_the_command(server: RunningServer, tmp_path: Path) -> None:
    """The command's own handling of ctrl-C runs; the run is interrupted, with the reason."""
    source = """
        import sys, time
        try:
            print("step 1 loss 0.5", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("stopping")
            sys.exit(130)
    """
    command = Command(server, tmp_path, *python(source), name="stopped")
    run = command.wait_for("step", 1)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    address = f"{server.url}/api/runs/{run['id']}/commands"
    urllib.request.urlopen(urllib.request.Request(address, b'{"command": "stop"}', headers), timeout=10).close()
    assert command.finish()[:2] == (130, b"step 1 loss 0.5\nstopping\n")
    run = command.wait_for("status", "interrupted")
    assert run["reason"] == "stopped from the dashboard"
    commands: Any = read(address)["commands"]
    assert commands[0]["state"] == "acknowledged"


@pytest.mark.parametrize(("words", "code"), [(["no-such-program"], 127), (["./plain.txt"], 126)])
def test_what_cannot_be_started_is_no_run(server: RunningServer, tmp_path: Path, words: list[str], code: int) -> None:
    """The exit code is a shell's, one line says why, and no run is made."""
    (tmp_path / "plain.txt").write_text("text")
    command = Command(server, tmp_path, "--", *words, name=f"never {code}")
    output, errors = command.process.communicate(timeout=30)
    assert (command.process.returncode, output) == (code, b"")
    assert errors.startswith(b"stepwire: " + words[0].encode())
    assert errors.count(b"\n") == 1
    assert not command.is_there()


# --- languages -------------------------------------------------------------------------------------------


def test_a_shell_script(server: RunningServer, tmp_path: Path) -> None:
    """Numbers of a script of sh, and of what it starts."""
    script = tmp_path / "train.sh"
    # Two pipes have no common order, so the step that the last line goes with has to be read before.
    script.write_text(
        "for i in 1 2 3; do echo \"iteration $i loss=0.$i\"; done; sleep 1; exec sh -c 'echo acc=0.9 >&2'\n"
    )
    command = Command(server, tmp_path, "--", "sh", "train.sh", name="shell")
    assert command.finish() == (0, b"iteration 1 loss=0.1\niteration 2 loss=0.2\niteration 3 loss=0.3\n", b"acc=0.9\n")
    command.wait_for("status", "completed")
    assert command.curve("loss") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert command.curve("acc") == [(3, 0.9)]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_node_program_that_writes_json_lines(server: RunningServer, tmp_path: Path) -> None:
    """JavaScript: the file that it holds open is found by itself."""
    (tmp_path / "train.mjs").write_text(
        """
        import { openSync, writeSync } from "node:fs";
        const file = openSync("log.jsonl", "w");
        let step = 0;
        const timer = setInterval(() => {
          writeSync(file, JSON.stringify({ step, train: { loss: 1 / (step + 1) } }) + "\\n");
          if (++step === 20) clearInterval(timer);
        }, 50);
        """
    )
    command = Command(server, tmp_path, "--", "node", "train.mjs", name="node")
    assert command.finish() == (0, b"", b"")
    command.wait_for("status", "completed")
    assert command.curve("train/loss") == [(step, 1 / (step + 1)) for step in range(20)]


# --- metric files ----------------------------------------------------------------------------------------


def test_files_that_a_command_holds_open_are_found(server: RunningServer, tmp_path: Path) -> None:
    """Event files with their own step, CSV, JSON lines; other files, and what is not in the folder, are not."""
    (tmp_path / "old.jsonl").write_text('{"step": 1, "old": 1}\n')
    (tmp_path / "events.bin").write_bytes(
        version()
        + b"".join(frame(event(1763905927.0 + step, step * 10, simple("loss", step / 4))) for step in range(5))
    )
    source = """
        import pathlib, time
        events = pathlib.Path("events.bin").read_bytes()
        pathlib.Path("runs/validation").mkdir(parents=True)
        open("/dev/shm/elsewhere.jsonl", "w")
        files = [open(name, mode) for name, mode in [
            ("runs/events.out.tfevents.1.host", "wb"), ("runs/validation/events.out.tfevents.2.host", "wb"),
            ("metrics.csv", "w"), ("old.jsonl", "a"), ("data.csv", "w"), ("result.csv", "w")]]
        texts = [events, events[:-3], "step,acc\\n5,0.5\\n6,0.6\\n", '{"step": 2, "new": 2}\\n{"step": 3, "new"',
                 "x,y\\n1,2\\n", "epoch,f1\\n1,0.25\\n"]
        for file, text in zip(files, texts):
            file.write(text)
            file.flush()
        time.sleep(2.5)
        files[1].write(events[-3:])
        files[3].write(": 3}")
    """
    command = Command(server, tmp_path, *python(source), name="files")
    assert command.finish() == (0, b"", b"")
    command.wait_for("status", "completed")
    assert command.curve("loss") == [(step * 10, step / 4) for step in range(5)]
    assert command.curve("validation/loss") == [(step * 10, step / 4) for step in range(5)]
    assert command.curve("acc") == [(5, 0.5), (6, 0.6)]
    assert command.curve("new") == [(2, 2), (3, 3)]
    assert command.curve("f1") == [(1, 0.25)]
    names = {name for name in command.run()["summary"] if not name.startswith("system/")}
    assert names == {"loss", "validation/loss", "acc", "new", "f1"}


def test_files_that_are_named(server: RunningServer, tmp_path: Path) -> None:
    """``--watch`` with a pattern, and ``--tensorboard``, read what was never open when somebody looked."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    before = elsewhere / "deep" / "events.out.tfevents.1.old"
    before.write_bytes(version() + frame(event(1.0, 1, simple("old", 1.0))))
    now = tmp_path / "now.bin"
    now.write_bytes(version() + frame(event(1763905927.0, 7, simple("loss", 0.5))))
    source = f"""
        import pathlib, shutil
        for version in (0, 1):
            folder = pathlib.Path(f"logs/version_{{version}}")
            folder.mkdir(parents=True)
            (folder / "metrics.csv").write_text(f"step,m{{version}}\\n1,0.5\\n")
        shutil.copy({str(now)!r}, {str(elsewhere / "deep" / "events.out.tfevents.2.new")!r})
    """
    options = ("--watch", "logs/**/metrics.csv", "--tensorboard", str(elsewhere))
    work = tmp_path / "work"
    work.mkdir()
    command = Command(server, work, *options, *python(source), name="named")
    assert command.finish()[0] == 0
    command.wait_for("status", "completed")
    assert command.curve("m0") == command.curve("m1") == [(1, 0.5)]
    assert command.curve("loss") == [(7, 0.5)]
    assert "old" not in command.run()["summary"]


def test_a_named_file_that_never_came_is_told(server: RunningServer, tmp_path: Path) -> None:
    """A misspelt name would else look as if the command had logged nothing."""
    (tmp_path / "empty").mkdir()
    options = ("--watch", "nofile.jsonl", "--watch", "there.jsonl", "--tensorboard", "empty")
    source = "open('there.jsonl', 'w').write('{\"step\": 1, \"loss\": 0.5}\\n')"
    command = Command(server, tmp_path, *options, *python(source), name="misspelt")
    assert command.finish()[0] == 0
    command.wait_for("status", "completed")
    assert [event["message"] for event in command.events("metric_file")] == [
        "nothing was ever there: --tensorboard empty, --watch nofile.jsonl"
    ]


def test_a_damaged_event_file_is_told(server: RunningServer, tmp_path: Path) -> None:
    """As a warning in the run's event log, and the rest counts."""
    bad = bytearray(frame(event(1.0, 2, simple("loss", 2.0))))
    bad[20] ^= 1
    (tmp_path / "bin").write_bytes(version() + bytes(bad) + frame(event(1763905927.0, 3, simple("loss", 3.0))))
    source = "import shutil; shutil.copy('bin', 'events.out.tfevents.1.host')"
    command = Command(server, tmp_path, "--tensorboard", ".", *python(source), name="damaged")
    command.finish()
    command.wait_for("status", "completed")
    assert command.curve("loss") == [(3, 3.0)]
    (warning,) = command.events("metric_file")
    assert warning["message"].endswith("events.out.tfevents.1.host: 1 damaged events were passed over")


def test_options_turn_things_off(server: RunningServer, tmp_path: Path) -> None:
    """No log lines, no patterns, no files; a pattern of one's own counts."""
    source = """
        import time
        file = open("log.jsonl", "w")
        print("loss: 0.5", file=file, flush=True)
        file.write('{"step": 1, "a": 1}\\\\n')
        file.flush()
        print("loss: 0.5 <quality 7>")
        time.sleep(1.5)
    """
    command = Command(server, tmp_path, "--no-capture", "--no-files", "--no-patterns", *python(source), name="off")
    assert command.finish()[0] == 0
    run = command.wait_for("status", "completed")
    assert {name for name in run["summary"] if not name.startswith("system/")} == set()
    assert "last_lines" not in command.events("command_ended")[0]["data"]
    words = ("--pattern", r"<quality (?P<quality>\d+)>", "--no-files")
    command = Command(server, tmp_path, *words, *python(source), name="own pattern")
    command.finish()
    command.wait_for("status", "completed")
    assert command.curve("quality") == [(0, 7.0)]


def test_a_pattern_that_is_none_is_misuse(tmp_path: Path) -> None:
    """Exit code 2 before anything is started."""
    words = [sys.executable, "-m", "stepwire", "run", "--pattern", "(", "--", "touch", "started"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode == 2
    assert b"no regular expression" in done.stderr
    assert not (tmp_path / "started").exists()


# --- what the command must not notice --------------------------------------------------------------------


def test_bytes_pass_unchanged_in_all_three_directions(server: RunningServer, tmp_path: Path) -> None:
    """Any bytes, megabytes of them, without an end of line; standard input is the command's own."""
    source = """
        import os, sys
        data = sys.stdin.buffer.read()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        sys.stderr.buffer.write(data[::-1])
    """
    data = os.urandom(3_000_000)
    command = Command(server, tmp_path, *python(source), name="bytes", stdin=subprocess.PIPE)
    assert command.finish(data) == (0, data, data[::-1])


def test_both_outputs_to_one_place_keep_their_order(server: RunningServer, tmp_path: Path) -> None:
    """As with 2>&1: what was written first stands first."""
    source = "import os\nfor i in range(3000): os.write(1 + i % 2, b'%d\\n' % i)"
    command = Command(server, tmp_path, *python(source), name="order", stderr=subprocess.STDOUT)
    output, _ = command.process.communicate(timeout=60)
    assert output.split(b"\n", 1)[1] == b"".join(b"%d\n" % i for i in range(3000))


def test_a_reader_that_has_gone_is_the_commands_affair(server: RunningServer, tmp_path: Path) -> None:
    """As behind ``| head``: the command gets SIGPIPE, and its run says so."""
    command = Command(server, tmp_path, "--", "yes", name="pipe")
    assert command.process.stdout is not None
    command.process.stdout.readline()
    command.process.stdout.close()
    assert command.process.wait(timeout=30) == 128 + signal.SIGPIPE
    command.wait_for("reason", "ended by SIGPIPE")
    assert command.process.stderr is not None
    command.process.stderr.close()


def test_a_process_that_stays_does_not_hold_the_command_up(server: RunningServer, tmp_path: Path) -> None:
    """A server that the command leaves behind keeps the output open; the exit code comes all the same."""
    command = Command(server, tmp_path, "--", "sh", "-c", "sleep 30 & echo $!", name="leaves", start_new_session=True)
    assert command.process.stdout is not None
    sleeper = int(command.process.stdout.readline())
    try:
        assert command.process.wait(timeout=20) == 0
        command.wait_for("status", "completed")
    finally:
        os.kill(sleeper, signal.SIGKILL)
        command.process.communicate()


def test_a_server_that_answers_nothing_delays_nothing(server: RunningServer, tmp_path: Path) -> None:
    """The sender is stuck; the output is there, the exit code too, and the records wait on disk."""
    with FaultProxy(int(server.url.rpartition(":")[2])) as proxy:
        proxy.black_hole()
        environment = {"STEPWIRE_URL": f"http://127.0.0.1:{proxy.port}", "XDG_DATA_HOME": str(tmp_path)}
        source = "import time\nprint('step 1 loss 0.5', flush=True)\ntime.sleep(1)\nprint('end')"
        command = Command(server, tmp_path, *python(source), name="stuck", env=environment)
        code, output, errors = command.finish()
    assert (code, output) == (0, b"step 1 loss 0.5\nend\n")
    assert b"were not stored yet" in errors
    assert list((tmp_path / "stepwire" / "spool").rglob("*.seg"))


def test_a_data_folder_that_cannot_be_written_delays_nothing(server: RunningServer, tmp_path: Path) -> None:
    """What is kept goes to memory then, and to the server."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    command = Command(server, tmp_path, *python("print('loss: 1')"), name="nowhere", env={"STEPWIRE_DIR": str(blocked)})
    assert command.finish()[:2] == (0, b"loss: 1\n")
    command.wait_for("status", "completed")


def test_what_was_ignored_stays_ignored(server: RunningServer, tmp_path: Path) -> None:
    """Under nohup a hangup ends neither ``stepwire run`` nor the command."""
    source = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"
    command = Command(
        server, tmp_path, *python(source), name="nohup", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    assert command.finish()[:2] == (0, b"True True\n")


# --- scripts that use the SDK ----------------------------------------------------------------------------


def test_a_monitor_in_the_command_joins_its_run(server: RunningServer, tmp_path: Path) -> None:
    """One run with the points of both, the script's config added; the exit status decides, as before."""
    source = """
        import sys
        from stepwire import TrainingMonitor
        monitor = TrainingMonitor("inner", config={"depth": 3}, total_steps=5)
        for step in range(5):
            monitor.log_metrics({"inside": step}, step=step)
        print("outside: loss=0.5", monitor.run_id)
        raise ValueError("boom")
    """
    command = Command(server, tmp_path, *python(source), "--lr", "0.1", name="joined")
    code, output, _ = command.finish()
    run = command.wait_for("status", "failed")
    assert (code, output) == (1, b"outside: loss=0.5 %s\n" % run["id"].encode())
    assert run["config"] == {"lr": 0.1, "depth": 3}
    assert run["total_steps"] == 5
    assert command.curve("inside") == [(step, step) for step in range(5)]
    assert command.curve("loss") == [(0, 0.5)]
    assert command.events("traceback")[0]["message"] == "ValueError: boom"
    runs: Any = read(f"{server.url}/api/runs?limit=200")["runs"]
    assert "inner" not in {found["name"] for found in runs}


def test_further_monitors_are_runs_of_their_own(server: RunningServer, tmp_path: Path) -> None:
    """A search over settings is not one run; and one with a run id of its own is that run."""
    source = """
        from stepwire import TrainingMonitor
        own = TrainingMonitor("own id", run_id="run_of_its_own")
        print(own.run_id)
        own.finish()
        for trial in range(3):
            with TrainingMonitor(f"trial {trial}") as monitor:
                monitor.log_metrics({"trial": trial})
    """
    command = Command(server, tmp_path, *python(source), name="search")
    _, output, _ = command.finish()
    assert output.startswith(b"stepwire: own id")
    assert b"\nrun_of_its_own\n" in output
    command.wait_for("status", "completed")
    assert command.curve("trial") == [(0, 0.0)]
    runs: Any = read(f"{server.url}/api/runs?limit=200")["runs"]
    assert {"own id", "trial 1", "trial 2"} <= {run["name"] for run in runs}
    assert "trial 0" not in {run["name"] for run in runs}


def test_disabled_runs_the_command_and_nothing_else(server: RunningServer, tmp_path: Path) -> None:
    """Same output, same exit code, no link, no run."""
    line = [
        sys.executable,
        "-m",
        "stepwire",
        "run",
        "--name",
        "disabled",
        *python("print('loss: 1'); raise SystemExit(4)"),
    ]
    environment = os.environ | {"STEPWIRE_URL": server.url, "STEPWIRE_MODE": "disabled"}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"loss: 1\n", b"")
    runs: Any = read(f"{server.url}/api/runs?limit=200")["runs"]
    assert "disabled" not in {run["name"] for run in runs}


def test_offline_keeps_the_run_for_sync(server: RunningServer, tmp_path: Path) -> None:
    """Without a server; ``stepwire sync`` delivers all of it."""
    environment = {"STEPWIRE_MODE": "offline", "STEPWIRE_DIR": str(tmp_path / "kept")}
    command = Command(server, tmp_path, *python("print('step 1 loss 0.5')"), name="offline", env=environment)
    assert command.finish()[0] == 0
    line = [sys.executable, "-m", "stepwire", "sync", "--dir", str(tmp_path / "kept"), "--to", server.url, "--json"]
    subprocess.run(line, env=os.environ, check=True, timeout=60, stdout=subprocess.PIPE)
    command.wait_for("status", "completed")
    assert command.curve("loss") == [(1, 0.5)]


def test_logs_are_records_of_lines(server: RunningServer, tmp_path: Path) -> None:
    """What the run keeps of the output: stream, time and text of each line, bars in their last state."""
    environment = {"STEPWIRE_MODE": "offline", "STEPWIRE_DIR": str(tmp_path / "kept")}
    (tmp_path / "say.py").write_text(
        "import sys\nprint('hello')\nsys.stderr.write('\\r1/2\\r2/2\\n')\nprint('token=hf_abcdefghijklmnop')"
    )
    command = Command(server, tmp_path, "--", sys.executable, "say.py", name="lines", env=environment)
    command.finish()
    (segment,) = (tmp_path / "kept").rglob("*.seg")
    data = segment.read_bytes()
    assert b"hello" in data
    assert b"2/2" in data
    assert b"1/2" not in data
    assert b"hf_abcdefghijklmnop" not in data


def test_help_and_misuse() -> None:
    """Without a command it says what is missing."""
    line = [sys.executable, "-m", "stepwire", "run"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "behind --" in done.stderr
    done = subprocess.run([*line, "--help"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert "stepwire run -- python train.py" in done.stdout
