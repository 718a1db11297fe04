"""SIGTERM in real processes: the run is interrupted, and everything else is as it would be without us."""

import signal
import subprocess
import sys
import textwrap

import pytest

TRAIN = """
import os, signal, sys, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor("test", system_metrics_interval=0)
monitor.log_metrics({"loss": 0.5})
"""
SAVE = """
def save(number, frame):
    monitor.log_metrics({"saved": 1})
    sys.exit(7)
"""


def end(process):
    """Wait for a process; its exit code, what it printed after the link, and its errors."""
    out, error = process.communicate(timeout=60)
    return process.returncode, out.split("\n", 1)[1], error


def preempted(server):
    """Whether every status that arrived says so."""
    return {(record["status"], record["reason"], record["exit_code"]) for record in server.records("status")} == {
        ("interrupted", "preempted", 143)
    }


def test_a_handler_set_after_the_monitor_is_called_too(mock_server, script):
    """It is what signal.getsignal shows, it replaced the default, and it decides about the exit."""
    code = TRAIN + SAVE + "print(signal.signal(signal.SIGTERM, save), signal.getsignal(signal.SIGTERM) is save)\n"
    process = script(code + "signal.raise_signal(signal.SIGTERM)", mock_server.url)
    assert end(process)[:2] == (7, f"{signal.SIG_DFL!s} True\n")
    assert preempted(mock_server)
    assert mock_server.metrics == [{"loss": 0.5}, {"saved": 1}]


def test_a_handler_that_passes_on_to_the_one_before_works_as_ever(mock_server, script):
    """A library that keeps the previous handler finds the default one, and ends the process by it."""
    code = """
    previous = signal.getsignal(signal.SIGTERM)
    def chained(number, frame):
        print("chained", flush=True)
        if callable(previous):
            previous(number, frame)
        else:
            signal.signal(number, previous)
            os.kill(os.getpid(), number)
    signal.signal(signalnum=signal.SIGTERM, handler=chained)
    signal.raise_signal(signal.SIGTERM)
    time.sleep(60)
    """
    process = script(TRAIN + textwrap.dedent(code), mock_server.url)
    assert end(process)[:2] == (-signal.SIGTERM, "chained\n")
    assert preempted(mock_server)


def test_a_handler_set_around_our_functions_decides_alone(mock_server, script):
    """``from signal import signal`` before the import: whoever it passes on to does not end the process."""
    code = """
    from signal import getsignal as get, signal as set
    {train}
    previous = get(signal.SIGTERM)
    set(signal.SIGTERM, lambda number, frame: previous(number, frame))
    signal.raise_signal(signal.SIGTERM)
    print("goes on")
    """
    process = script(textwrap.dedent(code).replace("{train}", TRAIN), mock_server.url)
    assert end(process)[:2] == (0, "goes on\n")
    assert preempted(mock_server)


def test_wrong_handlers_are_refused_as_ever(mock_server, script):
    """The error is Python's, and the handler stays."""
    code = """
    signal.signal(signal.SIGTERM, print)
    for wrong in ("no handler", None, 99):
        try: signal.signal(signal.SIGTERM, wrong)
        except (TypeError, ValueError) as error: print(type(error).__name__)
    print(signal.getsignal(signal.SIGTERM) is print)
    """
    assert end(script(TRAIN + textwrap.dedent(code), mock_server.url))[1].split() == ["TypeError"] * 3 + ["True"]


def test_a_sigterm_that_is_ignored_later_is_ignored_by_children_too(mock_server, script):
    """Nothing of ours stands before SIG_IGN: the kernel ignores it, here and after exec."""
    code = """
    import subprocess
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGTERM)
    child = "import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)"
    subprocess.run([sys.executable, "-c", child])
    """
    assert end(script(TRAIN + textwrap.dedent(code), mock_server.url))[:2] == (0, "True\n")
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]


def test_other_signals_are_not_touched(mock_server, script):
    """SIGUSR1 is Slurm's and the user's, SIGINT raises KeyboardInterrupt."""
    code = """
    import signal
    others = [signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGCONT, signal.SIGCHLD]
    before = [signal.getsignal(number) for number in others]
    {train}
    print([signal.getsignal(number) for number in others] == before)
    hears = lambda number, frame: print("requeued")
    print(signal.signal(signal.SIGUSR1, hears) == signal.SIG_DFL, signal.getsignal(signal.SIGUSR1) is hears)
    signal.raise_signal(signal.SIGUSR1)
    """
    process = script(textwrap.dedent(code).replace("{train}", TRAIN), mock_server.url)
    assert end(process)[:2] == (0, "True\nTrue True\nrequeued\n")
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]


BUSY = {
    "asleep": "print('busy', flush=True); time.sleep(600)",
    "waiting for a lock": "import threading; lock = threading.Lock(); lock.acquire(); print('busy', flush=True); lock.acquire()",
    "in C": "import hashlib; print('busy', flush=True); hashlib.pbkdf2_hmac('sha256', b'a', b'b', 2**31 - 1)",
}


@pytest.mark.parametrize("where", BUSY)
def test_a_busy_process_ends(mock_server, script, where):
    """Also in code in C that does not come back for minutes: without us SIGTERM would end that at once."""
    process = script(TRAIN + BUSY[where], mock_server.url)
    assert any(line == "busy\n" for line in process.stdout)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert preempted(mock_server)


def test_busy_in_c_with_a_handler_of_its_own_it_is_told_and_goes_on(mock_server, script):
    """The run is interrupted at once; the handler runs when Python does, as ever."""
    code = """
    import hashlib
    signal.signal(signal.SIGTERM, lambda number, frame: print("handled"))
    print("busy", flush=True)
    while not monitor._run._final:
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 3_000_000)
    print("told", flush=True)
    """
    process = script(TRAIN + textwrap.dedent(code), mock_server.url)
    assert any(line == "busy\n" for line in process.stdout)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and sorted(out.split()) == ["handled", "told"]
    assert preempted(mock_server)


def test_the_second_sigterm_waits_for_nothing():
    """While the first one still has the runs told, the next ends the process."""
    code = """
    import os, signal, time
    from stepwire.client.sigterm import Sigterm
    def tell():
        print("told", flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
    Sigterm(tell).hook()
    os.kill(os.getpid(), signal.SIGTERM)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "told\n")


def test_asyncio_hears_it_too(mock_server, script):
    """A loop's own handler is called, and ends the script in its way."""
    code = """
    import asyncio
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print("ready", flush=True)
        await stop.wait()
        print("stopped")
    asyncio.run(main())
    """
    process = script(TRAIN + textwrap.dedent(code), mock_server.url)
    assert any(line == "ready\n" for line in process.stdout)
    process.terminate()
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "stopped\n"), error
    assert preempted(mock_server)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_terminated_child_with_a_run_of_its_own(mock_server, script, tmp_path, method):
    """``Process.terminate``: its run is interrupted, its exit code is the signal's, the parent goes on."""
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, time\n"
        "from stepwire import TrainingMonitor\n"
        "def work(ready):\n"
        "    monitor = TrainingMonitor('child', system_metrics_interval=0)\n"
        "    monitor.log_metrics({'child': 1})\n"
        "    ready.set()\n"
        "    time.sleep(600)\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    ready = context.Event()\n"
        "    child = context.Process(target=work, args=(ready,)); child.start()\n"
        "    ready.wait(); child.terminate(); child.join(); print(child.exitcode)\n"
    )
    code = f"import runpy, sys; sys.argv = [{str(program)!r}]; runpy.run_path(sys.argv[0], run_name='__main__')"
    process = script(code, mock_server.url)
    out, error = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "-15", error
    assert preempted(mock_server)
    assert mock_server.metrics == [{"child": 1}]


def test_a_forked_child_has_no_handler_until_it_logs(mock_server, script):
    """A data loader's worker is ended by the kernel; one that logs says that it was interrupted no more than before."""
    code = """
    def caught():
        line = next(line for line in open("/proc/self/status") if line.startswith("SigCgt"))
        return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    print(caught(), flush=True)
    if os.fork() == 0:
        print(caught(), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, flush=True)
        monitor.log_metrics({"child": 1})
        print(caught(), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, flush=True)
        monitor.flush()
        signal.raise_signal(signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    process = script(TRAIN + textwrap.dedent(code), mock_server.url)
    assert end(process)[1].splitlines() == ["True", "False True", "True True", "-15"]
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]
    assert {"child": 1} in mock_server.metrics


def test_a_childs_sigterm_is_not_the_parents(mock_server, script):
    """What tells a thread of the parent of signals is not shared with a child that has its own."""
    code = """
    children = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            monitor.log_metrics({"child": 1})
            monitor.flush()
            time.sleep(600)
        children.append(pid)
    time.sleep(0.5)
    for pid in children: os.kill(pid, signal.SIGTERM)
    print({os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children})
    time.sleep(1)
    """
    process = script(TRAIN + textwrap.dedent(code), mock_server.url)
    code, out, error = end(process)
    assert (code, out) == (0, "{-15}\n"), error
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]


def test_a_log_call_that_is_interrupted_keeps_the_status(mock_server, script):
    """SIGTERM in the middle of a log call, with nothing behind it that would go on: the run is interrupted, not crashed,
    and the exit is that of the signal."""
    code = """
outbox = monitor._run.outbox
monitor.flush(10)
true = outbox._append
def append(item):
    outbox._append = true
    signal.raise_signal(signal.SIGTERM)  # here the lock of the log call is held
    true(item)
outbox._append = append
monitor.log_metrics({"loss": 0.25})
time.sleep(5)
"""
    process = script(TRAIN + code, mock_server.url)
    assert end(process)[0] == -signal.SIGTERM
    mock_server.await_(lambda: mock_server.records("status"))
    assert preempted(mock_server)


def test_what_an_interrupted_call_kept_is_told_before_the_end():
    """First the runs, then the call goes on, then what it kept is on its way; only then the end, whatever fails."""
    code = """
    import os, signal, threading, time
    from stepwire.client.sigterm import Sigterm
    calls = []
    def tell():
        calls.append(time.monotonic())
        print("told", flush=True)
        if "went on" in calls:
            raise OSError("the console is gone")
    sigterm = Sigterm(tell, lambda: "went on" not in calls)
    sigterm.hook()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)
    print("went on", flush=True)
    calls.append("went on")
    time.sleep(600)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "told\nwent on\ntold\n")
