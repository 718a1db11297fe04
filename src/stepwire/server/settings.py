"""The server's settings: frozen, from arguments or from ``STEPWIRE_*``."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from stepwire.errors import InvalidError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LOG_LEVELS = ("debug", "info", "warning", "error")
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_DAYS = 36_500
MAX_RUN_LOG_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs.

    Attributes:
        data: Data folder; ``None`` means ``STEPWIRE_DATA``, else the platform's user-data folder + ``stepwire``.
        host: Address to listen on. Beyond loopback, all but this user on this machine need the token.
        port: TCP port; 0 takes a free one.
        token: Access token; ``None`` means the one kept in the data folder.
        allowed_hosts: More names that a request's ``Host`` may carry.
        allowed_origins: Origins (``http://host:port``) that pages of other servers may call from.
        trusted_proxies: Addresses whose ``X-Forwarded-Proto`` counts.
        root_path: Path prefix that a proxy strips.
        same_user: On loopback, processes of the server's own user need no token.
        sample_seconds: Time between two samples of this host.
        silent_seconds: A run is ``disconnected`` after this long without a frame.
        crashed_seconds: A run is ``crashed`` after being disconnected for this long.
        stalled_seconds: A run is ``stalled`` when no point came for this long, or longer where its points are rare.
        keep_raw_days: Points older than this are dropped, their pyramid stays; ``None``: never.
        archive_days: Ended runs that nobody touched for so long are archived; ``None``: never.
        trash_days: Deleted runs can be undeleted for so long.
        follow: Folders whose spools are read into the database while jobs write them.
        sweep: Read what dead scripts of this user kept on this machine for this server.
        run_log_mib: What the console output of a run may take; beyond it the oldest half goes.
        log_file: File for the log instead of standard error; SIGHUP opens it anew.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
    """

    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""
    same_user: bool = True
    sample_seconds: float = 2.0
    silent_seconds: float = 45.0
    crashed_seconds: float = 300.0
    stalled_seconds: float = 60.0
    keep_raw_days: float | None = None
    archive_days: float | None = None
    trash_days: float = 7.0
    run_log_mib: float = 64.0
    follow: tuple[str, ...] = ()
    sweep: bool = True
    log_file: Path | None = None
    log_level: str = "warning"

    @property
    def data_folder(self) -> Path:
        """The data folder to use, as an absolute path."""
        if self.data is not None:
            return self.data.expanduser().absolute()
        from platformdirs import user_data_path

        return user_data_path("stepwire", appauthor=False)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in LOOPBACK_NAMES or self.host.startswith("127.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read ``STEPWIRE_DATA``, ``STEPWIRE_HOST``, ``STEPWIRE_PORT`` … (one per field, lists by comma).

        Raises:
            InvalidError: A value can't be read; ``field`` names the variable.
        """
        found = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for item in fields(cls):
            variable = f"STEPWIRE_{item.name.upper()}"
            if found.get(variable):
                values[item.name] = _parse(variable, str(item.type), found[variable])
        if values.get("log_level", "info") not in LOG_LEVELS:
            raise InvalidError(
                f"STEPWIRE_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}.", field="STEPWIRE_LOG_LEVEL"
            )
        for name in ("keep_raw_days", "archive_days", "trash_days"):
            days = values.get(name, 0.0)
            if not (isinstance(days, float) and 0 <= days <= MAX_DAYS):
                variable = f"STEPWIRE_{name.upper()}"
                raise InvalidError(f"{variable} must be a number of days from 0 to {MAX_DAYS:,}.", field=variable)
        size = values.get("run_log_mib", 1.0)
        if not (isinstance(size, float) and 1 <= size <= MAX_RUN_LOG_MIB):
            variable = "STEPWIRE_RUN_LOG_MIB"
            raise InvalidError(f"{variable} must be a number of MiB from 1 to {MAX_RUN_LOG_MIB:,}.", field=variable)
        return cls(**values)  # type: ignore[arg-type]  # each value was parsed by its field's type


def _parse(variable: str, kind: str, text: str) -> object:
    if "tuple" in kind:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if "Path" in kind:
        return Path(text)
    if "bool" in kind:
        return text.lower() not in {"0", "false", "no", "off"}
    try:
        if "int" in kind:
            return int(text)
        if "float" in kind:
            return float(text)
    except ValueError:
        raise InvalidError(f"{variable} must be a number, not {text!r}.", field=variable) from None
    return text
