"""The server's own log: no secret, no control character, and reopened on SIGHUP."""

import logging
from pathlib import Path

from structlog.testing import capture_logs

from stepwire.server.log import LibraryLog, LogFile, mask_secrets


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


def test_a_refused_socket_is_no_error() -> None:
    """A script with a wrong token does not fill the server's terminal."""
    handler = LibraryLog()
    with capture_logs() as lines:
        for text in ("ASGI callable returned without completing handshake.", "something else"):
            handler.emit(logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, None, None))
    assert [line["log_level"] for line in lines] == ["info", "error"]
