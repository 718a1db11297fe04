"""The server's own log: structlog, to standard error or to a file that SIGHUP opens anew."""

import io
import logging
import re
import signal
import sys
import threading
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

_REFUSED = "ASGI callable returned without completing handshake."  # uvicorn's words for a socket that was refused
_SECRET = re.compile(r"(swk_|Bearer\s+|#t=)[A-Za-z0-9_.~+/=-]+")


class LogFile(io.TextIOBase):
    """A text file that can be opened anew under the same name, as logrotate wants it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO = self._open()

    def _open(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path.open("a", buffering=1, encoding="utf-8")

    def reopen(self) -> None:
        """Go on in a new file of the same name."""
        old, self._file = self._file, self._open()
        old.close()

    def close(self) -> None:
        """End the log."""
        self._file.close()
        super().close()

    def write(self, text: str) -> int:
        """Append a line."""
        return self._file.write(text)

    def flush(self) -> None:
        """Nothing waits: lines are written as they come."""
        if not self._file.closed:
            self._file.flush()


def configure_log(level: str, path: Path | None) -> None:
    """Set up structlog for this process: JSON lines in a file, readable lines on a terminal."""
    out: TextIO = LogFile(path) if path else sys.stderr  # type: ignore[assignment]  # a LogFile is all that is written to
    if isinstance(out, LogFile) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda *_: out.reopen())
    render: Any = (
        structlog.processors.JSONRenderer() if path else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_secrets,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[LibraryLog()], level=logging.WARNING, force=True)


class LibraryLog(logging.Handler):
    """What libraries say by :mod:`logging`, from warnings up, as lines of the same log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on. What a client broke off or garbled is no error of the server's."""
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            structlog.get_logger().info("client_garbled", message=record.getMessage())
            return
        if record.getMessage() == _REFUSED:
            structlog.get_logger().info("socket_refused", message="token, Host or Origin; the client was told which")
            return
        say = structlog.get_logger().error if record.levelno >= logging.ERROR else structlog.get_logger().warning
        say("library", logger=record.name, message=record.getMessage(), exc_info=record.exc_info)


def mask_secrets(_: Any, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Keep tokens and control characters of clients out of the log."""
    return {name: _clean(value) if isinstance(value, str) else value for name, value in line.items()}


def _clean(text: str) -> str:
    masked = _SECRET.sub(lambda found: f"{found.group(1)}…", text)
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in masked)
