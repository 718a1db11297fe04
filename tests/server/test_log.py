"""The server's own log: no secret, no control character, and reopened on SIGHUP."""

from pathlib import Path

from stepwire.server.log import LogFile, mask_secrets


def test_secrets_and_control_characters_stay_out() -> None:
    """Tokens are masked and escape sequences of clients shown, not sent to the terminal."""
    line = mask_secrets(
        None, "info", {"a": "Authorization: Bearer abc.DEF-1", "b": "http://x/#t=secret", "c": "\x1b[31mred\r\n"}
    )
    text = str(line)
    assert "abc" not in text and "secret" not in text and "\x1b" not in text and "\\x1b" in text


def test_a_log_file_is_opened_anew(tmp_path: Path) -> None:
    """After logrotate moved the file, lines go to a new one of the same name."""
    path = tmp_path / "logs/stepwire.log"
    log = LogFile(path)
    log.write("one\n")
    path.rename(tmp_path / "old")
    log.write("two\n")
    log.reopen()
    log.write("three\n")
    log.close()
    assert (tmp_path / "old").read_text() == "one\ntwo\n" and path.read_text() == "three\n"
