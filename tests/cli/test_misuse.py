"""Command lines that can't be meant: exit code 2 and the usage of the command, or 1 and what to do."""

import socket

import pytest

from stepwire.cli import main


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command line that is misuse prints."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "sync", "export --format csv", "trash list"])
def test_an_unknown_option_shows_the_usage_of_its_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not of ``stepwire`` itself, which names no options."""
    told = refused(capsys, *command.split(), "--bogus")
    assert f"usage: stepwire {command.split()[0]}" in told
    assert "unrecognized arguments: --bogus" in told


def test_an_option_of_a_command_whose_dashes_were_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    """``--n`` is no short form of ``--name`` or ``--no-capture``."""
    told = refused(capsys, "run", "--n", "3")
    assert "usage: stepwire run [options] -- COMMAND" in told
    assert "ambiguous" not in told


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "soon"])
def test_a_demo_of_no_time_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert "take a number of seconds above 0" in refused(capsys, "demo", "--no-browser", f"--seconds={seconds}")


def test_a_folder_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """``sync --dir`` of a misspelt folder must not say that there is nothing to deliver."""
    assert main(["sync", "--dir", "/nope/nothing"]) == 1
    assert "There is no folder /nope/nothing" in capsys.readouterr().err


def test_a_taken_port_and_a_wrong_address_get_the_hint_that_helps(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another port for the one, another address for the other."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["up", "--no-browser", "--data", str(tmp_path), "--port", port]) == 1
    assert "Another program listens there; choose another port with --port." in capsys.readouterr().err
    assert main(["up", "--no-browser", "--data", str(tmp_path), "--port", "0", "--host", "192.0.2.1"]) == 1
    told = capsys.readouterr().err
    assert "--host" in told and "--port" not in told
