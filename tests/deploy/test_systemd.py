"""``deploy/stepwire.service``, checked by systemd's own verifier."""

import configparser
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy/stepwire.service"
INSTALLED = "/opt/stepwire/venv/bin/stepwire"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there: the verifier refuses one that starts nothing."""
    program = tmp_path / "stepwire"
    program.symlink_to(sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(INSTALLED, str(program)))
    return copy


@pytest.fixture
def analyze(verifier: Callable[[str, str], str]) -> str:
    """Path of systemd's verifier."""
    return verifier("systemd-analyze", "systemd")


def test_systemd_finds_nothing_to_say_about_the_unit(unit: Path, analyze: str) -> None:
    """``systemd-analyze verify`` accepts the unit without an error or a warning."""
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_verifier_would_notice_a_wrong_unit(unit: Path, analyze: str) -> None:
    """A misspelt setting is reported, so that the silence of the test above means something."""
    unit.write_text(unit.read_text().replace("Restart=always", "Restart=allways"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert "allways" in done.stderr


def test_the_unit_is_hardened(unit: Path, analyze: str) -> None:
    """systemd rates the unit's exposure 3.0 of 10 or better."""
    command = [analyze, "security", "--offline=true", "--threshold=30", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_unit_keeps_to_the_specification() -> None:
    """Loopback, restart, the reload that opens the log again, user, folder and target are as documented."""
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys of a unit are case-sensitive
    parsed.read(UNIT)
    service = parsed["Service"]
    command = shlex.split(service["ExecStart"])
    assert command[:2] == [INSTALLED, "up"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--log-file") + 1] == "/var/log/stepwire/stepwire.log"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Restart"] == "always"
    assert service["User"] == "stepwire"
    assert service["WorkingDirectory"] == "/var/lib/stepwire"
    assert parsed["Install"]["WantedBy"] == "multi-user.target"


def test_the_command_line_knows_every_option_of_the_unit() -> None:
    """Each option in ``ExecStart`` is one that ``stepwire up --help`` lists."""
    line = next(line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart="))
    options = [word for word in shlex.split(line) if word.startswith("--")]
    shown = subprocess.run(
        [sys.executable, "-m", "stepwire", "up", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert options
    assert [option for option in options if option not in shown] == []
