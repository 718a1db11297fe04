"""Standard output and error of a whole process."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from stepwire.client.capture.console import WAITING_BYTES, Console


class Lines:
    """What one run was given."""

    def __init__(self):
        self.records = []
        self.come = threading.Condition()

    def put(self, record):
        """Take a record."""
        with self.come:
            self.records.append(record)
            self.come.notify_all()

    def of(self, stream):
        """The lines of a stream."""
        return [line[1] for record in self.records if record["stream"] == stream for line in record["lines"]]

    def wait_for(self, count):
        """Wait until so many lines are there."""
        with self.come:
            assert self.come.wait_for(lambda: sum(len(record["lines"]) for record in self.records) >= count, 10)


@pytest.fixture
def console():
    """A console that gives the streams back."""
    console = Console()
    yield console
    for put in list(console._takers):
        console.leave(put)


def test_both_streams_are_heard(console, capsys):
    """Lines come by themselves, each with its stream; the terminal shows what it showed before."""
    lines = Lines()
    console.join(lines.put)
    print("to stdout")
    print("to stderr", file=sys.stderr)
    lines.wait_for(2)
    assert (lines.of("stdout"), lines.of("stderr")) == (["to stdout"], ["to stderr"])
    assert capsys.readouterr() == ("to stdout\n", "to stderr\n")


def test_several_runs_hear_the_same_lines_once(console, capsys):
    """There is one tee for all; each run gets what was printed while it was open."""
    first, second = Lines(), Lines()
    print("before")
    console.join(first.put)
    print("one")
    console.drain()
    console.join(second.put)
    print("both")
    console.leave(first.put)
    print("two")
    console.leave(second.put)
    print("after")
    assert first.of("stdout") == ["one", "both"]
    assert second.of("stdout") == ["both", "two"]
    assert capsys.readouterr().out == "before\none\nboth\ntwo\nafter\n"
    assert "write" not in vars(sys.stdout)


def test_one_stream_for_both_is_heard_once(console, monkeypatch):
    """Where stderr is stdout no line comes twice."""
    lines = Lines()
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    console.join(lines.put)
    print("once", file=sys.stderr)
    console.drain()
    assert (lines.of("stdout"), lines.of("stderr")) == (["once"], [])


def test_a_stream_that_wraps_ours_is_not_heard_twice(console, monkeypatch):
    """A script's own copy into a file, set up later, writes through to the stream that is heard."""

    class Copy:
        def __init__(self, stream):
            self.stream = stream

        def write(self, text):
            return self.stream.write(text)

        def flush(self):
            self.stream.flush()

    lines = Lines()
    console.join(lines.put)
    monkeypatch.setattr(sys, "stdout", Copy(sys.stdout))
    print("once")
    console.drain()
    assert lines.of("stdout") == ["once"]


def test_no_standard_streams_are_no_error(console, monkeypatch):
    """A program without a console has nothing to hear."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console.join(Lines().put)


def test_threads_may_print_at_once(console, capsys):
    """Every line of eight threads is there; none is torn."""
    lines = Lines()
    console.join(lines.put)

    def work(name):
        for number in range(200):
            sys.stdout.write(f"{name}-{number}\n")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    console.drain()
    capsys.readouterr()
    assert sorted(lines.of("stdout")) == sorted(f"{name}-{number}" for name in "abcdefgh" for number in range(200))


def test_what_waits_is_bounded(console, capsys):
    """Output that comes faster than it can be taken is counted, not kept."""
    lines = Lines()
    console.join(lines.put)
    with console._work:  # the thread can't take anything
        for _ in range(100):
            sys.stdout.write("x" * 100_000 + "\n")
        assert console._heard_size <= WAITING_BYTES
    console.drain()
    capsys.readouterr()
    kept = [line for line in lines.of("stdout") if line.startswith("x")]
    left_out = sum(int(line.split()[1]) for line in lines.of("stdout") if line.startswith("[stepwire: "))
    assert len(kept) < 50
    assert len(kept) + left_out in (100, 101)  # the last one that was kept was cut


def test_a_signal_handler_may_print_while_output_is_taken(console, capsys):
    """A handler that interrupts the frame with the lock neither hangs nor loses its line."""
    lines = Lines()
    console.join(lines.put)
    before = signal.signal(signal.SIGUSR1, lambda *_: (print("from the handler"), console.drain()))
    try:
        with console._work:
            os.kill(os.getpid(), signal.SIGUSR1)
            print("from the script")
    finally:
        signal.signal(signal.SIGUSR1, before)
    console.drain()
    capsys.readouterr()
    assert lines.of("stdout") == ["from the handler", "from the script"]


def test_a_defect_ends_the_capture_and_nothing_else(console, capsys, caplog):
    """Should a run refuse its records by raising, printing goes on and the logger is told once."""

    def put(record):
        raise RuntimeError("defect")

    console.join(put)
    print("one")
    console.drain()
    print("two")
    console.drain()
    assert capsys.readouterr().out == "one\ntwo\n"
    assert [record.getMessage() for record in caplog.records] == [
        "stepwire: output is not captured any more: RuntimeError('defect')"
    ]


def test_a_known_secret_is_hidden_wherever_it_stands(console, capsys, monkeypatch):
    """The values of secret variables and the run's own token never get into a record."""
    monkeypatch.setenv("MY_DATABASE_PASSWORD", "canary-of-environment")
    lines = Lines()
    console.join(lines.put, ["canary-of-argument"])
    print("x=canary-of-environment, y=canary-of-argument")
    console.drain()
    assert lines.of("stdout") == ["x=[redacted], y=[redacted]"]
    assert "canary-of-environment" in capsys.readouterr().out


SCRIPT = """
    import logging, os, sys
    handler = logging.StreamHandler()
    logging.basicConfig(handlers=[handler], format="%(message)s")
    from stepwire import TrainingMonitor
    from stepwire.testing import MemoryTransport
    transport = MemoryTransport()
    {body}
    with open("records", "w") as file:
        for record in transport.records("log"):
            for line in record["lines"]:
                file.write(f"{{record['stream']}}|{{line[1]}}\\n")
"""


def run_script(tmp_path: Path, body: str, **more) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a script as a process of its own; returns it and the lines that it kept."""
    script = textwrap.dedent(SCRIPT).format(body=textwrap.dedent(body))
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "STEPWIRE_CAPTURE": "console", "TQDM_MININTERVAL": "0", **more},
    )
    kept = (tmp_path / "records").read_text().splitlines() if (tmp_path / "records").exists() else []
    return done, kept


def test_a_handler_that_holds_the_stream_already_is_heard(tmp_path):
    """logging was set up before the run; its lines are kept all the same, and the link is not."""
    done, kept = run_script(
        tmp_path,
        """
with TrainingMonitor("x", transport=transport):
    logging.warning("from an old handler")
    print("printed")
print("after the run")
""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "from an old handler\n"
    assert done.stdout.splitlines()[1:] == ["printed", "after the run"]
    assert sorted(kept) == ["stderr|from an old handler", "stdout|printed"]


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_it_can_be_turned_off(tmp_path, how):
    """Neither ``capture_output=False`` nor ``STEPWIRE_CAPTURE=0`` touches a stream."""
    argument = ", capture_output=False" if how == "argument" else ""
    done, kept = run_script(
        tmp_path,
        f"""
with TrainingMonitor("x", transport=transport{argument}):
    assert "write" not in vars(sys.stdout)
    print("printed")
""",
        STEPWIRE_CAPTURE="1" if how == "argument" else "0",
    )
    assert done.returncode == 0, done.stderr
    assert kept == []


def test_a_forked_child_prints_for_itself(tmp_path):
    """What a child prints is on the terminal and not in the run; it does not hang, whatever its parent is doing."""
    done, kept = run_script(
        tmp_path,
        """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own of 3.12: our threads make a fork doubtful
with TrainingMonitor("x", transport=transport):
    for number in range(20):
        print("parent", number, flush=True)
        pid = os.fork()
        if pid == 0:
            print("child", number, flush=True)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
""",
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()[1:]) == sorted(
        f"{who} {n}" for who in ("parent", "child") for n in range(20)
    )
    assert kept == [f"stdout|parent {number}" for number in range(20)]


def test_a_real_progress_bar_leaves_one_line(tmp_path):
    """tqdm draws as ever, a hundred times; the run has the state at the end and lines that were printed beside it."""
    done, kept = run_script(
        tmp_path,
        """
from tqdm import tqdm
with TrainingMonitor("x", transport=transport):
    for number in tqdm(range(100), desc="outer", mininterval=0):
        if number == 50:
            tqdm.write("half")
print("end")
""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("outer: ") >= 100
    assert [line for line in kept if line.startswith("stdout")] == ["stdout|half"]
    bars = [line for line in kept if line.startswith("stderr") and line != "stderr|"]
    assert len(bars) <= 3
    assert bars[-1].startswith("stderr|outer: 100%")


def test_nested_progress_bars_leave_one_line_each(tmp_path):
    """The inner bars of tqdm are drawn below the outer one; the outer one stands at its end."""
    done, kept = run_script(
        tmp_path,
        """
from tqdm import tqdm
with TrainingMonitor("x", transport=transport):
    for epoch in tqdm(range(3), desc="outer", mininterval=0):
        for step in tqdm(range(50), desc="inner", mininterval=0, leave=False):
            pass
""",
    )
    assert done.returncode == 0, done.stderr
    outer = [line for line in kept if line.startswith("stderr|outer")]
    assert outer[-1].startswith("stderr|outer: 100%")
    assert len(kept) <= 6


def test_the_traceback_of_a_script_is_kept(tmp_path):
    """What Python prints when a script fails is the last that the run has."""
    (tmp_path / "script.py").write_text(
        "import atexit\n"
        "from stepwire import TrainingMonitor\n"
        "from stepwire.testing import MemoryTransport\n"
        "transport = MemoryTransport()\n"
        "atexit.register(lambda: print([r['lines'] for r in transport.records('log')]))\n"
        "TrainingMonitor('x', transport=transport)\n"
        "raise ValueError('broken')\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "ValueError: broken" in done.stdout
    assert done.stderr.endswith("ValueError: broken\n")


def test_nothing_is_left_when_the_interpreter_ends(tmp_path):
    """What is printed by the last hooks of all, when the run is over, is printed and no more."""
    done, _ = run_script(
        tmp_path,
        """
import atexit
class Late:
    def __del__(self):
        print("from a finalizer")
late = Late()
atexit.register(print, "from atexit")
monitor = TrainingMonitor("x", transport=transport)
print("printed")
""",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["printed", "from atexit", "from a finalizer"]


def test_a_thread_that_prints_without_end_holds_nobody_up(console, capsys):
    """What was printed until the call is given; what comes meanwhile is not waited for."""
    lines, is_over = Lines(), threading.Event()
    console.join(lines.put)

    def chatter():
        while not is_over.is_set():
            print("chatter")

    thread = threading.Thread(target=chatter, daemon=True)
    print("first")
    thread.start()
    done = threading.Thread(target=console.drain, daemon=True)
    done.start()
    done.join(30)
    is_over.set()
    thread.join()
    assert not done.is_alive()
    assert lines.of("stdout")[0] == "first"
