"""What a ``TrainingMonitor`` was told, by arguments and by the environment, checked and frozen."""

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stepwire.client.ids import new_id
from stepwire.errors import InvalidError
from stepwire.protocol import MAX_STEP

DEFAULT_URL = "ws://localhost:8000"
SYSTEM_METRICS_INTERVAL = 5.0
_SCHEMES = {"ws": ("ws", "http"), "http": ("ws", "http"), "wss": ("wss", "https"), "https": ("wss", "https")}
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_CHARACTERS = 256
_NOTES_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Checked settings of one run.

    Attributes:
        socket_url: Address of the server's ``/ws``.
        page_url: Address of the server's page, without user name, password or a slash at the end.
        joins: Whether another process owns the run: then this one sets no status and prints no link.
        system_metrics_interval: Seconds between two samples of host and process; 0 for none.
        enabled: False for ``mode="disabled"``: arguments are checked, nothing is kept or sent.
    """

    run_name: str
    run_id: str
    project: str
    socket_url: str
    page_url: str
    group: str | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    total_steps: int | None = None
    rank: int = 0
    world_size: int = 1
    joins: bool = False
    api_key: str | None = None
    system_metrics_interval: float = SYSTEM_METRICS_INTERVAL
    enabled: bool = True


def read_settings(
    run_name: str, arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> ClientSettings:
    """Merge the arguments of ``TrainingMonitor`` with ``STEPWIRE_*``; an argument wins.

    Raises:
        TypeError: An argument is of the wrong type.
        InvalidError: An argument or a variable has a value that cannot be used; ``field`` names it.
    """
    url, url_field = _first(arguments, "dashboard_url", environment, "STEPWIRE_URL", DEFAULT_URL)
    socket_url, page_url = read_url(url, url_field)
    project, project_field = _first(arguments, "project", environment, "STEPWIRE_PROJECT", "default")
    rank = _count("rank", arguments.get("rank"), least=0, default=0)
    return ClientSettings(
        run_name=text("run_name", run_name, most=_NAME_CHARACTERS),
        run_id=_run_id(arguments.get("run_id")),
        project=text(project_field, project, most=_NAME_CHARACTERS),
        socket_url=socket_url,
        page_url=page_url,
        group=_optional_text("group", arguments.get("group"), most=_NAME_CHARACTERS),
        tags=_tags(arguments.get("tags", ())),
        notes=_optional_text("notes", arguments.get("notes"), most=_NOTES_CHARACTERS),
        total_steps=total_steps(arguments.get("total_steps")),
        rank=rank,
        world_size=_count("world_size", arguments.get("world_size"), least=1, default=1),
        joins=rank > 0 and arguments.get("run_id") is not None,
        api_key=_optional_text("api_key", arguments.get("api_key") or environment.get("STEPWIRE_API_KEY")),
        system_metrics_interval=_interval(arguments.get("system_metrics_interval")),
        enabled=_enabled(*_first(arguments, "mode", environment, "STEPWIRE_MODE", "online")),
    )


def read_url(url: object, field: str = "dashboard_url") -> tuple[str, str]:
    """Return the addresses of the socket and of the page for a ``ws``, ``wss``, ``http`` or ``https`` address.

    A path prefix is kept, as a proxy of a notebook server has one.
    """
    parts = urlsplit(text(field, url, most=2048))
    schemes = _SCHEMES.get(parts.scheme)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidError(f"{field} has no usable port: {error}.", field=field) from error
    if schemes is None or not parts.hostname or any(c.isspace() for c in parts.netloc):
        raise InvalidError(f"{field} must look like {DEFAULT_URL} (ws, wss, http or https), not {url!r}.", field=field)
    path = parts.path.rstrip("/")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = host if port is None else f"{host}:{port}"
    return urlunsplit((schemes[0], parts.netloc, path + "/ws", "", "")), urlunsplit((schemes[1], bare, path, "", ""))


def text(field: str, value: object, most: int = 4096) -> str:
    """Return a non-empty string of at most ``most`` characters that can be written as UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise InvalidError(f"{field} must not be empty.", field=field)
    if len(value) > most:
        raise InvalidError(f"{field} has {len(value)} characters; {most} are allowed.", field=field)
    if "\0" in value or _has_surrogate(value):
        raise InvalidError(f"{field} has characters that cannot be stored (NUL or half a UTF-16 pair).", field=field)
    return value


def total_steps(value: object) -> int | None:
    """Return the planned number of steps, ``None`` when it is not known."""
    return None if value is None else _count("total_steps", value, least=1, default=1)


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _first(
    arguments: Mapping[str, Any], name: str, environment: Mapping[str, str], variable: str, default: str
) -> tuple[Any, str]:
    if arguments.get(name) is not None:
        return arguments[name], name
    return environment.get(variable) or default, variable


def _optional_text(field: str, value: object, most: int = 4096) -> str | None:
    return None if value is None or value == "" else text(field, value, most)


def _run_id(value: object) -> str:
    if value is None:
        return new_id("run")
    if not _RUN_ID.fullmatch(text("run_id", value)):
        raise InvalidError(
            f"run_id {value!r} must be 1 to 64 letters, digits, '_' or '-', beginning with a letter or digit.",
            field="run_id",
        )
    return str(value)


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"tags must be a list of strings, not {type(value).__name__}")
    return tuple(text(f"tags[{place}]", tag, most=_NAME_CHARACTERS) for place, tag in enumerate(value))


def _count(field: str, value: object, least: int, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{field} must be a whole number, not {type(value).__name__}")
    number = int(value)
    if not least <= number <= MAX_STEP:
        raise InvalidError(f"{field} must be at least {least} and at most 2**53, not {number:.6g}.", field=field)
    return int(number)


def _interval(value: object) -> float:
    if value is None:
        return SYSTEM_METRICS_INTERVAL
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"system_metrics_interval must be seconds, not {type(value).__name__}")
    if not math.isfinite(value) or value < 0:
        raise InvalidError("system_metrics_interval must be 0 (off) or more seconds.", field="system_metrics_interval")
    return float(value)


def _enabled(mode: object, field: str) -> bool:
    if mode == "offline":
        raise InvalidError(
            f"{field}='offline' is not available yet. Use 'online', which keeps up to 64 MiB while no server "
            "answers, or 'disabled'.",
            field=field,
        )
    if mode not in ("online", "disabled"):
        raise InvalidError(f"{field} must be 'online' or 'disabled', not {mode!r}.", field=field)
    return mode == "online"
