"""``deploy/logrotate``, checked and run by logrotate itself."""

import grp
import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Rotate = Callable[..., subprocess.CompletedProcess[str]]

RULES = Path(__file__).parents[2] / "deploy/logrotate"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log folder with one log in it, private as logrotate demands."""
    made = tmp_path / "log"
    made.mkdir(mode=0o700)
    (made / "stepwire.log").write_text("a line\n")
    return made


@pytest.fixture
def rules(tmp_path: Path, folder: Path) -> Path:
    """The rules with this user in place of ``stepwire``, and the folder of the test."""
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    text = (
        RULES.read_text()
        .replace("/var/log/stepwire", str(folder))
        .replace("0640 stepwire stepwire", f"0640 {user} {group}")
    )
    copy = tmp_path / "stepwire"
    copy.write_text(text)
    copy.chmod(0o644)
    return copy


@pytest.fixture
def rotate(tmp_path: Path, rules: Path, verifier: Callable[[str, str], str]) -> Rotate:
    """Run logrotate on the rules with options, variables and a state file of its own."""

    def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [verifier("logrotate", "logrotate"), *options, "--state", str(tmp_path / "state"), str(rules)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})

    return run


def test_logrotate_accepts_the_rules(rotate: Rotate) -> None:
    """``logrotate -d`` reads the rules without an error."""
    done = rotate("-d")
    assert done.returncode == 0
    assert "error" not in done.stderr
    assert "after 1 days (30 rotations)" in done.stderr


def test_a_rotation_makes_a_new_log_and_asks_the_server_once(tmp_path: Path, rotate: Rotate, folder: Path) -> None:
    """A forced run keeps the old log, makes a new one with mode 0640 and reloads the service one time for all logs."""
    (folder / "second.log").write_text("another line\n")
    calls = tmp_path / "calls"
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    (fake / "systemctl").chmod(0o755)
    done = rotate("-f", PATH=f"{fake}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert (folder / "stepwire.log.1").read_text() == "a line\n"
    assert (folder / "stepwire.log").read_text() == ""
    assert (folder / "stepwire.log").stat().st_mode & 0o777 == 0o640
    assert calls.read_text().splitlines() == ["reload stepwire"]
