"""How real processes end, and what their runs say about it."""

import os
import signal
import subprocess
import textwrap

import pytest

from stepwire.client import lifecycle
from stepwire.client.lifecycle import COMPLETED, END_SECONDS, Outcome, judge_exit_code

FORKS = int(os.environ.get("STEPWIRE_FORKS", "50"))

TRAIN = """
import os, signal, sys, threading, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor("test", system_metrics_interval=0)
monitor.log_metrics({"loss": 0.5}, step=3)
"""


def status(server):
    """The last status that arrived, with its reason and exit code."""
    last = server.records("status")[-1]
    return last["status"], last.get("reason"), last.get("exit_code")


@pytest.mark.parametrize(
    ("end", "code", "expected"),
    [
        ("", 0, ("completed", None, 0)),
        ("sys.exit()", 0, ("completed", None, 0)),
        ("sys.exit(3)", 3, ("failed", "exit code 3", 3)),
        ("sys.exit('no data')", 1, ("failed", "exit code 1", 1)),
        ("raise ValueError('no data')", 1, ("failed", "ValueError", 1)),
        ("raise KeyboardInterrupt", -signal.SIGINT, ("interrupted", "KeyboardInterrupt", 130)),
        ("signal.raise_signal(signal.SIGINT); time.sleep(9)", -signal.SIGINT, ("interrupted", "KeyboardInterrupt", 130)),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM, ("interrupted", "preempted", 143)),
        ("try: sys.exit(3)\nexcept SystemExit: monitor.log_metrics({'loss': 0})", 0, ("completed", None, 0)),
        ("threading.Thread(target=sys.exit, args=[3]).start()", 0, ("completed", None, 0)),
        ("monitor.set_status('failed')", 0, ("failed", None, None)),
        ("monitor.finish(); sys.exit(3)", 3, ("completed", None, 0)),
    ],
)  # fmt: skip
def test_the_end_of_the_process_is_the_end_of_the_run(mock_server, script, end, code, expected):
    """Without any finish the status tells how the process ended, and its exit code is its own."""
    process = script(TRAIN + end, mock_server.url)
    out, error = process.communicate(timeout=30)
    assert process.returncode == code, error
    assert status(mock_server) == expected
    assert len(mock_server.records("status")) == 1
    assert mock_server.metrics[0] == {"loss": 0.5}
    assert out.count("\n") == 1


def test_an_uncaught_exception_leaves_its_traceback(mock_server, script):
    """The event log gets the traceback; the script's own error output stays as Python prints it."""
    _, error = script(TRAIN + "raise ValueError('no data')", mock_server.url).communicate(timeout=30)
    event = mock_server.records("event")[0]
    assert (event["event"], event["level"], event["message"], event["step"]) == (
        "traceback", "error", "ValueError: no data", 3,
    )  # fmt: skip
    assert event["data"]["traceback"].startswith("Traceback (most recent call last)")
    assert error.endswith("ValueError: no data\n")
    assert error.count("Traceback") == 1


@pytest.mark.parametrize("hook", ["lambda *_: print('mine')", "sys.__excepthook__"])
def test_an_excepthook_set_later_hides_no_failure(mock_server, script, hook):
    """A library that prints tracebacks in its own way does not pass on to ours; the run failed all the same."""
    process = script(TRAIN + f"sys.excepthook = {hook}\nraise ValueError('no data')", mock_server.url)
    process.communicate(timeout=30)
    assert process.returncode == 1
    assert status(mock_server) == ("failed", "ValueError", 1)
    assert "ValueError: no data" in mock_server.records("event")[0]["data"]["traceback"]


def test_an_exception_in_a_callback_that_c_prints_is_not_the_end(mock_server, script):
    """Python notes it as the last one, though the process goes on and completes."""
    code = TRAIN + textwrap.dedent("""
    import ctypes
    def fail():
        try: raise ValueError
        except ValueError as error:
            ctypes.pythonapi.PyErr_SetObject(ctypes.py_object(ValueError), ctypes.py_object(error.with_traceback(None)))
    printed = ctypes.pythonapi.PyErr_PrintEx
    def callback():
        sys.last_value = ValueError("callback")
        try: raise sys.last_value
        except ValueError as error: sys.last_traceback = error.__traceback__
    callback()
    """)
    script(code, mock_server.url).communicate(timeout=30)
    assert status(mock_server) == ("completed", None, 0)


def test_an_exception_in_a_thread_is_told_and_changes_no_status(mock_server, script):
    """The event log gets the traceback and the thread's name; standard error is Python's; 1,000 of them are 20 events."""
    code = TRAIN + textwrap.dedent("""
    def load(): raise OSError("no such file")
    for _ in range(1000):
        thread = threading.Thread(target=load, name="loader")
        thread.start()
        thread.join()
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    """)
    _, error = script(code, mock_server.url).communicate(timeout=60)
    events = mock_server.records("event")
    assert len(events) == 20
    assert (events[0]["event"], events[0]["level"]) == ("traceback", "error")
    assert events[0]["message"] == "OSError: no such file (in thread loader; the run goes on)"
    assert "in load" in events[0]["data"]["traceback"]
    assert error.count("OSError: no such file") == 1000
    assert status(mock_server) == ("completed", None, 0)


def test_the_users_own_sigterm_handler_is_called_and_may_go_on(mock_server, script):
    """The run is interrupted, the handler runs, and what it still logs arrives; the status stays."""
    code = """
    import os, signal, sys
    from stepwire import TrainingMonitor
    def save(number, frame):
        monitor.log_metrics({"saved": 1})
        print("saved")
        sys.exit(7)
    signal.signal(signal.SIGTERM, save)
    monitor = TrainingMonitor("test", system_metrics_interval=0)
    os.kill(os.getpid(), signal.SIGTERM)
    """
    process = script(code, mock_server.url)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 7, error
    assert out.endswith("saved\n")
    assert status(mock_server) == ("interrupted", "preempted", 143)
    assert mock_server.metrics == [{"saved": 1}]


def test_an_ignored_sigterm_stays_ignored(mock_server, script):
    """A script that ignores SIGTERM goes on and completes."""
    code = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + TRAIN
    process = script(code + "os.kill(os.getpid(), signal.SIGTERM)", mock_server.url)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert status(mock_server) == ("completed", None, 0)


def test_sigterm_from_outside_while_logging(mock_server, script):
    """A busy loop ended by SIGTERM: every point before the signal's arrival is there, and the run is interrupted."""
    process = script(TRAIN + "while True: monitor.log_metrics({'loss': 1}); time.sleep(0.0002)", mock_server.url)
    mock_server.await_(lambda: len(mock_server.metrics) > 1000)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert status(mock_server)[:2] == ("interrupted", "preempted")
    steps = [record["step"] for record in mock_server.records("point")]
    assert steps == list(range(3, 3 + len(steps)))


@pytest.mark.parametrize("end", ["", "raise ValueError", "os.kill(os.getpid(), signal.SIGTERM)"])
@pytest.mark.parametrize("server", ["refusing_url", "black_hole_url"])
def test_exit_is_not_held_up_without_a_server(request, script, server, end):
    """With nobody there, or a server that never answers, the process soon ends with its own exit code."""
    process = script(TRAIN + "print('last line')\n" + end, request.getfixturevalue(server))
    for line in process.stdout:
        if line == "last line\n":
            break
    process.wait(timeout=END_SECONDS + 3)
    assert process.returncode == {"": 0, "raise ValueError": 1}.get(end, -signal.SIGTERM)
    assert "were not stored" in process.stderr.read() or "SIGTERM" in end


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_many_runs_hold_up_the_exit_no_longer_than_one(black_hole_url, script, end):
    """Six runs that a server leaves without an answer share one deadline."""
    code = TRAIN + "others = [TrainingMonitor('test', system_metrics_interval=0) for _ in range(5)]\n" + end
    process = script(code, black_hole_url)
    process.wait(timeout=END_SECONDS + 5)
    assert process.returncode == (-signal.SIGTERM if end else 0)


class Deaf:
    """A run that is never settled, with the others' common list of what was asked."""

    def __init__(self, asked):
        self.asked = asked

    def conclude(self, outcome, deadline):
        """Be asked to say how it ended."""
        self.asked.append(("conclude", deadline))

    def interrupt(self, outcome):
        """Be asked to say that it was interrupted."""
        self.asked.append(("interrupt", None))

    def settled(self):
        """Never."""
        return False

    def calm(self):
        """Be told that nobody waits any more."""
        self.asked.append(("calm", None))

    def close(self, deadline):
        """Be asked to stop."""
        self.asked.append(("close", deadline))


def test_all_runs_conclude_before_any_is_waited_for(monkeypatch):
    """Every run queues its last word first, and all have the same deadline."""
    asked = []
    monkeypatch.setattr(lifecycle, "END_SECONDS", 0.01)
    lifecycle.end_together([(Deaf(asked), COMPLETED) for _ in range(3)])
    assert [what for what, _ in asked] == ["conclude"] * 3 + ["close"] * 3
    assert len({deadline for _, deadline in asked}) == 1


def test_all_runs_are_interrupted_before_any_is_waited_for(monkeypatch):
    """After SIGTERM, too, the wait is one for all."""
    asked = []
    monkeypatch.setattr(lifecycle, "INTERRUPT_SECONDS", 0.01)
    lifecycle.interrupt_together([Deaf(asked) for _ in range(3)])
    assert [what for what, _ in asked] == ["interrupt"] * 3 + ["calm"] * 3


def test_a_run_whose_server_answers_ends_well_beside_one_whose_does_not(mock_server, black_hole_url, script):
    """The run that can be delivered says goodbye, though another one of the process waits in vain."""
    code = TRAIN + f"other = TrainingMonitor('test', dashboard_url={black_hole_url!r}, system_metrics_interval=0)"
    script(code, mock_server.url).communicate(timeout=30)
    assert status(mock_server) == ("completed", None, 0)
    mock_server.await_(lambda: [message["type"] for message in mock_server.others] == ["bye"])


def test_a_run_without_a_server_prints_its_link_once_and_nothing_else(refusing_url, script):
    """Training without a server: one line on standard output, all warnings on standard error."""
    out, error = script(TRAIN, refusing_url).communicate(timeout=30)
    assert out.startswith("stepwire: test → http://127.0.0.1:")
    assert out.count("\n") == 1
    assert "training goes on" in error


def test_two_runs_of_one_process_both_end(mock_server, script):
    """Each open run gets the status of the process."""
    code = """
    from stepwire import TrainingMonitor
    a = TrainingMonitor("a", system_metrics_interval=0)
    b = TrainingMonitor("b", system_metrics_interval=0)
    raise SystemError
    """
    script(code, mock_server.url).communicate(timeout=30)
    assert [record["status"] for record in mock_server.records("status")] == ["failed", "failed"]


def test_a_run_made_in_a_thread_does_not_keep_others_from_sigterm(mock_server, script):
    """Only the main thread can set a handler; the first run made there sets it for all."""
    code = """
    import os, signal, threading
    from stepwire import TrainingMonitor
    def make(): TrainingMonitor("test", system_metrics_interval=0)
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    make()
    signal.raise_signal(signal.SIGTERM)
    """
    process = script(code, mock_server.url)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert [record["reason"] for record in mock_server.records("status")] == ["preempted"] * 2


FORK = """
import multiprocessing, os, sys, time
from stepwire import TrainingMonitor
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
monitor = TrainingMonitor("test", system_metrics_interval=0)
monitor.log_metrics({"parent": 0})
"""


def streams(server):
    """The points of each stream, and the mode in which it said hello."""
    modes = {hello["writer_id"]: hello["mode"] for hello in server.hellos}
    return sorted(
        (modes[writer], [record["metrics"] for _, record in sorted(records.items()) if record["type"] == "point"])
        for writer, records in server.streams.items()
    )


@pytest.mark.parametrize(
    "child",
    [
        "pid = os.fork()\nif pid == 0:\n    monitor.log_metrics({'child': 1})\n    sys.exit(0)\nos.waitpid(pid, 0)",
        "def work(): monitor.log_metrics({'child': 1})\n"
        "p = multiprocessing.Process(target=work); p.start(); p.join()",
        "def work():\n    monitor.log_metrics({'child': 1})\n    raise ValueError\n"
        "p = multiprocessing.Process(target=work); p.start(); p.join()",
    ],
)  # fmt: skip
def test_a_child_that_logs_is_a_writer_of_its_own(mock_server, script, child):
    """A forked child sends its points as its own stream of the run, without a config and without a status."""
    process = script(FORK + child + "\nmonitor.log_metrics({'parent': 1})", mock_server.url)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    assert streams(mock_server) == [("join", [{"child": 1}]), ("own", [{"parent": 0}, {"parent": 1}])]
    assert len({hello["run_id"] for hello in mock_server.hellos}) == 1
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]
    assert len(mock_server.records("config")) == 1


def test_a_child_that_does_not_log_says_nothing(mock_server, script):
    """A data loader's worker opens no connection, and neither its end nor its SIGTERM touches the run."""
    code = (
        FORK
        + """
def work(): time.sleep(60)
workers = [multiprocessing.Process(target=work) for _ in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.terminate()
for worker in workers: worker.join()
print([worker.exitcode for worker in workers])
"""
    )
    out, error = script(code, mock_server.url).communicate(timeout=30)
    assert "[-15, -15, -15, -15]" in out, error
    assert len(mock_server.hellos) == 1
    assert status(mock_server) == ("completed", None, 0)


@pytest.mark.timeout(0 if FORKS > 50 else 120)
def test_forks_while_threads_log_never_hang(mock_server, script):
    """Forks while two threads log as fast as they can, each child logging too: all end, all points are there once."""
    code = (
        FORK
        + f"""
import signal, threading
running = True
def log():
    while running:
        for _ in range(50): monitor.log_metrics({{"thread": 1}})
        time.sleep(0.002)  # or the server under test keeps millions of points
threads = [threading.Thread(target=log) for _ in range(2)]
for thread in threads: thread.start()
for n in range({FORKS}):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # one that hangs is killed, and tells by that
        monitor.log_metrics({{"child": n}})
        os._exit(0 if monitor.flush(15) else 1)
    assert os.waitpid(pid, 0)[1] == 0, n
running = False
for thread in threads: thread.join()
"""
    )
    process = script(code, mock_server.url)
    _, error = process.communicate(timeout=None if FORKS > 50 else 100)
    assert process.returncode == 0 and "Exception ignored" not in error, error
    children = [metrics["child"] for metrics in mock_server.metrics if "child" in metrics]
    assert sorted(children) == list(range(FORKS))


def test_threads_import_only_where_a_fork_waits_for_them(mock_server, script, tmp_path):
    """A fork in the middle of a thread's import would leave the child a lock that nobody opens."""
    (tmp_path / "model.pt").write_bytes(b"x")
    code = f"""
    import sys, threading
    from stepwire import TrainingMonitor
    from stepwire.client import imports
    found = []
    def watch(event, arguments):
        if event == "import" and threading.current_thread().name.startswith("stepwire"):
            if not imports._guard._is_owned():
                found.append(arguments[0])
    sys.addaudithook(watch)
    with TrainingMonitor("test", system_metrics_interval=0.05) as monitor:
        while not monitor._run.outbox.acked:
            monitor.log_metrics({{"loss": 1}})
            threading.Event().wait(0.001)
        monitor.save_checkpoint({str(tmp_path / "model.pt")!r})
        threading.Event().wait(0.3)
    print(found)
    """
    out, error = script(code, mock_server.url).communicate(timeout=30)
    assert out.splitlines()[-1] == "[]", error
    assert mock_server.records("system")
    assert len(mock_server.records("checkpoint")) == 2


def test_a_spawned_process_has_a_run_of_its_own(mock_server, script, tmp_path):
    """multiprocessing's children end without atexit; their runs still get the right status."""
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing\n"
        "from stepwire import TrainingMonitor\n"
        "def work(fail):\n"
        "    monitor = TrainingMonitor('test', system_metrics_interval=0)\n"
        "    monitor.log_metrics({'child': 1})\n"
        "    if fail: raise ValueError('child')\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    for fail in (False, True):\n"
        "        child = context.Process(target=work, args=(fail,)); child.start(); child.join()\n"
    )
    process = script(
        f"import runpy, sys; sys.argv = [{str(program)!r}]; runpy.run_path(sys.argv[0], run_name='__main__')",
        mock_server.url,
    )
    process.communicate(timeout=60)
    assert [record["status"] for record in mock_server.records("status")] == ["completed", "failed"]
    assert mock_server.records("event")[0]["message"] == "ValueError: child"


def test_kill_9_leaves_the_points_that_were_sent(mock_server, script):
    """Killed without a word, the run has no status, and its points so far are there in order."""
    process = script(TRAIN + "while True: monitor.log_metrics({'loss': 1}); time.sleep(0.001)", mock_server.url)
    mock_server.await_(lambda: len(mock_server.metrics) > 100)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    assert mock_server.records("status") == []
    steps = [record["step"] for record in mock_server.records("point")]
    assert steps == list(range(3, 3 + len(steps)))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, Outcome("completed", 0)),
        (0, Outcome("completed", 0)),
        (False, Outcome("completed", 0)),
        (True, Outcome("failed", 1, "exit code 1")),
        (5, Outcome("failed", 5, "exit code 5")),
        ("text", Outcome("failed", 1, "exit code 1")),
    ],
)
def test_exit_codes_are_read_as_python_does(code, expected):
    """None and 0 mean success, another int itself, anything else 1."""
    judged = judge_exit_code(code)
    assert (judged.status, judged.exit_code) == (expected.status, expected.exit_code)


def test_the_example_of_the_dashboard_runs_unchanged(mock_server, script):
    """Ten lines in an empty file: the run appears, its points arrive, it completes."""
    code = """
    import math
    from stepwire import TrainingMonitor

    with TrainingMonitor("first-run", config={"lr": 0.1}) as monitor:
        for step in range(100):
            monitor.log_metrics({"loss": math.exp(-step / 30), "lr": 0.1}, step=step)
            if monitor.should_stop:
                break
    """
    process = script(code, mock_server.url)
    assert isinstance(process, subprocess.Popen)
    process.communicate(timeout=30)
    assert len(mock_server.metrics) == 100
    assert status(mock_server)[0] == "completed"
