"""All that a run captures, in real processes."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from stepwire import TrainingMonitor
from stepwire.client.capture.capture import Capture
from stepwire.client.clock import Clock
from stepwire.client.settings import CAPTURES, ClientSettings
from stepwire.client.subject import Subject
from stepwire.testing import MemoryTransport

CANARIES = {
    "HF_TOKEN": "hf_canaryAbCdEfGh1234",
    "OPENAI_API_KEY": "sk-canary-AbCdEfGh1234",
    "AWS_ACCESS_KEY_ID": "AKIACANARYAAAABBBB12",
    "AWS_SECRET_ACCESS_KEY": "canary/wJalrXUtnFEMI+K7MDENG",
    "DATABASE_URL": "postgresql://me:canary-password@db.example.org/x",
    "NCCL_TOKEN": "canary-in-a-listed-variable",
}


def run_script(tmp_path, code, *arguments, **variables):
    """Run a script as a process; what it prints last is JSON."""
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, str(file), *arguments],
        cwd=tmp_path,
        env={**os.environ, "STEPWIRE_CAPTURE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_threads_import_only_where_a_fork_waits_for_them(tmp_path):
    """A fork in the middle of a thread's import would leave the child a lock that nobody opens."""
    found, records = run_script(
        tmp_path,
        """
        import json, sys, threading, time
        from stepwire import TrainingMonitor
        from stepwire.client import imports
        from stepwire.testing import MemoryTransport
        found = []
        def watch(event, arguments):
            if event == "import" and threading.current_thread().name.startswith("stepwire"):
                if not imports._guard._is_owned():
                    found.append(arguments[0])
        sys.addaudithook(watch)
        transport = MemoryTransport()
        with TrainingMonitor("test", system_metrics_interval=0, transport=transport) as monitor:
            print("\\r50% token=abc123def456")
            monitor._run._capture._surroundings.wait(time.monotonic() + 30)
        print(json.dumps([found, [record["type"] for record in transport.stored]]))
        """,
    )
    assert found == []
    assert records.count("environment") == 3
    assert "log" in records


def test_no_planted_secret_is_in_any_record(tmp_path):
    """Secrets in variables, arguments, code and output: none is in what a run keeps of itself."""
    (tmp_path / "code.py").write_text("x = 1\n")
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for command in (["init", "-q"], ["add", "code.py"], ["commit", "-qm", "x"]):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *command],
            cwd=tmp_path,
            check=True,
            env=os.environ | quiet,
        )
    subprocess.run(["git", "remote", "add", "origin", "https://me:canary-remote@host/x"], cwd=tmp_path, check=True)
    (tmp_path / "code.py").write_text(f"key = '{CANARIES['OPENAI_API_KEY']}'\n")
    stored = run_script(
        tmp_path,
        """
        import json, os, sys, time
        from stepwire import TrainingMonitor
        from stepwire.testing import MemoryTransport
        transport = MemoryTransport()
        with TrainingMonitor("x", config=dict(os.environ), api_key="canary-of-the-monitor", transport=transport) as monitor:
            for name, value in os.environ.items():
                print(name, value)
                print("\\x1b[31m" + name + "\\x1b[0m=" + value, file=sys.stderr)
            print("canary-of-the-monitor", "--password canary-argument")
            print(sys.argv)
            monitor._run._capture._surroundings.wait(time.monotonic() + 30)
        print(json.dumps(transport.stored))
        """,
        "--token",
        "canary-argument-1",
        "--api-key=canary-argument-2",
        **CANARIES,
    )
    assert {"log", "environment", "config"} <= {record["type"] for record in stored}
    text = json.dumps([record for record in stored if record["type"] != "log"]).lower()
    assert "canary" not in text
    printed = json.dumps([record for record in stored if record["type"] == "log"])
    assert [value for value in [*CANARIES.values(), "canary-of-the-monitor"] if value in printed] == []
    assert "canary-password" not in printed


@pytest.mark.parametrize(
    ("more", "subject", "hears", "parts"),
    [
        ({}, None, True, {"git", "packages", "hardware", "variables"}),
        ({"enabled": False}, None, False, set()),
        ({"rank": 2, "joins": True}, None, True, set()),
        ({"joins": True}, None, True, set()),
        ({"joins": True, "of_command": True}, None, False, {"packages"}),
        ({}, Subject(1, ("train",)), False, {"git", "hardware", "variables"}),
        ({"captures": frozenset(("console",))}, None, True, set()),
        ({"captures": frozenset()}, None, False, set()),
    ],
)
def test_each_process_captures_what_no_other_one_does(more, subject, hears, parts):
    """Output is kept by whoever sees it, the surroundings by the process that knows them best."""
    fields = {
        "run_name": "x",
        "run_id": "run_1",
        "project": "p",
        "socket_url": "",
        "page_url": "",
        "captures": CAPTURES,
    }
    settings = ClientSettings(**fields | more)

    class Box:
        put = staticmethod(lambda record: None)

    capture = Capture(Box(), Clock(), settings, subject)
    assert capture._is_hearing is hears
    assert capture._surroundings._parts == parts


def test_lines_are_there_before_the_end_is_told(capsys):
    """A run that ends has all of its output in front of its status."""
    transport = MemoryTransport()
    with TrainingMonitor("x", transport=transport):
        print("last words", end="")
    kinds = [record["type"] for record in transport.stored]
    assert kinds.index("log") < kinds.index("status")
    assert transport.records("log")[0]["lines"][0][1] == "last words"
    assert "last words" in capsys.readouterr().out
