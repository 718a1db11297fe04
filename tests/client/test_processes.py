"""Runs that several threads and processes write, as real processes do it."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading

import pytest

from stepwire import TrainingMonitor
from stepwire.client.memory import MemoryTransport

FORKS = int(os.environ.get("STEPWIRE_FORKS", "50"))


@pytest.fixture
def program(mock_server, tmp_path):
    """Runs a program file, as multiprocessing needs one; returns its output."""

    def start(code, **environment):
        file = tmp_path / "program.py"
        file.write_text(textwrap.dedent(code))
        environment = {**os.environ, "STEPWIRE_URL": mock_server.url, **environment}
        done = subprocess.run(
            [sys.executable, str(file)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100 + FORKS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return start


def by_mode(server):
    """(mode, values of each point in order) of each stream, sorted."""
    modes = {hello["writer_id"]: hello["mode"] for hello in server.hellos}
    return sorted(
        (modes[writer], [next(iter(r["metrics"].values())) for _, r in sorted(records.items()) if r["type"] == "point"])
        for writer, records in server.streams.items()
    )


def test_eight_threads_lose_nothing_and_keep_their_order(mock_server):
    """10,000 calls of each, names old and new among them: all there, once, each thread's own in order."""
    with TrainingMonitor("test", dashboard_url=mock_server.url, system_metrics_interval=0) as monitor:

        def log(thread):
            for step in range(10_000):
                monitor.log_metrics({f"t{thread}": step, f"n{step % 100}": thread}, step)

        threads = [threading.Thread(target=log, args=[n]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert monitor.flush(60)
    points = mock_server.records("point")
    assert len(points) == 80_000
    for n in range(8):
        mine = [point for point in points if f"t{n}" in point["metrics"]]
        expected = [{f"t{n}": float(step), f"n{step % 100}": float(n)} for step in range(10_000)]
        assert [point["metrics"] for point in mine] == expected
        assert [point["step"] for point in mine] == list(range(10_000))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_monitor_can_be_given_to_other_processes(program, mock_server, method):
    """Each is a writer of its own into the same run; it sets no status, prints nothing and makes no second config."""
    out = program(
        f"""
        import multiprocessing
        from stepwire import TrainingMonitor

        def work(monitor, number):
            for step in range(100):
                monitor.log_metrics({{"child": number * 1000 + step}}, step=step)
            if number == 1:
                raise ValueError("not the run's end")

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with TrainingMonitor("test", system_metrics_interval=0) as monitor:
                monitor.log_metrics({{"parent": -1}})
                children = [context.Process(target=work, args=(monitor, number)) for number in range(3)]
                for child in children: child.start()
                for child in children: child.join()
        """
    )
    assert by_mode(mock_server) == [
        ("join", [float(n * 1000 + step) for step in range(100)]) for n in range(3)
    ] + [("own", [-1.0])]  # fmt: skip
    assert len({hello["run_id"] for hello in mock_server.hellos}) == 1
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]
    assert len(mock_server.records("config")) == 1
    assert out.count("\n") == 1


def test_a_pool_may_log(program, mock_server):
    """The workers of a pool get the monitor with each task, and write as one stream each."""
    program(
        """
        import multiprocessing
        from stepwire import TrainingMonitor

        def work(task):
            monitor, number = task
            monitor.log_metrics({"task": number})
            monitor.finish()

        if __name__ == "__main__":
            with TrainingMonitor("test", system_metrics_interval=0) as monitor:
                with multiprocessing.get_context("spawn").Pool(2) as pool:
                    pool.map(work, [(monitor, number) for number in range(10)], chunksize=1)
        """
    )
    assert sorted(metrics["task"] for metrics in mock_server.metrics) == list(range(10))
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]


def test_a_program_joins_by_run_id_and_rank(program, mock_server):
    """Ranks started by hand: one id for all, rank 0 owns, the others join."""
    out = program(
        """
        import subprocess, sys
        code = '''
        import sys
        from stepwire import TrainingMonitor
        rank = int(sys.argv[1])
        with TrainingMonitor("test", rank=rank, world_size=3, per_rank=True, system_metrics_interval=0) as monitor:
            monitor.log_metrics({"loss": rank})
        '''.replace("\\n        ", "\\n")
        ranks = [subprocess.Popen([sys.executable, "-c", code, str(rank)]) for rank in range(3)]
        sys.exit(sum(rank.wait() for rank in ranks))
        """,
        STEPWIRE_RUN_ID="run_of_all",
    )
    assert {(hello["run_id"], hello["world"]) for hello in mock_server.hellos} == {("run_of_all", 3)}
    assert sorted((hello["rank"], hello["mode"]) for hello in mock_server.hellos) == [
        (0, "own"), (1, "join"), (2, "join"),
    ]  # fmt: skip
    assert sorted(mock_server.metrics, key=str) == [{"loss": 0.0}, {"loss/rank1": 1.0}, {"loss/rank2": 2.0}]
    assert len(mock_server.records("status")) == len(mock_server.records("config")) == out.count("\n") == 1


def test_forks_while_the_parent_logs_at_full_rate(program, mock_server):
    """STEPWIRE_FORKS forks from two threads in the middle of logging: none hangs, every child's point is there once."""
    program(
        f"""
        import os, signal, threading
        from stepwire import TrainingMonitor
        monitor = TrainingMonitor("test", system_metrics_interval=0.05)
        running = True

        def log():
            while running: monitor.log_metrics({{"parent": 1}})

        def fork(first):
            for number in range(first, {FORKS}, 2):
                pid = os.fork()
                if pid == 0:
                    signal.alarm(20)
                    if number % 3 == 0:
                        monitor.log_metrics({{"child": number}})
                    os._exit(0 if number % 3 or monitor.flush(15) else 1)
                assert os.waitpid(pid, 0)[1] == 0, number

        logger = threading.Thread(target=log)
        logger.start()
        forkers = [threading.Thread(target=fork, args=[first]) for first in range(2)]
        for thread in forkers: thread.start()
        for thread in forkers: thread.join()
        running = False
        logger.join()
        assert monitor.flush(60)
        """
    )
    children = [metrics["child"] for metrics in mock_server.metrics if "child" in metrics]
    assert sorted(children) == [number for number in range(FORKS) if number % 3 == 0]


def test_several_runs_in_one_process_stay_apart(mock_server):
    """Each has its points and its status; closing one leaves the others."""
    runs = [
        TrainingMonitor(f"run {n}", run_id=f"run_{n}", dashboard_url=mock_server.url, system_metrics_interval=0)
        for n in range(5)
    ]
    for step in range(50):
        for n, run in enumerate(runs):
            run.log_metrics({"loss": n}, step=step)
        if step == 24:
            runs[2].finish()
            del runs[2]
            runs.insert(2, TrainingMonitor("run 5", run_id="run_5", dashboard_url=mock_server.url))
    for run in runs:
        run.finish()
    found = {hello["run_id"]: mock_server.streams[hello["writer_id"]] for hello in mock_server.hellos}
    for n, (run_id, count) in enumerate({"run_0": 50, "run_1": 50, "run_2": 25, "run_3": 50, "run_4": 50}.items()):
        records = [record for _, record in sorted(found[run_id].items())]
        values = [record["metrics"]["loss"] for record in records if record["type"] == "point"]
        assert values == [n] * count
        assert [record["status"] for record in records if record["type"] == "status"] == ["completed"]
    assert len([r for r in found["run_5"].values() if r["type"] == "point" and "loss" in r["metrics"]]) == 25


# --- pickles ---------------------------------------------------------------------------------------------


def test_a_copy_is_the_monitor_itself():
    """A trainer that is copied goes on with the same handle."""
    monitor = TrainingMonitor("test", transport=MemoryTransport(), system_metrics_interval=0)
    assert copy.copy(monitor) is monitor
    assert copy.deepcopy({"monitor": monitor})["monitor"] is monitor
    monitor.finish()


class Mine(TrainingMonitor):
    """A user's own class."""


def test_a_pickle_joins_and_holds_no_token(mock_server):
    """It keeps class and run; a token stays out of files, and is with a process only while that is started."""
    monitor = Mine("test", dashboard_url=mock_server.url, api_key="s3cret", system_metrics_interval=0)
    pickled = pickle.dumps(monitor)
    assert b"s3cret" not in pickled
    joined = pickle.loads(pickled)
    assert type(joined) is Mine
    assert joined.run_id == monitor.run_id
    joined.log_metrics({"loss": 1})
    joined.finish()
    monitor.log_metrics({"loss": 2})
    monitor.finish()
    assert by_mode(mock_server) == [("join", [1.0]), ("own", [2.0])]
    assert [record["status"] for record in mock_server.records("status")] == ["completed"]


def test_a_process_that_is_started_gets_the_token(monkeypatch):
    """As the environment may not have it."""
    monitor = TrainingMonitor("test", api_key="s3cret", transport=MemoryTransport(), system_metrics_interval=0)
    monkeypatch.setattr(multiprocessing.context, "get_spawning_popen", object)
    assert b"s3cret" in pickle.dumps(monitor)
    monitor.finish()
